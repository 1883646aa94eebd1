"""The images of a request: where each wire format has them, their type and size, and their tokens.

Nobody looks at an image here. Formats: PNG specification (W3C), GIF89a, the WebP container, ITU T.81 (JPEG), as far as
their first bytes tell the size. Tokens: OpenAI's guide "Images and vision" (patches of 32 pixels), Anthropic's guide
"Vision" (pixels by 750); Ollama's gemma3 takes 256 for any image. An image with an address or a file id only is not
fetched, and counts as one of 1024 × 1024 pixels.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from llmlab.lab.simulator.conversation import Conversation, Image
from llmlab.lab.simulator.errors import Refused, refusal
from llmlab.lab.simulator.json_access import as_dict, as_list, as_str, dicts
from llmlab.lab.simulator.models import Model

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_UNKNOWN_SIZE = 1024


def images_of(message: dict[str, Any], service: str) -> tuple[Image, ...]:
    """Find the images of a message, in whichever wire format it is."""
    found = [_of_part(part, service) for part in dicts(message.get("content"))]
    # Ollama has them beside the text.
    found += [_of_bytes(one, service) for one in as_list(message.get("images")) if isinstance(one, str)]
    return tuple(one for one in found if one is not None)


def check_images(conversation: Conversation, service: str, model: Model) -> None:
    """Refuse images for a model that takes none."""
    if not model.sees and any(turn.images for turn in conversation.turns):
        raise refusal("blind", service, "", model=model.id)


def _of_part(part: dict[str, Any], service: str) -> Image | None:
    if part.get("type") == "image":  # Anthropic's
        source = as_dict(part.get("source"))
        if source.get("type") == "base64":
            return _of_bytes(as_str(source.get("data")), service, as_str(source.get("media_type")))
        return _at_address(as_str(source.get("url")) or as_str(source.get("file_id")), service)
    if part.get("type") not in ("image_url", "input_image"):  # of Chat Completions, and of Responses
        return None
    holder = part.get("image_url")
    url = holder if isinstance(holder, str) else as_str(as_dict(holder).get("url"))
    detail = part.get("detail") or as_dict(holder).get("detail")
    if url.startswith("data:"):
        return _of_bytes(url.partition(";base64,")[2], service, low=detail == "low")
    return _at_address(url or as_str(part.get("file_id")), service)


def _of_bytes(text: str, service: str, media_type: str = "", *, low: bool = False) -> Image:
    match = _BASE64.match(text)
    letters = "".join(match[0].split()) if match else ""
    try:
        content = base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        content = b""
    kind, width, height = measure(content)
    if not kind:
        raise refusal("image", service, "")
    if media_type and media_type != f"image/{kind.lower()}":
        message = (
            f"the image was specified using the {media_type} media type, but it appears to be image/{kind.lower()}"
        )
        raise Refused(400, f"messages: {message}")
    count = _tokens(width or _UNKNOWN_SIZE, height or _UNKNOWN_SIZE, service, low=low)
    return Image(kind, width, height, len(content), tokens=count)


def _at_address(address: str, service: str) -> Image | None:
    return Image("", address=address, tokens=_tokens(_UNKNOWN_SIZE, _UNKNOWN_SIZE, service)) if address else None


def _tokens(width: int, height: int, service: str, *, low: bool = False) -> int:
    if service == "anthropic":
        return min(max(1, round(width * height / 750)), 4_784)
    if service == "ollama":
        return 256
    if low:
        width, height = min(width, 512), min(height, 512)
    return min(-(-width // 32) * -(-height // 32), 1_536)


def measure(content: bytes) -> tuple[str, int, int]:
    """Return an image's type, width and height; an empty type for no image, 0 pixels where the bytes do not tell."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP", *_webp_size(content)
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG", *_jpeg_size(content)
    return "", 0, 0


def _webp_size(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return 0, 0
