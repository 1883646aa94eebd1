"""Writes Chat Completions answers, plain and streamed, as OpenAI, OpenRouter, Ollama and local servers do.

Format: OpenAI's API reference and real traffic of the four. Left out: audio, log probabilities, web search,
predictions.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import openrouter, tokens
from llmlab.lab.simulator.chat_read import read
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.json_access import as_dict, as_int
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Call, Question, Reply
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.seed import BASE36
from llmlab.lab.simulator.usage import input_tokens, usage_of
from llmlab.lab.wire.messages import Event, TapeAnswer

FINGERPRINT = "fp_llmlab_simulator"
"""What `system_fingerprint` says, so that nobody takes a simulated answer for a real one."""

_FINISH = {"stop": "stop", "stop_text": "stop", "length": "length", "tool": "tool_calls"}
_MOST_CHOICES = 16


def chat(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/chat/completions`."""
    question, model = read(ask)
    if ask.service == "openrouter":
        openrouter.check_free(ask, model)
    writer = _Writer(ask, question, model)
    return writer.stream() if ask.body.get("stream") is True else writer.plain()


class _Writer:
    def __init__(self, ask: Ask, question: Question, model: Model) -> None:
        self.ask, self.model, self.service = ask, model, ask.service
        several = min(max(as_int(ask.body.get("n")) or 1, 1), _MOST_CHOICES)
        self.replies = [think(replace(question, variant=question.variant + at)) for at in range(several)]
        self.prompt_tokens = input_tokens(question)
        written = self.replies[0].reasoning_tokens if self.service == "openai" else 0
        self.pace = ask.pace(model, written)

    def plain(self) -> TapeAnswer:
        choices = [self._choice(at, reply) for at, reply in enumerate(self.replies)]
        body = self._frame("chat.completion")
        body["choices"] = choices
        body["usage"] = self._usage()
        if self.service == "openai":
            body["service_tier"] = "default"
            body["system_fingerprint"] = FINGERPRINT
        spent = max(
            reply.tokens + (reply.reasoning_tokens if self.service != "openai" else 0) for reply in self.replies
        )
        return self.ask.plain(body, self.pace.after(spent), tokens=self.prompt_tokens)

    def stream(self) -> TapeAnswer:
        deltas = [(at, delta, None) for at, reply in enumerate(self.replies) for delta in self._deltas(at, reply)]
        ends = [(at, self._last_delta(), _FINISH[reply.finish]) for at, reply in enumerate(self.replies)]
        chunks = [self._chunk(at, delta, finish) for at, delta, finish in (*deltas, *ends)]
        with_usage = as_dict(self.ask.body.get("stream_options")).get("include_usage") is True
        if self.service == "openrouter":
            last = self._chunk(0, self._last_delta(), None)
            chunks.append(last | {"usage": self._usage()})
        elif with_usage:
            if self.service == "openai":
                chunks = [chunk | {"usage": None} for chunk in chunks]
            chunks.append(self._frame("chat.completion.chunk") | {"choices": [], "usage": self._usage()})
        if (
            self.service == "openai"
            and as_dict(self.ask.body.get("stream_options")).get("include_obfuscation") is not False
        ):
            for at, chunk in enumerate(chunks):
                chunk["obfuscation"] = self.ask.seed.letters(f"veil{at}", 5 + self.ask.seed.number(f"veil{at}", 11))
        events: list[tuple[float, Event]] = list(zip(self.pace.moments(chunks), chunks, strict=True))
        if self.service == "openrouter":
            events.insert(0, (round(self.pace.first * 0.3, 3), ": OPENROUTER PROCESSING"))
        events.append((events[-1][0], "data: [DONE]"))
        return self.ask.stream(events, "sse", self.prompt_tokens)

    def _frame(self, kind: str) -> dict[str, Any]:
        seed, chunk = self.ask.seed, kind.endswith("chunk")
        frame: dict[str, Any] = {"id": self._id(), "object": kind, "created": seed.created, "model": self.model.served}
        if self.service == "openrouter":
            frame["provider"] = openrouter.provider(self.model)
        if self.service != "openai" or chunk:
            frame["system_fingerprint"] = FINGERPRINT
        if (self.service == "openai" and chunk) or (self.service == "openrouter" and not chunk):
            frame["service_tier"] = "default" if self.service == "openai" else None
        return frame

    def _id(self) -> str:
        seed = self.ask.seed
        if self.service == "openrouter":
            return self.ask.generation_id
        if self.service == "ollama":
            return f"chatcmpl-{seed.number('id', 1000)}"
        return "chatcmpl-" + seed.letters("id", 29 if self.service == "openai" else 32)

    def _choice(self, at: int, reply: Reply) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": at, "message": self._message(reply)}
        choice["finish_reason"] = _FINISH[reply.finish]
        if self.service == "openrouter":
            choice["logprobs"] = None
            choice["native_finish_reason"] = openrouter.native_finish(self.model, choice["finish_reason"])
        return choice

    def _message(self, reply: Reply) -> dict[str, Any]:
        empty = "" if self.service == "ollama" else None
        message: dict[str, Any] = {"role": "assistant", "content": reply.text if not reply.calls else empty}
        if self.service == "openai":
            if reply.calls:
                message["tool_calls"] = [self._call(at, call) for at, call in enumerate(reply.calls)]
            return message | {"refusal": None, "annotations": []}
        if self.service == "openrouter":
            message["refusal"] = None
            message["reasoning"] = reply.reasoning or None
            if reply.reasoning:
                message["reasoning_details"] = [_detail(reply.reasoning)]
        elif reply.reasoning:
            message[self._reasoning_field] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = [{**self._call(at, call), "index": at} for at, call in enumerate(reply.calls)]
        return message

    @property
    def _reasoning_field(self) -> str:
        return "reasoning_content" if self.service == "local_gpt_oss" else "reasoning"

    def _call(self, at: int, call: Call) -> dict[str, Any]:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"), default=str)
        return {"id": self._call_id(at), "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _call_id(self, at: int) -> str:
        if self.service == "ollama":
            return "call_" + self.ask.seed.letters(f"call{at}", 8, BASE36)
        return "call_" + self.ask.seed.letters(f"call{at}", 24)

    def _deltas(self, at: int, reply: Reply) -> list[dict[str, Any]]:
        """Write everything that is said, piece by piece; the first piece carries the role."""
        thought = tokens.split(reply.reasoning) if self.service != "openai" else []
        deltas = [self._thinking(piece) for piece in thought]
        deltas += [{"content": piece} for piece in tokens.split(reply.text)] if not reply.calls else []
        for number, call in enumerate(reply.calls):
            deltas += self._call_deltas(number, self._call(number, call))
        if self.service == "openrouter":
            return [{"role": "assistant", "content": None if "tool_calls" in delta else ""} | delta for delta in deltas]
        if self.service == "openai" and not reply.calls:
            return [{"role": "assistant", "content": "", "refusal": None}, *deltas]
        if self.service == "local_gpt_oss":
            return [{"role": "assistant", "content": None}, *deltas]
        first = {"role": "assistant", "content": None if self.service == "openai" else ""}
        if not deltas:
            return [first]
        end = {"refusal": None} if self.service == "openai" else {}
        return [first | deltas[0] | end, *deltas[1:]]

    def _thinking(self, piece: str) -> dict[str, Any]:
        if self.service == "openrouter":
            return {"reasoning": piece, "reasoning_details": [_detail(piece)]}
        shown = {"content": ""} if self.service == "ollama" else {}
        return {**shown, self._reasoning_field: piece}

    def _call_deltas(self, at: int, call: dict[str, Any]) -> list[dict[str, Any]]:
        if self.service == "ollama":  # sends every call whole
            return [{"content": "", "tool_calls": [{**call, "index": at}]}]
        function = call["function"]
        opening = {"index": at, **call, "function": {"name": function["name"], "arguments": ""}}
        kind = {"type": "function"} if self.service == "openrouter" else {}
        pieces = [
            {"index": at, "function": {"arguments": piece}, **kind} for piece in tokens.split(function["arguments"])
        ]
        return [{"tool_calls": [part]} for part in (opening, *pieces)]

    def _last_delta(self) -> dict[str, Any]:
        return {"role": "assistant", "content": ""} if self.service == "openrouter" else {}

    def _chunk(self, at: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": at, "delta": delta, "finish_reason": finish}
        if self.service == "openrouter":
            choice["native_finish_reason"] = openrouter.native_finish(self.model, finish)
            choice["logprobs"] = None
        return self._frame("chat.completion.chunk") | {"choices": [choice]}

    def _usage(self) -> dict[str, Any]:
        reasoned = sum(reply.reasoning_tokens for reply in self.replies)
        written = sum(reply.tokens for reply in self.replies) + reasoned
        return usage_of(self.ask, self.model, self.prompt_tokens, written, reasoned)


def _detail(text: str) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": text, "index": 0, "format": None}
