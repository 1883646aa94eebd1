"""The pictures of a request: where each wire format has them, what they cost in tokens, and what is said of them.

The simulator does not see. It tells what it can measure, and says so. Prices in tokens: OpenAI's guide "Images and
vision" (patches of 32 pixels), Anthropic's guide "Vision" (pixels by 750); Ollama's gemma3 takes 256 for any picture.
Pictures that are named by the id of a file count as if they were seen at an address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.lab.simulator import pixels
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_list, as_str, dicts
from llmlab.lab.simulator.models import Model

_LETTERS = re.compile(r"[A-Za-z0-9+/=\s]*")
_UNSEEN = (1024, 1024)
"""Pixels that a picture is taken to have when nobody knows."""

_NO_PICTURE = {
    "openai": "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
    "['png', 'jpeg', 'gif', 'webp'].",
    "anthropic": "Could not process image",
    "openrouter": "Provider returned error",
    "ollama": "Failed to load image or audio file",
    "local_gpt_oss": "Failed to load image or audio file",
}
_BLIND = {
    "openrouter": (404, "No endpoints found that support image input"),
    "ollama": (400, "this model does not support image input"),
    "local_gpt_oss": (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    ),
}
_GUESSES = (
    "a lighthouse in the fog",
    "a bicycle against a wall",
    "a cup of tea on a window sill",
    "a dog that waits for a train",
    "an empty road after the rain",
    "a chessboard in the middle of a game",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a message.

    Args:
        kind: PNG, JPEG, GIF or WebP; empty for one that is only named by an address.
        width, height: pixels.
        size: bytes.
        colours: names of its colours, the most frequent one first, where they can be read.
        guess: what it could show, drawn from its bytes; made up.
        address: where it is, if its bytes are not here.
        tokens: tokens that it counts as.
    """

    kind: str
    width: int
    height: int
    size: int = 0
    colours: tuple[str, ...] = ()
    guess: str = ""
    address: str = ""
    tokens: int = 0


def pictures_of(message: dict[str, object], service: str) -> tuple[Picture, ...]:
    """Find the pictures of a message, in whichever wire format it is.

    Raises:
        Refused: 400 for bytes that are no picture.
    """
    found = [_of_part(part, service) for part in dicts(message.get("content"))]
    # Ollama has them beside the text.
    found += [_of_bytes(one, service) for one in as_list(message.get("images")) if isinstance(one, str)]
    return tuple(one for one in found if one is not None)


def check_sight(shown: Sequence[Picture], service: str, model: Model) -> None:
    """Refuse pictures for a model that does not see.

    Raises:
        Refused: in the service's own words.
    """
    if shown and not model.sees:
        status, message = _BLIND.get(service, (400, f"{model.id} does not support image input"))
        raise Refused(status, message)


def describe(pictures: Sequence[Picture]) -> str:
    """Say what is known of pictures, and that nobody has looked at them."""
    told = "; ".join(_told(picture) for picture in pictures)
    return f"I am llmlab's simulator and cannot see. What reached me is {told}. A model would say what it shows."


def values(pictures: Sequence[Picture]) -> str:
    """Put what is known of pictures into words that can fill the fields of a schema."""
    return " ".join(
        f"{one.width} {one.height} " + " ".join(f'"{word}"' for word in one.colours or (one.guess,) if word)
        for one in pictures
    )


def _told(picture: Picture) -> str:
    if picture.address:
        return f"an address, {picture.address}, from which I fetch nothing"
    kind = f"a {picture.kind} of {picture.width} × {picture.height} pixels and {picture.size} bytes"
    if picture.colours:
        *first, last = picture.colours
        return f"{kind}, " + (f"in {', '.join(first)} and {last}" if first else f"all {last}")
    return f"{kind}; if I had to make something up, I would say it shows {picture.guess}"


def _of_part(part: dict[str, object], service: str) -> Picture | None:
    kind, source = part.get("type"), as_dict(part.get("source"))
    if kind == "image" and source.get("type") == "base64":
        return _of_bytes(as_str(source.get("data")), service, as_str(source.get("media_type")))
    if kind == "image":
        return _afar(as_str(source.get("url")) or as_str(source.get("file_id")), service)
    if kind not in ("image_url", "input_image"):
        return None
    given = part.get("image_url")
    url = given if isinstance(given, str) else as_str(as_dict(given).get("url"))
    detail = part.get("detail") if kind == "input_image" else as_dict(given).get("detail")
    if url.startswith("data:"):
        return _of_bytes(url.partition(";base64,")[2], service, detail="low" if detail == "low" else "")
    return _afar(url or as_str(part.get("file_id")), service)


def _of_bytes(text: str, service: str, media_type: str = "", detail: str = "") -> Picture:
    # What is no base64 ends the picture; its head, which tells the size, stands before.
    letters = "".join(found[0].split()) if (found := _LETTERS.match(text)) else ""
    try:
        content = base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        content = b""
    kind = pixels.kind_of(content)
    if not kind:
        raise Refused(400, _NO_PICTURE[service], code="invalid_image_format")
    if media_type and media_type != f"image/{kind.lower()}":
        told = f"the image was specified using the {media_type} media type, but it appears to be image/{kind.lower()}"
        raise Refused(400, f"messages: {told}")
    width, height = pixels.size_of(content)
    draw = int.from_bytes(hashlib.sha256(content).digest()[:4])
    seen = pixels.colours_of(content)
    cost = _tokens(width or _UNSEEN[0], height or _UNSEEN[1], service, detail)
    return Picture(kind, width, height, len(content), seen, _GUESSES[draw % len(_GUESSES)], tokens=cost)


def _afar(address: str, service: str) -> Picture | None:
    return Picture("", 0, 0, address=address, tokens=_tokens(*_UNSEEN, service)) if address else None


def _tokens(width: int, height: int, service: str, detail: str = "") -> int:
    if service == "anthropic":
        return min(max(1, round(width * height / 750)), 4_784)
    if service == "ollama":
        return 256
    if detail == "low":
        width, height = min(width, 512), min(height, 512)
    return min(-(-width // 32) * -(-height // 32), 1_536)
