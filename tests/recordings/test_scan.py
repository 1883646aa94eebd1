"""One scanner over everything that travels: notebooks, recordings, handouts. If one fails, a key may be on its way."""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path

from llmlab.lab.notebooks.handout import make_handouts
from llmlab.lab.notebooks.notebook_file import ROOT
from llmlab.lab.tape.cassette import Cassette, Interaction, write_cassette
from llmlab.lab.tape.secret_scan import check_file, find_leaks, find_orphans
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.runner.samples import save, text
from tests.utils.test_redaction import HARMLESS, SECRETS, X20

PLANTED = [
    *(whole for whole, _ in SECRETS),
    "write to planted@lovelace.dev",
    "mailto:planted.name+lists@mail.lovelace.co.uk",
    "see /home/planted/notes.txt",
    "see /Users/planted/notes.txt",
    "C:\\Users\\planted\\notes.txt",
    "token: " + X20,
    "credential=" + X20,
    "HF_TOKEN=" + X20,
    "my_secret = '" + X20 + "'",
    "'x-api-key': 'planted-secret'",
    "Bearer " + X20 + " in the middle of a line",
    "curl -H 'Authorization: Bearer " + X20 + "'",
    "postgres://ada:planted@db.internal/llm",
    "OPENROUTER_API_KEY=sk-or-v1-" + "0123456789abcdef" * 4,
]
LOOK_ALIKES = [
    *HARMLESS,
    "ada@example.com and bob@mail.example.org",
    "user@localhost and name@host.invalid",
    "@dataclass above a class, 3 @ 4 in numpy",
    "https://example.com/home/page.html",
    "/homework/notes.txt and ./home/notes.txt",
    "tokens: 12345678901234567890",
    "the secret = of a good soup is patience and salt",
    "key=value&other=thing",
    "git@",
    "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "vs_abc123 and file-8KqS2Vd1 and batch_66f1c0",
    "a space-separated pk-list",
]


TAG, BETWEEN_TAGS = re.compile(r"<[^<>]*>"), re.compile(r"(?<=>)[^<>]+(?=<)")


def scan(path: Path) -> list[int]:
    """Return the lines of a text file on which a secret begins: of a notebook, a handout in HTML, anything."""
    text = path.read_text("utf-8", "replace")
    texts = [text]
    if path.suffix == ".ipynb":
        # A quote inside a JSON string may hide what is around it.
        texts += [text.replace('\\"', '"').replace("\\\\", "\\")]
    elif path.suffix == ".html":
        # What a reader sees, where a tag may stand in the middle of a line, and what is inside the tags.
        texts = [unescape(markup.sub(line_ends, text)) for markup in (TAG, BETWEEN_TAGS)]
    return sorted({line for one in texts for line in find_leaks(one)})


def line_ends(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def carriers(folder: Path, content: str) -> dict[str, list[int]]:
    """Put a text into a notebook, a handout and a recording, and return the lines that the scanner reports."""
    page = folder / "01.html"
    page.write_text(f"<html>\n<pre><span>{escape(content)}</span></pre>\n</html>", "utf-8")
    item = Interaction(TapeRequest("POST", "openai", "/v1/responses", {}, {"input": content}), TapeAnswer(body={}))
    write_cassette(folder / "01_say.yaml", Cassette("recorded", "2026-11-14", (item,)))
    return {
        "notebook": scan(save(folder / "01_say.ipynb", text("# Say"), "1", f"print('''{content}''')")),
        "handout": scan(page),
        "recording": [problem.line for problem in check_file(folder / "01_say.yaml")],
    }


def test_a_planted_secret_is_found(tmp_path: Path) -> None:
    """A key that somebody pasted is seen before it is pushed, whatever it was pasted into."""
    assert len(set(PLANTED)) >= 30
    for planted in PLANTED:
        for carrier, problems in carriers(tmp_path, planted).items():
            assert problems, (carrier, planted)
        reported = "\n".join(map(str, check_file(tmp_path / "01_say.yaml")))
        assert ", line " in reported
        assert planted not in reported, "the report repeats the secret"


def test_a_look_alike_is_left_alone(tmp_path: Path) -> None:
    """A false alarm on every run is an alarm that nobody hears."""
    assert len(set(LOOK_ALIKES)) >= 30
    for harmless in LOOK_ALIKES:
        assert list(carriers(tmp_path, harmless).values()) == [[], [], []], harmless


def test_a_key_that_says_it_is_none_may_stand_in_a_lesson(tmp_path: Path) -> None:
    """A lesson on wrong keys needs one."""
    assert scan(save(tmp_path / "01_err.ipynb", 'Anthropic(api_key="wrong-on-purpose")')) == []


def test_a_secret_is_found_in_the_markup_of_a_handout(tmp_path: Path) -> None:
    """An address behind a link is seen, too."""
    page = tmp_path / "01.html"
    page.write_text('<p>\n<a href="https://ada:planted@host.dev/v1">here</a></p>', "utf-8")
    assert scan(page) == [2]


def test_a_secret_is_found_between_the_markup_of_a_handout(tmp_path: Path) -> None:
    """Coloured code has markup in the middle of a line, which must not hide a key; the line is that of the file."""
    page = tmp_path / "01.html"
    page.write_text("<html>\n<b\n>x</b>\n<i>api_key</i><i>=</i><i>&quot;planted-secret&quot;</i>\n", "utf-8")
    assert scan(page) == [4]


def test_no_secret_is_in_notebooks_recordings_and_handouts(tmp_path: Path) -> None:
    """What this repository hands out holds no key, no address of a person, no name in a home folder."""
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    solutions = sorted((ROOT / "llmlab" / "lab" / "exercises").glob("*.py"))
    handouts = make_handouts(notebooks[:2], formats=["html"], solutions=True, output=tmp_path)
    assert len(handouts) == 2
    files = [*notebooks, *solutions, *sorted((ROOT / "notebooks" / "recordings").glob("*.yaml")), *handouts]
    assert [(path.name, line) for path in files for line in scan(path)] == []


def test_the_recordings_of_the_lessons_are_clean() -> None:
    """None is orphaned, says one thing twice, or holds a secret."""
    folder = ROOT / "notebooks" / "recordings"
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in folder.glob("*.yaml"):
        assert list(map(str, [*find_orphans(path, notebooks), *check_file(path)])) == []
