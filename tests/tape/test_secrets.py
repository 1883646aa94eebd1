"""120 planted secrets, and all that is written: recordings, ledger, notebooks, handouts, reports, drift, reprs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import llmlab
from llmlab.errors import LLMError
from llmlab.lab.notebooks.handout import render
from llmlab.lab.notebooks.notebook_file import write_notebook
from llmlab.lab.notebooks.report import write_report
from llmlab.lab.notebooks.result import Result
from llmlab.lab.tape.cassette import Interaction
from llmlab.lab.tape.drift import judge
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.core import bodies
from tests.core.trying import provider
from tests.loopback import LoopbackServer
from tests.planted import LOOK_ALIKES, PLANTED, SECRETS
from tests.tape.conftest import read

IN_ASCII = {name: form for name, form in PLANTED.items() if form.isascii() and form.isprintable()}


def leaks(text: str) -> list[str]:
    """Return what was planted and is in a text, also as JSON or YAML has escaped it; over half of a form counts."""
    found = []
    for name, form in PLANTED.items():
        parts = {form[: len(form) * 2 // 3], form[len(form) // 3 :]}
        parts |= {json.dumps(part)[1:-1] for part in parts}
        found += [name for part in parts if part in text]
    return found


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are in the environment, where all of them are in use."""
    for number, secret in enumerate(SECRETS[:1] + SECRETS[4:5]):
        monkeypatch.setenv(f"PLANTED_{number}_API_KEY", secret)


def test_no_form_of_a_key_is_recorded(server: LoopbackServer, record: Any, folder: Path) -> None:
    """A recording goes into git. Bodies, streams in pieces, headers, cookies, queries and paths are all written."""
    forms = list(PLANTED.values())
    answers = {"echo": forms, "text": " | ".join(forms), **dict.fromkeys(forms, 1)}
    named = {f"x-planted-{number}": form for number, form in enumerate(IN_ASCII.values())}
    one = next(iter(IN_ASCII.values()))
    kept = {"location": f"/v1/x?next={one}", "x-request-id": f"req_{one}", "set-cookie": f"s={one}; Path=/"}
    server.answer(answers, headers={**named, **kept})
    events = [{"delta": form[at : at + 5]} for form in forms for at in range(0, len(form), 5)]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    server.answer(stream, headers={"content-type": "text/event-stream"})
    cookies = "; ".join(f"c{number}={secret}" for number, secret in enumerate(SECRETS) if secret.isascii())
    head = {"authorization": f"Bearer {SECRETS[0]}", "x-api-key": SECRETS[1], "cookie": cookies}
    head["x-auth-token"] = SECRETS[3].encode("utf-8").decode("latin-1")
    with record():
        for _ in range(2):
            sent = {"input": forms, "text": "\n".join(forms)}
            url = f"{server.url}/v1/{SECRETS[0]}/x?q={IN_ASCII['URL: ' + SECRETS[1][:6]]}"
            httpx.post(url, json=sent, headers=[(name, value.encode("latin-1")) for name, value in head.items()])
    (file,) = folder.iterdir()
    assert len(read(folder).interactions) == 2
    assert leaks(file.read_text("utf-8")) == []


def test_no_form_of_a_key_is_in_the_ledger_an_error_or_a_repr(server: LoopbackServer) -> None:
    """They are shown, stored for years, and sent to dashboards."""
    secret = SECRETS[1]
    forms = {name: form for name, form in IN_ASCII.items() if name.endswith(secret[:6])}
    one = forms["base64: " + secret[:6]]
    server.answer({**bodies.CHAT, "model": f"m-{one}"}, headers={"x-request-id": f"req_{one}"})
    problem = {"error": {"message": " ".join(forms.values()), "code": one}}
    server.answer(problem, 400, headers={"x-request-id": f"req_{one}"})
    llmlab.ledger(content=True).clear()
    with provider("openrouter", f"{server.url}/{secret.split('/')[0]}", api_key=secret) as made:
        shown = [repr(made), repr(made.transport)]
        made.complete(f"My key is {secret}, {one}")
        with pytest.raises(LLMError) as caught:
            made.complete("Hi")
        error = caught.value
        shown += [str(error), repr(error), str(error.code), str(error.request_id), repr(vars(error))]
        shown += [repr(record) for record in llmlab.ledger(content=False)]
    assert len(llmlab.ledger()) == 2
    assert [text for text in shown if leaks(text)] == []


def test_no_form_of_a_key_is_in_a_notebook_a_page_or_a_report(tmp_path: Path) -> None:
    """A handout is given to a whole class."""
    secrets = SECRETS[0], SECRETS[4]
    forms = [form for name, form in PLANTED.items() if name.endswith(tuple(secret[:6] for secret in secrets))]
    assert len(forms) == 40
    text = "\n---\n".join(forms)
    outputs = [
        new_output("stream", text=text),
        new_output("display_data", data={"text/html": f"<p>{text}</p>", "application/json": {"forms": forms}}),
        new_output("error", ename="E", evalue=text, traceback=[text]),
    ]
    notebook = new_notebook(cells=[new_code_cell("run()", outputs=outputs)])
    path = tmp_path / "01_call.ipynb"
    write_notebook(notebook, path)
    result = Result(path, False, 1.0, traceback=text)
    report = write_report([result], tmp_path).read_text("utf-8")
    request = TapeRequest("POST", "openai", "/v1/responses", {}, {})
    fails = judge(Interaction(request, TapeAnswer(200, {}, {})), TapeAnswer(400, {}, {"error": {"message": text}}))
    for written in (path.read_text("utf-8"), render(notebook, path, solutions=True), report, str(fails)):
        assert leaks(written) == []
    assert "[redacted]" in report


def test_look_alikes_are_recorded_and_shown_as_they_are(
    server: LoopbackServer, record: Any, folder: Path, tmp_path: Path
) -> None:
    """A recording with holes does not replay."""
    texts = list(LOOK_ALIKES)
    server.answer({"echo": texts})
    with record():
        httpx.post(server.url, json={"input": texts}, headers={"authorization": f"Bearer {SECRETS[1]}"})
    (item,) = read(folder).interactions
    assert (item.request.body, item.answer.body) == ({"input": texts}, {"echo": texts})
    outputs = [new_output("stream", text="\n".join(texts))]
    path = tmp_path / "01_call.ipynb"
    write_notebook(new_notebook(cells=[new_code_cell("run()", outputs=outputs)]), path)
    (cell,) = json.loads(path.read_text("utf-8"))["cells"]
    assert "".join(cell["outputs"][0]["text"]) == "\n".join(texts)
    assert llmlab.mode() == "off"
