"""Looks into a picture: its kind, its size and, for a small PNG, the colours that most of it has.

Formats: PNG specification (W3C), GIF89a, the WebP container, and ITU T.81 (JPEG), as far as their heads tell the size.
"""

from __future__ import annotations

import zlib
from collections import Counter

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST = 65_536
"""Pixels of the largest picture whose colours are counted; more would take too long."""

_SHARE = 0.1
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_NAMED = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (255, 150, 20),
    "yellow": (250, 225, 40),
    "green": (30, 150, 50),
    "turquoise": (50, 205, 200),
    "blue": (30, 70, 210),
    "purple": (130, 40, 150),
    "pink": (255, 150, 190),
    "brown": (120, 70, 30),
}


def kind_of(content: bytes) -> str:
    """Tell what kind of picture this is, by how it begins; empty for none that models see."""
    if content.startswith(_PNG):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return "WebP" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def size_of(content: bytes) -> tuple[int, int]:
    """Read width and height in pixels; (0, 0) where the head does not tell."""
    kind = kind_of(content)
    if kind == "PNG":
        return _number(content[16:20]), _number(content[20:24])
    if kind == "GIF":
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    if kind == "WebP":
        return _webp(content)
    return _jpeg(content) if kind == "JPEG" else (0, 0)


def colours_of(content: bytes) -> tuple[str, ...]:
    """Name the colours of a small PNG, the most frequent one first; nothing for any other picture."""
    width, height = size_of(content)
    # Eight bits for each value, and no interlacing.
    if (
        kind_of(content) != "PNG"
        or not 0 < width * height <= _MOST
        or (content[24:25], content[28:29]) != (b"\x08", b"\0")
    ):
        return ()
    channels = _CHANNELS.get(content[25], 0)
    chunks = _chunks(content)
    try:
        packed = zlib.decompressobj().decompress(chunks.get(b"IDAT", b""), height * (width * channels + 1))
    except zlib.error:
        return ()
    if not channels or len(packed) < height * (width * channels + 1):
        return ()
    rows = _unfiltered(packed, width * channels, channels)
    counted = Counter(row[at : at + channels] for row in rows for at in range(0, len(row), channels))
    names: Counter[str] = Counter()
    for pixel, times in counted.items():
        names[_name(pixel, chunks.get(b"PLTE", b"") if content[25] == 3 else b"")] += times
    return tuple(name for name, times in names.most_common() if name and times >= _SHARE * width * height)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = len(_PNG)
    while at + 8 <= len(content):
        length, name = _number(content[at : at + 4]), content[at + 4 : at + 8]
        found[name] = found.get(name, b"") + content[at + 8 : at + 8 + length]
        at += length + 12
    return found


def _unfiltered(packed: bytes, width: int, step: int) -> list[bytes]:
    """Undo the filters that each row of a PNG went through."""
    rows: list[bytes] = []
    above = bytes(width)
    for at in range(0, len(packed) - width, width + 1):
        kind, row = packed[at], bytearray(packed[at + 1 : at + 1 + width])
        for place in range(width):
            left = row[place - step] if place >= step else 0
            corner = above[place - step] if place >= step else 0
            row[place] = (row[place] + _guess(kind, left, above[place], corner)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        near = left + up - corner
        return min((left, up, corner), key=lambda value: abs(near - value))
    return (0, left, up, (left + up) // 2)[kind] if kind < 4 else 0


def _name(pixel: bytes, palette: bytes) -> str:
    if len(pixel) in (2, 4) and pixel[-1] < 128:
        return ""  # one looks through it
    if palette:
        pixel = palette[pixel[0] * 3 : pixel[0] * 3 + 3]
    seen = pixel[:3] if len(pixel) >= 3 else pixel[:1] * 3
    return min(_NAMED, key=lambda name: sum((one - two) ** 2 for one, two in zip(seen, _NAMED[name], strict=False)))


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF


def _jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        mark = content[at + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            return _number(content[at + 7 : at + 9]), _number(content[at + 5 : at + 7])
        at += 2 + _number(content[at + 2 : at + 4])
    return 0, 0


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")
