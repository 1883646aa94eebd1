"""What calls took and cost: one record for each, on by default, with tables, charts, files and a database.

    >>> llmlab.ledger().table(by="provider")  # doctest: +SKIP

Embeddings are calls too. Not included: the answers of a batch of a service, which come hours later at another price;
each of them has its usage.
"""

from __future__ import annotations

import logging
import os

from llmlab._utils.locks import Lock
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger.record import AttemptRecord, CallRecord
from llmlab.policies.ledger.store import Ledger

__all__ = ["AttemptRecord", "CallRecord", "Ledger", "ledger"]

_log = logging.getLogger("llmlab")
_lock = Lock()
_ledger: Ledger | None = None


def ledger(*, content: bool | None = None) -> Ledger:
    """Return the ledger of this process, with the last 100,000 calls of all providers.

    Args:
        content: True stores prompts and answers too, from now on; False stops it.
    """
    current = _lock.run(_first) if _ledger is None else _ledger
    if content is not None:
        current.content = content
    return current


def _first() -> Ledger:
    """Return the ledger of this process, and create it once."""
    global _ledger
    if _ledger is None:
        created = Ledger()
        if url := os.environ.get("LLMLAB_LEDGER"):
            try:
                created.save_to(url)
            except ConfigurationError as error:
                # The first call is over, and its answer must not be lost.
                _log.warning("LLMLAB_LEDGER is wrong, and calls are not stored there: %s", error)
        _ledger = created
    return _ledger
