"""Decides whether a prompt calls for a tool, which, with what arguments; and makes an answer of what the tools gave."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import arithmetic
from llmlab.lab.simulator.json_access import arguments_of, parse
from llmlab.lab.simulator.prompt import Prompt, places_in
from llmlab.lab.simulator.question import Call, Question, Tool, Turn
from llmlab.lab.simulator.schema import fill_object

_ENOUGH = 3
_MOST_CALLS = 8
_TIMES = re.compile(r"\b(\d|two|twice|three|four|five|six)(?: times\b|(?<=twice))", re.I)
_COUNTS = {"two": 2, "twice": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_SAYING_NOTHING = (
    "a about all an and any are as at be by can current currently do each for from get gets give given how i if in "
    "into is it its look me my of on or please return returns tell that the this to use used useful up what when which "
    "will with you your run function tool it's want need should would could helpful let know say"
)
_EMPTY_WORDS = frozenset(_SAYING_NOTHING.split())
_ABOUT_BEFORE = re.compile(r"\b(?:was|were|did|said|again|last|earlier|before)\b", re.I)
_ABOUT_RESULT = re.compile(r"\b(?:tool|function)\b.*\b(?:say|said|return\w*|result|answer\w*|give|gave)\b", re.I | re.S)
_ALSO_MEANS = (
    # when one of these is in the prompt, the tool may also be described with these
    (r"rain|sunny|umbrella|forecast|warm|cold outside|degrees", "weather temperature forecast"),
    (r"what time|o'clock|\bclock", "time clock now"),
    (r"today|what day|what year|what month", "date time today"),
    (r"\bplus\b|\d\s*\+\s*\d|\bsum\b", "add addition sum plus"),
    (r"\btimes\b|\d\s*[*x×]\s*\d|\bproduct\b", "multiply multiplication product times"),
    (r"\bminus\b|\d\s*[-−]\s*\d", "subtract subtraction difference"),
    (r"divided|\d\s*/\s*\d", "divide division"),
    (r"how much|price|cost", "price cost"),
    (r"\bemail|\bmail\b", "email mail send"),
)


def choose(question: Question) -> tuple[Call, ...]:
    """Choose the tools to call, with their arguments; none when the prompt does not call for one."""
    if not question.tools or question.tool_choice == "none":
        return ()
    prompt = question.prompt
    asked = _words(prompt, arithmetic.find(prompt) is not None)
    named = [tool for tool in question.tools if tool.name == question.tool_choice]
    if named:
        chosen = named
    else:
        scores = [(_score(tool, asked, prompt, question.instructions), tool) for tool in question.tools]
        best = max(score for score, _ in scores)
        enough = max(_ENOUGH, best - 1)
        chosen = [tool for score, tool in scores if score >= enough]
        if not chosen and question.tool_choice == "required":
            chosen = [next(tool for score, tool in scores if score == best)]
    calls = [call for tool in chosen for call in _calls(tool, prompt)]
    return tuple(calls[: _MOST_CALLS if question.parallel else 1])


def _calls(tool: Tool, prompt: str) -> list[Call]:
    fields = tool.schema.get("properties")
    fields = fields if isinstance(fields, dict) else {}
    places = places_in(prompt)
    # "Seattle and San Francisco" for a tool that takes one place means two calls.
    one_place = len(fields) >= 1 and any(
        word in name.lower() for name in fields for word in ("city", "location", "place")
    )
    if one_place and len(places) > 1:
        return [Call("", tool.name, fill_object(tool.schema, Prompt(prompt, place, tool.schema))) for place in places]
    if not fields and (times := _TIMES.search(prompt)):
        many = _COUNTS.get(times[1].lower()) or int(times[1])
        return [Call("", tool.name, {}) for _ in range(max(1, many))]
    return [Call("", tool.name, fill_object(tool.schema, Prompt(prompt, root=tool.schema)))]


def _score(tool: Tool, asked: set[str], prompt: str, instructions: str) -> int:
    if tool.name and tool.name.lower() in prompt.lower():
        return 9
    name = _stems(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " ").replace("-", " "))
    about = _stems(tool.description)
    score = 3 * len(name & asked) + len((about - name) & asked)
    if tool.name and tool.name.lower() in instructions.lower():
        score += 1
    if re.search(r"\balways use (?:a|the) tool", instructions, re.I):
        score += 2
    return score


def _words(prompt: str, sums: bool) -> set[str]:
    low = prompt.lower()[:4000]
    more = [words for pattern, words in _ALSO_MEANS if re.search(pattern, low)]
    if sums:
        more.append("calculator calculate calculation arithmetic math expression evaluate compute")
    return _stems(" ".join([low, *more]))


def _stems(text: str) -> set[str]:
    words = re.findall(r"[^\W\d_]{2,}", text.lower())
    return {re.sub(r"(?:ations?|ators?|ing|ed|es|e|s)$", "", word) for word in words if word not in _EMPTY_WORDS}


def results(turns: tuple[Turn, ...]) -> list[tuple[Call, Turn]]:
    """Give the tool results that came after the last thing the user said, each with its call."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "user" and turn.text.strip()), default=-1)
    return _paired(turns, last + 1)


def recall(question: Question) -> str:
    """Answer a question about the last tool result of an earlier turn, or give nothing."""
    prompt = question.prompt
    if results(question.turns) or not _ABOUT_BEFORE.search(prompt):
        return ""
    earlier = _paired(question.turns, 0)[-1:]
    if not earlier:
        return ""
    if _ABOUT_RESULT.search(prompt):
        return report(earlier)
    call, turn = earlier[0]
    asked = _stems(prompt.lower())
    named = {name: value for name, value in arguments_of(turn.text).items() if _stems(name.replace("_", " ")) & asked}
    return report([(call, replace(turn, text=json.dumps(named, ensure_ascii=False)))]) if named else ""


def _paired(turns: tuple[Turn, ...], start: int) -> list[tuple[Call, Turn]]:
    """Give the tool results from that turn on, each with its call: by the id, else by the order."""
    waiting = [call for turn in turns for call in turn.calls]
    answers = [turn for turn in turns[start:] if turn.role == "tool"]
    recent = waiting[-len(answers) :]
    found = []
    for at, turn in enumerate(answers):
        call = next((one for one in waiting if one.id and one.id == turn.call_id), None)
        found.append((call or (recent[at] if at < len(recent) else Call("", "the tool")), turn))
    return found


def report(found: list[tuple[Call, Turn]]) -> str:
    """Say in words what the tools gave."""
    lines = [_line(call, turn) for call, turn in found]
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


def _line(call: Call, turn: Turn) -> str:
    about = ", ".join(_plain(value) for value in call.arguments.values() if not isinstance(value, (dict, list)))[:120]
    source = f"{call.name}({about})" if about else call.name
    result = _plain(turn.text) or "nothing"
    if turn.failed or re.match(r"\W*(?:error|exception|tool call failed)", result, re.I):
        return f"{source} failed: {result}"
    return f"{source} says: {result}" + ("" if result.endswith((".", "!", "?")) else ".")


def _plain(value: Any) -> str:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = parse(value)
        except ValueError:
            return str(value).strip()
    if isinstance(value, dict):
        return ", ".join(f"{str(name).replace('_', ' ')} {_plain_leaf(item)}" for name, item in value.items())
    return _plain_leaf(value)


def _plain_leaf(value: object) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
