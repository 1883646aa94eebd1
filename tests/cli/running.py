"""How the tests of `ask`, `chat` and their like run them: in this process, in a pipe, and against a scripted server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from llmlab.lab.cli.app import app
from tests.loopback import LoopbackServer

OFFLINE = "llmlab: offline. Answers come from a simulator; nothing is sent, nothing is spent.\n"


def run(*words: str, piped: str | bytes = "") -> Any:
    """Run a command; `piped` is what it finds in its standard input."""
    return CliRunner().invoke(app, list(words), input=piped)


def lines(result: Any) -> list[Any]:
    """What was printed as JSON, a line each."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def settings_for(server: LoopbackServer, provider: str = "ollama") -> None:
    """Write an llmlab.yaml that sends a provider's requests to the scripted server, once each."""
    text = f"backend: {provider}\nproviders:\n  {provider}: {{base_url: '{server.url}', max_retries: 0}}\n"
    Path("llmlab.yaml").write_text(text, encoding="utf-8")


def said(text: str, done: str = "stop") -> dict[str, Any]:
    """An answer of Ollama; with an empty `done`, one piece of it."""
    end = {"done_reason": done, "prompt_eval_count": 3, "eval_count": 2} if done else {}
    return {"model": "m", "message": {"role": "assistant", "content": text}, "done": bool(done), **end}


def streamed(*pieces: dict[str, Any]) -> str:
    return "".join(json.dumps(piece) + "\n" for piece in pieces)
