"""Secrets planted wherever a request or an answer can hold one: none of them may be found in what was written."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from llmlab.lab.wire.messages import TapeRequest
from tests.loopback import LoopbackServer
from tests.tape.conftest import read

SSE = {"content-type": "text/event-stream"}


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
    p = PLANTED
    monkeypatch.setenv("SOMEBODYS_API_KEY", p["key in the environment"])
    used = p["key in a header"]
    pieces = [used[:3], used[3:7], used[7:], p["key of OpenAI in a prompt"][:5], p["key of OpenAI in a prompt"][5:]]
    arguments = ['{"pass', f'word": "{p["arguments of a tool"][:6]}', f'{p["arguments of a tool"][6:]}"}}']
    said = [
        *({"type": "delta", "text": piece} for piece in pieces),
        *({"type": "arguments", "partial_json": piece} for piece in arguments),
        {"type": "done", "text": f"{used} {p['mail']}", "headers": {"authorization": p["bearer in a text"]}},
    ]
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in said)
    error = {
        "error": {
            "message": f"Incorrect API key provided: {p['masked key in an error']} "
            f"{p['key of OpenRouter in an error']} of {p['organisation']}, see /home/{p['home']}/log, "
            f"Bearer {p['bearer in a text']}; used {p['masked plain key']}",
            "param": {"password": p["password in a field"], "seen": [used, p["web token"], p["hugging face"]]},
        }
    }
    answer_headers = {"set-cookie": f"s={p['response header']}", "x-request-id": f"req_{used}"}
    server.answer(error, 401, headers=answer_headers)
    server.answer(stream, headers=SSE, piece=7)
    server.answer(
        f"not JSON: {used} {p['cloud key']} {p['basic password']}", 500, headers={"content-type": "text/plain"}
    )
    server.answer({"echo": p["key in a query"], p["token in a query"]: p["cookie"]})
    body = {
        "model": "m",
        "input": [f"my key is {p['key of OpenAI in a prompt']}, {p['mail']}, {used}, {p['key in the environment']}"],
        "metadata": {"api_key": p["password in a field"], "x": p["key of Anthropic"]},
    }
    basic = base64.b64encode(f"me:{p['basic password']}".encode()).decode()
    with record():
        httpx2.post(server.url, json=body, headers={"Authorization": f"Bearer {used}"})
        httpx.post(server.url, json=body, headers={"x-api-key": used, "x-extra-token": p["key of Anthropic"]})
        httpx.post(
            server.url, json=f"text {p['mail']} {used}", headers={"api-key": used, "authorization": f"Basic {basic}"}
        )
        query = f"?key={p['key in a query']}&access_token={p['token in a query']}"
        httpx.get(server.url + "/v1/models" + query, headers={"cookie": f"a=b; session={p['cookie']}"})
    files = list(folder.iterdir())
    written = files[0].read_text("utf-8")
    assert len(files) == 1
    assert len(read(folder).interactions) == 4
    assert {name: secret for name, secret in PLANTED.items() if secret.lower() in written.lower()} == {}
    # In pieces it would not be found as a whole: put the stream together again.
    texts = [
        str(event.get("text", event.get("partial_json")))
        for _, event in read(folder).interactions[1].answer.events or ()
    ]  # type: ignore[union-attr]
    assert not any(secret in "".join(texts) for secret in PLANTED.values())
    assert written.count("[redacted]") >= 20


def test_what_is_harmless_is_still_there(server: LoopbackServer, record: Any, folder: Path) -> None:
    server.answer({"text": "The risk-free answer of ollama: max_tokens=5, see ada@example.com."})
    with record():
        httpx.post(server.url, json={"input": "task-oriented?"}, headers={"authorization": "Bearer ollama"})
    (exchange,) = read(folder).interactions
    assert exchange.answer.body == {"text": "The risk-free answer of ollama: max_tokens=5, see ada@example.com."}
    assert exchange.request == TapeRequest("POST", exchange.request.alias, "/", {}, {"input": "task-oriented?"})
