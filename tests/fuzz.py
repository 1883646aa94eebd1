"""Fuzz what reads foreign input: `python3 -m tests.fuzz decoder --minutes 10`.

Good input is damaged at random and read. A failure prints its seed and what was raised; it becomes a case in the tests,
and `--seed` repeats it. A target is a function of a `Random` that raises for an error of ours.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llmlab._utils.redaction import redact
from llmlab.config.settings import load_settings
from llmlab.errors import ConfigurationError, LLMAPIError, LLMError, LLMStreamError
from llmlab.formats import FORMATS, Format
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import read_json
from llmlab.lab.tape.cassette import read_cassette, write_cassette
from llmlab.types.completion import Completion
from llmlab.types.request import build_request
from tests.exchanges import EXCHANGES, Exchange
from tests.formats.test_what_a_model_wrote import ADD, CHECKS, goes_on
from tests.planted import LOOK_ALIKES, PLANTED, SECRETS

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7.5, float("nan"), float("inf"), 10**30, "", " ", "\ud83d", "\ude00", "😀", "null",
    "{}", "[DONE]", '{"a": 1}', "{oops", "error", "a" * 500, [], {}, [None], [[]], [{}], {"": None},
    {"error": {"message": "no"}}, {"type": "text", "text": "Hi"}, {"message": "no"}, {"index": 1}, {"delta": {}},
    {"function": {"name": "f"}},
)  # fmt: skip
PIECES = (
    b"\n", b"\n\n", b"\r\n", b"data: ", b"data: [DONE]\n\n", b"event: error\n", b"error: no\n\n", b"{", b"}", b"[",
    b'"', b"\xef\xbb\xbf", b"\xff", b"\xf0\x9f", b"\\ud83d", b":", b",", b"null", b"[" * 999, b"9" * 5000,
)  # fmt: skip
CASSETTES = sorted((Path(__file__).parents[1] / "notebooks" / "recordings").glob("*.yaml"))
SETTINGS = """
backend: openai
providers:
  openai: {api_key_env: OPENAI_API_KEY, timeout: 30, max_retries: 2, retry: {on: [timeout], jitter: 0.5}}
  ollama:
    base_url: "${HERE:-http://localhost:11434}"
    limits: {in_flight: 2, requests_per_minute: 60}
    budget: {max_usd: 1.5, allow_unpriced: true}
  local_gpt_oss: {fallback: openai, temperature: 0, cache: {ttl: 60, tools: no}}
"""
ANSWERS = [one for one in EXCHANGES if one.format]


def damage_json(value: Any, chance: random.Random) -> Any:
    """Return a JSON value with odd values in some places, and keys and items gone or doubled."""
    if chance.random() < 0.03:
        return chance.choice(ODD)
    if isinstance(value, dict):
        damaged = {name: damage_json(inner, chance) for name, inner in value.items() if chance.random() > 0.03}
        if damaged and chance.random() < 0.03:
            damaged[chance.choice(list(damaged))] = chance.choice(list(damaged.values()))
        return damaged
    if isinstance(value, list):
        kept = [damage_json(inner, chance) for inner in value if chance.random() > 0.03]
        return kept * 2 if chance.random() < 0.03 else kept
    return value


def damage_bytes(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with pieces cut out, moved, doubled or put in."""
    for _ in range(chance.randrange(4)):
        start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + 60)
        put = chance.choice([b"", chance.choice(PIECES), data[start:end] * 2, chance.randbytes(3)])
        data = data[:start] + put + data[end:]
    return data


def damaged_stream(one: Exchange, chance: random.Random) -> bytes:
    """Return a stream whose events or bytes are damaged."""
    data = one.body.encode()
    if chance.random() < 0.7:
        lines = []
        for line in one.body.split("\n"):
            start = "data: " if line.startswith("data: {") else ""
            if line.startswith(start + "{") and line.endswith("}"):
                line = start + json.dumps(damage_json(json.loads(line.removeprefix(start)), chance))
            lines += [line] * chance.choice([1] * 20 + [0, 2])
        data = "\n".join(lines).encode()
    return damage_bytes(data, chance) if chance.random() < 0.5 else data


def read_stream(format: Format, data: bytes, chance: random.Random) -> Completion | None:
    """Return the answer in a stream that is cut anywhere; None where it is refused."""
    framing, decoder, shown = format.framing(), format.stream(), ""
    size = chance.choice([1, 7, 100, len(data) + 1])
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    try:
        for events in (*map(framing.feed, pieces), framing.flush()):
            for event in events:
                if (chunk := decoder.feed(event)) is not None:
                    shown += chunk.text + chunk.reasoning
    except LLMStreamError:
        decoder.completion()
        return None
    shown.encode()
    return decoder.completion()


