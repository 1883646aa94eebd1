"""Text completions: OpenAI's old Completions API, and llama.cpp's own `POST /completion`.

Formats: OpenAI's API reference; the README of llama.cpp's server, "POST /completion". Left out: log probabilities,
`n`, `best_of`, `echo`, `suffix`, lists of prompts, sampling settings, grammars.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.lab.simulator import checks, tokens
from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.conversation import Conversation, Reply, Turn
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, stop_texts, text_of
from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.simulator.openai_chat import FINGERPRINT
from llmlab.lab.simulator.usage import usage
from llmlab.lab.wire.messages import Event, TapeAnswer

_OPENAI_LIMIT = 16  # tokens, unless the request says more
_SPEAKER = re.compile(r"^(system|user|assistant):[ \t]*", re.IGNORECASE | re.MULTILINE)
_STOP_TYPES = {"stop": "eos", "stop_text": "word", "length": "limit"}


def create(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/completions`."""
    body, model = context.body, _model(context)
    prompt, read = text_of(body.get("prompt")), tokens.count(text_of(body.get("prompt")))
    context.check_length(read, model)
    limit = as_int(body.get("max_tokens"))
    if limit is None:
        limit = _OPENAI_LIMIT if context.service == "openai" else model.output
    stop, variant = stop_texts(body.get("stop")), context.variant(body)
    turns = (Turn("user", prompt),)
    reply = context.compose(Conversation(turns, stop=stop, max_tokens=max(limit, 0), variant=variant))
    counted = usage(context, model, read, reply.tokens)
    if context.service == "openai":
        counted = {name: count for name, count in counted.items() if not name.endswith("details")}
    pace, finish = context.pace(model), "length" if reply.finish == "length" else "stop"
    if not context.streams:
        answer = _frame(context, model, reply.text, finish) | {"usage": counted}
        return context.plain(answer, pace.after(reply.tokens), tokens=max(read, 1))
    chunks = [_frame(context, model, piece, None) for piece in tokens.split(reply.text)]
    chunks.append(_frame(context, model, "", finish))
    if context.service == "openrouter" or as_dict(body.get("stream_options")).get("include_usage") is True:
        chunks.append(chunks[-1] | {"choices": [], "usage": counted})
    events: list[tuple[float, Event]] = list(zip(pace.times(chunks), chunks, strict=True))
    return context.stream([*events, (events[-1][0], "data: [DONE]")], "sse", max(read, 1))


def _model(context: Context) -> Model:
    body, service = context.body, context.service
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter" if service == "openai" else "model is required")
    if not isinstance(body.get("prompt"), str):
        raise Refused(400, "'prompt' is required: one text, not a list", param="prompt")
    checks.check_number(body, "temperature", 0, 2)
    model = context.model(body["model"])
    if service == "openai" and model.chats:
        message = "This is a chat model and not supported in the v1/completions endpoint."
        raise Refused(404, f"{message} Did you mean to use v1/chat/completions?", param="model")
    if model.embeds:
        raise Refused(400, f'"{model.id}" does not support generate')
    return model


def _frame(context: Context, model: Model, text: str, finish: str | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"text": text, "index": 0, "finish_reason": finish}
    if context.service != "ollama":
        choice["logprobs"] = None
    frame = {"object": "text_completion", "created": context.seed.created, "model": model.served, "choices": [choice]}
    frame["system_fingerprint"] = FINGERPRINT
    if context.service != "openrouter":
        return {"id": "cmpl-" + context.seed.letters("id", 29), **frame}
    choice["native_finish_reason"] = model.native_finish(finish)
    return {"id": context.generation_id, **frame, "provider": model.provider}


def llama_cpp(context: Context) -> TapeAnswer:
    """Answer a POST to `/completion`. A prompt written as a dialogue (`User: …`) is read as one."""
    body, model = context.body, MODELS["local_gpt_oss"][0]
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise Refused(400, '"prompt" is required' if prompt is None else '"prompt" must be a text')
    limit, read = as_int(body.get("n_predict")), tokens.count(prompt)
    context.check_length(read, model)
    conversation = Conversation(
        _dialogue(prompt),
        stop=stop_texts(body.get("stop")),
        max_tokens=model.output if limit is None or limit < 0 else limit,
        variant=context.variant(body),
    )
    reply, pace = context.compose(conversation), context.pace(model)
    last = _llama_cpp_end(model, prompt, reply, read)
    if not context.streams:
        return context.plain(last | {"content": reply.text}, pace.after(reply.tokens))
    chunks: list[dict[str, Any]] = [
        {"index": 0, "content": piece, "stop": False, "tokens_predicted": at, "tokens_evaluated": read}
        for at, piece in enumerate(tokens.split(reply.text), start=1)
    ]
    chunks.append(last)
    return context.stream(list(zip(pace.times(chunks), chunks, strict=True)), "sse")


def _dialogue(prompt: str) -> tuple[Turn, ...]:
    opening, *parts = _SPEAKER.split(prompt)
    if not parts:
        return (Turn("user", prompt),)
    turns = [
        Turn("system", opening),
        *(Turn(*pair) for pair in zip(map(str.lower, parts[::2]), map(str.strip, parts[1::2]), strict=True)),
    ]
    return tuple(turn for turn in turns if turn.text.strip())


def _llama_cpp_end(model: Model, prompt: str, reply: Reply, read: int) -> dict[str, Any]:
    return {
        "index": 0,
        "content": "",
        "id_slot": 0,
        "stop": True,
        "model": model.id,
        "tokens_predicted": reply.tokens,
        "tokens_evaluated": read,
        "prompt": prompt,
        "truncated": False,
        "stop_type": _STOP_TYPES[reply.finish],
        "stopping_word": reply.stopped_at or "",
        "tokens_cached": read + reply.tokens - 1,
    }
