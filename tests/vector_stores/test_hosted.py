"""Stores at OpenAI. If one fails, files are left behind there and billed, or a store cannot be found again."""

from __future__ import annotations

import asyncio
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import quote

import openai
import pytest

import llmlab
from llmlab.errors import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMError,
    LLMInvalidRequestError,
    LLMTimeoutError,
    MissingAPIKeyError,
    StoreNotFoundError,
)
from llmlab.lab.tape.server import SimulatorServer
from llmlab.toolkit.vector_stores import HostedVectorStore, Progress, hosted, open_store, open_store_async
from llmlab.types.completion import FileSearchResult
from llmlab.types.options import FileSearch
from tests.core.trying import provider
from tests.exchanges import Exchange, exchange
from tests.loopback import LoopbackServer
from tests.vector_stores.stores import do, made

SHAPES = ("sync", "async")


def names_at_openai() -> list[str]:
    """The files of the account, through OpenAI's own SDK."""
    with openai.OpenAI() as client:
        return [file.filename for file in client.files.list()]


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_stores_are_made_listed_and_found_by_name_and_id(shape: str) -> None:
    def ask(method: str, *args: Any) -> Any:
        return do(shape, HostedVectorStore, method, *args)

    first, second = ask("create", "letters"), ask("create", "bills")
    assert [one.name for one in ask("list_stores")] == ["bills", "letters"]
    assert (ask("open", "letters").id, ask("open", second.id).name) == (first.id, "bills")
    assert repr(first) == f"HostedVectorStore({first.id!r}, 'letters')"
    opened = open_store("letters") if shape == "sync" else asyncio.run(open_store_async("letters"))
    assert opened.id == first.id
    with pytest.raises(StoreNotFoundError, match=r"no vector store 'lettres'. There are: bills, letters. Hosted"):
        ask("open", "lettres")
    with pytest.raises(LLMInvalidRequestError, match="a store needs a name"):
        ask("create", " ")
    for store in (first, second, opened):
        do(shape, store, "delete") if store is not opened else None
        store.close()


def test_an_expired_store_says_so(server: LoopbackServer) -> None:
    server.answer({"data": [{"id": "vs_1", "name": "old", "status": "expired"}], "has_more": False})
    with (
        provider("openai", server.url) as llm,
        pytest.raises(StoreNotFoundError, match=r"'old' has expired\. Make a new"),
    ):
        HostedVectorStore.open("old", llm)


def test_lists_are_read_to_their_last_page(server: LoopbackServer) -> None:
    """Else a store beyond the first hundred is not there."""
    server.answer({"data": [{"id": "vs_1", "name": "a"}], "has_more": True})
    server.answer({"data": [{"id": "vs_2", "name": "b"}], "has_more": False})
    with provider("openai", server.url) as llm:
        assert [store.id for store in HostedVectorStore.list_stores(llm)] == ["vs_1", "vs_2"]
    first = "/v1/vector_stores?limit=100"
    assert [seen.path for seen in server.seen] == [first, f"{first}&after=vs_1"]


@pytest.mark.usefixtures("lab")
def test_other_providers_host_no_stores_and_the_way_out_is_named() -> None:
    for name in ("anthropic", "openrouter", "ollama", "local_gpt_oss"):
        llm = llmlab.get_provider(name)
        with pytest.raises(LLMInvalidRequestError, match=f"{name} hosts no vector stores, and openai does. LocalVecto"):
            HostedVectorStore.create("x", llm)
        with pytest.raises(LLMInvalidRequestError, match="file_search"):
            llm.complete("Hi", file_search=FileSearch(("vs_1",)))


def test_without_a_key_the_error_is_the_usual_one() -> None:
    with pytest.raises(MissingAPIKeyError):
        HostedVectorStore.create("x")


def test_an_sdk_client_is_refused_with_the_way_out() -> None:
    with pytest.raises(LLMInvalidRequestError, match="cannot carry /vector_stores; leave client= out"):
        HostedVectorStore.create("x", llmlab.get_provider("openai", client=MagicMock()))


class Fault:
    """Lets every request meet a fault from a certain progress on."""

    def __init__(self, name: str, at: str, **options: Any) -> None:
        self.block = llmlab.faults(name, **options)
        self.at = at

    def __call__(self, progress: Progress) -> None:
        if str(progress) == self.at:
            self.block.__enter__()


