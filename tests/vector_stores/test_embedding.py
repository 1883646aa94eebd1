"""Embeddings, from everybody who has them. If one fails, a local store cannot be filled, or finds the wrong texts."""

from __future__ import annotations

from itertools import cycle
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

import llmlab
from llmlab.errors import LLMAPIError, LLMInvalidRequestError, ModelNotFoundError
from llmlab.models.catalogue import EMBEDDING_MODELS
from llmlab.providers import embedding
from tests.core.trying import call, provider, twice
from tests.exchanges import EXCHANGES, exchange
from tests.loopback import LoopbackServer

HAVE = {"openai": 1536, "openrouter": 1536, "ollama": 768, "local_gpt_oss": 768}
PATHS = {
    "openai": "/v1/embeddings",
    "openrouter": "/api/v1/embeddings",
    "ollama": "/api/embed",
    "local_gpt_oss": "/v1/embeddings",
}


def near(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("name", "method"), [*zip(HAVE, cycle(twice("embed")))])
@pytest.mark.usefixtures("lab")
def test_texts_about_the_same_are_near_each_other(name: str, method: str) -> None:
    texts = ["a cat sleeps", "the cat slept", "stock prices fell"]
    cat, slept, stock = call(llmlab.get_provider(name), method, texts)
    assert len(cat) == HAVE[name]
    assert near(cat, slept) > near(cat, stock)


@pytest.mark.parametrize(("name", "method"), [*zip(HAVE, cycle(twice("embed")))])
def test_a_request_is_the_same_for_all(name: str, method: str, server: LoopbackServer) -> None:
    server.answer({"embeddings": [[1.0], [2.0]], "data": [{"embedding": [1.0]}, {"embedding": [2.0]}]})
    assert call(provider(name, server.url), method, ["a", "b"], "m-e") == [[1.0], [2.0]]
    assert (server.seen[0].path, server.seen[0].body) == (PATHS[name], {"model": "m-e", "input": ["a", "b"]})


@pytest.mark.parametrize("method", twice("embed"))
@pytest.mark.usefixtures("lab")
def test_anthropic_has_none_and_the_others_are_named(method: str) -> None:
    with pytest.raises(
        LLMInvalidRequestError, match=r"anthropic has no embeddings\. Embed with openai, openrouter, oll"
    ):
        call(llmlab.get_provider("anthropic"), method, ["a"])
    assert llmlab.trace().frame().empty


def test_wrong_texts_are_never_sent(server: LoopbackServer) -> None:
    wrong: list[Any] = ["one text", [""], ["a", " "], [3]]
    for texts in wrong:
        with pytest.raises(LLMInvalidRequestError, match=r"embed takes a list of texts"):
            call(provider("ollama", server.url), "embed", texts)
    assert server.seen == []


def test_no_texts_have_no_vectors(server: LoopbackServer) -> None:
    assert call(provider("ollama", server.url), "embed", []) == []


def test_a_provider_of_ones_own_names_its_model(server: LoopbackServer) -> None:
    class Mine(llmlab.OpenAIProvider):
        name = "mine"

    mine = Mine(base_url=server.url, api_key="k")
    with pytest.raises(LLMInvalidRequestError, match=r"no embedding model is known for mine\. Name one"):
        mine.embed(["a"])
    mine.close()


