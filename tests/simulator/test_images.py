"""Images: the simulator tells their type and size, counts them, and never claims to have looked at them."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from simulator_requests import ask, chat, messages, ollama, responses, text_of

from llmlab.lab.simulator.images import measure
from tests.painting import BLUE, RED, WHITE, data_url, gif, jpeg, png, webp

FLAG = png(BLUE, WHITE, RED, width=30, height=20)
ASKED = "What is in this picture?"


def show(content: bytes = FLAG) -> dict[str, Any]:
    """Ask about an image in every wire format."""
    raw, url = base64.b64encode(content).decode(), data_url(content)
    part = {"type": "image_url", "image_url": {"url": url}}
    turn = [{"role": "user", "content": [{"type": "text", "text": ASKED}, part]}]
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": raw}}
    item = [{"type": "input_text", "text": ASKED}, {"type": "input_image", "image_url": url}]
    native = {"role": "user", "content": ASKED, "images": [raw]}
    ask("ollama", "/api/pull", {"model": "gemma3:4b", "stream": False})
    return {
        "responses": responses([{"role": "user", "content": item}]),
        "anthropic": messages([{"role": "user", "content": [block, {"type": "text", "text": ASKED}]}]),
        "openai": chat("openai", turn),
        "openrouter": chat("openrouter", turn),
        "local_gpt_oss": chat("local_gpt_oss", turn, model="gemma3:4b"),
        "ollama": ollama("/api/chat", model="gemma3:4b", messages=[native], stream=False),
    }


def test_every_format_finds_its_images_and_says_that_nobody_looked() -> None:
    """Else a learner takes a made-up description for what a model sees, or none of the images arrives."""
    for where, answer in show().items():
        text = text_of(answer)
        assert "simulator and cannot see" in text, where
        assert f"a PNG of 30 × 20 pixels and {len(FLAG)} bytes." in text, where


def test_images_are_counted_as_tokens() -> None:
    """Else a call with an image looks as cheap as one without, or `detail` does nothing."""
    names = ("input_tokens", "prompt_tokens", "prompt_eval_count")
    small, large = (
        {where: answer.body.get("usage") or answer.body for where, answer in show(content).items()}
        for content in (png(width=32, height=32), png(width=640, height=320))
    )
    grown = {
        where: next(large[where][name] - small[where][name] for name in names if name in small[where])
        for where in small
    }
    patches = 20 * 10 - 1
    expected = dict.fromkeys(("responses", "openai", "openrouter", "local_gpt_oss"), patches)
    assert grown == expected | {"anthropic": round(640 * 320 / 750) - round(32 * 32 / 750), "ollama": 0}
    part = {"type": "input_image", "image_url": data_url(png(width=2000, height=20))}
    low, high = (
        responses([{"role": "user", "content": [part | {"detail": detail}]}]).body["usage"]["input_tokens"]
        for detail in ("low", "high")
    )
    assert low < high


def test_an_address_is_named_and_not_fetched() -> None:
    """Else the simulator would reach for the network."""
    source = {"type": "url", "url": "https://example.org/cat.png"}
    text = text_of(messages([{"role": "user", "content": [{"type": "image", "source": source}]}]))
    assert "an address, https://example.org/cat.png, from which I fetch nothing" in text


def test_a_later_question_is_about_the_image_only_if_it_mentions_it() -> None:
    """Else every further turn describes the same image again."""
    part = {"type": "input_image", "image_url": data_url(FLAG)}
    before = [{"role": "user", "content": [part]}, {"role": "assistant", "content": "A flag."}]
    assert "× 20 pixels" in text_of(responses([*before, {"role": "user", "content": "Which colours has it?"}]))
    assert text_of(responses([*before, {"role": "user", "content": "What is 6 * 7?"}])) == "6 * 7 = 42"


def test_a_schema_is_filled_with_the_size_of_an_image() -> None:
    """Else structured answers about images hold the question in every field."""
    fields = {"width": {"type": "integer"}, "height": {"type": "integer"}, "caption": {"type": "string"}}
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    part = {"type": "input_image", "image_url": data_url(FLAG)}
    form = {"format": {"type": "json_schema", "name": "seen", "schema": schema, "strict": True}}
    value = json.loads(text_of(responses([{"role": "user", "content": [part]}], text=form)))
    assert (value["width"], value["height"], "cannot see" in value["caption"]) == (30, 20, True)


def test_type_and_size_are_read_from_the_first_bytes() -> None:
    """Else the size that is told is wrong."""
    lossless = b"RIFF....WEBPVP8L\x00\x00\x00\x00\x2f" + (99 | 49 << 14).to_bytes(4, "little")
    lossy = b"RIFF....WEBPVP8 " + bytes(10) + b"\x40\x01\xf0\x00"
    for content, expected in [
        (FLAG, ("PNG", 30, 20)),
        (jpeg(640, 480), ("JPEG", 640, 480)),
        (jpeg(640, 480)[:8], ("JPEG", 0, 0)),
        (gif(12, 34), ("GIF", 12, 34)),
        (webp(300, 200), ("WebP", 300, 200)),
        (lossless, ("WebP", 100, 50)),
        (lossy, ("WebP", 320, 240)),
        (b"no image", ("", 0, 0)),
    ]:
        assert measure(content) == expected


@given(content=st.sampled_from([FLAG, jpeg(640, 480), gif(1, 1), webp(9, 9)]), data=st.data())
def test_a_damaged_image_is_refused_or_described(content: bytes, data: st.DataObject) -> None:
    """Else a broken file shows a traceback of the tape in place of the service's answer."""
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:at] + data.draw(st.binary(max_size=4)) + content[at + data.draw(st.integers(0, 9)) :]
    part = {"type": "input_image", "image_url": data_url(damaged)}
    assert responses([{"role": "user", "content": [part]}]).status in (200, 400)
