"""What the checks of several lessons say in the same words: of a request that went wrong, and of what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmlab.lab.exercises.inspect import Wrong, a_kind, shortened
from llmlab.lab.tape import Exchange


def whole_answer(
    sent: Sequence[Exchange], ending: str, call: str, vendor: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return body and answer of the last request that the learner's code sent.

    Args:
        sent: what was observed.
        ending: of the path that should have been asked.
        call: how the learner asks it, for the sentence.
        vendor: whose own library must have sent it, such as "OpenAI"; any by default.

    Raises:
        Wrong: nothing was sent, it went elsewhere, it was refused, another library sent it, or the answer came as a
            stream without a whole answer at its end.
    """
    if not sent:
        raise Wrong(f"Your function sent nothing. Let it call {call}.")
    last = sent[-1]
    if not last.path.endswith(ending):
        raise Wrong(f"Your function asked {last.path}. Let it call {call}.")
    if vendor and "x-stainless-lang" not in last.sent.headers:
        raise Wrong(f"This was sent by llmlab. Use {vendor}'s own client here: {call}.")
    # A stream of the Responses API ends with the whole answer.
    response = last.response[-1].get("response") if last.streamed and last.response else last.response
    if last.streamed and not isinstance(response, dict):
        raise Wrong("Your function asked for a stream, and the exercise wants the whole answer. Leave stream out.")
    if not (last.status == 200 and isinstance(last.request, dict) and isinstance(response, dict)):
        said = "gave no answer" if last.status is None else f"refused the request with status {last.status}"
        raise Wrong(f"The service {said}. llmlab.trace().last.show() shows what was sent, and why.")
    return last.request, response


def texts(parts: Any, kind: str) -> str:
    """Return the text of all parts of one type, run together. What is no list of such parts has none."""
    found = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "".join(str(part.get("text") or "") for part in found if part.get("type") == kind)


def returned(value: Any) -> str:
    """Return in a sentence what the learner's function returned."""
    if value is None:
        return "Your function returned nothing. Does it end with return?"
    return f"Your function returned {quoted(value)}."


def returns(value: Any, kind: type | tuple[type, ...], wanted: str) -> None:
    """Hold what the learner's function returned to its type.

    Raises:
        Wrong: it is of another type; the message ends with `wanted`.
    """
    if not isinstance(value, kind):
        raise Wrong(f"{returned(value)} {wanted}")


def returns_two(value: Any, wanted: str) -> None:
    """Hold what the learner's function returned to a tuple or list of two.

    Raises:
        Wrong: it is something else; the message ends with `wanted`.
    """
    if not (isinstance(value, tuple | list) and len(value) == 2):
        raise Wrong(f"{returned(value)} {wanted}")


def quoted(value: Any) -> str:
    """Return words and numbers as they are written, and anything else by its kind."""
    return shortened(repr(value)) if isinstance(value, (str, int, float)) else a_kind(value)
