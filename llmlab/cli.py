"""The command line: `python3 -m llmlab COMMAND`. It only wires; the work is done in the rooms.

Exit codes: 0 done, 1 something failed, 2 wrong usage or settings, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import llmlab
from llmlab import bootstrap
from llmlab.commands import doctor, lab, notebooks, suite
from llmlab.errors import LLMError

PROGRAM = "python3 -m llmlab"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=f"Start here: {PROGRAM} lab",
)
app.command("lab", epilog=f"Example: {PROGRAM} lab --port 9000")(lab.lab)
app.command("test", epilog=f"Example: {PROGRAM} test -k retry", context_settings=PASS_ON)(suite.test)
app.command("run", epilog=f"Example: {PROGRAM} run 01 04 --jobs 2 --mode replay")(notebooks.run)
app.command("handout", epilog=f"Example: {PROGRAM} handout 01 --format pdf --solutions")(notebooks.handout)
app.command("record", epilog=f"Example: {PROGRAM} record 01 --authored")(notebooks.record)
app.command("doctor", epilog=f"Example: {PROGRAM} doctor --json")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"llmlab {llmlab.__version__}")
        raise typer.Exit


@app.callback()
def prepare(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Call large language models from notebooks: offline by default, no key and no network needed."""
    if (bootstrap.CLONE / "pyproject.toml").is_file():
        # Kernels start in the folder of their notebook, and must find this llmlab there too.
        paths = [str(bootstrap.CLONE), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def main() -> None:
    """Run the command line. Errors of llmlab are shown as what they say, without a traceback."""
    try:
        app(prog_name=PROGRAM)
    except LLMError as error:
        print(f"llmlab: {error.message}", file=sys.stderr)
        sys.exit(2)
