"""Both kinds of store do the same. If one fails, a program cannot change from one to the other, or loses its files."""

from __future__ import annotations

import asyncio
import inspect
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMInvalidRequestError, StoreNotFoundError
from llmlab.toolkit.vector_stores import HostedVectorStore, LocalVectorStore, Progress
from llmlab.types.completion import FileSearchResult
from tests.core.trying import NAMES
from tests.providers.test_parity import methods, signature
from tests.vector_stores.stores import KINDS, do, made, told

pytestmark = pytest.mark.usefixtures("lab")
SHAPES = ("sync", "async")
TYPES = (*SHAPES, "stream", "async stream")
PAIRS = (("hosted", "sync"), ("local", "async"))
OTHER_PAIRS = (("hosted", "async"), ("local", "sync"))
pairs = pytest.mark.parametrize(("kind", "shape"), PAIRS)
other_pairs = pytest.mark.parametrize(("kind", "shape"), OTHER_PAIRS)
DOG = "What is the office dog called?"


@pytest.mark.parametrize("kind", [HostedVectorStore, LocalVectorStore])
def test_everything_has_an_async_twin_with_the_same_signature(kind: Any) -> None:
    there = methods(kind) | {
        name: getattr(kind, name).__func__ for name in ("create", "open", "list_stores") if hasattr(kind, name)
    }
    twins = {name: getattr(kind, f"{name}_async") for name in there if not name.endswith(("_async", "close"))}
    assert set(twins) >= {"add", "search", "answer", "answer_stream", "files", "remove", "delete"}
    for name, twin in twins.items():
        assert signature(there[name]) == signature(getattr(twin, "__func__", twin))
        assert there[name].__doc__
        assert twin.__doc__
        assert inspect.iscoroutinefunction(twin) or name == "answer_stream"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_added_found_listed_and_removed(kind: str, shape: str, folder: Path) -> None:
    store = made(kind)
    handbook, menu = do(shape, store, "add", [folder / "handbook.md", folder / "menu.txt"])
    assert (menu.name, menu.size) == ("menu.txt", (folder / "menu.txt").stat().st_size)
    assert do(shape, store, "files") == (handbook, menu)
    best, *rest = do(shape, store, "search", DOG)
    assert (best.file_name, best.file_id) == ("handbook.md", handbook.id)
    assert "Biscuit" in best.text
    assert all(best.score > other.score for other in rest)
    assert len(do(shape, store, "search", DOG, max_results=1)) == 1
    do(shape, store, "remove", handbook.id)
    assert do(shape, store, "files") == (menu,)
    assert {one.file_name for one in do(shape, store, "search", DOG)} == {"menu.txt"}
    with pytest.raises(LLMInvalidRequestError):
        do(shape, store, "remove", handbook.id)
    store.close()


@pytest.mark.parametrize(
    ("kind", "shape", "provider"),
    [
        *((kind, shape, "openai") for kind in KINDS for shape in TYPES),
        *zip(cycle(KINDS), cycle((*TYPES[1:], TYPES[0])), NAMES[1:]),
    ],
)
def test_every_provider_answers_from_a_store_and_names_its_sources(
    kind: str, shape: str, provider: str, folder: Path
) -> None:
    store = made(kind)
    store.add(folder.glob("*.*"))
    answer = told(shape, store, llmlab.get_provider(provider), DOG, max_results=1)
    assert answer.content == "The office dog is called Biscuit."
    (source,) = answer.file_search_results
    assert isinstance(source, FileSearchResult)
    assert (source.file_name, "Biscuit" in source.text) == ("handbook.md", True)
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_an_answer_reach_the_provider(kind: str, folder: Path) -> None:
    store = made(kind)
    store.add(folder / "menu.txt")
    llmlab.trace().clear()
    store.answer(llmlab.get_provider("openai"), "What is served on Fridays?", max_tokens=200)
    last = llmlab.trace().last
    assert last is not None
    assert last.request["max_output_tokens"] == 200
    assert ("tools" in last.request) == (kind == "hosted")


@other_pairs
def test_a_file_that_is_added_again_replaces_the_earlier_one(kind: str, shape: str) -> None:
    """Else a notebook cell that is run twice makes every answer come twice, and old texts never go away."""
    store = made(kind)
    do(shape, store, "add", {"menu": "On Fridays there is fish.", "other": "Coffee is free."})
    do(shape, store, "add", {"menu": "On Fridays there is soup."})
    assert sorted(file.name for file in do(shape, store, "files")) == ["menu.txt", "other.txt"]
    found = " ".join(one.text for one in do(shape, store, "search", "What is there on Fridays?"))
    assert ("soup" in found, "fish" in found, "Coffee" in found) == (True, False, True)
    store.close()


