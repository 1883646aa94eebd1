"""Conversations as plain text, and as HTML that needs no colour."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from llmlab.types.messages import Message, Role, ToolCall


def as_text(messages: Sequence[Message]) -> str:
    """Return one paragraph a message. Further lines are indented, so that no text looks like another speaker."""
    return "\n".join(f"{speaker}: {text}".replace("\n", "\n  ") for speaker, text, _ in _paragraphs(messages))


def as_html(messages: Sequence[Message]) -> str:
    """Return the same as HTML. The text is escaped; its line breaks and indents stay."""
    paragraphs = []
    for speaker, text, is_code in _paragraphs(messages):
        lines = [(len(line) - len(line.lstrip(" ")), line.lstrip(" ")) for line in text.split("\n")]
        block = "<br>".join("&nbsp;" * indent + _escape(line) for indent, line in lines)
        block = f"<code>{block}</code>" if is_code else block
        paragraphs.append(f"<p><strong>{_escape(speaker)}</strong><br>{block}</p>")
    return "\n".join(paragraphs)


def _paragraphs(messages: Sequence[Message]) -> Iterator[tuple[str, str, bool]]:
    """Yield speaker, text, and whether the text is code."""
    for message in messages:
        speaker = f"{message.role} {message.name}" if message.name else str(message.role)
        if message.content or not (message.tool_calls or message.images):
            yield speaker, "\n".join(message.content.splitlines()), message.role is Role.TOOL
        for image in message.images:
            yield f"{speaker} shows", repr(image), True
        for call in message.tool_calls:
            yield f"{speaker} calls", "\n".join(_call(call).splitlines()), True


def _call(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.name}({call.unparsed or arguments})"


def _escape(text: str) -> str:
    # A dollar sign would begin a formula.
    return html.escape(text).replace("$", "&#36;")
