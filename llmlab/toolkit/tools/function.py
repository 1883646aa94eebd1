"""`@tool`: a function that a model may call, with the description that the model gets."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from pydantic import TypeAdapter

from llmlab._utils.redaction import redact
from llmlab._utils.text import shorten
from llmlab.errors import ToolError
from llmlab.toolkit.tools.signature import Arguments, read_docstring
from llmlab.toolkit.tools.steps import ToolStep
from llmlab.types.messages import ToolCall, ToolDefinition

Params = ParamSpec("Params")
Result = TypeVar("Result")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class Tool(Generic[Params, Result]):
    """A function that a model may call, created by `tool`. Calling it calls the function, unchecked."""

    definition: ToolDefinition
    """The description that the model gets."""
    is_async: bool
    """Whether a call must be awaited."""

    def __init__(self, function: Callable[Params, Result], name: str = "", description: str = "") -> None:
        if not callable(function) or isinstance(function, partial):
            # The schema of a partial would show its bound arguments to the model, a key perhaps.
            raise ToolError(f"a tool is made of a function, not of a {type(function).__name__}; write one with def")
        update_wrapper(self, function)
        name = name or str(getattr(function, "__name__", type(function).__name__))
        if not _NAME.fullmatch(name):
            raise ToolError(
                f"{name!r} cannot be a tool's name: use up to 64 letters, digits, _ and -, as in @tool(name='add')"
            )
        about, notes = read_docstring(inspect.getdoc(function) or "")
        if not (description or about):
            raise ToolError(f"{name} has no docstring; write in one line what it does, since the model reads it")
        self._function = function
        self._arguments = Arguments(function, name, notes)
        self.definition = ToolDefinition(name, description or about, self._arguments.schema)
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(type(function), "__call__", None)  # noqa: B004 - an object is async if its __call__ is
        )

    def __call__(self, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name}({', '.join(self.definition.parameters['properties'])}))"

    @property
    def name(self) -> str:
        """The name for the model."""
        return self.definition.name

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments from JSON in the types of the function.

        Raises:
            ValueError: says of each wrong argument what is wrong.
        """
        return self._arguments.check(arguments)

    async def perform_async(self, call: ToolCall, round: int = 1) -> ToolStep:
        """Perform a model's call. A wrong argument or an exception becomes the error of the step."""
        step = ToolStep(call, round=round)
        wrong = f"the arguments of {call.name} are wrong: "
        if call.unparsed:
            return replace(step, error=_clean(f"{wrong}they are not a JSON object: {call.unparsed[:100]!r}"))
        try:
            step = replace(step, arguments=self.check(call.arguments))
        except Exception as error:  # noqa: BLE001 - a validator is code of the tool, too
            reason = str(error) if type(error) is ValueError else _describe(error)
            return replace(step, error=_clean(wrong + reason))
        try:
            positional, named = self._arguments.split(step.arguments)
            result: Any = self._function(*positional, **named)
            return replace(step, result=_as_text(await _finish(result) if self.is_async else result))
        except Exception as error:  # noqa: BLE001 - a tool may fail in any way
            return replace(step, error=_describe(error))

    def perform(self, call: ToolCall, round: int = 1) -> ToolStep:
        """Perform a model's call and wait for its end. Only an async function needs an event loop for it."""
        work = self.perform_async(call, round)
        if not self.is_async:
            try:
                work.send(None)
            except StopIteration as end:
                step: ToolStep = end.value
                return step
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(work)
        # In Jupyter a loop runs in this thread already, and a blocking call cannot wait for it.
        with ThreadPoolExecutor(1) as other:
            return other.submit(contextvars.copy_context().run, asyncio.run, work).result()


async def _finish(result: Awaitable[Any]) -> Any:
    try:
        return await result
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # This run was not cancelled, but something that the tool waited for.
        raise RuntimeError("the tool waited for something that was cancelled") from error


def _as_text(result: Any) -> str:
    """Return a text as it is, and any other result as JSON. A text that cannot be sent fails here, not later."""
    if not isinstance(result, str):
        return _ANYTHING.dump_json(result).decode()
    result.encode()
    return str.__str__(result)


def _describe(error: Exception) -> str:
    """Return kind and message of an exception, without keys and without a traceback."""
    message = str(error)
    return _clean(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _clean(text: str) -> str:
    return shorten(redact(text), 1000)


@overload
def tool(function: Callable[Params, Result], /) -> Tool[Params, Result]: ...
@overload
def tool(*, name: str = "", description: str = "") -> Callable[[Callable[Params, Result]], Tool[Params, Result]]: ...
def tool(function: Any = None, /, *, name: str = "", description: str = "") -> Any:
    """Make a tool of a typed, documented function, sync or async: `@tool`, or `@tool(name="add")`.

    The JSON schema of the arguments comes from the annotations, from `Annotated[..., Field(...)]`, and from the section
    `Args:` of the docstring.

    Args:
        function: the function.
        name: the name for the model; else the function's name.
        description: what it does, written for the model; else the docstring, without its sections.

    Raises:
        ToolError: says what the function lacks.
    """
    return Tool(function, name, description) if function else partial(Tool, name=name, description=description)
