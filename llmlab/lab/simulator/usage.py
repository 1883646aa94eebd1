"""Counts the tokens of a request and writes the bill of an answer, for the services of OpenAI's Chat form."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import openrouter, tokens
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Question


def input_tokens(question: Question) -> int:
    """Estimate the tokens of a request: its texts and pictures, a few per message, the schemas of its tools, finds."""
    total = 3
    for turn in question.turns:
        total += tokens.PER_MESSAGE + tokens.count(turn.text) + sum(one.tokens for one in turn.pictures)
        total += sum(tokens.count(call.name) + tokens.count_json(call.arguments) + 8 for call in turn.calls)
    for tool in question.tools:
        total += 10 + tokens.count(tool.name) + tokens.count(tool.description) + tokens.count_json(tool.schema)
    return total + sum(tokens.count(passage.text) for passage in question.passages or ())


def usage_of(ask: Ask, model: Model, read: int, written: int, reasoned: int = 0) -> dict[str, Any]:
    """Write the usage of a chat completion; at OpenRouter with its cost, which is noted.

    Args:
        ask: the request.
        model: the model that answered.
        read: tokens of the request.
        written: tokens of the answer, reasoning included.
        reasoned: tokens of the reasoning.
    """
    usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if ask.service == "openai":
        usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
        usage["completion_tokens_details"] = {
            "reasoning_tokens": reasoned,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    elif ask.service == "openrouter":
        usage |= openrouter.cost(ask, model, read, written)
        prompt = ("cached_tokens", "cache_write_tokens", "audio_tokens", "video_tokens")
        usage["prompt_tokens_details"] = dict.fromkeys(prompt, 0)
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoned, "image_tokens": 0, "audio_tokens": 0}
    return usage
