"""The check of a request against its model. If one fails, a learner pays for a 400, or is refused what would work."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab import (
    Image,
    LLMInvalidRequestError,
    Message,
    ModelCapabilities,
    ModelSpec,
    ParameterSpec,
    Role,
    UnknownModelWarning,
)
from llmlab.models import MODELS, RETIRED, SPECS, register_spec, validate
from llmlab.types.request import Request, build_request
from tests.core import bodies
from tests.core.trying import NAMES, SHAPES, ask, provider
from tests.loopback import LoopbackServer

TOOL = {"name": "clock", "description": "Tells the time."}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


REFUSED = [
    ("openai", "gpt-4.1", {"reasoning": {"effort": "low"}}, "gpt-4.1 does not reason. Leave reasoning out, or choose "),
    (
        *("openai", "gpt-6-luna", {"reasoning": {"effort": "minimal"}}),
        "gpt-6-luna takes reasoning.effort none, low, medium, high, xhigh or max, not 'minimal'. Choose one of these",
    ),
    (
        *("openai", "gpt-6.1-sol", {"reasoning": {"effort": "none"}}),
        "gpt-6.1-sol takes reasoning.effort low, medium, high, xhigh or max, not 'none'. Choose one of these, or "
        "choose the model gpt-6-sol.",
    ),
    (
        *("openai", "gpt-6-luna", {"temperature": 0.5}),
        "gpt-6-luna takes no temperature beside reasoning.effort 'medium', which holds when nothing else is said. "
        "Leave temperature out, or add reasoning={'effort': 'none'}, or choose the model gpt-5.4-mini.",
    ),
    (
        *("openai", "gpt-5.4", {"top_p": 0.5, "reasoning": {"effort": "high"}}),
        "gpt-5.4 takes no top_p beside reasoning.effort 'high'. Leave top_p out, or add reasoning={'effort': 'none'}",
    ),
    ("openai", "gpt-4.1", {"text": {"verbosity": "low"}}, "gpt-4.1 has no verbosity. Leave text out and say in the "),
    (
        *("openai", "gpt-4o", {"max_tokens": 20_000}),
        "gpt-4o writes 1 to 16384 tokens, and max_tokens is 20000. Take 16384 or less, or choose the model gpt-5.4.",
    ),
    (
        "anthropic",
        "claude-haiku-5-5",
        {"temperature": 0.5},
        "claude-haiku-5-5 takes no temperature. Leave temperature ",
    ),
    (
        *("anthropic", "claude-haiku-4-5", {"reasoning": {"effort": "high"}}),
        "claude-haiku-4-5 takes reasoning.effort none, not 'high'. Choose one of these, or choose the model "
        "claude-haiku-5-5.",
    ),
    (
        *("anthropic", "claude-haiku-5-5", {"reasoning": {"budget_tokens": 2048}}),
        "claude-haiku-5-5 takes no reasoning.budget_tokens. Leave reasoning.budget_tokens out, or choose the model "
        "claude-haiku-4-5.",
    ),
    (
        *("anthropic", "claude-haiku-4-5", {"reasoning": {"budget_tokens": 100}}),
        "claude-haiku-4-5 takes reasoning.budget_tokens 1024 or more, not 100. Choose a number in that range",
    ),
    (
        *("anthropic", "claude-haiku-4-5", {"reasoning": {"summary": "auto"}}),
        "claude-haiku-4-5 thinks within a budget only. Add a budget_tokens of 1024 or more to reasoning, or choose the "
        "model claude-haiku-5-5.",
    ),
    (
        *("anthropic", "claude-haiku-4-5", {"reasoning": {"budget_tokens": 64_000}}),
        "claude-haiku-4-5 writes up to 64000 tokens, thoughts included, and budget_tokens is 64000. Choose a smaller ",
    ),
    (
        *("anthropic", "claude-haiku-5-5", {"max_tokens": 200_000}),
        "claude-haiku-5-5 writes 1 to 128000 tokens, and max_tokens is 200000. Take 128000 or less.",
    ),
    (
        *("anthropic", "claude-haiku-5-5", {"file_search": {"vector_store_ids": ["vs_1"]}}),
        "claude-haiku-5-5 searches no files by itself. Leave file_search out, or choose the model gpt-6-luna "
        "of openai.",
    ),
    (
        "ollama",
        "gemma3:4b",
        {"tools": [TOOL]},
        "gemma3:4b calls no tools. Leave tools out, or choose the model qwen3:8b.",
    ),
    (
        "ollama",
        "gpt-oss:20b",
        {"reasoning": {"effort": "none"}},
        "takes reasoning.effort low, medium or high, not 'none'.",
    ),
    ("local_gpt_oss", "gpt-oss:120b", {"max_tokens": 200_000}, "writes 1 to 131072 tokens"),
    (
        "openai",
        "gpt-4-turbo",
        {"response_format": SCHEMA},
        "gpt-4-turbo keeps to no JSON schema. Leave response_format ",
    ),
]


@pytest.mark.parametrize(("name", "model", "options", "message"), REFUSED, ids=repr)
def test_a_refusal_names_the_range_and_a_model_that_takes_the_request(
    name: str, model: str, options: dict[str, Any], message: str
) -> None:
    """A suggestion that is refused in its turn leads a learner in circles."""
    request = build_request("Hi", model, options)
    with pytest.raises(LLMInvalidRequestError) as caught:
        validate(request, name)
    assert message in caught.value.message
    assert caught.value.provider == name
    suggested = re.search(r"choose the model (\S+?)(?: of (\w+))?\.$", caught.value.message)
    if suggested:
        near = llmlab.find_spec(suggested[1], suggested[2] or name)
        assert near is not None
        assert near.retired_on is None
        validate(build_request("Hi", near.model, options), near.provider)


def test_images_for_a_model_that_sees_none_are_refused() -> None:
    seen = (
        Message(Role.USER, "Hi"),
        Message(Role.USER, "What is it?", images=(Image("https://example.test/cat.png"),)),
    )
    for name, model, near in (("ollama", "gpt-oss:20b", "gemma3:4b"), ("openai", "gpt-4", "gpt")):
        with pytest.raises(LLMInvalidRequestError, match=f"{model} sees no images. Leave the images out, or .* {near}"):
            validate(Request(seen, model), name)
    validate(Request(seen, MODELS["openai"]), "openai")


ACCEPTED = [
    ("openai", "gpt-6-luna", {"temperature": 1}),
    ("openai", "gpt-6-luna", {"temperature": 0.5, "reasoning": {"effort": "none"}}),
    ("openai", "gpt-5.4", {"temperature": 0.5}),
    ("openai", "gpt-4.1", {"temperature": 0, "top_p": 0.1, "max_tokens": 32_768, "tools": [TOOL]}),
    ("anthropic", "claude-haiku-5-5", {"reasoning": {"effort": "max"}, "response_format": SCHEMA}),
    ("anthropic", "claude-haiku-4-5", {"reasoning": {"budget_tokens": 1024}}),
    ("openrouter", "openrouter/free", {"temperature": 2, "reasoning": {"effort": "minimal"}, "tools": [TOOL]}),
    ("ollama", "gpt-oss", {"reasoning": {"effort": "low"}, "temperature": 0}),
]


def test_what_a_model_can_do_passes() -> None:
    """A refusal of what works takes a model away from its users. A plain prompt passes for every model."""
    for name, model, options in ACCEPTED:
        validate(build_request("Hi", model, options), name)
    for spec in SPECS:
        validate(build_request("Hi", spec.model, {}), spec.provider)


@pytest.mark.parametrize(("name", "shape"), [*zip(NAMES, [*SHAPES, SHAPES[0]], strict=True)])
def test_nothing_is_sent_of_a_refused_request(name: str, shape: str, server: LoopbackServer) -> None:
    known = {**MODELS, "openrouter": "openai/gpt-6-luna"}[name]
    with pytest.raises(LLMInvalidRequestError, match="and max_tokens is 2000000"):
        ask(provider(name, server.url, model=known), shape, max_tokens=2_000_000)
    assert server.seen == []


def test_an_unknown_model_passes_with_one_warning() -> None:
    """Tomorrow's model works today, and a misspelled one is noticed."""
    request = build_request("Hi", "gpt-6-lunar", {"temperature": 0.5})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            validate(request, "openai")
    assert [one.category for one in seen] == [UnknownModelWarning]
    assert str(seen[0].message) == (
        "'gpt-6-lunar' is not among the models of openai that llmlab knows, so this request is sent unchecked. Did you "
        "mean 'gpt-6-luna'? If it is new: llmlab.register_spec(llmlab.ModelSpec(model, provider, …)) makes it known."
    )