FAILING = {
    "the second upload": ("uploading: 1 of 2 files", {"path": "/files", "times": 1}),
    "the batch": ("uploading: 2 of 2 files", {"path": "/file_batches", "times": 1}),
    "a look at the batch": ("uploading: 2 of 2 files", {"path": "/file_batches/vsfb"}),
}


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("shape", "place", "fault"),
    [
        *zip(cycle(SHAPES), FAILING, ("server_error", "connect_refused", "unauthorized")),
        *zip(cycle(SHAPES[::-1]), FAILING, ("unauthorized", "server_error", "connect_refused")),
    ],
)
def test_an_add_that_fails_leaves_nothing_behind(shape: str, place: str, fault: str, folder: Path) -> None:
    """Else files that nobody knows of lie at OpenAI, and a second try doubles half of them."""
    at, options = FAILING[place]
    store, breaking = made("hosted"), Fault(fault, at, **options)
    store.add({"before": "It was here before."})
    with pytest.raises(LLMError) as caught:
        do(shape, store, "add", sorted(folder.glob("*.*")), progress=breaking)
    breaking.block.__exit__(None, None, None)
    assert breaking.block.injected == 1
    assert [file.name for file in store.files()] == ["before.txt"]
    assert names_at_openai() == ["before.txt"]
    assert not getattr(caught.value, "__notes__", [])


@pytest.mark.usefixtures("lab")
def test_what_cannot_be_removed_is_named(folder: Path) -> None:
    """Else nobody knows what to clean up."""
    store, breaking = made("hosted"), Fault("server_error", "uploading: 1 of 2 files")
    with pytest.raises(LLMAPIError) as caught:
        store.add(sorted(folder.glob("*.*")), progress=breaking)
    breaking.block.__exit__(None, None, None)
    (note,) = caught.value.__notes__
    assert note.startswith("These files are still at OpenAI and could not be removed: file-")


@pytest.mark.usefixtures("lab")
def test_an_add_that_is_interrupted_leaves_nothing_behind(folder: Path) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    store = made("hosted")
    with pytest.raises(KeyboardInterrupt):
        store.add(folder.glob("*.*"), progress=interrupt)

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        await store.add_async(folder.glob("*.*"), progress=lambda progress: progress.done == 2 and task.cancel())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert names_at_openai() == []


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_that_openai_cannot_read_keeps_all_of_them_out(shape: str, folder: Path) -> None:
    (folder / "scan.pdf").write_bytes(b"%PDF \xff\xfe")
    store = made("hosted")
    with pytest.raises(
        LLMInvalidRequestError, match=r"could not read scan\.pdf \(The file type is not supported\.\)\. L"
    ):
        do(shape, store, "add", folder.glob("*.*"))
    assert (store.files(), names_at_openai()) == ((), [])


@pytest.mark.usefixtures("lab")
def test_a_batch_that_never_ends_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "INDEXING_TIMEOUT", -1.0)
    store = made("hosted")
    with pytest.raises(LLMTimeoutError, match="has not read all files"):
        store.add(folder.glob("*.*"))
    assert names_at_openai() == []


@pytest.mark.usefixtures("lab")
def test_deleting_a_store_deletes_its_files_and_no_others(folder: Path) -> None:
    one, other = made("hosted", "one"), made("hosted", "other")
    one.add(folder / "menu.txt")
    other.add(folder / "handbook.md")
    one.delete()
    assert names_at_openai() == ["handbook.md"]


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_goes_over_real_http(shape: str, folder: Path) -> None:
    """The tape reads an upload by itself; a real server must read it, too."""
    with SimulatorServer(pace=0) as running:
        llm = provider("openai", running.urls["openai"])
        store = do(shape, HostedVectorStore, "create", "wire", llm)
        do(shape, store, "add", {"café": "The café is closed on Mondays — always."})
        (found,) = do(shape, store, "search", "When is the café closed?")
        assert (found.file_name, found.text) == ("café.txt", "The café is closed on Mondays — always.")
        do(shape, store, "delete")
        llm.close()


