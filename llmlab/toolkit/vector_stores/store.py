"""What every vector store can do: take files, find what they say about a question, and have a model answer from it.

Each thing is written once, as a flow, and driven sync or async. The two kinds of store say what is different: where the
files go, and who searches.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.errors import LLMInvalidRequestError
from llmlab.providers import Provider
from llmlab.toolkit.vector_stores.documents import Document, Source, read_documents
from llmlab.toolkit.vector_stores.prompt import Found, as_prompt, sourced
from llmlab.toolkit.vector_stores.streams import AnswerStream, AsyncAnswerStream, Opened
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion, FileSearchResult
from llmlab.types.messages import Message
from llmlab.types.options import FileSearch

MOST_RESULTS = 50
"""Results of a search at most, as OpenAI allows."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a store.

    Args:
        id: what the store calls it.
        name: the file's name.
        size: bytes of the file.
    """

    id: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the adding of files has come. `str(progress)` is a line to print.

    Args:
        stage: what is done at the moment.
        done: how many are through this stage.
        total: how many there are.
        unit: of what.
    """

    stage: Literal["uploading", "indexing", "embedding"]
    done: int
    total: int
    unit: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.done} of {self.total} {self.unit}"


Report: TypeAlias = Callable[[Progress], object]


class VectorStore(Closing, AsyncClosing):
    """Files that can be searched by meaning. `HostedVectorStore` and `LocalVectorStore` are such stores.

    Args:
        store_id: what it is known by.
        name: for people.
        provider: whose connections are used.
        owned: whether they are closed with the store.
    """

    file_types: ClassVar[frozenset[str]]
    """Endings of the files that it takes."""

    def __init__(self, store_id: str, name: str, provider: Provider, *, owned: bool = False) -> None:
        self.id = store_id
        self.name = name
        self._provider = provider
        self._owned = owned

    # What a store says for itself

    @abstractmethod
    def _add(self, documents: tuple[Document, ...], report: Report, new: list[str]) -> Flow[tuple[StoredFile, ...]]:
        """Add documents. `new` holds the ids of what would be left behind if this failed now."""

    @abstractmethod
    def _undo(self, new: list[str], error: BaseException) -> Flow[None]:
        """Remove what an `add` that failed has left behind."""

    @abstractmethod
    def _search(self, query: str, max_results: int) -> Flow[tuple[FileSearchResult, ...]]: ...
    @abstractmethod
    def _files(self) -> Flow[tuple[StoredFile, ...]]: ...
    @abstractmethod
    def _remove(self, file_id: str) -> Flow[None]: ...
    @abstractmethod
    def _delete(self) -> Flow[None]: ...

    def _is_searched_by(self, provider: Provider) -> bool:
        """Whether a provider's own service searches this store while it answers."""
        return False

    # What everybody can do with it

    def add(self, sources: Source | Iterable[Source], *, progress: Report | None = None) -> tuple[StoredFile, ...]:
        """Add files, all or none. A file takes the place of an earlier one of its name.

        Args:
            sources: paths, or texts by name: `add("menu.txt")`, `add(folder.glob("*.md"))`, `add({"notes": text})`.
            progress: called with a `Progress` after each step; `print` will do.

        Raises:
            LLMInvalidRequestError: a file is missing, empty, no UTF-8, or of a type that the store does not take.
            LLMError: the service failed. What had been uploaded is removed again; only a file whose upload got no
                answer may have arrived all the same.
        """
        documents, new = read_documents(sources, self.file_types), list[str]()
        try:
            return self._provider.run(self._add(documents, progress or _quiet, new))
        except BaseException as error:
            self._provider.run(self._undo(new, error))
            raise

    async def add_async(
        self, sources: Source | Iterable[Source], *, progress: Report | None = None
    ) -> tuple[StoredFile, ...]:
        """The async twin of `add`. The files are read in a thread."""
        documents, new = await asyncio.to_thread(read_documents, sources, self.file_types), list[str]()
        try:
            return await self._provider.run_async(self._add(documents, progress or _quiet, new))
        except BaseException as error:
            await self._provider.run_async(self._undo(new, error))
            raise

    def search(self, query: str, max_results: int = 10) -> tuple[FileSearchResult, ...]:
        """Return the pieces of the files that are nearest to a question, the nearest first.

        Args:
            query: a question, or a few words.
            max_results: 1 to 50.

        Raises:
            LLMInvalidRequestError: for an empty query or another number.
            StoreNotFoundError: the store was deleted.
        """
        _check(query, max_results)
        return self._provider.run(self._search(query, max_results))

    async def search_async(self, query: str, max_results: int = 10) -> tuple[FileSearchResult, ...]:
        """The async twin of `search`."""
        _check(query, max_results)
        return await self._provider.run_async(self._search(query, max_results))

    def answer(self, provider: Provider, question: str, max_results: int = 10, **options: Any) -> Completion:
        """Have a model answer from the files. `.file_search_results` of the answer holds what it was given to read.

        OpenAI searches its own stores while it answers. For everybody else the store is searched first, and what was
        found is sent along with the question.

        Args:
            provider: who answers; it need not be the one that embeds.
            question: what to answer.
            max_results: 1 to 50.
            options: as in `complete`.
        """
        _check_asking(provider, question, max_results, options)
        found = None if self._is_searched_by(provider) else self.search(question, max_results)
        prompt, more = self._asked(question, max_results, found)
        return sourced(found)(provider.complete(prompt, **more, **options))

    async def answer_async(
        self, provider: Provider, question: str, max_results: int = 10, **options: Any
    ) -> Completion:
        """The async twin of `answer`."""
        _check_asking(provider, question, max_results, options)
        found = None if self._is_searched_by(provider) else await self.search_async(question, max_results)
        prompt, more = self._asked(question, max_results, found)
        return sourced(found)(await provider.complete_async(prompt, **more, **options))

    def answer_stream(
        self, provider: Provider, question: str, max_results: int = 10, **options: Any
    ) -> AnswerStream[Completion]:
        """Do what `answer` does, piece by piece. After the end, `.result` is the whole answer with its sources."""
        _check_asking(provider, question, max_results, options)
        found = None if self._is_searched_by(provider) else self.search(question, max_results)
        prompt, more = self._asked(question, max_results, found)
        return AnswerStream(provider.complete_stream(prompt, **more, **options), sourced(found))

    def answer_stream_async(
        self, provider: Provider, question: str, max_results: int = 10, **options: Any
    ) -> AsyncAnswerStream[Completion]:
        """The async twin of `answer_stream`, for `async for` or `async with`."""
        _check_asking(provider, question, max_results, options)

        async def opening() -> Opened[Completion]:
            found = None if self._is_searched_by(provider) else await self.search_async(question, max_results)
            prompt, more = self._asked(question, max_results, found)
            return await provider.complete_stream_async(prompt, **more, **options), sourced(found)

        return AsyncAnswerStream(opening)

    def files(self) -> tuple[StoredFile, ...]:
        """Return the files in the store, the oldest first."""
        return self._provider.run(self._files())

    async def files_async(self) -> tuple[StoredFile, ...]:
        """The async twin of `files`."""
        return await self._provider.run_async(self._files())

    def remove(self, file_id: str) -> None:
        """Take a file out of the store, and delete it.

        Raises:
            LLMInvalidRequestError: the store has no such file.
        """
        self._provider.run(self._remove(file_id))

    async def remove_async(self, file_id: str) -> None:
        """The async twin of `remove`."""
        await self._provider.run_async(self._remove(file_id))

    def delete(self) -> None:
        """Delete the store and its files. There is no way back."""
        self._provider.run(self._delete())

    async def delete_async(self) -> None:
        """The async twin of `delete`."""
        await self._provider.run_async(self._delete())

    # Opening and closing

    def close(self) -> None:
        """Close what the store has opened itself. Its files stay."""
        if self._owned:
            self._provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        if self._owned:
            await self._provider.aclose()

    def _asked(self, question: str, max_results: int, found: Found) -> tuple[list[Message], dict[str, Any]]:
        """Return a question as a prompt, and what `complete` needs beside it."""
        more = {"file_search": FileSearch((self.id,), max_results)} if found is None else {}
        return as_prompt(question, found), more


def _check(query: str, max_results: int) -> None:
    if not isinstance(query, str) or not query.strip():
        raise LLMInvalidRequestError("a search needs a question, or a few words")
    if not isinstance(max_results, int) or isinstance(max_results, bool) or not 1 <= max_results <= MOST_RESULTS:
        raise LLMInvalidRequestError(
            f"max_results must be a whole number from 1 to {MOST_RESULTS}, not {max_results!r}"
        )


def _check_asking(provider: Provider, question: str, max_results: int, options: dict[str, Any]) -> None:
    """Refuse what would be refused later, after a search that costs something."""
    _check(question, max_results)
    if "file_search" in options:
        raise LLMInvalidRequestError("answer searches this store by itself; leave file_search out")
    provider.request(question, **options)


def _quiet(progress: Progress) -> None:
    """Report to nobody."""
