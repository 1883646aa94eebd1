"""The ledger: every call of this process, what it took and what it cost. In memory, bounded, and without content.

Writing a line is cheap; prices, tables and pictures are made when somebody looks. Where it is kept for longer is
`store`'s business.
"""

from __future__ import annotations

import csv
import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llmlab.bookkeeping import columns, summary
from llmlab.bookkeeping.entry import SECTION, Entry, entry_of
from llmlab.bookkeeping.moments import moment
from llmlab.bookkeeping.spans import export
from llmlab.bookkeeping.store import Store, read
from llmlab.bookkeeping.summary import By, Table, Total
from llmlab.completion import Completion
from llmlab.errors import LLMError
from llmlab.pictures import Picture, bars, lines
from llmlab.policies import Call

if TYPE_CHECKING:
    import pandas

MAX_ROWS = 100_000
What = Literal["cost", "tokens", "latency", "calls"]
