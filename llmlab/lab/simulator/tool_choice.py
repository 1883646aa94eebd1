"""The choice of tools for a prompt, with their arguments; and an answer made of tool results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator.calculator import find_sum
from llmlab.lab.simulator.canned_answers import KNOWN, words
from llmlab.lab.simulator.conversation import Conversation, Tool, ToolCall, Turn
from llmlab.lab.simulator.fill_schema import fill_schema, names_in
from llmlab.lab.simulator.json_access import arguments_of, as_dict, parse

_ENOUGH = 3
_MOST_CALLS = 8
_TIMES = re.compile(r"\b(\d|two|twice|three|four|five|six)(?: times\b|(?<=twice))", re.I)
_NUMBERS = {"two": 2, "twice": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_EMPTY_WORDS = words("empty for tools")
_ABOUT_BEFORE = re.compile(r"\b(?:was|were|did|said|again|last|earlier|before)\b", re.I)
_ABOUT_RESULT = re.compile(r"\b(?:tool|function)\b.*\b(?:say|said|return\w*|result|answer\w*|give|gave)\b", re.I | re.S)
_SYNONYMS: dict[str, str] = KNOWN["synonyms for tools"]
"""A prompt with one of these also asks for tools that are described with those."""
_SUM_WORDS = "calculator calculate calculation arithmetic math expression evaluate compute"


def choose(conversation: Conversation) -> tuple[ToolCall, ...]:
    """Choose the tools to call, with arguments; none when the prompt does not need a tool."""
    tools, choice, prompt = conversation.tools, conversation.tool_choice, conversation.prompt
    if not tools or choice == "none":
        return ()
    chosen = [tool for tool in tools if tool.name == choice]
    if not chosen:
        words = _prompt_words(prompt)
        scores = [_score(tool, words, prompt, conversation.instructions) for tool in tools]
        enough = max(_ENOUGH, max(scores) - 1)
        chosen = [tool for score, tool in zip(scores, tools, strict=True) if score >= enough]
        if not chosen and choice == "required":
            chosen = [tools[scores.index(max(scores))]]
    calls = [call for tool in chosen for call in _calls(tool, prompt)]
    return tuple(calls[: _MOST_CALLS if conversation.parallel else 1])


def _calls(tool: Tool, prompt: str) -> list[ToolCall]:
    fields = as_dict(tool.schema.get("properties"))
    places = names_in(prompt)
    if len(places) > 1 and any(word in name.lower() for name in fields for word in ("city", "location", "place")):
        # Two cities for a tool that takes one mean two calls.
        return [ToolCall("", tool.name, _arguments(tool, prompt, place)) for place in places]
    times = _TIMES.search(prompt) if not fields else None
    many = (_NUMBERS.get(times[1].lower()) or int(times[1])) if times else 1
    return [ToolCall("", tool.name, _arguments(tool, prompt)) for _ in range(max(1, many))]


def _arguments(tool: Tool, prompt: str, place: str = "") -> dict[str, Any]:
    return as_dict(fill_schema({**tool.schema, "type": "object"}, prompt, place))


def _score(tool: Tool, words: set[str], prompt: str, instructions: str) -> int:
    if tool.name.lower() in prompt.lower():
        return 9
    name = _stems(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " ").replace("-", " "))
    score = 3 * len(name & words) + len((_stems(tool.description) - name) & words)
    score += tool.name.lower() in instructions.lower()
    return score + (2 if re.search(r"\balways use (?:a|the) tool", instructions, re.I) else 0)


def _prompt_words(prompt: str) -> set[str]:
    low = prompt.lower()[:4000]
    more = [words for pattern, words in _SYNONYMS.items() if re.search(pattern, low)]
    return _stems(" ".join([low, *more, _SUM_WORDS if find_sum(prompt) else ""]))


def _stems(text: str) -> set[str]:
    words = re.findall(r"[^\W\d_]{2,}", text.lower())
    return {re.sub(r"(?:ations?|ators?|ing|ed|es|e|s)$", "", word) for word in words if word not in _EMPTY_WORDS}


def results(turns: tuple[Turn, ...]) -> list[tuple[ToolCall, Turn]]:
    """Return the tool results after the user's last message, each with its call."""
    last = max((at for at, turn in enumerate(turns) if turn.role == "user" and turn.text.strip()), default=-1)
    return _paired(turns, last + 1)


def recall(conversation: Conversation) -> str:
    """Answer a question about the last tool result of an earlier turn; an empty text if it is none."""
    prompt = conversation.prompt
    earlier = _paired(conversation.turns, 0)[-1:]
    if not earlier or not _ABOUT_BEFORE.search(prompt):
        return ""
    if _ABOUT_RESULT.search(prompt):
        return report(earlier)
    call, turn = earlier[0]
    words = _stems(prompt)
    named = {name: value for name, value in arguments_of(turn.text).items() if _stems(name.replace("_", " ")) & words}
    return report([(call, replace(turn, text=json.dumps(named, ensure_ascii=False)))]) if named else ""


def _paired(turns: tuple[Turn, ...], start: int) -> list[tuple[ToolCall, Turn]]:
    """Return the tool results from that turn on, each with its call: by the id, else by the order."""
    calls = [call for turn in turns for call in turn.calls]
    by_id = {call.id: call for call in reversed(calls) if call.id}
    answers = [turn for turn in turns[start:] if turn.role == "tool"]
    recent = dict(enumerate(calls[-len(answers) :]))
    unknown = ToolCall("", "the tool")
    return [(by_id.get(turn.call_id) or recent.get(at, unknown), turn) for at, turn in enumerate(answers)]


def report(pairs: list[tuple[ToolCall, Turn]]) -> str:
    """Put tool results into words."""
    lines = [_line(call, turn) for call, turn in pairs]
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


def _line(call: ToolCall, turn: Turn) -> str:
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
        return ", ".join(f"{str(name).replace('_', ' ')} {_leaf(item)}" for name, item in value.items())
    return _leaf(value)


def _leaf(value: object) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
