"""Recording from a server, and answering from what was written: the same meaning, and none of the secrets."""

from __future__ import annotations

import asyncio
import base64
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
from llmlab.lab.tape.lab import Lab
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.loopback import LoopbackServer
from tests.tape.conftest import LESSON, read

LIBRARIES = (httpx, httpx2)
SSE = {"content-type": "text/event-stream"}
NAMED = 'event: a\r\ndata: {"type": "a", "text": "é😀"}\r\n\r\nevent: b\r\ndata: {"type": "b"}\r\n\r\n'
PLAIN = ': OPENROUTER PROCESSING\n\ndata: {"id": 1}\n\ndata: [DONE]\n\n'
BODIES: dict[str, tuple[Any, int, dict[str, str], int]] = {
    # body, status, headers, size of the pieces in bytes
    "json": ({"text": "é\nlines 😀"}, 200, {"x-request-id": "req_1"}, 0),
    "429": ({"error": {"message": "slow down"}}, 429, {"retry-after": "2"}, 3),
    "html": ("<html>bad gateway</html>", 502, {"content-type": "text/html"}, 0),
    "empty": ("", 204, {}, 0),
    "named": (NAMED, 200, SSE, 7),
    "sse": (PLAIN, 200, SSE, 7),
    "lines": ('{"a": 1}\n{"done": true}\n', 200, {"content-type": "application/x-ndjson"}, 5),
    "compressed": (gzip.compress(b'{"zipped": true}'), 200, {"content-encoding": "gzip"}, 5),
}


def paths(folder: Path) -> list[str]:
    return [item.request.path for item in read(folder).interactions]


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


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_is_replayed_as_it_was_recorded(
    name: str, server: LoopbackServer, record: Any, replay: Any, folder: Path
) -> None:
    body, status, headers, piece = BODIES[name]
    server.answer(body, status, headers=headers, piece=piece)
    for library in LIBRARIES:
        url = f"{server.url}/v1/{library.__name__}?a=1"
        with record():
            live = library.post(url, json={"ask": "this"})
        assert "x-llmlab-source" not in live.headers
        with replay():
            again = library.post(url, json={"ask": "this"})
        assert again.headers["x-llmlab-source"] == "recorded"
        for name in ("retry-after", "x-request-id"):
            assert again.headers.get(name) == live.headers.get(name)
        assert "content-encoding" not in again.headers
        assert (again.status_code, meaning(again.text)) == (live.status_code, meaning(live.text))
    assert len(server.seen) == len(read(folder).interactions) == 2


