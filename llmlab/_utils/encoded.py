"""Find known values in every form in which they come back: escaped, percent-encoded, in base64 or hex, or over lines.

>>> encoded_spans("aHR0cHM6c2stcXo3eHcydms5", ["sk-qz7xw2vk9"])
[(0, 24)]
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from functools import lru_cache

# An escape stands for the character of its number; a line break and any other backslash stand for nothing.
_ESCAPE = re.compile(
    r"%(?:25)*[0-9A-Fa-f]{2}|\\++(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt])?|[\r\n]++[ \t]*+"
    r"|&(?:amp;)*(?:#\d{1,5}|#x[0-9A-Fa-f]{1,4}|quot|apos|amp|lt|gt);"
)
_NUMBER = re.compile(r"(?:(?:%(?:25)*|\\[ux]|#x)([0-9A-Fa-f]+)|#(\d+));?$")
_ENTITIES = {"quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">"}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_")
_REST = re.compile(r"[A-Za-z0-9+_-]*+=*+")


def encoded_spans(text: str, secrets: Iterable[str]) -> list[tuple[int, int]]:
    """Return where in `text` a form of a secret stands, as (start, end). Base64 around it is a part of the form.

    Args:
        text: any text.
        secrets: values long enough not to be found by chance.
    """
    forms = [form for secret in secrets for form in forms_of(secret)]
    view = _unescaped(text)
    found = []
    for form, is_base64 in forms:
        start = view.find(form)
        while start >= 0:
            end = start + len(form)
            while is_base64 and start and view[start - 1] in _BASE64:
                start -= 1
            if is_base64:
                end += len(_REST.findall(view, end)[0])
            found.append((start, end))
            start = view.find(form, end)
    if not found or len(view) == len(text):
        return found
    starts, ends = _places(text)
    return [(starts[start], ends[end - 1]) for start, end in found]


@lru_cache(maxsize=256)
def forms_of(secret: str) -> tuple[tuple[str, bool], ...]:
    """Return the forms of a secret in an unescaped text, and whether each is base64."""
    data = secret.encode("utf-8", "surrogatepass")
    # Where each character is escaped, `\n` within a secret is no line break.
    letters = (secret, data.decode("latin-1"), secret.replace("\\", ""), data.replace(b"\\", b"").decode("latin-1"))
    plain = {*map(_unescaped, letters), data.hex(), data.hex().upper()}
    coded = set()
    for before in range(3):
        # What stands before the secret moves its bits. The characters at both ends also hold bits of its neighbours.
        whole = codecs.encode(b"\0" * before + data, "base64").replace(b"\n", b"").decode()
        inner = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        coded |= {inner, inner.replace("+", "-").replace("/", "_")}
    return tuple((form, form in coded) for form in sorted(plain | coded) if form)


def _unescaped(text: str) -> str:
    if not any(map(text.__contains__, "%\\\r\n&")):
        return text
    return _ESCAPE.sub(lambda found: _meaning(found[0]), text)


@lru_cache(maxsize=1024)
def _meaning(escape: str) -> str:
    """Return what an escape stands for. A backslash and a line break stand for nothing, escaped themselves or not."""
    if number := _NUMBER.search(escape):
        character = chr(int(number[1], 16) if number[1] else int(number[2]))
        return "" if character in "\\\r\n" else character
    return _ENTITIES.get(escape.rpartition("&")[2].removeprefix("amp;").rstrip(";").rpartition(";")[2], "")


def _places(text: str) -> tuple[list[int], list[int]]:
    """Return where each character of the unescaped text begins in the text itself, and where it ends."""
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for escape in _ESCAPE.finditer(text):
        starts.extend(range(last, escape.start()))
        ends.extend(range(last + 1, escape.start() + 1))
        last = escape.end()
        if _meaning(escape[0]):
            starts.append(escape.start())
            ends.append(last)
    starts.extend(range(last, len(text)))
    ends.extend(range(last + 1, len(text) + 1))
    return starts, ends
