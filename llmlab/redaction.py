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
    # OpenAI, Anthropic, OpenRouter: sk-…, sk-proj-…, sk-ant-…, sk-or-v1-…; the session keys sess-….
    re.compile(rf"\b(?:sk|pk|rk|sess)-(?=[A-Za-z0-9_*.…-]*[0-9*…]){_KEY_CHARACTERS}{{7,}}"),
    # Google, Hugging Face, Groq, xAI, GitHub, AWS.
    re.compile(r"\bAIza[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:hf|gsk|xai|ghp|gho|ghs|github_pat)[_-][A-Za-z0-9_]{16,}"),
    re.compile(r"\bAKIA[A-Z0-9]{16}\b"),
    # Organisation and project identifiers of OpenAI.
    re.compile(r"\b(?:org|proj)[-_][A-Za-z0-9]{12,}"),
    # JSON web tokens.
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),
)
# Here only the second half is secret; the first says what it was.
_LABELLED: tuple[re.Pattern[str], ...] = (
    re.compile(r"(\b(?:Bearer|Basic)\s+)(?!\[redacted\])[A-Za-z0-9._~+/=*…-]{6,}", re.IGNORECASE),
    re.compile(r"(api[ _-]?key provided:?\s+)(?!\[redacted\])[^\s\"',;]+", re.IGNORECASE),
    re.compile(
        r"""(["']?(?:x-)?(?:api[_-]?key|authorization|access[_-]?token|client[_-]?secret|password)["']?"""
        r"""\s*[=:]\s*["']?)(?!\[redacted\]|Bearer\b|Basic\b|["'\s]|\$\{)[^\s"'&,;}]{6,}""",
        re.IGNORECASE,
    ),
    re.compile(r"([?&](?:key|api_key|apikey|token|access_token)=)(?!\[redacted\])[^&\s\"']+", re.IGNORECASE),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with everything that looks like a secret replaced by `[redacted]`.

    Args:
        text: any text; JSON and URLs are fine.
        secrets: values known to be secret here, replaced wherever they stand. Values under four
            characters are ignored, because they would tear ordinary words apart.
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, REDACTED)
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    for pattern in _LABELLED:
        text = pattern.sub(rf"\g<1>{REDACTED}", text)
    return text


def find_secrets(text: str) -> list[str]:
    """Return what `redact` would take out of `text`, in no particular order, for tests that scan files."""
    found: list[str] = []
    for pattern in (*_PATTERNS, *_LABELLED):
        found.extend(match.group(0) for match in pattern.finditer(text))
    return found
