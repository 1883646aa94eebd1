"""When faults happen: often enough, to the right requests, and the same ones in every run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

import llmlab
from llmlab.errors import ConfigurationError
from llmlab.lab.wire.messages import TapeRequest

URLS = {
    "openai": "https://api.openai.com/v1/models",
    "anthropic": "https://api.anthropic.com/v1/models",
    "ollama": "http://localhost:11434/api/tags",
}
faults = llmlab.faults


def status(service: str = "openai") -> int:
    headers = {"authorization": "Bearer x", "x-api-key": "x"}
    return httpx.get(URLS[service], headers=headers).status_code


def request(number: int = 0, alias: str = "openai", path: str = "/v1/responses") -> TapeRequest:
    return TapeRequest("POST", alias, path, {}, {"model": "gpt-6-luna", "input": str(number)})


def names(plan: faults, count: int) -> list[str]:
    found = [plan.due(request(number)) for number in range(count)]
    return [fault.name if fault else "" for fault in found]


def test_a_fault_lasts_as_long_as_the_block() -> None:
    llmlab.start()
    with faults("server_error") as broken:
        assert [status() for _ in range(5)] == [500] * 5
    assert status() == 200
    assert repr(broken) == "<faults server_error: 5 injected>"
    with pytest.raises(KeyError), faults("server_error"):
        raise KeyError("in the middle")
    assert status() == 200


def test_several_faults_happen_in_their_order_once_each() -> None:
    llmlab.start()
    with faults(["rate_limit", "server_error", "unauthorized"]):
        assert [status() for _ in range(4)] == [429, 500, 401, 200]
    assert names(faults(["rate_limit"]), 2) == ["rate_limit", ""]
    assert names(faults("rate_limit", retry_after=2, times=2), 3) == ["rate_limit", "rate_limit", ""]
    assert names(faults(["rate_limit", "server_error"], times=2), 5) == ["rate_limit"] * 2 + ["server_error"] * 2 + [""]
    assert names(faults(["rate_limit;times=2", "server_error"]), 4) == ["rate_limit", "rate_limit", "server_error", ""]


def test_only_one_provider_and_one_path_is_struck() -> None:
    llmlab.start()
    with faults("server_error", provider="anthropic"):
        assert [status(service) for service in URLS] == [200, 500, 200]
    plan = faults("server_error", path="/chat")
    assert plan.due(request(path="/v1/responses")) is None
    assert plan.due(request(path="/v1/chat/completions")) is not None
    own = faults("dns", provider="llm.example.com:8443")
    assert own.due(request(alias="llm.example.com:8443")) is not None
    assert own.due(request()) is None


def test_the_inner_block_comes_first_and_the_outer_one_after_it() -> None:
    llmlab.start()
    with faults("server_error"), faults("rate_limit", times=1):
        assert [status(), status()] == [429, 500]


def test_probability_strikes_the_same_requests_in_any_order() -> None:
    """Thirty learners, eight threads: the lesson's picture is still the one that was printed."""
    first = names(faults("server_error", probability=0.3, seed=7), 400)
    again = faults("server_error", probability=0.3, seed=7)
    backwards = [again.due(request(number)) for number in reversed(range(400))]
    assert [fault.name if fault else "" for fault in reversed(backwards)] == first
    assert names(faults("server_error", probability=0.3, seed=8), 400) != first
    assert 80 < first.count("server_error") < 160


def test_probability_of_several_faults_is_that_of_any_of_them() -> None:
    found = names(faults(["server_error", "rate_limit", "timeout"], probability=0.2, seed=1), 500)
    assert 60 < 500 - found.count("") < 140
    assert {"server_error", "rate_limit", "timeout"} < set(found)


def test_the_same_request_is_drawn_anew_each_time() -> None:
    """Otherwise a retry would meet the same fault for ever."""
    plan = faults("server_error", probability=0.5, seed=3)
    assert len({plan.due(request(1)) is None for _ in range(30)}) == 2
    assert names(faults("server_error", probability=0), 50) == [""] * 50
    assert names(faults("server_error", probability=1), 50) == ["server_error"] * 50


def test_threads_share_the_times() -> None:
    plan = faults("server_error", times=10)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: plan.due(request(number)), range(200)))
    assert sum(fault is not None for fault in found) == plan.injected == 10


def test_only_a_model_can_be_retired() -> None:
    """The question which models there are must be answered, so that the error can name them."""
    assert faults("not_found").due(TapeRequest("GET", "openai", "/v1/models")) is None
    assert faults("not_found").due(TapeRequest("GET", "openai", "/v1/models/gpt-6-luna")) is not None


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    ("rate_limt", {}, "no fault named 'rate_limt'. Did you mean 'rate_limit'"),
    ("Timeout", {}, "Did you mean 'timeout'"),
    ([], {}, "no fault was named. Choose from unauthorized"),
    ("", {}, "no fault was named"),
    ("rate_limit", {"retry_afer": 2}, "no argument for rate_limit named 'retry_afer'. Did you mean 'retry_a"),
    ("rate_limit", {"tims": 2}, "Did you mean 'times'"),
    ("rate_limit;tims=2", {}, "Did you mean 'times'"),
    ("dns", {"after": 2}, "no argument for dns named 'after'"),
    (["rate_limit", "dns"], {"after": 2}, "no argument for rate_limit, dns named 'after'"),
    ("dns", {"provider": "antropic"}, "no service named 'antropic'. Did you mean 'anthropic'"),
    ("dns", {"times": 0}, "times must be a whole number, 1 or more, not 0"),
    ("dns", {"times": 1.5}, "times must be"),
    ("dns", {"probability": 20}, "probability must be a number from 0 to 1, not 20"),
    ("dns", {"probability": True}, "probability must be"),
    ("dns", {"path": 3}, "path must be a text"),
    ("rate_limit", {"retry_after": "soon"}, "retry_after of rate_limit must be seconds, a date"),
    ("rate_limit", {"retry_after": -1}, "not -1"),
    ("rate_limit", {"as_date": 1}, "as_date of rate_limit must be True or False"),
    ("cut_stream", {"after": 1.5}, "after of cut_stream must be a whole number of events"),
    ("slow_chunks", {"seconds": None}, "seconds of slow_chunks must be seconds, 0 or more"),
    ("wrong_content_type", {"content_type": "a\nb"}, "content_type of wrong_content_type must be text"),
    ("rate_limit;retry_after", {}, "'retry_after' has no value"),
]


def test_a_mistake_is_named_with_what_comes_nearest() -> None:
    for fault, arguments, message in MISTAKES:
        with pytest.raises(ConfigurationError) as caught:
            faults(fault, **arguments)
        assert message in caught.value.message


def test_without_the_tape_faults_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"llmlab\.start\(\)"), faults("dns"):
        pass


def test_a_fault_is_written_as_it_is_read() -> None:
    plan = faults("rate_limit; retry_after=Wed, 21 Oct 2026 07:28:00 GMT;times=2 , cut_stream;after=none,slow_chunks")
    written = "rate_limit;retry_after=Wed, 21 Oct 2026 07:28:00 GMT, cut_stream, slow_chunks"
    assert repr(plan) == f"<faults {written}: 0 injected>"
    assert "rate_limit;retry_after=3;as_date=True:" in repr(faults("rate_limit;as_date=true;retry_after=3"))


def test_every_kind_says_what_it_is() -> None:
    kinds = faults.kinds()
    assert len(kinds) == 18
    assert all(kinds.values())
