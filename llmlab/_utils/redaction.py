"""Patterns of secrets, and their removal from text.

Error messages, logs, recordings and notebooks all pass through here, so it stands above every other room.
It knows text only. Which headers may be stored is decided by the tape.

    >>> redact("Incorrect API key provided: sk-proj-abc123def456ghi")
    'Incorrect API key provided: [redacted]'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

from llmlab._utils.encoded import encoded_spans, forms_of

REDACTED = "[redacted]"

# Vendors repeat a part of a wrong key in their answer ("sk-ab***yz"), so masked keys count as keys.
_KEY = r"[A-Za-z0-9_*.…-]"


def _keys(*starts: str, rest: str) -> list[tuple[str, re.Pattern[str]]]:
    # A literal first and the boundary behind it: `re` then jumps from one start to the next.
    return [(start, re.compile(rf"{re.escape(start)}(?<=\b{re.escape(start)}){rest}")) for start in starts]


_KEYS = (
    # OpenAI, Anthropic, OpenRouter: sk-…, sk-proj-…, sk-ant-…, sk-or-v1-…; the session keys sess-…. "sk-learn" is none.
    *_keys("sk-", "pk-", "rk-", "sess-", rest=rf"(?={_KEY}{{7}})[A-Za-z_.-]*+([0-9*…]{_KEY}*+)?"),
    *_keys("sk-", rest=r"((?:proj|ant|or|svcacct|admin)-[A-Za-z0-9_-]{8,}+|[A-Za-z0-9]{20,}+)"),
    # Google, Hugging Face, Groq, xAI, GitHub, GitLab, Slack, NVIDIA, Perplexity, Replicate, Stripe, AWS.
    *_keys("AIza", "ya29.", rest="([A-Za-z0-9_-]{20,}+)"),
    *_keys("hf", "gsk", "xai", "ghp", "gho", "ghs", "ghu", "github_pat", "glpat", rest="([_-][A-Za-z0-9_-]{16,}+)"),
    *_keys("xoxa", "xoxb", "xoxp", "nvapi", "pplx", "r8", rest="([_-][A-Za-z0-9_-]{16,}+)"),
    *_keys("rk_", "sk_", rest="((?:live|test)_[A-Za-z0-9]{8,}+)"),
    *_keys("AKIA", "ASIA", rest=r"([A-Z0-9]{16}\b)"),
    # Organisation and project identifiers of OpenAI.
    *_keys("org-", "org_", "proj-", "proj_", rest="(?=[A-Za-z0-9]{12})[A-Za-z]*+([0-9][A-Za-z0-9]*+)?"),
    # JSON web tokens, and private keys in PEM.
    *_keys("eyJ", rest=r"[A-Za-z0-9_-]{8,}+(\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]++)?"),
    (
        "-----BEGIN ",
        re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"),
    ),
)
"""What a text must hold, and a pattern that takes the whole run of characters. A secret is one with its group in it.

A run that holds none is taken too, so that no character is looked at twice and the time grows with the text only.
"""
_NAMES = (
    r"(?:api|secret|private|access)[_-]?key|authorization|client[_-]?secret|passw(?:or)?d"
    r"|(?:access|refresh|auth|session|id)[_-]?token"
)
# What follows a name is no secret if it is redacted, a variable of the shell, a placeholder, or code that fetches it.
_HARMLESS = r"(?!\[redacted\]|\$|<|(?:bearer|basic)\b|[a-z_][\w.]*+[(\[])"
_NAMED = ("key", "authorization", "secret", "passw", "token")
# Here only the second half is secret; the first says what it was.
_LABELLED: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (("api",), re.compile(r"(api[ _-]?key provided:?\s++)(?!\[redacted\])[^\s\"',;]+")),
    # name=value, name: value, "name": "value", also with escaped quotes; ("name", "value"), as headers are printed.
    (
        _NAMED,
        re.compile(
            rf"""((?:{_NAMES})(?:\\?["']?[ \t]*+[=:][ \t]*+\\?["']?|["'],[ \t]*+b?["'])){_HARMLESS}"""
            r"""(?:(?<=["'])[^\s"'\\]{6,}|[^\s"'\\&,;}]{6,})"""
        ),
    ),
    (("key=", "token="), re.compile(r"([?&](?:key|api_key|apikey|token|access_token)=)(?!\[redacted\])[^&\s\"']+")),
    # https://user:password@host
    (("://",), re.compile(r"(://(?<=[a-z0-9+.-]://)[^\s/:@\"']*+:)(?!\[redacted\])[^\s/:@\"']++(?=@)")),
)
"""For texts in lower case."""
_SCHEMES = (
    # A word of prose after "Bearer" or "Basic" has neither digit nor mark, and is short.
    (
        "bearer",
        re.compile(r"((?i:bearer)(?<=\b.{6})\s++)(?=\S*[0-9_*…/+=]|\S*[a-z][A-Z]|\S{20})[A-Za-z0-9._~+/=*…-]{6,}"),
    ),
    (
        "basic",
        re.compile(r"((?i:basic)(?<=\b.{5})\s++)(?=[A-Za-z0-9+/]*(?:[0-9+/=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}"),
    ),
)
"""For texts as they are, because capitals tell a credential from a word."""

