"""Write `models/catalogue.json` from what the installed packages say.

Names and last days: the types `ChatModel` and `AllModels` of OpenAI's SDK with the docstrings below them, and `Model`
and `DEPRECATED_MODELS` of Anthropic's. Windows and prices: `genai-prices`. What a package does not know stays the same.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from anthropic.resources.messages import DEPRECATED_MODELS
from anthropic.types.model import Model
from genai_prices import Usage, calc_price
from genai_prices.types import TieredPrices
from openai.types.shared import all_models, chat_model

from llmlab.models.catalogue import FILE
from llmlab.models.kinds import KINDS

PACKAGES = ("anthropic", "genai-prices", "openai")
_NOT_FOR_TEXT = re.compile("audio|search-preview")
_SNAPSHOT = re.compile(r"(.+?)-(\d{4}-\d\d-\d\d|\d{8}|\d{4})")

Entries = dict[str, dict[str, Any]]


def load() -> dict[str, Any]:
    """Return the catalogue as it is stored."""
    loaded: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


def generate(stored: Mapping[str, Any], as_of: date) -> dict[str, Any]:
    """Return the catalogue for the installed packages. A model stays in it after its vendor shut it down."""
    models: dict[str, Entries] = dict(stored["models"])
    models["openai"] = merge("openai", models["openai"], openai_names(), openai_ends(), as_of)
    models["anthropic"] = merge("anthropic", models["anthropic"], literals(Model), anthropic_ends(), as_of)
    for provider in ("openai", "anthropic", "openrouter"):
        models[provider] = {
            model: {**known, **_listed(model, provider, as_of)} for model, known in models[provider].items()
        }
    versions = {package: version(package) for package in PACKAGES}
    return {"as_of": f"{as_of}", "versions": versions, "models": models}


def dump(catalogue: Mapping[str, Any]) -> str:
    """Return the text of the file, a model a line."""
    providers = []
    for provider, models in catalogue["models"].items():
        lines = [f"   {json.dumps(model)}: {json.dumps(known, sort_keys=True)}" for model, known in models.items()]
        providers.append(f"  {json.dumps(provider)}: " + "{\n" + ",\n".join(lines) + "\n  }")
    head = [f" {json.dumps(name)}: {json.dumps(catalogue[name])}" for name in ("as_of", "versions")]
    return "{\n" + ",\n".join([*head, ' "models": {\n' + ",\n".join(providers) + "\n }"]) + "\n}\n"


def literals(alias: Any) -> list[str]:
    """Return the strings of a Literal, also inside a Union."""
    return [name for arg in get_args(alias) for name in ([arg] if isinstance(arg, str) else literals(arg))]


def openai_names() -> list[str]:
    """Return the models of OpenAI's that write text: the chat models, and of the others those with a known kind."""
    others = [name for name in literals(all_models.AllModels) if ("openai", _stem(name)) in KINDS]
    unsupported = {name for names, text in _notes(chat_model) if "Not a supported model" in text for name in names}
    names = dict.fromkeys([*literals(chat_model.ChatModel), *others])
    return [name for name in names if name not in unsupported and not _NOT_FOR_TEXT.search(name)]


def openai_ends() -> dict[str, date]:
    """Return the shutdown days in the docstrings below the types."""
    ends: dict[str, date] = {}
    for names, text in [*_notes(chat_model), *_notes(all_models)]:
        if found := re.search(r"shutdown date: (\d{4}-\d\d-\d\d)", text):
            ends |= dict.fromkeys(names, date.fromisoformat(found[1]))
    return ends


def anthropic_ends() -> dict[str, date]:
    """Return the last days in DEPRECATED_MODELS, which are written as in "June 30th, 2026"."""

    def day(text: str) -> date:
        return datetime.strptime(re.sub(r"(\d)(st|nd|rd|th)", r"\1", text), "%B %d, %Y").date()

    return {model: day(text) for model, text in DEPRECATED_MODELS.items()}


def _notes(module: ModuleType) -> Iterable[tuple[list[str], str]]:
    """Yield models and text of each point in the docstrings of a module."""
    for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
        match node:
            case ast.Expr(ast.Constant(str(text))):
                for entry in " ".join(text.split()).split('- "')[1:]:
                    yield re.findall(r'"([^"]+)"', f'"{entry}'), entry


def merge(provider: str, stored: Entries, named: list[str], ends: Mapping[str, date], as_of: date) -> Entries:
    """Return the entries of a vendor: what its SDK names, then what was known before."""
    living = [name for name in named if ends.get(name, date.max) > as_of]
    before = {name: model for model, known in stored.items() for name in (model, *known.get("aliases", ()))}
    names = dict.fromkeys([*living, *before])
    merged: Entries = {}
    for name in names:
        stem = before.get(name) or _stem(name)
        if stem not in names or ends.get(stem) != ends.get(name):
            stem = name
        known = merged.setdefault(stem, dict(stored.get(stem, {})))
        if name not in (stem, *known.get("aliases", ())):
            known["aliases"] = [*known.get("aliases", ()), name]
    for model, known in merged.items():
        end = ends.get(model)
        if end or model in named:
            known.pop("retired_on", None)
        # An SDK forgets a model that is shut down.
        if end or model not in named:
            known.setdefault("retired_on", f"{end or as_of}")
    unknown = [model for model in merged if (provider, model) not in KINDS]
    return {model: merged[model] for model in [*(one for one in merged if one not in unknown), *unknown]}


def _stem(name: str) -> str:
    """Return the name of a model without the day of a snapshot."""
    found = _SNAPSHOT.fullmatch(name)
    return found[1] if found else name


def _listed(model: str, provider: str, as_of: date) -> dict[str, Any]:
    """Return window and prices of the price list; of prices with steps, those of short requests."""
    try:
        found = calc_price(
            Usage(input_tokens=1),
            model_ref=model,
            provider_id=provider,
            genai_request_timestamp=datetime.combine(as_of, time(), UTC),
        )
    except LookupError:
        return {}
    prices = [found.model_price.input_mtok, found.model_price.output_mtok]
    short = [float(str(price.base if isinstance(price, TieredPrices) else price or 0)) for price in prices]
    window = found.model.context_window
    return {"prices": short, **({"context_window": window} if window else {})}
