"""Images for models that see: from a file, from bytes or from a URL.

A file is read at once, so that a later change of it is not sent. A URL is passed on; nothing is downloaded here.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.validation import check_choice

Detail: TypeAlias = Literal["auto", "low", "high"]

LARGEST: Final = 20 * 1024 * 1024
"""Bytes of the largest image. No service takes more, some take less."""

LONGEST: Final = 1000
"""Characters of the longest path. A longer text is an image in base64."""

_BEGINNINGS: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """An image for a model that sees.

    Args:
        source: path of a file, its bytes, or a URL that begins with http://, https:// or data:.
        media_type: image/png, image/jpeg, image/gif or image/webp; read from the bytes, if there are any.
        detail: low, high or auto, for services that have it (OpenAI).

    Raises:
        LLMInvalidRequestError: if the file is missing, too large, or not an image of these types.
    """

    source: str | bytes | Path
    media_type: str | None = None
    detail: Detail | None = None

    def __post_init__(self) -> None:
        check_choice("detail", self.detail, Detail)
        source = self.source
        if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
            return
        content = _read(source)
        if not content:
            raise LLMInvalidRequestError(f"{_name(source)} is empty: it has 0 bytes; save it again")
        found = _type_of(content)
        if found is None or self.media_type not in (None, found):
            kind = self.media_type if found else "image"
            raise LLMInvalidRequestError(f"{_name(source)} is not an {kind}; models see {', '.join(_TYPES)}")
        if len(content) > LARGEST:
            raise LLMInvalidRequestError(f"{_name(source)} has {len(content)} bytes; make it smaller than {LARGEST}")
        object.__setattr__(self, "source", content)
        object.__setattr__(self, "media_type", found)

    @property
    def url(self) -> str:
        """The URL of the image; a `data:` URL for an image whose bytes are here (RFC 2397)."""
        return self.source if isinstance(self.source, str) else f"data:{self.media_type};base64,{self.base64}"

    @property
    def is_remote(self) -> bool:
        """Whether the service has to download the image."""
        return isinstance(self.source, str)

    @property
    def base64(self) -> str:
        """The bytes as text; empty for an image that the service downloads."""
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
            raise LLMInvalidRequestError("this data: URL holds no base64; build an Image from bytes") from None
    if not isinstance(source, (str, Path)):
        raise LLMInvalidRequestError(f"an image is a path, bytes or a URL, not {type(source).__name__}")
    if isinstance(source, str) and "://" in source[:20]:
        kind = source.partition("://")[0]
        raise LLMInvalidRequestError(f"services download images from http:// and https:// only, not from {kind}://")
    if len(str(source)) > LONGEST:
        raise LLMInvalidRequestError(
            f"a text of {len(str(source))} characters is not a path; for base64, use Image(base64.b64decode(text))"
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
