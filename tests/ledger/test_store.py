"""The ledger in a database. If one fails, what calls cost last month is lost, or a password is shown."""

from __future__ import annotations

import atexit
import logging
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
from llmlab.policies import ledger
from llmlab.policies.ledger import Book, Tried, store
from llmlab.policies.ledger.costs import priced
from llmlab.policies.ledger.view import Ledger
from tests.ledger.conftest import PASSWORD
from tests.ledger.making import DAY, answer, call, entry


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


def saved(url: str, *entries: Any) -> None:
    """Write lines as a ledger does."""
    kept = store.Store(url)
    for one in entries:
        kept.add(one)
    kept.close()


def test_lines_come_back_as_they_were(url: str) -> None:
    lines = [
        entry(attempts=(Tried(0.0, 0.5, "LLMAPIError"), Tried(2.0, 1.0, ""))),
        entry(time=DAY + 1.25, provider="mine", time_to_first_token=0.5, section="ümläut", cached_tokens=7),
        entry(time=DAY + 2, source="cached", cost=0.0, priced="cached", attempts=(), prompt="[]", answer="a'b\"c"),
    ]
    saved(url, *lines)
    back = list(Ledger.read(url))
    expected = [line._replace(cost=priced(line)[0], priced=priced(line)[1]) for line in lines]
    assert back == expected


def test_attempts_stay_with_their_call(url: str) -> None:
    """Rows that change places in a batch would blame the wrong service."""
    lines = [
        entry(time=DAY + number, request_id=str(number), attempts=(Tried(0.0, float(number), ""),) * (number % 3))
        for number in range(250)
    ]
    saved(url, *lines)
    assert [(line.request_id, line.attempts) for line in Ledger.read(url)] == [
        (line.request_id, line.attempts) for line in lines
    ]


def test_since_reads_no_more_than_it_needs(url: str) -> None:
    saved(url, *(entry(time=DAY + 3600 * hour) for hour in range(5)))
    assert [line.time for line in Ledger.read(url, since="2026-05-28T23:00+00:00")] == [DAY + 10800, DAY + 14400]


def test_several_writers_share_a_database(url: str) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            saved(url, *(entry(request_id=str(number)) for _ in range(10)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(Ledger.read(url)) == 200


def test_text_that_no_database_takes_is_taken_without_the_rest(url: str) -> None:
    """One null character in a name must not keep a whole batch out."""
    saved(url, entry(model="nul\0l"))
    assert [line.model for line in Ledger.read(url)] == ["null"]


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


def test_clear_forgets_nothing_that_was_saved(costs: str) -> None:
    ledger = Ledger()
    ledger.save_to(costs)
    ledger.note(call(), answer(), None)
    ledger.clear()
    ledger.close()
    assert len(Ledger.read(costs)) == 1


def test_end_of_the_process_writes_what_waits(costs: str) -> None:
    """`ask` on the command line makes one call and ends."""
    code = (
        "import llmlab; llmlab.start('offline', lesson=None, pace=0); "
        f"llmlab.ledger().save_to({costs!r}); llmlab.get_provider('openai').complete('Hi')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(llmlab.__file__).parents[1])
    assert len(Ledger.read(costs)) == 1


def test_variable_makes_every_process_save(costs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_book", None)
    monkeypatch.setenv("LLMLAB_LEDGER", costs)
    ledger.note(call(), answer(), None)
    llmlab.ledger().close()
    assert len(Ledger.read(costs)) == 1


def test_useless_variable_warns_and_stops_no_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger, "_book", None)
    monkeypatch.setenv("LLMLAB_LEDGER", "costs.db")
    ledger.note(call(), answer(), None)
    assert len(llmlab.ledger()) == 1
    assert "LLMLAB_LEDGER is of no use, calls are not kept: this is no URL" in caplog.text


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
    assert "lines of the ledger that wait: 2; the ledger at sqlite:///" in caplog.text
    with pytest.raises(ConfigurationError, match="unable to open"):
        ledger.flush()
    file.rmdir()
    (tmp_path / "away.db").rename(file)
    ledger.note(call(), answer(), None)
    assert len(Ledger.read(costs)) == 4
    ledger.close()


def test_lines_that_could_not_be_written_at_the_end_are_told(
    costs: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = store.Store(costs)
    kept.add(entry())
    (tmp_path / "costs.db").unlink()
    (tmp_path / "costs.db").mkdir()
    kept._last()
    assert "lines of the ledger that are lost: 1; the ledger at sqlite:///" in caplog.text
    atexit.unregister(kept._last)
    (tmp_path / "costs.db").rmdir()


def test_call_that_ends_while_lines_are_written_waits_its_turn(costs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped stream ends its call whenever garbage is collected, perhaps in the middle of writing."""
    kept = store.Store(costs, batch=2)
    write = kept._database.write

    def interrupted(entries: Any) -> None:
        for _ in range(2):
            kept.add(entry(request_id="late"))
        write(entries)

    monkeypatch.setattr(kept._database, "write", interrupted)
    kept.add(entry(request_id="1"))
    kept.add(entry(request_id="2"))
    monkeypatch.undo()
    kept.close()
    assert [line.request_id for line in Ledger.read(costs)] == ["1", "2", "late", "late"]


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


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/costs",
        f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:1/costs?sslmode=disable",
        f"mysql://me:{PASSWORD}@127.0.0.1/costs",
        f"me:{PASSWORD}@127.0.0.1/costs",
        f"postgresql://me:{PASSWORD}@127.0.0.1:port/costs",
    ],
)
def test_password_is_never_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It would end in a log, a notebook or a screenshot."""
    with pytest.raises(ConfigurationError) as caught:
        Ledger().save_to(url)
    assert PASSWORD not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_wrong_password_is_said_and_not_shown(postgres: str) -> None:
    with pytest.raises(ConfigurationError, match="password authentication failed") as caught:
        Ledger.read(postgres.replace(PASSWORD, "wr0ng-one"))
    assert "wr0ng-one" not in str(caught.value)


def test_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, costs: str) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llmlab\[sql\]'"):
        Ledger().save_to(costs)


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"the driver psycopg is not installed.*llmlab\[sql\]"):
        Ledger().save_to("postgresql://me@127.0.0.1/costs")


@pytest.mark.parametrize("odd", [answer(content="half \ud83d"), answer(model="m\udcff"), answer(input_tokens=2**70)])
def test_what_no_database_holds_breaks_no_call_and_keeps_no_line_out(url: str, tmp_path: Path, odd: Any) -> None:
    """JSON can hold half a character, and a number of any size; the call would raise, and every one after it too."""
    kept = Ledger(Book(content=True))
    kept.save_to(url, batch=1)
    kept.note(call(), odd, None)
    kept.note(call(), answer(content="whole"), None)
    kept.close()
    assert [one.answer for one in Ledger.read(url)][1] == "whole"
    kept.to_csv(tmp_path / "calls.csv")
    kept.to_json_lines(tmp_path / "calls.jsonl")
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
