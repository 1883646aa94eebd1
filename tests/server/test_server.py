"""The simulator over real HTTP: what curl, Node and other languages rely on."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator

import httpx2
import pytest

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
    """Else one of the base URLs that the command prints has no service."""
    paths = {"openai": "/models", "anthropic": "/v1/models", "openrouter": "/models", "ollama": "/api/tags"}
    for name, url in simulator.urls.items():
        answer = client.get(url + paths.get(name, "/models"))
        assert (answer.status_code, answer.headers["x-llmlab-source"]) == (200, "simulated"), name
        assert answer.json().get("data") or answer.json().get("models"), name
    wrong = httpx2.get(simulator.urls["openai"] + "/models", headers={"authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")


def test_the_address_itself_names_the_services(simulator: SimulatorServer, client: httpx2.Client) -> None:
    """Else who types a wrong address is left alone; and thirty people in a room could meet each other's simulators."""
    assert simulator.url == f"http://127.0.0.1:{simulator.port}"
    index = client.get(simulator.url).json()
    assert (index["base_urls"], set(index["faults"])) == (simulator.urls, set(KINDS))
    lost = client.get(simulator.url + "/v1/models")
    assert lost.status_code == 404
    assert simulator.urls["openai"] in lost.json()["error"]["message"]


def test_a_stream_comes_in_chunks_and_ends_well(simulator: SimulatorServer, client: httpx2.Client) -> None:
    """Else a client in another language waits for the end, or forever."""
    with client.stream("POST", simulator.urls["ollama"] + "/api/chat", json=HI) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        assert response.headers["transfer-encoding"] == "chunked"
        lines = list(response.iter_lines())
    assert len(lines) > 2
    assert json.loads(lines[-1])["done"] is True


def test_methods_uploads_and_queries_reach_the_simulator() -> None:
    """Else files cannot be uploaded, deleted or listed page by page."""
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
    """Else a single curl line cannot show a refusal, or how a retry succeeds."""
    url = simulator.urls["anthropic"] + "/v1/models"
    answer = client.get(url, headers={"x-llmlab-fault": "rate_limit;retry_after=2"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.headers["x-llmlab-fault"] == "rate_limit"
    assert answer.json()["error"]["type"] == "rate_limit_error"
    twice = {"x-llmlab-fault": "server_error;times=2;path=/models"}
    assert [client.get(url, headers=twice).status_code for _ in range(3)] == [500, 500, 200]
    mistyped = client.get(url, headers={"x-llmlab-fault": "rate_limt"})
    assert (mistyped.status_code, "Did you mean 'rate_limit'" in mistyped.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_fault_comes_over_real_http(stream: bool, simulator: SimulatorServer, client: httpx2.Client) -> None:
    """Else a fault can be tried in Python only, or breaks the server for the next request."""
    url = simulator.urls["ollama"] + "/api/chat"
    for fault in KINDS:
        try:
            answer = client.post(url, json={**HI, "stream": stream}, headers={"x-llmlab-fault": fault})
        except httpx2.RemoteProtocolError:
            assert fault in (*SILENT, "cut_stream")
        else:
            assert fault not in (*SILENT, "cut_stream")
            assert answer.headers["x-llmlab-fault"] == fault
        assert client.post(url, json={**HI, "stream": False}).status_code == 200


def test_the_servers_own_faults_meet_everybody(client: httpx2.Client) -> None:
    """Else `--faults` does nothing, or strikes the wrong service."""
    with SimulatorServer(pace=0, faults="rate_limit;times=1, server_error;provider=ollama") as server:
        found = [client.get(server.urls["openai"] + "/models").status_code for _ in range(2)]
        assert found == [429, 200]
        assert client.get(server.urls["ollama"] + "/api/tags").status_code == 500
    block = faults("server_error", probability=0.5, seed=2)
    with SimulatorServer(pace=0, faults=block) as server:
        found = [client.get(server.urls["openai"] + "/models").status_code for _ in range(40)]
    assert block.injected == found.count(500)
    assert {200, 500} == set(found)


def test_each_request_gives_a_line_of_log() -> None:
    """Else nobody sees what a foreign program sends, or a key is printed."""
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
    """Else one closed tab stops the server."""
    events = tuple((0.0, {"text": "x" * 100_000}) for _ in range(200))
    with SimulatorServer(pace=0, answer=lambda request: TapeAnswer(200, {}, events=events, framing="ndjson")) as server:
        with httpx2.stream("GET", f"{server.url}/ollama/api/chat") as response:
            next(response.iter_raw())
        assert httpx2.get(f"{server.url}/").status_code == 200


def test_what_is_no_http_does_no_harm(simulator: SimulatorServer, caplog: pytest.LogCaptureFixture) -> None:
    """Else a browser that tries HTTPS stops the server."""
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
