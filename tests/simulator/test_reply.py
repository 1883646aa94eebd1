"""The built-in responder: what it says to the prompts that people type, which tools it calls, and its limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.calculator import find_sum
from llmlab.lab.simulator.conversation import Conversation, Tool, ToolCall, Turn
from llmlab.lab.simulator.fill_schema import fill_schema
from llmlab.lab.simulator.reply import compose


def answer(*messages: str, variant: int = 0, system: str = "") -> str:
    """Send user messages with an "Ok." between them, and return the answer to the last one."""
    turns = [Turn("system", system)] if system else []
    for text in messages:
        turns += [Turn("user", text), Turn("assistant", "Ok.")]
    return compose(Conversation(tuple(turns[:-1]), variant=variant)).text


CASES = json.loads(Path(__file__).with_name("responder.json").read_text(encoding="utf-8"))
"""Prompts and answers, tools and calls, schemas and values."""
TOOLS = {name: Tool(**tool) for name, tool in CASES["tools"].items()}
WEATHER, DICE = TOOLS["weather"], TOOLS["dice"]


def test_the_prompts_of_the_lessons_have_sensible_answers() -> None:
    """Else the first thing that a learner types gets no sensible answer."""
    expected = dict(CASES["answers"])
    assert {prompt: answer(prompt) for prompt in expected} == expected
    for prompt, part in CASES["parts of answers"]:
        assert part in answer(prompt), prompt


def test_an_unknown_question_has_an_honest_answer() -> None:
    """Else somebody takes an invented answer for a model's."""
    text = answer("What did Kepler eat for breakfast?")
    assert text.startswith("I am llmlab's simulator, not a model")
    assert "“What did Kepler eat for breakfast”" in text
    assert "Switch to live mode" in text


def test_it_remembers_within_a_conversation() -> None:
    """Else a lesson on conversations cannot show what sending the history does."""
    assert answer("My name is Ada.", "What is my name?") == "Your name is Ada."
    assert answer("Hi, I'm Grace and I like tea", "What's my name?") == "Your name is Grace."
    assert answer("My name is Ada.", "Call me Bo", "Do you remember my name?") == "Your name is Bo."
    assert answer("My favourite colour is green.", "What is my favourite colour?") == "Your favourite colour is green."
    assert answer("I live in New York.", "Where do I live?") == "You live in New York."
    assert answer("Where is Oslo?", "What did I ask first?") == "Your first message was: “Where is Oslo?”"


def test_instructions_shape_the_answer() -> None:
    """Else a system prompt does nothing."""
    assert json.loads(answer("What is 2+2?", system="Always answer in JSON.")) == {"answer": "2+2 = 4"}
    assert answer("Say hello", system="Write in upper case only.") == "HELLO"
    assert answer("Say hello", system="You are a pirate.") == "Arr, matey! Hello"
    assert answer("Explain a rainbow in one sentence.").count(".") == 1


def test_it_answers_from_the_texts_of_the_request() -> None:
    """Else retrieval by hand finds the passage, and the answer ignores it."""
    context = "Context:\nThe lighthouse was built in 1871. Its keeper was Maud Ellery.\n\n"
    for question, expected in [
        ("Who was the keeper of the lighthouse?", "Its keeper was Maud Ellery."),
        ("When was the lighthouse built?", "The lighthouse was built in 1871."),
        ("What is 2 + 2?", "2 + 2 = 4"),
    ]:
        assert answer(f"{context}Question: {question}") == expected
        assert answer(question, system=context) == expected
    marked = "Name the file.\n\nSources:\n\n[menu.txt]\nThe fish is free.\n\nQuestion: Name the fish"
    assert answer(marked) == "The fish is free."


def test_limits_are_exact() -> None:
    """Else `max_tokens`, `stop` and the usage contradict each other."""

    def cut(prompt: str, **more: Any) -> Any:
        return compose(Conversation((Turn("user", prompt),), **more))

    long = cut("Explain a rainbow to a child.", max_tokens=9)
    assert (long.finish, long.tokens, tokens.count(long.text)) == ("length", 9, 9)
    stopped = cut("Count to 10", stop=("9", "4"))
    assert (stopped.finish, stopped.stopped_at, stopped.text) == ("stop_text", "4", "1, 2, 3, ")
    starved = cut("Why?", effort="high", max_tokens=5)
    assert (starved.finish, starved.text, starved.reasoning_tokens) == ("length", "", 5)