def read_whole(one: Exchange, chance: random.Random) -> Completion | None:
    """Return the answer in a damaged body; None where it is an error."""
    data = json.dumps(damage_json(one.json, chance)).encode() if one.body.lstrip()[:1] == "{" else one.body.encode()
    data = damage_bytes(data, chance) if chance.random() < 0.2 else data
    try:
        body = read_json(data)
    except ValueError:
        body = data.decode(errors="replace")
    for status in (200, 307, 404, 429, 503):
        error = to_error(status, {"retry-after": "x"}, body, provider="p", model="m")
        assert isinstance(error, LLMError)
        error.message.encode()
    if find_problem(body) or not isinstance(body, dict) or one.format is None:
        return None
    try:
        return one.format.decode(body)
    except LLMAPIError:
        return None


def decoder(chance: random.Random) -> None:
    """Whole answers, streams and errors of every service. After each answer the conversation must go on."""
    one = chance.choice(ANSWERS)
    assert one.format
    answer = read_stream(one.format, damaged_stream(one, chance), chance) if one.stream else read_whole(one, chance)
    if answer is None:
        return
    for text in (str(answer), repr(answer), answer.reasoning, answer.refusal, answer._repr_markdown_()):
        text.encode()
    request = build_request(goes_on(answer), "m", {"tools": [ADD]})
    for service, check in CHECKS.items():
        body = FORMATS[service].encode(request, False)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        check(body)


def cassette(chance: random.Random) -> None:
    """A file of recordings that somebody has edited. What is read is written, and read as the same."""
    data = damage_bytes(chance.choice(CASSETTES).read_bytes()[: chance.choice([2_000, 20_000])], chance)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "01_call.yaml"
        path.write_bytes(data)
        try:
            file = read_cassette(path)
        except ConfigurationError:
            return
        write_cassette(path, file)
        assert read_cassette(path).interactions == file.interactions


def settings(chance: random.Random) -> None:
    """An llmlab.yaml that somebody has edited."""
    words = (
        "&a",
        "*a",
        "<<:",
        "!x",
        "${A}",
        "${A:-1}",
        "- ",
        "{",
        "}",
        "[",
        "? ",
        "|",
        "\t",
        "9" * 20,
        "2026-11-14",
        "~",
    )
    data = damage_bytes(SETTINGS.encode(), chance).decode("utf-8", "replace")
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice(words) + data[at:]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "llmlab.yaml"
        path.write_text(data, encoding="utf-8")
        try:
            found = load_settings(path)
            for name in found.providers:
                found.options_for(name)
                found.fallbacks(name)
        except LLMError:
            return


def redaction(chance: random.Random) -> None:
    """Planted secrets between odd pieces of text. None is left, and a second look finds nothing."""
    pieces = (*LOOK_ALIKES, *map(str, ODD), "%", "\\", "&amp;", "\n", "=", "Bearer ", "key=", "…", "***")
    form = chance.choice(list(PLANTED.values()))
    text = "".join(chance.choice((*pieces, f" {form} ")) for _ in range(chance.randrange(1, 12)))
    left = redact(text, SECRETS)
    assert f" {form} " not in left
    assert redact(left, SECRETS) == left


TARGETS: dict[str, Callable[[random.Random], None]] = {
    "decoder": decoder,
    "cassette": cassette,
    "settings": settings,
    "redaction": redaction,
}


def run(target: str, seconds: float, first: int = 0) -> int:
    """Fuzz a target for so many seconds; return how many inputs were tried.

    Raises:
        RuntimeError: names the seed of an input that failed.
    """
    end, seed = time.monotonic() + seconds, first
    while seed == first or time.monotonic() < end:
        try:
            TARGETS[target](random.Random(seed))
        except Exception as error:
            raise RuntimeError(f"python3 -m tests.fuzz {target} --seed {seed}") from error
        seed += 1
    return seed - first


def main() -> None:
    """Fuzz from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=0.0, help="how long; one input without")
    parser.add_argument("--seed", type=int, default=0, help="of the first input")
    options = parser.parse_args()
    try:
        print(run(options.target, options.minutes * 60, options.seed), "inputs, no failure")
    except RuntimeError:
        traceback.print_exc()
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
