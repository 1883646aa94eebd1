"""The recordings of a notebook: where they are, whether they are all used, and what recording them anew would take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.config.environment import find_key
from llmlab.lab.notebooks.cost_estimate import spending_of
from llmlab.lab.notebooks.lessons import read_lesson
from llmlab.lab.notebooks.notebook_file import (
    Notebook,
    NotebookError,
    code_cells,
    find_notebooks,
    parameter_default,
    parameter_names,
    read_notebook,
)
from llmlab.lab.tape.cassette import Cassette, Interaction, read_cassette
from llmlab.lab.tape.environment import KEY_OF, lesson_name
from llmlab.lab.tape.request_parser import SERVICES
from llmlab.lab.tape.secret_scan import check_file
from llmlab.models import find_spec

# A client that is made without a key or an address asks its own service.
_CALLS = re.compile(
    r"\b(?:Async)?(OpenAI|Anthropic)\(\)|\bget_provider\(\s*[\"'](\w+)[\"']|^provider = [\"'](\w+)[\"']", re.M
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What recording a notebook will take.

    Args:
        notebook: its path.
        place: the file that will be written.
        provider: value for the notebook's parameter, if that is to be set.
        missing: variables that must hold a key and do not.
        usd: what it will cost, or at most, in US dollars; None if that is not known.
        reason: where that number comes from, or why there is none.
    """

    notebook: Path
    place: Path
    provider: str | None
    missing: tuple[str, ...]
    usd: float | None
    reason: str


def recording_place(path: Path, provider: str | None = None) -> Path:
    """Return the file that holds a notebook's recordings.

    Args:
        path: the notebook.
        provider: its parameter, where that was set: another one than its own has a file of its own.
    """
    name = lesson_name(path.stem)
    own = provider is None or provider == parameter_default(read_notebook(path), "provider")
    return path.resolve().parent / "recordings" / f"{name if own else f'{name}.{provider}'}.yaml"


def read_if_there(place: Path) -> Cassette | None:
    """Return a file of recordings, or None if there is none."""
    return read_cassette(place) if place.is_file() else None


def check_recordings(path: Path, unused: Sequence[str] | None) -> None:
    """Check the recordings of a notebook that has just run through.

    Args:
        path: the notebook.
        unused: those that no cell requested, as the kernel reports them.

    Raises:
        NotebookError: some are not used, say one thing twice, or hold a secret.
    """
    problems = [f"{recording}: no cell asks for this. Delete it" for recording in unused or ()]
    place = recording_place(path)
    problems += [str(problem) for problem in (check_file(place) if place.is_file() else ())]
    if problems:
        raise NotebookError("its recordings must be put right:\n" + "\n".join(f"  {problem}" for problem in problems))


def plan_recording(target: str | Path, provider: str | None = None) -> Plan:
    """Return what recording one notebook will take, before anything is started.

    Args:
        target: number or path of the notebook.
        provider: whom to record.

    Raises:
        NotebookError: there is no such notebook, it is more than one, or it does not ask this provider.
    """
    path = one_notebook(target)
    notebook = read_notebook(path)
    own = read_if_there(recording_place(path))
    services = dict.fromkeys(item.request.alias for item in own.interactions) if own else _services(notebook)
    takes = "provider" in parameter_names(notebook)
    if provider and not takes and list(services) != [provider]:
        asks = ", ".join(services) or "nobody that could be told from its cells"
        raise NotebookError(f"{path.name} takes no --provider; it asks {asks}. Leave --provider out to record it.")
    chosen = provider if takes else None
    if chosen and chosen != parameter_default(notebook, "provider"):
        services = {chosen: None}
    place = recording_place(path, chosen)
    variables = (KEY_OF[service] for service in services if service in KEY_OF)
    missing = tuple(variable for variable in variables if find_key(variable) is None)
    usd, reason = _estimate(path, read_if_there(place))
    return Plan(path, place, chosen, missing, usd, reason)


def one_notebook(target: str | Path) -> Path:
    """Return the notebook that is meant; recording costs money, so a folder by mistake is refused.

    Raises:
        NotebookError: it is none, or more than one.
    """
    path, *more = find_notebooks([target])
    if more:
        raise NotebookError(f"record takes one notebook at a time, and {target} holds {len(more) + 1}.")
    return path


def _services(notebook: Notebook) -> dict[str, None]:
    """Return the services whose names stand in the cells of a notebook that has never been recorded."""
    found = [match for _, cell in code_cells(notebook) for match in _CALLS.findall(cell.source)]
    return dict.fromkeys(name.lower() for names in found for name in names if name)


def _estimate(path: Path, recorded: Cassette | None) -> tuple[float | None, str]:
    reason = "nothing is recorded yet"
    if recorded:
        spending = spending_of(recorded.interactions)
        if not spending.unpriced:
            return spending.usd, f"by the tokens of the present recording: {spending}"
        reason = f"the price of {', '.join(spending.unpriced)} is not known"
    try:
        said = read_lesson(path).cost
    except ValueError:
        return None, f"{reason}, and its head says no cost"
    if found := re.search(r"\$(\d+(?:\.\d+)?)", said):
        return float(found[1]), "as its head says"
    return (0.0, "as its head says") if said.startswith("is free") else (None, reason)


def recorded_exchanges(path: Path) -> list[tuple[Interaction, ...]]:
    """Return what is recorded for a notebook, file by file: its own first, then those of other providers."""
    own = recording_place(path)
    places = [own, *(own.with_name(f"{own.stem}.{service}.yaml") for service in SERVICES)]
    return [read_cassette(place).interactions for place in places if place.is_file()]


def is_shut_down(item: Interaction) -> bool:
    """Tell whether a model that answered when this was recorded is shut down by now, as far as the catalogue knows."""
    spec = find_spec(item.request.model, item.request.alias) if item.request.model else None
    return item.answer.status < 400 and spec is not None and spec.is_retired()
