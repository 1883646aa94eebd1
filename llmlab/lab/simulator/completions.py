"""The legacy Completions API, which continues a text: OpenAI's, and that of the services of its form.

Left out: log probabilities, and `best_of` and `suffix`, which change nothing.
"""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator import openrouter, tokens
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.json_access import as_dict, as_int, stop_texts, texts_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.openai_chat import FINGERPRINT
from llmlab.lab.simulator.question import Question, Reply, Turn
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.usage import usage_of
from llmlab.lab.wire.messages import Event, TapeAnswer

_OPENAI_LIMIT = 16  # tokens, when the request does not say
_MOST_CHOICES = 16


def complete(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/completions`."""
    body, model = ask.body, _model(ask)
    prompts = texts_of(body.get("prompt"))[:_MOST_CHOICES] or [""]
    several = min(max(as_int(body.get("n")) or 1, 1), _MOST_CHOICES)
    wanted = as_int(body.get("max_tokens"))
    limit = (_OPENAI_LIMIT if ask.service == "openai" else model.output) if wanted is None else max(wanted, 0)
    variant = ask.variant(body.get("temperature"), body.get("seed"))
    replies: list[tuple[str, Reply]] = []
    for prompt in prompts:
        for at in range(several):
            turns = (Turn("user", prompt),)
            asked = Question(turns, stop=stop_texts(body.get("stop")), max_tokens=limit, variant=variant + at)
            replies.append((prompt if body.get("echo") is True else "", think(asked)))
    read, written = sum(map(tokens.count, prompts)), sum(reply.tokens for _, reply in replies)
    if read > model.context:
        raise too_long(ask.service, ask.path, read, model.context)
    usage = usage_of(ask, model, read, written)
    if ask.service == "openai":
        usage = {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    pace = ask.pace(model)
    if body.get("stream") is not True:
        choices = [
            _choice(ask, model, at, echo + reply.text, _finish(reply)) for at, (echo, reply) in enumerate(replies)
        ]
        seconds = pace.after(max(reply.tokens for _, reply in replies))
        return ask.plain({**_frame(ask, model), "choices": choices, "usage": usage}, seconds, tokens=max(read, 1))
    chunks: list[dict[str, Any]] = []
    for at, (echo, reply) in enumerate(replies):
        pieces = [*tokens.split(echo), *tokens.split(reply.text)]
        chunks += [_frame(ask, model) | {"choices": [_choice(ask, model, at, piece, None)]} for piece in pieces]
        chunks.append(_frame(ask, model) | {"choices": [_choice(ask, model, at, "", _finish(reply))]})
    if ask.service == "openrouter" or as_dict(body.get("stream_options")).get("include_usage") is True:
        chunks.append(_frame(ask, model) | {"choices": [], "usage": usage})
    events: list[tuple[float, Event]] = list(zip(pace.moments(chunks), chunks, strict=True))
    return ask.stream([*events, (events[-1][0], "data: [DONE]")], "sse", max(read, 1))


def _model(ask: Ask) -> Model:
    body = ask.body
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter" if ask.service == "openai" else "model is required")
    if ask.service != "openai" and body.get("prompt") is None:
        raise Refused(400, "'prompt' is required")
    checks.check_decimal(body, "temperature", 0, 2)
    checks.check_integer(body, "n", 1, 128)
    model = ask.model()
    if ask.service == "openai" and model.chats:
        kind = "chat model and not" if not model.embeds else "not a completion model and thus not"
        message = f"This is {'a ' if not model.embeds else ''}{kind} supported in the v1/completions endpoint."
        raise Refused(404, f"{message} Did you mean to use v1/chat/completions?", param="model")
    if model.embeds:
        raise Refused(400, f'"{model.id}" does not support generate')
    if ask.service == "openrouter":
        openrouter.check_free(ask, model)
    return model


def _frame(ask: Ask, model: Model) -> dict[str, Any]:
    made = ask.generation_id if ask.service == "openrouter" else "cmpl-" + ask.seed.letters("id", 29)
    frame: dict[str, Any] = {"id": made, "object": "text_completion", "created": ask.seed.created}
    frame |= {"model": model.served, "system_fingerprint": FINGERPRINT}
    return frame | ({"provider": openrouter.provider(model)} if ask.service == "openrouter" else {})


def _choice(ask: Ask, model: Model, at: int, text: str, finish: str | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"text": text, "index": at, "finish_reason": finish}
    if ask.service == "openrouter":
        choice["native_finish_reason"] = openrouter.native_finish(model, finish)
    return choice if ask.service == "ollama" else choice | {"logprobs": None}


def _finish(reply: Reply) -> str:
    return "length" if reply.finish == "length" else "stop"
