"""A picture that a model shall look at: from a file, from bytes, or from an address.

A file is read at once, so that what is sent is what was meant. An address is handed on; nothing is downloaded here.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from llmlab.errors import LLMInvalidRequestError

LARGEST: Final = 20 * 1024 * 1024
"""Bytes of the largest picture. The services take less or as much; theirs is the last word."""

LONGEST: Final = 1000
"""Characters of the longest path that is tried. Longer texts are pictures in base64."""

_BEGINNINGS: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """A picture for a model that sees.

    Args:
        source: path of a file, its bytes, or an address that begins with http:// or https://, or a `data:` address.
        media_type: image/png, image/jpeg, image/gif or image/webp; read from the bytes where they are there.
        detail: how closely to look, where the service can be told (OpenAI): low, high or auto.

    Raises:
        LLMInvalidRequestError: if there is no such file, it is no picture of these kinds, or it is too large.
    """

    source: str | bytes | Path
    media_type: str | None = None
    detail: Literal["auto", "low", "high"] | None = None

    def __post_init__(self) -> None:
        if self.detail not in (None, "auto", "low", "high"):
            raise LLMInvalidRequestError(f"detail must be auto, low or high, not {self.detail!r}")
        source = self.source
        if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
            return
        content = _read(source)
        if not content:
            raise LLMInvalidRequestError(f"{_name(source)} is empty: it has 0 bytes; was it written to its end?")
        found = _type_of(content)
        if found is None or self.media_type not in (None, found):
            said = f"is no {self.media_type}" if found else "is no picture"
            raise LLMInvalidRequestError(f"{_name(source)} {said}; models see {', '.join(_TYPES)}")
        if len(content) > LARGEST:
            raise LLMInvalidRequestError(
                f"{_name(source)} has {len(content)} bytes, and {LARGEST} are the most; make it smaller first"
            )
        object.__setattr__(self, "source", content)
        object.__setattr__(self, "media_type", found)

    @property
    def url(self) -> str:
        """The address of the picture; a `data:` address that holds it, where its bytes are here (RFC 2397)."""
        return self.source if isinstance(self.source, str) else f"data:{self.media_type};base64,{self.base64}"

    @property
    def is_remote(self) -> bool:
        """Whether only an address is known, which the service has to fetch."""
        return isinstance(self.source, str)

    @property
    def base64(self) -> str:
        """The bytes as text; empty for a picture of which only an address is known."""
        return base64.b64encode(self.source).decode() if isinstance(self.source, bytes) else ""

    def __repr__(self) -> str:
        if isinstance(self.source, bytes):
            return f"Image({self.media_type}, {len(self.source)} bytes)"
        return f"Image({str(self.source)!r})"


def _read(source: object) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and source.startswith("data:"):
        try:
            return base64.b64decode(source.partition(";base64,")[2], validate=True)
        except ValueError:  # binascii.Error, and what is not ASCII
            raise LLMInvalidRequestError("this data: address holds no base64; build an Image from bytes") from None
    if not isinstance(source, (str, Path)):
        raise LLMInvalidRequestError(f"an image is a path, bytes or an address, not {type(source).__name__}")
    if isinstance(source, str) and "://" in source[:20]:
        kind = source.partition("://")[0]
        raise LLMInvalidRequestError(f"services fetch pictures from http:// and https:// only, not from {kind}://")
    if len(str(source)) > LONGEST:
        raise LLMInvalidRequestError(
            f"a text of {len(str(source))} characters is no path; base64 goes in as Image(base64.b64decode(text))"
        )
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise LLMInvalidRequestError(f"the image {_name(source)} cannot be read: {reason}") from None


def _type_of(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _BEGINNINGS.items() if content.startswith(beginning)), None)


def _name(source: object) -> str:
    if isinstance(source, bytes) or str(source).startswith("data:"):
        return "this image"
    return Path(str(source)).name
