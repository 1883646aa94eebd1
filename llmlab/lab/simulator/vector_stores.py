"""OpenAI's vector stores and their files, searched for what the files say.

What is added is `in_progress` in the answer that adds it, and `completed` from then on. Left out: expiry, and the
rewriting of queries.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from llmlab.lab.simulator.context import Context, Routes, Stored
from llmlab.lab.simulator.conversation import Passage
from llmlab.lab.simulator.fields import Field, check, integer, metadata, missing, wrong_type
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str, dicts, template
from llmlab.lab.simulator.seed import HEX
from llmlab.lab.simulator.stored import FILE, Kind, deleting, find, listing, page, put, showing
from llmlab.lab.simulator.text_search import chunks, nearest
from llmlab.lab.wire.messages import TapeAnswer

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in as_list(wanted),
    "nin": lambda value, wanted: value not in as_list(wanted),
}
_UNREADABLE = {"code": "unsupported_file", "message": "The file type is not supported."}
_FIELDS = {
    "file_ids": Field("an array of strings"),
    "max_num_results": integer(1, 50),
    "chunking_strategy.static.max_chunk_size_tokens": integer(100, 4096),
}


def _shown(context: Context, store: Stored) -> dict[str, Any]:
    files = [file.view for file in _files(context, store.view["id"])]
    sizes, statuses = sum(view["usage_bytes"] for view in files), [view["status"] for view in files]
    return _with_counts(store.view | {"status": "", "usage_bytes": sizes}, "completed", statuses)


STORE: Final = Kind("vector_store.deleted", "Vector store with id '{0}' not found.", show=_shown)
_STORE_FILE = Kind("vector_store.file.deleted", "No file found with id '{0}' in vector store '{1}'.", outer=STORE)
_FILE_BATCH = Kind("vector_store.files_batch", "No file batch found with id '{0}' in vector store '{1}'.", outer=STORE)


def _files(context: Context, store_id: str) -> list[Stored]:
    files = context.state.things[_STORE_FILE.name]
    return [file for key, file in files.items() if key.startswith(f"{store_id}/")]


def _create(context: Context) -> TapeAnswer:
    body, created = as_dict(context.json), context.seed.created
    check(body, _FIELDS)
    view = template(
        "vector_store",
        id=context.state.new_id(context.seed, "vs_", 32, HEX),
        created_at=created,
        name=as_str(body.get("name")) or None,
        description=as_str(body.get("description")) or None,
        expires_after=as_dict(body.get("expires_after")) or None,
        last_active_at=created,
        metadata=metadata(body) or {},
    )
    ids = as_list(body.get("file_ids"))
    for file_id in ids:
        find(context, FILE, file_id, "file_id")
    shown = put(context, STORE, view["id"], Stored(view, context.seed))
    for file_id in ids:
        _add(context, view["id"], file_id, body)
    reading = _with_counts(shown | {"status": ""}, "in_progress", ["in_progress"] * len(_files(context, view["id"])))
    return context.plain(reading if ids else shown, 0.4)


def _update(context: Context) -> dict[str, Any]:
    """Change the name or the metadata of a store."""
    store, body = find(context, STORE), context.body
    changes = {"name": as_str(body.get("name")) or None, "metadata": metadata(body) or {}}
    store.view = store.view | {name: value for name, value in changes.items() if name in body}
    return _shown(context, store)


def _search(context: Context) -> TapeAnswer:
    body, store = context.body, find(context, STORE)
    query = body.get("query")
    if query is None:
        raise missing("query")
    if not isinstance(query, (str, list)):
        raise wrong_type("query", "one of a string or array of strings", query)
    text = query if isinstance(query, str) else " ".join(filter(lambda one: isinstance(one, str), query))
    found = search_stores(context, [store.view["id"]], text, body, 10)
    data = [search_result(one) | {"content": [{"type": "text", "text": one.text}]} for one in found]
    head = {"object": "vector_store.search_results.page", "search_query": query}
    return context.plain(head | {"data": data, "has_more": False, "next_page": None}, 0.3)


def search_stores(
    context: Context, store_ids: Iterable[object], question: str, options: dict[str, Any], default: int
) -> list[Passage]:
    """Find the passages of stores that are nearest to a question.

    Args:
        context: the request; it knows the stores.
        store_ids: where to look.
        question: the question.
        options: `max_num_results`, `filters` and `ranking_options`, as in a request.
        default: number of results when the options do not say.
    """
    check(options, _FIELDS)
    threshold = as_number(as_dict(options.get("ranking_options")).get("score_threshold")) or 0.0
    passages = []
    for store_id in store_ids:
        for file in _files(context, find(context, STORE, store_id).view["id"]):
            view, size = file.view, file.view["chunking_strategy"]["static"]["max_chunk_size_tokens"]
            if _matches(view["attributes"], options.get("filters")):
                source = find(context, FILE, view["id"])
                name, texts = source.view["filename"], chunks(source.text or "", size)
                passages += [Passage(view["id"], name, view["attributes"], text) for text in texts]
    return nearest(question, passages, as_int(options.get("max_num_results")) or default, threshold)


def search_result(passage: Passage) -> dict[str, Any]:
    """Write a passage as a search result, without its text."""
    return {
        "file_id": passage.file_id,
        "filename": passage.filename,
        "score": passage.score,
        "attributes": dict(passage.attributes),
    }


def _add_file(context: Context) -> TapeAnswer:
    body, store = context.body, find(context, STORE)
    if not body.get("file_id"):
        raise missing("file_id")
    view = _add(context, store.view["id"], body["file_id"], body)
    return context.plain({**view, "status": "in_progress", "usage_bytes": 0}, 0.5)


def _add(context: Context, store_id: str, file_id: object, options: dict[str, Any]) -> dict[str, Any]:
    """Put an uploaded file into a store, and return it as the store shows it."""
    file = find(context, FILE, file_id, "file_id")
    check(options, _FIELDS)
    view = template(
        "vector_store.file",
        id=file.view["id"],
        usage_bytes=file.view["bytes"],
        created_at=context.seed.created,
        vector_store_id=store_id,
        attributes=as_dict(options.get("attributes")),
    )
    if not file.text:
        view |= {"status": "failed", "last_error": _UNREADABLE}
    if static := as_dict(as_dict(options.get("chunking_strategy")).get("static")):
        sizes = view["chunking_strategy"]["static"]
        sizes = {name: as_int(static.get(name)) or size for name, size in sizes.items()}
        view["chunking_strategy"] = {"type": "static", "static": sizes}
    return put(context, _STORE_FILE, f"{store_id}/{view['id']}", Stored(view, context.seed))


def _create_batch(context: Context) -> TapeAnswer:
    """Add files: either ids with the same settings for all, or a list of files with settings each."""
    store, body = find(context, STORE).view["id"], context.body
    files = dicts(body.get("files")) or [body | {"file_id": one} for one in as_list(body.get("file_ids"))]
    if not files:
        raise missing("file_ids")
    ids = [_add(context, store, file.get("file_id"), file)["id"] for file in files]
    batch_id = context.state.new_id(context.seed, "vsfb_", 32, HEX)
    view = template("vector_store.files_batch", id=batch_id, created_at=context.seed.created, vector_store_id=store)
    put(
        context, _FILE_BATCH, f"{store}/{view['id']}", Stored(view, context.seed, requests=[{"id": one} for one in ids])
    )
    return context.plain(_with_counts(view, "in_progress", ["in_progress"] * len(ids)), 0.6)


def _batch(context: Context) -> dict[str, Any]:
    batch = find(context, _FILE_BATCH)
    statuses = {file.view["id"]: file.view["status"] for file in _files(context, context.ids[0])}
    return _with_counts(batch.view, "completed", [statuses.get(one["id"], "completed") for one in batch.requests])


def _batch_files(context: Context) -> dict[str, Any]:
    ids = [one["id"] for one in find(context, _FILE_BATCH).requests]
    views = {file.view["id"]: file.view for file in _files(context, context.ids[0])}
    return page(context, [views[one] for one in ids if one in views])


def _matches(attributes: Mapping[str, Any], rule: Any) -> bool:
    """Tell whether attributes pass a filter; anything that is no filter lets everything pass."""
    if not isinstance(rule, dict):
        return True
    kind = as_str(rule.get("type"))
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(_matches(attributes, one) for one in dicts(rule.get("filters")))
    try:
        return kind not in _COMPARE or _COMPARE[kind](attributes.get(as_str(rule.get("key"))), rule.get("value"))
    except TypeError:  # a number beside a text
        return False


def _with_counts(view: dict[str, Any], status: str, statuses: list[str]) -> dict[str, Any]:
    counts = {each: statuses.count(each) for each in ("in_progress", "completed", "failed", "cancelled")}
    return view | {"status": status, "file_counts": counts | {"total": len(statuses)}}


ROUTES: Routes = {
    "/v1/vector_stores": {"POST": _create, "GET": listing(STORE)},
    "/v1/vector_stores/{}": {"GET": showing(STORE), "POST": _update, "DELETE": deleting(STORE)},
    "/v1/vector_stores/{}/search": {"POST": _search},
    "/v1/vector_stores/{}/files": {"POST": _add_file, "GET": listing(_STORE_FILE, "filter")},
    "/v1/vector_stores/{}/files/{}": {"GET": showing(_STORE_FILE), "DELETE": deleting(_STORE_FILE)},
    "/v1/vector_stores/{}/file_batches": {"POST": _create_batch},
    "/v1/vector_stores/{}/file_batches/{}": {"GET": _batch},
    "/v1/vector_stores/{}/file_batches/{}/cancel": {"POST": _batch},
    "/v1/vector_stores/{}/file_batches/{}/files": {"GET": _batch_files},
}
