"""Files and vector stores, through OpenAI's own SDK: the lesson on file search breaks when one of these does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types import FileObject, VectorStore
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.vector_stores import VectorStoreFile, VectorStoreFileBatch
from pydantic import TypeAdapter
from simulator_requests import HEADERS, transport

from llmlab.lab.simulator import Simulator
from llmlab.lab.wire.messages import TapeRequest

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
HANDBOOK = b"Staff get 28 days of holiday a year.\n\nThe office dog is called Biscuit. It sleeps under the stairs."
MENU = b"On Fridays the canteen serves fish.\n\nCoffee is free before nine o'clock."


@pytest.fixture
def gpt() -> Iterator[openai.OpenAI]:
    """A client of a simulator that remembers nothing yet."""
    http = httpx2.Client(transport=transport(httpx2, "openai", Simulator()))
    with openai.OpenAI(api_key="k", http_client=http, _strict_response_validation=True) as client:
        yield client


def upload(gpt: openai.OpenAI, name: str, content: bytes, purpose: Any = "assistants") -> FileObject:
    return gpt.files.create(file=(name, content), purpose=purpose)


@pytest.fixture
def store(gpt: openai.OpenAI) -> VectorStore:
    """A store of two files."""
    ids = [upload(gpt, "handbook.md", HANDBOOK).id, upload(gpt, "menu.txt", MENU).id]
    made = gpt.vector_stores.create(name="house", file_ids=ids, metadata={"owner": "ada"})
    assert (made.status, made.file_counts.in_progress) == ("in_progress", 2)
    return made


def test_a_file_is_kept_until_it_is_deleted(gpt: openai.OpenAI) -> None:
    """Else what a learner uploads is gone at the next call."""
    file = upload(gpt, "lines.jsonl", b'{"a": "\xc3\xa9"}\n', "batch")
    assert (file.filename, file.bytes, file.status, file.purpose) == ("lines.jsonl", 12, "processed", "batch")
    assert gpt.files.retrieve(file.id) == file
    assert gpt.files.content(file.id).text == '{"a": "é"}\n'
    assert [one.id for one in gpt.files.list(purpose="batch")] == [file.id]
    assert list(gpt.files.list(purpose="evals")) == []
    assert gpt.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {file.id}"):
        gpt.files.retrieve(file.id)


def test_the_same_upload_twice_makes_two_files(gpt: openai.OpenAI) -> None:
    """Else the second upload takes the place of the first, and deleting one deletes both."""
    first, second = upload(gpt, "a.txt", b"one"), upload(gpt, "a.txt", b"one")
    assert first.id != second.id
    gpt.files.delete(first.id)
    assert gpt.files.retrieve(second.id).filename == "a.txt"


def test_lists_come_in_pages(gpt: openai.OpenAI) -> None:
    """Else the SDK's automatic paging stops early, or never."""
    made = [upload(gpt, f"{number}.txt", b"x").id for number in range(5)]
    assert [one.id for one in gpt.files.list(limit=2)] == made[::-1]
    assert [one.id for one in gpt.files.list(limit=2, order="asc")] == made
    page = gpt.files.list(limit=2, after=made[3])
    assert ([one.id for one in page.data], page.has_more) == ([made[2], made[1]], True)


def test_uploads_are_checked(gpt: openai.OpenAI) -> None:
    """Else a wrong upload works offline and fails live."""
    for kind, content, message in [("holiday", b"x", "Invalid value: 'holiday'"), ("assistants", b"", "File is empty")]:
        with pytest.raises(openai.BadRequestError, match=message):
            upload(gpt, "a.txt", content, kind)


def test_a_file_that_is_no_text_is_kept_by_name_and_size(gpt: openai.OpenAI) -> None:
    """Else a picture cannot be uploaded, or comes back as something else."""
    file = gpt.files.create(file=("a.png", io.BytesIO(b"\x89PNG\xff\xfe")), purpose="batch")
    assert file.bytes == 6
    with pytest.raises(openai.BadRequestError, match="text files only"):
        gpt.files.content(file.id)
    with pytest.raises(openai.BadRequestError, match="Not allowed to download"):
        gpt.files.content(upload(gpt, "a.txt", b"x").id)


def test_a_store_can_be_read_changed_and_deleted(gpt: openai.OpenAI, store: VectorStore) -> None:
    """Else half of the vector store API is missing offline."""
    read = gpt.vector_stores.retrieve(store.id)
    assert (read.status, read.file_counts.completed, read.usage_bytes) == ("completed", 2, len(HANDBOOK) + len(MENU))
    changed = gpt.vector_stores.update(store.id, name="home", metadata={"owner": "bo"})
    assert (changed.name, changed.metadata) == ("home", {"owner": "bo"})
    assert [one.id for one in gpt.vector_stores.list()] == [store.id]
    assert gpt.vector_stores.delete(store.id).deleted
    with pytest.raises(openai.NotFoundError, match="not found"):
        gpt.vector_stores.retrieve(store.id)
    assert len(list(gpt.files.list())) == 2


