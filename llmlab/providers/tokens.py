"""Counting tokens without asking a service: by `tiktoken` where its data is there already, else by a rule of thumb.

Both count the text of the messages and of the tool calls in them; the few tokens that a service puts between messages
are left out. An image is counted as `PER_IMAGE` tokens, and a tool as its JSON, which services put into other words;
either makes the whole an estimate. Nothing is ever downloaded: tiktoken is asked only when the file that it would read
is in its cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from llmlab.types.messages import Message, ToolDefinition
from llmlab.types.tokens import PER_IMAGE, estimate_tokens, texts_of

NEWEST = "o200k_base"
"""The encoding of OpenAI's current models and of gpt-oss."""

Method: TypeAlias = Literal["endpoint", "tiktoken", "estimate", "counter"]

# The name and the SHA-256 of each encoding's file in tiktoken's cache. Another file there would be fetched anew.
_FILES = {
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}
_MODELS = (
    (re.compile(r"gpt-(3\.5|35|4(?![.o\d]))"), "cl100k_base"),
    (re.compile(r"(gpt-\d|gpt-oss|chatgpt-|o[1-9])"), "o200k_base"),
)
_encodings: dict[str, Any] = {}


class TokenCount(int):
    """A number of tokens, and how it was found.

    `method` is "endpoint" where the provider counted, "tiktoken" where OpenAI's tokenizer did, "counter" where a
    function did that somebody handed in, else "estimate".
    """

    method: Method

    def __new__(cls, tokens: int, method: Method) -> Self:
        count = super().__new__(cls, tokens)
        count.method = method
        return count

    def __repr__(self) -> str:
        return f"{int(self)} ({self.method})"


def encoding_of(model: str) -> str | None:
    """Return the name of the encoding that a model reads with; None for models that are not of OpenAI's making."""
    name = model.rpartition("/")[2]
    return next((encoding for pattern, encoding in _MODELS if pattern.match(name)), None)


def count_messages(
    messages: Sequence[Message], encoding: str | None = NEWEST, tools: Sequence[ToolDefinition] = ()
) -> TokenCount:
    """Return how many tokens messages have, at least 1 if there are any.

    Args:
        messages: what is counted.
        encoding: the name of tiktoken's encoding; None estimates.
        tools: what the model may call, counted too.
    """
    texts = texts_of(messages, tools)
    seen = PER_IMAGE * sum(len(message.images) for message in messages)
    least = 1 if messages else 0
    if encoding and (found := _encoding(encoding)) is not None:
        read = sum(len(found.encode_ordinary(text)) for text in texts)
        return TokenCount(max(least, read + seen), "estimate" if seen or tools else "tiktoken")
    return TokenCount(max(least, estimate_tokens(texts) + seen), "estimate")


def _encoding(name: str) -> Any:
    """Return tiktoken's encoding, or None where tiktoken or its data is missing."""
    if name not in _encodings and find_spec("tiktoken") and _is_cached(name):
        _encodings[name] = import_module("tiktoken").get_encoding(name)
    return _encodings.get(name)


def _is_cached(name: str) -> bool:
    default = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR", default))
    file, digest = _FILES[name]
    try:
        # An empty name switches tiktoken's cache off.
        return bool(folder) and hashlib.sha256((Path(folder) / file).read_bytes()).hexdigest() == digest
    except OSError:
        return False
