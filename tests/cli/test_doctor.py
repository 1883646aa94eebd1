"""The command `doctor`: what a learner runs when something is wrong, and pastes into a public issue."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from typer.testing import CliRunner, Result

from llmlab.errors import MissingAPIKeyError
from llmlab.lab import bootstrap, doctor
from llmlab.lab.cli.app import app
from llmlab.providers import get_provider
from tests.cli import running
from tests.loopback import LoopbackServer

NOBODY = "http://127.0.0.1:9"
SHAPE = {
    "usable_offline": None,
    "python": {"version", "required", "ok", "environment"},
    "packages": {"name", "required", "installed", "ok"},
    "kernel": {"name", "found"},
    "mode": {"value", "set_by"},
    "providers": {"name", "needs_key", "variable", "configured"},
    "servers": {"name", "variable", "url", "reachable"},
    "recordings": {"files", "provenance"},
    "problems": {"what", "next_step", "blocks_offline"},
}


@pytest.fixture(autouse=True)
def no_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that happens to run on the developer's machine changes nothing here."""
    monkeypatch.setenv("OLLAMA_HOST", NOBODY)
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", NOBODY)


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *options], catch_exceptions=False)


def report() -> dict[str, Any]:
    result = run("--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if found["usable_offline"] else 1)
    return found


def problems(found: dict[str, Any]) -> str:
    return "\n".join(f"{entry['what']} -> {entry['next_step']}" for entry in found["problems"])


def test_json_has_the_shape_that_the_help_promises() -> None:
    found = report()
    assert set(found) == set(SHAPE)
    text = " ".join(run("--help").stdout.split())
    for name, inner in SHAPE.items():
        assert name in text
        entries = found[name] if isinstance(found[name], list) else [found[name]]
        for entry in entries if inner else []:
            assert set(entry) == inner
        assert all(word in text for word in inner or ())


def test_machine_without_keys_and_servers_is_ready() -> None:
    found = report()
    assert found["usable_offline"] is True
    assert found["mode"] == {"value": "offline", "set_by": "default"}
    assert [entry["configured"] for entry in found["providers"]] == [False, False, False, True, True]
    assert not any(entry["reachable"] for entry in found["servers"])
    table = run()
    assert table.exit_code == 0
    assert "Ready: the lessons work offline" in table.stdout
    assert "not running" in table.stdout


def test_no_part_of_a_key_is_shown(monkeypatch: pytest.MonkeyPatch, server: LoopbackServer) -> None:
    """Planted in the environment, in .env and in the address of a server."""
    server.answer({"models": []})
    keys = ["sk-proj-Qz7Xw2Vk9Lt4Hm", "sk-ant-api03-Jd8Rf5Yb1Nc6Gp", "Wp3Ks9Tz6Bv"]
    monkeypatch.setenv("OPENAI_API_KEY", keys[0])
    Path(".env").write_text(f"ANTHROPIC_API_KEY={keys[1]}\n", encoding="utf-8")
    monkeypatch.setenv("OLLAMA_HOST", server.url.replace("//", f"//me:{keys[2]}@"))
    found = run("--json")
    configured = {entry["name"]: entry["configured"] for entry in json.loads(found.stdout)["providers"]}
    assert configured["openai"]
    assert configured["anthropic"]
    assert not configured["openrouter"]
    shown = found.output + run().output
    assert not [key[at : at + 5] for key in keys for at in range(len(key) - 4) if key[at : at + 5] in shown]


def test_server_that_answers_is_reachable(monkeypatch: pytest.MonkeyPatch, server: LoopbackServer) -> None:
    server.answer({"models": [{"name": "gpt-oss:20b"}]})
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    found = {entry["name"]: entry["reachable"] for entry in report()["servers"]}
    assert found == {"ollama": True, "local_gpt_oss": False}
    assert server.seen[0].path == "/api/tags"


@pytest.mark.parametrize(
    ("requirement", "what"),
    [("no-such-thing>=1", "is not installed"), ("pytest<1", "needed is <1")],
)
def test_package_that_is_missing_or_wrong_comes_with_the_command_that_mends_it(
    requirement: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "requirements", lambda need: [requirement])
    found = report()
    assert not found["usable_offline"]
    assert what in problems(found)
    assert f'pip install "{requirement}"' in problems(found)
    assert "Not ready." in run().stdout


def test_installed_package_knows_its_needs_without_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "CLONE", tmp_path)
    monkeypatch.setattr(metadata, "requires", lambda name: ["rich>=15", 'pytest>=9; extra == "test"'])
    assert [item.name for item in doctor.declared()] == ["rich"]


@pytest.mark.parametrize("how", ["no kernel", "no jupyter"])
def test_missing_kernel_is_told(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: KernelSpecManager, name: str) -> None:
        raise NoSuchKernel(name)

    if how == "no kernel":
        monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", refuse)
    else:
        monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    found = report()
    assert not found["usable_offline"]
    assert "pip install ipykernel" in problems(found)


def test_mode_that_does_not_exist_is_told_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_MODE", "ofline")
    assert "set LLMLAB_MODE to offline, replay, live or record" in problems(report())


def test_live_without_a_key_is_told_and_offline_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLAB_MODE", "live")
    found = report()
    assert found["usable_offline"]
    assert "OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY" in problems(found)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-0123456789")
    assert "needs a key" not in problems(report())


def test_wrong_settings_are_told_and_do_not_end_the_examination() -> None:
    Path("llmlab.yaml").write_text("bakend: openai\n", encoding="utf-8")
    found = report()
    assert "correct llmlab.yaml" in problems(found)
    assert len(found["providers"]) == 5


def test_recordings_are_counted_by_where_they_come_from(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, text in (("01", "authored"), ("02", "authored"), ("03", "recorded")):
        (folder / f"{name}.yaml").write_text(f"provenance: {text}\n", encoding="utf-8")
    (folder / "04.yaml").write_text("nothing: said\n", encoding="utf-8")
    found = doctor.examine(tmp_path).recordings
    assert found == {"files": 4, "provenance": {"authored": 2, "recorded": 1, "unknown": 1}}


def test_without_recordings_the_simulator_is_named(tmp_path: Path) -> None:
    found = doctor.examine(tmp_path)
    assert found.usable_offline
    assert "the simulator answers everything" in found.problems[-1].next_step


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("OPENAI_API_KEY: sk-proj-Qz7Xw2Vk9Lt4Hm", "line 1 of .env begins with OPENAI_API_KEY:, which sets nothing"),
        ("openai_api_key=sk-proj-Qz7Xw2Vk9Lt4Hm", "line 1 of .env begins with openai_api_key=, which sets nothing"),
    ],
)
def test_key_that_does_not_count_is_explained(line: str, what: str) -> None:
    """The learner sees a key in the file, and does not see why it is missing."""
    Path(".env").write_text(line + "\n", encoding="utf-8")
    found = report()
    assert found["usable_offline"]
    assert not found["providers"][0]["configured"]
    assert what in problems(found)
    assert "OPENAI_API_KEY=<" in problems(found)
    assert "Qz7Xw" not in problems(found)
    with pytest.raises(MissingAPIKeyError, match=what.replace("line", "Line", 1)):
        get_provider("openai")
    assert f"{what}; write it as" in running.run("config", "check").stderr
