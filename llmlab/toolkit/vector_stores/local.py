"""A vector store without a service: texts are cut and embedded here, and stored in memory, in a folder, or in Qdrant.

    store = LocalVectorStore("letters", get_provider("ollama"), folder="stores")

A Qdrant server holds millions of texts and serves many processes. Start it with `docker run -p 6333:6333 qdrant/qdrant`
and give `url="http://localhost:6333"` instead of `folder`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from llmlab.errors import ConfigurationError, LLMInvalidRequestError, ModelNotFoundError, StoreNotFoundError
from llmlab.providers import Provider
from llmlab.toolkit.vector_stores.chunks import OVERLAP, SIZE, check_sizes, split_text
from llmlab.toolkit.vector_stores.documents import LOCAL_TYPES, decode
from llmlab.toolkit.vector_stores.qdrant import Engine, open_engine
from llmlab.toolkit.vector_stores.store import Progress, Report, Results, StoredFile, VectorStore
from llmlab.transport.driver import Flow
from llmlab.types.completion import FileSearchResult


@dataclass(frozen=True, slots=True)
class _InThread:
    """A step of a flow: work of the engine, in a thread if the flow runs async."""

    work: Callable[[], Any]

    def run(self) -> Any:
        return self.work()

    def run_async(self) -> Awaitable[Any]:
        return asyncio.to_thread(self.work)


class LocalVectorStore(VectorStore):
    """Files in chunks, each with its embedding. A store of the same name in the same place has the same files.

    Scores of results are cosine similarities, -1 to 1.

    Args:
        name: of the store.
        provider: the provider that embeds; another one may answer.
        model: its model for embeddings; else the one of the store's first file, or the provider's usual one.
        folder: a folder to store the files in; else they are in memory, until the store is closed. Open no folder of a
            stranger: Qdrant keeps pickles in it, which can run any code when they are read.
        url: a Qdrant server to store the files in; the variable QDRANT_API_KEY holds its key, if it has one.
        chunk_size: longest chunk in characters; 4 characters are about a token.
        chunk_overlap: most characters that a chunk repeats of the one before.

    Raises:
        LLMInvalidRequestError: the provider has no embeddings.
        ConfigurationError: the sizes do not fit together, or another process has the folder open.
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
        self._chosen_model = model
        self._usual_model = model or provider.embedding_model()
        self._sizes = (chunk_size, chunk_overlap)
        self._exists = False
        super().__init__(name, name, provider)
        self._engine_or_none: Engine | None = open_engine(folder, url)

    def close(self) -> None:
        """Close the store. In a folder or a server its files stay; in memory they are gone."""
        if self._engine_or_none is not None:
            self._engine_or_none.close()
            self._engine_or_none = None

    async def aclose(self) -> None:
        """The async twin of `close`."""
        self.close()

    def __repr__(self) -> str:
        return f"LocalVectorStore({self.name!r}, {self._provider.name})"

    def _add(self, documents: dict[str, bytes], report: Report, new: list[str]) -> Flow[tuple[StoredFile, ...]]:
        files, payloads = [], []
        for name, content in documents.items():
            # The id comes from the name, so a file replaces an earlier one of its name.
            file = StoredFile("file-" + hashlib.sha256(name.encode()).hexdigest()[:16], name, len(content))
            files.append(file)
            payloads += [
                {"file_id": file.id, "file_name": name, "size": file.size, "text": text}
                for text in split_text(decode(content), *self._sizes)
            ]
        model = yield from self._stored_model()
        vectors = yield from self._embed(
            [str(payload["text"]) for payload in payloads],
            model,
            lambda done: report(Progress("embedding", done, len(payloads), "chunks")),
        )
        metadata = {"embedding_model": model or self._usual_model}
        # All is written at once, so a failed embedding leaves nothing half done.
        yield _InThread(partial(self._engine.write, self.name, metadata, vectors, payloads))
        self._exists = True
        return tuple(files)

    def _search(self, query: str, max_results: int) -> Flow[Results]:
        model = yield from self._stored_model()
        if model is None:
            return ()
        (vector,) = yield from self._embed([query], model)
        found = yield _InThread(partial(self._engine.nearest, self.name, vector, max_results))
        return tuple(
            FileSearchResult(payload["text"], round(score, 4), payload["file_name"], payload["file_id"])
            for score, payload in found
        )

    def _files(self) -> Flow[tuple[StoredFile, ...]]:
        if (yield from self._stored_model()) is None:
            return ()
        payloads = yield _InThread(partial(self._engine.payloads, self.name))
        files = {StoredFile(one["file_id"], one["file_name"], one["size"]) for one in payloads}
        return tuple(sorted(files, key=lambda file: file.name))

    def _remove(self, file_id: str) -> Flow[None]:
        if file_id not in {file.id for file in (yield from self._files())}:
            raise LLMInvalidRequestError(
                f"the store {self.name!r} has no file {file_id!r}. files() lists the files of the store."
            )
        yield _InThread(partial(self._engine.remove, self.name, file_id))

    def _delete(self) -> Flow[None]:
        yield from self._stored_model()
        yield _InThread(partial(self._engine.delete, self.name))
        # From here on, `_stored_model` misses the store.
        self._exists = True

    @property
    def _engine(self) -> Engine:
        if self._engine_or_none is None:
            raise StoreNotFoundError(f"the store {self.name!r} is closed. Open it again: LocalVectorStore(name, …).")
        return self._engine_or_none

    def _stored_model(self) -> Flow[str | None]:
        """Return the model that embedded the files of the store; None before the first file."""
        metadata = yield _InThread(partial(self._engine.metadata, self.name))
        if metadata is None and self._exists:
            raise StoreNotFoundError(
                f"the store {self.name!r} was deleted. Make a new one: LocalVectorStore(name, provider)."
            )
        self._exists = metadata is not None
        return str(metadata.get("embedding_model", self._usual_model)) if self._exists else None

    def _embed(
        self, texts: list[str], stored_model: str | None, report: Callable[[int], Any] | None = None
    ) -> Flow[list[list[float]]]:
        model = stored_model or self._usual_model
        if self._chosen_model not in (None, model):
            raise ConfigurationError(
                f"the files of {self.name!r} were embedded with {model}, and vectors of two models cannot be "
                f"compared. Leave model={self._chosen_model!r} out, or begin another store."
            )
        try:
            return (yield from self._provider.embed_flow(texts, model, report))
        except ModelNotFoundError as error:
            if stored_model is None:
                raise
            raise ConfigurationError(
                f"{error.message} The files of {self.name!r} were embedded with it: give the provider that has it, or "
                "begin another store."
            ) from error
