"""The files of a vector store, one by one or in batches.

Whatever is added says `in_progress` in the answer that adds it, and `completed` from then on.
"""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import files
from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, dicts
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.retrieval import chunks
from llmlab.lab.simulator.seed import HEX
from llmlab.lab.simulator.state import State, Store
from llmlab.lab.wire.messages import TapeAnswer

_CHUNK, _OVERLAP = 800, 400


def create(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/files`."""
    store, body = _store(ask), ask.body
    if not body.get("file_id"):
        raise checks.missing("file_id")
    return ask.plain({**add(ask, store, body["file_id"], body), "status": "in_progress", "usage_bytes": 0}, 0.5)


def listed(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/files`; the query may `filter` by status."""
    return ask.plain(_page(ask, list(_store(ask).files.values())))


def one(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/files/{file}`."""
    return ask.plain(_file(ask))


def update(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/files/{file}`, which changes the attributes."""
    view = _file(ask) | {"attributes": as_dict(ask.body.get("attributes"))}
    _store(ask).files[view["id"]] = view
    return ask.plain(view)


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/v1/vector_stores/{id}/files/{file}`; the uploaded file stays."""
    view = _file(ask)
    del _store(ask).files[view["id"]]
    return ask.plain({"id": view["id"], "object": "vector_store.file.deleted", "deleted": True})


def content(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/files/{file}/content`: the text, chunk by chunk."""
    view = _file(ask)
    size = view["chunking_strategy"]["static"]["max_chunk_size_tokens"]
    data = [{"type": "text", "text": text} for text in chunks(ask.state.files[view["id"]].text or "", size)]
    head = {"object": "vector_store.file_content.page", "data": data}
    return ask.plain(head | {"has_more": False, "next_page": None})


def create_batch(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/file_batches`."""
    store, body = _store(ask), ask.body
    # Either ids with the same settings for all, or a list of files, each with its own.
    given = dicts(body.get("files")) or [body | {"file_id": one} for one in as_list(body.get("file_ids"))]
    if not given:
        raise checks.missing("file_ids")
    ids = [add(ask, store, each.get("file_id"), each)["id"] for each in given]
    batch = {
        "id": ask.state.new_id(ask.seed, "vsfb_", 32, HEX),
        "object": "vector_store.files_batch",
        "created_at": ask.seed.created,
        "vector_store_id": store.view["id"],
        "file_ids": ids,
    }
    store.batches[batch["id"]] = batch
    return ask.plain(_batch_shown(batch, "in_progress", ["in_progress"] * len(ids)), 0.6)


def batch(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/file_batches/{batch}`, and a POST to its `/cancel`: too late, it is done."""
    found, there = _batch(ask), _store(ask).files
    # A file that was taken out since then had been read.
    statuses = [there[file_id]["status"] if file_id in there else "completed" for file_id in found["file_ids"]]
    return ask.plain(_batch_shown(found, "completed", statuses))


def batch_files(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}/file_batches/{batch}/files`."""
    there = _store(ask).files
    return ask.plain(_page(ask, [there[file_id] for file_id in _batch(ask)["file_ids"] if file_id in there]))


def add(ask: Ask, store: Store, file_id: object, options: dict[str, Any]) -> dict[str, Any]:
    """Put an uploaded file into a store, and give it as the store shows it.

    Args:
        ask: the request that does it.
        store: the store.
        file_id: the uploaded file's id.
        options: `attributes` and `chunking_strategy`, as in a request.

    Raises:
        Refused: there is no such file, or its chunks have a size that is not allowed.
    """
    file = files.find(ask, file_id, param="file_id")
    static = as_dict(as_dict(options.get("chunking_strategy")).get("static"))
    checks.check_integer(static, "max_chunk_size_tokens", 100, 4096)
    text = file.text
    view = {
        "id": file.view["id"],
        "object": "vector_store.file",
        "usage_bytes": file.view["bytes"],
        "created_at": ask.seed.created,
        "vector_store_id": store.view["id"],
        "status": "completed" if text else "failed",
        "last_error": None if text else {"code": "unsupported_file", "message": "The file type is not supported."},
        "attributes": as_dict(options.get("attributes")),
        "chunking_strategy": {
            "type": "static",
            "static": {
                "max_chunk_size_tokens": as_int(static.get("max_chunk_size_tokens")) or _CHUNK,
                "chunk_overlap_tokens": as_int(static.get("chunk_overlap_tokens")) or _OVERLAP,
            },
        },
    }
    store.files[view["id"]] = view
    return view


def find_store(state: State, store_id: object) -> Store:
    """Find a vector store.

    Raises:
        Refused: 404, there is none with this id.
    """
    found = state.stores.get(store_id) if isinstance(store_id, str) else None
    if found is None:
        raise Refused(404, f"Vector store with id '{store_id}' not found.")
    return found


def _store(ask: Ask) -> Store:
    return find_store(ask.state, ask.names[0])


def _file(ask: Ask) -> dict[str, Any]:
    view = _store(ask).files.get(ask.names[1])
    if view is None:
        raise Refused(404, f"No file found with id '{ask.names[1]}' in vector store '{ask.names[0]}'.")
    return view


def _batch(ask: Ask) -> dict[str, Any]:
    found = _store(ask).batches.get(ask.names[1])
    if found is None:
        raise Refused(404, f"No file batch found with id '{ask.names[1]}' in vector store '{ask.names[0]}'.")
    return found


def _batch_shown(batch: dict[str, Any], status: str, statuses: list[str]) -> dict[str, Any]:
    shown = {name: value for name, value in batch.items() if name != "file_ids"}
    counts = {each: statuses.count(each) for each in ("in_progress", "completed", "failed", "cancelled")}
    return shown | {"status": status, "file_counts": counts | {"total": len(statuses)}}


def _page(ask: Ask, views: list[dict[str, Any]]) -> dict[str, Any]:
    wanted = ask.query.get("filter")
    return page(ask, [view for view in views if wanted in (None, view["status"])])
