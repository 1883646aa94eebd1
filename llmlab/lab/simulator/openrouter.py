"""What only OpenRouter has in an answer: its cost, who served it, and the maker's own words for its end."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.models import Model

_PROVIDERS = {"openai": "OpenAI", "nvidia": "Nvidia", "google": "Google AI Studio", "anthropic": "Anthropic"}
_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def cost(model: Model, read: int, written: int) -> dict[str, Any]:
    """Return the cost of an answer in USD."""
    prompt, completion = round(read * model.prompt_price / 1e6, 10), round(written * model.completion_price / 1e6, 10)
    total = round(prompt + completion, 10)
    details = {
        "upstream_inference_cost": total,
        "upstream_inference_prompt_cost": prompt,
        "upstream_inference_completions_cost": completion,
    }
    return {"cost": total, "is_byok": False, "cost_details": details}


def provider(model: Model) -> str:
    """Name who serves the model."""
    return _PROVIDERS.get(model.served.split("/")[0], "Chutes")


def native_finish(model: Model, finish: str | None) -> str | None:
    """Translate a finish reason into the words of the model's maker."""
    return _ANTHROPIC_FINISH[finish] if finish and model.served.startswith("anthropic/") else finish
