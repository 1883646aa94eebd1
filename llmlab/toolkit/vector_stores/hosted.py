"""Vector stores that OpenAI hosts: it cuts, embeds, keeps and searches, and reads PDF and Office files, too.

Source: OpenAI API reference, "Files", "Vector stores" and "Vector store file batches". Left out: filters by attributes,
expiry, and the choice of a chunk size.
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
from llmlab.toolkit.vector_stores.hosted_wire import discard, every, send
from llmlab.toolkit.vector_stores.store import Progress, Report, StoredFile, VectorStore
from llmlab.transport.driver import Flow, Sleep
from llmlab.types.completion import FileSearchResult

PATIENCE = 600.0
"""Seconds in which OpenAI must have read the files of one `add`."""

_FIRST_LOOK, _LONGEST_WAIT = 0.5, 5.0
"""Seconds between two looks at whether it has; they double from one to the other."""

_TOGETHER = 2000
"""Files that OpenAI takes in one batch."""


class HostedVectorStore(VectorStore):
    """A vector store at OpenAI. `create`, `open` and `list_stores` give you one; scores of results are 0 to 1.

    OpenAI bills for what is kept: delete the stores that you do not need.

    Args:
        store_id: such as vs_….
        name: for people.
        provider: an OpenAI provider; else the usual one.
    """

    file_types: ClassVar[frozenset[str]] = HOSTED_TYPES

    def __init__(self, store_id: str, name: str = "", provider: Provider | None = None) -> None:
        super().__init__(store_id, name, _openai(provider), owned=provider is None)

    @classmethod
    def create(cls, name: str, provider: Provider | None = None) -> Self:
        """Make a new store, empty."""
        where = _openai(provider)
        return cls._of(where.run(_create(where, name)), where, provider)

    @classmethod
    async def create_async(cls, name: str, provider: Provider | None = None) -> Self:
        """The async twin of `create`."""
        where = _openai(provider)
        return cls._of(await where.run_async(_create(where, name)), where, provider)

    @classmethod
    def open(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """Return a store that there is, by its name or its id.

        Raises:
            StoreNotFoundError: there is none; the message names those that there are.
        """
        where = _openai(provider)
        return cls._of(where.run(_find(where, name_or_id)), where, provider)

    @classmethod
    async def open_async(cls, name_or_id: str, provider: Provider | None = None) -> Self:
        """The async twin of `open`."""
        where = _openai(provider)
        return cls._of(await where.run_async(_find(where, name_or_id)), where, provider)

    @classmethod
    def list_stores(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """Return all stores of the account, the newest first."""
        where = _openai(provider)
        return tuple(cls._of(one, where, provider) for one in where.run(every(where, "/vector_stores")))

    @classmethod
    async def list_stores_async(cls, provider: Provider | None = None) -> tuple[Self, ...]:
        """The async twin of `list_stores`."""
        where = _openai(provider)
        found = await where.run_async(every(where, "/vector_stores"))
        return tuple(cls._of(one, where, provider) for one in found)

    def __repr__(self) -> str:
        return f"HostedVectorStore({self.id!r}, {self.name!r})"

    @classmethod
    def _of(cls, view: Mapping[str, Any], where: Provider, given: Provider | None) -> Self:
        store = cls(text(view.get("id")), text(view.get("name")), where)
        store._owned = given is None
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
            body = {"purpose": "assistants"}
            uploaded = {"file": (document.name, document.content)}
            view = yield from send(self._provider, "POST", "/files", body, uploaded)
            files.append(StoredFile(text(view.get("id")), document.name, len(document.content)))
            new.append(files[-1].id)
            report(Progress("uploading", len(files), len(documents), "files"))
        for start in range(0, len(files), _TOGETHER):
            yield from self._index(files[start : start + _TOGETHER], report)
        # From here on the new files stay, whatever becomes of the old ones.
        new.clear()
        names = {file.name for file in files}
        for file in before:
            if file.name in names:
                yield from discard(self._provider, f"/files/{file.id}")
        return tuple(files)

    def _index(self, files: list[StoredFile], report: Report) -> Flow[None]:
        """Hand uploaded files to the store, and wait until it has read them."""
        body = {"file_ids": [file.id for file in files]}
        view = yield from send(self._provider, "POST", f"{self._path}/file_batches", body)
        path, end, wait = f"{self._path}/file_batches/{text(view.get('id'))}", now() + PATIENCE, _FIRST_LOOK
        while view.get("status") == "in_progress":
            if now() > end:
                raise LLMTimeoutError(
                    f"OpenAI has not read all files in {PATIENCE:g} s; they were removed again. Add fewer at a time.",
                    provider=self._provider.name,
                )
            yield Sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            view = yield from send(self._provider, "GET", path)
            counts = mapping(view.get("file_counts"))
            report(Progress("indexing", number(counts.get("completed")), len(files), "files"))
        if number(mapping(view.get("file_counts")).get("completed")) < len(files):
            raise self._unread(files, (yield from every(self._provider, f"{path}/files")))

    def _unread(self, files: list[StoredFile], views: list[Mapping[str, Any]]) -> LLMError:
        """Return the error for files that OpenAI could not read."""
        names = {file.id: file.name for file in files}
        reasons, broken = [], False
        for view in views:
            if view.get("status") != "completed":
                problem = mapping(view.get("last_error"))
                reason = text(problem.get("message")) or text(view.get("status"))
                reasons.append(f"{names.get(text(view.get('id')), '?')} ({reason})")
                broken = broken or problem.get("code") == "server_error"
        step = "Try again later." if broken else "Leave them out, or save them as text."
        kind = LLMAPIError if broken else LLMInvalidRequestError
        return kind(
            f"OpenAI could not read {', '.join(reasons) or 'all files'}. {step} Of this add, nothing was kept.",
            provider=self._provider.name,
        )

    def _undo(self, new: list[str], error: BaseException) -> Flow[None]:
        left = []
        for file_id in new:
            try:
                yield from discard(self._provider, f"/files/{file_id}")
            except LLMError:
                left.append(file_id)
        if left:
            error.add_note(f"These files are still at OpenAI and could not be removed: {', '.join(left)}")

    def _search(self, query: str, max_results: int) -> Flow[tuple[FileSearchResult, ...]]:
        body = {"query": query, "max_num_results": max_results}
        answer = yield from send(self._provider, "POST", f"{self._path}/search", body)
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
        there = yield from every(self._provider, f"{self._path}/files")
        if not there:
            return ()
        # The store knows its files by their ids only.
        uploaded = yield from every(self._provider, "/files", "purpose=assistants&")
        named = {text(one.get("id")): one for one in uploaded}
        views = [named.get(text(one.get("id")), one) for one in reversed(there)]
        return tuple(
            StoredFile(text(one.get("id")), text(one.get("filename")), number(one.get("bytes"))) for one in views
        )

    def _remove(self, file_id: str) -> Flow[None]:
        if not isinstance(file_id, str) or not file_id.strip():
            raise LLMInvalidRequestError(f"a file's id is a text such as file-…, not {file_id!r}. files() names them.")
        place = f"/files/{quote(file_id, safe='')}"
        yield from send(self._provider, "GET", f"{self._path}{place}")
        # A file that is deleted leaves all stores.
        yield from discard(self._provider, place)

    def _delete(self) -> Flow[None]:
        there = yield from every(self._provider, f"{self._path}/files")
        yield from discard(self._provider, self._path)
        for one in there:
            yield from discard(self._provider, f"/files/{text(one.get('id'))}")


def _openai(provider: Provider | None) -> Provider:
    found = get_provider("openai") if provider is None else provider
    if not isinstance(found, OpenAIProvider):
        raise LLMInvalidRequestError(
            f"{found.name} hosts no vector stores, and openai does. LocalVectorStore(name, provider) needs no service.",
            provider=found.name,
        )
    return found


def _create(where: Provider, name: str) -> Flow[Mapping[str, Any]]:
    if not isinstance(name, str) or not name.strip():
        raise LLMInvalidRequestError("a store needs a name: HostedVectorStore.create('letters')")
    return (yield from send(where, "POST", "/vector_stores", {"name": name}))


def _find(where: Provider, name_or_id: str) -> Flow[Mapping[str, Any]]:
    there = yield from every(where, "/vector_stores")
    for view in there:
        if name_or_id in (view.get("id"), view.get("name")):
            if view.get("status") == "expired":
                raise StoreNotFoundError(f"the store {name_or_id!r} has expired. Make a new one and add its files.")
            return view
    names = ", ".join(text(view.get("name")) or text(view.get("id")) for view in there) or "none"
    raise StoreNotFoundError(
        f"OpenAI has no vector store {name_or_id!r}. There are: {names}. HostedVectorStore.create(name) makes one.",
        provider=where.name,
    )
