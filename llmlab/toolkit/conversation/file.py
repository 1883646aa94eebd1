"""Conversations on disk: one JSON object, UTF-8, with the settings and the messages. Errors name the line."""

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

_NEXT_ITEM = re.compile(r"[^\s,]")


def write(path: Path, settings: Mapping[str, Any], messages: Sequence[Message]) -> None:
    """Write a conversation to a temporary file, then rename it: a reader sees the old file or the new one.

    Raises:
        ConfigurationError: the folder is missing or read-only, the disk is full, or the path is not a file.
        LLMInvalidRequestError: a value has no JSON form. Nothing is written then.
    """
    whole = {**settings, "messages": [_to_json(message) for message in messages]}
    try:
        data = json.dumps(whole, ensure_ascii=False, indent=2).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, from a stream that broke, has no UTF-8 form; it is escaped.
        data = json.dumps(whole, indent=2).encode()
    except (TypeError, ValueError) as error:
        raise LLMInvalidRequestError(f"the conversation cannot be written as JSON: {error}") from None
    if path.exists() and not path.is_file():
        # A device such as /dev/null must not be replaced by a file.
        raise ConfigurationError(f"{path} is not a file, so nothing can be saved there; give the name of a file")
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data + b"\n")
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"the file {path} cannot be written: {error.strerror}") from error


class ConversationFile:
    """A file that holds a conversation. An error names the line of the mistake."""

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
            raise ConfigurationError(f"{path}:1: this is not a conversation: {error}") from None
        if not isinstance(whole, dict) or not isinstance(whole.get("messages"), list):
            raise ConfigurationError(f'{path}:1: a conversation is an object with a list named "messages"')
        self._messages: list[Any] = whole.pop("messages")
        self.settings: dict[str, Any] = whole
        for name in sorted(set(whole) - set(SETTINGS)):
            known = ", ".join(SETTINGS)
            raise ConfigurationError(f"{path}:{self._line(name)}: unknown setting {name!r}; there are {known}")

    def messages(self) -> Iterator[tuple[int, Message]]:
        """Yield each message with its index."""
        for index, item in enumerate(self._messages):
            with self.located(index):
                message = _from_json(item)
            yield index, message

    @contextmanager
    def located(self, index: int | None = None) -> Iterator[None]:
        """Add file and line to an error: of the message at an index, else of the setting that the error names."""
        try:
            yield
        except LLMError as error:
            setting = next((name for name in SETTINGS if name in error.message), SETTINGS[0])
            line = self._line(setting) if index is None else self._line("messages", index)
            raise ConfigurationError(f"{self._path}:{line}: {error.message}") from None

    def _line(self, key: str, index: int | None = None) -> int:
        """Return the line of a key, or of an item in its list."""
        # Inside a text, every quote is escaped, so this finds the key itself.
        pattern = re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:"
        found = re.search(pattern if index is None else rf"{pattern}\s*\[\s*", self._text)
        offset = 0 if found is None else found.start() if index is None else found.end()
        for _ in range(index or 0):
            _, offset = json.JSONDecoder().raw_decode(self._text, offset)
            offset = next(_NEXT_ITEM.finditer(self._text, offset)).start()
        return 1 + self._text.count("\n", 0, offset)


def _to_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON, without the fields that it does not use."""
    fields: dict[str, Any] = {
        "name": message.name,
        "tool_call_id": message.tool_call_id,
        "tool_calls": [
            {name: value for name, value in asdict(call).items() if name != "unparsed" or value}
            for call in message.tool_calls
        ],
        "is_error": message.is_error,
        # The URL of an image made of bytes holds them, in base64.
        "images": [
            {"source": image.url, **({"detail": image.detail} if image.detail else {})} for image in message.images
        ],
    }
    used = {name: value for name, value in fields.items() if value or value == ""}
    return {"role": str(message.role), "content": message.content, **used}


def _from_json(item: Any) -> Message:
    if not isinstance(item, dict):
        raise ConfigurationError("a message is an object with role and content")
    try:
        for field, read in (("tool_calls", _call), ("images", _image)):
            if isinstance(values := item.get(field), list):
                item = {**item, field: [read(value) for value in values]}
        return to_messages(item)[0]
    except LLMInvalidRequestError as error:
        # The line says which message it is.
        raise ConfigurationError(error.message.replace("message 0", "this message", 1)) from None


def _image(image: Any) -> Image:
    source = image.get("source") if isinstance(image, dict) else None
    if not isinstance(source, str) or not source.startswith(("data:", "https://", "http://")):
        # A path is not followed: a file from somebody else could make this machine send any of its images.
        raise LLMInvalidRequestError("an image is an object with a source that is an http(s): or a data: address")
    return Image(source, detail=image.get("detail"))


def _call(call: Any) -> Any:
    """Return a call with arguments that could not be parsed as a `ToolCall`; other calls are read as in any prompt."""
    if isinstance(call, dict) and isinstance(call.get("name"), str) and isinstance(call.get("unparsed"), str):
        arguments = call.get("arguments")
        parsed = arguments if isinstance(arguments, dict) else {}
        return ToolCall(str(call.get("id", "")), call["name"], parsed, call["unparsed"])
    return call
