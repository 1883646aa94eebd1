"""Text completions: OpenAI's old Completions API, and llama.cpp's own `POST /completion`.

Formats: OpenAI's API reference; the README of llama.cpp's server, "POST /completion". Left out: log probabilities,
`n`, `best_of`, `echo`, `suffix`, lists of prompts, sampling settings, grammars.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.conversation import Conversation, Reply, Turn
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.fields import check, number
from llmlab.lab.simulator.json_access import as_dict, as_int, stop_texts, template
from llmlab.lab.simulator.models import MODELS, Model
from llmlab.lab.simulator.openai_chat import FINGERPRINT, usage
from llmlab.lab.wire.messages import TapeAnswer

_OPENAI_LIMIT = 16  # tokens, unless the request says more
_SPEAKER = re.compile(r"^(system|user|assistant):[ \t]*", re.IGNORECASE | re.MULTILINE)
_STOP_TYPES = {"stop": "eos", "stop_text": "word", "length": "limit"}


def _complete(context: Context, model: Model, turns: tuple[Turn, ...], limit: int) -> tuple[Reply, int]:
    """Compose the continuation of the prompt, and count the prompt's tokens."""
    body, read = context.body, tokens.count(context.body["prompt"])
    context.check_length(read, model)
    stop, variant = stop_texts(body.get("stop")), context.variant(body)
    return context.compose(Conversation(turns, stop=stop, max_tokens=max(limit, 0), variant=variant)), read


def _create(context: Context) -> TapeAnswer:
    body, model, service = context.body, _model(context), context.service
    limit = as_int(body.get("max_tokens"))
    if limit is None:
        limit = _OPENAI_LIMIT if service == "openai" else model.output
    reply, read = _complete(context, model, (Turn("user", body["prompt"]),), limit)
    counted = usage(service if service == "openrouter" else "", model, read, reply.tokens)
    finish = "length" if reply.finish == "length" else "stop"
    whole = _frame(context, model, reply.text, finish) | {"usage": counted}
    chunks = [_frame(context, model, part, None) for part in tokens.split(reply.text)]
    chunks.append(_frame(context, model, "", finish))
    if service == "openrouter" or as_dict(body.get("stream_options")).get("include_usage") is True:
        chunks.append(chunks[-1] | {"choices": [], "usage": counted})
    return context.deliver(whole, chunks, context.pace(model), reply.tokens, read=max(read, 1), end=["data: [DONE]"])


def _model(context: Context) -> Model:
    body, service = context.body, context.service
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter" if service == "openai" else "model is required")
    if not isinstance(body.get("prompt"), str):
        raise Refused(400, "'prompt' is required: one text, not a list", param="prompt")
    check(body, {"temperature": number(0, 2)})
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


def _llama_cpp(context: Context) -> TapeAnswer:
    """Answer llama.cpp's own endpoint. A prompt written as a dialogue (`User: …`) is read as one."""
    prompt, limit, model = context.body.get("prompt"), as_int(context.body.get("n_predict")), MODELS["local_gpt_oss"][0]
    if not isinstance(prompt, str):
        raise Refused(400, '"prompt" is required' if prompt is None else '"prompt" must be a text')
    limit = model.output if limit is None or limit < 0 else limit
    reply, read = _complete(context, model, _dialogue(prompt), limit)
    last = template(
        "llama.cpp completion",
        model=model.id,
        tokens_predicted=reply.tokens,
        tokens_evaluated=read,
        prompt=prompt,
        stop_type=_STOP_TYPES[reply.finish],
        stopping_word=reply.stopped_at or "",
        tokens_cached=read + reply.tokens - 1,
    )
    chunks = [
        {"index": 0, "content": part, "stop": False, "tokens_predicted": at, "tokens_evaluated": read}
        for at, part in enumerate(tokens.split(reply.text), start=1)
    ]
    return context.deliver(last | {"content": reply.text}, [*chunks, last], context.pace(model), reply.tokens, read=0)


def _dialogue(prompt: str) -> tuple[Turn, ...]:
    opening, *parts = _SPEAKER.split(prompt)
    if not parts:
        return (Turn("user", prompt),)
    said = zip(map(str.lower, parts[::2]), map(str.strip, parts[1::2]), strict=True)
    return tuple(turn for turn in (Turn("system", opening), *(Turn(*pair) for pair in said)) if turn.text.strip())


OPENAI: Routes = {"/v1/completions": {"POST": _create}}
LLAMA_CPP: Routes = {"/v1/completion": {"POST": _llama_cpp}}
"""A path without /v1 reads as one with it."""
