"""What calls took and cost: one line for each, on by default, with tables, pictures, files and a database.

    >>> llmlab.ledger().table(by="provider")  # doctest: +SKIP

The public name is `llmlab.ledger`; a room of that name would stand in its place.
"""

from __future__ import annotations

import logging
import os
import threading

from llmlab.bookkeeping.entry import Entry, Tried
from llmlab.bookkeeping.ledger import Ledger
from llmlab.bookkeeping.summary import Table, Total
from llmlab.completion import Completion
from llmlab.errors import ConfigurationError, LLMError
from llmlab.policies import Call

__all__ = ["Entry", "Ledger", "Table", "Total", "Tried", "ledger", "note"]

_log = logging.getLogger("llmlab")
_lock = threading.RLock()
_own: Ledger | None = None


def ledger(*, content: bool | None = None) -> Ledger:
    """Return the ledger of this process. Every call of every provider is in it, up to the last 100,000.

    Args:
        content: True keeps prompts and answers too, from now on; False keeps none any more.
    """
    global _own
    if _own is None:
        with _lock:
            if _own is None:
                _own = _begun()
    if content is not None:
        _own.content = content
    return _own


def note(call: Call, completion: Completion | None, error: LLMError | None) -> None:
    """Write a call that is over into the ledger of this process; see `Ledger.note`."""
    (ledger() if _own is None else _own).note(call, completion, error)


def _begun() -> Ledger:
    begun = Ledger()
    if url := os.environ.get("LLMLAB_LEDGER"):
        try:
            begun.save_to(url)
        except ConfigurationError as error:
            # The first call is over by now, and its answer must not be lost to this.
            _log.warning("LLMLAB_LEDGER is of no use, calls are not kept: %s", error)
    return begun
