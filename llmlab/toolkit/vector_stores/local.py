"""A vector store that needs no service: texts are cut and embedded here, and kept in memory, in a folder, or in Qdrant.

    store = LocalVectorStore("letters", get_provider("ollama"), folder="stores")

From a folder the way up is Qdrant's server, which holds millions of texts and serves many processes: start it with
`docker run -p 6333:6333 qdrant/qdrant`, and give `url="http://localhost:6333"` in place of `folder`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from llmlab.errors import ConfigurationError, LLMInvalidRequestError, ModelNotFoundError, StoreNotFoundError
from llmlab.providers import Provider
from llmlab.toolkit.vector_stores.chunks import OVERLAP, SIZE, check_sizes, split_text
from llmlab.toolkit.vector_stores.documents import LOCAL_TYPES, Document
from llmlab.toolkit.vector_stores.qdrant import Engine, open_engine
from llmlab.toolkit.vector_stores.store import Progress, Report, StoredFile, VectorStore
from llmlab.transport.driver import Flow, Wait
from llmlab.types.completion import FileSearchResult

Result = TypeVar("Result")


class LocalVectorStore(VectorStore):
    """Files in pieces, each with its embedding. Whoever opens a name again finds its files again.

    Scores of results are cosine similarities, -1 to 1. What another provider answers about them is its own.

    Args:
        name: of the store.
        provider: who embeds.
        model: its model for embeddings; else the one that the store was begun with, or the provider's usual one.
        folder: where it is kept; without a folder, in memory, until it is closed. Open no stranger's folder:
            Qdrant keeps pickles in it, which can run any code when they are read.
        url: a Qdrant server to keep it in; the variable QDRANT_API_KEY holds its key, where it has one.
        chunk_size: characters of a piece at most; 4 characters are about a token.
        chunk_overlap: characters at most that a piece repeats of the one before.

    Raises:
        LLMInvalidRequestError: the provider has no embeddings.
        ConfigurationError: the sizes make no sense, or another process has the folder open.
    """

    file_types: ClassVar[frozenset[str]] = LOCAL_TYPES

    def __init__(
        self,
        name: str,
        provider: Provider,
        *,
        model: str | None = None,
        folder: str | os.PathLike[str] | None = None,
        url: str | None = None,
        chunk_size: int = SIZE,
        chunk_overlap: int = OVERLAP,
    ) -> None:
        check_sizes(chunk_size, chunk_overlap)
        if not isinstance(name, str) or not name.strip() or set(name) & set('/\\:*?"<>|\0'):
            raise ConfigurationError(f"a store's name is words without / and the like, not {name!r}")
        self._asked_model = model
        self._usual_model = model or provider.embedding_model()
        self._sizes = (chunk_size, chunk_overlap)
        self._deleted = False
        self._was_there = False
        super().__init__(name, name, provider)
        self._engine: Engine | None = open_engine(folder, url)

    def close(self) -> None:
        """Close the store. In a folder or a server its files stay; in memory they are gone."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    async def aclose(self) -> None:
        """The async twin of `close`."""
        self.close()

    def __repr__(self) -> str:
        return f"LocalVectorStore({self.name!r}, {self._provider.name})"

    def _add(self, documents: tuple[Document, ...], report: Report, new: list[str]) -> Flow[tuple[StoredFile, ...]]:
        files = tuple(StoredFile(_file_id(one.name), one.name, len(one.content)) for one in documents)
        texts, payloads = [], []
        for document, file in zip(documents, files, strict=True):
            for text in split_text(document.text, *self._sizes):
                texts.append(text)
                payloads.append({"file_id": file.id, "file_name": file.name, "size": file.size, "text": text})

        def embedded_so_far(done: int) -> None:
            report(Progress("embedding", done, len(texts), "pieces"))

        about = yield from self._about()
        model = self._model(about)
        vectors = yield from self._embedded(texts, about, embedded_so_far)
        # All is written at once, so that nothing is half there if embedding fails.
        engine = self._opened()
        yield from _aside(lambda: engine.write(self.name, {"embedding_model": model}, vectors, payloads))
        self._was_there = True
        return files

    def _undo(self, new: list[str], error: BaseException) -> Flow[None]:
        # The engine has done so.
        yield from ()

    def _search(self, query: str, max_results: int) -> Flow[tuple[FileSearchResult, ...]]:
        about = yield from self._about()
        if about is None:
            return ()
        (vector,) = yield from self._embedded([query], about)
        engine = self._opened()
        found = yield from _aside(lambda: engine.nearest(self.name, vector, max_results))
        return tuple(
            FileSearchResult(payload["text"], round(score, 4), payload["file_name"], payload["file_id"])
            for score, payload in found
        )

    def _files(self) -> Flow[tuple[StoredFile, ...]]:
        if (yield from self._about()) is None:
            return ()
        engine = self._opened()
        payloads = yield from _aside(lambda: engine.payloads(self.name))
        found = {one["file_id"]: StoredFile(one["file_id"], one["file_name"], one["size"]) for one in payloads}
        return tuple(sorted(found.values(), key=lambda file: file.name))

    def _remove(self, file_id: str) -> Flow[None]:
        if file_id not in {file.id for file in (yield from self._files())}:
            raise LLMInvalidRequestError(
                f"the store {self.name!r} has no file {file_id!r}. files() names those it has."
            )
        engine = self._opened()
        yield from _aside(lambda: engine.remove(self.name, file_id))

    def _delete(self) -> Flow[None]:
        engine = self._opened()
        yield from _aside(lambda: engine.delete(self.name))
        self._deleted = True

    def _embedded(
        self, texts: list[str], about: Any, report: Callable[[int], None] | None = None
    ) -> Flow[list[list[float]]]:
        try:
            return (yield from self._provider.embed_flow(texts, self._model(about), report))
        except ModelNotFoundError as error:
            if about is None:
                raise
            raise ConfigurationError(
                f"{error.message} The files of {self.name!r} were embedded with it: give the provider that has it, or "
                "begin another store."
            ) from error

    def _about(self) -> Flow[Any]:
        """Return what is known of the store; None if it has no file yet."""
        engine = self._opened()
        about = yield from _aside(lambda: engine.about(self.name))
        if about is None and self._was_there:
            raise StoreNotFoundError(
                f"the store {self.name!r} was deleted meanwhile. Make a new one: LocalVectorStore(name, provider)."
            )
        self._was_there = about is not None
        return about

    def _opened(self) -> Engine:
        if self._deleted:
            raise StoreNotFoundError(
                f"the store {self.name!r} was deleted. Make a new one: LocalVectorStore(name, provider)."
            )
        if self._engine is None:
            raise StoreNotFoundError(f"the store {self.name!r} is closed. Open it again: LocalVectorStore(name, …).")
        return self._engine

    def _model(self, about: Any) -> str:
        """Return the model that embeds, which must be that of everything in the store.

        Raises:
            ConfigurationError: another one is asked for.
        """
        begun_with = (about or {}).get("embedding_model", self._usual_model)
        if self._asked_model not in (None, begun_with):
            raise ConfigurationError(
                f"the files of {self.name!r} were embedded with {begun_with}, and vectors of two models cannot be "
                f"compared. Leave model={self._asked_model!r} out, or begin another store."
            )
        return str(begun_with)


@dataclass(slots=True)
class _Job(Generic[Result]):
    """Work of the engine: done at once when all waits block, in a thread when others must not wait for it."""

    function: Callable[[], Result]
    result: list[Result] = field(default_factory=list)

    def wait(self) -> None:
        self.result.append(self.function())

    async def wait_async(self) -> None:
        self.result.append(await asyncio.to_thread(self.function))


def _aside(function: Callable[[], Result]) -> Flow[Result]:
    job = _Job(function)
    yield Wait(job)
    return job.result[0]


def _file_id(name: str) -> str:
    # Of the name, so that a file that is added again takes the place of the earlier one.
    return "file-" + hashlib.sha256(name.encode()).hexdigest()[:16]
