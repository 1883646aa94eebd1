"""Many requests at once, cheaper and later: batches of OpenAI and Anthropic; this process sends those of the others.

>>> batch = llmlab.submit_batch(["Why is the sky blue?", "Who was Ada?"], "openai")  # doctest: +SKIP
>>> [str(answer) for answer in batch.wait()]  # doctest: +SKIP
"""

from __future__ import annotations

from llmlab.toolkit.batches.batch import Batch, BatchStatus
from llmlab.toolkit.batches.submit import open_batch, open_batch_async, submit_batch, submit_batch_async

__all__ = ["Batch", "BatchStatus", "open_batch", "open_batch_async", "submit_batch", "submit_batch_async"]
