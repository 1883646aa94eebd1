"""Stores that are kept here. If one fails, a folder of documents is lost, mixed up, or locked for ever."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import qdrant_client
from qdrant_client.local.qdrant_local import QdrantLocal

import llmlab
from llmlab.errors import (
    ConfigurationError,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    ModelNotFoundError,
    StoreNotFoundError,
)
from llmlab.toolkit.vector_stores import LocalVectorStore, open_store, open_store_async
from tests.vector_stores.stores import do

pytestmark = pytest.mark.usefixtures("lab")
SHAPES = ("sync", "async")


@pytest.fixture
def embedder() -> llmlab.Provider:
    """Who embeds."""
    return llmlab.get_provider("ollama", max_retries=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_folder_keeps_its_stores(shape: str, embedder: llmlab.Provider, folder: Path, tmp_path: Path) -> None:
    with LocalVectorStore("house", embedder, folder=tmp_path / "stores") as store:
        files = do(shape, store, "add", folder.glob("*.*"))
    with LocalVectorStore("house", embedder, folder=tmp_path / "stores") as again:
        assert set(do(shape, again, "files")) == set(files)
        assert do(shape, again, "search", "fish on Fridays")[0].file_name == "menu.txt"
    opened = (
        open_store("house", embedder, folder=tmp_path / "stores")
        if shape == "sync"
        else asyncio.run(open_store_async("house", embedder, folder=tmp_path / "stores"))
    )
    with opened, pytest.raises(StoreNotFoundError, match=r"there is no store 'hause' here. There are: house\."):
        open_store("hause", embedder, folder=tmp_path / "stores")


def test_looking_for_a_store_makes_no_folder(embedder: llmlab.Provider, tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError, match="There are: none"):
        open_store("house", embedder, folder=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(ConfigurationError, match="needs a provider that embeds"):
        open_store("house", folder=tmp_path)


def test_a_cell_that_is_run_twice_opens_its_folder_twice(embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Qdrant locks the folder, and a notebook would have to be started again."""
    first = LocalVectorStore("house", embedder, folder=tmp_path / "stores")
    first.add({"a": "Coffee is free."})
    second = LocalVectorStore("house", embedder, folder=tmp_path / "stores")
    assert second.files() == first.files()
    first.close()
    first.close()
    assert second.search("coffee")
    second.close()
    with pytest.raises(StoreNotFoundError, match=r"is closed\. Open it again"):
        second.search("coffee")


def spoiled(folder: Path, what: str) -> Path:
    """Make a folder in which a store cannot be, and return it."""
    if what == "a file":
        folder.write_text("x")
    else:
        LocalVectorStore("house", llmlab.get_provider("ollama"), folder=folder).close()
        (folder / "meta.json").write_text('{"coll')
    return folder


@pytest.mark.parametrize("what", ["a file", "damaged"])
def test_a_folder_that_cannot_be_opened_is_said_in_words(what: str, embedder: llmlab.Provider, tmp_path: Path) -> None:
    folder = spoiled(tmp_path / "s", what)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"folder cannot be opened: .*, or name another folder\."):
            LocalVectorStore("house", embedder, folder=folder)
    with pytest.raises(ConfigurationError, match="folder is empty"):
        LocalVectorStore("house", embedder, folder="")
    with pytest.raises(ConfigurationError, match="is no url of a Qdrant server"):
        LocalVectorStore("house", embedder, url="http://localhost:port")


