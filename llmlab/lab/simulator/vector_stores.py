"""OpenAI's vector stores and their files, searched for what the files say.

What is added is `in_progress` in the answer that adds it, and `completed` from then on. Left out: expiry, and the
rewriting of queries.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llmlab.lab.simulator import checks
from llmlab.lab.simulator.context import Context, State, Stored
from llmlab.lab.simulator.conversation import Passage
from llmlab.lab.simulator.files import find_file
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str, dicts
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.seed import HEX
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


def create(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores`."""
    body, created = as_dict(context.json), context.seed.created
    checks.check_array(body, "file_ids", "an array of strings")
    view: dict[str, Any] = {
        "id": context.state.new_id(context.seed, "vs_", 32, HEX),
        "object": "vector_store",
        "created_at": created,
        "name": as_str(body.get("name")) or None,
        "description": as_str(body.get("description")) or None,
        "expires_after": as_dict(body.get("expires_after")) or None,
        "expires_at": None,
        "last_active_at": created,
        "metadata": checks.metadata(body) or {},
    }
    store = Stored(view, context.seed)
    for file_id in as_list(body.get("file_ids")):
        _add(context, store, file_id, body)
    context.state.stores[view["id"]] = store
    return context.plain(_shown(store, reading=bool(store.files)), 0.4)


