"""`@tool`: a function that a model may call.

A `Tool` is still the function, and beside it what a model must know of it. What a call gives is text: that of the
function, or JSON.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from pydantic import TypeAdapter

from llmlab.errors import ToolError
from llmlab.toolkit.tools.signature import Arguments, read_docstring
from llmlab.types.messages import ToolDefinition

Params = ParamSpec("Params")
Result = TypeVar("Result")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class Tool(Generic[Params, Result]):
    """A function that a model may call. Calling it calls the function, unchecked. Made by `@tool`.

    Args:
        function: typed and documented, sync or async.
        name: what the model calls it; else the function's name.
        description: what it does, written for the model; else the docstring, without its sections.

    Raises:
        ToolError: says what the function lacks.
    """

    definition: ToolDefinition
    """What a model is told of it."""
    is_async: bool
    """Whether calling it must be awaited."""

    def __init__(self, function: Callable[Params, Result], name: str = "", description: str = "") -> None:
        if not callable(function) or isinstance(function, partial):
            # The schema of a partial would show the model what was bound, a key perhaps.
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
            getattr(type(function), "__call__", None)  # noqa: B004 - of an object, the question is what its call is
        )

    def __call__(self, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name}({', '.join(self.definition.parameters['properties'])}))"

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.definition.name

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments from JSON as the function's types want them.

        Raises:
            ValueError: says of each argument what is wrong with it.
        """
        return self._arguments.check(arguments)

    def perform(self, arguments: Mapping[str, Any]) -> str:
        """Call the function with checked arguments and return its result as text. An async one is waited for."""
        if not self.is_async:
            return written(self._called(arguments))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.perform_async(arguments))
        # In Jupyter a loop is running in this thread already, and a blocking call cannot wait within it.
        with ThreadPoolExecutor(1) as other:
            context = contextvars.copy_context()
            return other.submit(context.run, asyncio.run, self.perform_async(arguments)).result()

    async def perform_async(self, arguments: Mapping[str, Any]) -> str:
        """Call an async function with checked arguments and return its result as text."""
        try:
            return written(await self._called(arguments))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled this run: the tool waited for something that was cancelled.
            raise RuntimeError("the tool waited for something that was cancelled") from error

    def _called(self, arguments: Mapping[str, Any]) -> Any:
        first, rest = self._arguments.split(arguments)
        return self._function(*first, **rest)


def written(result: Any) -> str:
    """Return a tool's result as the model reads it: text as it is, anything else as JSON, so None as `null`.

    Raises:
        ValueError: it cannot be sent as text or as JSON. The model is told so; sent, it would end the whole run.
    """
    if isinstance(result, str):
        result.encode()
        return str.__str__(result)
    return _ANYTHING.dump_json(result).decode()


@overload
def tool(function: Callable[Params, Result], /) -> Tool[Params, Result]: ...
@overload
def tool(*, name: str = "", description: str = "") -> Callable[[Callable[Params, Result]], Tool[Params, Result]]: ...
def tool(function: Any = None, /, *, name: str = "", description: str = "") -> Any:
    """Make a tool of a typed, documented function, sync or async: `@tool`, or `@tool(name="add")`.

    The JSON schema of the arguments comes from the annotations, from `Annotated[..., Field(...)]`, and from the section
    `Args:` of the docstring.

    Args:
        function: what the model may call.
        name: what the model calls it; else the function's name.
        description: what it does, written for the model; else the docstring, without its sections.

    Raises:
        ToolError: says what the function lacks.
    """
    if function is None:
        return lambda decorated: Tool(decorated, name, description)
    return Tool(function, name, description)
