"""One door to the stores that there are already, wherever they are kept."""

from __future__ import annotations

import os
from pathlib import Path

from llmlab.errors import ConfigurationError, StoreNotFoundError
from llmlab.providers import Provider
from llmlab.toolkit.vector_stores.hosted import HostedVectorStore
from llmlab.toolkit.vector_stores.local import LocalVectorStore
from llmlab.toolkit.vector_stores.qdrant import open_engine
from llmlab.toolkit.vector_stores.store import VectorStore


def open_store(
    name_or_id: str,
    provider: Provider | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    url: str | None = None,
) -> VectorStore:
    """Return a store that there is already.

    Args:
        name_or_id: its name; or the id of a store at OpenAI.
        provider: for a store at OpenAI, an OpenAI provider or nobody; for another store, who embeds.
        folder: where a local store is kept.
        url: the Qdrant server that keeps it.

    Raises:
        StoreNotFoundError: there is none; the message names those that there are.
    """
    if folder is None and url is None:
        return HostedVectorStore.open(name_or_id, provider)
    return _open_local(name_or_id, provider, folder, url)


async def open_store_async(
    name_or_id: str,
    provider: Provider | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    url: str | None = None,
) -> VectorStore:
    """The async twin of `open_store`."""
    if folder is None and url is None:
        return await HostedVectorStore.open_async(name_or_id, provider)
    return _open_local(name_or_id, provider, folder, url)


def _open_local(
    name: str, provider: Provider | None, folder: str | os.PathLike[str] | None, url: str | None
) -> LocalVectorStore:
    if provider is None:
        raise ConfigurationError("a store that is kept here needs somebody who embeds: open_store(name, provider, …)")
    there: list[str] = []
    # Looking for a store must not make a folder for it.
    if folder is None or Path(folder).is_dir():
        engine = open_engine(folder, url)
        try:
            there = engine.names()
        finally:
            engine.close()
    if name not in there:
        raise StoreNotFoundError(
            f"there is no store {name!r} here. There are: {', '.join(there) or 'none'}. "
            "LocalVectorStore(name, provider, …) makes one; it is there from its first file on."
        )
    return LocalVectorStore(name, provider, folder=folder, url=url)
