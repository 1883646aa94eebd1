"""Drift, against the simulator in a changed version: each change is told by its kind, and no change is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmlab.lab.cli.app import app
from llmlab.lab.notebooks.notebook_file import ROOT
from llmlab.lab.tape.cassette import Cassette, Interaction, read_cassette, write_cassette
from llmlab.lab.tape.drift import Asker, judge
from llmlab.lab.tape.server import SimulatorServer
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.loopback import LoopbackServer
from tests.recordings import changed as changes
from tests.recordings.changed import REQUESTS, Change, changed, recorded
from tests.runner.samples import save

Drift = Callable[..., Any]


@pytest.fixture
def drift(tmp_path: Path) -> Drift:
    """Record with the simulator as it is, then run the command against a changed one."""

    def run(change: Change, *options: str, names: tuple[str, ...] = tuple(REQUESTS)) -> Any:
        path = save(tmp_path / "01_ask.ipynb", "1")
        write_cassette(tmp_path / "recordings" / "01_ask.yaml", recorded(*names))
        with SimulatorServer(0, pace=0, answer=changed(change)) as server:
            return CliRunner().invoke(app, ["drift", str(path), "--simulator", server.url, *options])

    return run


def test_services_that_have_not_changed_are_reported_as_such(drift: Drift) -> None:
    """A scheduled job stays green as long as nothing has changed; a wrong key is wrong again, as it was recorded."""
    result = drift(changes.same)
    assert result.exit_code == 0, result.output
    assert f"{len(REQUESTS)} asked, {len(REQUESTS)} as recorded, 0 differ." in result.output


@pytest.mark.parametrize(
    ("change", "kind", "detail"),
    [
        (changes.add_name, "shape", "new: mood"),
        (changes.change_type, "shape", "type of created_at: recorded number, now text"),
        (
            changes.change_order,
            "shape",
            "order of events: response.created came before response.in_progress, and now comes after it",
        ),
        (changes.rename_in_stream, "shape", "gone: delta in response.output_text.delta"),
        (changes.rename_in_stream, "shape", "new: piece in response.output_text.delta"),
        (changes.retire("claude-haiku-5-5"), "retired", "model_not_found"),
        (changes.forgive, "no longer fails", "recorded 400, now 200"),
        (changes.refuse, "fails", "recorded 200, now 422: temperature is required"),
    ],
)
def test_a_change_is_drift_of_its_kind(drift: Drift, change: Change, kind: str, detail: str) -> None:
    """The job turns red, and its JSON says which recording, on which line, which request and what about it."""
    result = drift(change, "--json")
    assert result.exit_code == 1, result.output
    report = json.loads(result.stdout)
    assert report["drift"] is True
    found = [row for row in report["findings"] if any(detail in text for text in row["details"])]
    assert found
    assert {row["kind"] for row in found} == {kind}
    assert all(row["recording"].startswith("01_ask.yaml, line ") for row in found)
    assert report["retired"] == (["claude-haiku-5-5"] if kind == "retired" else [])


def test_the_table_says_it_in_words(drift: Drift) -> None:
    """A maintainer reads one table, and which model to replace."""
    result = drift(changes.retire("claude-haiku-5-5"))
    assert "01_ask.yaml, line" in result.output
    assert "POST /v1/messages" in result.output
    assert f"{len(REQUESTS)} asked, {len(REQUESTS) - 1} as recorded, 1 differ." in result.output
    assert "Shut down: claude-haiku-5-5. Record the lessons with another model." in result.output


def test_a_bad_hour_is_no_drift(drift: Drift) -> None:
    """A rate limit says nothing about shapes; where nothing else could be asked, the job says so with code 2."""
    result = drift(changes.limit)
    assert result.exit_code == 2
    assert "because openai answers 429 today" in result.output
    assert "nothing could be asked" in result.output


def test_without_keys_and_servers_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no key learns which one is missing; a server that does not run is named, too."""
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    save(tmp_path / "01_ask.ipynb", "1")
    write_cassette(tmp_path / "recordings" / "01_ask.yaml", recorded("plain", "streamed", "ollama"))
    result = CliRunner().invoke(app, ["drift", str(tmp_path)])
    assert result.exit_code == 2
    assert "Not asked: 2, because OPENAI_API_KEY is not set." in result.output
    assert "Not asked: 1, because ollama is not reachable: ConnectError." in result.output


def test_a_model_that_the_catalogue_knows_to_be_shut_down_needs_no_key(tmp_path: Path) -> None:
    """A recording from a model that is gone is reported, even where nobody can be asked."""
    asked = TapeRequest("POST", "openai", "/v1/chat/completions", {}, {"model": "gpt-4", "messages": []})
    save(tmp_path / "01_ask.ipynb", "1")
    file = Cassette("recorded", "2026-01-01", (Interaction(asked, TapeAnswer(body={})),))
    write_cassette(tmp_path / "recordings" / "01_ask.yaml", file)
    result = CliRunner().invoke(app, ["drift", str(tmp_path)])
    assert (result.exit_code, "Shut down: gpt-4." in result.output) == (1, True)


def test_nothing_recorded_is_wrong_usage(tmp_path: Path) -> None:
    """A job that watches the wrong folder does not stay green."""
    result = CliRunner().invoke(app, ["drift", str(save(tmp_path / "01_ask.ipynb", "1"))])
    assert (result.exit_code, "nothing is recorded" in result.output) == (2, True)


def test_the_lessons_are_as_the_simulator_answers() -> None:
    """Authored recordings and the simulator have one shape, and every lesson can be asked again."""
    with SimulatorServer(0, pace=0) as server:
        result = CliRunner().invoke(app, ["drift", str(ROOT / "notebooks"), "--simulator", server.url])
    assert result.exit_code == 0, result.output


