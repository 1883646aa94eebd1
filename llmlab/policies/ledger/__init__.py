"""What calls took and cost: one line for each, on by default, with tables, pictures, files and a database.

    >>> llmlab.ledger().table(by="provider")  # doctest: +SKIP

The public name is `llmlab.ledger`; a room of that name would stand in its place. Writing is all that loads with a
provider; what somebody looks with loads when somebody looks. Embeddings are calls, too. Left out: what a service
answers in a batch, hours later and at another price; each of those answers has its usage.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from llmlab.errors import ConfigurationError, LLMError
from llmlab.policies import Call
from llmlab.policies.ledger.book import Book
from llmlab.policies.ledger.record import Entry, Tried
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from llmlab.policies.ledger.view import Ledger

__all__ = ["Book", "Entry", "Tried", "ledger", "note"]

_log = logging.getLogger("llmlab")
_lock = threading.RLock()
_book: Book | None = None


def ledger(*, content: bool | None = None) -> Ledger:
    """Return the ledger of this process. Every call of every provider is in it, up to the last 100,000.

    Args:
        content: True keeps prompts and answers too, from now on; False keeps none any more.
    """
    from llmlab.policies.ledger.view import Ledger

    book = _own()
    if content is not None:
        book.content = content
    return Ledger(book)


def note(call: Call, completion: Completion | None, error: LLMError | None) -> None:
    """Write a call that is over into the ledger of this process; see `Ledger.note`."""
    (_book or _own()).note(call, completion, error)


def _own() -> Book:
    global _book
    with _lock:
        if _book is None:
            _book = Book()
            if url := os.environ.get("LLMLAB_LEDGER"):
                try:
                    ledger().save_to(url)
                except ConfigurationError as error:
                    # The first call is over by now, and its answer must not be lost to this.
                    _log.warning("LLMLAB_LEDGER is of no use, calls are not kept: %s", error)
        return _book
