"""What is said: the answers that learners get when they change a prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmlab.lab.simulator import arithmetic, tokens
from llmlab.lab.simulator.prompt import Prompt
from llmlab.lab.simulator.question import Call, Question, Tool, Turn
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.schema import fill


def answer(*said: str, **more: Any) -> str:
    """Ask one or more things in a row, and give the last answer."""
    return think(Question(tuple(Turn("user", text) for text in said), **more)).text


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is 17 * 23?", "17 * 23 = 391"),
        ("2 + 2", "2 + 2 = 4"),
        ("How much is (3 + 4) * 2?", "(3 + 4) * 2 = 14"),
        ("What is 12 divided by 8?", "12 / 8 = 1.5"),
        ("What is 6 times 7?", "6 * 7 = 42"),
        ("What's 1,000 + 1?", "1000 + 1 = 1001"),
        ("What is the square root of 144?", "√144 = 12"),
        ("What is 15% of 80?", "15 % of 80 = 12"),
        ("What is the capital of France?", "The capital of France is Paris."),
        ("Capital of Japan, in one word", "Tokyo"),
        ("What is the largest planet? Answer in one word.", "Jupiter"),
        ("Say hello", "Hello"),
        ("Say 'pong'.", "pong"),
        ("Reply with exactly: OK", "OK"),
        ("Repeat after me: all is well", "All is well"),
        ("Say hello in one sentence.", "Hello"),
        ("Count from 3 to 6.", "3, 4, 5, 6."),
        ("Translate 'good morning' to French", "Bonjour"),
        ("How do you say thank you in German?", "Danke"),
        ("Reverse 'stressed'", "desserts"),
        ("Put 'quiet' in upper case", "QUIET"),
        ("How many words are in 'one two three'?", "“one two three” has 3 words."),
        ("How many letters are in 'kayak'?", "“kayak” has 5 letters."),
        ("Say hello in three languages", "French: Bonjour\nGerman: Hallo\nSpanish: Hola"),
        ("What is 7 * 6? Answer in one word.", "42"),
        ("Give me three names for a cat", "Miso, Pixel and Clementine."),
        ("Is this positive or negative? 'I love this wonderful book'", "Positive."),
        (
            "Summarise: Cats sleep a lot, about 15 hours a day. They hunt at dusk.",
            "Cats sleep a lot, about 15 hours a day.",
        ),
        ("My name is Ada.", "Nice to meet you, Ada! I will remember your name in this conversation."),
        ("What is my name?", "You have not told me your name in this conversation."),
    ],
)
def test_small_skills(prompt: str, expected: str) -> None:
    """Else the first thing that a learner types gets no sensible answer."""
    assert answer(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("Explain a rainbow to a child.", "raindrops"),
        ("Write a haiku about the sea.", "\n"),
        ("What is a token?", "about four characters"),
        ("Why is the sky blue?", "scatters"),
        ("Define an API in one sentence.", "one program to ask another"),
        ("Tell me a joke", "Halloween"),
        ("Hi!", "llmlab's simulator"),
        ("Who are you?", "llmlab's simulator"),
        ("What time is it?", "cannot look that up"),
        ("", "no question"),
    ],
)
def test_small_knowledge(prompt: str, part: str) -> None:
    """Else the prompts of the lessons get an answer that says nothing."""
    assert part in answer(prompt)


def test_an_unknown_question_gets_an_honest_answer() -> None:
    """Else somebody takes an invented answer for a model's."""
    said = answer("What did Kepler eat for breakfast?")
    assert said.startswith("I am llmlab's simulator, not a model")
    assert "“What did Kepler eat for breakfast”" in said
    assert "Switch to live mode" in said


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
    turns = (Turn("system", "Always answer in JSON."), Turn("user", "What is 2+2?"))
    assert json.loads(think(Question(turns)).text) == {"answer": "2+2 = 4"}
    shouting = (Turn("system", "Write in upper case only."), Turn("user", "Say hello"))
    assert think(Question(shouting)).text == "HELLO"
    assert answer("Explain a rainbow in one sentence.").count(".") == 1