def ask(item: Interaction, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, *more: Interaction) -> list[Any]:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine-1234567")
    with Asker() as asker:
        return [asker.ask(one) for one in (item, *more)]


def test_the_reader_s_key_goes_to_the_service_and_a_wrong_one_where_a_wrong_one_was_recorded(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expected 401 would otherwise be answered, and pass for a failure that is gone."""
    server.answer({}, 200)
    server.answer({}, 401)
    models = TapeRequest("GET", "openai", "/v1/models")
    found = ask(
        Interaction(models, TapeAnswer(200, {}, {})), server, monkeypatch, Interaction(models, TapeAnswer(401, {}, {}))
    )
    assert [one.kind for one in found] == ["same", "same"]
    keys = [seen.headers["authorization"] for seen in server.seen]
    assert keys == ["Bearer sk-mine-1234567", "Bearer wrong-on-purpose"]


def test_later_requests_use_today_s_ids(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a batch or an earlier answer has another id today; asking for the old one would be a false alarm."""
    server.answer({"id": "resp_today"})
    first = Interaction(
        TapeRequest("POST", "openai", "/v1/responses", {}, {"a": 1}), TapeAnswer(body={"id": "resp_then"})
    )
    body = {"previous_response_id": "resp_then", "input": ["resp_then is a word here"]}
    second = Interaction(TapeRequest("POST", "openai", "/v1/responses", {}, body), TapeAnswer(body={"id": "resp_next"}))
    third = Interaction(
        TapeRequest("DELETE", "openai", "/v1/responses/resp_then"), TapeAnswer(body={"id": "resp_then"})
    )
    assert [one.kind for one in ask(first, server, monkeypatch, second, third)] == ["same"] * 3
    assert server.seen[1].body["previous_response_id"] == "resp_today"
    assert (server.seen[2].method, server.seen[2].path) == ("DELETE", "/v1/responses/resp_today")


def test_only_what_this_run_has_made_is_deleted(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of today can hold a reader's own files in the place of the recorded ones; they stay."""
    server.answer({"data": [{"id": "file-of-the-reader"}]})
    listed = TapeAnswer(body={"data": [{"id": "file-of-the-lesson"}]})
    first = Interaction(TapeRequest("GET", "openai", "/v1/files"), listed)
    second = Interaction(TapeRequest("DELETE", "openai", "/v1/files/file-of-the-lesson"), TapeAnswer(body={}))
    assert [one.kind for one in ask(first, server, monkeypatch, second)] == ["same", "not asked"]
    assert [seen.method for seen in server.seen] == ["GET"]


def test_a_harmful_or_incomplete_request_is_not_sent(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for drift never deletes a reader's model, and never claims what it cannot know."""
    for asked, status, reason in (
        (TapeRequest("DELETE", "ollama", "/api/delete", {}, {"model": "gpt-oss:20b"}), 200, "would delete"),
        (TapeRequest("POST", "openai", "/v1/x", {}, {"bytes": 3, "sha256": "0"}), 200, "not in the recording"),
        (TapeRequest("GET", "openai", "/v1/models"), 429, "a recorded 429 cannot be brought about"),
    ):
        (found,) = ask(Interaction(asked, TapeAnswer(status, {}, {})), server, monkeypatch)
        assert found.kind == "not asked"
        assert reason in found.details[0]
    assert server.seen == []


def test_an_upload_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of text is in the recording, so lessons with uploads are watched, too."""
    parts = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a.jsonl", "value": "{}\n"}]
    asked = TapeRequest("POST", "openai", "/v1/files", {}, {"multipart": parts})
    answered: list[TapeRequest] = []

    def answer(request: TapeRequest) -> TapeAnswer:
        answered.append(request)
        return TapeAnswer(200, {}, {"id": "file-1"})

    with SimulatorServer(0, pace=0, answer=answer) as server, Asker(server.url) as asker:
        found = asker.ask(Interaction(asked, TapeAnswer(body={"id": "file-0"})))
    assert found.kind == "same"
    assert answered[0].body == {"multipart": parts}


def test_a_host_of_one_s_own_is_asked_where_it_was(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's notebook talks to a server that the lab has never heard of."""
    server.answer({"ok": True})
    asked = TapeRequest("POST", server.url.removeprefix("http://"), "/v1/ask?x=1", {}, {"ask": 1})
    with Asker() as asker, Asker("http://127.0.0.1:9/") as simulated:
        assert asker.ask(Interaction(asked, TapeAnswer(body={"ok": False}))).kind == "same"
        assert (
            simulated.ask(Interaction(asked, TapeAnswer())).details[0].endswith("no service that the simulator knows")
        )
    assert server.seen[0].path == "/v1/ask?x=1"


def test_another_failure_than_the_expected_one_is_told() -> None:
    """A lesson that shows a 400 and gets a 404 has changed."""
    item = Interaction(REQUESTS["wrong model"], TapeAnswer(400, {}, {"error": {}}))
    assert judge(item, TapeAnswer(404, {}, {"error": {}})).details == ("status: recorded 400, now 404",)


def test_recordings_of_other_providers_are_watched_too(drift: Drift, tmp_path: Path) -> None:
    """What was recorded with --provider anthropic does not rot unseen."""
    write_cassette(tmp_path / "recordings" / "01_ask.anthropic.yaml", recorded("claude"))
    result = drift(changes.same, names=("plain",))
    assert "2 asked, 2 as recorded" in result.output
    assert len(read_cassette(tmp_path / "recordings" / "01_ask.yaml").interactions) == 1
