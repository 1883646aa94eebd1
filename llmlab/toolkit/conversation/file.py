"""Conversations on disk: one JSON object, UTF-8, with the settings and the messages. What is wrong is said by line."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.types.images import Image
from llmlab.types.messages import Message, ToolCall, to_messages

SETTINGS = ("system_message", "max_turns", "max_tokens")
"""What is saved beside the messages."""

_BETWEEN = re.compile(r"\s*,\s*")


def write(path: Path, settings: Mapping[str, Any], messages: Sequence[Message]) -> None:
    """Write a conversation aside, then put it in place: a reader sees the old file or the new one, and nothing between.

    Raises:
        ConfigurationError: if the folder is missing or may not be written to, the disk is full, or the path is no file.
        LLMInvalidRequestError: if something in it is nothing that JSON can hold. Nothing is written then.
    """
    whole = {**settings, "messages": [_plain(message) for message in messages]}
    try:
        data = json.dumps(whole, ensure_ascii=False, indent=2).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a stream that broke may leave it, is no UTF-8; escaped it can be kept.
        data = json.dumps(whole, indent=2).encode()
    except (TypeError, ValueError) as error:
        raise LLMInvalidRequestError(f"the conversation cannot be written as JSON: {error}") from None
    if path.exists() and not path.is_file():
        # To put a file in the place of a device would break the machine.
        raise ConfigurationError(f"{path} is no file, so nothing can be saved there; give the name of a file")
    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data + b"\n")
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"the file {path} cannot be written: {error.strerror}") from error


class Opened:
    """A file that holds a conversation.

    Raises:
        ConfigurationError: if it cannot be read, or holds no conversation; with the line, where there is one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"the file {path} cannot be read: {error.strerror}") from None
        try:
            self._text = data.decode("utf-8-sig")
            whole = json.loads(self._text)
        except UnicodeDecodeError as error:
            line = 1 + data[: error.start].count(b"\n")
            raise ConfigurationError(f"{path}:{line}: this is not UTF-8; save it as UTF-8 text") from None
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"{path}:{error.lineno}: this is not JSON: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path}:1: this is no conversation: {error}") from None
        if not isinstance(whole, dict) or not isinstance(whole.get("messages"), list):
            raise ConfigurationError(f'{path}:1: a conversation is an object with a list named "messages"')
        self._messages: list[Any] = whole.pop("messages")
        if unknown := sorted(set(whole) - set(SETTINGS)):
            raise ConfigurationError(
                f"{path}:{self._line(unknown[0])}: unknown setting {unknown[0]!r}; there are {', '.join(SETTINGS)}"
            )
        self.settings: dict[str, Any] = whole

    def messages(self) -> Iterator[tuple[int, Message]]:
        """Yield each message with its position."""
        for position, item in enumerate(self._messages):
            with self.located(position):
                message = _message(item)
            yield position, message

    @contextmanager
    def located(self, position: int | None = None) -> Iterator[None]:
        """Add file and line to an error: of the message at a position, else of the setting that the error names."""
        try:
            yield
        except LLMError as error:
            if position is None:
                line = self._line(next(name for name in SETTINGS if name in error.message))
            else:
                line = self._line_of_message(position)
            raise ConfigurationError(f"{self._path}:{line}: {error.message}") from None

    def _line(self, key: str) -> int:
        # Inside a text every quote is escaped, so this finds the name itself.
        found = re.search(rf"{re.escape(json.dumps(key, ensure_ascii=False))}\s*:", self._text)
        return self._line_at(found.start() if found else 0)

    def _line_of_message(self, position: int) -> int:
        found = re.search(r'"messages"\s*:\s*\[\s*', self._text)
        start, decoder = found.end() if found else 0, json.JSONDecoder()
        for _ in range(position):
            end = decoder.raw_decode(self._text, start)[1]
            start = _BETWEEN.match(self._text, end).end()  # type: ignore[union-attr]
        return self._line_at(start)

    def _line_at(self, offset: int) -> int:
        return 1 + self._text.count("\n", 0, offset)


def _plain(message: Message) -> dict[str, Any]:
    """Return a message as JSON, without the fields that it does not use."""
    plain: dict[str, Any] = {"role": str(message.role), "content": message.content}
    if message.name is not None:
        plain["name"] = message.name
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        plain["tool_calls"] = [
            {name: value for name, value in asdict(call).items() if name != "unparsed" or value}
            for call in message.tool_calls
        ]
    if message.is_error:
        plain["is_error"] = True
    if message.images:
        plain["images"] = [_picture(image) for image in message.images]
    return plain


def _picture(image: Image) -> dict[str, str]:
    """Return a picture as JSON: its address, which for bytes is one of base64 that holds them."""
    return {"source": image.url, **({"detail": image.detail} if image.detail else {})}


def _message(item: Any) -> Message:
    if not isinstance(item, dict):
        raise ConfigurationError("a message is an object with role and content")
    calls = item.get("tool_calls")
    if isinstance(calls, list):
        item = {**item, "tool_calls": [_call(call) for call in calls]}
    try:
        if isinstance(images := item.get("images"), list):
            item = {**item, "images": [_image(image) for image in images]}
        return to_messages(item)[0]
    except LLMInvalidRequestError as error:
        # The line says which message it is.
        raise ConfigurationError(error.message.replace("message 0", "this message", 1)) from None


def _image(image: Any) -> Image:
    source = image.get("source") if isinstance(image, dict) else None
    if not isinstance(source, str) or not source.startswith(("data:", "https://", "http://")):
        # A path is not followed: a file from somebody else could have any picture of this machine sent.
        raise LLMInvalidRequestError("an image is an object with a source that is an http(s): or a data: address")
    return Image(source, detail=image.get("detail"))


def _call(call: Any) -> Any:
    """Return a call with its unparsed arguments, which no prompt has; others are read as in any prompt."""
    if isinstance(call, dict) and isinstance(call.get("name"), str) and isinstance(call.get("unparsed"), str):
        arguments = call.get("arguments")
        kept = arguments if isinstance(arguments, dict) else {}
        return ToolCall(str(call.get("id", "")), call["name"], kept, call["unparsed"])
    return call
