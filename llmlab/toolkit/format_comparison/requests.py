"""The upper half of the table: what each thing that a person may say becomes in a request.

A request is encoded without it and with it. What the second body has more is how this format says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats import Format
from llmlab.toolkit.format_comparison.diff import shortened
from llmlab.types.request import build_request

REFUSED: Final = "refused"

_HI: Final = {"role": "user", "content": "Hi"}
_SYSTEM: Final = {"role": "system", "content": "Be brief."}
_CALLING: Final = {"role": "assistant", "tool_calls": [{"id": "c1", "name": "now", "arguments": {"zone": "UTC"}}]}
_RESULT: Final = {"role": "tool", "tool_call_id": "c1", "content": "12:00"}
_NOW: Final = {"name": "now", "description": "The time."}

_REMOTE: Final = "https://example.org/cat.png"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_FORM: Final = {"title": "city", "type": "object", "properties": {"name": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a person may say.

    Args:
        name: how the table calls it.
        messages: the conversation with it.
        without: the conversation without it; else the same one.
        options: the options with it.
        beside: options that both have.
        stream: whether it is asked for a stream.
    """

    name: str
    messages: Sequence[Any] = (_HI,)
    without: Sequence[Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False

    def said_in(self, format: Format) -> str:
        """Return how a wire format says it, as JSON; or that it refuses to."""
        try:
            with_it = _body(format, self.messages, {**self.beside, **self.options}, self.stream)
            without = _body(format, self.messages if self.without is None else self.without, self.beside, False)
        except LLMInvalidRequestError:
            return REFUSED
        more = _more(without, with_it)
        return json.dumps(shortened(more), ensure_ascii=False) if more else "–"


ROWS: Final = (
    Row("prompt", without=[{"role": "user", "content": "Ho"}]),
    Row("system prompt", [_SYSTEM, _HI, _HI], [_HI, _HI]),
    Row("system message further down", [_HI, _SYSTEM, _HI], [_HI, _HI]),
    Row("answer before", [_HI, {"role": "assistant", "content": "Hello."}, _HI], [_HI, _HI]),
    Row("tools", options={"tools": [_NOW]}),
    Row("tool that must be called", options={"tool_choice": "now"}, beside={"tools": [_NOW]}),
    Row("any tool must be called", options={"tool_choice": "required"}, beside={"tools": [_NOW]}),
    Row("tool call", [_HI, _CALLING, _HI], [_HI, _HI]),
    Row("tool result", [_HI, _CALLING, _RESULT, _HI], [_HI, _CALLING, _HI]),
    Row("result of a tool that failed", [_HI, _CALLING, {**_RESULT, "is_error": True}], [_HI, _CALLING]),
    Row("image at an address", [{**_HI, "images": [_REMOTE]}, _HI], [_HI, _HI]),
    Row("image of one's own", [{**_HI, "images": [_PNG]}, _HI], [_HI, _HI]),
    Row("form of the answer", options={"response_format": _FORM}),
    Row("reasoning: effort", options={"reasoning": {"effort": "low"}}),
    Row("reasoning: none", options={"reasoning": {"effort": "none"}}),
    Row("reasoning: summary", options={"reasoning": {"effort": "low", "summary": "auto"}}),
    Row("reasoning: budget", options={"reasoning": {"budget_tokens": 2000}}),
    Row("verbosity", options={"text": {"verbosity": "low"}}),
    Row("max_tokens", options={"max_tokens": 100}),
    Row("temperature", options={"temperature": 0.5}),
    Row("top_p", options={"top_p": 0.9}),
    Row("stop", options={"stop": ["."]}),
    Row("seed", options={"seed": 7}),
    Row("search in files", options={"file_search": {"vector_store_ids": ["vs_1"], "max_num_results": 3}}),
    Row("stream", stream=True),
)


def roles_in(format: Format) -> str:
    """Return the words for roles that a wire format uses in a conversation in which everybody speaks."""
    try:
        body = _body(format, [_SYSTEM, _HI, _CALLING, _RESULT, {"role": "assistant", "content": "Noon."}], {}, False)
    except LLMInvalidRequestError:
        return "none"
    return ", ".join(dict.fromkeys(_roles(body)))


def _body(format: Format, messages: Sequence[Any], options: Mapping[str, Any], stream: bool) -> dict[str, Any]:
    return format.encode(build_request(list(messages), "m", options), stream)


def _more(before: Any, after: Any) -> Any:
    """Return what of `after` is not in `before`."""
    if isinstance(before, dict) and isinstance(after, dict):
        changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
        return {key: _more(before[key], value) if key in before else value for key, value in changed.items()}
    if isinstance(before, list) and isinstance(after, list):
        return [item for item in after if item not in before]
    return after


def _roles(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(role := value.get("role"), str):
            yield role
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _roles(item)