def test_limits_are_exact() -> None:
    """Else `max_tokens`, `stop` and the usage contradict each other."""
    cut = think(Question((Turn("user", "Explain a rainbow to a child."),), max_tokens=9))
    assert (cut.finish, cut.tokens, tokens.count(cut.text)) == ("length", 9, 9)
    stopped = think(Question((Turn("user", "Count to 10"),), stop=("9", "4")))
    assert (stopped.finish, stopped.stopped_at, stopped.text) == ("stop_text", "4", "1, 2, 3, ")
    starved = think(Question((Turn("user", "Why?"),), effort="high", max_tokens=5))
    assert (starved.finish, starved.text, starved.reasoning_tokens) == ("length", "", 5)


def test_temperature_gives_variety() -> None:
    """Else the lesson on temperature shows the same sentence ten times."""
    assert len({answer("Tell me a joke", variant=number) for number in range(10)}) == 3


def tool(name: str, description: str, **fields: Any) -> Tool:
    """Make a tool, all of whose fields are required."""
    return Tool(name, description, {"type": "object", "properties": fields, "required": list(fields)})


WEATHER = tool("get_weather", "Get the weather of a city", city={"type": "string"})
CALCULATOR = tool("calculator", "Evaluates an expression", expression={"type": "string"})
ADD = tool("add", "Add two numbers", a={"type": "number"}, b={"type": "number"})
MULTIPLY = tool("multiply", "Multiply two numbers", a={"type": "integer"}, b={"type": "integer"})
RATE = tool("get_exchange_rate", "Look up a rate", from_currency={"type": "string"}, to_currency={"type": "string"})
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
PLACE = tool("forecast", "Weather at a point", latitude={"type": "number"}, longitude={"type": "number"}, unit=UNIT)
DICE = Tool("roll_dice", "Rolls a die")
MAIL = tool("send_email", "Send a mail", to_email={"type": "string"}, subject={"type": "string"})


@pytest.mark.parametrize(
    ("prompt", "tools", "calls"),
    [
        ("What's the weather in Paris?", [WEATHER, CALCULATOR], [("get_weather", {"city": "Paris"})]),
        ("Do I need an umbrella in New York?", [WEATHER], [("get_weather", {"city": "New York"})]),
        (
            "Weather in Oslo and Rome?",
            [WEATHER],
            [("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"})],
        ),
        ("What is 17 * 23?", [WEATHER, CALCULATOR], [("calculator", {"expression": "17 * 23"})]),
        ("What is 17 * 23?", [ADD, MULTIPLY], [("multiply", {"a": 17, "b": 23})]),
        ("What is 3 plus 4.5?", [ADD, MULTIPLY], [("add", {"a": 3, "b": 4.5})]),
        ("USD to EUR exchange rate?", [RATE], [("get_exchange_rate", {"from_currency": "USD", "to_currency": "EUR"})]),
        (
            "Forecast for Berlin in fahrenheit",
            [PLACE],
            [("forecast", {"latitude": 52.52, "longitude": 13.405, "unit": "fahrenheit"})],
        ),
        ("Roll the dice three times", [DICE, WEATHER], [("roll_dice", {})] * 3),
        (
            "Send an email to ada@example.com with the subject 'Hello'",
            [MAIL],
            [("send_email", {"to_email": "ada@example.com", "subject": "Hello"})],
        ),
        ("Tell me a joke", [WEATHER, CALCULATOR], []),
    ],
)
def test_the_right_tool_with_arguments_from_the_prompt(prompt: str, tools: list[Tool], calls: list[Any]) -> None:
    """Else a lesson on tools calls the wrong one, or with made-up arguments."""
    reply = think(Question((Turn("user", prompt),), tuple(tools)))
    assert [(call.name, call.arguments) for call in reply.calls] == calls
    assert reply.finish == ("tool" if calls else "stop")


def test_tool_choice_is_followed() -> None:
    """Else `tool_choice` does nothing."""
    joke, tools = (Turn("user", "Tell me a joke"),), (WEATHER, DICE)
    assert think(Question(joke, tools, "required")).calls
    assert [call.name for call in think(Question(joke, tools, "roll_dice")).calls] == ["roll_dice"]
    weather = (Turn("user", "Weather in Oslo and Rome?"),)
    assert think(Question(weather, tools, "none")).calls == ()
    assert len(think(Question(weather, tools, parallel=False)).calls) == 1


