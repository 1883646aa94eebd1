"""A lesson with every kind of output, for the tests of storing and comparing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmlab.lab.notebooks.update import update_outputs
from tests.runner.samples import code, save, text

CELLS = {
    "stream": "print('one')\nprint('two')",
    "tokens": "for token in ['a', ' rain', 'bow']:\n    print(token, end='', flush=True)",
    "result": "{'answer': 42}",
    "frame": "import pandas as pd\npd.DataFrame({'tokens': [1, 2]})",
    "display": "handle = display('first', display_id=True)\nhandle.update('second')",
    "later": "slot = display('waiting', display_id=True)",
    "update": "slot.update('filled by a later cell')",
    "cleared": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
    "widget": "import ipywidgets\nbox = ipywidgets.Output()\ndisplay(box)\nwith box:\n    print('inside the box')",
    "html": "label = ipywidgets.HTML('before')\ndisplay(label)\nlabel.value = '<b>after</b>'",
    "boxes": (
        "slider = ipywidgets.IntSlider(description='words')\n"
        "inner = ipywidgets.Output()\n"
        "with inner:\n"
        "    print('in a box')\n"
        "ipywidgets.VBox([ipywidgets.HTML('<i>head</i>'), slider, inner, ipywidgets.HTML('')])"
    ),
    "await": "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "mixed": "import sys\nprint('out')\nprint('err', file=sys.stderr)\ndisplay({'shown': 1})\nprint('out again')",
    "error": "raise ValueError('the model is retired')",
    "silent": "quiet = 'ends with a semicolon'\nquiet;",
    "picture": (
        "from IPython.display import Image\n"
        "import base64\n"
        "Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='))"
    ),
}
NUMBER = {name: number for number, name in enumerate(CELLS, start=1)}


def store(folder: Path) -> Path:
    """Write the lesson, with its outputs stored by `update_outputs`."""
    tagged = [code(source, *(["raises-exception"] if name == "error" else [])) for name, source in CELLS.items()]
    path = save(folder / "01_show_outputs.ipynb", text("# Show outputs"), *tagged)
    (result,) = update_outputs([path])
    assert result.ok, result.traceback
    return path


def cell_of(notebook: Any, name: str) -> Any:
    """Return a cell of the lesson by its name."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"][NUMBER[name] - 1]
