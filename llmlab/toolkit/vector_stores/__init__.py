"""Vector stores at OpenAI and here: search your documents, and get answers with their sources."""

from __future__ import annotations

from llmlab.toolkit.vector_stores.chunks import split_text
from llmlab.toolkit.vector_stores.hosted import HostedVectorStore
from llmlab.toolkit.vector_stores.local import LocalVectorStore
from llmlab.toolkit.vector_stores.open import open_store, open_store_async
from llmlab.toolkit.vector_stores.store import Progress, StoredFile, VectorStore

__all__ = [
    "HostedVectorStore",
    "LocalVectorStore",
    "Progress",
    "StoredFile",
    "VectorStore",
    "open_store",
    "open_store_async",
    "split_text",
]
