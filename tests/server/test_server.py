"""The simulator over real HTTP: what curl, Node and other languages rely on."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from llmlab.errors import ConfigurationError
from llmlab.lab.faults import FaultPlan as faults
from llmlab.lab.faults.catalog import KINDS
from llmlab.lab.tape.server import SimulatorServer
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

KEY = {"authorization": "Bearer any", "x-api-key": "any", "content-type": "application/json"}
HI = {"model": "gpt-oss:20b", "messages": [{"role": "user", "content": "Hi"}]}
SILENT = ("timeout", "connect_refused", "dns")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(headers=KEY, timeout=20) as client:
        yield client


def test_one_port_serves_five_services(simulator: SimulatorServer, client: httpx2.Client) -> None:
    for name, path in (
        ("openai", "/models"),
        ("anthropic", "/v1/models"),
        ("openrouter", "/models"),
        ("ollama", "/api/tags"),
        ("local_gpt_oss", "/models"),
    ):
        answer = client.get(simulator.urls[name] + path)
        assert answer.status_code == 200, name
        assert answer.headers["x-llmlab-source"] == "simulated"
        assert answer.json().get("data") or answer.json().get("models")


def test_it_listens_on_this_machine_only(simulator: SimulatorServer) -> None:
    """Thirty people in one room must not use each other's simulators by mistake."""
    assert simulator.url == f"http://127.0.0.1:{simulator.port}"


def test_the_address_itself_tells_where_the_services_are(simulator: SimulatorServer, client: httpx2.Client) -> None:
    said = client.get(simulator.url).json()
    assert said["base_urls"] == simulator.urls
    assert set(said["faults"]) == set(KINDS)
    lost = client.get(simulator.url + "/v1/models")
    assert lost.status_code == 404
    assert simulator.urls["openai"] in lost.json()["error"]["message"]


