"""The ledger in a database. If one fails, what calls cost last month is lost, or a password is shown."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger import AttemptRecord, CallRecord, Ledger
from llmlab.policies.ledger.database import Database
from tests.ledger.conftest import PASSWORD
from tests.ledger.records import DAY, answer, call, record


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'costs.db'}"
        return
    import psycopg

    address = request.getfixturevalue("postgres")
    yield address
    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        connection.execute("DROP TABLE IF EXISTS llmlab_attempts, llmlab_calls")


@pytest.fixture
def costs(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'costs.db'}"


def store(url: str, *records: CallRecord) -> None:
    """Write records as a ledger does."""
    database = Database(url)
    database.open()
    for one in records:
        database.add(one)
    database.close()


def test_lines_come_back_as_they_were(url: str) -> None:
    lines = [
        record(attempts=(AttemptRecord(0.0, 0.5, "LLMAPIError"), AttemptRecord(2.0, 1.0, ""))),
        record(time=DAY + 1.25, provider="mine", time_to_first_token=0.5, section="ümläut", cached_tokens=7),
        record(time=DAY + 2, source="cached", cost=0.0, priced="cached", attempts=(), prompt="[]", answer="a'b\"c"),
    ]
    store(url, *lines)
    back = list(Ledger.read(url))
    assert back == [line._replace(cost=line.price()[0], priced=line.price()[1]) for line in lines]


def test_attempts_stay_with_their_call(url: str) -> None:
    """Rows that change places in a batch would blame the wrong service."""
    lines = [
        record(
            time=DAY + number, request_id=str(number), attempts=(AttemptRecord(0.0, float(number), ""),) * (number % 3)
        )
        for number in range(250)
    ]
    store(url, *lines)
    assert [(line.request_id, line.attempts) for line in Ledger.read(url)] == [
        (line.request_id, line.attempts) for line in lines
    ]


def test_since_reads_no_more_than_it_needs(url: str) -> None:
    store(url, *(record(time=DAY + 3600 * hour) for hour in range(5)))
    assert [line.time for line in Ledger.read(url, since="2026-05-28T23:00+00:00")] == [DAY + 10800, DAY + 14400]


def test_several_writers_share_a_database(url: str) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            store(url, *(record(request_id=str(number)) for _ in range(10)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(Ledger.read(url)) == 200


def test_batch_is_written_by_the_call_that_fills_it(costs: str) -> None:
    ledger = Ledger()
    ledger.save_to(costs, batch=3)
    for count in (0, 0, 3, 3):
        ledger.note(call(), answer(), None)
        assert len(Ledger.read(costs)) == count
    ledger.flush()
    assert len(Ledger.read(costs)) == 4
    ledger.close()
    ledger.note(call(), answer(), None)
    ledger.flush()
    assert len(Ledger.read(costs)) == 4


def test_clear_forgets_nothing_that_is_stored(costs: str) -> None:
    ledger = Ledger()
    ledger.save_to(costs)
    ledger.note(call(), answer(), None)
    ledger.clear()
    ledger.close()
    assert len(Ledger.read(costs)) == 1


def test_the_variable_stores_the_calls_of_every_process(costs: str) -> None:
    """`ask` on the command line makes one call and ends. A wrong URL must not cost its answer."""
    code = (
        "import logging, llmlab; logging.basicConfig(); llmlab.start('offline', lesson=None, pace=0); "
        "llmlab.get_provider('openai').complete('Hi'); print(len(llmlab.ledger()))"
    )
    for url, warning in ((costs, ""), ("costs.db", "LLMLAB_LEDGER is wrong, and calls are not stored there: invalid")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "LLMLAB_LEDGER": url},
            cwd=Path(llmlab.__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "1\n"
        assert warning in done.stderr if warning else done.stderr == ""
    assert len(Ledger.read(costs)) == 1


def test_database_that_is_down_loses_no_line_and_stops_no_call(
    costs: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger()
    ledger.save_to(costs, batch=2)
    file = tmp_path / "costs.db"
    file.rename(tmp_path / "away.db")
    file.mkdir()
    with caplog.at_level(logging.WARNING, "llmlab"):
        for _ in range(3):
            ledger.note(call(), answer(), None)
    assert "records of the ledger that wait: 2; the ledger at sqlite:///" in caplog.text
    with pytest.raises(ConfigurationError, match="unable to open"):
        ledger.flush()
    file.rmdir()
    (tmp_path / "away.db").rename(file)
    ledger.note(call(), answer(), None)
    assert len(Ledger.read(costs)) == 4
    ledger.close()


def test_records_that_could_not_be_written_at_the_end_are_reported(costs: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from tests.ledger.records import record; "
        "from llmlab.policies.ledger.database import Database; database = Database(sys.argv[1]); database.open(); "
        "database.add(record()); file = pathlib.Path(sys.argv[2]); file.unlink(); file.mkdir()"
    )
    command = [sys.executable, "-c", code, costs, str(tmp_path / "costs.db")]
    done = subprocess.run(command, cwd=Path(llmlab.__file__).parents[1], capture_output=True, text=True, check=True)
    assert "records of the ledger that are lost: 1; the ledger at sqlite:///" in done.stderr


def test_a_call_that_ends_while_records_are_written_waits(costs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped stream ends its call when garbage is collected, perhaps in the middle of writing."""
    database = Database(costs, batch=2)
    database.open()
    price = CallRecord.price

    def interrupted(self: CallRecord) -> Any:
        monkeypatch.undo()
        for _ in range(2):
            database.add(record(request_id="late"))
        return price(self)

    database.add(record(request_id="1"))
    monkeypatch.setattr(CallRecord, "price", interrupted)
    database.add(record(request_id="2"))
    database.close()
    assert [one.request_id for one in Ledger.read(costs)] == ["1", "2", "late", "late"]


