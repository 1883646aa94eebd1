"""Secrets in text. If one fails, a key reaches a recording, a log or a screen, or an innocent word is blacked out."""

from __future__ import annotations

import base64
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab._utils.redaction import REDACTED, find_secrets, redact
from llmlab.errors import LLMError

# Built up from halves, so that no scanner takes this file for a leak.
X20 = "a1B2c3D4e5" * 2
SECRETS = [
    ("sk-" + "abc123def456", "sk-" + "abc123def456"),
    ("the key sk-proj-" + X20 + ".", X20),
    ("sk-ant-api03-" + X20 + "-_" + X20, X20),
    ("sk-or-v1-" + "0123456789abcdef" * 4, "0123456789abcdef"),
    ("sk-svcacct-" + "plainletters", "plainletters"),
    ("sk-ant-" + "onlyletters", "onlyletters"),
    ("sk-" + "abcdefghij" * 3, "abcdefghij"),
    ("sk-ab*****yz", "yz"),
    ("sk-ab…yz12", "yz12"),
    ("sess-" + X20, X20),
    ("pk-" + X20, X20),
    ("sk_live_" + X20, X20),
    ("AIza" + X20 + X20[:15], X20),
    ("ya29." + X20, X20),
    ("hf_" + X20, X20),
    ("gsk_" + X20, X20),
    ("xai-" + X20, X20),
    ("ghp_" + X20, X20),
    ("github_pat_" + X20, X20),
    ("glpat-" + X20, X20),
    ("xoxb-" + X20, X20),
    ("nvapi-" + X20, X20),
    ("AKIA" + "ABCDEFGH12345678", "ABCDEFGH"),
    ("org-" + X20, X20),
    ("proj_" + X20, X20),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ("Authorization: Bearer " + "t0ken-value", "t0ken-value"),
    ("authorization: bearer planted-secret-of-some-length", "planted"),
    ("Authorization: Basic " + "dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("Authorization: planted-secret", "planted"),
    ("x-api-key: planted-secret", "planted"),
    ("x-goog-api-key: planted-secret", "planted"),
    ('{"api_key": "planted-secret"}', "planted"),
    (r"{\"api_key\": \"planted-secret\"}", "planted"),
    ("{'apiKey': 'planted-secret'}", "planted"),
    ("(b'x-api-key', b'planted-secret')", "planted"),
    ("('authorization', 'planted-secret')", "planted"),
    ("OPENAI_API_KEY=planted-secret", "planted"),
    ("AWS_SECRET_ACCESS_KEY=planted/secret", "planted"),
    ("client_secret=planted-secret&x=1", "planted"),
    ("refresh_token: planted-secret", "planted"),
    ('"password": "hunter2"', "hunter2"),
    ("https://host/v1?key=planted", "planted"),
    ("https://host/v1?a=b&access_token=planted", "planted"),
    ("https://user:planted@host/v1", "planted"),
    ("Incorrect API key provided: planted", "planted"),
]

HARMLESS = [
    "Hello, how are you?",
    "sk-learn-style pipelines",
    "a task-oriented risk-free desk-job",
    "Basic understanding of Python",
    "basic end-to-end example",
    "uses Bearer authentication",
    "the bearer certificates",
    "Basic HTTP authentication",
    "Bearer $OPENAI_API_KEY",
    'curl -H "Authorization: Bearer $OPENAI_API_KEY"',
    'curl -H "x-api-key: $ANTHROPIC_API_KEY"',
    "api_key: ${OPENAI_API_KEY}",
    "OPENAI_API_KEY=\nANTHROPIC_API_KEY=\n",
    "OPENAI_API_KEY=<your key>",
    "api_key=os.environ['OPENAI_API_KEY']",
    'api_key = os.getenv("OPENAI_API_KEY")',
    "api_key=getpass()",
    "api_key: str | None = None",
    "The api key, please.",
    "put your API key into .env",
    "max_tokens=4096",
    '"total_tokens": 123456789',
    '"token": " Paris"',
    "https://host/v1/models?limit=1000",
    "http://127.0.0.1:8080/v1",
    "https://host:443/a@b",
    "chatcmpl-9f8e7d6c5b4a",
    "msg_011CeCGpcB64MTkHifrvQRvN",
    "toolu_01VAsVzPhMLptxfCiiydc4Th",
    "call_NeNP7bv8VH3cJTxFagvafR2L",
    "resp_0fcd6ce1ac856de5016a85bf6e4eac87",
    "req_011CZfGhJkLmNoPqRsTuVwXy",
    "gpt-oss:120b and claude-haiku-5-5",
    "org-mode documentation",
    "proj_organisation",
    "the key is under the mat",
    "password:",
    "monkey=banana&turkey=roast",
    REDACTED,
]


def test_a_secret_is_taken_out(subtests: pytest.Subtests) -> None:
    for text, secret in SECRETS:
        with subtests.test(text=text):
            assert secret in text
            assert secret not in redact(text)
            assert secret not in redact(f'before {text}\nafter "{text}"')
            assert REDACTED in redact(text)
            assert find_secrets(text)


def test_what_is_no_secret_stays(subtests: pytest.Subtests) -> None:
    for text in HARMLESS:
        with subtests.test(text=text):
            assert redact(text) == text
            assert find_secrets(text) == []


def test_the_lists_are_long_enough_to_mean_something() -> None:
    assert len(SECRETS) >= 30
    assert len(HARMLESS) >= 30


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("key sk-abc123def456, model m") == f"key {REDACTED}, model m"
    assert redact('{"api_key": "planted-secret", "model": "m"}') == f'{{"api_key": "{REDACTED}", "model": "m"}}'
    assert redact("https://host/?key=planted&a=b") == f"https://host/?key={REDACTED}&a=b"


def test_a_known_value_is_taken_out_wherever_it_stands() -> None:
    assert redact("xxsome wordsxx", ["some words"]) == f"xx{REDACTED}xx"
    assert redact("a cat", ["a", "cat", ""]) == "a cat"
    assert redact("the key a.*b[ is not aXXb", ["a.*b["]) == f"the key {REDACTED} is not aXXb"


def test_a_key_behind_a_known_value_is_taken_out() -> None:
    """It begins in the middle of a word, and is a key only once the value before it is gone."""
    assert "abc123" not in redact("mykeysk-proj-abc123def456ghi", ["mykey"])


PARTS = st.sampled_from([part for text, _ in SECRETS for part in (text, text.partition(" ")[2])] + HARMLESS)


@given(st.lists(st.one_of(PARTS, st.text(max_size=8), st.sampled_from(list(" \n\"'=:,&?@-_.…"))), max_size=8))
def test_redacting_twice_changes_nothing_more(parts: list[str]) -> None:
    once = redact("".join(parts))
    assert redact(once) == once


AROUND = st.text("xyz .,:;\n\"'(){}[]", max_size=20)


@given(st.sampled_from(SECRETS), AROUND, AROUND)
def test_a_secret_is_found_whatever_stands_around_it(planted: tuple[str, str], before: str, after: str) -> None:
    text, secret = planted
    assert secret not in redact(f"{before} {text} {after}")


UNITS = (
    *(
        "sk-",
        "sk-a1b2c3d4 ",
        "sk-proj-",
        "a.",
        "a@",
        "9",
        "\\",
        "'",
        '"',
        "abc",
        "İ",
        " ",
        "abcabcde***",
        "org-" + "a" * 12,
    ),
    *(
        "eyJ",
        "eyJaaaaaaaa-",
        "eyJaaaaaaaa.bbbbbbbb ",
        "password",
        "password=",
        "password:  ",
        "id_token:",
        "authorization'",
    ),
    *(
        "api_key=a.a(",
        "api_key=aaaaaa ",
        "bearer a",
        "Basic ",
        "http://",
        "http://a:b",
        "?key=",
        "-----BEGIN ",
        "[redacted]",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "token.segment.",
        '"k": "v", ',
        "agent-challenge-1.0.1 aiohappyeyeballs-2.7.1 ",
    ),
)


def test_a_megabyte_takes_no_longer_than_its_length() -> None:
    """A quadratic pattern takes minutes here. If this fails, an error text of 40 KB outlives the deadline."""
    noise = base64.b64encode(random.Random(1).randbytes(750_000)).decode()
    for text in (noise, *(unit * (1_000_000 // len(unit)) for unit in UNITS)):
        started = time.process_time()
        redact(text, ["abcabcdefgh-key"])
        assert time.process_time() - started < 3, text[:40]


def test_a_long_error_is_cut_at_words_and_keeps_its_end() -> None:
    error = LLMError(
        f"the service said {'x' * 30 + ' '!r} {'sk-' * 20_000} " + "y" * 100_000 + " sk-" + X20 + " Try again."
    )
    assert len(error.message) < 10_000
    assert error.message.startswith("the service said")
    assert error.message.endswith("Try again.")
    assert X20[:6] not in error.message
    assert len(LLMError("z" * 100_000).message) < 200
