"""The cache's file. If one fails, an old or damaged file ends every call, or processes destroy each other's answers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.policies import Cache
from llmlab.policies.cache_store import SqliteStore
from tests.core import bodies


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


def ask(path: Path, prompt: str = "Hi") -> str:
    cache = Cache(path)
    try:
        return llmlab.get_provider("openai", policies=[cache]).complete(prompt).source
    finally:
        cache.close()


def test_answers_outlive_the_process(tmp_path: Path) -> None:
    file = tmp_path / "answers.db"
    code = (
        "import llmlab; from llmlab.policies import Cache; llmlab.start('offline', pace=0);"
        f"print(llmlab.get_provider('openai', policies=[Cache({str(file)!r})]).complete('Hi').source)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "simulated"
    assert ask(file) == "cached"


def test_a_key_of_a_service_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.db"
    cache = Cache(file)
    llmlab.get_provider("openai", api_key="sk-0123456789abcdefghij", policies=[cache]).complete("Hi")
    cache.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"0123456789abcdefghij" not in written


@pytest.mark.parametrize(
    "content", [b"no database at all, only text", b"SQLite format 3\x00" + b"\xff" * 5000], ids=len
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """A crash here would end every lesson until somebody finds the file."""
    file = tmp_path / "answers.db"
    file.write_bytes(content)
    with pytest.warns(RuntimeWarning, match=r"the cache answers.db is damaged .* it is now answers.db.damaged-1"):
        assert ask(file) == "simulated"
    assert (tmp_path / "answers.db.damaged-1").read_bytes() == content
    assert ask(file) == "cached"


def test_a_file_that_is_damaged_while_in_use_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "answers.db"
    store = SqliteStore(file, 10)
    store.put("k", "text", 1.0)
    store._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"\xff" * (size - 100))
    store._base.close()
    store._base = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    with pytest.warns(RuntimeWarning, match="is damaged"):
        assert store.get("k", 0.0) is None
    store.put("k", "again", 2.0)
    assert store.get("k", 0.0) == "again"
    store.close()


def test_a_file_that_another_process_sets_aside_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several kernels that meet one damaged file: the second one finds it gone, and must not crash over that."""
    file = tmp_path / "answers.db"
    file.write_bytes(b"no database at all, only text")
    replace = Path.replace

    def slower(path: Path, aside: Path) -> Path:
        replace(path, tmp_path / "by-another")
        return replace(path, aside)

    monkeypatch.setattr(Path, "replace", slower)
    assert ask(file) == "simulated"
    assert ask(file) == "cached"
    assert (tmp_path / "by-another").read_bytes() == b"no database at all, only text"


@pytest.mark.parametrize("in_use", [False, True])
def test_a_damaged_file_that_cannot_be_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_use: bool) -> None:
    """In a folder that may only be read: said when the cache is made, and never the end of a call."""

    def refuse(path: Path, aside: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    file = tmp_path / "answers.db"
    if not in_use:
        file.write_bytes(b"no database at all, only text")
        with pytest.raises(ConfigurationError, match=r"answers.db cannot be opened: .*Permission denied"):
            Cache(file)
        return
    store = SqliteStore(file, 10)
    store._base.close()
    file.write_bytes(b"no database at all, only text")
    store._base = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    assert store.get("k", 0.0) is None
    store.put("k", "text", 1.0)
    assert store.get("k", 0.0) is None
    store.close()


def test_a_cache_that_was_closed_leaves_its_file_alone(tmp_path: Path) -> None:
    """The file of a cache that is still in a provider is sound: it must not be put away as damaged."""
    file = tmp_path / "answers.db"
    cache = Cache(file)
    llm = llmlab.get_provider("openai", policies=[cache])
    llm.complete("Hi")
    cache.close()
    assert llm.complete("Hi").source == "simulated"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.db"]
    assert ask(file) == "cached"


def test_half_a_character_can_be_kept(tmp_path: Path) -> None:
    """JSON may hold half of a surrogate pair, where an answer was cut; a file of UTF-8 may not."""
    cut = {**bodies.CHAT, "choices": [{**bodies.CHAT["choices"][0], "message": {"content": "\ud83d"}}]}
    cache, answer = (
        Cache(tmp_path / "answers.db"),
        httpx2.MockTransport(lambda _: httpx2.Response(200, text=json.dumps(cut))),
    )
    llm = llmlab.get_provider("openrouter", api_key="k", policies=[cache])
    with llm, httpx2.Client(transport=answer) as llm.transport._client:  # type: ignore[attr-defined]
        assert [llm.complete("Hi").source for _ in range(2)] == ["live", "cached"]
    cache.close()


@pytest.mark.parametrize(
    "entry",
    [
        *map(json.dumps, ({"other": 1}, {"body": [1]}, {"body": "x"}, {"body": {}}, {"body": None}, [1], 7)),
        "[" * 9999,
        b"\xff",
    ],
    ids=lambda entry: str(entry)[:20],
)
def test_an_entry_of_another_shape_or_encoding_is_dropped_and_asked_anew(tmp_path: Path, entry: str | bytes) -> None:
    file = tmp_path / "answers.db"
    ask(file)
    with sqlite3.connect(file) as base:
        base.execute("UPDATE answers SET text = CAST(? AS TEXT)", (entry,))
    base.close()
    assert ask(file) == "simulated"
    assert ask(file) == "cached"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Does its folder exist, and may it be written to"):
        Cache(tmp_path / "nowhere" / "answers.db")


def test_a_file_that_another_process_locks_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmlab.policies.cache_store.BUSY_SECONDS", 0.01)
    store = SqliteStore(tmp_path / "answers.db", 10)
    store.put("old", "text", 1.0)
    other = sqlite3.connect(tmp_path / "answers.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.put("new", "text", 1.0)
    other.execute("ROLLBACK")
    other.close()
    assert store.get("old", 0.0) == "text"
    assert store.get("new", 0.0) is None
    store.close()


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Several kernels of one workshop may keep their answers in one slot."""
    file = tmp_path / "answers.db"
    code = (
        "import sys; from pathlib import Path; from llmlab.policies.cache_store import SqliteStore;"
        f"store = SqliteStore(Path({str(file)!r}), 500);"
        "[store.put(f'{sys.argv[1]}-{n}', 'x' * 500, float(n)) for n in range(50)]; store.close()"
    )
    running = [subprocess.Popen([sys.executable, "-W", "error", "-c", code, str(number)]) for number in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    store = SqliteStore(file, 500)
    assert len(store) == 150
    store.close()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "answers.db", 1000)

    def work(name: str) -> None:
        for number in range(40):
            store.put(f"{name}{number}", name, 1.0)
            assert store.get(f"{name}{number}", 0.0) == name

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(store) == 160
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_a_connection_of_its_own(tmp_path: Path) -> None:
    """SQLite forbids a connection in two processes: it would damage the file."""
    store = SqliteStore(tmp_path / "answers.db", 10)
    store.put("key", "parent", 1.0)
    child = os.fork()
    if child == 0:
        try:
            before = store.get("key", 0.0)
            store.put("key", f"child of {before}", 2.0)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert store.get("key", 0.0) == "child of parent"
    store.put("key", "parent again", 3.0)
    assert (store.get("key", 0.0), len(store)) == ("parent again", 1)
    store.close()
