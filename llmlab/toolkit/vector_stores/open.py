"""`open_store`: an existing store, at OpenAI, in a folder, or on a server."""

from __future__ import annotations

import os
from contextlib import closing
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
    """Return an existing store.

    Args:
        name_or_id: its name; or the id of a store at OpenAI.
        provider: for a store at OpenAI, an OpenAI provider or None; for another store, the provider that embeds.
        folder: the folder of a local store.
        url: the Qdrant server of the store.

    Raises:
        StoreNotFoundError: there is none; the message names the existing stores.
    """
    if folder is None and url is None:
        return HostedVectorStore.open(name_or_id, provider)
    if provider is None:
        raise ConfigurationError("a local store needs a provider that embeds: open_store(name, provider, …)")
    names: list[str] = []
    # A search for a store must not create a folder.
    if folder is None or Path(folder).is_dir():
        with closing(open_engine(folder, url)) as engine:
            names = engine.names()
    if name_or_id not in names:
        raise StoreNotFoundError(
            f"there is no store {name_or_id!r} here. There are: {', '.join(names) or 'none'}. "
            "LocalVectorStore(name, provider, …) makes one; it exists from its first file on."
        )
    return LocalVectorStore(name_or_id, provider, folder=folder, url=url)


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
    return open_store(name_or_id, provider, folder=folder, url=url)
