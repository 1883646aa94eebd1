"""What is refused before anything is stored. If one fails, a wrong file ends in half a store, or in none that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmlab.errors import LLMInvalidRequestError
from llmlab.toolkit.vector_stores.documents import HOSTED_TYPES, LOCAL_TYPES, MAX_BYTES, decode, read_documents
from tests.vector_stores.stores import KINDS, made


def refused(sources: Any, allowed: frozenset[str] = LOCAL_TYPES) -> str:
    with pytest.raises(LLMInvalidRequestError) as caught:
        read_documents(sources, allowed)
    return caught.value.message


def test_a_wrong_type_is_refused_with_the_right_ones(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"x")
    for allowed in (HOSTED_TYPES, LOCAL_TYPES):
        message = refused(tmp_path / "song.mp3", allowed)
        assert "song.mp3 has the type .mp3, which this store does not take. It takes .c, " in message
        assert "LICENSE has no type" in refused("LICENSE", allowed)


def test_the_other_store_is_named_where_it_takes_the_type(tmp_path: Path) -> None:
    """Else a learner with a PDF is told that it cannot be done."""
    assert "or add it to a HostedVectorStore, which reads such files" in refused(tmp_path / "a.PDF")
    assert "or add it to a LocalVectorStore, which takes it" in refused(tmp_path / "a.csv", HOSTED_TYPES)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 \xff")
    assert list(read_documents(tmp_path / "a.pdf", HOSTED_TYPES)) == ["a.pdf"]


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    for content in (b"", b" \n", b"\xef\xbb\xbf"):
        (tmp_path / "a.txt").write_bytes(content)
        message = refused(tmp_path / "a.txt")
        assert message.startswith("a.txt ")
        assert "Leave it out" in message


def test_a_file_in_another_encoding_is_named_with_the_place(tmp_path: Path) -> None:
    """Else it is found under letters that nobody has written."""
    (tmp_path / "a.txt").write_bytes("Café".encode("latin-1"))
    assert refused(tmp_path / "a.txt").startswith("a.txt is not UTF-8 (byte 3). Save it as UTF-8")


def test_what_is_no_file_gets_a_way_out(tmp_path: Path) -> None:
    assert "missing.txt cannot be read: No such file or directory" in refused(tmp_path / "missing.txt")
    assert "is a folder. Add the files in it" in refused(tmp_path)
    assert "a store takes paths, or texts by name, and not int" in refused([3])
    assert "there is nothing to add" in refused([])
    assert "there is nothing to add" in refused({})


def test_a_text_that_is_given_as_a_path_gets_a_way_out() -> None:
    """The first thing that everybody tries; a long text is also too long for a file's name."""
    for text in ("Our dog is called Biscuit.", "Our dog is called Biscuit. " * 1000, "x" * 5000, "see v1.2 for\nmore"):
        said = refused(text)
        assert "Give a text a name: add({'notes': text})" in said
        assert len(said) < 400


def test_what_is_neither_path_nor_text_is_refused_in_words() -> None:
    for sources in (None, 3, b"x", {"a": None}, {"a": b"x"}, {3: "x"}, {"": "x"}, {"/": "x"}):
        message = refused(sources)
        assert "a store takes paths, or texts by name" in message or "texts are added by name" in message


def test_what_is_no_text_is_refused_whatever_its_name_says(tmp_path: Path) -> None:
    """Else a picture named .txt is embedded, paid for, and found."""
    (tmp_path / "a.txt").write_bytes(b"GIF89a\0\0\1")
    assert refused(tmp_path / "a.txt").startswith("a.txt is not a text (it has a byte 0). Save it as text")
    assert refused({"a": "half \ud83d"}).startswith("a.txt is not UTF-8 (byte 5)")


def test_no_absolute_path_is_told(tmp_path: Path) -> None:
    """Errors are stored in notebooks and logs."""
    for path in (tmp_path / "a.mp3", tmp_path / "missing.txt", tmp_path):
        assert str(tmp_path) not in refused(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Else one takes the place of the other, and nobody knows which."""
    (tmp_path / "notes.txt").write_text("a")
    assert "two files are named notes.txt" in refused([{"notes": "b"}, tmp_path / "notes.txt"])


def test_a_file_that_openai_would_not_take_is_not_uploaded_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmlab.toolkit.vector_stores.documents.MAX_BYTES", 3)
    (tmp_path / "a.txt").write_text("abcd")
    assert "has more than 0 MB" in refused(tmp_path / "a.txt")
    assert MAX_BYTES == 512 * 2**20


def test_texts_and_paths_go_together(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfHi")
    found = read_documents([str(tmp_path / "a.md"), {"notes": "Some", "code.py": "x = 1"}], LOCAL_TYPES)
    assert {name: decode(content) for name, content in found.items()} == {
        "a.md": "Hi",
        "notes.txt": "Some",
        "code.py": "x = 1",
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("lab")
def test_one_wrong_file_keeps_all_of_them_out(kind: str, folder: Path) -> None:
    store = made(kind)
    with pytest.raises(LLMInvalidRequestError, match=r"song\.mp3"):
        store.add([folder / "menu.txt", folder / "song.mp3"])
    assert store.files() == ()