@pytest.mark.parametrize("method", ["upsert", "query_points"])
def test_a_folder_that_fails_later_is_said_in_words(
    method: str, embedder: llmlab.Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, a folder that somebody has deleted meanwhile."""

    def full(self: Any, *args: Any, **options: Any) -> Any:
        raise OSError("no space left on device")

    with LocalVectorStore("house", embedder, folder=tmp_path / "s") as store:
        store.add({"a": "Coffee is free."})
        with monkeypatch.context() as patch:
            patch.setattr(QdrantLocal, method, full)
            with pytest.raises(ConfigurationError, match=r"no space left.*disk full\?"):
                store.add({"a": "Tea is free."}) if method == "upsert" else store.search("tea")
        assert store.search("tea")[0].text == "Coffee is free."


FORGOTTEN = """
import llmlab
from llmlab.toolkit.vector_stores import LocalVectorStore

llmlab.start("offline", lesson=None, pace=0)
store = LocalVectorStore("house", llmlab.get_provider("ollama"), folder="s")
memory = LocalVectorStore("house", llmlab.get_provider("ollama"))
store.add({"a": "Coffee is free."})
memory.add({"a": "Coffee is free."})
"""


def test_a_store_that_nobody_closes_ends_without_a_word(tmp_path: Path) -> None:
    """Else a learner's first program ends in a traceback of Qdrant's."""
    root = str(Path(llmlab.__file__).parents[1])
    ended = subprocess.run(
        [sys.executable, "-c", FORGOTTEN],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


HOLD = """
import sys
import portalocker

with open(sys.argv[1], "w") as file:
    portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE)
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning", "ignore:Exception ignored in.*.lock")
def test_a_folder_that_another_process_has_open_says_so(embedder: llmlab.Provider, tmp_path: Path) -> None:
    # Qdrant leaves its lock file open when it is refused, hence the filters.
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(
            ConfigurationError, match=r"open in another process: .* or run a Qdrant server and give its url"
        ):
            LocalVectorStore("house", embedder, folder=tmp_path)
        other.communicate("\n")


def test_stores_in_one_folder_do_not_mix(embedder: llmlab.Provider, tmp_path: Path) -> None:
    with (
        LocalVectorStore("one", embedder, folder=tmp_path / "s") as one,
        LocalVectorStore("other", embedder, folder=tmp_path / "s") as other,
    ):
        one.add({"a": "Coffee is free."})
        other.add({"b": "Tea costs a euro."})
        assert [file.name for file in one.files()] == ["a.txt"]
        one.delete()
        assert other.search("tea")[0].file_name == "b.txt"


def test_two_stores_in_memory_are_two(embedder: llmlab.Provider) -> None:
    one, other = LocalVectorStore("a", embedder), LocalVectorStore("a", embedder)
    one.add({"a": "Coffee is free."})
    assert other.files() == ()
    one.close()
    other.close()


