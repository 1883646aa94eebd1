"""How much it thinks, and how much of that is shown. If one fails, a reasoning setting does nothing offline."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message
from simulator_asking import chat, events, messages, ollama, responses, user

WHY = "Why is the sky blue?"


def anthropic(**thinking: Any) -> dict[str, Any]:
    body: dict[str, Any] = messages(WHY, thinking={"type": "adaptive", **thinking}).body
    Message.model_validate(body)
    return body


def test_claude_shows_its_thoughts_only_when_it_is_told_to() -> None:
    """Else what is shown offline is empty live."""
    for shown in (anthropic(), anthropic(display="omitted")):
        assert shown["content"][0]["thinking"] == ""
        assert shown["content"][0]["signature"]
        assert shown["usage"]["output_tokens_details"]["thinking_tokens"] > 0
    assert anthropic(display="summarized")["content"][0]["thinking"]


def test_thoughts_that_are_not_shown_are_not_streamed() -> None:
    for display, kinds in (("omitted", set()), ("summarized", {"thinking_delta"})):
        got = events(messages(WHY, thinking={"type": "adaptive", "display": display}, stream=True))
        deltas = {event["delta"]["type"] for event in got if event["type"] == "content_block_delta"}
        assert deltas == kinds | {"signature_delta", "text_delta"}


@pytest.mark.parametrize("alias", ["openai", "openrouter", "local_gpt_oss", "ollama"])
def test_effort_changes_the_thinking_in_chat_completions(alias: str) -> None:
    used = [chat(alias, WHY, reasoning_effort=effort).body["usage"] for effort in ("low", "medium", "high")]
    sizes = [one["completion_tokens"] for one in used]
    assert sizes[0] < sizes[1] < sizes[2]


def test_without_effort_no_thought_is_counted() -> None:
    for effort, thinks in (("none", False), ("low", True)):
        used = responses(WHY, reasoning={"effort": effort}).body["usage"]
        assert (used["output_tokens_details"]["reasoning_tokens"] > 0) is thinks
        body = chat("openrouter", WHY, reasoning={"effort": effort}).body
        assert bool(body["choices"][0]["message"]["reasoning"]) is thinks


def test_a_summary_is_given_to_who_asks_for_one() -> None:
    for summary, told in ((None, False), ("auto", True), ("concise", True)):
        wish = {"effort": "low", **({"summary": summary} if summary else {})}
        item = responses(WHY, reasoning=wish).body["output"][0]
        assert (item["type"], bool(item["summary"])) == ("reasoning", told)


def test_ollama_thinks_at_three_levels() -> None:
    asked = {"messages": user(WHY), "stream": False}
    thoughts = [ollama("/api/chat", **asked, think=level).body["message"]["thinking"] for level in ("low", "high")]
    assert len(thoughts[0]) < len(thoughts[1])


def test_a_model_of_a_later_generation_takes_no_budget() -> None:
    """Else a budget works offline and is refused live."""
    budget = {"type": "enabled", "budget_tokens": 2000}
    refused = messages(WHY, thinking=budget, max_tokens=3000)
    assert (refused.status, "adaptive" in refused.body["error"]["message"]) == (400, True)
    answer = messages(WHY, thinking=budget, max_tokens=3000, model="claude-haiku-4-5")
    assert answer.status == 200
    assert answer.body["content"][0]["thinking"]


def test_a_strict_schema_must_close_its_objects() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    form = {"type": "json_schema", "name": "one", "schema": schema, "strict": True}
    refused = responses("Hi", text={"format": form})
    assert (refused.status, refused.body["error"]["code"]) == (400, "invalid_json_schema")
    assert "'additionalProperties' is required to be supplied and to be false" in refused.body["error"]["message"]
