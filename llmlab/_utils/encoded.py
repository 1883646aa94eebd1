"""Find known values in every form in which they come back: escaped, percent-encoded, in base64 or hex, or over lines.

>>> encoded_spans("aHR0cHM6c2stcXo3eHcydms5", ["sk-qz7xw2vk9"])
[(0, 24)]
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from html import unescape

# An escape stands for the character of its number; a line break and any other backslash stand for nothing.
_ESCAPE = re.compile(
    r"%(?:25)*[0-9A-Fa-f]{2}|\\++(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt])?|[\r\n]++[ \t]*+"
    r"|&(?:amp;)*(?:#\d{1,5}|#x[0-9A-Fa-f]{1,4}|quot|apos|amp|lt|gt);"
)
_REST = re.compile(r"[A-Za-z0-9+_-]*+=*+")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_")


def encoded_spans(text: str, secrets: Iterable[str]) -> list[tuple[int, int]]:
    """Return where in `text` a form of a secret stands, as (start, end). Base64 around it is a part of the form.

    Args:
        text: any text.
        secrets: values long enough not to be found by chance.
    """
    forms = [form for secret in secrets for form in _forms(secret)]
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
    return found if len(view) == len(text) else _in_text(found, text)


@lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[tuple[str, bool], ...]:
    """Return the forms of a secret in an unescaped text, and whether each is base64."""
    data = secret.encode("utf-8", "surrogatepass")
    # Where each character is escaped, `\\n` within a secret is no line break.
    letters = (secret, data.decode("latin-1"), secret.replace("\\", ""), data.replace(b"\\", b"").decode("latin-1"))
    plain = {*map(_unescaped, letters), data.hex(), data.hex().upper()}
    coded = set()
    for before in range(3):
        # What stands before the secret moves its bits. The characters at both ends also hold bits of its neighbours.
        whole = base64.b64encode(b"\0" * before + data).decode()
        inner = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        coded |= {inner, inner.replace("+", "-").replace("/", "_")}
    return tuple((form, form in coded) for form in sorted(plain | coded) if form)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    return _meaning(found[0])


@lru_cache(maxsize=1024)
def _meaning(escape: str) -> str:
    """Return what an escape stands for. A backslash and a line break stand for nothing, escaped themselves or not."""
    number = re.search(r"(?:%(?:25)*|\\[ux])([0-9A-Fa-f]+)$", escape)
    character = chr(int(number[1], 16)) if number else unescape(re.sub("&(?:amp;)+", "&", escape))
    return "" if character[:1] in "\\\r\n" else character


def _in_text(spans: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Return spans of the unescaped text as spans of the text itself."""
    if not spans:
        return []
    # Where each part of the unescaped text begins, there and in the text. A part is an escape, or lies between two.
    begins, places, length, last = [0], [0], 0, 0
    for escape in _ESCAPE.finditer(text):
        length += escape.start() - last
        begins.append(length)
        places.append(escape.start())
        length += len(_character(escape))
        last = escape.end()
        begins.append(length)
        places.append(last)

    def place(index: int) -> int:
        part = bisect_right(begins, index) - 1
        return places[part] + index - begins[part]

    # Behind the last character, where escapes without a character would be skipped otherwise.
    return [(place(start), max(place(end - 1) + 1, _end(place(end - 1), text))) for start, end in spans]


def _end(start: int, text: str) -> int:
    escape = _ESCAPE.match(text, start)
    return escape.end() if escape else start + 1
