"""From a function's signature and docstring to the JSON schema of its arguments, and the check of arguments by it.

The docstring is read in the style of this package: a section `Args:` with one `name: what it is` a line.
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
_CONFIG = ConfigDict(extra="forbid")


class _Schema(GenerateJsonSchema):
    """Leaves out what tells a model nothing: titles made of names, and defaults that JSON cannot write."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Stay quiet: what was left out, the function still has."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Arguments:
    """The arguments that a function takes.

    Args:
        function: typed, without `*args` and `**kwargs`.
        name: what to call it in errors.
        notes: what each argument is, by name, where its annotation does not say it.

    Raises:
        ToolError: names the parameter that cannot be written as JSON schema.
    """

    def __init__(self, function: Callable[..., Any], name: str, notes: Mapping[str, str]) -> None:
        try:
            parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        except Exception as error:  # noqa: BLE001 - annotations are code, which may fail in any way
            raise ToolError(
                f"the types of {name} cannot be read: {error}. Define what they name at the top of the module."
            ) from None
        # The fields have names of our own, so that an argument may be called `schema` or `copy`.
        self._names = {f"argument_{place}": each.name for place, each in enumerate(parameters)}
        fields: Any = {field: _field(each, name, notes) for field, each in zip(self._names, parameters, strict=True)}
        try:
            self._model: type[BaseModel] = create_model(f"{name}_arguments", __config__=_CONFIG, **fields)
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
        """Return arguments from JSON as the function's types want them. What was left out stays out.

        Raises:
            ValueError: says of each argument what is wrong with it.
        """
        try:
            checked = self._model.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            raise ValueError("; ".join(_complaint(one, self.schema) for one in error.errors())) from None
        return {
            name: getattr(checked, field) for field, name in self._names.items() if field in checked.model_fields_set
        }

    def split(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return arguments as the function takes them: by place where it takes them only so, else by name."""
        first = [arguments.get(name, default) for name, default in self._positional.items()]
        return first, {name: value for name, value in arguments.items() if name not in self._positional}


def read_docstring(written: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring, as `inspect.getdoc` gives it, says of the function and of each argument."""
    about: list[str] = []
    notes: dict[str, str] = {}
    section, depth, current = "", 0, ""
    for line in written.splitlines():
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
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise ToolError(f"{function} takes {parameter}, which no JSON schema says; name its arguments one by one")
    if parameter.annotation is parameter.empty:
        raise ToolError(
            f"the argument {parameter.name!r} of {function} has no type; write one, such as {parameter.name}: str. "
            "Of a method, make a tool when the object is there: tool(thing.method)."
        )
    if isinstance(parameter.default, FieldInfo):
        raise ToolError(
            f"the argument {parameter.name!r} of {function} has a Field as its default; "
            f"write {parameter.name}: Annotated[str, Field(...)] instead"
        )
    described = any(isinstance(each, FieldInfo) and each.description for each in _metadata(parameter.annotation))
    note = "" if described else notes.get(parameter.name, "")
    extra: dict[str, Any] = {"description": note} if note else {}
    default = ... if parameter.default is parameter.empty else parameter.default
    return Annotated[parameter.annotation, Field(alias=parameter.name, **extra)], default


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__metadata__", ())


def _complaint(error: Any, schema: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in error["loc"]) or "arguments"
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"there is no argument {where}; the arguments are {', '.join(schema['properties']) or 'none'}"
    return f"{where}: {error['msg']}"
