"""Vector stores at OpenAI, which cuts, embeds, stores and searches the files, PDF and Office files too.

Source: OpenAI API reference, "Files", "Vector stores" and "Vector store file batches". Not supported: filters by
attributes, expiry, and the choice of a chunk size.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, Self
from urllib.parse import quote

from llmlab._utils.clock import now
from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError, LLMTimeoutError, StoreNotFoundError
from llmlab.formats import OPENAI_RESPONSES
from llmlab.formats.parsing import cost, items, mapping, number, text
from llmlab.providers import Provider, get_provider
from llmlab.providers.openai import OpenAIProvider
from llmlab.toolkit.vector_stores.documents import HOSTED_TYPES
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
        client = get_provider("openai") if provider is None else provider
        if not isinstance(client, OpenAIProvider):
            raise LLMInvalidRequestError(
                f"{client.name} hosts no vector stores, and openai does. LocalVectorStore(name, provider) needs no "
                "service.",
                provider=client.name,
            )
        super().__init__(store_id, name, client)
        self._owns_provider = provider is None

    def close(self) -> None:
        """Close the connections that the store opened. Its files stay."""
        if self._owns_provider:
            self._provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        if self._owns_provider:
            await self._provider.aclose()

    @classmethod
    def create(cls, name: str, provider: Provider | None = None) -> Self:
        """Create an empty store."""
        return run(cls("", name, provider)._create())

    @classmethod
    async def create_async(cls, name: str, provider: Provider | None = None) -> Self:
        """The async twin of `create`."""
        return await run_async(cls("", name, provider)._create())

    @classmethod
    def open(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """Return an existing store, by its name or its id.

        Raises:
            StoreNotFoundError: there is none; the message names the existing stores.
        """
        return run(cls(name_or_id, "", provider)._open())

    @classmethod
    async def open_async(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """The async twin of `open`."""
        return await run_async(cls(name_or_id, "", provider)._open())

    @classmethod
    def list_stores(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """Return all stores of the account, the newest first."""
        return run(cls("", "", provider)._list())

    @classmethod
    async def list_stores_async(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """The async twin of `list_stores`."""
        return await run_async(cls("", "", provider)._list())

    def __repr__(self) -> str:
        return f"HostedVectorStore({self.id!r}, {self.name!r})"

    def _create(self) -> Flow[Self]:
        if not isinstance(self.name, str) or not self.name.strip():
            raise LLMInvalidRequestError("a store needs a name: HostedVectorStore.create('letters')")
        return self._from_json((yield from self._send("POST", "/vector_stores", {"name": self.name})))

    def _open(self) -> Flow[Self]:
        views = yield from self._list_all("/vector_stores")
        for view in views:
            if self.id in (view.get("id"), view.get("name")):
                if view.get("status") == "expired":
                    raise StoreNotFoundError(f"the store {self.id!r} has expired. Make a new one and add its files.")
                return self._from_json(view)
        names = ", ".join(text(view.get("name")) or text(view.get("id")) for view in views) or "none"
        raise StoreNotFoundError(
            f"OpenAI has no vector store {self.id!r}. There are: {names}. HostedVectorStore.create(name) makes one.",
            provider=self._provider.name,
        )

    def _list(self) -> Flow[tuple[Self, ...]]:
        views = yield from self._list_all("/vector_stores")
        return tuple(self._from_json(view) for view in views)

    def _from_json(self, view: Mapping[str, Any]) -> Self:
        """Return the store that OpenAI describes, with the provider of this one."""
        store = copy(self)
        store.id, store.name = text(view.get("id")), text(view.get("name"))
        return store

    def _is_searched_by(self, provider: Provider) -> bool:
        return provider.format is OPENAI_RESPONSES and provider.base_url == self._provider.base_url

    @property
    def _path(self) -> str:
        return f"/vector_stores/{quote(self.id, safe='')}"

    def _add(self, documents: dict[str, bytes], report: Report, new: list[str]) -> Flow[tuple[StoredFile, ...]]:
        before = yield from self._files()
        files = []
        for name, content in documents.items():
            upload = WireRequest("POST", "/files", {"purpose": "assistants"}, files={"file": (name, content)})
            view = yield from self._provider.post_json(upload)
            files.append(StoredFile(text(view.get("id")), name, len(content)))
            new.append(files[-1].id)
            report(Progress("uploading", len(files), len(documents), "files"))
        for start in range(0, len(files), _BATCH):
            yield from self._index(files[start : start + _BATCH], report)
        # From here on the new files stay, even if an old one cannot be deleted.
        new.clear()
        names = {file.name for file in files}
        for file in before:
            if file.name in names:
                yield from self._discard(f"/files/{file.id}")
        return tuple(files)

    def _index(self, files: list[StoredFile], report: Report) -> Flow[None]:
        """Add uploaded files to the store, and wait until OpenAI has read them."""
        path = f"{self._path}/file_batches"
        view = yield from self._send("POST", path, {"file_ids": [file.id for file in files]})
        path, end, wait = f"{path}/{text(view.get('id'))}", now() + INDEXING_TIMEOUT, _FIRST_WAIT
        while view.get("status") == "in_progress":
            if now() > end:
                raise LLMTimeoutError(
                    f"OpenAI has not read all files in {INDEXING_TIMEOUT:g} s; they were removed again. "
                    "Add fewer at a time.",
                    provider=self._provider.name,
                )
            yield Sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            view = yield from self._send("GET", path)
            report(Progress("indexing", _completed(view), len(files), "files"))
        if _completed(view) < len(files):
            raise self._unread(files, (yield from self._list_all(f"{path}/files")))

    def _unread(self, files: list[StoredFile], views: list[Mapping[str, Any]]) -> LLMError:
        """Return the error for files that OpenAI could not read."""
        names = {file.id: file.name for file in files}
        reasons: list[str] = []
        kind: type[LLMError] = LLMInvalidRequestError
        hint = "Leave them out, or save them as text."
        for view in views:
            if view.get("status") != "completed":
                problem = mapping(view.get("last_error"))
                reason = text(problem.get("message")) or text(view.get("status"))
                reasons.append(f"{names.get(text(view.get('id')), '?')} ({reason})")
                if problem.get("code") == "server_error":
                    kind, hint = LLMAPIError, "Try again later."
        return kind(
            f"OpenAI could not read {', '.join(reasons) or 'all files'}. {hint} No file of this add was stored.",
            provider=self._provider.name,
        )

    def _undo(self, new: list[str], error: BaseException) -> Flow[None]:
        left = []
        for file_id in new:
            try:
                yield from self._discard(f"/files/{file_id}")
            except LLMError:
                left.append(file_id)
        if left:
            error.add_note(f"These files are still at OpenAI and could not be removed: {', '.join(left)}")

    def _search(self, query: str, max_results: int) -> Flow[Results]:
        body = {"query": query, "max_num_results": max_results}
        answer = yield from self._send("POST", f"{self._path}/search", body)
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
        views = yield from self._list_all(f"{self._path}/files")
        if not views:
            return ()
        # The store knows only the ids of its files.
        uploaded = yield from self._list_all("/files", "purpose=assistants&")
        by_id = {text(one.get("id")): one for one in uploaded}
        files = [by_id.get(text(one.get("id")), one) for one in reversed(views)]
        return tuple(
            StoredFile(text(one.get("id")), text(one.get("filename")), number(one.get("bytes"))) for one in files
        )

    def _remove(self, file_id: str) -> Flow[None]:
        if not isinstance(file_id, str) or not file_id.strip():
            raise LLMInvalidRequestError(f"a file's id is a text such as file-…, not {file_id!r}. files() lists them.")
        path = f"/files/{quote(file_id, safe='')}"
        yield from self._send("GET", f"{self._path}{path}")
        # A deleted file leaves all stores.
        yield from self._discard(path)

    def _delete(self) -> Flow[None]:
        views = yield from self._list_all(f"{self._path}/files")
        for path in (self._path, *(f"/files/{text(view.get('id'))}" for view in views)):
            yield from self._discard(path)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Flow[Mapping[str, Any]]:
        return self._provider.post_json(WireRequest(method, path, body))

    def _discard(self, path: str) -> Flow[None]:
        """Delete something, if it still exists."""
        try:
            yield from self._send("DELETE", path)
        except LLMInvalidRequestError as error:
            if error.status_code != 404:
                raise

    def _list_all(self, path: str, query: str = "") -> Flow[list[Mapping[str, Any]]]:
        """Return all items of a list, page by page, the newest first. `query` ends with `&`."""
        found: list[Mapping[str, Any]] = []
        after = ""
        while True:
            page = yield from self._send("GET", f"{path}?{query}limit=100{after}")
            found += items(page.get("data"))
            if not page.get("has_more") or not found:
                return found
            after = f"&after={quote(text(found[-1].get('id')))}"


def _completed(batch: Mapping[str, Any]) -> int:
    return number(mapping(batch.get("file_counts")).get("completed"))