def test_many_texts_are_sent_in_groups(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a long document is refused as one request that is too large."""
    monkeypatch.setattr(embedding, "GROUP", 2)
    server.answer({"embeddings": [[1.0], [2.0]]})
    server.answer({"embeddings": [[3.0]]})
    assert call(provider("ollama", server.url), "embed", ["a", "b", "c"]) == [[1.0], [2.0], [3.0]]
    assert [seen.body["input"] for seen in server.seen] == [["a", "b"], ["c"]]


def test_vectors_belong_to_their_texts_in_whatever_order_they_come(server: LoopbackServer) -> None:
    server.answer({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]})
    assert call(provider("openai", server.url), "embed", ["a", "b"]) == [[1.0], [2.0]]


def test_an_answer_without_a_vector_for_each_text_is_an_error(server: LoopbackServer) -> None:
    """Else texts are stored with the vectors of others."""
    wrong: list[dict[str, Any]] = [
        *({}, {"data": []}, {"embeddings": [[1.0]]}, {"embeddings": [[1.0], []]}, {"embeddings": [[1.0], ["x"]]}),
        *({"data": [{"embedding": "no base64!"}, {"embedding": "AAA="}]}, {"data": "x"}, {"embeddings": [None, [1.0]]}),
    ]
    for body in wrong:
        server.answers.clear()
        server.answer(body)
        with pytest.raises(LLMAPIError, match=r"answered 2 texts with \d vectors"):
            call(provider("openai", server.url, max_retries=0), "embed", ["a", "b"])


@pytest.mark.usefixtures("lab")
def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(ModelNotFoundError, match="closest first"):
        call(llmlab.get_provider("ollama"), "embed", ["a"], "nobody")


@pytest.mark.parametrize("method", twice("embed"))
def test_a_mock_of_the_sdk_embeds(method: str) -> None:
    client = MagicMock()
    made = (AsyncMock if "async" in method else MagicMock)(
        return_value=MagicMock(data=[MagicMock(embedding=[0.5], index=0)])
    )
    client.embeddings.create = made
    assert call(llmlab.get_provider("openai", client=client), method, ["a"]) == [[0.5]]
    assert made.call_args.kwargs["input"] == ["a"]


@pytest.mark.parametrize("method", twice("embed"))
def test_the_answer_of_every_service_is_read(method: str, server: LoopbackServer) -> None:
    """Floats, base64, OpenRouter's and Ollama's."""
    answers = [one for one in EXCHANGES if "n_embeddings" in one.expect]
    assert len(answers) >= 4
    for one in answers:
        server.answers.clear()
        server.answer(one.body)
        expect, vectors = one.expect, call(provider(one.provider, server.url), method, ["any"])
        assert (len(vectors), len(vectors[0])) == (expect["n_embeddings"], expect["dim"])
        assert vectors[0][:3] == pytest.approx(expect["head"], abs=1e-6)


def test_a_refusal_is_read(server: LoopbackServer) -> None:
    refusal = exchange("openai-embeddings-error-model")
    server.answer(refusal.body, refusal.status)
    server.answer({"data": [{"id": "m-e"}]})
    with pytest.raises(ModelNotFoundError, match="`gpt-pelican` does not exist"):
        call(provider("openai", server.url), "embed", ["a"], "gpt-pelican")


@pytest.mark.parametrize(("name", "method"), [*zip(HAVE, cycle(twice("embed")))])
@pytest.mark.usefixtures("lab")
def test_what_embedding_costs_stands_in_the_ledger(name: str, method: str) -> None:
    """Filling a store is the dearest part of some services, and would be missing from the sum."""
    seen = len(llmlab.ledger().frame())
    llm = llmlab.get_provider(name)
    call(llm, method, ["a cat sleeps", "a dog barks"])
    (line,) = llmlab.ledger().frame()[seen:].to_dict("records")
    assert (line["provider"], line["asked_model"], line["output_tokens"]) == (name, EMBEDDING_MODELS[name], 0)
    assert line["input_tokens"] > 0
    assert llm.get_last_response() is None


@pytest.mark.parametrize("method", twice("embed"))
@pytest.mark.usefixtures("lab")
def test_policies_hold_for_embedding(method: str) -> None:
    """A budget that only answers count against would let a large folder through."""
    cache, budget, limits = llmlab.Cache(), llmlab.Budget(max_usd=1e-5), llmlab.Limits(tokens_per_minute=200)
    llm = llmlab.get_provider("openai", policies=[cache, budget, limits])
    assert call(llm, method, ["a cat"]) == call(llm, method, ["a cat"])
    assert (cache.stats.hits, budget.calls, limits.calls_on_their_way) == (1, 1, 0)
    assert 0 < budget.spent_usd < 1e-6
    with pytest.raises(llmlab.BudgetExceededError, match=r"0 out"):
        call(llm, method, ["a cat " * 100])