def test_async_traffic_is_recorded_the_same(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(NAMED, headers=SSE, piece=7)

    async def ask(library: Any) -> str:
        async with library.AsyncClient() as client:
            return str((await client.post(f"{server.url}/{library.__name__}", json={})).text)

    with record():
        assert [asyncio.run(ask(library)) for library in LIBRARIES] == [NAMED, NAMED]
    for item in read(folder).interactions:
        assert [event for _, event in item.answer.events or ()] == [{"type": "a", "text": "é😀"}, {"type": "b"}]


def test_a_compressed_answer_that_is_cut_is_recorded_as_far_as_it_goes(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(b"\x1f\x8bno gzip", headers={"content-encoding": "gzip"})
    with record(), pytest.raises(httpx.DecodingError):
        httpx.get(server.url)
    assert read(folder).interactions[0].answer.status == 200


def test_each_exchange_is_on_disk_at_once_with_its_clients(server: LoopbackServer, record: Any, folder: Path) -> None:
    """A kernel that dies later has lost nothing."""
    server.answer({})
    with record():
        httpx.post(server.url + "/one", json={"model": "gpt-x"})
        assert paths(folder) == ["/one"]
        httpx.post(server.url + "/two", json={"model": "claude-x"})
        assert paths(folder) == ["/one", "/two"]
    file = read(folder)
    assert (file.provenance, file.models, len(file.date)) == ("recorded", ["gpt-x", "claude-x"], 10)
    assert file.sdk["httpx2"] == httpx2.__version__


def test_exchanges_stand_in_the_order_in_which_they_were_started(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(PLAIN, headers=SSE)
    with record(), httpx.stream("GET", server.url + "/first") as response:
        httpx.get(server.url + "/second")
        response.read()
        response.stream.close()  # type: ignore[union-attr] # closing twice records once
    assert paths(folder) == ["/first", "/second"]


def test_all_answers_to_one_request_are_recorded(server: LoopbackServer, record: Any, replay: Any) -> None:
    for status in (429, 200):
        server.answer({"status": status}, status)
    with record():
        for _ in range(2):
            httpx.get(server.url)
    with replay():
        assert [httpx.get(server.url).status_code for _ in range(3)] == [429, 200, 200]


def test_a_stream_that_the_reader_leaves_is_recorded_as_far_as_it_went(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    server.answer(PLAIN, headers=SSE, piece=len(": OPENROUTER PROCESSING\n\n"))
    with record(), httpx2.stream("GET", server.url) as response:
        next(response.iter_raw())
    (moment, event), *_ = read(folder).interactions[0].answer.events or ()
    assert event == ": OPENROUTER PROCESSING"
    assert moment >= 0


def test_a_stream_that_nobody_closes_is_recorded_at_the_stop(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(PLAIN, headers=SSE)
    with httpx.Client() as client:
        with record():
            response = client.send(client.build_request("GET", server.url), stream=True)
            next(response.iter_raw())
        assert read(folder).interactions[0].answer.status == 200
        response.close()


def test_a_connection_that_fails_is_not_recorded(record: Any, folder: Path) -> None:
    with record(), pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:9/")
    assert not (folder / f"{LESSON}.yaml").exists()
    assert llmlab.trace().last.response is None


def test_a_new_process_replaces_the_file_and_a_switch_does_not(
    server: LoopbackServer, record: Any, folder: Path
) -> None:
    """A lesson that switches to offline and back goes on recording where it was."""
    server.answer({})
    for path in ("/one", "/two"):
        with record():
            httpx.get(server.url + path)
        llmlab.start("offline")
    assert paths(folder) == ["/one", "/two"]
    llmlab.stop()
    with Lab().start("record", lesson=LESSON, recordings=folder):  # as in another process
        assert paths(folder) == ["/one", "/two"]
        httpx.get(server.url + "/new")
    assert paths(folder) == ["/new"]


def test_an_sdk_is_recorded_with_its_own_traffic(server: LoopbackServer, record: Any, replay: Any) -> None:
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
    assert (last.request, last.source, last.status, list(tape.trace.events())) == ({"a": 1}, "live", 200, ["a", "b"])
    assert list(folder.iterdir()) == []


def test_a_client_made_offline_is_not_sent_to_the_network(server: LoopbackServer) -> None:
    """Its placeholder would come back as a 401 that nobody understands."""
    llmlab.start()
    with openai.OpenAI(base_url=server.url + "/v1") as client:
        llmlab.start("live")
        with pytest.raises(ConfigurationError, match="run the cell that makes the client again"):
            client.models.list()
    assert server.connections == 0


def test_recording_without_a_lesson_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="LLMLAB_LESSON"):
        llmlab.start("record", recordings=folder)


def test_authoring_records_the_simulator_and_leaves_what_was_written_by_hand(
    folder: Path, monkeypatch: pytest.MonkeyPatch, simulated: Callable[..., None], no_socket: None
) -> None:
    simulated(lambda request: TapeAnswer(200, {"cache-control": "no-cache"}, {"simulated": request.body}, seconds=0.5))
    monkeypatch.setenv("LLMLAB_AUTHORED", "1")
    url, path = "https://api.openai.com/v1/responses", folder / f"{LESSON}.yaml"

    def record(*texts: str) -> list[Any]:
        with Lab().start("record", lesson=LESSON, recordings=folder) as tape:
            assert tape.banner().startswith("llmlab: record. Answers come from recordings")
            return [httpx.post(url, json=text).json() for text in texts]

    record("one", "gone")
    path.write_text(path.read_text("utf-8").replace("simulated: one", "by_hand: one"), "utf-8")
    record("one", "two")
    file = read(folder)
    assert file.provenance == "authored"
    assert [item.answer.body for item in file.interactions] == [{"by_hand": "one"}, {"simulated": "two"}]
    assert [item.answer.headers for item in file.interactions] == [{}, {}]
    write_cassette(path, Cassette("recorded", "2026-11-14", file.interactions))
    assert record("one") == [{"simulated": "one"}], "what was recorded live is not mixed with what was authored"


def test_any_yaml_reader_reads_the_file(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer(NAMED, headers=SSE)
    with record():
        httpx.get(server.url)
    data = yaml.safe_load((folder / f"{LESSON}.yaml").read_text("utf-8"))
    events = data["exchanges"][0]["answer"]["events"]
    assert [event for _, event in events] == [{"type": "a", "text": "é😀"}, {"type": "b"}]


def test_times_are_seconds_since_the_request(
    server: LoopbackServer, record: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time to the first token comes from here, so it counts from the request and not from the first byte."""
    server.answer(NAMED.replace("\r", ""), headers=SSE)
    clock = iter(range(100))
    with record(), monkeypatch.context() as patch:
        patch.setattr("llmlab.lab.tape.body_streams.time.monotonic", lambda: float(next(clock)))
        httpx.get(server.url)
        patch.setattr("llmlab.lab.tape.body_streams.time.monotonic", time.monotonic)
    assert (read(folder).interactions[0].answer.events or ())[0][0] == 1.0


PLANTED = {
    "key in a header": "plainword77",
    "key of Anthropic": "sk-ant-api03-PLANTED1aaa",
    "key of OpenAI in a prompt": "sk-proj-PLANTED2bbb111",
    "key of OpenRouter in an error": "sk-or-v1-PLANTED3ccc222",
    "masked key in an error": "sk-PL******************D4",
    "masked plain key": "pla****d77",
    "key in a query": "PLANTED5queryvalue",
    "token in a query": "PLANTED6tokenvalue",
    "password in a field": "PLANTED7pass",
    "bearer in a text": "PLANTED8bearertoken",
    "web token": "eyJPLANTED9a.eyJPLANTED9b.PLANTED9signature",
    "organisation": "org-PLANTED10abcdef",
    "mail": "planted11@lovelace.dev",
    "home": "planted12user",
    "basic password": "PLANTED13basic",
    "cookie": "PLANTED14session",
    "cloud key": "AKIAPLANTED15AAAAAAA",
    "response header": "PLANTED16cookie",
    "hugging face": "hf_PLANTED17aaaaaaaaaaaa",
    "arguments of a tool": "PLANTED18argument",
    "key in the environment": "PLANTED19environment",
}


def test_no_planted_secret_reaches_the_disk(
    server: LoopbackServer, record: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers, query strings, bodies, error bodies and streams, whole and in pieces."""
    p, used, key = PLANTED, PLANTED["key in a header"], PLANTED["key of OpenAI in a prompt"]
    tool = p["arguments of a tool"]
    monkeypatch.setenv("SOMEBODYS_API_KEY", p["key in the environment"])
    events = [
        *({"type": "delta", "text": piece} for piece in (used[:3], used[3:7], used[7:], key[:5], key[5:])),
        *({"type": "arguments", "partial_json": text} for text in ('{"pass', f'word": "{tool[:6]}', f'{tool[6:]}"}}')),
        {"type": "done", "text": f"{used} {p['mail']}", "headers": {"authorization": p["bearer in a text"]}},
    ]
    message = (
        f"Incorrect API key provided: {p['masked key in an error']} {p['key of OpenRouter in an error']} of "
        f"{p['organisation']}, see /home/{p['home']}/log, Bearer {p['bearer in a text']}; used {p['masked plain key']}"
    )
    details = {"password": p["password in a field"], "seen": [used, p["web token"], p["hugging face"]]}
    headers = {"set-cookie": f"s={p['response header']}", "x-request-id": f"req_{used}"}
    server.answer({"error": {"message": message, "param": details}}, 401, headers=headers)
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    server.answer(stream, headers=SSE, piece=7)
    text = f"not JSON: {used} {p['cloud key']} {p['basic password']}"
    server.answer(text, 500, headers={"content-type": "text/plain"})
    server.answer({"echo": p["key in a query"], p["token in a query"]: p["cookie"]})
    body = {
        "model": "m",
        "input": [f"my key is {key}, {p['mail']}, {used}, {p['key in the environment']}"],
        "metadata": {"api_key": p["password in a field"], "x": p["key of Anthropic"]},
    }
    basic = base64.b64encode(f"me:{p['basic password']}".encode()).decode()
    query = f"?key={p['key in a query']}&access_token={p['token in a query']}"
    with record():
        httpx2.post(server.url, json=body, headers={"Authorization": f"Bearer {used}"})
        httpx.post(server.url, json=body, headers={"x-api-key": used, "x-extra-token": p["key of Anthropic"]})
        keys = {"api-key": used, "authorization": f"Basic {basic}"}
        httpx.post(server.url, json=f"text {p['mail']} {used}", headers=keys)
        httpx.get(server.url + "/v1/models" + query, headers={"cookie": f"a=b; session={p['cookie']}"})
    (file,) = folder.iterdir()
    written, recorded = file.read_text("utf-8"), read(folder).interactions
    assert len(recorded) == 4
    assert {name: secret for name, secret in PLANTED.items() if secret.lower() in written.lower()} == {}
    # Pieces of a stream are put together again, because the file holds no secret as a whole.
    texts: list[Any] = [event for _, event in recorded[1].answer.events or ()]
    together = "".join(str(event.get("text", event.get("partial_json"))) for event in texts)
    assert not any(secret in together for secret in PLANTED.values())
    assert written.count("[redacted]") >= 20


def test_harmless_words_are_still_there(server: LoopbackServer, record: Any, folder: Path) -> None:
    answer = {"text": "The risk-free answer of ollama: max_tokens=5, see ada@example.com."}
    server.answer(answer)
    with record():
        httpx.post(server.url, json={"input": "task-oriented?"}, headers={"authorization": "Bearer ollama"})
    (item,) = read(folder).interactions
    assert item.answer.body == answer
    assert item.request == TapeRequest("POST", item.request.alias, "/", {}, {"input": "task-oriented?"})
