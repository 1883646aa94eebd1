"""Known secrets in every form: 120 planted, none found afterwards; 60 look-alikes, none changed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab._utils.redaction import redact
from llmlab.config.environment import Secret
from tests.planted import FORMS, LOOK_ALIKES, PLANTED, SECRETS


def test_no_form_of_a_secret_is_left() -> None:
    """A gateway that answers with the request's headers in base64 gives the key to whoever reads the log."""
    assert (len(PLANTED), len(LOOK_ALIKES)) == (120, 60)
    for name, form in PLANTED.items():
        for around in ("{}", "say: {} .", '{{"a": "{}"}}', "https://h.example/p/{}/q", "s={}; Path=/"):
            left = redact(around.replace("{{", "{").replace("}}", "}").replace("{}", form), SECRETS)
            assert not [form[at : at + 9] for at in range(len(form) - 8) if form[at : at + 9] in left], (name, left)
            assert around == "{}" or left.startswith(around[:2].replace("{{", "{")), (name, left)


def test_what_only_looks_like_a_secret_is_left_alone() -> None:
    """An answer with holes is worse than none: nobody knows what it said."""
    for text in LOOK_ALIKES:
        assert redact(text, SECRETS) == text
    whole = "\t".join(LOOK_ALIKES)
    assert redact(whole, SECRETS) == whole


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="%\\&"), max_size=30),
    st.sampled_from([*FORMS]),
    st.sampled_from(SECRETS),
)
def test_what_stands_before_a_secret_does_not_hide_it(before: str, name: str, secret: str) -> None:
    form = FORMS[name](secret)
    left = redact(before + form, (secret,))
    assert form not in left
    assert form[-9:] not in left[len(before) :]


def test_a_key_in_use_is_secret_everywhere_and_forgotten_afterwards() -> None:
    """A provider's key, whatever it looks like, is in no error, log, span or ledger."""
    value = "Zz9-of-no-known-form"
    secret = Secret(value)
    assert redact(f"<{value}>") == "<[redacted]>"
    del secret
    assert redact(f"<{value}>") == f"<{value}>"


@pytest.mark.parametrize("piece", ["\\", "%41", "%25", "\n \n", "&amp;", "\\u0041", "A1b2", 'ab\\n\\"c', "\\\\\\u0"])
def test_a_long_text_takes_its_time_but_no_more(piece: str) -> None:
    """An error of 1 MB must not outlive the deadline of its call."""
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    redact(text, SECRETS)
    assert time.perf_counter() - started < 10
