"""Decides what is said: a tool call, an answer out of a few small skills, or an honest "I am a simulator".

It knows no wire format. The same question gives the same reply, for every service alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from llmlab.lab.simulator import skills, tokens, tool_choice
from llmlab.lab.simulator.conversation_memory import greet, recall
from llmlab.lab.simulator.images import describe, values
from llmlab.lab.simulator.prompt import Prompt
from llmlab.lab.simulator.question import Question, Reply
from llmlab.lab.simulator.repair_json import mended
from llmlab.lab.simulator.retrieval import Passage, best_sentence, from_context
from llmlab.lab.simulator.schema import fill

# How many sentences are thought before the answer.
_EFFORT = {"none": 0, "minimal": 1, "low": 1, "medium": 2, "high": 3, "xhigh": 4, "max": 4}


def think(question: Question) -> Reply:
    """Answer a question.

    Args:
        question: the conversation with its tools and limits.

    Returns:
        Text, or tool calls, cut to the limits.
    """
    found = tool_choice.results(question.turns)
    before = tool_choice.recall(question)
    calls = () if found or before else tool_choice.choose(question)
    if calls:
        way = "A tool can do that; I take its arguments from the question."
        return _limited(question, Reply("", _reasoning(question, way), calls, "tool"))
    cited = None if found else _passage(question)
    if found:
        way, answer = "The tools have answered, so I only need to say it in words.", tool_choice.report(found)
    elif cited:
        way, answer = f"I find that in {cited.filename}.", best_sentence(question.prompt, cited.text)
    else:
        answer = before or _answer(question)
        way = _way(question, answer)
    return _limited(question, Reply(_shaped(question, answer), _reasoning(question, way), cited=cited))


def _passage(question: Question) -> Passage | None:
    """Choose the passage to answer from: the nearest one that has a sentence about the question."""
    return next((one for one in question.passages or () if best_sentence(question.prompt, one.text)), None)


def _way(question: Question, answer: str) -> str:
    prompt = question.prompt
    if sums := skills.sums(prompt):
        return f"This is arithmetic, and I can do that: {sums}."
    if question.pictures:
        return "A picture came along; I can measure it, and no more."
    if answer == _honest(prompt):
        return "I know nothing about this, so I had better say so."
    return "I know something about this."


def _answer(question: Question) -> str:
    prompt = question.prompt
    if question.pictures:
        return describe(question.pictures)
    if not prompt.strip():
        return "I am llmlab's simulator, and there is no question in this request. Ask me something."
    return (
        from_context(prompt, question.instructions)
        or recall(prompt, question.turns)
        or skills.translate(prompt)
        or skills.echo(prompt)
        or greet(prompt)
        or skills.count(prompt)
        or skills.sums(prompt)
        or skills.capital(prompt)
        or skills.words(prompt)
        or skills.summarise(prompt)
        or skills.sentiment(prompt)
        or skills.haiku(prompt)
        or skills.about_itself(prompt)
        or skills.fact(prompt, question.variant)
        or _honest(prompt)
    )


def _honest(prompt: str) -> str:
    topic = " ".join(prompt.split()).rstrip(".?!")
    topic = topic if len(topic) <= 120 else topic[:117].rstrip() + "…"
    return (
        f"I am llmlab's simulator, not a model, so I cannot really answer “{topic}”. "
        "Everything around these words is as it would be live: the wire format, the usage, the pace. "
        "Switch to live mode to hear what the model says."
    )


def _shaped(question: Question, answer: str) -> str:
    asked = f"{question.prompt}\n{question.instructions}"[:8000]
    if question.schema is not None:
        return _as_json(question, answer)
    if re.search(r"\b(?:one|a single) word\b|\bone-word\b", asked, re.I):
        return skills.one_word(question.prompt, answer)
    if re.search(r"\b(?:as|in|return|only|valid) json\b", asked, re.I):
        return _as_json(question, answer)
    if re.search(r"\bone sentence\b|\bone-sentence\b|\bin a sentence\b", asked, re.I) or question.verbosity == "low":
        answer = _first_sentence(answer)
    elif question.verbosity == "high" and _first_sentence(answer) != answer:
        answer = f"{answer} In short: {_first_sentence(answer)}"
    if re.search(r"\b(?:upper ?case|all caps|capital letters)\b", question.instructions, re.I):
        answer = answer.upper()
    if re.search(r"\bpirate\b", question.instructions, re.I):
        answer = f"Arr, matey! {answer}"
    return answer


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?]) ", text, maxsplit=1)[0]


def _as_json(question: Question, answer: str) -> str:
    if question.schema is not None and (again := mended(question.turns)):
        return again
    if question.schema:
        # "Extract the person: Ada, 36, from London": what counts stands behind the colon.
        head, _, tail = question.prompt.partition(":")
        said = tail if tail.strip() and len(head) < 80 else question.prompt
        value = fill(question.schema, Prompt(f"{values(question.pictures)} {said}".strip(), root=question.schema))
        if isinstance(value, dict):
            for name in ("answer", "result", "response", *(("description", "caption") if question.pictures else ())):
                if isinstance(value.get(name), str):
                    value[name] = answer
    else:
        value = {"answer": answer}
    return json.dumps(value, ensure_ascii=False, default=str)


def _reasoning(question: Question, way: str) -> str:
    topic = " ".join(question.prompt.split())[:60]
    thoughts = (f"The user asks: “{topic}”", way, "I keep it short.", "Then I check it once more before I say it.")
    return " ".join(thoughts[: _EFFORT[question.effort]])


def _limited(question: Question, reply: Reply) -> Reply:
    """Cut at the first stop text, then at the token limit; reasoning counts against the limit first."""
    limit = question.max_tokens if question.max_tokens is not None else 1_000_000
    spent = tokens.count(reply.reasoning)
    if spent and spent >= limit and not reply.calls:
        kept = "".join(tokens.split(reply.reasoning)[:limit])
        return Reply("", kept, finish="length", reasoning_tokens=limit)
    if reply.calls:
        size = sum(tokens.count(call.name) + tokens.count_json(call.arguments) + 8 for call in reply.calls)
        return replace(reply, tokens=size, reasoning_tokens=spent)
    text, finish, stopped_at = reply.text, "stop", None
    first = min(((text.find(stop), stop) for stop in question.stop if stop in text), default=None)
    if first is not None:
        text, finish, stopped_at = text[: first[0]], "stop_text", first[1]
    pieces = tokens.split(text)
    if len(pieces) > limit - spent:
        pieces, finish, stopped_at = pieces[: limit - spent], "length", None
    text = "".join(pieces)
    return replace(reply, text=text, finish=finish, stopped_at=stopped_at, tokens=len(pieces), reasoning_tokens=spent)
