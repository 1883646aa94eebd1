"""Stored things, and OpenAI's files: how all that is stored is found, listed, shown and deleted.

A thing inside another one, such as a file in a vector store, has a key of both ids: `vs_1/file-2`. The content of a
text file is stored whole; of any other file only its name and size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llmlab.lab.simulator.context import Context, Routes, Stored
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.fields import Field, check, missing, one_of, openai_words
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts, template
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.wire.messages import TapeAnswer

_MOST = 1000
"""How many things of one kind are remembered."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stored things.

    Args:
        name: what a deletion calls it.
        unknown: the service's words for an id that it does not have; `{0}` is the id, `{1}` that of the outer thing.
        param: the field that the error names, at OpenAI.
        outer: the kind of the thing around it.
        show: writes a thing as the service shows it.
    """

    name: str
    unknown: str
    param: str | None = None
    outer: Kind | None = None
    show: Callable[[Context, Stored], dict[str, Any]] = lambda context, thing: thing.view


def put(context: Context, kind: Kind, key: str, thing: Stored) -> dict[str, Any]:
    """Store a thing and return it as the service shows it; the oldest one is forgotten at some point."""
    things = context.state.things[kind.name]
    things[key] = thing
    if len(things) > _MOST:
        _forget(context, next(iter(things)).split("/"))
    return kind.show(context, thing)


def find(context: Context, kind: Kind, key: object = None, param: str | None = None) -> Stored:
    """Find a thing by its key, or by the ids in the path; `param` names the field that holds the key."""
    key = "/".join(context.ids) if key is None else key
    if thing := context.state.things[kind.name].get(key if isinstance(key, str) else ""):
        return thing
    outer, _, last = str(key).rpartition("/")
    if kind.outer:
        find(context, kind.outer, outer)
    words = "not_found_error" if context.service == "anthropic" else "invalid_request_error"
    raise Refused(404, kind.unknown.format(last, outer), words, param or kind.param)


def inside(context: Context, kind: Kind) -> list[Stored]:
    """Return all things of a kind, or those inside the thing that the path names first; the oldest first."""
    outer = f"{context.ids[0]}/" if context.ids else ""
    return [thing for key, thing in context.state.things[kind.name].items() if key.startswith(outer)]


def listing(kind: Kind, query: str = "", *, most: int = 100) -> Callable[[Context], dict[str, Any]]:
    """Return the function that lists things; the query may ask for one value of a field: `purpose`, or `filter`."""

    def answer(context: Context) -> dict[str, Any]:
        if kind.outer:
            find(context, kind.outer, context.ids[0])
        name, wanted = "status" if query == "filter" else query, context.query.get(query)
        views = [kind.show(context, thing) for thing in inside(context, kind)]
        return page(context, [view for view in views if wanted in (None, view.get(name))], most)

    return answer


def showing(kind: Kind) -> Callable[[Context], dict[str, Any]]:
    """Return the function that shows one thing."""
    return lambda context: kind.show(context, find(context, kind))


def deleting(kind: Kind) -> Callable[[Context], dict[str, Any]]:
    """Return the function that deletes one thing, and with it what is inside it or made of it."""

    def answer(context: Context) -> dict[str, Any]:
        find(context, kind)
        _forget(context, context.ids)
        return {"id": context.ids[-1], "object": kind.name, "deleted": True}

    return answer


def _forget(context: Context, ids: Sequence[str]) -> None:
    for things in context.state.things.values():
        for key in [key for key in things if set(ids) <= set(key.split("/"))]:
            del things[key]


def page(context: Context, items: list[dict[str, Any]], most: int = 100) -> dict[str, Any]:
    """Return one page of a list in OpenAI's form: the newest first, unless the query's `order` is "asc".

    Args:
        context: its query may have `after`, `before`, `limit` and `order`.
        items: the oldest first.
        most: the largest limit; the default limit is 20.
    """
    order = context.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise openai_words("word", "order", Field(words=("asc", "desc")), order)
    message = f"Invalid 'limit': expected an integer from 1 to {most}, but got '{context.query.get('limit')}' instead."
    wrong = Refused(400, message, param="limit", code="invalid_type")
    return {"object": "list"} | _page(context, items[::-1] if order == "desc" else items, most, wrong, "")


def message_page(context: Context, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one page of a list in Anthropic's form; the query may have `after_id`, `before_id` and `limit`."""
    wrong = Refused(400, "limit: Input should be a valid integer from 1 to 1000")
    return _page(context, items, 1000, wrong, "_id")


def _page(context: Context, items: list[dict[str, Any]], most: int, wrong: Refused, suffix: str) -> dict[str, Any]:
    query = context.query
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= most):
        raise wrong
    ids = [item["id"] for item in items]
    after, before = query.get(f"after{suffix}"), query.get(f"before{suffix}")
    rest = items[ids.index(after) + 1 if after in ids else 0 : ids.index(before) if before in ids else None]
    data = rest[: int(limit)]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return {"data": data, **ends, "has_more": len(rest) > len(data)}


FILE: Final = Kind("file", "No such File object: {0}", "id")
_PURPOSE = {"purpose": one_of("assistants", "batch", "fine-tune", "vision", "user_data", "evals")}
_READABLE = ("batch", "batch_output", "fine-tune", "evals")


def store_file(context: Context, seed: Seed, name: str, purpose: str, text: str | None, size: int) -> dict[str, Any]:
    """Store a file, and return it as the service shows it."""
    view = template(
        "file",
        id=context.state.new_id(seed, "file-", 22),
        purpose=purpose,
        filename=name,
        bytes=size,
        created_at=seed.created,
    )
    return put(context, FILE, view["id"], Stored(view, seed, text))


def _upload(context: Context) -> TapeAnswer:
    """Store the file of a form."""
    parts = {as_str(part.get("name")): part for part in dicts(as_dict(context.json).get("multipart"))}
    part, purpose = parts.get("file"), parts.get("purpose", {}).get("value")
    if part is None or not purpose:
        raise missing("purpose" if part else "file")
    check({"purpose": purpose}, _PURPOSE)
    text = part.get("value") if isinstance(part.get("value"), str) else None
    size = as_int(part.get("bytes")) or 0 if text is None else len(text.encode())
    if size == 0:
        raise Refused(400, "File is empty.", param="file")
    name = as_str(part.get("filename")) or "upload"
    return context.plain(store_file(context, context.seed, name, purpose, text, size), 0.6)


def _content(context: Context) -> TapeAnswer:
    file = find(context, FILE)
    if file.view["purpose"] not in _READABLE:
        raise Refused(400, f"Not allowed to download files of purpose: {file.view['purpose']}")
    if file.text is None:
        raise Refused(400, "The simulator keeps the content of text files only.")
    return context.file(file.text, "application/octet-stream")


ROUTES: Routes = {
    "/v1/files": {"POST": _upload, "GET": listing(FILE, "purpose", most=10_000)},
    "/v1/files/{}": {"GET": showing(FILE), "DELETE": deleting(FILE)},
    "/v1/files/{}/content": {"GET": _content},
}
