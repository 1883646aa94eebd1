"""Recording from a server, and answering from what was written: the same meaning, and none of the secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest
import yaml

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.lab.tape.cassette import Cassette, write_cassette
from llmlab.lab.tape.lab import LAB
from llmlab.lab.wire.messages import TapeAnswer
from tests.loopback import LoopbackServer
from tests.tape.conftest import LESSON, read

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
SSE = {"content-type": "text/event-stream"}
NAMED = 'event: a\r\ndata: {"type": "a", "text": "é😀"}\r\n\r\nevent: b\r\ndata: {"type": "b"}\r\n\r\n'
PLAIN = ': OPENROUTER PROCESSING\n\ndata: {"id": 1}\n\ndata: [DONE]\n\n'


@LIBRARIES
@pytest.mark.parametrize(
    ("body", "status", "headers", "piece"),
    [
        ({"text": "é\nlines 😀"}, 200, {"x-request-id": "req_1"}, 0),
        ({"error": {"message": "slow down"}}, 429, {"retry-after": "2"}, 3),
        ("<html>bad gateway</html>", 502, {"content-type": "text/html"}, 0),
        ("", 204, {}, 0),
        (NAMED, 200, SSE, 7),
        (PLAIN, 200, SSE, 7),
        ('{"a": 1}\n{"done": true}\n', 200, {"content-type": "application/x-ndjson"}, 5),
    ],
    ids=["json", "429", "html", "empty", "named", "sse", "lines"],
)
def test_what_was_recorded_is_answered(
    library: Any,
    body: Any,
    status: int,
    headers: dict[str, str],
    piece: int,
    server: LoopbackServer,
    record: Any,
    replay: Any,
) -> None:
    server.answer(body, status, headers=headers, piece=piece)
    with record():
        live = library.post(server.url + "/v1/x?a=1", json={"ask": "this"})
    assert "x-llmlab-source" not in live.headers
    with replay():
        again = library.post(server.url + "/v1/x?a=1", json={"ask": "this"})
    assert len(server.seen) == 1
    assert (again.status_code, again.headers.get("retry-after")) == (live.status_code, live.headers.get("retry-after"))
    assert again.headers["x-llmlab-source"] == "recorded"
    assert meaning(again.text) == meaning(live.text)


def meaning(text: str) -> list[Any]:
    """Return the lines of a body with their JSON parsed, because spaces and line ends mean nothing."""
    result: list[Any] = []
    for line in text.splitlines():
        head, data = ("data: ", line[6:]) if line.startswith("data: ") else ("", line)
        try:
            result.append((head, json.loads(data)))
        except ValueError:
            result.append(line)
    return result


@LIBRARIES
def test_async_traffic_is_recorded_the_same(library: Any, server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(NAMED, headers=SSE, piece=7)

    async def ask() -> str:
        async with library.AsyncClient() as client:
            return str((await client.post(server.url, json={})).text)

    with record():
        assert asyncio.run(ask()) == NAMED
    (exchange,) = read(folder).interactions
    assert [event for _, event in exchange.answer.events or ()] == [{"type": "a", "text": "é😀"}, {"type": "b"}]


@LIBRARIES
def test_compressed_answers_are_recorded_as_what_they_say(
    library: Any, server: LoopbackServer, record: Any, replay: Any
) -> None:
    body = b'{"zipped": true}'
    server.answer(gzip.compress(body), headers={"content-encoding": "gzip"}, piece=5)
    with record():
        assert library.get(server.url).json() == {"zipped": True}
    with replay():
        again = library.get(server.url)
    assert again.json() == {"zipped": True}
    assert "content-encoding" not in again.headers


def test_an_answer_that_is_cut_in_its_compression_is_noted_as_far_as_it_goes(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(b"\x1f\x8bno gzip", headers={"content-encoding": "gzip"})
    with record(), pytest.raises(httpx.DecodingError):
        httpx.get(server.url)
    assert read(folder).interactions[0].answer.status == 200


def test_a_file_says_where_it_comes_from(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer({})
    with record():
        httpx.post(server.url, json={"model": "gpt-x"})
        httpx.post(server.url, json={"model": "claude-x"})
    file = read(folder)
    assert (file.provenance, file.models) == ("recorded", ["gpt-x", "claude-x"])
    assert len(file.date) == 10
    assert file.sdk["httpx2"] == httpx2.__version__


def test_each_exchange_is_on_disk_at_once(server: LoopbackServer, record: Any, folder: Path) -> None:
    """A kernel that dies later has lost nothing."""
    server.answer({})
    with record():
        httpx.get(server.url + "/one")
        assert [item.request.path for item in read(folder).interactions] == ["/one"]
        httpx.get(server.url + "/two")
        assert [item.request.path for item in read(folder).interactions] == ["/one", "/two"]


def test_exchanges_stand_in_the_order_in_which_they_were_started(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(PLAIN, headers=SSE)
    with record(), httpx.stream("GET", server.url + "/first") as response:
        httpx.get(server.url + "/second")
        response.read()
    assert [item.request.path for item in read(folder).interactions] == ["/first", "/second"]


def test_answers_to_one_request_are_all_kept(server: LoopbackServer, record: Any, replay: Any) -> None:
    for status in (429, 200):
        server.answer({"status": status}, status)
    with record():
        for _ in range(2):
            httpx.get(server.url)
    with replay():
        assert [httpx.get(server.url).status_code for _ in range(3)] == [429, 200, 200]


@LIBRARIES
def test_a_stream_that_the_reader_leaves_is_kept_as_far_as_it_went(
    library: Any, server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(PLAIN, headers=SSE, piece=len(": OPENROUTER PROCESSING\n\n"))
    with record(), library.stream("GET", server.url) as response:
        next(response.iter_raw())
    events = read(folder).interactions[0].answer.events or ()
    assert events[0][1] == ": OPENROUTER PROCESSING"
    assert events[0][0] >= 0


def test_a_stream_that_nobody_closes_is_kept_at_the_stop(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(PLAIN, headers=SSE)
    client = httpx.Client()
    with record():
        response = client.send(client.build_request("GET", server.url), stream=True)
        next(response.iter_raw())
    assert read(folder).interactions[0].answer.status == 200
    client.close()


def test_an_answer_that_is_closed_twice_is_written_once(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(PLAIN, headers=SSE)
    with record(), httpx.stream("GET", server.url) as response:
        response.read()
        response.stream.close()  # type: ignore[union-attr]
    assert len(read(folder).interactions) == 1


def test_a_connection_that_fails_is_not_recorded(server: LoopbackServer, record: Any, folder: Path) -> None:
    with record(), pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:9/")
    assert not (folder / f"{LESSON}.yaml").exists()
    assert llmlab.trace().last.response is None


def test_recording_anew_replaces_the_old_file(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer({})
    with record():
        httpx.get(server.url + "/old")
    LAB._recorders.clear()  # as in a new process
    with record():
        assert read(folder).interactions[0].request.path == "/old"
        httpx.get(server.url + "/new")
    assert [item.request.path for item in read(folder).interactions] == ["/new"]


def test_switching_away_and_back_goes_on_recording(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer({})
    for path in ("/one", "/two"):
        with record():
            httpx.get(server.url + path)
        llmlab.start("offline")
    assert [item.request.path for item in read(folder).interactions] == ["/one", "/two"]


def test_the_sdk_is_recorded_with_its_own_traffic(server: LoopbackServer, record: Any, replay: Any) -> None:
    server.answer({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]})
    with record(), openai.OpenAI(api_key="sk-real-1234567", base_url=server.url + "/v1") as client:
        client.models.list()
    assert server.seen[0].headers["authorization"] == "Bearer sk-real-1234567"
    with replay(), openai.OpenAI(base_url=server.url + "/v1") as client:
        assert [model.id for model in client.models.list()] == ["m"]


def test_live_leaves_traffic_as_it_is_and_shows_it(server: LoopbackServer, folder: Path) -> None:
    server.answer(NAMED, headers=SSE, piece=7)
    with llmlab.start("live", recordings=folder) as tape, httpx2.stream("POST", server.url, json={"a": 1}) as response:
        assert b"".join(response.iter_raw()) == NAMED.encode()
    assert "llmlab.elapsed" not in response.extensions
    last = tape.trace.last
    assert (last.request, last.source, last.status) == ({"a": 1}, "live", 200)
    assert list(tape.trace.events()) == ["a", "b"]
    assert list(folder.iterdir()) == []


def test_a_client_made_offline_is_not_sent_to_the_network(server: LoopbackServer) -> None:
    """Its placeholder would come back as a 401 that nobody understands."""
    llmlab.start()
    client = openai.OpenAI(base_url=server.url + "/v1")
    llmlab.start("live")
    with pytest.raises(ConfigurationError, match="run the cell that makes the client again"):
        client.models.list()
    assert server.connections == 0
    client.close()


def test_recording_without_a_lesson_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="LLMLAB_LESSON"):
        llmlab.start("record", recordings=folder)


def test_authoring_writes_what_the_simulator_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, simulated: Callable[..., None], no_socket: None, record: Any
) -> None:
    """Sends nothing, says that it is authored, and keeps what somebody has written by hand."""
    simulated(lambda request: TapeAnswer(200, {"cache-control": "no-cache"}, {"simulated": request.body}, seconds=0.5))
    monkeypatch.setenv("LLMLAB_AUTHORED", "1")
    url = "https://api.openai.com/v1/responses"
    with record() as tape:
        assert tape.banner().startswith("llmlab: record. Answers come from recordings (there are none yet) and")
        httpx.post(url, json="one")
        httpx.post(url, json="gone")
    path = folder / f"{LESSON}.yaml"
    path.write_text(path.read_text("utf-8").replace("simulated: one", "by_hand: one"), "utf-8")
    LAB._recorders.clear()
    with record():
        httpx.post(url, json="one")
        httpx.post(url, json="two")
    file = read(folder)
    assert file.provenance == "authored"
    assert [item.answer.body for item in file.interactions] == [{"by_hand": "one"}, {"simulated": "two"}]
    assert [item.answer.headers for item in file.interactions] == [{}, {}]
    write_cassette(path, Cassette("recorded", "2026-11-14", file.interactions))
    with record():
        assert httpx.post(url, json="one").json() == {"simulated": "one"}


def test_the_file_is_the_same_text_as_any_yaml_reader_sees(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(NAMED, headers=SSE)
    with record():
        httpx.get(server.url)
    data = yaml.safe_load((folder / f"{LESSON}.yaml").read_text("utf-8"))
    events = data["exchanges"][0]["answer"]["events"]
    assert [event for _, event in events] == [{"type": "a", "text": "é😀"}, {"type": "b"}]


def test_moments_are_seconds_since_the_request(
    server: LoopbackServer, record: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time to the first token comes from here, so it counts from the request and not from the first byte."""
    server.answer(NAMED.replace("\r", ""), headers=SSE)
    clock = iter(range(100))
    with record():
        monkeypatch.setattr("llmlab.lab.tape.body_streams.time.monotonic", lambda: float(next(clock)))
        httpx.get(server.url)
        monkeypatch.setattr("llmlab.lab.tape.body_streams.time.monotonic", time.monotonic)
    assert (read(folder).interactions[0].answer.events or ())[0][0] == 1.0
