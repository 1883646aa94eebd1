"""Which formats there are, which providers speak them, and the body that each makes of a request."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError
from llmlab.formats import Format, format_names, get_format
from llmlab.models import MODELS
from llmlab.providers import provider_class, provider_names
from llmlab.toolkit.format_comparison.diff import marked
from llmlab.toolkit.format_comparison.view import WIDTH, as_html, as_text
from llmlab.types.messages import Prompt
from llmlab.types.request import build_request

SPEAKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_responses": ("openai",),
    "openai_chat": ("openrouter", "local_gpt_oss"),
    "openai_completions": ("local_gpt_oss", "openai"),
    "anthropic_messages": ("anthropic",),
    "ollama": ("ollama",),
    "ollama_generate": ("ollama",),
}
"""Built-in providers of each wire format. Without `model`, a body names the usual model of the first one.

OpenAI is not in the list of `openai_chat`, because it has another name for `max_tokens`.
"""
_NO_MODEL: Final = "your-model"

Loaded = TypeVar("Loaded")
Column: TypeAlias = tuple[str, Format | LLMError, tuple[str, ...]]
"""A format's name, the format or why it cannot be loaded, and the providers that speak it."""


@dataclass(frozen=True, slots=True)
class Side:
    """A request in one format.

    Args:
        format: its name.
        path: where the request would be posted, below the base URL.
        speakers: the providers that speak it.
        body: the wire JSON; None if the format refuses the request.
        refusal: the reason.
    """

    format: str
    path: str
    speakers: tuple[str, ...]
    body: dict[str, Any] | None = None
    refusal: str = ""


class Rosetta:
    """One request in several formats. Jupyter and `print` show it side by side, with the differences marked.

    Args:
        sides: the request in each format.
    """

    def __init__(self, sides: Iterable[Side]) -> None:
        self.sides = tuple(sides)

    @property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """The wire JSON by format, without the formats that refuse the request."""
        return {side.format: side.body for side in self.sides if side.body is not None}

    @property
    def refusals(self) -> dict[str, str]:
        """The reason of each format that refuses the request."""
        return {side.format: side.refusal for side in self.sides if side.body is None}

    def text(self, width: int = WIDTH) -> str:
        """Return text of `width` characters, with as many formats beside each other as fit."""
        return as_text(self._columns(), width)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return as_html(self._columns())

    def _columns(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return title, explanation and marked lines of each side."""
        bodies = iter(marked(list(self.bodies.values())))
        columns = []
        for side in self.sides:
            spoken = f", spoken by {', '.join(side.speakers)}" if side.speakers else ""
            about = f"POST {side.path}{spoken}" if side.path else "cannot be used"
            lines = [("", f"refused: {side.refusal}")] if side.body is None else next(bodies)
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

    A format without a field for an option shows its refusal instead of a body.

    Args:
        prompt: as in `complete`.
        only: names of formats, or of providers for all their formats; else every format.
        stream: whether to show the request for a stream.
        model: the model's name; else the usual one of the format's first provider.
        tools: definitions, or functions with `@tool`.
        options: as in `complete`: temperature, max_tokens, reasoning …

    Raises:
        LLMInvalidRequestError: the prompt or an option is wrong in itself.
        ConfigurationError: `only` names neither a wire format nor a provider.
    """
    options["tools"] = None if tools is None else [getattr(tool, "definition", tool) for tool in tools]
    # A prompt or option that is wrong in itself is one error, not one refusal per format.
    build_request(prompt, model or "any", options)
    names = [only] if isinstance(only, str) else list(only)
    sides = []
    for name, format, speakers in _selected(names):
        if isinstance(format, LLMError):
            sides.append(Side(name, "", speakers, None, format.message))
            continue
        request = build_request(prompt, model or _model(speakers, names), options)
        try:
            sides.append(Side(name, format.path, speakers, format.encode(request, stream), ""))
        except LLMInvalidRequestError as error:
            sides.append(Side(name, format.path, speakers, None, error.message))
    return Rosetta(sides)


def _selected(names: list[str]) -> list[Column]:
    """Return the formats of these names, and all formats of these providers; without names, every format."""
    columns = list(_every_format())
    formats = {name for name, _, _ in columns}
    known = formats.union(*(speakers for _, _, speakers in columns))
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}."
            raise ConfigurationError(f"{name!r} is neither a wire format nor a provider; {hint}")
    # A format and a provider are named ollama; then the format alone is meant.
    providers = set(names) - formats
    return [column for column in columns if not names or column[0] in names or providers & set(column[2])]


def _every_format() -> Iterator[Column]:
    """Yield the formats that are built in, registered, offered by a package, or used by a registered provider."""
    speakers = dict(SPEAKERS)
    formats = {name: _load(get_format, name) for name in format_names()}
    for provider in provider_names():
        if provider in MODELS:
            continue
        found = _load(provider_class, provider)
        if isinstance(found, LLMError):
            formats.setdefault(provider, found)
        # Some providers choose their format only when they are created.
        elif (format := getattr(found, "format", None)) is not None:
            speakers[format.name] = (*speakers.get(format.name, ()), provider)
            formats.setdefault(format.name, format)
    for name, loaded in formats.items():
        yield name, loaded, speakers.get(name, ())


def _load(load: Callable[[str], Loaded], name: str) -> Loaded | LLMError:
    """Return what a name stands for, or the error that says why it cannot be loaded."""
    try:
        return load(name)
    except LLMError as error:
        return error


def _model(speakers: tuple[str, ...], names: list[str]) -> str:
    """Return the usual model of the first provider in `names`, else of the first that speaks the format."""
    for speaker in sorted(speakers, key=lambda speaker: speaker not in names):
        return MODELS.get(speaker) or str(getattr(provider_class(speaker), "default_model", _NO_MODEL))
    return _NO_MODEL
