"""The exercises of lesson 15: settings for a team, and an answer in a format that nobody has read yet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from llmlab.config.environment import ProviderSettings
from llmlab.config.settings import load_settings
from llmlab.errors import ConfigurationError
from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import quoted, returns
from llmlab.lab.exercises.registry import exercise
from llmlab.types.completion import Completion

TEAM = {"api_key_env": "TEAM_KEY", "timeout": 20, "max_retries": 5}
BODIES: tuple[tuple[dict[str, Any], tuple[Any, ...]], ...] = (
    (
        {
            "generated_text": " Cats purr to say that they are content.\n",
            "details": {"finish_reason": "eos_token", "generated_tokens": 9, "prefill": [{"text": "Why"}] * 5},
        },
        ("Cats purr to say that they are content.", "", "stop", 5, 9),
    ),
    (
        {
            "generated_text": " Because",
            "details": {"finish_reason": "length", "generated_tokens": 1, "prefill": [{"text": "Why"}] * 3},
        },
        ("Because", "", "length", 3, 1),
    ),
    ({"generated_text": "No details."}, ("No details.", "", "stop", 0, 0)),
)


@exercise(
    "15.1",
    hints=[
        "Begin as the first file of this lesson does: backend, then providers.",
        "Three settings belong under openrouter: api_key_env, timeout and max_retries. The key itself does not.",
        "backend: openrouter, and below providers: openrouter: {api_key_env: TEAM_KEY, …}, all in one text to return.",
    ],
)
def team_settings(function: Answer) -> str:
    """The text is read as a file would be, and must set these things and no others."""
    text = function()
    returns(text, str, "Return the text of the file.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "llmlab.yaml"
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            settings = load_settings(file)
        except ConfigurationError as error:
            raise Wrong(f"The file is not right yet. {error.message.replace(folder, '.')}") from error
    if settings.backend != "openrouter":
        raise Wrong(f"The backend is {settings.backend!r}, and should be 'openrouter'.")
    found = settings.providers.get("openrouter", ProviderSettings())
    for name, value in TEAM.items():
        if getattr(found, name) != value:
            raise Wrong(f"{name} of openrouter is {getattr(found, name)!r}, and should be {value!r}.")
    return "The file is right: who is asked, where the key is, and how long and how often to try."


@exercise(
    "15.2",
    hints=[
        "Look at decode of the provider above: the same four things are read here, from other places.",
        'details = body.get("details", {}) works with and without details. The number of tokens read is a len().',
        'Completion(content=….strip(), model="", finish_reason=…, usage=Usage(len(details.get("prefill", [])), …))',
    ],
)
def read_answer(function: Answer) -> str:
    """Three answers must be read: a whole one, one that was cut off, one without details."""
    for body, wanted in BODIES:
        read = function(body)
        returns(read, Completion, "Return a Completion.")
        usage = read.usage
        found = (read.content, read.model, read.finish_reason, usage.input_tokens, usage.output_tokens)
        names = ("content", "model", "finish_reason", "usage.input_tokens", "usage.output_tokens")
        for name, value, right in zip(names, found, wanted, strict=True):
            if type(value) is not type(right) or value != right:
                raise Wrong(f"Of {str(body)[:60]}… your {name} is {quoted(value)}, and should be {right!r}.")
    return (
        "You read three answers of a server that llmlab does not know: a whole one, a short one, one without details."
    )
