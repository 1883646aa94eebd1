"""The request in every format: which formats there are, who speaks them, and what each makes of the request."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.formats import FORMATS, Format, format_names, get_format
from llmlab.models import MODELS
from llmlab.providers import provider_class, provider_names
from llmlab.toolkit.format_comparison.diff import marked
from llmlab.toolkit.format_comparison.view import WIDTH, as_html, as_text
from llmlab.types.messages import Prompt
from llmlab.types.request import Request, build_request

SPEAKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_responses": ("openai",),
    "openai_chat": ("openrouter", "local_gpt_oss"),
    "openai_completions": ("local_gpt_oss", "openai"),
    "anthropic_messages": ("anthropic",),
    "ollama": ("ollama",),
    "ollama_generate": ("ollama",),
}
"""Which built-in providers speak a wire format. Where no model is named, that of the first one is meant.

OpenAI is not among those of `openai_chat`, because it renamed a field that everybody needs: `max_tokens`.
"""
_NO_MODEL: Final = "your-model"


@dataclass(frozen=True, slots=True)
class Side:
    """A request in one format.

    Args:
        format: its name.
        path: where the request would be posted, below the base URL.
        speakers: the providers that speak it.
        body: the wire JSON; None where the format refuses the request.
        refusal: why it does.
    """

    format: str
    path: str
    speakers: tuple[str, ...]
    body: dict[str, Any] | None = None
    refusal: str = ""


class Rosetta:
    """The same request in several formats. Jupyter shows it side by side, with what differs marked; so does `print`.

    Args:
        sides: the request in each of them.
    """

    def __init__(self, sides: Iterable[Side]) -> None:
        self.sides = tuple(sides)

    @property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """The wire JSON by format. A format that refuses the request has none."""
        return {side.format: side.body for side in self.sides if side.body is not None}

    @property
    def refusals(self) -> dict[str, str]:
        """Why a wire format refuses the request, by format."""
        return {side.format: side.refusal for side in self.sides if side.body is None}

    def text(self, width: int = WIDTH) -> str:
        """Return it as text of so many columns, as many formats beside each other as fit."""
        return as_text(self._columns(), width)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return as_html(self._columns())

    def _columns(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return a title, an explanation, and lines with their marks for each side."""
        laid_out = iter(marked(list(self.bodies.values())))
        columns = []
        for side in self.sides:
            spoken = f", spoken by {', '.join(side.speakers)}" if side.speakers else ""
            about = f"POST {side.path}{spoken}" if side.path else "cannot be used"
            lines = [("", f"refused: {side.refusal}")] if side.body is None else next(laid_out)
            columns.append((side.format, about, lines))
        return columns


def rosetta(
    prompt: Prompt,
    *,
    only: str | Iterable[str] = (),
    stream: bool = False,
    model: str | None = None,
    tools: Iterable[Any] | None = None,
    **options: Any,
) -> Rosetta:
    """Show a request in every wire format side by side, with the differences marked. Nothing is sent.

    A format that has no field for an option refuses the request, and its refusal is shown in the place of a body.

    Args:
        prompt: whatever `complete` takes.
        only: names of formats, or of providers for all that they speak; else all, the registered ones too.
        stream: whether to show the request for a stream.
        model: the model's name; else that of the provider that speaks the format.
        tools: definitions, or functions made tools by `@tool`.
        options: what `complete` takes: temperature, max_tokens, reasoning …

    Raises:
        LLMInvalidRequestError: if no format could say this, because the prompt or an option is wrong in itself.
        ConfigurationError: if `only` names neither a wire format nor a provider.
    """
    given = {**options, "tools": None if tools is None else [getattr(tool, "definition", tool) for tool in tools]}
    # Checked once for all: what is wrong in itself is not a matter of formats.
    build_request(prompt, model or "any", given)
    wanted = [only] if isinstance(only, str) else list(only)
    sides = []
    for name, found, speakers in _chosen(wanted):
        if isinstance(found, LLMError):
            sides.append(Side(name, "", speakers, refusal=found.message))
            continue
        request = build_request(prompt, model or _model(speakers, wanted), given)
        sides.append(_side(found, speakers, request, stream))
    return Rosetta(sides)


def _side(format: Format, speakers: tuple[str, ...], request: Request, stream: bool) -> Side:
    try:
        body = format.encode(request, stream)
    except LLMInvalidRequestError as error:
        return Side(format.name, format.path, speakers, refusal=error.message)
    return Side(format.name, format.path, speakers, body)


def _chosen(wanted: list[str]) -> list[tuple[str, Format | LLMError, tuple[str, ...]]]:
    everything = list(_everything())
    known = {name for side, _, speakers in everything for name in (side, *speakers)}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}."
            raise ConfigurationError(f"{name!r} is neither a wire format nor a provider; {hint}")
    # Ollama's own format has the provider's name; then the format alone is meant.
    formats = {name for name, _, _ in everything} & set(wanted)
    providers = set(wanted) - formats
    return [item for item in everything if not wanted or item[0] in formats or providers & set(item[2])]


def _everything() -> Iterator[tuple[str, Format | LLMError, tuple[str, ...]]]:
    """Yield name, format and speakers of all that is built in, registered or offered by a package.

    What cannot be loaded comes as the error that says why.
    """
    spoken: dict[str, tuple[str, ...]] = dict(SPEAKERS)
    own: dict[str, Format | LLMError] = {}
    for provider in provider_names():
        if provider in MODELS:
            continue
        try:
            format = getattr(provider_class(provider), "format", None)
        except LLMError as error:
            own[provider] = error
            continue
        if format is None:
            continue  # it is chosen only when the provider is made
        spoken[format.name] = (*spoken.get(format.name, ()), provider)
        if format.name not in FORMATS:
            own[format.name] = format
    for name in format_names():
        try:
            own[name] = get_format(name)
        except LLMError as error:
            own[name] = error
    ordered = dict.fromkeys([*format_names(), *own])
    for name in ordered:
        yield name, own[name], spoken.get(name, ())


def _model(speakers: tuple[str, ...], wanted: list[str]) -> str:
    """Return the usual model of the first speaker, or of the first that was asked for."""
    for speaker in sorted(speakers, key=lambda name: name not in wanted):
        return MODELS.get(speaker) or str(getattr(provider_class(speaker), "default_model", _NO_MODEL))
    return _NO_MODEL