def stored(name: str) -> Exchange:
    return exchange(f"openai-vector-stores-{name}")


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_are_read(shape: str, server: LoopbackServer) -> None:
    server.answer(stored("create").body)
    server.answer(stored("list").body)
    server.answer(stored("search").body)
    with provider("openai", server.url) as llm:
        store = do(shape, HostedVectorStore, "create", "letters", llm)
        assert store.id == "vs_gull1"
        assert len(do(shape, HostedVectorStore, "list_stores", llm)) == stored("list").expect["count"]
        found = do(shape, store, "search", "when does the ferry leave", 5)
    assert found[0] == FileSearchResult("The ferry leaves at nine.", 0.75, "timetable.pdf", "file-gull1")
    sent = stored("search")
    assert (server.seen[2].method, server.seen[2].path) == (sent.method, sent.path)
    assert server.seen[2].body.items() <= sent.request.items()


def test_a_batch_is_sent_watched_and_its_files_are_read(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else files are never said to be ready."""
    monkeypatch.setattr(hosted, "_FIRST_WAIT", 0.0)
    made_batch, seen_batch = stored("file-batches-create"), stored("file-batches-get")
    file_id = made_batch.request["file_ids"][0] if made_batch.request else ""
    for body in ({"data": []}, {"id": file_id}, made_batch.body, seen_batch.body):
        server.answer(body)
    reports: list[str] = []
    with provider("openai", server.url) as llm:
        store = HostedVectorStore("vs_gull1", provider=llm)
        (file,) = store.add({"a": "Coffee."}, progress=lambda progress: reports.append(str(progress)))
    assert (file.id, reports) == (file_id, ["uploading: 1 of 1 files", "indexing: 1 of 1 files"])
    *_, sent, seen = server.seen
    assert (sent.path, sent.body) == (made_batch.path, made_batch.request)
    assert seen.path == f"{made_batch.path}/{made_batch.json['id']}"


@pytest.mark.parametrize("shape", SHAPES)
def test_deletions_are_read(shape: str, server: LoopbackServer) -> None:
    server.answer(stored("files-list").body)
    deleted = stored("delete")
    server.answer(deleted.body)
    server.answer({"id": "file-gull1", "object": "file", "deleted": True})
    with provider("openai", server.url) as llm:
        do(shape, HostedVectorStore("vs_gull1", provider=llm), "delete")
    assert [(seen.method, seen.path) for seen in server.seen[1:]] == [
        (deleted.method, deleted.path),
        ("DELETE", "/v1/files/file-gull1"),
    ]


@pytest.mark.parametrize("status", [404, 403])
def test_a_file_that_is_gone_already_does_not_stop_a_deletion(status: int, server: LoopbackServer) -> None:
    """Somebody may tidy up at the same time. That the key may not delete is something else."""
    server.answer({"data": [{"id": "file-1"}], "has_more": False})
    server.answer({"id": "vs_1", "deleted": True})
    server.answer({"error": {"message": "No such File object: file-1"}}, status)
    with provider("openai", server.url) as llm:
        store = HostedVectorStore("vs_1", provider=llm)
        if status == 404:
            store.delete()
        else:
            with pytest.raises(LLMAuthenticationError):
                store.delete()


@pytest.mark.usefixtures("lab")
def test_a_store_closes_only_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the first store that is closed takes the connections of everybody else."""
    closed: list[Any] = []

    async def aclose(self: Any) -> None:
        closed.append(self)

    monkeypatch.setattr(llmlab.OpenAIProvider, "aclose", aclose)
    llm = llmlab.get_provider("openai")

    async def used() -> None:
        async with await HostedVectorStore.create_async("mine", llm):
            pass
        async with await HostedVectorStore.create_async("its own"):
            pass

    asyncio.run(used())
    assert len(closed) == 1
    assert closed[0] is not llm


@pytest.mark.usefixtures("lab")
def test_a_wrong_id_touches_no_other_file() -> None:
    """Else an id that somebody has read from outside is a path into the account."""
    store = made("hosted")
    (kept,) = store.add({"a": "Coffee is free."})
    wrong: list[Any] = ["", " ", None, "../../files/other", "a?b=c"]
    for file_id in wrong:
        before = len(llmlab.trace())
        with pytest.raises(LLMInvalidRequestError):
            store.remove(file_id)
        paths = [exchange.path for exchange in llmlab.trace()][before:]
        escaped = f"/v1/vector_stores/{store.id}/files/{quote(file_id or '', safe='')}"
        assert paths == ([escaped] if (file_id or "").strip() else [])
    assert store.files() == (kept,)
    store.close()
