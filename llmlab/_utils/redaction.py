"""Patterns of secrets, and their removal from text.

Error messages, logs, recordings and notebooks all pass through here, so it stands above every other room.
It knows text only. Which headers may be stored is decided by the tape.

    >>> redact("Incorrect API key provided: sk-proj-abc123def456ghi")
    'Incorrect API key provided: [redacted]'
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"

# Vendors repeat a part of a wrong key in their answer ("sk-ab***yz"), so masked keys count as keys.
_KEY_CHARACTERS = r"[A-Za-z0-9_*.…-]"
_PATTERNS: tuple[re.Pattern[str], ...] = (
    # OpenAI, Anthropic, OpenRouter: sk-…, sk-proj-…, sk-ant-…, sk-or-v1-…; the session keys sess-…. "sk-learn" is none.
    re.compile(rf"\b(?:sk|pk|rk|sess)-(?={_KEY_CHARACTERS}*[0-9*…]){_KEY_CHARACTERS}{{7,}}"),
    re.compile(r"\bsk-(?:(?:proj|ant|or|svcacct|admin)-[A-Za-z0-9_-]{8,}|[A-Za-z0-9]{20,})"),
    # Google, Hugging Face, Groq, xAI, GitHub, GitLab, Slack, NVIDIA, Perplexity, Replicate, Stripe, AWS.
    re.compile(r"\bAIza[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:hf|gsk|xai|ghp|gho|ghs|ghu|github_pat|glpat|xox[abp]|nvapi|pplx|r8)[_-][A-Za-z0-9_-]{16,}"),
    re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{8,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    # Organisation and project identifiers of OpenAI.
    re.compile(r"\b(?:org|proj)[-_](?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,}"),
    # JSON web tokens, and private keys in PEM.
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
_NAMES = (
    r"(?:api|secret|private|access)[_-]?key|authorization|client[_-]?secret|passw(?:or)?d"
    r"|(?:access|refresh|auth|session|id)[_-]?token"
)
# What follows a name is no secret if it is redacted, a variable of the shell, a placeholder, or code that fetches it.
_HARMLESS = r"(?!\[redacted\]|\$|<|(?:Bearer|Basic)\b|[A-Za-z_][\w.]*[(\[])"
# Here only the second half is secret; the first says what it was.
_LABELLED: tuple[re.Pattern[str], ...] = (
    # A word of prose after "Bearer" or "Basic" has neither digit nor mark, and is short.
    re.compile(r"((?i:\bBearer)\s+)(?=\S*[0-9_*…/+=]|\S*[a-z][A-Z]|\S{20})[A-Za-z0-9._~+/=*…-]{6,}"),
    re.compile(r"((?i:\bBasic)\s+)(?=[A-Za-z0-9+/]*(?:[0-9+/=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}"),
    re.compile(r"(api[ _-]?key provided:?\s+)(?!\[redacted\])[^\s\"',;]+", re.IGNORECASE),
    # name=value, name: value, "name": "value", also with escaped quotes.
    re.compile(
        rf"""((?:{_NAMES})\\?["']?[ \t]*[=:][ \t]*\\?["']?){_HARMLESS}[^\s"'\\&,;}}]{{6,}}""",
        re.IGNORECASE,
    ),
    # The pair ("name", "value"), as headers are printed.
    re.compile(rf"""((?:{_NAMES})["'],[ \t]*b?["']){_HARMLESS}[^\s"'\\]{{6,}}""", re.IGNORECASE),
    re.compile(r"([?&](?:key|api_key|apikey|token|access_token)=)(?!\[redacted\])[^&\s\"']+", re.IGNORECASE),
    # https://user:password@host
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@\"']*:)(?!\[redacted\])[^\s/:@\"']+(?=@)", re.IGNORECASE),
)


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
        before, text = text, cut_spans(text, secret_spans(text, secrets, labelled))
        if text == before:
            break
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
    spans = [match.span() for pattern in _PATTERNS for match in pattern.finditer(text)]
    spans += [(match.end(1), match.end()) for pattern in (*_LABELLED, *labelled) for match in pattern.finditer(text)]
    for secret in secrets:
        if len(secret) >= 4 and secret not in REDACTED and secret[:3] in text:
            spans += [match.span() for match in re.finditer(_known(secret), text)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _known(secret: str) -> str:
    """Return a pattern of a secret, and of what is left of it where a service has masked its middle."""
    whole, start, end = re.escape(secret), re.escape(secret[:3]), re.escape(secret[-2:])
    if len(secret) < 8:
        return whole
    return rf"{whole}|{start}[\w-]*(?:\*{{3,}}[\w*-]*|(?:…|\.{{3}})[\w-]*{end}\b)"


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
