"""The file of recordings: a person reviews it in a diff, and what was written is what is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab.errors import ConfigurationError
from llmlab.lab.tape.cassette import (
    Cassette,
    Interaction,
    dump_cassette,
    keep_headers,
    read_cassette,
    write_cassette,
)
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

WANTED = """\
provenance: authored
date: '2026-11-14'
sdk: {openai: 3.52.0}
models: [gpt-6-luna]
exchanges:
- request:
    method: POST
    alias: openai
    path: /v1/responses
    body:
      model: gpt-6-luna
      input: |-
        Two lines:
        this one, and "that" one. 😀
  answer:
    status: 200
    headers:
      content-type: text/event-stream
    framing: named_sse
    events:
    - [0.41, {type: response.created, sequence_number: 0}]
    - [0.5, 'data: [DONE]']
- request:
    method: GET
    alias: openai
    path: /v1/models
  answer:
    status: 429
    seconds: 0.02
    framing: json
    body:
      error: null
      embedding: [0.5, 1.0e-05]
"""


def example() -> Cassette:
    body = {"model": "gpt-6-luna", "input": 'Two lines:\nthis one, and "that" one. 😀'}
    events = ((0.41, {"type": "response.created", "sequence_number": 0}), (0.5, "data: [DONE]"))
    stream = TapeAnswer(200, {"content-type": "text/event-stream"}, events=events, framing="named_sse")
    plain = TapeAnswer(429, {}, {"error": None, "embedding": [0.5, 1e-05]}, seconds=0.02)
    exchanges = (
        Interaction(TapeRequest("POST", "openai", "/v1/responses", {}, body), stream),
        Interaction(TapeRequest("GET", "openai", "/v1/models"), plain),
    )
    return Cassette("authored", "2026-11-14", exchanges, {"openai": "3.52.0"})


def test_the_file_is_readable() -> None:
    assert dump_cassette(example()) == WANTED


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "01_call.yaml"
    write_cassette(path, example())
    assert read_cassette(path) == example()
    assert [str(item) for item in read_cassette(path).interactions] == [
        "01_call.yaml, line 6: POST openai /v1/responses",
        "01_call.yaml, line 23: GET openai /v1/models",
    ]


def test_a_file_without_exchanges_can_be_read(tmp_path: Path) -> None:
    write_cassette(tmp_path / "a.yaml", Cassette("recorded", "2026-11-14"))
    assert read_cassette(tmp_path / "a.yaml").interactions == ()


def test_no_half_file_is_ever_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a killed kernel leaves the old recordings as they were, and no litter."""
    path = tmp_path / "a.yaml"
    write_cassette(path, example())

    def fail(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_cassette(path, Cassette("recorded", "2026-11-15"))
    assert read_cassette(path) == example()
    assert os.listdir(tmp_path) == ["a.yaml"]


def test_a_hand_written_date_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(WANTED.replace("'2026-11-14'", "2026-11-14").replace("this one", "2026-11-14"), "utf-8")
    assert read_cassette(path).date == "2026-11-14"


def test_a_broken_file_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for broken, problem in (
        (WANTED.replace("status: 200", "status: {200"), r"a\.yaml, line \d+"),
        (WANTED.replace("provenance: authored", "provenance: dreamt"), "provenance"),
        (WANTED.replace("exchanges:\n", "exchanges: 7\nrest:\n"), "exchanges must be a list"),
        (WANTED.replace("    method: GET", "    method: 7"), r"a\.yaml, line 23.*request\.method"),
        (WANTED.replace("status: 429", "status: many"), r"line 23.*a number"),
        (WANTED.replace("framing: json", "framing: xml"), r"line 23.*'xml'"),
        (WANTED.replace("- [0.41, {", "- [{"), r"line 6.*an event must be"),
        (WANTED.replace("    events:\n", "    events: 7\n    rest:\n"), r"line 6.*must be a list"),
        (WANTED.replace("  answer:\n    status: 429", "  answers:\n    status: 429"), r"line 23.*answer"),
        (WANTED + "exchanges: []\n", "exchanges must stand once"),
        (WANTED.replace("exchanges:\n", "<<: {exchanges: [1]}\nrest:\n"), "exchanges must stand once"),
        (WANTED + "sdk: openai\n", "sdk must be a mapping"),
        ("- a list\n", "a mapping"),
        ("", "a mapping"),
        ("a: \x07\n", r"a\.yaml"),
        (b"\xff\xfe\x00", r"a\.yaml"),
    ):
        path.write_bytes(broken.encode() if isinstance(broken, str) else broken)
        with pytest.raises(ConfigurationError, match=problem):
            read_cassette(path)


def test_only_harmless_headers_are_stored() -> None:
    stored = ["anthropic-ratelimit-tokens-remaining", "content-type", "retry-after", "x-ratelimit-reset-requests"]
    left_out = ["set-cookie", "openai-organization", "authorization", "cf-ray", "date"]
    assert list(keep_headers(dict.fromkeys([*left_out, "x-request-id", *stored], "x"))) == [*stored, "x-request-id"]


ODD = ["no", "1e3", "0x1", "~", "<<", "=", "a: b", "- a", "# a", " a\n b", "\n", "a\n", "a\n\n", "\n a", "\ta\nb "]
ODD += ["1:30", "a\r\nb", "a\n\x85b", "\u2028", "\ufeffa\nb"]
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(ODD)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MOMENTS = st.integers(0, 99_999).map(lambda thousandths: thousandths / 1000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, VALUES, st.lists(st.tuples(MOMENTS, st.dictionaries(TEXT, VALUES, max_size=3) | TEXT), max_size=3), TEXT)
def test_nothing_is_lost_on_the_way_to_the_file_and_back(
    tmp_path: Path, asked: Any, answered: Any, events: list[tuple[float, Any]], header: str
) -> None:
    """Write, read, write: the value and the text are the same again."""
    exchanges = (
        Interaction(
            TapeRequest("POST", "openai", "/a?b=c", {}, asked), TapeAnswer(200, {"x-request-id": header}, answered)
        ),
        Interaction(TapeRequest("GET", "x:1", "/"), TapeAnswer(500, {}, events=tuple(events), framing="sse")),
    )
    file = Cassette("recorded", "2026-11-14", exchanges, {"openai": "1"})
    path = tmp_path / "a.yaml"
    write_cassette(path, file)
    again = read_cassette(path)
    assert again == file
    assert dump_cassette(again) == path.read_bytes().decode()
