"""Secrets in all forms in which they can come back, and texts that only look like one."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

SECRETS = (
    "sk-proj-Qz7Xw2Vk9Lt4HmRb6Yc1",
    "Kq7/with+odd=chars9&more",
    'Wp3"back\\slash\\news<8>x5',
    "Jd8-pässwort-mit-ü-und-ß-77",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "plain-words-of-a-pass-phrase",
)


def _lines(text: str, end: str) -> str:
    return end.join(text[at : at + 11] for at in range(0, len(text), 11))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def _inside(text: str) -> str:
    return json.dumps(text)[1:-1]


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "JSON": _inside,
    "JSON in JSON": lambda text: _inside(_inside(text)),
    "JSON, letters as they are": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "escapes": _escaped,
    "escapes in JSON": lambda text: _inside(_escaped(text)),
    "escapes in capitals": lambda text: _escaped(text).upper().replace("\\U", "\\u"),
    "URL": lambda text: quote(text, safe=""),
    "URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "URL, small": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "URL, every letter": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "base64": _base64,
    "base64 behind a name": lambda text: _base64(f"me:{text}"),
    "base64 between": lambda text: _base64(f"ab{text}cd"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"?{text}".encode()).decode().rstrip("="),
    "base64 over lines": lambda text: _lines(_base64(f"user:{text}"), "\n"),
    "over lines": lambda text: _lines(text, "\r\n   "),
    "over lines in JSON": lambda text: _lines(text, "\\n") if text.isalnum() else _inside(_lines(text, "\n")),
    "HTML": lambda text: html.escape(html.escape(text)),
    "hex": lambda text: text.encode().hex(),
}
PLANTED = {f"{name}: {secret[:6]}": form(secret) for secret in SECRETS for name, form in FORMS.items()}
"""120 texts by what they are."""

LOOK_ALIKES = (
    "The token count is 7, and max_tokens=100.",
    "sk-learn, task-oriented, risk-free and desk-bound",
    "https://somewhere.dev/home/about?after=gpt-6-luna&limit=20",
    "%41%42%43 is ABC, and 100%25 is 100%",
    "\\u0041\\u0042\\u0043",
    "line one\nline two\r\n   line three\\nline four",
    "&lt;b&gt; &amp;amp; &#39;quoted&#39;",
    "aGVsbG8gd29ybGQsIHRoaXMgaXMgbm90IGEga2V5",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "68656c6c6f20776f726c64",
    "resp_0123456789abcdef0123456789abcdef",
    "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "call_9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
    "msg_01XFDUDYJgAACzvnptvVoYEL",
    "toolu_01A09q90qw90lq917835lq9",
    "file-abc123DEF456",
    "vs_67d4a1b2c3",
    "batch_67d4",
    "req_011CSHoEeqs5C35K2UUqR7Fy",
    "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
    "commit 8167744a1f0e2d3c4b5a",
    "gpt-6-luna-2026-11-01",
    "claude-opus-4-5",
    "openai/gpt-oss-20b:free",
    "Bearer of good news",
    "Basic research is basic",
    "Authorization is a header. Password: what is that?",
    "The key: patience. A token: fourteen_letters_or_more",
    "prompt_cache_key=a-long-name-of-a-cache",
    '{"token": " Hello", "logprob": -0.1}',
    "And then... the plainest end. pla... plain...",
    "plain-words-of-a-pass", "plain-words-of-a-pass-phase", "words-of-a-pass-phrase",
    "0f1e2d3c4b5a69788796", "f1e2d3c4b5a69788796a5b4c3d2e1f0", "0F1E2D3C 4B5A6978",
    "Kq7/with+odd", "with+odd=chars9&more", "Kq7 with odd chars",
    "Wp3 back slash news", "back\\slash\\news<8>x5",
    "Jd8-passwort-mit-u-und-ss-77", "pässwort-mit-ü",
    "sk-proj-", "Qz7Xw2Vk9Lt4HmRb6Yc", "sk- and proj",
    "2026-11-28T08:30:23.123456Z",
    "0.1234567890123456789",
    "12345678901234567890",
    "data:image/png;base64,AAAA",
    "x@y, 3 @ home, @mention",
    "C:\\temp\\x", "/usr/lib/python3",
    "==== ---- ____ ++++",
    "日本語のテキスト", "Ünïcödé", "👩‍👩‍👧 family \\u2026 &#8230;",
    "ratelimit-remaining: 59",
)  # fmt: skip
