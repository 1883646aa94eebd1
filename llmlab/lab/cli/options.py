"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from llmlab.config import environment

Prompt = Annotated[list[str] | None, Argument(metavar="PROMPT", help="The prompt; - stands for standard input.")]
Prompts = Annotated[
    str, Argument(metavar="FILE", help="A prompt a line, or a JSON object a line; - stands for standard input.")
]
Targets = Annotated[
    list[str] | None,
    Argument(metavar="NN|PATH", help="Lessons by number, notebooks or folders. None means every lesson."),
]
Provider = Annotated[str | None, Option("--provider", help="Its name; else the backend of llmlab.yaml.")]
Model = Annotated[str | None, Option("--model", help="Name of the model; else the provider's usual one.")]
Mode = Annotated[
    environment.Mode | None, Option("--mode", help="Where answers come from; else LLMLAB_MODE, else offline.")
]
System = Annotated[str | None, Option("--system", help="Instructions that stand before the prompt.")]
MaxTokens = Annotated[int | None, Option("--max-tokens", min=1, help="Limit of each answer, in tokens.")]
InFlight = Annotated[int, Option("--in-flight", min=1, help="Calls at once, where they are made here.")]
Json = Annotated[bool, Option("--json", help="Print JSON, one object a line.")]
