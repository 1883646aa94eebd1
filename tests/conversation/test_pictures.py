"""Pictures and failures in a conversation. If one fails, a chat goes on about a picture that is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmlab import ConfigurationError, ConversationContext, Image, LLMInvalidRequestError, Message, Role, ToolCall
from llmlab.providers.tokens import count_messages
from llmlab.types.tokens import PER_IMAGE

FILE = Path("talk.json")
PNG = b"\x89PNG\r\n\x1a\n...."
URL = "https://example.test/cat.png"


def shown() -> ConversationContext:
    made = ConversationContext()
    made.add_user_message("What is it?", [PNG, Image(URL, detail="low")])
    made.add(Message(Role.ASSISTANT, tool_calls=(ToolCall("c1", "look"),)))
    made.add_tool_result("c1", "Error: no eyes", is_error=True)
    return made


def test_pictures_and_failures_survive_a_file() -> None:
    made = shown()
    made.save(FILE)
    loaded = ConversationContext.load(FILE)
    assert list(loaded) == list(made)
    assert loaded[0].images == (Image(PNG), Image(URL, detail="low"))
    assert loaded[2].is_error


def test_a_file_holds_the_bytes_themselves() -> None:
    """A path would be empty on another machine."""
    shown().save(FILE)
    saved = json.loads(FILE.read_text(encoding="utf-8"))["messages"]
    assert saved[0]["images"] == [{"source": Image(PNG).url}, {"source": URL, "detail": "low"}]
    assert saved[2]["is_error"] is True
    assert "images" not in saved[2]
    assert "is_error" not in saved[0]


FOREIGN: list[tuple[Any, str]] = [
    ({"source": "cat.png"}, "an image is an object with a source that is an http(s): or a data: address"),
    ("cat.png", "an image is an object with a source"),
    ({}, "an image is an object with a source"),
    ({"source": "data:image/png;base64,aGk="}, "this image is not an image"),
    ({"source": URL, "detail": "huge"}, "detail must be one of auto, low, high"),
]


def test_a_file_of_somebody_else_reads_no_pictures_of_this_machine() -> None:
    """The next request would send them."""
    Path("cat.png").write_bytes(PNG)
    for image, reason in FOREIGN:
        message = {"role": "user", "content": "Hi", "images": [image]}
        FILE.write_text(json.dumps({"messages": [message]}, indent=1), encoding="utf-8")
        with pytest.raises(ConfigurationError) as caught:
            ConversationContext.load(FILE)
        assert reason in caught.value.message
        assert caught.value.message.startswith("talk.json:3: ")


def test_a_fork_and_a_shorter_conversation_keep_their_pictures() -> None:
    made = shown()
    twin = made.fork()
    made.add(Message(Role.ASSISTANT, "A cat."))
    assert twin[0].images == made[0].images
    short = ConversationContext(max_turns=1)
    short.add_user_message("Hi")
    short.add(Message(Role.ASSISTANT, "Hello"))
    short.add_user_message("What is it?", [PNG])
    assert [message.images for message in short] == [(Image(PNG),)]


def test_a_picture_needs_no_words() -> None:
    made = ConversationContext()
    made.add_user_message("", [PNG])
    assert made[0].images == (Image(PNG),)
    with pytest.raises(LLMInvalidRequestError, match="is not an image"):
        ConversationContext().add_user_message("Hi", [b"text"])


def test_a_picture_is_named_and_not_printed() -> None:
    made = shown()
    assert str(made).splitlines()[:4] == [
        "user: What is it?",
        "user shows: Image(image/png, 12 bytes)",
        f"user shows: Image('{URL}')",
        "assistant calls: look()",
    ]
    assert "<strong>user shows</strong><br><code>Image(image/png, 12 bytes)</code>" in made._repr_html_()


def test_a_picture_counts_as_a_stated_estimate() -> None:
    """Without it, a conversation about pictures is never cut, and then refused as too long."""
    words = [Message(Role.USER, "What is it?")]
    seen = [Message(Role.USER, "What is it?", images=(Image(PNG), Image(URL)))]
    for encoding in (None, "o200k_base"):
        count = count_messages(seen, encoding)
        assert count == count_messages(words, encoding) + 2 * PER_IMAGE
        assert count.method == "estimate"
    made = ConversationContext(max_tokens=1500)
    made.add_user_message("One", [PNG])
    made.add(Message(Role.ASSISTANT, "A cat."))
    made.add_user_message("Two", [PNG])
    assert [message.content for message in made] == ["Two"]