def list_stores(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores`."""
    return context.plain(page(context, [_shown(store) for store in context.state.stores.values()]))


def retrieve(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}`."""
    return context.plain(_shown(_store(context)))


def update(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}`, which changes the name or the metadata."""
    store, body = _store(context), context.body
    changes = {"name": as_str(body.get("name")) or None, "metadata": checks.metadata(body) or {}}
    store.view = store.view | {name: value for name, value in changes.items() if name in body}
    return context.plain(_shown(store))


def delete(context: Context) -> TapeAnswer:
    """Answer DELETE `/v1/vector_stores/{id}`; its uploaded files stay."""
    store_id = _store(context).view["id"]
    del context.state.stores[store_id]
    return context.plain({"id": store_id, "object": "vector_store.deleted", "deleted": True})


def search(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/search`."""
    body, store = context.body, _store(context)
    query = body.get("query")
    if query is None:
        raise checks.missing("query")
    if not isinstance(query, (str, list)):
        raise checks.wrong_type("query", "one of a string or array of strings", query)
    text = query if isinstance(query, str) else " ".join(filter(lambda one: isinstance(one, str), query))
    found = search_stores(context.state, [store], text, body, 10)
    data = [search_result(one) | {"content": [{"type": "text", "text": one.text}]} for one in found]
    head = {"object": "vector_store.search_results.page", "search_query": query}
    return context.plain(head | {"data": data, "has_more": False, "next_page": None}, 0.3)


def search_stores(
    state: State, stores: Iterable[Stored], question: str, options: dict[str, Any], default: int
) -> list[Passage]:
    """Find the passages of stores that are nearest to a question.

    Args:
        state: what holds the files.
        stores: where to look.
        question: the question.
        options: `max_num_results`, `filters` and `ranking_options`, as in a request.
        default: number of results when the options do not say.
    """
    checks.check_number(options, "max_num_results", 1, 50, whole=True)
    threshold = as_number(as_dict(options.get("ranking_options")).get("score_threshold")) or 0.0
    passages = [
        Passage(file_id, state.files[file_id].view["filename"], view["attributes"], text)
        for store in stores
        for file_id, view in store.files.items()
        if _matches(view["attributes"], options.get("filters"))
        for text in chunks(
            state.files[file_id].text or "", view["chunking_strategy"]["static"]["max_chunk_size_tokens"]
        )
    ]
    return nearest(question, passages, as_int(options.get("max_num_results")) or default, threshold)


def search_result(passage: Passage) -> dict[str, Any]:
    """Write a passage as a search result, without its text."""
    return {
        "file_id": passage.file_id,
        "filename": passage.filename,
        "score": passage.score,
        "attributes": dict(passage.attributes),
    }


def add_file(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/files`."""
    store, body = _store(context), context.body
    if not body.get("file_id"):
        raise checks.missing("file_id")
    view = _add(context, store, body["file_id"], body)
    return context.plain({**view, "status": "in_progress", "usage_bytes": 0}, 0.5)


def list_files(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/files`; the query may `filter` by status."""
    return context.plain(_page(context, _store(context).files))


def retrieve_file(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/files/{file}`."""
    return context.plain(_file(context))


def delete_file(context: Context) -> TapeAnswer:
    """Answer DELETE `/v1/vector_stores/{id}/files/{file}`; the uploaded file stays."""
    view = _file(context)
    del _store(context).files[view["id"]]
    return context.plain({"id": view["id"], "object": "vector_store.file.deleted", "deleted": True})


def create_batch(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/file_batches`."""
    store, body = _store(context), context.body
    # Either ids with the same settings for all, or a list of files with settings each.
    files = dicts(body.get("files")) or [body | {"file_id": one} for one in as_list(body.get("file_ids"))]
    if not files:
        raise checks.missing("file_ids")
    ids = [_add(context, store, file.get("file_id"), file)["id"] for file in files]
    batch = {
        "id": context.state.new_id(context.seed, "vsfb_", 32, HEX),
        "object": "vector_store.files_batch",
        "created_at": context.seed.created,
        "vector_store_id": store.view["id"],
    }
    store.batches[batch["id"]] = {"view": batch, "file_ids": ids}
    return context.plain(_with_counts(batch, "in_progress", ["in_progress"] * len(ids)), 0.6)


def batch(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/file_batches/{batch}`."""
    found, files = _batch(context), _store(context).files
    statuses = [files[one]["status"] if one in files else "completed" for one in found["file_ids"]]
    return context.plain(_with_counts(found["view"], "completed", statuses))


def batch_files(context: Context) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/file_batches/{batch}/files`."""
    files = _store(context).files
    return context.plain(_page(context, {one: files[one] for one in _batch(context)["file_ids"] if one in files}))


def find_store(context: Context, store_id: object) -> Stored:
    """Find a vector store."""
    return context.stored(context.state.stores, store_id, "Vector store with id '{}' not found.")


def _store(context: Context) -> Stored:
    return find_store(context, context.ids[0])


def _file(context: Context) -> dict[str, Any]:
    problem = f"No file found with id '{{}}' in vector store '{context.ids[0]}'."
    return context.stored(_store(context).files, context.ids[1], problem)


def _batch(context: Context) -> dict[str, Any]:
    problem = f"No file batch found with id '{{}}' in vector store '{context.ids[0]}'."
    return context.stored(_store(context).batches, context.ids[1], problem)


def _add(context: Context, store: Stored, file_id: object, options: dict[str, Any]) -> dict[str, Any]:
    """Put an uploaded file into a store, and return it as the store shows it."""
    file = find_file(context, file_id, "file_id")
    static = as_dict(as_dict(options.get("chunking_strategy")).get("static"))
    checks.check_number(static, "max_chunk_size_tokens", 100, 4096, whole=True)
    chunking = {
        "max_chunk_size_tokens": as_int(static.get("max_chunk_size_tokens")) or 800,
        "chunk_overlap_tokens": as_int(static.get("chunk_overlap_tokens")) or 400,
    }
    view = {
        "id": file.view["id"],
        "object": "vector_store.file",
        "usage_bytes": file.view["bytes"],
        "created_at": context.seed.created,
        "vector_store_id": store.view["id"],
        "status": "completed" if file.text else "failed",
        "last_error": None if file.text else {"code": "unsupported_file", "message": "The file type is not supported."},
        "attributes": as_dict(options.get("attributes")),
        "chunking_strategy": {"type": "static", "static": chunking},
    }
    store.files[view["id"]] = view
    return view


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


def _shown(store: Stored, *, reading: bool = False) -> dict[str, Any]:
    """Write a store with the counts of its files."""
    files = store.files.values()
    size = 0 if reading else sum(view["usage_bytes"] for view in files)
    statuses = ["in_progress" if reading else view["status"] for view in files]
    return _with_counts(
        store.view | {"status": "", "usage_bytes": size}, "in_progress" if reading else "completed", statuses
    )


def _with_counts(view: dict[str, Any], status: str, statuses: list[str]) -> dict[str, Any]:
    counts = {each: statuses.count(each) for each in ("in_progress", "completed", "failed", "cancelled")}
    return view | {"status": status, "file_counts": counts | {"total": len(statuses)}}


def _page(context: Context, files: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    status = context.query.get("filter")
    return page(context, [view for view in files.values() if status in (None, view["status"])])
