"""The states of a job, by random histories: no transition goes backwards, and there is one result."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from llmlab.toolkit.jobs import store as rows
from llmlab.toolkit.jobs.store import FINAL, JobStore

RANK = {"queued": 0, "running": 1, **dict.fromkeys(FINAL, 2)}
WORKERS = st.sampled_from(["one", "two"])


class Histories(RuleBasedStateMachine):
    """Two workers, one job, and everything that may happen to them in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = JobStore(f"sqlite:///{Path(self.folder.name, 'jobs.db')}")
        self.now = 1_000_000.0
        self.clock = patch.object(rows.time, "time", lambda: self.now)
        self.clock.start()
        (self.job,) = self.store.add([{"request": "{}", "max_attempts": 3}])
        self.claims: list[Any] = []
        self.seen = self.row()
        self.stored = 0

    def row(self) -> Any:
        return self.store.get([self.job])[0]

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(worker=WORKERS)
    def beats(self, worker: str) -> None:
        self.store.beat(worker)

    @rule(worker=WORKERS)
    def ends(self, worker: str) -> None:
        self.store.leave(worker)

    @rule(worker=WORKERS)
    def claims_it(self, worker: str) -> None:
        row, _ = self.store.claim(self.job, worker)
        if row is not None:
            self.claims.append(row)

    @rule(result=st.sampled_from(["good", "bad"]), which=st.integers(0, 5))
    def finishes(self, result: str, which: int) -> None:
        if self.claims:
            row = self.claims[which % len(self.claims)]
            status = "succeeded" if result == "good" else "failed"
            stored = self.store.finish(row, {"status": status, "result": row.claim})
            assert not stored or row.claim == self.claims[-1].claim, "a worker that lost the job stored a result"
            self.stored += stored

    @rule()
    def is_cancelled(self) -> None:
        self.store.cancel(self.job)

    @rule()
    def is_given_back(self) -> None:
        self.store.release([row.claim for row in self.claims[-1:]])

    @rule()
    def is_sent_again(self) -> None:
        self.store.overdue(3.0)

    @invariant()
    def goes_forward_and_ends_once(self) -> None:
        row, before = self.row(), self.seen
        assert RANK[row.status] >= RANK[before.status]
        assert before.status not in FINAL or (row.status, row.result) == (before.status, before.result)
        assert row.attempts <= 3
        assert self.stored <= 1
        self.seen = row

    def teardown(self) -> None:
        self.clock.stop()
        self.store.close()
        self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
