"""Searching your documents: vector stores at OpenAI, and here. Both do the same, and answers carry their sources."""

from __future__ import annotations

from llmlab.retrieval.chunks import split_text
from llmlab.retrieval.hosted import HostedVectorStore
from llmlab.retrieval.local import LocalVectorStore
from llmlab.retrieval.opening import open_store, open_store_async
from llmlab.retrieval.store import Progress, StoredFile, VectorStore
from llmlab.retrieval.streams import AnswerStream, AsyncAnswerStream

__all__ = [
    "AnswerStream",
    "AsyncAnswerStream",
    "HostedVectorStore",
    "LocalVectorStore",
    "Progress",
    "StoredFile",
    "VectorStore",
    "open_store",
    "open_store_async",
    "split_text",
]
