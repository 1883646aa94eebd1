"""The built-in responder: a tool call, an answer of a few small skills, or an honest "I am a simulator".

It knows no wire format, and gives the same reply to the same conversation. A real model can take its place: any
function from a `Conversation` to a `Reply`, handed to `Simulator(compose=…)`; `limit` cuts its text as a service does.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from llmlab.lab.simulator import canned_answers as canned
from llmlab.lab.simulator import tokens, tool_choice
from llmlab.lab.simulator.calculator import find_sum
from llmlab.lab.simulator.conversation import Conversation, Image, Reply
from llmlab.lab.simulator.conversation_memory import greet, recall
from llmlab.lab.simulator.fill_schema import fill_schema
from llmlab.lab.simulator.repair_json import repaired
from llmlab.lab.simulator.text_search import best_sentence, from_context

_THOUGHTS = {"none": 0, "minimal": 1, "low": 1, "medium": 2, "high": 3, "xhigh": 4, "max": 4}
"""Sentences of reasoning by effort."""


def compose(conversation: Conversation) -> Reply:
    """Compose the reply to a conversation: text or tool calls, cut to the limits."""
    prompt = conversation.prompt
    results = tool_choice.results(conversation.turns)
    earlier = "" if results else tool_choice.recall(conversation)
    calls = () if results or earlier else tool_choice.choose(conversation)
    if calls:
        why = "A tool can do that; I take its arguments from the question."
        return limit(conversation, Reply("", _reasoning(conversation, why), calls, "tool"))
    passages = () if results else conversation.passages or ()
    cited = next((passage for passage in passages if best_sentence(prompt, passage.text)), None)
    if results:
        why, answer = "The tools have answered, so I only need to say it in words.", tool_choice.report(results)
    elif cited:
        why, answer = f"I find that in {cited.filename}.", best_sentence(prompt, cited.text)
    else:
        answer = earlier or _answer(conversation)
        why = _why(conversation, answer)
    return limit(conversation, Reply(_shaped(conversation, answer), _reasoning(conversation, why), cited=cited))


def limit(conversation: Conversation, reply: Reply) -> Reply:
    """Cut a reply at the first stop text and at the token limit, and count its tokens.

    Reasoning counts against the limit first.
    """
    most = conversation.max_tokens if conversation.max_tokens is not None else 1_000_000
    thought = tokens.count(reply.reasoning)
    if reply.calls:
        return replace(reply, tokens=sum(map(tokens.count_call, reply.calls)), reasoning_tokens=thought)
    if thought and thought >= most:
        return Reply("", "".join(tokens.split(reply.reasoning)[:most]), finish="length", reasoning_tokens=most)
    text, finish, stopped_at = reply.text, "stop", None
    first = min(((text.find(stop), stop) for stop in conversation.stop if stop in text), default=None)
    if first is not None:
        text, finish, stopped_at = text[: first[0]], "stop_text", first[1]
    pieces = tokens.split(text)
    if len(pieces) > most - thought:
        pieces, finish, stopped_at = pieces[: most - thought], "length", None
    text, size = "".join(pieces), len(pieces)
    return replace(reply, text=text, finish=finish, stopped_at=stopped_at, tokens=size, reasoning_tokens=thought)


def _why(conversation: Conversation, answer: str) -> str:
    if found := find_sum(conversation.prompt):
        return f"This is arithmetic, and I can do that: {found[0]} = {found[1]}."
    if conversation.images:
        return "A picture came along; I can measure it, and no more."
    if answer == _honest(conversation.prompt):
        return "I know nothing about this, so I had better say so."
    return "I know something about this."


def _reasoning(conversation: Conversation, why: str) -> str:
    topic = " ".join(conversation.prompt.split())[:60]
    thoughts = (f"The user asks: “{topic}”", why, "I keep it short.", "Then I check it once more before I say it.")
    return " ".join(thoughts[: _THOUGHTS[conversation.effort]])


def _answer(conversation: Conversation) -> str:
    prompt = conversation.prompt
    if conversation.images:
        return _describe(conversation.images)
    if not prompt.strip():
        return "I am llmlab's simulator, and there is no question in this request. Ask me something."
    return (
        from_context(prompt, conversation.instructions)
        or recall(prompt, conversation.turns)
        or canned.translate(prompt)
        or canned.echo(prompt)
        or greet(prompt)
        or canned.count(prompt)
        or " = ".join(find_sum(prompt) or ())
        or canned.capital(prompt)
        or canned.summary(prompt)
        or canned.haiku(prompt)
        or canned.about_itself(prompt)
        or canned.fact(prompt, conversation.variant)
        or _honest(prompt)
    )


def _describe(images: tuple[Image, ...]) -> str:
    known = "; ".join(
        f"an address, {one.address}, from which I fetch nothing"
        if one.address
        else f"a {one.kind} of {one.width} × {one.height} pixels and {one.size} bytes"
        for one in images
    )
    return f"I am llmlab's simulator and cannot see. What reached me is {known}. A model would say what it shows."


def _honest(prompt: str) -> str:
    topic = " ".join(prompt.split()).rstrip(".?!")
    topic = topic if len(topic) <= 120 else topic[:117].rstrip() + "…"
    return (
        f"I am llmlab's simulator, not a model, so I cannot really answer “{topic}”. "
        "Everything around these words is as it would be live: the wire format, the usage, the pace. "
        "Switch to live mode to hear what the model says."
    )


def _shaped(conversation: Conversation, answer: str) -> str:
    """Give an answer the form that the schema, the prompt or the instructions ask for."""
    text = f"{conversation.prompt}\n{conversation.instructions}"[:8000]
    if conversation.schema is not None:
        return _as_json(conversation, conversation.schema, answer)
    if re.search(r"\b(?:one|a single) word\b|\bone-word\b", text, re.I):
        return canned.one_word(conversation.prompt, answer)
    if re.search(r"\b(?:as|in|return|only|valid) json\b", text, re.I):
        return json.dumps({"answer": answer}, ensure_ascii=False)
    first = re.split(r"(?<=[.!?]) ", answer, maxsplit=1)[0]
    if re.search(r"\b(?:one|a)[ -]sentence\b", text, re.I) or conversation.verbosity == "low":
        answer = first
    elif conversation.verbosity == "high" and first != answer:
        answer = f"{answer} In short: {first}"
    if re.search(r"\b(?:upper ?case|all caps|capital letters)\b", conversation.instructions, re.I):
        answer = answer.upper()
    return f"Arr, matey! {answer}" if re.search(r"\bpirate\b", conversation.instructions, re.I) else answer


def _as_json(conversation: Conversation, schema: dict[str, object], answer: str) -> str:
    if again := repaired(conversation.turns):
        return again
    if not schema:
        return json.dumps({"answer": answer}, ensure_ascii=False)
    # In "Extract the person: Ada, 36, from London" the values stand after the colon.
    head, _, tail = conversation.prompt.partition(":")
    text = tail if tail.strip() and len(head) < 80 else conversation.prompt
    measures = "".join(f"{one.width} {one.height} " for one in conversation.images)
    value = fill_schema(schema, (measures + text).strip())
    if isinstance(value, dict):
        for name in ("answer", "result", "response", *(("description", "caption") if conversation.images else ())):
            if isinstance(value.get(name), str):
                value[name] = answer
    return json.dumps(value, ensure_ascii=False, default=str)
