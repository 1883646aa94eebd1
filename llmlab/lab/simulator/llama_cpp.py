"""The format of llama.cpp's own: `POST /completion`, a prompt in, a text that goes on out. No roles, no tools.

A prompt that is written as a dialogue (`User: …`, `Assistant:`) is read as one. Format: the README of llama.cpp's
server, "POST /completion". Left out: sampling settings, grammars, probabilities, slots.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.json_access import as_int, stop_texts
from llmlab.lab.simulator.models import MODELS
from llmlab.lab.simulator.question import Question, Reply, Turn
from llmlab.lab.simulator.reply import think
from llmlab.lab.wire.messages import Event, TapeAnswer

_SPEAKER = re.compile(r"^(system|user|assistant):[ \t]*", re.IGNORECASE | re.MULTILINE)
_STOP = {"stop": "eos", "stop_text": "word", "length": "limit"}


def complete(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/completion`."""
    body, model = ask.body, MODELS["local_gpt_oss"][0]
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise Refused(400, '"prompt" is required' if prompt is None else '"prompt" must be a text')
    limit = as_int(body.get("n_predict"))
    question = Question(
        _turns(prompt),
        stop=stop_texts(body.get("stop")),
        max_tokens=model.output if limit is None or limit < 0 else limit,
        variant=ask.variant(body.get("temperature"), body.get("seed")),
    )
    reply, read = think(question), tokens.count(prompt)
    if read > model.context:
        raise too_long(ask.service, ask.path, read, model.context)
    pace, last = ask.pace(model), _last(model.id, prompt, reply, read)
    if body.get("stream") is not True:
        return ask.plain({**last, "content": reply.text}, pace.after(reply.tokens))
    chunks: list[dict[str, Any]] = [
        {"index": 0, "content": piece, "stop": False, "tokens_predicted": at, "tokens_evaluated": read}
        for at, piece in enumerate(tokens.split(reply.text), start=1)
    ]
    chunks.append(last)
    events: list[tuple[float, Event]] = list(zip(pace.moments(chunks), chunks, strict=True))
    return ask.stream(events, "sse")


def _turns(prompt: str) -> tuple[Turn, ...]:
    opening, *parts = _SPEAKER.split(prompt)
    if not parts:
        return (Turn("user", prompt),)
    said = zip(parts[::2], parts[1::2], strict=True)
    turns = (Turn("system", opening), *(Turn(role.lower(), text.strip()) for role, text in said))
    return tuple(turn for turn in turns if turn.text.strip())


def _last(model: str, prompt: str, reply: Reply, read: int) -> dict[str, Any]:
    return {
        "index": 0,
        "content": "",
        "id_slot": 0,
        "stop": True,
        "model": model,
        "tokens_predicted": reply.tokens,
        "tokens_evaluated": read,
        "prompt": prompt,
        "truncated": False,
        "stop_type": _STOP[reply.finish],
        "stopping_word": reply.stopped_at or "",
        "tokens_cached": read + reply.tokens - 1,
    }
