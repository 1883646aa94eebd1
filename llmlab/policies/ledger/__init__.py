"""What calls took and cost: one record for each, on by default, with tables, charts, files and a database.

    >>> llmlab.ledger().table(by="provider")  # doctest: +SKIP

Embeddings are calls too. Not included: the answers of a batch of a service, which come hours later at another price;
each of them has its usage.
"""

from __future__ import annotations

import logging
import os
import threading

from llmlab.errors import ConfigurationError, LLMError
from llmlab.policies import Call
from llmlab.policies.ledger.record import AttemptRecord, CallRecord
from llmlab.policies.ledger.store import Ledger
from llmlab.types.completion import Completion

__all__ = ["AttemptRecord", "CallRecord", "Ledger", "ledger", "note"]

_log = logging.getLogger("llmlab")
_lock = threading.RLock()
_ledger: Ledger | None = None


def ledger(*, content: bool | None = None) -> Ledger:
    """Return the ledger of this process, with the last 100,000 calls of all providers.

    Args:
        content: True stores prompts and answers too, from now on; False stops it.
    """
    book = _ledger or _create()
    if content is not None:
        book.content = content
    return book


def note(call: Call, completion: Completion | None, error: LLMError | None) -> None:
    """Record a finished call in the ledger of this process; see `Ledger.note`."""
    (_create() if _ledger is None else _ledger).note(call, completion, error)


def _create() -> Ledger:
    global _ledger
    with _lock:
        if _ledger is None:
            _ledger = Ledger()
            if url := os.environ.get("LLMLAB_LEDGER"):
                try:
                    _ledger.save_to(url)
                except ConfigurationError as error:
                    # The first call is over, and its answer must not be lost.
                    _log.warning("LLMLAB_LEDGER is wrong, and calls are not stored there: %s", error)
        return _ledger
