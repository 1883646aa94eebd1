"""A real JupyterLab in a real browser, used as a learner uses it.

If this fails, the first command in the README does not lead to a lesson that runs. The screenshot it leaves in
`build/screenshots/` is the README's picture.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code')
    .map(cell => ({
        source: cell.model.sharedModel.getSource(),
        tags: cell.model.getMetadata('tags') || [],
        count: cell.model.executionCount,
        outputs: cell.model.outputs.toJSON(),
    }))"""
READY = """() => {
    const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
    const session = panel && panel.sessionContext && panel.sessionContext.session;
    return Boolean(session && session.kernel && session.kernel.connectionStatus === 'connected'
        && session.kernel.status === 'idle' && panel.content.widgets.length > 3);
}"""


@pytest.fixture
def browser_path() -> str:
    """The browser of this machine."""
    if not CHROMIUM:
        message = "no Chromium on this machine: JupyterLab in a browser cannot be tried (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return CHROMIUM


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """JupyterLab, started by the README's own command; gives its address."""
    config = tmp_path / "config"
    config.mkdir()
    settings = {"LabApp": {"expose_app_in_browser": True, "user_settings_dir": str(tmp_path / "settings")}}
    (config / "jupyter_lab_config.json").write_text(json.dumps(settings), encoding="utf-8")
    # Nothing that is tried here may be saved into the lessons.
    document = tmp_path / "settings" / "@jupyterlab" / "docmanager-extension"
    document.mkdir(parents=True)
    (document / "plugin.jupyterlab-settings").write_text('{"autosave": false}', encoding="utf-8")
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        # A learner sees text grow.
        "LLMLAB_PACE": "1",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = subprocess.Popen(
        [sys.executable, "-m", "llmlab", "lab", "--no-browser", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert lab.stdout
    try:
        yield next(line.strip() for line in lab.stdout if line.strip().startswith("http"))
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.communicate(timeout=30)


@pytest.fixture
def page(browser_path: str, address: str) -> Iterator[Page]:
    """The first lesson, open in the browser, its kernel ready."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(address)
        opened.wait_for_function(READY, timeout=60_000)
        yield opened
        browser.close()


def text_of(cell: dict[str, Any]) -> str:
    """Return what a cell shows, as text."""
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "".join("".join(part) if isinstance(part, list) else part for part in parts)


def wait_for_cells(page: Page, until: Any) -> list[dict[str, Any]]:
    """Look at the cells until `until` is true of them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        cells: list[dict[str, Any]] = page.evaluate(CELLS)
        if until(cells):
            return cells
        page.wait_for_timeout(50)
    raise AssertionError("the cells never came to what was waited for")


def test_a_learner_runs_the_first_lesson_and_changes_it(page: Page) -> None:
    """Run All shows no error, text grows while it streams, and an own question is answered."""
    for_real = [i for i, cell in enumerate(page.evaluate(CELLS)) if cell["source"].strip()]
    streaming = next(i for i, cell in enumerate(page.evaluate(CELLS)) if "complete_stream" in cell["source"])
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    lengths: set[int] = set()

    def finished(cells: list[dict[str, Any]]) -> bool:
        lengths.add(len(text_of(cells[streaming])))
        return all(isinstance(cells[i]["count"], int) for i in for_real)

    cells = wait_for_cells(page, finished)
    page.wait_for_function(READY, timeout=60_000)
    assert len(lengths - {0}) >= 3, "the streamed answer came all at once"
    for cell in page.evaluate(CELLS):
        failed = any(output["output_type"] == "error" for output in cell["outputs"])
        assert not failed, cell["source"]

    changed = next(i for i, cell in enumerate(cells) if cell["source"].startswith("question ="))
    own = "What is 123 * 4?"
    page.evaluate(
        """([index, question]) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const codes = notebook.widgets.filter(cell => cell.model.type === 'code');
            const source = codes[index].model.sharedModel.getSource();
            codes[index].model.sharedModel.setSource(source.replace(/question = .*/, `question = "${question}"`));
            notebook.activeCellIndex = notebook.widgets.indexOf(codes[index]);
            codes[index].node.scrollIntoView({block: 'start'});
            window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        [changed, own],
    )
    wait_for_cells(page, lambda cells: "492" in text_of(cells[changed]))
    picture = ROOT / "build" / "screenshots" / "lesson.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture)
    assert picture.stat().st_size > 10_000
