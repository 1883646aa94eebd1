"""Saved conversations. If one fails, a chat is lost, or a broken file is a riddle."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab import ConfigurationError, ConversationContext, LLMInvalidRequestError, Message, Role, ToolCall

FILE = Path("talk.json")


def saved() -> ConversationContext:
    made = ConversationContext(system_message='Say "messages": [')
    made.add_user_message("Größe?")
    made.add(Message(Role.ASSISTANT, tool_calls=(ToolCall("c1", "size", unparsed="{oops"), ToolCall("c2", "size"))))
    made.save(FILE)
    return made


def test_a_file_is_readable_by_people() -> None:
    saved()
    text = FILE.read_bytes().decode("utf-8")
    assert '"content": "Größe?"' in text
    assert list(json.loads(text)) == ["system_message", "max_turns", "max_tokens", "messages"]


def test_a_loaded_conversation_goes_on() -> None:
    """Its limits hold, its calls wait, and its counter is the one handed in."""
    made = saved()
    loaded = ConversationContext.load(str(FILE), counter=len)
    assert list(loaded) == list(made)
    loaded.add_tool_result("c1", "it broke")
    loaded.add_tool_result("c2", "42 cm")
    assert repr(loaded.count_tokens()) == "5 (counter)"


def test_half_a_character_can_be_kept() -> None:
    """A stream that broke may leave one."""
    made = ConversationContext()
    made.add_user_message("half \ud83d")
    made.save(FILE)
    assert list(ConversationContext.load(FILE)) == list(made)


def test_a_folder_is_no_place_to_save_in() -> None:
    Path("folder").mkdir()
    with pytest.raises(ConfigurationError, match="folder is not a file, so nothing can be saved there"):
        saved().save("folder")
    assert sorted(file.name for file in Path().iterdir()) == ["folder", FILE.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_device_stays_a_device() -> None:
    """Else a chat that is saved in /dev/null takes its place, for the whole machine."""
    os.mkfifo("pipe")
    with pytest.raises(ConfigurationError, match="pipe is not a file"):
        saved().save("pipe")
    assert Path("pipe").is_fifo()


def test_a_save_that_fails_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    made, before = saved(), FILE.read_bytes()
    made.system_message = "other"

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ConfigurationError, match=r"talk\.json cannot be written: No space"):
        made.save(FILE)
    assert FILE.read_bytes() == before
    assert [file.name for file in Path().iterdir()] == [FILE.name]


def test_what_json_cannot_hold_is_refused_before_the_file_is_touched() -> None:
    made = saved()
    before = FILE.read_bytes()
    made.add_tool_result("c1", {1, 2})
    made.add_tool_result("c2", "x")
    made.add_tool_call("size", {"of": object()})
    with pytest.raises(LLMInvalidRequestError, match="cannot be written as JSON"):
        made.save(FILE)
    assert FILE.read_bytes() == before


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.talk\.json cannot be written: No such file"):
        saved().save(Path("nowhere", "talk.json"))
    with pytest.raises(ConfigurationError, match=r"none\.json cannot be read: No such file"):
        ConversationContext.load("none.json")


BROKEN: list[tuple[str | bytes, int, str]] = [
    ('{\n"messages": [\n', 3, "not JSON"),
    (b'{\n"messages": ["\xff"]}', 2, "not UTF-8"),
    ("[]", 1, 'a list named "messages"'),
    ('{"messages": {}}', 1, 'a list named "messages"'),
    ("9" * 5000, 1, "not a conversation"),
    ("[" * 200_000, 1, "not a conversation"),
    ('{"messages": [],\n"max_turn": 3}', 2, "unknown setting 'max_turn'"),
    ('{"messages": [],\n\n"max_turns": 0}', 3, "max_turns must be a whole number"),
    ('{"messages": [\n3]}', 2, "an object with role and content"),
    ('{"messages": [\n{"content": "x"}]}', 2, "this message has no role"),
    ('{"messages": [\n{"role": "user", "content": "x"}\n,\n{"role": "usr"}]}', 4, "unknown role 'usr'"),
    ('{"messages": [{"role": "user", "content": "x"},\n{"role": "user", "content": " "}]}', 2, "is empty"),
    ('{"messages":\n[\n{"role": "assistant", "content": "x"}]}', 3, "begins with a user message"),
    (
        '{"messages": [{"role": "user", "content": "x"},\n{"role": "assistant", "tool_calls": [3]}]}',
        2,
        "a tool call is",
    ),
]


def test_an_error_of_a_broken_file_names_the_line() -> None:
    for text, line, message in BROKEN:
        FILE.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigurationError) as caught:
            ConversationContext.load(FILE)
        assert caught.value.message.startswith(f"talk.json:{line}: ")
        assert message in caught.value.message