def test_a_failed_tool_is_reported() -> None:
    """Else an error of a tool reads as its result."""
    asked = (Turn("user", "Weather in Oslo?"), Turn("assistant", "", (Call("1", "get_weather", {"city": "Oslo"}),)))
    failed = think(Question((*asked, Turn("tool", "no such city", call_id="1", failed=True)), (WEATHER,)))
    assert failed.text == "get_weather(Oslo) failed: no such city"


@pytest.mark.parametrize(
    "text", ["9**9**9", "1/0", "__import__('os')", "(((", "2024-01-02", "1e9 ** 60", "7", "(-8) ** 0.5"]
)
def test_arithmetic_never_runs_away(text: str) -> None:
    """Else one prompt hangs the kernel, or runs code."""
    assert arithmetic.find(text) is None


def test_pieces_join_to_the_text() -> None:
    """Else a streamed answer has letters missing."""
    text = "Extraordinarily long wörds, 12345.67 numbers… 👋🏽 and_under_scores\n\n  two lines\tおはよう ²"
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(tokens.split(text))


def test_a_token_is_about_four_characters() -> None:
    """Else the estimate is no estimate of what vendors count."""
    text = answer("Why is the sky blue?") + answer("Explain a rainbow to a child.") + answer("Tell me a story")
    assert 3.5 < len(text) / tokens.count(text) < 5


@pytest.mark.parametrize(
    ("schema", "prompt", "expected"),
    [
        ({"type": "string", "enum": ["low", "high"]}, "It is HIGH time", "high"),
        ({"type": "string", "enum": ["low", "high"]}, "Neither", "low"),
        ({"const": 7}, "Hi", 7),
        ({"type": "boolean"}, "Hi", True),
        ({"type": "null"}, "Hi", None),
        ({"type": "integer", "minimum": 3}, "Hi", 3),
        ({"type": "number"}, "Hi", 1),
        ({"type": ["integer", "null"]}, "Take 4.7", 4),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "Take 4", 4),
        ({"type": "array", "items": {"type": "number"}}, "Sort 3, 1.5 and 2", [3, 1.5, 2]),
        ({"type": "array", "items": {"type": "string"}}, "Greet Ada and Bo", ["Greet Ada", "Bo"]),
        (
            {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            "Take 4",
            [{"n": 4}],
        ),
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}}, "Hi", {}),
        ("no schema", "Hi there.", "Hi there"),
    ],
)
def test_a_schema_is_filled_from_the_prompt(schema: Any, prompt: str, expected: Any) -> None:
    """Else tool arguments and structured answers do not fit the schema that asked for them."""
    assert fill(schema, Prompt(prompt)) == expected


@pytest.mark.parametrize(
    ("name", "prompt", "expected"),
    [
        ("date", "What happened on 2026-11-05?", "2026-11-05"),
        ("day", "Is it open Tomorrow?", "tomorrow"),
        ("url", "Fetch https://example.com/a please", "https://example.com/a"),
        ("target_language", "Put it into Spanish", "Spanish"),
        ("query", "Find cheap flights", "Find cheap flights"),
        ("lat", "Weather at 1.5 and 2.5", "1.5"),
        ("longitude", "Weather in Oslo", "10.7522"),
        ("title", "Add 'The Hobbit' to my list", "The Hobbit"),
    ],
)
def test_a_field_is_filled_by_its_name(name: str, prompt: str, expected: str) -> None:
    """Else a date, an address or a place lands in the wrong argument."""
    assert fill({"type": "string"}, Prompt(prompt), name) == expected


def test_a_schema_without_end_is_cut_off() -> None:
    """Else a schema nested in itself hangs the kernel."""
    endless: dict[str, Any] = {"type": "object", "required": ["next"]}
    endless["properties"] = {"next": endless}
    filled, depth = fill(endless, Prompt("Hi")), 0
    while filled:
        filled, depth = filled["next"], depth + 1
    assert depth < 10