def test_files_enter_and_leave_a_store(gpt: openai.OpenAI, store: VectorStore) -> None:
    """Else a store cannot be kept up to date."""
    more = upload(gpt, "extra.txt", b"The roof is open in summer.")
    added = gpt.vector_stores.files.create(store.id, file_id=more.id, attributes={"year": 2026})
    assert (added.status, added.usage_bytes) == ("in_progress", 0)
    polled = gpt.vector_stores.files.poll(more.id, vector_store_id=store.id)
    assert VectorStoreFile.model_validate(polled.model_dump()).attributes == {"year": 2026}
    assert len(list(gpt.vector_stores.files.list(store.id, filter="completed"))) == 3
    assert gpt.vector_stores.files.delete(more.id, vector_store_id=store.id).deleted
    with pytest.raises(openai.NotFoundError, match="No file found"):
        gpt.vector_stores.files.retrieve(more.id, vector_store_id=store.id)
    assert gpt.files.retrieve(more.id)


def test_files_enter_a_store_in_a_batch(gpt: openai.OpenAI) -> None:
    """Else `create_and_poll` of the SDK waits forever."""
    store = gpt.vector_stores.create(name="empty")
    ids = [upload(gpt, "a.txt", HANDBOOK).id, upload(gpt, "b.txt", MENU).id]
    begun = gpt.vector_stores.file_batches.create(store.id, file_ids=ids)
    assert (begun.status, begun.file_counts.in_progress) == ("in_progress", 2)
    batch = gpt.vector_stores.file_batches.poll(begun.id, vector_store_id=store.id)
    assert VectorStoreFileBatch.model_validate(batch.model_dump()).file_counts.completed == 2
    found = gpt.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, order="asc")
    assert [one.id for one in found] == ids
    assert gpt.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id).status == "completed"
    with pytest.raises(openai.NotFoundError, match="No such File object: file-x"):
        gpt.vector_stores.file_batches.create(store.id, file_ids=["file-x"])


def test_a_file_that_cannot_be_read_is_counted_as_failed(gpt: openai.OpenAI) -> None:
    """Else a program takes a store for complete that is not, and finds out when it is live."""
    store = gpt.vector_stores.create(name="scans")
    ids = [upload(gpt, "a.txt", HANDBOOK).id, upload(gpt, "scan.pdf", b"%PDF \xff\xfe").id]
    begun = gpt.vector_stores.file_batches.create(store.id, file_ids=ids)
    batch = gpt.vector_stores.file_batches.poll(begun.id, vector_store_id=store.id)
    assert (batch.file_counts.completed, batch.file_counts.failed, batch.file_counts.total) == (1, 1, 2)
    counts = gpt.vector_stores.retrieve(store.id).file_counts
    assert (counts.completed, counts.failed, counts.total) == (1, 1, 2)
    (failed,) = gpt.vector_stores.files.list(store.id, filter="failed")
    assert failed.last_error
    assert failed.last_error.code == "unsupported_file"
    gpt.files.delete(ids[1])
    after = gpt.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
    assert after.file_counts.completed == 2


def test_search_finds_what_the_files_say(gpt: openai.OpenAI, store: VectorStore) -> None:
    """Else retrieval is a show: the nearest text must be the right one."""
    best, *rest = gpt.vector_stores.search(store.id, query="How many days of holiday do I get?")
    assert (best.filename, best.score > max(one.score for one in rest)) == ("handbook.md", True)
    assert "28 days" in best.content[0].text
    assert next(iter(gpt.vector_stores.search(store.id, query="fish on Friday"))).filename == "menu.txt"
    assert len(list(gpt.vector_stores.search(store.id, query="fish", max_num_results=1))) == 1
    assert list(gpt.vector_stores.search(store.id, query="xyz", ranking_options={"score_threshold": 0.99})) == []


