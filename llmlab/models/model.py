"""What is known of one model, as values: what it can do, what it takes, how long and how dear it may get.

None means "not known", and what is not known is never refused. Who looks a model up is `registry`, who checks a request
against it is `validation`.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal


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
        streaming: write its answer piece by piece.
        tools: call tools.
        parallel_tools: call several tools in one answer.
        vision: see images.
        reasoning: think before it answers.
        verbosity: be told how long-winded to be.
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
        type: number, integer or text.
        min, max: the smallest and the largest number.
        choices: the texts that it may be.
        default: what holds when it is left out; None if that is not known.
        exclusive_with: what must be out or off when this one is not at its default; "none" is off.
    """

    name: str
    type: Literal["number", "integer", "text"] = "number"
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    exclusive_with: tuple[str, ...] = ()

    def takes(self, value: Any) -> bool:
        """Return whether a value is in the range."""
        if self.choices:
            return value in self.choices
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    @property
    def range(self) -> str:
        """What it may be, in words."""
        if self.choices:
            *most, last = self.choices
            return f"{', '.join(most)} or {last}" if most else last
        if self.max is None:
            return "any" if self.min is None else f"{self.min:g} or more"
        return f"up to {self.max:g}" if self.min is None else f"{self.min:g} to {self.max:g}"


@dataclass(frozen=True, slots=True, repr=False)
class ModelSpec:
    """One model. Jupyter and `print` show it as a table.

    Args:
        model: its name, as the provider knows it.
        provider: who offers it.
        capabilities: what it can do.
        parameters: what it takes; none if that is not known. A parameter that is not among them, it does not take.
        context_window: tokens that fit into a request and its answer; None if it is not known.
        max_output_tokens: the most tokens of one answer, reasoning included; None if there is no limit of its own.
        prices: what it costs; longer prompts can cost more. None if nobody says, or nobody is paid.
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
        found = {
            "provider": self.provider,
            "can": str(self.capabilities),
            "context window": f"{self.context_window:,} tokens" if self.context_window else "",
            "longest answer": f"{self.max_output_tokens:,} tokens" if self.max_output_tokens else "",
            **{one.name: _described(one) for one in self.parameters},
            "a million tokens": str(self.prices or ""),
            "shut down": f"{self.retired_on:%Y-%m-%d}" if self.retired_on else "",
            "also called": ", ".join(self.aliases),
        }
        return {name: value for name, value in found.items() if value}

    def __repr__(self) -> str:
        known = [f"{self.context_window:,} tokens"] if self.context_window else []
        if self.prices:
            known.append(str(self.prices))
        return f"ModelSpec({', '.join([repr(self.model), repr(self.provider), *known])})"

    def __str__(self) -> str:
        rows = self.rows()
        width = max(map(len, rows))
        return "\n".join([self.model, *(f"  {name:<{width}}  {value}" for name, value in rows.items())])

    def _repr_markdown_(self) -> str:
        rows = "".join(f"| {name} | {_literal(value)} |\n" for name, value in self.rows().items())
        return f"| | {_literal(self.model)} |\n|---|---|\n{rows}"


def _literal(text: str) -> str:
    # Two dollar signs would make a formula of what stands between them.
    return html.escape(text).replace("$", r"\$").replace("|", r"\|")


def _described(one: ParameterSpec) -> str:
    words = one.range if one.default is None else f"{one.range}; {one.default} when left out"
    return words + "".join(f"; not beside {name}" for name in one.exclusive_with)
