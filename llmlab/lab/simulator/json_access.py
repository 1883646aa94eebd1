"""Access to JSON that may hold anything: a missing value, or one of the wrong type, reads as an empty one.

It also reads the simulator's own data files: models, answers, and the templates of what the services send.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmlab.lab.simulator.conversation import Tool


def data(name: str) -> dict[str, Any]:
    """Read one of the simulator's own data files."""
    return as_dict(json.loads(Path(__file__).with_name("data").joinpath(f"{name}.json").read_text(encoding="utf-8")))


def template(name: str, /, **values: Any) -> dict[str, Any]:
    """Return JSON as a service sends it, in the service's order: the values, and what is the same every time."""
    return {**_TEMPLATES[name], **values}


def as_dict(value: object) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_str(value: object) -> str:
    """Return the value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_int(value: object) -> int | None:
    """Return the value if it is a whole number, else None. A boolean is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_number(value: object) -> float | int | None:
    """Return the value if it is a number, else None. A boolean is no number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the JSON objects of an array, without its other items."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def texts_of(value: object) -> list[str]:
    """Return one text or a list of texts as a list. Token numbers in place of a text read as their digits."""
    items = as_list(value) or ([value] if value else [])
    if items and all(isinstance(item, int) for item in items):
        items = [items]
    return [one if isinstance(one, str) else " ".join(map(str, one)) for one in items if isinstance(one, (str, list))]


def stop_texts(value: object) -> tuple[str, ...]:
    """Return stop sequences, given as one string or a list."""
    return tuple(text for text in as_list(value) or [value] if isinstance(text, str) and text)


def text_of(content: object) -> str:
    """Return the text of a message: a string, or the text of its parts, a line each.

    A part has its text under `text`, or under `content` (a tool result of Anthropic's).
    """
    if isinstance(content, str):
        return content
    parts = (as_str(part.get("text")) or text_of(part.get("content")) for part in dicts(content))
    return "\n".join(part for part in parts if part)


def parse(text: str) -> Any:
    """Parse JSON inside a text. Unpaired surrogates, which JSON can hold and UTF-8 cannot, are replaced.

    Raises:
        ValueError: the text is not JSON, or is nested too deep.
    """
    try:
        value = json.loads(text)
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) if "\\u" in text else value
    except RecursionError:
        raise ValueError("nested too deep") from None


def arguments_of(value: object) -> dict[str, Any]:
    """Return the arguments of a tool call: an object, or a string that holds one."""
    try:
        return as_dict(parse(value) if isinstance(value, str) else value)
    except ValueError:
        return {}


def function_tools(tools: object) -> tuple[Tool, ...]:
    """Read tools in the form of Chat Completions, which Ollama's own API has too."""
    return tools_of([as_dict(tool.get("function")) for tool in dicts(tools)], "parameters")


def tools_of(tools: list[dict[str, Any]], schema: str) -> tuple[Tool, ...]:
    """Read tools with a name, a description, and the schema of their arguments under that name."""
    named = (one for one in tools if as_str(one.get("name")))
    return tuple(Tool(one["name"], as_str(one.get("description")), as_dict(one.get(schema))) for one in named)


def schema_of(form: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a structured answer: an empty one for any JSON object, None for a text."""
    if form.get("type") == "json_schema":
        return as_dict(holder.get("schema"))
    return {} if form.get("type") == "json_object" else None


_TEMPLATES = data("templates")
