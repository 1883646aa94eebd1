"""Conversations to look at: as plain text that is always the same, and as HTML that needs no colour."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from llmlab.types.messages import Message, Role, ToolCall


def as_text(messages: Sequence[Message]) -> str:
    """Return one paragraph a message. Further lines are indented, so that no text can look like another speaker."""
    return "\n".join(f"{who}: {said}".replace("\n", "\n  ") for who, said, _ in _lines(messages))


def as_html(messages: Sequence[Message]) -> str:
    """Return the same as HTML. What was said is escaped, and its line breaks and indents are kept."""
    return "\n".join(f"<p><strong>{_shown(who)}</strong><br>{_block(*rest)}</p>" for who, *rest in _lines(messages))


def _lines(messages: Sequence[Message]) -> Iterator[tuple[str, str, bool]]:
    """Yield who speaks, what they say, and whether it is code."""
    for message in messages:
        who = f"{message.role} {message.name}" if message.name else str(message.role)
        if message.content or not (message.tool_calls or message.images):
            yield who, _one_kind_of_break(message.content), message.role is Role.TOOL
        for image in message.images:
            yield f"{who} shows", repr(image), True
        for call in message.tool_calls:
            yield f"{who} calls", _one_kind_of_break(_call(call)), True


def _call(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.name}({call.unparsed or arguments})"


def _one_kind_of_break(said: str) -> str:
    return "\n".join(said.splitlines())


def _block(said: object, is_code: object) -> str:
    lines = []
    for line in str(said).split("\n"):
        text = line.lstrip(" ")
        lines.append("&nbsp;" * (len(line) - len(text)) + _shown(text))
    block = "<br>".join(lines)
    return f"<code>{block}</code>" if is_code else block


def _shown(value: object) -> str:
    # A dollar sign would begin a formula.
    return html.escape(str(value)).replace("$", "&#36;")
