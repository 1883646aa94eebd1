"""The table of `compare --table`: speed, privacy and cost of each provider, measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import typer

from llmlab.errors import MissingAPIKeyError
from llmlab.lab.cli.session import show_json

if TYPE_CHECKING:
    from llmlab.providers import Provider
    from llmlab.toolkit.evaluation import Comparison

PROMPTS: Final = (
    "What is 17 * 23?",
    "What is the capital of Italy?",
    "Explain in two sentences why the sky is blue.",
)
"""What is asked where no file is named: short, so that a measurement costs little."""

_HEAD: Final = ("Provider", "Avg latency", "Tokens/sec", "Privacy", "Cost per answer")
_HERE: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one provider; None where it is not known.

    Args:
        provider: its name, with the model.
        latency: mean seconds of an answer.
        tokens_per_second: of the answers.
        privacy: "full" where prompts stay on this machine, else "cloud".
        cost: mean USD of an answer.
        error: why there is no answer.
    """

    provider: str
    latency: float | None = None
    tokens_per_second: float | None = None
    privacy: str = ""
    cost: float | None = None
    error: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        if self.error:
            return (self.provider, "-", "-", self.privacy or "-", "-")
        cost = "unknown" if self.cost is None else f"${self.cost:.6f}" if self.cost else "free"
        return (self.provider, f"{self.latency:.2f} s", f"{self.tokens_per_second:.0f}", self.privacy, cost)


def measure(prompts: Sequence[Any], names: Sequence[str], n: int, in_flight: int, max_tokens: int) -> list[Measured]:
    """Send prompts to providers, and return what was measured, one for each.

    Args:
        prompts: as in `llmlab.compare`.
        names: of providers or models; none stands for the providers of llmlab.yaml, or for all without it.
        n: how often each prompt is sent.
        in_flight: calls at once.
        max_tokens: limit of each answer.
    """
    from llmlab.config.settings import load_settings
    from llmlab.providers import provider_names
    from llmlab.toolkit.evaluation import compare
    from llmlab.toolkit.evaluation.candidates import find_contestants

    providers: dict[str, Provider] = {}
    measured: dict[str, Measured] = {}
    for name in names or [*load_settings().providers] or provider_names():
        try:
            providers |= find_contestants([name])[0]
        except MissingAPIKeyError as error:
            measured[name] = Measured(name, error=error.message)
        else:
            measured[name] = Measured(name)
    with ExitStack() as stack:
        for provider in providers.values():
            stack.enter_context(provider)
        if providers:
            found = compare(prompts, providers, n=n, in_flight=in_flight, max_tokens=max_tokens)
            measured |= {name: _measured(name, one, found) for name, one in providers.items()}
    return [*measured.values()]


def show(measured: Sequence[Measured], *, as_json: bool) -> None:
    """Print the table in Markdown, or as JSON; errors go to standard error, and give the exit code 1."""
    if as_json:
        show_json({"rows": [asdict(one) for one in measured]})
    else:
        lines = [_HEAD, *(one.cells() for one in measured)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, tuple("-" * width for width in widths))
        for cells in lines:
            typer.echo(f"| {' | '.join(map(str.ljust, cells, widths))} |")
    failed = [one for one in measured if one.error]
    for one in failed:
        typer.echo(f"llmlab: {one.provider}: {one.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _measured(name: str, provider: Provider, found: Comparison) -> Measured:
    rows = [row for row in found.rows if row.contestant == name]
    answers, costs = [row.answer for row in rows if row.answer], [row.cost for row in rows if row.answer]
    shown, privacy = f"{provider.name} ({provider.model})", "full" if _stays_here(provider) else "cloud"
    if not answers:
        return Measured(shown, privacy=privacy, error=rows[0].error)
    seconds = sum(answer.latency for answer in answers)
    known = [cost for cost in costs if cost is not None]
    return Measured(
        shown,
        seconds / len(answers),
        sum(answer.usage.output_tokens for answer in answers) / max(seconds, 1e-9),
        privacy,
        sum(known) / len(known) if len(known) == len(costs) else None,
    )


def _stays_here(provider: Provider) -> bool:
    """Return whether every server of a provider, with its fallbacks, is on this machine."""
    from llmlab.providers import Failover

    if isinstance(provider, Failover):
        return all(_stays_here(target.provider) for target in provider.targets if target.provider)
    return urlsplit(provider.base_url).hostname in _HERE
