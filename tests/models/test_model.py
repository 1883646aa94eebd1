"""What is known of a model, as a value. If one fails, people read something else than what is known."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from llmlab.models import ModelCapabilities, ModelSpec, ParameterSpec, Prices, find_spec

ACME = ModelSpec(
    "acme<1>",
    "acme",
    ModelCapabilities(streaming=True, tools=True, parallel_tools=False),
    (
        ParameterSpec("temperature", max_value=1, default=1),
        ParameterSpec("top_p", min_value=0.1, exclusive_with=("temperature",)),
    ),
    context_window=32_000,
    max_output_tokens=4_000,
    prices=Prices(0.25, 1),
    retired_on=date(2030, 5, 1),
    aliases=("acme-latest",),
)


def test_a_spec_is_one_line_a_table_and_markdown() -> None:
    """The long repr of nested dataclasses would fill a learner's screen."""
    assert repr(ACME) == "ModelSpec('acme<1>', 'acme', 32,000 tokens, $0.25 in, $1 out)"
    assert repr(ModelSpec("m", "p")) == "ModelSpec('m', 'p')"
    assert str(ACME) == (
        "acme<1>\n"
        "  provider          acme\n"
        "  can               streaming, tools\n"
        "  context window    32,000 tokens\n"
        "  longest answer    4,000 tokens\n"
        "  temperature       up to 1; 1 when left out\n"
        "  top_p             0.1 or more; not beside temperature\n"
        "  a million tokens  $0.25 in, $1 out\n"
        "  shut down         2030-05-01\n"
        "  also called       acme-latest"
    )
    markdown = ACME._repr_markdown_()
    assert markdown.startswith("| | acme&lt;1&gt; |\n|---|---|\n| provider | acme |\n")
    assert "| also called | acme-latest |\n" in markdown
    assert r"| a million tokens | \$0.25 in, \$1 out |" in markdown, "between two bare dollar signs stands a formula"


def test_what_is_not_known_is_not_said() -> None:
    assert ModelSpec("m", "p").rows() == {"provider": "p"}


def test_capabilities_are_told_by_name() -> None:
    assert ModelCapabilities(tools=True, structured_output=True, vision=False).names() == ("tools", "structured_output")


@pytest.mark.parametrize(
    ("one", "words", "within", "outside"),
    [
        (ParameterSpec("x", min_value=0, max_value=2), "0 to 2", 2, 2.1),
        (ParameterSpec("x", min_value=1024), "1024 or more", 1024, 1023),
        (ParameterSpec("x", max_value=1), "up to 1", -5, 1.5),
        (ParameterSpec("x", "str", choices=("low", "medium", "high")), "low, medium or high", "low", "none"),
        (ParameterSpec("x", "str", choices=("none",)), "none", "none", "low"),
    ],
    ids=repr,
)
def test_a_range_in_words_is_the_range_that_is_checked(
    one: ParameterSpec, words: str, within: object, outside: object
) -> None:
    assert one.range == words
    assert one.takes(within)
    assert not one.takes(outside)
    assert ParameterSpec("x").range == "any"


def test_specs_are_values() -> None:
    """A lesson that changes what it found would change it for the whole process."""
    spec = find_spec("gpt-6-luna")
    assert spec is not None
    with pytest.raises(FrozenInstanceError):
        spec.context_window = 1  # type: ignore[misc]
    assert hash(spec) == hash(find_spec("gpt-6-luna", "openai"))
