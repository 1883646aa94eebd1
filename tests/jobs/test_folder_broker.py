"""The folder as a broker: a message that is read half-written, or by two, costs a job some seconds."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty

from llmlab.toolkit.jobs import settings

COUNT = 300


def test_each_message_is_taken_whole_and_once(embedded: Path) -> None:
    taken: list[int] = []
    sent = threading.Event()

    def take() -> None:
        with settings.open_queue().connection_for_read() as connection:
            queue = connection.SimpleQueue("llmlab", no_ack=True)
            while True:
                finished = sent.is_set()
                try:
                    taken.append(queue.get_nowait().payload["n"])
                except Empty:
                    if finished:
                        return

    takers = [threading.Thread(target=take) for _ in range(3)]
    for thread in takers:
        thread.start()
    with settings.open_queue().connection_for_write() as connection:
        queue = connection.SimpleQueue("llmlab")
        for n in range(COUNT):
            queue.put({"n": n})
    sent.set()
    for thread in takers:
        thread.join()
    assert sorted(taken) == list(range(COUNT))
    assert not list(Path(".llmlab/queue/messages").iterdir())