SHORTEST = 8
"""Characters of a secret that is searched in all its forms. A shorter one would be found by chance."""
_in_use: WeakValueDictionary[int, Any] = WeakValueDictionary()
_STARTS = tuple(dict.fromkeys(start for start, _ in _KEYS))
_WORDS = ("api", *_NAMED, "://", "bearer", "basic")
"""Most texts hold none of these, and one look at each is quick."""
_HIDDEN = ("%", "\\", "\r", "\n", "&", "*", "…", "...")
"""Escapes and masks, which may hide a known secret."""


def note_in_use(secret: Any) -> None:
    """Have `redact` remove a value wherever it stands, as long as the object that reveals it lives.

    Args:
        secret: has a method `reveal`.
    """
    _in_use[id(secret)] = secret
    SUSPECTS.marks = ()


def in_use() -> list[str]:
    """Return the values of `note_in_use` that other words do not hold by chance."""
    alive = (reference() for reference in _in_use.valuerefs())
    return [value for secret in alive if secret is not None and len(value := secret.reveal()) >= SHORTEST]


class Suspects:
    """A quick look at names that each call has. A text in lower case without any of the marks holds no secret."""

    marks: tuple[str, ...] = ()

    def learn(self) -> tuple[str, ...]:
        """Return the marks, also of what is in use by now."""
        forms = (form for secret in in_use() for form, _ in forms_of(secret))
        self.marks = tuple({mark.lower() for mark in (*_STARTS, *_WORDS, *_HIDDEN, *forms)})
        return self.marks


SUSPECTS = Suspects()

# A cut can uncover a secret that was glued to the one before it. Twice is enough in practice; the bound is for proof.
PASSES = 8


def redact(text: str, secrets: Iterable[str] = (), labelled: Iterable[re.Pattern[str]] = ()) -> str:
    """Return `text` with everything that looks like a secret replaced by `[redacted]`.

    Args:
        text: any text; JSON and URLs are fine.
        secrets: values known to be secret here, replaced wherever they stand. Values under four
            characters are ignored, because they would tear ordinary words apart.
        labelled: further patterns, of which everything after the first group is meant.
    """
    for _ in range(PASSES):
        spans = secret_spans(text, secrets, labelled)
        if not spans:
            break
        text = cut_spans(text, spans)
    return text


def secret_spans(
    text: str, secrets: Iterable[str] = (), labelled: Iterable[re.Pattern[str]] = ()
) -> list[tuple[int, int]]:
    """Return where in `text` the secrets stand, as (start, end), in order and without overlaps.

    Args:
        text: any text.
        secrets: values known to be secret here; those under four characters are ignored.
        labelled: further patterns, of which everything after the first group is meant.
    """
    spans: list[tuple[int, int]] = []
    if any(map(text.__contains__, _STARTS)):
        keys = (match for start, pattern in _KEYS if start in text for match in pattern.finditer(text))
        spans += [match.span() for match in keys if match.lastindex]
    lower = text.lower()
    # A few letters grow when they become small. Then places in `lower` would be wrong.
    lower = lower if len(lower) == len(text) else "".join(one if len(one.lower()) > 1 else one.lower() for one in text)
    found = [(pattern, text) for pattern in labelled]
    if any(map(lower.__contains__, _WORDS)):
        found += [(pattern, lower) for words, pattern in _LABELLED if any(word in lower for word in words)]
        found += [(pattern, text) for word, pattern in _SCHEMES if word in lower]
    for pattern, where in found:
        count = pattern.groups
        spans += [(match.end(1), match.end()) for match in pattern.finditer(where) if match.lastindex == count]
    secrets = [*dict.fromkeys([*secrets, *in_use()])]
    if long := [secret for secret in secrets if len(secret) >= SHORTEST]:
        spans += encoded_spans(text, long)
    for secret in secrets:
        if len(secret) >= 4 and secret not in REDACTED and secret[:3] in text:
            spans += [match.span() for match in re.finditer(re.escape(secret), text)]
            spans += [match.span() for match in _masked(secret).finditer(text) if match.lastindex]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=64)
def _masked(secret: str) -> re.Pattern[str]:
    """Return a pattern of what is left of a secret where a service has masked its middle. It has a group then."""
    if len(secret) < 8:
        return re.compile(r"(?!)")
    start, end = re.escape(secret[:3]), re.escape(secret[-2:])
    return re.compile(rf"{start}[\w-]*+(\*{{3,}}+[\w*-]*+|(?:…|\.{{3}})[\w-]*{end}\b)?")


def cut_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return `text` with `[redacted]` in the place of each span."""
    parts, last = [], 0
    for start, end in spans:
        parts += [text[last:start], REDACTED]
        last = end
    return "".join([*parts, text[last:]])


def find_secrets(text: str) -> list[str]:
    """Return what `redact` would take out of `text`, in its order, for tests that scan files."""
    return [text[start:end] for start, end in secret_spans(text)]