def test_file_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    assert len(Ledger.read(f"sqlite:///{tmp_path / 'none.db'}")) == 0
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "other.db").close()
    (tmp_path / "other.db").touch()
    assert len(Ledger.read(f"sqlite:///{tmp_path / 'other.db'}")) == 0


def test_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x" * 4096)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        Ledger.read(f"sqlite:///{tmp_path / 'notes.txt'}")


def test_a_password_is_never_shown(caplog: pytest.LogCaptureFixture, postgres: str) -> None:
    """It would end in a log, a notebook or a screenshot."""
    for url in (
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/costs",
        f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:1/costs?sslmode=disable",
        f"mysql://me:{PASSWORD}@127.0.0.1/costs",
        f"me:{PASSWORD}@127.0.0.1/costs",
        f"postgresql://me:{PASSWORD}@127.0.0.1:port/costs",
    ):
        with pytest.raises(ConfigurationError) as caught:
            Ledger().save_to(url)
        assert PASSWORD not in str(caught.value) + caplog.text
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    with pytest.raises(ConfigurationError, match="password authentication failed") as caught:
        Ledger.read(postgres.replace(PASSWORD, "wr0ng-one"))
    assert "wr0ng-one" not in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, costs: str) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"the driver psycopg is not installed.*llmlab\[sql\]"):
        Ledger().save_to("postgresql://me@127.0.0.1/costs")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llmlab\[sql\]'"):
        Ledger().save_to(costs)


def test_a_value_that_no_database_holds_breaks_no_call_and_keeps_no_record_out(url: str, tmp_path: Path) -> None:
    """JSON can hold half a character, and a number of any size; one of them must not keep a whole batch out."""
    ledger = Ledger(content=True)
    ledger.save_to(url)
    for odd in (answer(content="half \ud83d"), answer(model="m\udcff"), answer(model="nul\0l"), answer(2**70)):
        ledger.note(call(), odd, None)
    ledger.note(call(), answer(content="whole"), None)
    ledger.close()
    stored = list(Ledger.read(url))
    assert [one.model for one in stored] == ["gpt-6-luna", "m?", "null", "gpt-6-luna", "gpt-6-luna"]
    assert (stored[0].answer, stored[3].input_tokens, stored[4].answer) == ("half ?", 2**63 - 1, "whole")
    ledger.to_csv(tmp_path / "calls.csv")
    ledger.to_json_lines(tmp_path / "calls.jsonl")
    for name in ("calls.csv", "calls.jsonl"):
        assert "whole" in (tmp_path / name).read_text(encoding="utf-8")


def test_a_database_that_comes_back_empty_takes_lines_again(costs: str, tmp_path: Path) -> None:
    """A file that was moved away would be the end of the ledger: 'no such table', until the process ends."""
    kept = Ledger()
    kept.save_to(costs)
    (tmp_path / "costs.db").unlink()
    kept.note(call(), answer(), None)
    with pytest.raises(ConfigurationError, match="no such table"):
        kept.flush()
    kept.flush()
    kept.close()
    assert len(Ledger.read(costs)) == 1
