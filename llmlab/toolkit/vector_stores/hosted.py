"""Vector stores at OpenAI, which cuts, embeds, stores and searches the files, PDF and Office files too.

Source: OpenAI API reference, "Files", "Vector stores" and "Vector store file batches". Not supported: filters by
attributes, expiry, and the choice of a chunk size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import quote

from llmlab._utils.clock import now
from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError, LLMTimeoutError, StoreNotFoundError
from llmlab.formats import OPENAI_RESPONSES
from llmlab.formats.parsing import cost, items, mapping, number, text
from llmlab.providers import Provider, get_provider
from llmlab.providers.openai import OpenAIProvider
from llmlab.toolkit.vector_stores.documents import HOSTED_TYPES, Document
from llmlab.toolkit.vector_stores.store import Progress, Report, Results, StoredFile, VectorStore
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow, Sleep, run, run_async
from llmlab.types.completion import FileSearchResult

INDEXING_TIMEOUT = 600.0
"""Seconds in which OpenAI must have read the files of one `add`."""

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
"""Seconds between two looks at the batch. They double from one wait to the next."""

_BATCH = 2000
"""Most files that OpenAI takes in one batch."""


class HostedVectorStore(VectorStore):
    """A vector store at OpenAI, from `create`, `open` or `list_stores`. Scores of results are 0 to 1.

    OpenAI bills for stored files: delete the stores that you do not need.

    Args:
        store_id: such as vs_….
        name: for people.
        provider: an OpenAI provider; else a new one.
    """

    file_types: ClassVar[frozenset[str]] = HOSTED_TYPES

    def __init__(self, store_id: str, name: str = "", provider: Provider | None = None) -> None:
        super().__init__(store_id, name, _openai(provider), owned=provider is None)

    @classmethod
    def create(cls, name: str, provider: Provider | None = None) -> Self:
        """Create an empty store."""
        return run(cls._create(name, provider))

    @classmethod
    async def create_async(cls, name: str, provider: Provider | None = None) -> Self:
        """The async twin of `create`."""
        return await run_async(cls._create(name, provider))

    @classmethod
    def open(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """Return an existing store, by its name or its id.

        Raises:
            StoreNotFoundError: there is none; the message names the existing stores.
        """
        return run(cls._open(name_or_id, provider))

    @classmethod
    async def open_async(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """The async twin of `open`."""
        return await run_async(cls._open(name_or_id, provider))

    @classmethod
    def list_stores(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """Return all stores of the account, the newest first."""
        return run(cls._list(provider))

    @classmethod
    async def list_stores_async(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """The async twin of `list_stores`."""
        return await run_async(cls._list(provider))

    def __repr__(self) -> str:
        return f"HostedVectorStore({self.id!r}, {self.name!r})"

    @classmethod
    def _create(cls, name: str, provider: Provider | None) -> Flow[Self]:
        client = _openai(provider)
        if not isinstance(name, str) or not name.strip():
            raise LLMInvalidRequestError("a store needs a name: HostedVectorStore.create('letters')")
        view = yield from _send(client, "POST", "/vector_stores", {"name": name})
        return cls._from_json(view, client, provider)

    @classmethod
    def _open(cls, name_or_id: str, provider: Provider | None) -> Flow[Self]:
        client = _openai(provider)
        views = yield from _list_all(client, "/vector_stores")
        for view in views:
            if name_or_id in (view.get("id"), view.get("name")):
                if view.get("status") == "expired":
                    raise StoreNotFoundError(f"the store {name_or_id!r} has expired. Make a new one and add its files.")
                return cls._from_json(view, client, provider)
        names = ", ".join(text(view.get("name")) or text(view.get("id")) for view in views) or "none"
        raise StoreNotFoundError(
            f"OpenAI has no vector store {name_or_id!r}. There are: {names}. HostedVectorStore.create(name) makes one.",
            provider=client.name,
        )

    @classmethod
    def _list(cls, provider: Provider | None) -> Flow[tuple[Self, ...]]:
        client = _openai(provider)
        views = yield from _list_all(client, "/vector_stores")
        return tuple(cls._from_json(view, client, provider) for view in views)

    @classmethod
    def _from_json(cls, view: Mapping[str, Any], client: Provider, provider: Provider | None) -> Self:
        store = cls(text(view.get("id")), text(view.get("name")), client)
        store._owned = provider is None
        return store

    def _is_searched_by(self, provider: Provider) -> bool:
        return provider.format is OPENAI_RESPONSES and provider.base_url == self._provider.base_url

    @property
    def _path(self) -> str:
        return f"/vector_stores/{quote(self.id, safe='')}"

    def _add(self, documents: tuple[Document, ...], report: Report, new: list[str]) -> Flow[tuple[StoredFile, ...]]:
        before = yield from self._files()
        files = []
        for document in documents:
            upload = {"file": (document.name, document.content)}
            view = yield from _send(self._provider, "POST", "/files", {"purpose": "assistants"}, upload)
            files.append(StoredFile(text(view.get("id")), document.name, len(document.content)))
            new.append(files[-1].id)
            report(Progress("uploading", len(files), len(documents), "files"))
        for start in range(0, len(files), _BATCH):
            yield from self._index(files[start : start + _BATCH], report)
        # From here on the new files stay, even if an old one cannot be deleted.
        new.clear()
        names = {file.name for file in files}
        for file in before:
            if file.name in names:
                yield from _discard(self._provider, f"/files/{file.id}")
        return tuple(files)

    def _index(self, files: list[StoredFile], report: Report) -> Flow[None]:
        """Add uploaded files to the store, and wait until OpenAI has read them."""
        body = {"file_ids": [file.id for file in files]}
        view = yield from _send(self._provider, "POST", f"{self._path}/file_batches", body)
        path, end, wait = f"{self._path}/file_batches/{text(view.get('id'))}", now() + INDEXING_TIMEOUT, _FIRST_WAIT
        while view.get("status") == "in_progress":
            if now() > end:
                raise LLMTimeoutError(
                    f"OpenAI has not read all files in {INDEXING_TIMEOUT:g} s; they were removed again. "
                    "Add fewer at a time.",
                    provider=self._provider.name,
                )
            yield Sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            view = yield from _send(self._provider, "GET", path)
            counts = mapping(view.get("file_counts"))
            report(Progress("indexing", number(counts.get("completed")), len(files), "files"))
        if number(mapping(view.get("file_counts")).get("completed")) < len(files):
            raise self._unread(files, (yield from _list_all(self._provider, f"{path}/files")))

    def _unread(self, files: list[StoredFile], views: list[Mapping[str, Any]]) -> LLMError:
        """Return the error for files that OpenAI could not read."""
        names = {file.id: file.name for file in files}
        reasons, is_server_error = [], False
        for view in views:
            if view.get("status") != "completed":
                problem = mapping(view.get("last_error"))
                reason = text(problem.get("message")) or text(view.get("status"))
                reasons.append(f"{names.get(text(view.get('id')), '?')} ({reason})")
                is_server_error = is_server_error or problem.get("code") == "server_error"
        hint = "Try again later." if is_server_error else "Leave them out, or save them as text."
        kind = LLMAPIError if is_server_error else LLMInvalidRequestError
        return kind(
            f"OpenAI could not read {', '.join(reasons) or 'all files'}. {hint} No file of this add was stored.",
            provider=self._provider.name,
        )

    def _undo(self, new: list[str], error: BaseException) -> Flow[None]:
        left = []
        for file_id in new:
            try:
                yield from _discard(self._provider, f"/files/{file_id}")
            except LLMError:
                left.append(file_id)
        if left:
            error.add_note(f"These files are still at OpenAI and could not be removed: {', '.join(left)}")

    def _search(self, query: str, max_results: int) -> Flow[Results]:
        body = {"query": query, "max_num_results": max_results}
        answer = yield from _send(self._provider, "POST", f"{self._path}/search", body)
        return tuple(
            FileSearchResult(
                "\n".join(text(part.get("text")) for part in items(one.get("content"))),
                cost(one.get("score")) or 0.0,
                text(one.get("filename")),
                text(one.get("file_id")),
            )
            for one in items(answer.get("data"))
        )

    def _files(self) -> Flow[tuple[StoredFile, ...]]:
        views = yield from _list_all(self._provider, f"{self._path}/files")
        if not views:
            return ()
        # The store knows only the ids of its files.
        uploaded = yield from _list_all(self._provider, "/files", "purpose=assistants&")
        by_id = {text(one.get("id")): one for one in uploaded}
        files = [by_id.get(text(one.get("id")), one) for one in reversed(views)]
        return tuple(
            StoredFile(text(one.get("id")), text(one.get("filename")), number(one.get("bytes"))) for one in files
        )

    def _remove(self, file_id: str) -> Flow[None]:
        if not isinstance(file_id, str) or not file_id.strip():
            raise LLMInvalidRequestError(f"a file's id is a text such as file-…, not {file_id!r}. files() lists them.")
        path = f"/files/{quote(file_id, safe='')}"
        yield from _send(self._provider, "GET", f"{self._path}{path}")
        # A deleted file leaves all stores.
        yield from _discard(self._provider, path)

    def _delete(self) -> Flow[None]:
        views = yield from _list_all(self._provider, f"{self._path}/files")
        for path in (self._path, *(f"/files/{text(view.get('id'))}" for view in views)):
            yield from _discard(self._provider, path)


def _openai(provider: Provider | None) -> Provider:
    found = get_provider("openai") if provider is None else provider
    if not isinstance(found, OpenAIProvider):
        raise LLMInvalidRequestError(
            f"{found.name} hosts no vector stores, and openai does. LocalVectorStore(name, provider) needs no service.",
            provider=found.name,
        )
    return found


def _send(
    client: Provider,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    files: Mapping[str, tuple[str, bytes]] | None = None,
) -> Flow[Mapping[str, Any]]:
    return client.post_json(WireRequest(method, path, body, files=files))


def _discard(client: Provider, path: str) -> Flow[None]:
    """Delete something, if it still exists."""
    try:
        yield from _send(client, "DELETE", path)
    except LLMInvalidRequestError as error:
        if error.status_code != 404:
            raise


def _list_all(client: Provider, path: str, query: str = "") -> Flow[list[Mapping[str, Any]]]:
    """Return all items of a list, page by page, the newest first. `query` ends with `&`."""
    found: list[Mapping[str, Any]] = []
    after = ""
    while True:
        page = yield from _send(client, "GET", f"{path}?{query}limit=100{after}")
        found += items(page.get("data"))
        if not page.get("has_more") or not found:
            return found
        after = f"&after={quote(text(found[-1].get('id')))}"