def test_search_follows_filters(gpt: openai.OpenAI) -> None:
    """Else a filter lets everything pass, or nothing."""
    store = gpt.vector_stores.create(name="years")
    for year in (2024, 2025, 2026):
        file = upload(gpt, f"{year}.txt", f"The report of {year}.".encode())
        gpt.vector_stores.files.create(store.id, file_id=file.id, attributes={"year": year, "kind": "report"})

    def years(**rule: Any) -> set[str]:
        return {one.filename[:4] for one in gpt.vector_stores.search(store.id, query="report", filters=rule)}  # type: ignore[arg-type]

    assert years(type="eq", key="year", value=2025) == {"2025"}
    assert years(type="gte", key="year", value=2025) == {"2025", "2026"}
    assert years(type="in", key="year", value=[2024, 2026]) == {"2024", "2026"}
    assert years(type="lt", key="kind", value=3) == set()
    both = [{"type": "ne", "key": "year", "value": 2024}, {"type": "ne", "key": "year", "value": 2026}]
    assert years(type="and", filters=both) == {"2025"}
    assert years(type="or", filters=both) == {"2024", "2025", "2026"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_searches_the_store_and_cites_the_file(gpt: openai.OpenAI, store: VectorStore, stream: bool) -> None:
    """Else file search inside Responses says something that is not in the files."""
    tool: Any = {"type": "file_search", "vector_store_ids": [store.id]}
    asked: Any = {"model": "gpt-6-luna", "input": "What is the office dog called?", "tools": [tool]}
    if stream:
        got = list(gpt.responses.create(**asked, stream=True))
        for event in got:
            EVENT.validate_python(event.model_dump())
        kinds = [event.type.removeprefix("response.") for event in got]
        wanted = [f"file_search_call.{step}" for step in ("in_progress", "searching", "completed")]
        assert [kind for kind in kinds if kind.startswith("file_search")] == wanted
        assert kinds.index("output_text.annotation.added") < kinds.index("output_text.done")
        answer: Response = got[-1].response
    else:
        answer = gpt.responses.create(**asked, include=["file_search_call.results"])
        call = answer.output[0]
        assert call.type == "file_search_call"
        assert call.queries == ["What is the office dog called?"]
        assert call.results
        assert "Biscuit" in (call.results[0].text or "")
    assert answer.output_text == "The office dog is called Biscuit."
    message = answer.output[-1]
    assert message.type == "message"
    (citation,) = message.content[0].annotations  # type: ignore[union-attr]
    assert citation.type == "file_citation"
    assert citation.filename == "handbook.md"
    assert answer.usage
    assert answer.usage.input_tokens > 30


def test_long_files_are_cut_into_chunks(gpt: openai.OpenAI) -> None:
    """Else a long file is one result, which is near to everything and to nothing."""
    pages = "\n\n".join(f"Page {number} is about " + f"topic{number} " * 30 for number in range(30))
    text = pages + "\n\n" + "It never ends. " * 400
    store = gpt.vector_stores.create(name="long")
    cut: Any = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}
    file = upload(gpt, "long.txt", text.encode())
    gpt.vector_stores.files.create(store.id, file_id=file.id, chunking_strategy=cut)
    best = next(iter(gpt.vector_stores.search(store.id, query="topic17"))).content[0].text
    assert best.startswith("Page 17 is about")
    found = [one.content[0].text for one in gpt.vector_stores.search(store.id, query="topic17", max_num_results=50)]
    assert len(found) > 40
    assert set(" ".join(found).split()) == set(text.split())
    assert max(map(len, found)) < 700
    cut["static"]["max_chunk_size_tokens"] = 9
    with pytest.raises(openai.BadRequestError, match="max_chunk_size_tokens"):
        gpt.vector_stores.files.create(store.id, file_id=file.id, chunking_strategy=cut)


def test_an_answer_that_was_given_stays_what_it_was() -> None:
    """Else a recording, or a trace, changes afterwards."""
    simulator = Simulator()

    def call(path: str, body: Any) -> Any:
        return simulator.answer(TapeRequest("POST", "openai", f"/v1/{path}", HEADERS["openai"], body)).body

    form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a", "value": "x"}]
    file, store = call("files", {"multipart": form}), call("vector_stores", {"name": "one"})
    where = f"vector_stores/{store['id']}/files"
    added = call(where, {"file_id": file["id"], "attributes": {"year": 1}})
    call(f"vector_stores/{store['id']}", {"name": "two", "metadata": {"a": "b"}})
    job = {"input_file_id": file["id"], "endpoint": "/v1/responses", "completion_window": "24h"}
    batch = call("batches", job)
    call(f"batches/{batch['id']}/cancel", None)
    assert (store["name"], store["metadata"]) == ("one", {})
    assert (added["attributes"], batch["status"]) == ({"year": 1}, "validating")


def test_simulators_share_nothing_and_forget_when_told_to() -> None:
    """Else one learner, or one test, sees the files of another."""
    one, other = Simulator(), Simulator()
    form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a", "value": "x"}]
    request = TapeRequest("POST", "openai", "/v1/files", HEADERS["openai"], {"multipart": form})
    listing = TapeRequest("GET", "openai", "/v1/files", HEADERS["openai"])
    first = one.answer(request)
    assert len(one.answer(listing).body["data"]) == 1
    assert other.answer(listing).body["data"] == []
    one.reset()
    assert one.answer(listing).body["data"] == []
    assert one.answer(request) == first
