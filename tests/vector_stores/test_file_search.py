"""File search inside a call. If one fails, a store is not searched, and the model makes its answer up."""

from __future__ import annotations

from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMInvalidRequestError, StoreNotFoundError
from llmlab.formats import FORMATS, OPENAI_RESPONSES
from llmlab.types.completion import FileSearchResult
from llmlab.types.options import FileSearch
from llmlab.types.request import build_request
from tests.core.trying import SHAPES, ask
from tests.vector_stores.stores import made, told

SEARCH = FileSearch(("vs_1", "vs_2"), 3)


def test_a_search_is_a_tool_and_its_results_are_requested() -> None:
    """Without `include` the service searches, and does not send what it found."""
    ids: Any = ["vs_1", "vs_2"]
    for search in (SEARCH, FileSearch(ids, 3), {"vector_store_ids": ids, "max_num_results": 3}):
        request = build_request("Hi", "m-1", {"file_search": search, "tools": [{"name": "look"}]})
        assert request.file_search == SEARCH
        body = OPENAI_RESPONSES.encode(request, False)
        assert body["include"] == ["file_search_call.results"]
        assert [tool["type"] for tool in body["tools"]] == ["function", "file_search"]
        assert body["tools"][1] == {"type": "file_search", "vector_store_ids": ids, "max_num_results": 3}
    assert "include" not in OPENAI_RESPONSES.encode(build_request("Hi", "m-1", {}), False)


def test_a_wrong_search_is_refused_before_it_is_sent() -> None:
    wrong: list[Any] = [
        *("vs_1", {"vector_store_ids": ()}, {"vector_store_ids": "vs_1"}, {"vector_store_ids": [1]}),
        *({"vector_store_ids": ["vs_1"], "max_num_results": most} for most in (0, 51, True)),
        *({"stores": ["vs_1"]}, {}, ["vs_1"]),
    ]
    for search in wrong:
        with pytest.raises(LLMInvalidRequestError, match=r"FileSearch|max_num_results"):
            build_request("Hi", "m-1", {"file_search": search})


def test_other_formats_refuse_it_and_name_the_way_out() -> None:
    for name in ("openai_chat", "openai_completions", "anthropic_messages", "ollama", "ollama_generate"):
        with pytest.raises(
            LLMInvalidRequestError, match=r"has no file_search\. OpenAI's .* store\.answer\(provider, quest"
        ):
            FORMATS[name].encode(build_request("Hi", "m-1", {"file_search": SEARCH}), False)


def test_odd_results_are_read_without_an_exception() -> None:
    odd: list[tuple[Any, list[float]]] = [
        *((results, []) for results in (None, "x", [], [3])),
        ([{"score": "high", "text": 3, "filename": None}], [0]),
        ([{"text": "a", "score": 0.5}], [0.5]),
    ]
    for results, scores in odd:
        body = {"output": [{"type": "file_search_call", "results": results}]}
        found = OPENAI_RESPONSES.decode(body).file_search_results
        assert all(isinstance(one, FileSearchResult) for one in found)
        assert [one.score for one in found] == scores


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_is_searched_in_every_shape_beside_the_users_own_tools(shape: str) -> None:
    store = made("hosted")
    store.add({"dog": "The office dog is called Biscuit."})
    answer = ask(llmlab.get_provider("openai"), shape, "What is the dog called?", file_search=FileSearch((store.id,)))
    assert answer.content == "The office dog is called Biscuit."
    assert [one.file_name for one in answer.file_search_results] == ["dog.txt"]
    with pytest.raises(StoreNotFoundError, match=r"HostedVectorStore\.create"):
        ask(llmlab.get_provider("openai"), shape, "Hi", file_search=FileSearch(("vs_nobody",)))


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", ["sync", "async stream"])
def test_openais_chat_completions_answer_from_a_store_as_everybody_does(shape: str) -> None:
    store = made("hosted")
    store.add({"dog": "The office dog is called Biscuit."})
    answer = told(shape, store, llmlab.get_provider("openai", api="chat"), "What is the dog called?")
    assert (answer.content, len(answer.file_search_results)) == ("The office dog is called Biscuit.", 1)