def test_vectors_of_two_models_are_never_compared(embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Else a search finds nonsense, with good scores."""
    with LocalVectorStore("house", embedder, folder=tmp_path / "s", model="embeddinggemma:latest") as store:
        store.add({"a": "Coffee is free."})
    with LocalVectorStore("house", embedder, folder=tmp_path / "s") as again:
        assert again.search("coffee")
        last = llmlab.trace().last
        assert last is not None
        assert last.request["model"] == "embeddinggemma:latest"
    with LocalVectorStore("house", embedder, folder=tmp_path / "s", model="other") as wrong:
        for method, args in (("search", ("coffee",)), ("add", ({"b": "Tea."},))):
            with pytest.raises(ConfigurationError, match="were embedded with embeddinggemma:latest"):
                getattr(wrong, method)(*args)


def test_a_provider_without_the_model_of_the_store_says_what_to_do(embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Else all that is told is that OpenAI has no such model, which nobody has asked for."""
    with LocalVectorStore("house", embedder, folder=tmp_path / "s") as store:
        store.add({"a": "Coffee is free."})
    with LocalVectorStore("house", llmlab.get_provider("openai"), folder=tmp_path / "s") as wrong:
        for method, args in (("search", ("coffee",)), ("add", ({"b": "Tea."},))):
            with pytest.raises(ConfigurationError, match="were embedded with it: give the provider that has it"):
                getattr(wrong, method)(*args)
    with (
        LocalVectorStore("new", llmlab.get_provider("openai"), model="nonsense") as new,
        pytest.raises(ModelNotFoundError),
    ):
        new.add({"b": "Tea."})


@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_that_another_part_has_deleted_is_missed(shape: str, embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Else its questions are answered from no file at all, and nobody sees why."""
    with (
        LocalVectorStore("house", embedder, folder=tmp_path / "s") as one,
        LocalVectorStore("house", embedder, folder=tmp_path / "s") as other,
    ):
        one.add({"a": "Coffee is free."})
        assert do(shape, other, "search", "coffee")
        one.delete()
        for method, args in (("files", ()), ("search", ("coffee",)), ("add", ({"b": "Tea."},)), ("remove", ("x",))):
            with pytest.raises(StoreNotFoundError, match=r"was deleted\. Make a new one"):
                do(shape, other, method, *args)


@pytest.mark.parametrize(
    ("shape", "fault"), [("sync", "server_error"), ("async", "timeout"), ("sync", "malformed_json")]
)
def test_an_add_whose_embedding_fails_changes_nothing(shape: str, fault: str, embedder: llmlab.Provider) -> None:
    store = LocalVectorStore("house", llmlab.get_provider("ollama", max_retries=0, timeout=1))
    store.add({"menu": "On Fridays there is fish."})
    with llmlab.faults(fault), pytest.raises(LLMError):
        do(shape, store, "add", {"menu": "On Fridays there is soup.", "other": "Coffee is free."})
    assert [file.name for file in store.files()] == ["menu.txt"]
    assert "fish" in store.search("Fridays")[0].text
    store.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_an_add_that_breaks_while_it_is_written_changes_nothing(
    shape: str, embedder: llmlab.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle must not leave half of the new files, nor take the old ones away."""
    monkeypatch.setattr("llmlab.toolkit.vector_stores.qdrant.PAGE", 1)
    store, upsert, writes = LocalVectorStore("house", embedder), QdrantLocal.upsert, []
    store.add({"menu": "On Fridays there is fish."})

    def full(self: Any, *args: Any, **options: Any) -> Any:
        writes.append(args)
        if len(writes) == 2:
            raise OSError("no space left on device")
        return upsert(self, *args, **options)

    monkeypatch.setattr(QdrantLocal, "upsert", full)
    with pytest.raises(OSError, match="no space"):
        do(shape, store, "add", {"menu": "On Fridays there is soup.", "other": "Coffee is free."})
    assert [one.text for one in store.search("Fridays")] == ["On Fridays there is fish."]
    store.close()


KILLED = """
import os
import sys

import llmlab
from llmlab.toolkit.vector_stores import LocalVectorStore, qdrant
from qdrant_client.local.qdrant_local import QdrantLocal

llmlab.start("offline", lesson=None, pace=0)
qdrant.PAGE = 1
method, times = sys.argv[1], int(sys.argv[2])
store = LocalVectorStore("house", llmlab.get_provider("ollama"), folder="s", chunk_size=30, chunk_overlap=0)
store.add({"menu": "On Fridays there is fish.\\n\\nIt comes with rice.", "dog": "The dog is called Biscuit."})
real = getattr(QdrantLocal, method)


def killed(*args, **options):
    global times
    if not times:
        os._exit(9)
    times -= 1
    return real(*args, **options)


setattr(QdrantLocal, method, killed)
store.add({"menu": "On Fridays there is soup.\\n\\nIt comes with bread."})
"""


@pytest.mark.parametrize(
    ("method", "times", "left"), [("upsert", 1, ("fish", "rice")), ("delete", 0, ("soup", "bread"))]
)
def test_a_process_that_is_killed_leaves_no_half_file(
    method: str, times: int, left: tuple[str, str], embedder: llmlab.Provider, tmp_path: Path
) -> None:
    """Else a search finds two versions of a file, or half of one, until somebody begins the store anew."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, method, str(times)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(llmlab.__file__).parents[1])},
        check=False,
    )
    assert ended.returncode == 9
    for _ in range(2):
        with LocalVectorStore("house", embedder, folder=tmp_path / "s") as store:
            assert {file.name for file in store.files()} == {"menu.txt", "dog.txt"}
            menu = " ".join(one.text for one in store.search("Fridays it comes") if one.file_name == "menu.txt")
            assert {word for word in ("fish", "rice", "soup", "bread") if word in menu} == set(left)


def test_threads_share_a_store(embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Qdrant's local mode is not made for threads, and a program with threads must not notice."""
    with LocalVectorStore("house", embedder, folder=tmp_path / "s") as store:
        together = threading.Barrier(8)

        def work(number: int) -> str:
            together.wait()
            store.add({f"note{number}": f"Room {number} is painted in colour{number}."})
            return store.search(f"colour{number}", 1)[0].file_name

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [f"note{number}.txt" for number in range(8)]
        assert len(store.files()) == 8


def test_a_folder_is_opened_and_closed_by_many_threads(embedder: llmlab.Provider, tmp_path: Path) -> None:
    """Else a web service that opens its store for each request fails now and then: another process has it."""

    def work(number: int) -> int:
        with LocalVectorStore("house", embedder, folder=tmp_path / "s") as store:
            return len(store.files())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(60))) == [0] * 60