def test_the_warning_points_to_the_caller_s_line(server: LoopbackServer) -> None:
    server.answer({"output_text": "Hi", "status": "completed"})
    with provider("openai", server.url, model="tomorrow") as llm, pytest.warns(UnknownModelWarning) as seen:
        llm.complete("Hi")
    assert Path(seen[0].filename) == Path(__file__)


def test_providers_of_any_model_are_not_warned_of() -> None:
    """A warning that always comes is read by nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model, name in (("llama9:1b", "ollama"), ("mine", "local_gpt_oss"), ("vendor/new", "openrouter")):
            validate(build_request("Hi", model, {"max_tokens": 10**9}), name)
        validate(build_request("Hi", "any", {}), "acme")


def test_a_registered_model_is_checked_and_no_stranger() -> None:
    takes = (ParameterSpec("temperature", max_value=1),)
    register_spec(ModelSpec("acme-1", "acme", ModelCapabilities(tools=False), takes, context_window=8_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate(build_request("Hi", "acme-1", {"temperature": 1, "max_tokens": 8_000}), "acme")
    with pytest.raises(LLMInvalidRequestError, match=r"acme-1 takes temperature up to 1, not 1\.5"):
        validate(build_request("Hi", "acme-1", {"temperature": 1.5}), "acme")
    with pytest.raises(LLMInvalidRequestError, match="writes 1 to 8000 tokens"):
        validate(build_request("Hi", "acme-1", {"max_tokens": 9_000}), "acme")
    with pytest.warns(UnknownModelWarning):
        validate(build_request("Hi", "acme-2", {}), "acme")


def test_every_option_that_a_spec_speaks_of_is_checked() -> None:
    """Who writes down a range that nobody looks at finds out from the service."""
    takes = (ParameterSpec("seed", "int", 0, 99), ParameterSpec("tool_choice", "str", choices=("auto",)))
    tools = [{"name": "clock"}]
    register_spec(ModelSpec("acme-1", "acme", parameters=takes))
    validate(build_request("Hi", "acme-1", {"seed": 7, "tools": tools, "tool_choice": "auto"}), "acme")
    for options, told in (
        ({"seed": 100}, "takes seed 0 to 99, not 100"),
        ({"tools": tools, "tool_choice": "none"}, "takes tool_choice"),
    ):
        with pytest.raises(LLMInvalidRequestError, match=told):
            validate(build_request("Hi", "acme-1", options), "acme")


def test_a_model_that_does_not_stream_is_not_asked_to(server: LoopbackServer) -> None:
    register_spec(ModelSpec("whole-1", "ollama", ModelCapabilities(streaming=False)))
    llm = provider("ollama", server.url, model="whole-1")
    server.answer(bodies.WHOLE["ollama"])
    for shape in SHAPES:
        if "stream" in shape:
            with pytest.raises(LLMInvalidRequestError, match=r"does not stream\. Use complete or complete_async"):
                ask(llm, shape)
        else:
            assert ask(llm, shape).content == bodies.TEXT
    assert len(server.seen) == 2


def test_what_is_not_known_is_not_refused() -> None:
    register_spec(ModelSpec("acme-1", "acme"))
    options = {"temperature": 2, "tools": [TOOL], "max_tokens": 10**9, "reasoning": {"effort": "max"}}
    validate(build_request("Hi", "acme-1", options), "acme")


def test_a_retired_model_is_asked_all_the_same() -> None:
    """The service knows best, and its refusal names the models that live."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, model in RETIRED.items():
            validate(build_request("Hi", model, {}), name)


def test_medium_is_what_openais_models_without_a_choice_do() -> None:
    """OpenAI takes the word, so a request with it must not be refused; it refuses the others."""
    for model in ("gpt-4", "gpt-4o", "o1"):
        validate(build_request("Hi", model, {"text": {"verbosity": "medium"}}), "openai")
        with pytest.raises(LLMInvalidRequestError, match=f"{model} has no verbosity"):
            validate(build_request("Hi", model, {"text": {"verbosity": "low"}}), "openai")