@pairs
def test_progress_is_reported_step_by_step(kind: str, shape: str, folder: Path) -> None:
    """Else an hour of uploading looks like a program that hangs."""
    reports: list[Progress] = []
    store = made(kind)
    do(shape, store, "add", folder.glob("*.*"), progress=reports.append)
    last = {progress.stage: str(progress) for progress in reports}
    assert last == (
        {"uploading": "uploading: 2 of 2 files", "indexing": "indexing: 2 of 2 files"}
        if kind == "hosted"
        else {"embedding": "embedding: 2 of 2 chunks"}
    )
    store.close()


@other_pairs
def test_an_empty_store_finds_nothing_and_says_so_in_an_answer(kind: str, shape: str) -> None:
    store = made(kind)
    assert do(shape, store, "search", DOG) == ()
    assert do(shape, store, "files") == ()
    assert told(shape, store, llmlab.get_provider("anthropic"), DOG).file_search_results == ()
    store.close()


@pairs
def test_a_store_that_was_deleted_says_so_and_what_to_do(kind: str, shape: str, folder: Path) -> None:
    store = made(kind)
    store.add(folder / "menu.txt")
    do(shape, store, "delete")
    doings: list[tuple[str, tuple[Any, ...]]] = [("search", ("x",)), ("files", ()), ("add", ({"a": "b"},))]
    for method, args in [*doings, ("delete", ()), ("answer", (llmlab.get_provider("openai"), "x"))]:
        with pytest.raises(StoreNotFoundError, match=r"(not found|was deleted)\. (HostedV|Make a new one)"):
            do(shape, store, method, *args)
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_search_is_refused_before_it_is_sent(kind: str) -> None:
    wrong: list[tuple[Any, Any]] = [("", 1), (" ", 1), (3, 1), ("x", 0), ("x", 51), ("x", True), ("x", 1.5)]
    store = made(kind)
    before = len(llmlab.trace())
    for query, most in wrong:
        for shape, method, args in (("sync", "search", ()), ("async", "answer", (llmlab.get_provider("openai"),))):
            with pytest.raises(LLMInvalidRequestError):
                do(shape, store, method, *args, query, most)
    assert len(llmlab.trace()) == before
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_with_and_async_with_close_but_do_not_delete(kind: str, folder: Path) -> None:
    with made(kind) as store:
        store.add(folder / "menu.txt")

    async def again() -> None:
        async with made(kind, "other") as other:
            await other.add_async(folder / "menu.txt")
            assert await other.files_async()

    asyncio.run(again())
    if kind == "hosted":
        assert [one.name for one in llmlab.HostedVectorStore.list_stores()] == ["other", "house"]


def test_the_stream_of_an_answer_can_be_left_and_read_by_hand(folder: Path) -> None:
    store, llm = made("local"), llmlab.get_provider("openai")
    store.add(folder / "handbook.md")
    stream = store.answer_stream(llm, DOG)
    assert str(next(stream)) == "The"
    stream.close()
    assert stream.result.content == "The"
    assert stream.result.file_search_results

    async def by_hand() -> None:
        pieces = store.answer_stream_async(llm, DOG)
        with pytest.raises(llmlab.LLMStreamError, match="still being written"):
            _ = pieces.result
        assert str(await anext(await pieces)) == "The"
        await pieces.aclose()
        assert pieces.result.file_search_results
        left = store.answer_stream_async(llm, DOG)
        while await anext(left, None):
            pass
        assert left.result.content == "The office dog is called Biscuit."

    asyncio.run(by_hand())
    with pytest.raises(StopIteration):
        next(stream)
    store.close()


@pytest.mark.parametrize(("kind", "shape"), [*zip(cycle(KINDS), TYPES)])
def test_a_wrong_option_is_refused_before_anything_is_searched(kind: str, shape: str) -> None:
    """Else its search is paid for first."""
    store = made(kind)
    store.add({"a": "The dog is called Biscuit."})
    before = len(llmlab.trace())
    for options in ({"temprature": 1}, {"file_search": {"vector_store_ids": ("vs_1",)}}):
        with pytest.raises(LLMInvalidRequestError):
            told(shape, store, llmlab.get_provider("openai"), DOG, **options)
    assert len(llmlab.trace()) == before
    store.close()
