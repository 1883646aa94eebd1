"""When faults happen: often enough, to the right requests, and the same ones in every run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.lab.faults import FaultPlan as faults
from llmlab.lab.wire.messages import TapeRequest

URLS = {
    "openai": "https://api.openai.com/v1/models",
    "anthropic": "https://api.anthropic.com/v1/models",
    "ollama": "http://localhost:11434/api/tags",
}


def status(service: str = "openai") -> int:
    headers = {"authorization": "Bearer x", "x-api-key": "x"}
    return httpx.get(URLS[service], headers=headers).status_code


def asking(number: int = 0, alias: str = "openai", path: str = "/v1/responses") -> TapeRequest:
    return TapeRequest("POST", alias, path, {}, {"model": "gpt-6-luna", "input": str(number)})


def names(block: faults, count: int, **request: Any) -> list[str]:
    found = [block.due(asking(number, **request)) for number in range(count)]
    return [fault.name if fault else "" for fault in found]


def test_a_fault_lasts_as_long_as_the_block() -> None:
    llmlab.start()
    with llmlab.faults("server_error") as broken:
        assert [status() for _ in range(5)] == [500] * 5
    assert status() == 200
    assert broken.injected == 5
    assert repr(broken) == "<faults server_error: 5 injected>"


def test_a_fault_ends_with_an_error_too() -> None:
    llmlab.start()
    with pytest.raises(KeyError), llmlab.faults("server_error"):
        raise KeyError("in the middle")
    assert status() == 200


def test_a_fault_may_happen_a_few_times_only() -> None:
    llmlab.start()
    with llmlab.faults("rate_limit", retry_after=2, times=2):
        assert [status() for _ in range(4)] == [429, 429, 200, 200]


def test_several_faults_happen_in_their_order_once_each() -> None:
    llmlab.start()
    with llmlab.faults(["rate_limit", "server_error", "unauthorized"]):
        assert [status() for _ in range(4)] == [429, 500, 401, 200]
    assert names(faults(["rate_limit"]), 2) == ["rate_limit", ""]
    assert names(faults(["rate_limit", "server_error"], times=2), 5) == ["rate_limit"] * 2 + ["server_error"] * 2 + [""]
    assert names(faults(["rate_limit;times=2", "server_error"]), 4) == ["rate_limit", "rate_limit", "server_error", ""]


def test_only_one_provider_is_struck() -> None:
    llmlab.start()
    with llmlab.faults("server_error", provider="anthropic"):
        assert [status(service) for service in URLS] == [200, 500, 200]


def test_only_one_path_is_struck() -> None:
    block = faults("server_error", path="/chat")
    assert block.due(asking(path="/v1/responses")) is None
    assert block.due(asking(path="/v1/chat/completions")) is not None


def test_the_inner_block_comes_first_and_the_outer_one_after_it() -> None:
    llmlab.start()
    with llmlab.faults("server_error"), llmlab.faults("rate_limit", times=1):
        assert [status(), status()] == [429, 500]


def test_probability_strikes_the_same_requests_in_any_order() -> None:
    """Thirty learners, eight threads: the lesson's picture is still the one that was printed."""
    first = names(faults("server_error", probability=0.3, seed=7), 400)
    again = faults("server_error", probability=0.3, seed=7)
    backwards = [again.due(asking(number)) for number in reversed(range(400))]
    assert [fault.name if fault else "" for fault in reversed(backwards)] == first
    assert names(faults("server_error", probability=0.3, seed=8), 400) != first
    assert 80 < first.count("server_error") < 160


def test_probability_of_several_is_that_of_any_of_them() -> None:
    found = names(faults(["server_error", "rate_limit", "timeout"], probability=0.2, seed=1), 500)
    assert 60 < 500 - found.count("") < 140
    assert {"server_error", "rate_limit", "timeout"} < set(found)


def test_the_same_request_is_drawn_anew_each_time() -> None:
    """Else a retry would meet the same fault for ever."""
    block = faults("server_error", probability=0.5, seed=3)
    assert len({block.due(asking(1)) is None for _ in range(30)}) == 2
    assert names(faults("server_error", probability=0), 50) == [""] * 50
    assert names(faults("server_error", probability=1), 50) == ["server_error"] * 50


