"""Looking at the learner's code: whether it was written at all, where it failed, and what it sent over the wire."""

from __future__ import annotations

import asyncio
import dis
import functools
import inspect
import linecache
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from types import CodeType
from typing import Any

from llmlab._utils.redaction import redact
from llmlab._utils.text import shorten
from llmlab.lab.tape import Exchange, mode, trace

LONGEST = 300
"""Characters of an error's message, and of the line that raised it, that are shown."""

# All that is left of a body of `...`, `pass`, a docstring or `return None`, in any Python from 3.11 on.
_EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "RETURN_GENERATOR", "POP_TOP"}


class Wrong(Exception):
    """Raised by a check when the exercise is not solved. Its message speaks about what the learner's code did."""


def is_stub(answer: Any) -> bool:
    """Return whether nothing was written yet: None, `...`, or a function without a body."""
    if answer is None or answer is ...:
        return True
    code = _code(answer)
    if code is None:
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CALL_INTRINSIC_1", "RERAISE")]
    constants = [step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    return {step.opname for step in steps} <= _EMPTY and all(value is None or value is ... for value in constants)


def describe_failure(error: Exception, answer: Any) -> str | None:
    """Return in a sentence how the learner's code failed; None if the error did not come out of it.

    Args:
        error: what was raised while a check ran.
        answer: what the learner handed in.
    """
    what = _described(error)
    files = {code.co_filename for code in _codes(answer)}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__, limit=-1000) if frame.filename in files]
    if frames:
        line = shortened(linecache.getline(frames[-1].filename, frames[-1].lineno or 0))
        return _sentence(f"Your code stopped in line {frames[-1].lineno}{f', {line}' if line else ''}. {what}")
    name = getattr(answer, "__qualname__", "")
    if isinstance(error, TypeError) and name and str(error).startswith(f"{name}("):
        # The call itself failed, so there is no line of the learner's to point at.
        return _sentence(f"Your function does not take the arguments that the exercise gives it. {what}")
    return None


class Answer:
    """The learner's function, to be called like any other. What goes wrong in it becomes `Wrong`.

    Args:
        given: what was handed in.
        name: what the exercise calls it.
        exercise_id: such as "1.1".
        is_async: the exercise wants a function that begins with async def; a call waits for its result.

    Raises:
        Wrong: it cannot be called (usually it was called already, and its result was handed in), or is not async.
    """

    def __init__(self, given: Any, name: str, exercise_id: str, *, is_async: bool = False) -> None:
        self.given, self._is_async = given, is_async
        if not callable(given):
            form = f'check("{exercise_id}", {name})'
            raise Wrong(f"You handed in {a_kind(given)}. Hand in the function itself, without brackets: {form}.")
        if is_async and not inspect.iscoroutinefunction(given):
            raise Wrong("Your function must begin with async def, so that it can wait for many answers at once.")

    def __call__(self, *args: Any) -> Any:
        """Call it.

        Raises:
            Wrong: it failed, or did nothing because of an async def or a yield.
        """
        try:
            if self._is_async:
                # A notebook's own event loop is running, so this one gets a thread for itself.
                with ThreadPoolExecutor(1) as pool:
                    return pool.submit(copy_context().run, asyncio.run, self.given(*args)).result()
            result = self.given(*args)
        except Wrong:
            raise
        except Exception as error:
            sentence = describe_failure(error, self.given)
            raise Wrong(sentence or _sentence(f"Your code stopped. {_described(error)}")) from error
        if inspect.iscoroutine(result):
            result.close()
            raise Wrong("Your function begins with async def, so calling it does nothing yet. Begin it with def alone.")
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise Wrong("Your function has a yield in it, so calling it does nothing yet. Collect, then return.")
        return result


def a_kind(value: Any) -> str:
    """Return what kind of value this is, in words."""
    if value is None:
        return "nothing"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def shortened(text: str) -> str:
    """Return a text as one line of bearable length, without keys."""
    # Redacted before it is cut, or half a key might be left.
    line = " ".join(redact(text).split())
    return shorten(line, LONGEST + 1)


@contextmanager
def observed() -> Iterator[list[Exchange]]:
    """Give the exchanges that the block makes, oldest first; the list is filled when the block ends.

    Raises:
        Wrong: the lab is switched off, so that nobody could see them, and they would go to the network.
    """
    if mode() == "off":
        raise Wrong("The lab is switched off. Run the cell with %load_ext llmlab, then check again.")
    before = max((exchange.number for exchange in trace()), default=0)
    seen: list[Exchange] = []
    try:
        yield seen
    finally:
        seen.extend(exchange for exchange in trace() if exchange.number > before)


def _code(answer: Any) -> CodeType | None:
    while isinstance(answer, functools.partial) or hasattr(answer, "__wrapped__"):
        answer = answer.func if isinstance(answer, functools.partial) else answer.__wrapped__
    code = getattr(answer, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _codes(answer: Any) -> list[CodeType]:
    """Return the code of a function, or of the methods of a class or of an object's class."""
    parts = [answer, *vars(answer if isinstance(answer, type) else type(answer)).values()]
    return [code for part in parts if (code := _code(part))]


def _described(error: Exception) -> str:
    said = shortened(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else text + "."
