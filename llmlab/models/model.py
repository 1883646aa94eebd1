"""What is known of one model: what it can do, what it takes, its limits and prices.

None means "not known", and what is not known is never refused.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from llmlab.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model costs, in USD for a million tokens.

    Args:
        input: tokens read.
        output: tokens written, reasoning included.
        cached_input: tokens read from the vendor's prompt cache; None for the price of `input`.
    """

    input: float
    output: float
    cached_input: float | None = None

    def __str__(self) -> str:
        return f"${self.input:g} in, ${self.output:g} out"


@dataclass(frozen=True, slots=True)
class ModelCapabilities:
    """What a model can do: True, False, or None where that is not known.

    Args:
        streaming: send its answer in chunks.
        tools: call tools.
        parallel_tools: call several tools in one answer.
        vision: see images.
        reasoning: think before it answers.
        verbosity: write short or long answers on request.
        structured_output: keep to a JSON schema.
        file_search: look into the vendor's vector stores by itself.
    """

    streaming: bool | None = None
    tools: bool | None = None
    parallel_tools: bool | None = None
    vision: bool | None = None
    reasoning: bool | None = None
    verbosity: bool | None = None
    structured_output: bool | None = None
    file_search: bool | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of what it can do."""
        return tuple(item.name for item in fields(self) if getattr(self, item.name))

    def __str__(self) -> str:
        return ", ".join(self.names()).replace("_", " ")


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter that a model takes.

    Args:
        name: as an option of `complete`, such as `temperature` or `reasoning.effort`.
        type: float, int or str.
        min_value, max_value: the smallest and the largest number.
        choices: the texts that it may be.
        default: the value when it is left out; None if that is not known.
        exclusive_with: parameters that must be left out or "none" when this one is not at its default.

    Raises:
        ConfigurationError: for another type, or a range with nothing in it.
    """

    name: str
    type: Literal["float", "int", "str"] = "float"
    min_value: float | None = None
    max_value: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    exclusive_with: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in ("float", "int", "str"):
            raise ConfigurationError(f"the type of {self.name} must be float, int or str, not {self.type!r}")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise ConfigurationError(f"the min_value of {self.name} is above its max_value: {self.range}")

    def takes(self, value: Any) -> bool:
        """Return whether a value is in the range."""
        if self.choices:
            return value in self.choices
        low, high = self.min_value, self.max_value
        return (low is None or value >= low) and (high is None or value <= high)

    def __str__(self) -> str:
        words = self.range if self.default is None else f"{self.range}; {self.default} when left out"
        return words + "".join(f"; not beside {name}" for name in self.exclusive_with)

    @property
    def range(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            *most, last = self.choices
            return f"{', '.join(most)} or {last}" if most else last
        low, high = self.min_value, self.max_value
        if high is None:
            return "any" if low is None else f"{low:g} or more"
        return f"up to {high:g}" if low is None else f"{low:g} to {high:g}"


@dataclass(frozen=True, slots=True, repr=False)
class ModelSpec:
    """One model. Jupyter and `print` show it as a table.

    Args:
        model: its name, as the provider knows it.
        provider: the service that offers it.
        capabilities: what it can do.
        parameters: all parameters that it takes; empty if they are not known.
        context_window: tokens that fit into a request and its answer; None if it is not known.
        max_output_tokens: the most tokens of one answer, reasoning included; None if there is no limit of its own.
        prices: what it costs; longer prompts can cost more. None if it is not known, or it costs nothing.
        retired_on: the day it is or was shut down; None while none is announced.
        aliases: other names for the same model.
    """

    model: str
    provider: str
    capabilities: ModelCapabilities = ModelCapabilities()
    parameters: tuple[ParameterSpec, ...] = ()
    context_window: int | None = None
    max_output_tokens: int | None = None
    prices: Prices | None = None
    retired_on: date | None = None
    aliases: tuple[str, ...] = ()

    def is_retired(self, today: date | None = None) -> bool:
        """Return whether the model is shut down, on a day or today."""
        return self.retired_on is not None and self.retired_on <= (today or date.today())

    def parameter(self, name: str) -> ParameterSpec | None:
        """Return what is known of a parameter, or None."""
        return next((one for one in self.parameters if one.name == name), None)

    def rows(self) -> dict[str, str]:
        """Return what is known, in words, by name."""
        rows = {
            "provider": self.provider,
            "can": str(self.capabilities),
            "context window": f"{self.context_window:,} tokens" if self.context_window else "",
            "longest answer": f"{self.max_output_tokens:,} tokens" if self.max_output_tokens else "",
            **{one.name: str(one) for one in self.parameters},
            "a million tokens": str(self.prices or ""),
            "shut down": f"{self.retired_on:%Y-%m-%d}" if self.retired_on else "",
            "also called": ", ".join(self.aliases),
        }
        return {name: value for name, value in rows.items() if value}

    def __repr__(self) -> str:
        known = [f"{self.context_window:,} tokens"] if self.context_window else []
        known += [str(self.prices)] if self.prices else []
        return f"ModelSpec({', '.join([repr(self.model), repr(self.provider), *known])})"

    def __str__(self) -> str:
        rows = self.rows()
        width = max(map(len, rows))
        return "\n".join([self.model, *(f"  {name:<{width}}  {value}" for name, value in rows.items())])

    def _repr_markdown_(self) -> str:
        def literal(text: str) -> str:
            # Two dollar signs would make a formula of the text between them.
            return html.escape(text).replace("$", r"\$").replace("|", r"\|")

        rows = "".join(f"| {name} | {literal(value)} |\n" for name, value in self.rows().items())
        return f"| | {literal(self.model)} |\n|---|---|\n{rows}"
