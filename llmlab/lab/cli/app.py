"""The command line: `python3 -m llmlab COMMAND`. It only wires; the work is done in the rooms.

Exit codes: 0 done, 1 something failed, 2 wrong usage or settings, 130 stopped with Ctrl-C. The commands that ask a
provider tell more of its failures apart; see `commands.session`.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import llmlab
from llmlab.errors import LLMError
from llmlab.lab import bootstrap
from llmlab.lab.cli import (
    ask,
    batch,
    compare,
    config,
    costs,
    doctor,
    drift,
    info,
    lab,
    notebooks,
    recordings,
    rosetta,
    serve_health,
    simulate,
    test,
    update,
)
from llmlab.lab.cli.session import EXIT_CODES

PROGRAM = "python3 -m llmlab"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=f"Start here: {PROGRAM} lab",
)
app.command("lab", epilog=f"Example: {PROGRAM} lab --port 9000")(lab.lab)
app.command("test", epilog=f"Example: {PROGRAM} test -k retry", context_settings=PASS_ON)(test.run_tests)
app.command("update", epilog=f"Example: {PROGRAM} update --report")(update.update)
app.command("run", epilog=f"Example: {PROGRAM} run 01 04 --jobs 2 --mode replay")(notebooks.run)
app.command("handout", epilog=f"Example: {PROGRAM} handout 01 --format pdf --solutions")(notebooks.handout)
app.command("record", epilog=f"Example: {PROGRAM} record 04 --max-usd 0.10")(recordings.record)
app.command("drift", epilog=f"Example: {PROGRAM} drift 01 02 --json")(drift.drift)
app.command("simulate", epilog=f"Example: {PROGRAM} simulate --port 8900 --log")(simulate.simulate)
app.command("doctor", epilog=f"Example: {PROGRAM} doctor --json")(doctor.doctor)
app.command("ask", epilog=f'{EXIT_CODES}\n\nExample: {PROGRAM} ask "Why is the sky blue?" --provider ollama')(ask.ask)
app.command("chat", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} chat --system 'Answer in one sentence.'")(ask.chat)
app.command("models", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} models --provider openrouter")(info.models)
app.command("tokens", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} tokens - < notes.txt")(info.tokens)
app.command("health", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} health --mode live --json")(info.health)

app.command("rosetta", epilog=f'{EXIT_CODES}\n\nExample: {PROGRAM} rosetta "Hi" --provider openai --provider ollama')(
    rosetta.rosetta
)
app.command("serve-health", epilog=f"Example: {PROGRAM} serve-health --provider openai --provider ollama")(
    serve_health.serve_health
)

app.command("costs", epilog=f"Example: {PROGRAM} costs --db sqlite:///costs.db --by day --since 7d")(costs.costs)

app.command(
    "compare", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} compare prompts.txt --provider openai --provider ollama"
)(compare.compare)
batch_app = typer.Typer(no_args_is_help=True, help="Many prompts at once, answered later and at half the price.")
batch_app.command("submit", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} batch submit prompts.txt --provider openai")(
    batch.submit
)
batch_app.command("status", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} batch status batch_67d4 --provider openai")(
    batch.status
)
batch_app.command(
    "results", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} batch results batch_67d4 --provider openai --json"
)(batch.results)
batch_app.command("cancel", epilog=f"{EXIT_CODES}\n\nExample: {PROGRAM} batch cancel batch_67d4 --provider openai")(
    batch.cancel
)
app.add_typer(batch_app, name="batch", epilog=f"Example: {PROGRAM} batch submit prompts.txt --provider openai")

config_app = typer.Typer(no_args_is_help=True, help="The settings file, llmlab.yaml.")
config_app.command("check", epilog=f"Example: {PROGRAM} config check llmlab.yaml --json")(config.check)
app.add_typer(config_app, name="config", epilog=f"Example: {PROGRAM} config check")


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
    except OSError as error:
        # Such as a full disk behind `> file`.
        print(f"llmlab: {error}", file=sys.stderr)
        sys.exit(1)
