"""The command line: `python3 -m llmlab COMMAND`. It only connects; the work is done in the rooms.

Exit codes: 0 done, 1 something failed, 2 wrong usage or settings, 130 stopped with Ctrl-C. The commands that call a
provider tell more of their failures apart; see `session`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

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
    demo,
    doctor,
    drift,
    info,
    jobs,
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
from llmlab.lab.network_guard import GUARD

PROGRAM = "python3 -m llmlab"

# Function and example of each command. Those of CALLS leave with the exit codes of a call.
COMMANDS: tuple[tuple[Callable[..., Any], str], ...] = (
    (lab.lab, "lab --port 9000"),
    (test.run_tests, "test -k retry"),
    (notebooks.run, "run 01 04 --jobs 2 --mode replay"),
    (notebooks.handout, "handout 01 --format pdf --solutions"),
    (recordings.record, "record 04 --max-usd 0.10"),
    (drift.drift, "drift 01 02 --json"),
    (update.update, "update --report"),
    (simulate.simulate, "simulate --port 8900 --log"),
    (doctor.doctor, "doctor --json"),
    (serve_health.serve_health, "serve-health --provider openai --provider ollama"),
    (costs.costs, "costs --db sqlite:///costs.db --by day --since 7d"),
    (config.check, "config check llmlab.yaml --json"),
    (jobs.worker, "worker --concurrency 8"),
    (jobs.list_jobs, "jobs list --status failed"),
    (jobs.show, "jobs show 3f2a"),
    (jobs.watch, "jobs watch --project 123"),
    (jobs.cancel, "jobs cancel 3f2a"),
    (jobs.retry, "jobs retry 3f2a"),
    (jobs.export, "jobs export --status succeeded --json"),
)
CALLS: tuple[tuple[Callable[..., Any], str], ...] = (
    (ask.ask, 'ask "Why is the sky blue?" --provider ollama'),
    (ask.chat, "chat --system 'Answer in one sentence.'"),
    (demo.demo, 'demo openrouter --stream "Why is the sky blue?"'),
    (info.models, "models --provider openrouter"),
    (info.tokens, "tokens - < notes.txt"),
    (info.health, "health --mode live --json"),
    (rosetta.rosetta, 'rosetta "Hi" --provider openai --provider ollama'),
    (compare.compare, "compare prompts.txt --provider openai --provider ollama"),
    (batch.submit, "batch submit prompts.txt --provider openai"),
    (batch.status, "batch status batch_67d4 --provider openai"),
    (batch.results, "batch results batch_67d4 --provider openai --json"),
    (batch.cancel, "batch cancel batch_67d4 --provider openai"),
)
GROUPS = {
    "batch": ("Many prompts at once, answered later and at half the price.", "batch submit prompts.txt"),
    "jobs": ("Calls that workers make in the background.", "jobs watch"),
    "config": ("The settings file, llmlab.yaml.", "config check"),
}

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=f"Start here: {PROGRAM} lab"
)


def _register() -> None:
    groups = {name: typer.Typer(no_args_is_help=True, help=text) for name, (text, _) in GROUPS.items()}
    for name, group in groups.items():
        app.add_typer(group, name=name, epilog=f"Example: {PROGRAM} {GROUPS[name][1]}")
    for function, example in (*COMMANDS, *CALLS):
        first, second = example.split()[:2] if " " in example else (example, "")
        target, name = (groups[first], second) if first in groups else (app, first)
        epilog = f"Example: {PROGRAM} {example}"
        if (function, example) in CALLS:
            epilog = f"{EXIT_CODES}\n\n{epilog}"
        # What `test` does not know goes to pytest.
        passes_on = {"allow_extra_args": True, "ignore_unknown_options": True} if name == "test" else {}
        target.command(name, epilog=epilog, context_settings=passes_on)(function)


_register()


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
    """Run the command line. Errors of llmlab are shown as their message, without a traceback."""
    GUARD.arm()
    try:
        app(prog_name=PROGRAM)
    except LLMError as error:
        print(f"llmlab: {error.message}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        # Such as a full disk behind `> file`.
        print(f"llmlab: {error}", file=sys.stderr)
        sys.exit(1)