def test_tasks_share_a_store(embedder: llmlab.Provider) -> None:
    async def work(store: LocalVectorStore, number: int) -> str:
        await store.add_async({f"note{number}": f"Room {number} is painted in colour{number}."})
        return (await store.search_async(f"colour{number}", 1))[0].file_name

    async def all_of_them() -> list[str]:
        async with embedder, LocalVectorStore("house", embedder) as store:
            return await asyncio.gather(*(work(store, number) for number in range(8)))

    assert asyncio.run(all_of_them()) == [f"note{number}.txt" for number in range(8)]


def test_a_long_text_is_cut_and_its_best_piece_is_found(embedder: llmlab.Provider) -> None:
    text = "\n\n".join(f"Chapter {number} tells of topic{number} and nothing else." for number in range(40))
    store = LocalVectorStore("book", embedder, chunk_size=100, chunk_overlap=0)
    store.add({"book": text})
    best = store.search("topic17", 1)[0].text
    assert "topic17" in best
    assert len(best) <= 100
    assert len(store.search("topic", 50)) == 40 // 2
    store.close()


def test_wrong_settings_are_refused_at_once(embedder: llmlab.Provider, tmp_path: Path) -> None:
    names: list[Any] = ["", " ", "a/b", "a\\b", 3]
    for name in names:
        with pytest.raises(ConfigurationError, match="a store's name"):
            LocalVectorStore(name, embedder)
    with pytest.raises(ConfigurationError, match="leave one of them out"):
        LocalVectorStore("a", embedder, folder=tmp_path, url="http://localhost:6333")
    with pytest.raises(ConfigurationError, match="chunk_overlap"):
        LocalVectorStore("a", embedder, chunk_size=100, chunk_overlap=99)
    with pytest.raises(LLMInvalidRequestError, match="anthropic has no embeddings"):
        LocalVectorStore("a", llmlab.get_provider("anthropic"))


def test_a_server_is_asked_with_its_url_and_key(embedder: llmlab.Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def client(**where: Any) -> Any:
        given.append(where)
        return SimpleNamespace(
            get_collections=lambda: SimpleNamespace(collections=[SimpleNamespace(name="house")]), close=lambda: None
        )

    monkeypatch.setattr(qdrant_client, "QdrantClient", client)
    monkeypatch.setenv("QDRANT_API_KEY", "k")
    with open_store("house", embedder, url="http://localhost:6333") as store:
        assert repr(store) == "LocalVectorStore('house', ollama)"
    assert given == [{"url": "http://localhost:6333", "check_compatibility": False, "api_key": "k"}] * 2


def test_a_server_that_is_not_there_is_a_connection_error(embedder: llmlab.Provider) -> None:
    with (
        llmlab.faults("connect_refused"),
        LocalVectorStore("a", embedder, url="http://localhost:6333") as store,
        pytest.raises(LLMConnectionError, match=r"Qdrant server did not do collection_exists.* Is it running"),
    ):
        store.search("x")
