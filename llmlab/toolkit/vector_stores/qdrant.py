"""Everything that knows of Qdrant, the vector engine under the local store: in memory, in a folder, or a server.

Qdrant's local mode runs inside this process and is not made for threads, so a lock lets one in at a time. One process
has a folder open once; the stores in it share that.
"""

from __future__ import annotations

import os
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab.config.environment import find_key
from llmlab.errors import ConfigurationError, LLMConnectionError

_PAGE = 500
"""Points that are written or read together."""

_ANOTHER_FOLDER = "If it is damaged, delete it and add the files again, or name another folder."

_shared: dict[Path, Engine] = {}
_sharing = threading.Lock()


def open_engine(folder: str | os.PathLike[str] | None, url: str | None) -> Engine:
    """Return an engine in a folder, behind a URL, or else in memory. Who opens it closes it.

    Raises:
        ConfigurationError: both are given, or the folder cannot be opened.
    """
    if folder is not None and url is not None:
        raise ConfigurationError("a store lives in a folder or behind a url, not in both: leave one of them out")
    if folder is not None and not str(folder).strip():
        raise ConfigurationError("the name of the store's folder is empty. Name one, or leave folder out: in memory")
    if folder is None:
        return Engine(url=url) if url else Engine(location=":memory:")
    place = Path(folder).resolve()
    with _sharing:
        if place not in _shared:
            engine = Engine(path=str(place), force_disable_check_same_thread=True)
            engine.place = place
            engine.recover()
            _shared[place] = engine
        _shared[place].users += 1
        return _shared[place]


