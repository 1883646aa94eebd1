"""The pages that a run leaves behind: one per executed notebook, and an index with result and time.

They show what happened, failures included; handouts, which show what should happen, are in `handout.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from llmlab.lab.notebooks.handout import render, title_of
from llmlab.lab.notebooks.notebook_file import read_notebook
from llmlab.lab.notebooks.result import Result
from llmlab.lab.tape.redaction import redact_output

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Notebooks, executed</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d1d9e0; }}
td.time, th.time {{ text-align: right; }}
.ok {{ color: #1a7f37; }} .failed {{ color: #b42318; font-weight: bold; }} .skipped {{ color: #59636e; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; background: #f6f8fa; padding: .6rem; }}
</style>
</head>
<body>
<h1>Notebooks, executed</h1>
<p>{summary}</p>
<table>
<tr><th>notebook</th><th>result</th><th class="time">seconds</th></tr>
{rows}
</table>
</body>
</html>
"""


def write_report(results: Sequence[Result], output: Path) -> Path:
    """Write `index.html` and a page per executed notebook, and return the index.

    Args:
        results: what `run_notebooks` found.
        output: the folder; the executed copies are in its `executed/`.
    """
    rows = "\n".join(_row(result, output) for result in results)
    failed = sum(not result.ok for result in results)
    ran = sum(not result.skipped for result in results)
    index = output / "index.html"
    index.write_text(_PAGE.format(summary=f"{ran} run, {failed} failed.", rows=rows), encoding="utf-8")
    return index


def _row(result: Result, output: Path) -> str:
    name, detail = escape(result.notebook.stem), ""
    if result.executed is not None and result.executed.is_file():
        notebook = read_notebook(result.executed)
        page = result.executed.with_suffix(".html")
        page.write_text(render(notebook, result.notebook, solutions=True), encoding="utf-8")
        title = title_of(notebook)
        name = f'<a href="{quote(page.relative_to(output).as_posix())}">{name}</a>' + (
            f"<br>{escape(title)}" * bool(title)
        )
    if result.skipped:
        state, detail = "skipped", f"<br>{escape(result.skipped)}"
    else:
        state = "ok" if result.ok else "failed"
    cell = f", cell {result.failing_cell}" if result.failing_cell else ""
    if result.traceback:
        detail = f"<pre>{escape(redact_output(result.traceback))}</pre>"
    time = "" if result.skipped else f"{result.seconds:.1f}"
    outcome = f'<span class="{state}">{state}{cell}</span>{detail}'
    return f'<tr><td>{name}</td><td>{outcome}</td><td class="time">{time}</td></tr>'
