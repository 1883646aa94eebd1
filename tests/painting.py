"""Small pictures, made of bytes: what tests show to a model."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

RED, WHITE, BLUE = (220, 30, 30), (255, 255, 255), (30, 70, 210)


def png(
    *colours: Sequence[int], width: int = 4, height: int = 4, kind: int = 2, filtered: int = 0, more: bytes = b""
) -> bytes:
    """Return a PNG of stripes.

    Args:
        colours: one for each stripe, from left to right.
        width, height: pixels.
        kind: colour type: 2 for RGB, 6 for RGB with transparency, 0 for grey, 3 for numbers of a palette.
        filtered: the filter of every row, 0 to 4.
        more: a chunk to put before the pixels.
    """
    stripes = colours or (RED,)
    row = b"".join(bytes(stripes[at * len(stripes) // width]) for at in range(width))
    step, above, packed = len(stripes[0]), bytes(len(row)), b""
    for _ in range(height):
        packed += bytes([filtered]) + _filtered(row, above, step, filtered)
        above = row
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = (_chunk(b"IHDR", head), more, _chunk(b"IDAT", zlib.compress(packed)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def palette(*colours: Sequence[int]) -> bytes:
    """Return the chunk of a palette."""
    return _chunk(b"PLTE", b"".join(map(bytes, colours)))


def jpeg(width: int, height: int) -> bytes:
    """Return the head of a JPEG."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 1)
    return b"\xff\xd8" + b"\xff\xe0" + struct.pack(">H", 4) + b"JF" + frame


def gif(width: int, height: int) -> bytes:
    """Return the head of a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00" * 3


def webp(width: int, height: int) -> bytes:
    """Return the head of a WebP picture in the extended form."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + size


def data_url(content: bytes, kind: str = "png") -> str:
    """Return the bytes of a picture as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _filtered(row: bytes, above: bytes, step: int, kind: int) -> bytes:
    made = bytearray()
    for at, value in enumerate(row):
        left = row[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        up = above[at]
        near = left + up - corner
        guess = min((left, up, corner), key=lambda one, near=near: abs(near - one))
        made.append((value - (0, left, up, (left + up) // 2, guess)[kind]) & 255)
    return bytes(made)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