def test_threads_share_the_times() -> None:
    block = faults("server_error", times=10)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: block.due(asking(number)), range(200)))
    assert sum(fault is not None for fault in found) == block.injected == 10


def test_only_a_model_can_be_retired() -> None:
    """The question which models there are must be answered, so that the error can name them."""
    assert faults("not_found").due(TapeRequest("GET", "openai", "/v1/models")) is None
    assert faults("not_found").due(TapeRequest("GET", "openai", "/v1/models/gpt-6-luna")) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": "rate_limt"}, "no fault named 'rate_limt'. Did you mean 'rate_limit'"),
        ({"names": "Timeout"}, "Did you mean 'timeout'"),
        ({"names": []}, "no fault was named. Choose from unauthorized"),
        ({"names": ""}, "no fault was named"),
        (
            {"names": "rate_limit", "retry_afer": 2},
            "no argument for rate_limit named 'retry_afer'. Did you mean 'retry_a",
        ),
        ({"names": "rate_limit", "tims": 2}, "Did you mean 'times'"),
        ({"names": "rate_limit;tims=2"}, "Did you mean 'times'"),
        ({"names": "dns", "after": 2}, "no argument for dns named 'after'"),
        ({"names": ["rate_limit", "dns"], "after": 2}, "no argument for rate_limit, dns named 'after'"),
        ({"names": "dns", "provider": "antropic"}, "no service named 'antropic'. Did you mean 'anthropic'"),
        ({"names": "dns", "times": 0}, "times must be a whole number, 1 or more, not 0"),
        ({"names": "dns", "times": 1.5}, "times must be"),
        ({"names": "dns", "probability": 20}, "probability must be a number from 0 to 1, not 20"),
        ({"names": "dns", "probability": True}, "probability must be"),
        ({"names": "dns", "path": 3}, "path must be a text"),
        ({"names": "rate_limit", "retry_after": "soon"}, "retry_after of rate_limit must be seconds, a date"),
        ({"names": "rate_limit", "retry_after": -1}, "not -1"),
        ({"names": "rate_limit", "as_date": 1}, "as_date of rate_limit must be True or False"),
        ({"names": "cut_stream", "after": 1.5}, "after of cut_stream must be a whole number of events"),
        ({"names": "slow_chunks", "seconds": None}, "seconds of slow_chunks must be seconds, 0 or more"),
        ({"names": "wrong_content_type", "content_type": "a\nb"}, "content_type of wrong_content_type must be text"),
        ({"names": "rate_limit;retry_after"}, "'retry_after' has no value"),
    ],
)
def test_a_mistake_is_named_with_what_comes_nearest(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        faults(**arguments)
    assert message in caught.value.message


def test_a_server_of_ones_own_can_be_named() -> None:
    block = faults("dns", provider="llm.example.com:8443")
    assert block.due(asking(alias="llm.example.com:8443")) is not None
    assert block.due(asking()) is None


def test_without_the_tape_nothing_pretends_to_fail() -> None:
    with pytest.raises(ConfigurationError, match=r"llmlab\.start\(\)"), llmlab.faults("dns"):
        pass


def test_a_fault_is_written_as_it_is_read() -> None:
    block = faults("rate_limit; retry_after=Wed, 21 Oct 2026 07:28:00 GMT;times=2 , cut_stream;after=none,slow_chunks")
    assert repr(block) == (
        "<faults rate_limit;retry_after=Wed, 21 Oct 2026 07:28:00 GMT, cut_stream, slow_chunks: 0 injected>"
    )
    assert (
        repr(faults("rate_limit;as_date=true;retry_after=3"))
        == "<faults rate_limit;retry_after=3;as_date=True: 0 injected>"
    )


def test_every_kind_says_what_it_is() -> None:
    kinds = llmlab.faults.kinds()
    assert len(kinds) == 18
    assert all(kinds.values())
