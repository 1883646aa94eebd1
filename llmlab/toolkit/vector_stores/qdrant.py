"""The Qdrant engine of a local store: in memory, in a folder, or on a server.

Qdrant's local mode is not thread-safe, so a lock admits one thread at a time. A process opens a folder once; all its
stores in this folder share the engine.
"""

from __future__ import annotations

import os
import threading
import uuid
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab.config.environment import find_key
from llmlab.errors import ConfigurationError, LLMConnectionError

PAGE = 500
"""Points that are written or read at once."""

_DAMAGED = "If it is damaged, delete it and add the files again, or name another folder."

_folders: dict[Path, Engine] = {}
_opening = threading.Lock()


def open_engine(folder: str | os.PathLike[str] | None, url: str | None) -> Engine:
    """Return an engine in a folder, behind a URL, or else in memory. The caller closes it."""
    if folder is None:
        return Engine(url=url)
    if url is not None:
        raise ConfigurationError("a store is in a folder or behind a url, not in both: leave one of them out")
    if not str(folder).strip():
        raise ConfigurationError("the name of the store's folder is empty. Name one, or leave folder out: in memory")
    path = Path(folder).resolve()
    with _opening:
        if path in _folders:
            _folders[path].users += 1
        else:
            engine = Engine(folder=path)
            engine.recover()
            _folders[path] = engine
        return _folders[path]


class Engine:
    """A Qdrant client whose errors say what to do."""

    def __init__(self, folder: Path | None = None, url: str | None = None) -> None:
        # The import takes a second, which only users of a store should wait for.
        from qdrant_client import QdrantClient, models

        where: dict[str, Any] = {"location": ":memory:"}
        if folder is not None:
            where = {"path": str(folder), "force_disable_check_same_thread": True}
        elif url:
            key = find_key("QDRANT_API_KEY")
            where = {"url": url, "check_compatibility": False, "api_key": key.reveal() if key else None}
        try:
            self._client: Any = QdrantClient(**where)
        except RuntimeError as error:
            raise ConfigurationError(
                f"the store's folder is open in another process: {error} Close the store there, or run a Qdrant "
                "server and give its url."
            ) from None
        except Exception as error:
            if url:
                raise ConfigurationError(f"{url!r} is no url of a Qdrant server: {error}") from error
            raise ConfigurationError(f"the store's folder cannot be opened: {error}. {_DAMAGED}") from error
        # Without this, Qdrant's own clean-up fails when Python ends.
        self._close_client = weakref.finalize(self, self._client.close)
        self._models = models
        self._folder, self._url = folder, url
        self._lock = threading.RLock()
        self.users = 1

    def names(self) -> list[str]:
        """Return the names of the collections, sorted."""
        return sorted(one.name for one in self._call("get_collections").collections)

    def metadata(self, name: str) -> Mapping[str, Any] | None:
        """Return the metadata of a collection; None if there is no collection of this name."""
        with self._lock:
            if not self._call("collection_exists", name):
                return None
            return self._call("get_collection", name).config.metadata or {}

    def write(
        self, name: str, metadata: Mapping[str, Any], vectors: Sequence[list[float]], payloads: Sequence[dict[str, Any]]
    ) -> None:
        """Write points, all or none, then remove the earlier points of the same files.

        In a folder, a note in the metadata lets `recover` undo or finish the work of a process that was killed.
        """
        version = uuid.uuid4().hex
        points = [
            self._models.PointStruct(id=uuid.uuid4().hex, vector=vector, payload=payload | {"version": version})
            for vector, payload in zip(vectors, payloads, strict=True)
        ]
        with self._lock:
            if not self._call("collection_exists", name):
                size = self._models.VectorParams(size=len(vectors[0]), distance=self._models.Distance.COSINE)
                self._call("create_collection", name, vectors_config=size, metadata=dict(metadata))
            self._note(name, version, len(points))
            try:
                for start in range(0, len(points), PAGE):
                    self._call("upsert", name, points=points[start : start + PAGE], wait=True)
            except BaseException:
                self._remove(name, must=[self._match("version", version)])
                raise
            self._remove_earlier(name, version, payloads)
            self._note(name)

    def recover(self) -> None:
        """Undo or finish what a process that was killed was writing."""
        for name in self.names():
            version, total = (self.metadata(name) or {}).get("unfinished") or ("", 0)
            if version:
                written = [payload for payload in self.payloads(name) if payload["version"] == version]
                if len(written) == total:
                    self._remove_earlier(name, version, written)
                else:
                    self._remove(name, must=[self._match("version", version)])
                self._note(name)

    def nearest(self, name: str, vector: list[float], limit: int) -> list[tuple[float, dict[str, Any]]]:
        """Return the payloads of the points nearest to a vector, each with its cosine similarity, -1 to 1."""
        found = self._call("query_points", name, query=vector, limit=limit).points
        return [(point.score, point.payload) for point in found]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """Return the payloads of all points."""
        found: list[dict[str, Any]] = []
        offset: Any = None
        with self._lock:
            while True:
                points, offset = self._call("scroll", name, limit=PAGE, offset=offset)
                found += [point.payload for point in points]
                if offset is None:
                    return found

    def remove(self, name: str, file_id: str) -> None:
        """Remove the points of a file."""
        self._remove(name, must=[self._match("file_id", file_id)])

    def delete(self, name: str) -> None:
        """Delete a collection."""
        with self._lock:
            local: Any = self._client._client
            if self._folder is not None and name in local.collections:
                # Qdrant deletes the open file of a collection, which Windows does not allow.
                local.collections[name].close()
            self._call("delete_collection", name)

    def close(self) -> None:
        """Close the engine, if this was its last user."""
        with _opening:
            self.users -= 1
            if self.users:
                return
            if self._folder is not None:
                del _folders[self._folder]
            # While the lock is held: a thread that opens the folder now would find it locked by Qdrant.
            with self._lock:
                self._close_client()

    def _note(self, name: str, version: str = "", total: int = 0) -> None:
        """Note which version with how many points is being written. Not on a server, where other processes write."""
        if self._folder is not None:
            self._call("update_collection", name, metadata={"unfinished": [version, total]})

    def _remove_earlier(self, name: str, version: str, payloads: Iterable[Mapping[str, Any]]) -> None:
        files = self._match("file_id", *sorted({payload["file_id"] for payload in payloads}))
        self._remove(name, must=[files], must_not=[self._match("version", version)])

    def _remove(self, name: str, **conditions: Any) -> None:
        selected = self._models.FilterSelector(filter=self._models.Filter(**conditions))
        self._call("delete", name, points_selector=selected, wait=True)

    def _match(self, field: str, *values: str) -> Any:
        return self._models.FieldCondition(key=field, match=self._models.MatchAny(any=list(values)))

    def _call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client, and explain a failure of the server or the folder."""
        try:
            with self._lock:
                return getattr(self._client, method)(*args, **options)
        except Exception as error:
            if self._url:
                raise LLMConnectionError(
                    f"the Qdrant server did not do {method}: {error}. Is it running, is the url right, and does it "
                    "want QDRANT_API_KEY?"
                ) from error
            if self._folder is not None:
                raise ConfigurationError(
                    f"the store's folder failed at {method}: {error}. Does it still exist, is it writable, is the "
                    f"disk full? {_DAMAGED}"
                ) from error
            raise
