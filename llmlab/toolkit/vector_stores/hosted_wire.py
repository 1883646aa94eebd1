"""How OpenAI is asked about files and stores: one request, or all pages of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.parsing import items, text
from llmlab.providers import Provider
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow


def send(
    where: Provider,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    files: Mapping[str, tuple[str, bytes]] | None = None,
) -> Flow[Mapping[str, Any]]:
    """Send a request, with the retries of all others, and return the JSON of its answer.

    Args:
        where: who is asked.
        method: GET, POST or DELETE.
        path: below the base URL.
        body: wire JSON; beside files, the fields of the form.
        files: what is uploaded, by field.
    """
    return (yield from where.post_json(WireRequest(method, path, body, files=files)))


def discard(where: Provider, path: str) -> Flow[None]:
    """Delete something. What is gone already is as good."""
    try:
        yield from send(where, "DELETE", path)
    except LLMInvalidRequestError as error:
        if error.status_code != 404:
            raise


def every(where: Provider, path: str, query: str = "") -> Flow[list[Mapping[str, Any]]]:
    """Return all items of a list, page by page, the newest first.

    Args:
        where: who is asked.
        path: of the list.
        query: fields of the query, each with an & behind it.
    """
    found: list[Mapping[str, Any]] = []
    after = ""
    while True:
        page = yield from send(where, "GET", f"{path}?{query}limit=100{after}")
        found += items(page.get("data"))
        if not page.get("has_more") or not found:
            return found
        after = f"&after={quote(text(found[-1].get('id')))}"
