"""OpenAI's vector stores: made, listed, changed, deleted, and searched for what their files really say.

Left out: expiry, and the rewriting of queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator import retrieval
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.seed import HEX
from llmlab.lab.simulator.state import State, Store
from llmlab.lab.simulator.store_files import add, find_store
from llmlab.lab.wire.messages import TapeAnswer

_MOST_RESULTS = 50


def create(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores`."""
    body = as_dict(ask.json)
    checks.check_array(body, "file_ids", "an array of strings")
    made = ask.seed.created
    store = Store(
        {
            "id": ask.state.new_id(ask.seed, "vs_", 32, HEX),
            "object": "vector_store",
            "created_at": made,
            "name": as_str(body.get("name")) or None,
            "description": as_str(body.get("description")) or None,
            "expires_after": as_dict(body.get("expires_after")) or None,
            "expires_at": None,
            "last_active_at": made,
            "metadata": checks.metadata(body) or {},
        }
    )
    for file_id in as_list(body.get("file_ids")):
        add(ask, store, file_id, body)
    ask.state.stores[store.view["id"]] = store
    return ask.plain(shown(store, working=bool(store.files)), 0.4)


def stores(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores`."""
    return ask.plain(page(ask, [shown(store) for store in ask.state.stores.values()]))


def store(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/vector_stores/{id}`."""
    return ask.plain(shown(find_store(ask.state, ask.names[0])))


def update(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}`, which changes the name, the metadata or the expiry."""
    found, body = find_store(ask.state, ask.names[0]), ask.body
    changed: dict[str, Any] = {}
    if "metadata" in body:
        changed["metadata"] = checks.metadata(body) or {}
    if "name" in body:
        changed["name"] = as_str(body["name"]) or None
    if "expires_after" in body:
        changed["expires_after"] = as_dict(body["expires_after"]) or None
    found.view = found.view | changed
    return ask.plain(shown(found))


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/v1/vector_stores/{id}`; its files stay where they were uploaded."""
    found = find_store(ask.state, ask.names[0])
    del ask.state.stores[found.view["id"]]
    return ask.plain({"id": found.view["id"], "object": "vector_store.deleted", "deleted": True})


def search(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/vector_stores/{id}/search`."""
    body, found = ask.body, find_store(ask.state, ask.names[0])
    query = body.get("query")
    if query is None:
        raise checks.missing("query")
    if not isinstance(query, (str, list)):
        raise checks.wrong_type("query", "one of a string or array of strings", query)
    queries = [query] if isinstance(query, str) else [text for text in query if isinstance(text, str)]
    results = look(ask.state, [found], " ".join(queries), body, 10)
    data = [result(one) | {"content": [{"type": "text", "text": one.text}]} for one in results]
    shown_query = query if isinstance(query, str) else queries
    head = {"object": "vector_store.search_results.page", "search_query": shown_query}
    return ask.plain(head | {"data": data, "has_more": False, "next_page": None}, 0.3)


def look(
    state: State, stores: Iterable[Store], query: str, options: dict[str, Any], otherwise: int
) -> list[retrieval.Passage]:
    """Find what stores say about a question.

    Args:
        state: where the files are.
        stores: which stores to look into.
        query: the question.
        options: `max_num_results`, `filters` and `ranking_options`, as in a request.
        otherwise: how many results there are at most when the options do not say.

    Raises:
        Refused: 400 for a number of results that is not allowed.
    """
    checks.check_integer(options, "max_num_results", 1, _MOST_RESULTS)
    threshold = as_number(as_dict(options.get("ranking_options")).get("score_threshold")) or 0.0
    passages = [
        retrieval.Passage(file_id, state.files[file_id].view["filename"], view["attributes"], text)
        for store in stores
        for file_id, view in store.files.items()
        if retrieval.matches(view["attributes"], options.get("filters"))
        for text in retrieval.chunks(state.files[file_id].text or "", _chunk_size(view))
    ]
    return retrieval.rank(query, passages, as_int(options.get("max_num_results")) or otherwise, threshold)


def result(one: retrieval.Passage) -> dict[str, Any]:
    """Show a passage as a result of a search, without its text."""
    return {
        "file_id": one.file_id,
        "filename": one.filename,
        "score": one.score,
        "attributes": dict(one.attributes),
    }


def shown(store: Store, *, working: bool = False) -> dict[str, Any]:
    """Show a store with the count of its files; right after it was made they are still being read."""
    failed = 0 if working else sum(view["status"] == "failed" for view in store.files.values())
    done = 0 if working else len(store.files) - failed
    counts = {"in_progress": len(store.files) - done - failed, "completed": done, "failed": failed, "cancelled": 0}
    return {
        **store.view,
        "status": "in_progress" if working else "completed",
        "usage_bytes": 0 if working else sum(view["usage_bytes"] for view in store.files.values()),
        "file_counts": counts | {"total": len(store.files)},
    }


def _chunk_size(view: dict[str, Any]) -> int:
    return int(view["chunking_strategy"]["static"]["max_chunk_size_tokens"])
