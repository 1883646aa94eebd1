"""Pictures: the simulator says what it can measure of them, counts them, and never claims to have seen them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_asking import ask, chat, messages, ollama, responses, said

from llmlab.lab.simulator import pixels
from tests.painting import BLUE, RED, WHITE, data_url, gif, jpeg, palette, png, webp

FLAG = png(BLUE, WHITE, RED, width=30, height=20)
ASKED = "What is in this picture?"


def shown(content: bytes = FLAG, **more: Any) -> dict[str, Any]:
    """Ask every format about a picture."""
    part = {"type": "image_url", "image_url": {"url": data_url(content)}}
    user = [{"role": "user", "content": [{"type": "text", "text": ASKED}, part]}]
    raw = base64.b64encode(content).decode()
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": raw}}
    words = {"type": "text", "text": ASKED}
    local = {"role": "user", "content": ASKED, "images": [raw]}
    ask("ollama", "/api/pull", {"model": "gemma3:4b", "stream": False})
    item = [{"type": "input_text", "text": ASKED}, {"type": "input_image", "image_url": data_url(content)}]
    return {
        "responses": responses([{"role": "user", "content": item}], **more),
        "anthropic": messages([{"role": "user", "content": [block, words]}], **more),
        "openai": chat("openai", user, **more),
        "openrouter": chat("openrouter", user, **more),
        "local_gpt_oss": chat("local_gpt_oss", user, model="gemma3:4b", **more),
        "ollama": ollama("/api/chat", model="gemma3:4b", messages=[local], stream=False, **more),
    }


def test_every_format_finds_its_pictures_and_says_that_nobody_looked() -> None:
    """Else a learner takes a made-up description for what a model sees, or none of the pictures arrives."""
    for where, answer in shown().items():
        text = said(answer)
        assert "simulator and cannot see" in text, where
        assert f"a PNG of 30 × 20 pixels and {len(FLAG)} bytes, in blue, white and red" in text, where


def test_pictures_are_counted_as_tokens() -> None:
    """Else a call with a picture looks as cheap as one without."""

    def read(found: dict[str, Any]) -> dict[str, int]:
        usage = {where: answer.body.get("usage") or answer.body for where, answer in found.items()}
        names = ("input_tokens", "prompt_tokens", "prompt_eval_count")
        return {where: next(one[name] for name in names if name in one) for where, one in usage.items()}

    small, large = read(shown(png(width=32, height=32))), read(shown(png(width=640, height=320)))
    grown = {where: large[where] - small[where] for where in small}
    patches = 20 * 10 - 1
    assert grown == {
        "responses": patches,
        "openai": patches,
        "openrouter": patches,
        "local_gpt_oss": patches,
        "anthropic": round(640 * 320 / 750) - round(32 * 32 / 750),
        "ollama": 0,
    }


def test_a_picture_that_is_looked_at_from_afar_costs_less() -> None:
    """Else `detail` does nothing."""
    sizes = []
    for detail in ("low", "high"):
        part = {"type": "input_image", "image_url": data_url(png(width=2000, height=20)), "detail": detail}
        sizes.append(responses([{"role": "user", "content": [part]}]).body["usage"]["input_tokens"])
    assert sizes[0] < sizes[1]


def test_an_address_is_named_and_not_fetched() -> None:
    """Else the simulator would reach for the network."""
    source = {"type": "url", "url": "https://example.org/cat.png"}
    text = said(messages([{"role": "user", "content": [{"type": "image", "source": source}]}]))
    assert "an address, https://example.org/cat.png, from which I fetch nothing" in text


def test_a_later_question_is_about_the_picture_only_if_it_speaks_of_it() -> None:
    """Else every further turn describes the same picture again."""
    part = {"type": "input_image", "image_url": data_url(FLAG)}
    before = [{"role": "user", "content": [part]}, {"role": "assistant", "content": "A flag."}]
    assert "× 20 pixels" in said(responses([*before, {"role": "user", "content": "Which colours has it?"}]))
    assert said(responses([*before, {"role": "user", "content": "What is 6 * 7?"}])) == "6 * 7 = 42"


def test_a_form_is_filled_with_what_is_known_of_a_picture() -> None:
    """Else structured answers about pictures hold the question in every field."""
    number, texts = {"type": "integer"}, {"type": "array", "items": {"type": "string"}}
    fields = {"width": number, "height": number, "colours": texts, "caption": {"type": "string"}}
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    part = {"type": "input_image", "image_url": data_url(FLAG)}
    form = {"format": {"type": "json_schema", "name": "seen", "schema": schema, "strict": True}}
    value = json.loads(said(responses([{"role": "user", "content": [part]}], text=form)))
    assert (value["width"], value["height"], value["colours"]) == (30, 20, ["blue", "white", "red"])
    assert "cannot see" in value["caption"]


@pytest.mark.parametrize("alias", ["openrouter", "ollama", "local_gpt_oss"])
def test_a_model_that_sees_nothing_is_refused_in_the_services_words(alias: str) -> None:
    """Else a picture for a model without eyes works offline, and fails live."""
    part = {"type": "image_url", "image_url": {"url": data_url(FLAG)}}
    more = {"model": "openai/gpt-oss-20b:free"} if alias == "openrouter" else {}
    answer = chat(alias, [{"role": "user", "content": [part]}], **more)
    assert answer.status == {"openrouter": 404, "ollama": 400, "local_gpt_oss": 500}[alias]
    assert "image input" in json.dumps(answer.body)


@pytest.mark.parametrize("address", ["data:image/png;base64,Tm8gcGljdHVyZQ==", "data:image/png;base64,!!", "data:x,y"])
def test_what_is_no_picture_is_refused(address: str) -> None:
    """Else a broken upload is noticed only live."""
    answer = responses([{"role": "user", "content": [{"type": "input_image", "image_url": address}]}])
    assert (answer.status, answer.body["error"]["code"]) == (400, "invalid_image_format")


def test_a_picture_under_a_wrong_name_is_refused_by_anthropic() -> None:
    """Else a wrong media type is noticed only live."""
    source = {"type": "base64", "media_type": "image/gif", "data": base64.b64encode(FLAG).decode()}
    answer = messages([{"role": "user", "content": [{"type": "image", "source": source}]}])
    assert "appears to be image/png" in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (FLAG, "PNG", (30, 20)),
        (jpeg(640, 480), "JPEG", (640, 480)),
        (gif(12, 34), "GIF", (12, 34)),
        (webp(300, 200), "WebP", (300, 200)),
        (b"RIFF....WEBPVP8L\x00\x00\x00\x00\x2f" + (99 | 49 << 14).to_bytes(4, "little"), "WebP", (100, 50)),
        (b"RIFF....WEBPVP8 " + bytes(10) + b"\x40\x01\xf0\x00", "WebP", (320, 240)),
        (jpeg(640, 480)[:8], "JPEG", (0, 0)),
        (b"no picture", "", (0, 0)),
    ],
    ids=["png", "jpeg", "gif", "webp", "webp lossless", "webp lossy", "cut jpeg", "text"],
)
def test_kind_and_size_are_read_from_the_head(content: bytes, kind: str, size: tuple[int, int]) -> None:
    """Else the size that is told is wrong."""
    assert (pixels.kind_of(content), pixels.size_of(content)) == (kind, size)


@pytest.mark.parametrize("filtered", range(5))
def test_colours_are_read_through_every_filter(filtered: int) -> None:
    """Else the colours are right for some pictures only."""
    assert pixels.colours_of(png(BLUE, WHITE, WHITE, width=9, filtered=filtered)) == ("white", "blue")


def test_colours_of_every_kind_of_png() -> None:
    """Else a grey picture, or one with a palette, has made-up colours."""
    assert pixels.colours_of(png((128,), (255,), kind=0)) == ("grey", "white")
    assert pixels.colours_of(png((1,), kind=3, more=palette(WHITE, RED))) == ("red",)
    assert pixels.colours_of(png((*RED, 255), (*BLUE, 0), kind=6)) == ("red",)


@pytest.mark.parametrize(
    "content",
    [
        png(width=300, height=300),
        png()[:45],
        png().replace(b"IDAT", b"IDOT"),
        jpeg(8, 8),
        png(kind=7),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_colours_that_cannot_be_read_are_not_told(content: bytes) -> None:
    """Else a large or a broken picture stops the answer."""
    assert pixels.colours_of(content) == ()


@settings(max_examples=150, deadline=None)
@given(content=st.sampled_from([FLAG, png(kind=3), jpeg(640, 480), gif(1, 1), webp(9, 9)]), data=st.data())
def test_a_damaged_picture_is_refused_or_described(content: bytes, data: st.DataObject) -> None:
    """Else a broken file shows a traceback of the tape in place of the service's answer."""
    at = data.draw(st.integers(0, len(content)))
    damaged = content[:at] + data.draw(st.binary(max_size=40)) + content[at + data.draw(st.integers(0, 40)) :]
    part = {"type": "input_image", "image_url": data_url(damaged)}
    assert responses([{"role": "user", "content": [part]}]).status in (200, 400)


def test_what_is_made_up_says_so() -> None:
    """Else a guess looks like a fact."""
    part = {"type": "input_image", "image_url": data_url(jpeg(64, 48), "jpeg")}
    text = said(responses([{"role": "user", "content": [part]}]))
    assert "a JPEG of 64 × 48 pixels" in text
    assert "if I had to make something up" in text