class Engine:
    """One Qdrant.

    Args:
        where: as `QdrantClient` takes it.

    Raises:
        ConfigurationError: the folder cannot be opened, or the url is none.
    """

    def __init__(self, **where: Any) -> None:
        # Loading it takes a second, which nobody should wait for who has no store.
        from qdrant_client import QdrantClient, models

        if "url" in where:
            key = find_key("QDRANT_API_KEY")
            where |= {"check_compatibility": False, "api_key": key.reveal() if key else None}
        try:
            self._client: Any = QdrantClient(**where)
        except RuntimeError as error:
            raise ConfigurationError(
                f"the store's folder is open in another process: {error} Close the store there, or run a Qdrant "
                "server and give its url."
            ) from None
        except Exception as error:
            if "url" in where:
                raise ConfigurationError(f"{where['url']!r} is no url of a Qdrant server: {error}") from error
            raise ConfigurationError(f"the store's folder cannot be opened: {error}. {_ANOTHER_FOLDER}") from error
        # Who forgets to close it would see Qdrant's own end fail when Python ends.
        self._end = weakref.finalize(self, self._client.close)
        self._models = models
        self._remote = "url" in where
        self._lock = threading.RLock()
        self.place: Path | None = None
        self.users = 1 if "path" not in where else 0

    def names(self) -> list[str]:
        """Return the names of the collections, sorted."""
        with self._lock:
            return sorted(one.name for one in self._asked("get_collections").collections)

    def about(self, name: str) -> Mapping[str, Any] | None:
        """Return what was written down about a collection when it was made; None if there is none of this name."""
        with self._lock:
            if not self._asked("collection_exists", name):
                return None
            return self._asked("get_collection", name).config.metadata or {}

    def write(
        self, name: str, about: Mapping[str, Any], vectors: Sequence[list[float]], payloads: Sequence[dict[str, Any]]
    ) -> None:
        """Write points, all or none. Then points of an earlier version of the same files are dropped.

        In a folder that holds for a process that is killed, too: what it has left half done is mended by `recover`.

        Args:
            name: of the collection; it is made if there is none.
            about: what to write down about it then.
            vectors: one a point.
            payloads: one a point, each with `file_id`.
        """
        version = uuid.uuid4().hex
        made = [
            self._models.PointStruct(id=uuid.uuid4().hex, vector=vector, payload=payload | {"version": version})
            for vector, payload in zip(vectors, payloads, strict=True)
        ]
        new = self._condition("version", [version])
        with self._lock:
            if not self._asked("collection_exists", name):
                size = self._models.VectorParams(size=len(vectors[0]), distance=self._models.Distance.COSINE)
                self._asked("create_collection", name, vectors_config=size, metadata=dict(about))
            self._note(name, "writing", version)
            try:
                for start in range(0, len(made), _PAGE):
                    self._asked("upsert", name, points=made[start : start + _PAGE], wait=True)
            except BaseException:
                self._drop(name, must=[new])
                raise
            self._note(name, "replacing", version)
            files = self._condition("file_id", sorted({payload["file_id"] for payload in payloads}))
            self._drop(name, must=[files], must_not=[new])
            self._note(name, "", "")

    def recover(self) -> None:
        """Take back what a process that was killed had not wholly written, and drop what it had replaced."""
        for name in self.names():
            step, version = (self.about(name) or {}).get("unfinished") or ("", "")
            new = self._condition("version", [version])
            if step == "writing":
                self._drop(name, must=[new])
            elif step == "replacing":
                written = {one["file_id"] for one in self.payloads(name) if one["version"] == version}
                self._drop(name, must=[self._condition("file_id", sorted(written))], must_not=[new])

    def nearest(self, name: str, vector: list[float], most: int) -> list[tuple[float, dict[str, Any]]]:
        """Return the payloads of the points nearest to a vector, each with its cosine similarity, -1 to 1."""
        with self._lock:
            found = self._asked("query_points", name, query=vector, limit=most).points
        return [(point.score, point.payload) for point in found]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """Return the payloads of all points."""
        found: list[dict[str, Any]] = []
        offset: Any = None
        with self._lock:
            while True:
                points, offset = self._asked("scroll", name, limit=_PAGE, offset=offset)
                found += [point.payload for point in points]
                if offset is None:
                    return found

    def remove(self, name: str, file_id: str) -> None:
        """Drop the points of a file."""
        with self._lock:
            self._drop(name, must=[self._condition("file_id", [file_id])])

    def delete(self, name: str) -> None:
        """Drop a collection."""
        with self._lock:
            inside: Any = self._client._client
            if self.place is not None and (kept := inside.collections.get(name)):
                # Qdrant's local mode leaves the file open that it deletes, which Windows would not let go.
                kept.close()
            self._asked("delete_collection", name)

    def close(self) -> None:
        """Close the engine, if nobody else uses it."""
        with _sharing:
            self.users -= 1
            if self.users:
                return
            if self.place is not None:
                del _shared[self.place]
            # Still within: who opens the folder meanwhile would find it locked.
            with self._lock:
                self._end()

    def _note(self, name: str, step: str, version: str) -> None:
        """Write down, in a folder, what is being done. A server has other processes, which must not mend it."""
        if self.place is not None:
            self._asked("update_collection", name, metadata={"unfinished": [step, version]})

    def _condition(self, field: str, values: list[str]) -> Any:
        return self._models.FieldCondition(key=field, match=self._models.MatchAny(any=values))

    def _drop(self, name: str, **conditions: Any) -> None:
        chosen = self._models.FilterSelector(filter=self._models.Filter(**conditions))
        self._asked("delete", name, points_selector=chosen, wait=True)

    def _asked(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client; what goes wrong with a server or with a folder is said in words."""
        try:
            return getattr(self._client, method)(*args, **options)
        except Exception as error:
            if self._remote:
                raise LLMConnectionError(
                    f"the Qdrant server did not do {method}: {error}. Is it running, is the url right, and does it "
                    "want QDRANT_API_KEY?"
                ) from error
            if self.place is not None:
                raise ConfigurationError(
                    f"the store's folder failed at {method}: {error}. Is it still there, may it be written to, is the "
                    f"disk full? {_ANOTHER_FOLDER}"
                ) from error
            raise