def test_tokens() -> None:
    """Else a streamed answer has letters missing, or the estimate is no estimate of what vendors count."""
    text = "Extraordinarily long wörds, 12345.67 numbers… 👋🏽 and_under_scores\n\n  two lines\tおはよう ²"
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(tokens.split(text))
    prose = answer("Why is the sky blue?") + answer("Explain a rainbow to a child.") + answer("Why do cats purr?")
    assert 3.5 < len(prose) / tokens.count(prose) < 5
    assert len({answer("Tell me a joke", variant=number) for number in range(10)}) == 3


def test_arithmetic_never_runs_away() -> None:
    """Else one prompt hangs the kernel, or runs code."""
    for text in ("9**9**9", "1/0", "__import__('os')", "(((", "2024-01-02", "1e9 ** 60", "7", "(-8) ** 0.5"):
        assert find_sum(text) is None, text


def calls(prompt: str, *tools: Tool, **more: Any) -> list[tuple[str, Any]]:
    """Return the tool calls for a prompt."""
    reply = compose(Conversation((Turn("user", prompt),), tools, **more))
    assert reply.finish == ("tool" if reply.calls else "stop")
    return [(call.name, call.arguments) for call in reply.calls]


def test_the_right_tool_is_called_with_arguments_from_the_prompt() -> None:
    """Else a lesson on tools calls the wrong one, or with made-up arguments."""
    for prompt, tools, expected in CASES["calls"]:
        found = calls(prompt, *(TOOLS[name] for name in tools))
        assert found == [(name, arguments) for name, arguments in expected], prompt


def test_tool_choice_is_followed() -> None:
    """Else `tool_choice` does nothing."""
    assert calls("Tell me a joke", WEATHER, DICE, tool_choice="required")
    assert calls("Tell me a joke", WEATHER, DICE, tool_choice="roll_dice") == [("roll_dice", {})]
    assert calls("Weather in Oslo and Rome?", WEATHER, tool_choice="none") == []
    assert len(calls("Weather in Oslo and Rome?", WEATHER, parallel=False)) == 1


def test_tool_results_are_told_and_remembered() -> None:
    """Else an error of a tool reads as its result, or the next turn forgets what the tool returned."""
    asked = (Turn("user", "Weather in Oslo?"), Turn("assistant", "", (ToolCall("1", "get_weather", {"city": "Oslo"}),)))
    failed = (*asked, Turn("tool", "no such city", call_id="1", failed=True))
    assert compose(Conversation(failed, (WEATHER,))).text == "get_weather(Oslo) failed: no such city"
    told = (*asked, Turn("tool", '{"temperature": 4, "sky": "grey"}', call_id="1"), Turn("assistant", "It is 4."))
    for prompt, expected in [
        ("What did the tool say?", "get_weather(Oslo) says: temperature 4, sky grey."),
        ("And what was the temperature?", "get_weather(Oslo) says: temperature 4."),
        ("What is 2 + 2?", "2 + 2 = 4"),
    ]:
        assert compose(Conversation((*told, Turn("user", prompt)), (WEATHER,))).text == expected


def test_a_schema_is_filled_from_the_prompt() -> None:
    """Else tool arguments and structured answers do not fit the schema, or a date lands in the wrong argument."""
    for schema, prompt, expected in CASES["schemas"]:
        assert fill_schema(schema, prompt) == expected, (schema, prompt)
    for name, prompt, expected in CASES["fields"]:
        schema = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
        assert fill_schema(schema, prompt) == {name: expected}


def test_a_schema_without_end_is_cut_off() -> None:
    """Else a schema nested in itself hangs the kernel."""
    endless: dict[str, Any] = {"type": "object", "required": ["next"]}
    endless["properties"] = {"next": endless}
    filled, depth = fill_schema(endless, "Hi"), 0
    while filled:
        filled, depth = filled["next"], depth + 1
    assert depth < 10
