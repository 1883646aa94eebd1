"""Pictures. If one fails, a picture is sent as something else, or its bytes end up where people read."""

from __future__ import annotations

import base64
import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from llmlab import Image, LLMInvalidRequestError, Message
from llmlab.types import images as module
from llmlab.types.messages import Role, to_messages

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
}
PNG = HEADS["image/png"]
URL = "https://example.test/cat.png"


@pytest.mark.parametrize("kind", HEADS)
def test_the_kind_is_read_from_the_bytes(kind: str) -> None:
    """A service refuses bytes under the wrong name."""
    image = Image(HEADS[kind])
    assert (image.media_type, image.is_remote) == (kind, False)
    assert base64.b64decode(image.base64) == HEADS[kind]
    assert image.url == f"data:{kind};base64,{image.base64}"


def test_old_gifs_are_gifs() -> None:
    assert Image(b"GIF87a....").media_type == "image/gif"


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_read_at_once(kind: Any) -> None:
    """What changes on the disk later is not what was meant."""
    file = Path("cat.jpg")
    file.write_bytes(PNG)
    image = Image(kind(file))
    file.unlink()
    assert (image.media_type, image.source) == ("image/png", PNG)


def test_a_data_address_is_taken_apart() -> None:
    assert Image(f"data:image/png;base64,{base64.b64encode(PNG).decode()}") == Image(PNG)


def test_an_address_is_handed_on() -> None:
    """Nothing is downloaded behind anybody's back."""
    image = Image(URL, detail="high")
    assert (image.url, image.is_remote, image.base64, image.detail) == (URL, True, "", "high")
    assert Image("HTTPS://EXAMPLE.TEST/cat.png").is_remote


WRONG_IMAGES: list[Any] = [
    ("nowhere.png", {}, "the image nowhere.png cannot be read: No such file"),
    (".", {}, "cannot be read: "),
    (b"%PDF-1.7 ", {}, "this image is not an image; models see image/png, image/jpeg, image/gif, image/webp"),
    (b"", {}, "this image is empty: it has 0 bytes"),
    (PNG, {"media_type": "image/jpeg"}, "this image is not an image/jpeg; models see"),
    (PNG, {"detail": "huge"}, "detail must be one of auto, low, high, not 'huge'"),
    ("data:image/png;base64,%%%", {}, "this data: URL holds no base64"),
    ("data:image/png;base64,ä", {}, "this data: URL holds no base64"),
    ("data:text/plain,hello", {}, "this image is empty"),
    ("ftp://example.test/cat.png", {}, "from http:// and https:// only, not from ftp://"),
    (base64.b64encode(PNG * 100).decode(), {}, "not a path; for base64, use Image(base64.b64decode(text))"),
    ("cat\0.png", {}, "cannot be read: embedded null byte"),
    (3, {}, "an image is a path, bytes or a URL, not int"),
    (None, {}, "an image is a path, bytes or a URL, not NoneType"),
]


def test_what_is_no_picture_is_refused(subtests: pytest.Subtests) -> None:
    for source, more, told in WRONG_IMAGES:
        with subtests.test(source=source):
            with pytest.raises(LLMInvalidRequestError) as caught:
                Image(source, **more)
            assert told in caught.value.message


def test_a_file_of_another_kind_is_named_without_its_folder() -> None:
    """A path may hold a person's name."""
    Path("private").mkdir()
    Path("private/notes.txt").write_text("dear diary")
    with pytest.raises(LLMInvalidRequestError, match=r"^notes\.txt is not an image"):
        Image("private/notes.txt")


def test_a_picture_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be uploaded, paid for in time, and then refused."""
    monkeypatch.setattr(module, "LARGEST", 20)
    Image(PNG.ljust(20))
    with pytest.raises(LLMInvalidRequestError, match="this image has 21 bytes; make it smaller than 20"):
        Image(PNG.ljust(21))


def test_no_text_of_it_shows_its_bytes() -> None:
    """Megabytes in a notebook, a log or an error help nobody."""
    image = Image(PNG * 50)
    assert repr(image) == "Image(image/png, 600 bytes)"
    assert repr(Image(URL)) == f"Image('{URL}')"
    for shown in (repr(Message(Role.USER, "Hi", images=(image,))), str(image), f"{[image]}"):
        assert len(shown) < 200
        assert "PNG" not in shown


def test_pictures_are_values() -> None:
    """They are compared, copied and sent to other processes with their messages."""
    image = Image(PNG, detail="low")
    assert {image, Image(PNG, detail="low")} == {image}
    assert copy.deepcopy(image) == pickle.loads(pickle.dumps(image)) == image


@pytest.mark.parametrize("shown", [Image(PNG), PNG, "cat.png", Path("cat.png")], ids=lambda value: type(value).__name__)
def test_a_message_takes_whatever_a_picture_is_made_of(shown: Any) -> None:
    Path("cat.png").write_bytes(PNG)
    assert to_messages({"role": "user", "content": "What?", "images": [shown]})[0].images == (Image(PNG),)


def test_a_picture_needs_no_words() -> None:
    assert to_messages({"role": "user", "images": [PNG]})[0].content == ""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            {"role": "assistant", "content": "Hi", "images": [PNG]},
            "only user messages can have images, not assistant messages",
        ),
        (
            {"role": "system", "content": "Hi", "images": [PNG]},
            "only user messages can have images, not system messages",
        ),
        ({"role": "user", "content": "Hi", "images": PNG}, "images must be a list of images, not bytes"),
        ({"role": "user", "content": "Hi", "images": "cat.png"}, "images must be a list of images, not str"),
        ({"role": "user", "content": "Hi", "images": Image(PNG)}, "images must be a list of images, not Image"),
        ({"role": "user", "content": "Hi", "images": ["nowhere.png"]}, "message 0: the image nowhere.png cannot be"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_wrong_pictures_are_refused_with_their_message(message: dict[str, Any], told: str) -> None:
    with pytest.raises(LLMInvalidRequestError) as caught:
        to_messages([message])
    assert told in caught.value.message
