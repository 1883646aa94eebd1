"""What a test leaves behind is found. If one fails, a test can fail for what another one did."""

from __future__ import annotations

import os
import socket
import threading

import llmlab
from tests.leftovers import Leftovers


def test_what_a_test_leaves_behind_is_named() -> None:
    before = Leftovers()
    assert before.found() == []
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="llmlab-left", daemon=True)
    thread.start()
    tape, faults = llmlab.start("offline"), llmlab.faults("dns")
    with socket.create_server(("127.0.0.1", 0)), faults:
        os.environ["LEFT"] = "1"
        found = "; ".join(before.found())
    del os.environ["LEFT"]
    end.set()
    with tape:
        for name in ("thread 'llmlab-left'", "server listens", "variable LEFT", "<Tape offline", "<faults dns"):
            assert name in found
    thread.join()
    assert before.found() == []
