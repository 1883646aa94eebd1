"""The stored form of a notebook: outputs, cell ids and metadata that come out the same on every run.

What changes by itself (widget ids, timings, places of installed libraries, which Python wrote the file) is taken out.
What a cell prints is never touched: a time or an address in it should fail the comparison, not be hidden here.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from llmlab.lab.notebooks.notebook_file import ROOT, Notebook, nbformat
from llmlab.lab.notebooks.tracebacks import short_traceback

WIDGET = "application/vnd.jupyter.widget-view+json"
_ID = re.compile(r"(?![0-9a-f]{8}(-|$))[a-z][a-z0-9-]*")
_CELL_METADATA = ("tags", "jupyter")
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


def clean_outputs(notebook: Notebook, widgets: Mapping[str, Any]) -> None:
    """Bring every output into the stored form, in place.

    Args:
        notebook: an executed notebook.
        widgets: the widgets' state after the last cell, by model id, as nbclient collects it.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = clean_cell(cell.outputs, widgets)


def clean_cell(outputs: Sequence[Notebook], widgets: Mapping[str, Any]) -> list[Notebook]:
    """Return one cell's outputs in the stored form. The given ones are changed. See `clean_outputs`."""
    clean = [settled for output in outputs for settled in _settle(output, widgets)]
    for output in clean:
        if output.output_type == "error":
            output.traceback = short_traceback(output.traceback)
    return clean


def _settle(output: Notebook, widgets: Mapping[str, Any]) -> list[Notebook]:
    """Replace a view of a widget, which is dead in a file, by what the widget shows in the end."""
    data = output.get("data", {})
    view = data.pop(WIDGET, None)
    if view is None:
        return [output]
    state = widgets.get(view.get("model_id", ""), {})
    shown: list[Notebook] = []
    if state.get("_model_name") == "OutputModel":
        for inner in state["outputs"]:
            shown += _settle(nbformat.from_dict(inner), widgets)
        return shown
    if children := state.get("children"):
        for child in children:
            part = nbformat.v4.new_output(
                "display_data", data={WIDGET: {"model_id": child.removeprefix("IPY_MODEL_")}, "text/plain": ""}
            )
            shown += [inner for inner in _settle(part, widgets) if inner.get("text") or any(inner.data.values())]
        return shown
    if state.get("_model_name") in ("HTMLModel", "HTMLMathModel", "LabelModel"):
        value = state.get("value", "")
        data["text/html"] = value
        data["text/plain"] = unescape(re.sub(r"<[^>]*>", "", value))
    elif state and not data.get("text/plain"):
        data["text/plain"] = f"[{state.get('description') or state.get('value') or state['_model_name']}]"
    return [output]


def clean_metadata(notebook: Notebook) -> None:
    """Leave only the metadata that a lesson needs; cells without a lasting id get the next free one: c01, c02, …"""
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken = {cell.get("id", "") for cell in notebook.cells}
    free = (name for number in range(1, 1000) if (name := f"c{number:02d}") not in taken)
    seen: set[str] = set()
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in _CELL_METADATA if cell.metadata.get(key)}
        )
        if not is_lasting_id(cell.get("id", "")) or cell["id"] in seen:
            cell["id"] = next(free)
        seen.add(cell["id"])


def is_lasting_id(name: str) -> bool:
    """Tell whether a cell id was given by a person (c07, setup) and not drawn at random by an editor."""
    return _ID.fullmatch(name) is not None


def path_hider(folder: Path) -> Callable[[str], str]:
    """Return a function that takes this machine's places out of a text.

    Args:
        folder: where the notebook stands; paths below it become relative.
    """
    paths = sysconfig.get_paths()
    places = [
        (paths["purelib"], "site-packages"),
        (paths["stdlib"], "python"),
        (str(folder.resolve()), "."),
        (str(Path.cwd()), "."),
        (str(ROOT), "."),
        (sys.prefix, "python"),
        (sys.base_prefix, "python"),
        (str(Path.home()), "~"),
    ]
    # The longest first, so that a folder goes before the one it stands in; IPython shortens the home folder itself.
    home = str(Path.home())
    places += [("~" + old.removeprefix(home), new) for old, new in places if old.startswith(home + "/")]
    places = sorted({place for place in places if len(place[0]) > 3}, key=lambda place: -len(place[0]))
    scratch = re.compile(re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+/\d+\.py")

    def hide(text: str) -> str:
        text = scratch.sub("<cell>", text)
        for old, new in places:
            text = text.replace(old, new)
        return text

    return hide


def hide_paths(notebook: Notebook, folder: Path) -> None:
    """Take absolute paths out of metadata and outputs, in place; sources stay as they are."""
    hide = path_hider(folder)

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return hide(value)
        if isinstance(value, dict):
            return {key: walk(part) for key, part in value.items()}
        return [walk(part) for part in value] if isinstance(value, list) else value

    notebook.metadata = nbformat.from_dict(walk(notebook.metadata))
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(walk(cell.metadata))
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(walk(list(cell.outputs)))
