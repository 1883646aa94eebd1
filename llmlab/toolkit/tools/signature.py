"""The arguments of a function: their JSON schema, from signature and docstring, and the check of values.

In the docstring, a section `Args:` has one line `name: what it is` for each argument.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from llmlab.errors import ToolError

_SECTION = re.compile(r"(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?):\s*")
_ARGUMENT = re.compile(r"(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


class _Schema(GenerateJsonSchema):
    """Leaves out titles made of names, and defaults that JSON does not have."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Do not warn: the function still has its default."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Arguments:
    """The arguments of a function. `name` is its name in errors, `notes` describe arguments by name."""

    schema: dict[str, Any]

    def __init__(self, function: Callable[..., Any], name: str, notes: Mapping[str, str]) -> None:
        try:
            parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        except Exception as error:  # noqa: BLE001 - annotations are code, which may fail in any way
            raise ToolError(
                f"the types of {name} cannot be read: {error}. Define what they name at the top of the module."
            ) from None
        # The fields have other names, so that an argument may be named `schema` or `copy`.
        self._names = {f"argument_{index}": each.name for index, each in enumerate(parameters)}
        fields: Any = {field: _field(each, name, notes) for field, each in zip(self._names, parameters, strict=True)}
        try:
            self._model: type[BaseModel] = create_model(
                f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields
            )
            self.schema = self._model.model_json_schema(schema_generator=_Schema)
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            reason = str(error).splitlines()[0].replace("argument_", "argument ").rstrip(".")
            raise ToolError(
                f"the arguments of {name} cannot be written as JSON schema: {reason}. "
                "Use types that JSON has: str, int, float, bool, list, dict, Literal, an Enum, or a pydantic model."
            ) from None
        self.schema.pop("title", None)
        self._positional = {each.name: each.default for each in parameters if each.kind is each.POSITIONAL_ONLY}

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments from JSON in the types of the function, without those that were left out.

        Raises:
            ValueError: says of each wrong argument what is wrong.
        """
        try:
            checked = self._model.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            raise ValueError("; ".join(_explain(one, self.schema) for one in error.errors())) from None
        return {
            name: getattr(checked, field) for field, name in self._names.items() if field in checked.model_fields_set
        }

    def split(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional-only arguments as a list, and the others by name."""
        positional = [arguments.get(name, default) for name, default in self._positional.items()]
        return positional, {name: value for name, value in arguments.items() if name not in self._positional}


def read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the text of a docstring of `inspect.getdoc` without its sections, and the notes on its arguments."""
    about: list[str] = []
    notes: dict[str, str] = {}
    section, depth, current = "", 0, ""
    for line in docstring.splitlines():
        if found := _SECTION.fullmatch(line):
            section, depth, current = found[1], 0, ""
        elif not section or (line and not line[0].isspace()):
            section = ""
            about.append(line)
        elif section in ("Args", "Arguments", "Parameters"):
            found = _ARGUMENT.fullmatch(line)
            if found and len(found[1]) <= (depth or len(found[1])):
                depth, current = len(found[1]), found[2]
                notes[current] = found[3]
            elif current:
                notes[current] = f"{notes[current]} {line.strip()}".strip()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(about)).strip(), notes


def _field(parameter: inspect.Parameter, function: str, notes: Mapping[str, str]) -> Any:
    name, annotation = parameter.name, parameter.annotation
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise ToolError(f"{function} takes {parameter}, which JSON schema cannot describe; name each argument")
    if annotation is parameter.empty:
        raise ToolError(
            f"the argument {name!r} of {function} has no type; write one, such as {name}: str. "
            "A tool of a method needs the object: tool(thing.method)."
        )
    if isinstance(parameter.default, FieldInfo):
        raise ToolError(
            f"the argument {name!r} of {function} has a Field as its default; "
            f"write {name}: Annotated[str, Field(...)] instead"
        )
    metadata = getattr(annotation, "__metadata__", ())
    described = any(isinstance(each, FieldInfo) and each.description for each in metadata)
    extra: Any = {"description": notes[name]} if notes.get(name) and not described else {}
    default = ... if parameter.default is parameter.empty else parameter.default
    return Annotated[annotation, Field(alias=name, **extra)], default


def _explain(error: Any, schema: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in error["loc"]) or "arguments"
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"there is no argument {where}; the arguments are {', '.join(schema['properties']) or 'none'}"
    return f"{where}: {error['msg']}"