def test_a_wrong_key_is_refused_as_there(simulator: SimulatorServer) -> None:
    answer = httpx2.get(simulator.urls["openai"] + "/models", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_streams_come_in_pieces_and_end_well(simulator: SimulatorServer, client: httpx2.Client) -> None:
    with client.stream("POST", simulator.urls["ollama"] + "/api/chat", json=HI) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        assert response.headers["transfer-encoding"] == "chunked"
        lines = list(response.iter_lines())
    assert len(lines) > 2
    assert json.loads(lines[-1])["done"] is True


def test_methods_uploads_and_queries_reach_the_simulator() -> None:
    seen: list[TapeRequest] = []

    def answer(request: TapeRequest) -> TapeAnswer:
        seen.append(request)
        return TapeAnswer(204 if request.method == "DELETE" else 200, {}, None if request.method == "DELETE" else [])

    with SimulatorServer(pace=0, answer=answer) as server, httpx2.Client() as client:
        base = server.urls["openai"]
        assert client.delete(base + "/files/file-1").status_code == 204
        client.get(base + "/files?limit=2&after=%C3%A9")
        client.post(base + "/files", files={"file": ("a.txt", b"hello")}, data={"purpose": "batch"})
        client.post(base + "/chat/completions", content=b"{not json")
        head = client.head(base + "/models")
    assert [(request.method, request.path) for request in seen[:2]] == [
        ("DELETE", "/v1/files/file-1"),
        ("GET", "/v1/files?limit=2&after=%C3%A9"),
    ]
    assert seen[2].body["multipart"][1]["value"] == "hello"
    assert seen[3].body == "{not json"
    assert (head.status_code, head.content) == (200, b"")


def test_a_header_brings_a_fault_to_one_request(simulator: SimulatorServer, client: httpx2.Client) -> None:
    url = simulator.urls["anthropic"] + "/v1/models"
    answer = client.get(url, headers={"x-llmlab-fault": "rate_limit;retry_after=2"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.headers["x-llmlab-fault"] == "rate_limit"
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert client.get(url).status_code == 200


def test_times_in_a_header_count_over_requests(simulator: SimulatorServer, client: httpx2.Client) -> None:
    """So that one curl line shows how a retry succeeds."""
    headers = {"x-llmlab-fault": "server_error;times=2;path=/models"}
    found = [client.get(simulator.urls["openai"] + "/models", headers=headers).status_code for _ in range(3)]
    assert found == [500, 500, 200]


def test_a_wrong_header_is_told_what_comes_nearest(simulator: SimulatorServer, client: httpx2.Client) -> None:
    answer = client.get(simulator.urls["openai"] + "/models", headers={"x-llmlab-fault": "rate_limt"})
    assert answer.status_code == 400
    assert "Did you mean 'rate_limit'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", list(KINDS))
def test_every_fault_comes_over_real_http(
    fault: str, stream: bool, simulator: SimulatorServer, client: httpx2.Client
) -> None:
    url = simulator.urls["ollama"] + "/api/chat"
    headers = {"x-llmlab-fault": fault}
    try:
        answer = client.post(url, json={**HI, "stream": stream}, headers=headers)
    except httpx2.RemoteProtocolError:
        assert fault in (*SILENT, "cut_stream")
    else:
        assert fault not in (*SILENT, "cut_stream")
        assert answer.headers["x-llmlab-fault"] == fault
    assert client.post(url, json={**HI, "stream": False}).status_code == 200


def test_the_servers_own_faults_meet_everybody(client: httpx2.Client) -> None:
    with SimulatorServer(pace=0, faults="rate_limit;times=1, server_error;provider=ollama") as server:
        found = [client.get(server.urls["openai"] + "/models").status_code for _ in range(2)]
        assert found == [429, 200]
        assert client.get(server.urls["ollama"] + "/api/tags").status_code == 500
    block = faults("server_error", probability=0.5, seed=2)
    with SimulatorServer(pace=0, faults=block) as server:
        found = [client.get(server.urls["openai"] + "/models").status_code for _ in range(40)]
    assert block.injected == found.count(500)
    assert {200, 500} == set(found)


def test_an_unknown_fault_is_told_before_it_listens() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'timeout'"):
        SimulatorServer(faults="timout")


def test_a_taken_port_is_told(simulator: SimulatorServer) -> None:
    with pytest.raises(ConfigurationError, match=f"--port {simulator.port + 1}"), SimulatorServer(simulator.port):
        pass


def test_each_request_gives_a_line_of_log() -> None:
    lines: list[str] = []
    with SimulatorServer(pace=0, log=lines.append) as server:
        httpx2.get(server.urls["openai"] + "/models?key=abcdefghijk", headers=KEY)
        httpx2.get(server.url + "/nowhere")
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(server.urls["ollama"] + "/api/tags", headers={"x-llmlab-fault": "dns"})
    assert lines == [
        "GET openai /v1/models?key=[redacted] → 200, simulated",
        "GET /nowhere → 404, simulated",
        "GET ollama /api/tags → ConnectError, injected dns",
    ]


def test_many_streams_are_answered_at_the_same_time() -> None:
    """One slow reader must not hold up a class: the first stream ends only when the second one has been read."""
    gate = (0.0, {"n": 1}), (1e6, {"n": 2})

    def answer(request: TapeRequest) -> TapeAnswer:
        return TapeAnswer(200, {}, events=gate if request.path == "/slow" else gate[:1], framing="ndjson")

    async def ask(server: SimulatorServer) -> list[str]:
        async with httpx2.AsyncClient(timeout=20) as client, client.stream("GET", f"{server.url}/ollama/slow") as slow:
            first = aiter(slow.aiter_lines())
            begun = await anext(first)
            others = await asyncio.gather(*(client.get(f"{server.url}/ollama/{number}") for number in range(50)))
            return [begun, *(other.text for other in others)]

    with SimulatorServer(pace=1, answer=answer) as server:
        said = asyncio.run(ask(server))
    assert said == ['{"n":1}', *['{"n":1}\n'] * 50]


def test_a_reader_who_leaves_is_forgotten() -> None:
    events = tuple((0.0, {"text": "x" * 100_000}) for _ in range(200))
    with SimulatorServer(pace=0, answer=lambda request: TapeAnswer(200, {}, events=events, framing="ndjson")) as server:
        with httpx2.stream("GET", f"{server.url}/ollama/api/chat") as response:
            next(response.iter_raw())
        assert httpx2.get(f"{server.url}/").status_code == 200


def test_what_is_no_http_does_no_harm(simulator: SimulatorServer, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port)) as line:
        line.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert b"HTTP/1.1 400" in line.recv(1000)
    assert httpx2.get(simulator.url).status_code == 200


def test_stopping_ends_what_is_still_running() -> None:
    """Ctrl-C in the middle of a stream must not hang the terminal."""
    slow = TapeAnswer(200, {}, events=((0.0, {"n": 1}), (1e6, {"n": 2})), framing="ndjson")
    with SimulatorServer(pace=1, answer=lambda request: slow) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/ollama/api/chat")
        response = connection.getresponse()
        assert response.readline() == b'{"n":1}\n'
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_the_answer_of_one_request_is_the_same_each_time(simulator: SimulatorServer, client: httpx2.Client) -> None:
    body: dict[str, Any] = {"model": "gpt-6-luna", "input": "Hi", "stream": True}
    found = {client.post(simulator.urls["openai"] + "/responses", json=body).content for _ in range(2)}
    assert len(found) == 1
