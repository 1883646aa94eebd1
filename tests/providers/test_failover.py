"""The next one answers. If one fails, one service's outage is the program's, or two answers are mixed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.errors import (
    AllProvidersFailedError,
    ConfigurationError,
    LLMError,
    LLMInvalidRequestError,
    LLMStreamError,
    LLMTimeoutError,
    MissingAPIKeyError,
)
from llmlab.policies import Limits
from llmlab.providers import Failover, Provider, get_provider
from llmlab.providers.circuit import CircuitBreaker
from tests.core import bodies
from tests.core.trying import SHAPES, ask, provider, spread
from tests.loopback import LoopbackServer

MOVES_ON = ("rate_limit", "quota", "server_error", "timeout", "connect_refused", "dns", "empty_stream")
STAYS = ("unauthorized", "forbidden", "not_found")


@pytest.fixture
def offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr("llmlab.providers.circuit.now", lambda: time[0])
    return time


def two(**options: Any) -> Failover:
    return Failover([get_provider("openai", max_retries=0), get_provider("ollama", max_retries=0)], **options)


def members(failover: Failover) -> list[Provider]:
    return [target.provider for target in failover.targets if target.provider]


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("fault", "shape"), spread(MOVES_ON, SHAPES))
def test_the_next_one_answers(fault: str, shape: str) -> None:
    llm = two()
    with llmlab.faults(fault, times=1):
        answer = ask(llm, shape, "Why is the sky blue?")
    assert answer.provider == "ollama"
    assert answer.why.startswith("openai failed (LLM")
    assert answer.why.endswith("; so ollama answered")
    assert llm.get_last_response() == answer


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("fault", "shape"), spread(["overloaded", "malformed_json"], SHAPES[:2]))
def test_half_a_document_is_no_answer(fault: str, shape: str) -> None:
    llm = two()
    with llmlab.faults(fault, times=1):
        assert ask(llm, shape, "Why is the sky blue?").provider == "ollama"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_one_answers_when_it_can(shape: str) -> None:
    answer = ask(two(), shape)
    assert (answer.provider, answer.why) == ("openai", "")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("fault", "shape"), spread(STAYS, SHAPES))
def test_what_is_wrong_here_goes_to_nobody_else(fault: str, shape: str) -> None:
    """A wrong request would be paid for twice, and a wrong key would never be noticed."""
    llm = two()
    with llmlab.faults(fault), pytest.raises(LLMError) as caught:
        ask(llm, shape)
    assert caught.value.provider == "openai"
    assert members(llm)[1].get_request_count() == 0


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_a_stream_that_broke_is_not_begun_again_elsewhere(shape: str) -> None:
    """Half an answer of one model, followed by that of another, is no answer."""
    llm = two()
    with llmlab.faults("cut_stream"), pytest.raises(LLMStreamError) as caught:
        ask(llm, shape, "Why is the sky blue?")
    assert caught.value.partial
    assert members(llm)[1].get_request_count() == 0
    assert llm.targets[0].circuit.state == "open"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", SHAPES)
def test_when_nobody_answers_each_reason_is_told(shape: str) -> None:
    with llmlab.faults("server_error"), pytest.raises(AllProvidersFailedError) as caught:
        ask(two(), shape)
    assert [error.provider for error in caught.value.errors] == ["openai", "ollama"]
    assert "- openai: openai answered 500" in caught.value.message
    assert "- ollama: ollama answered 500" in caught.value.message


@pytest.mark.usefixtures("offline")
def test_a_line_that_is_dead_has_a_name() -> None:
    """The transport below knows addresses alone, and the list of reasons said None."""
    with llmlab.faults("connect_refused"), pytest.raises(AllProvidersFailedError, match=r"(?s)- openai: .*- ollama: "):
        two().complete("Hi")


@pytest.mark.usefixtures("offline")
def test_each_one_s_own_retry_comes_first() -> None:
    llm = Failover([get_provider("openai", max_retries=1), get_provider("ollama")])
    with llmlab.faults("server_error", times=1):
        assert llm.complete("Hi").provider == "openai"
    assert llm.get_request_count() == 2


@pytest.mark.usefixtures("offline")
def test_who_failed_rests_and_is_then_tried_by_one_call(clock: list[float]) -> None:
    llm = two(cooldown=30)
    with llmlab.faults("server_error", times=1):
        llm.complete("Hi")
    assert llm.complete("Hi").why == "openai rests after a failure; so ollama answered"
    assert members(llm)[0].get_request_count() == 1
    clock[0] += 31
    assert llm.targets[0].circuit.state == "half-open"
    assert llm.complete("Hi").provider == "openai"
    assert llm.targets[0].circuit.state == "closed"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_failover_inside_of_one_is_passed_over_when_all_of_it_fail(shape: str) -> None:
    """Two services of the cloud, then the own machine: an outage of both is what that is for."""
    cloud = Failover([get_provider("openai", max_retries=0), get_provider("anthropic", max_retries=0)])
    llm = Failover([cloud, get_provider("ollama")])
    with llmlab.faults("server_error", times=2):
        answer = ask(llm, shape)
    assert answer.provider == "ollama"
    assert answer.why == "failover failed (AllProvidersFailedError); so ollama answered"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_failover_inside_of_one_says_why(shape: str) -> None:
    llm = Failover([two(), get_provider("anthropic")])
    with llmlab.faults("server_error", times=1):
        assert ask(llm, shape).why == "openai failed (LLMAPIError); so ollama answered"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_line_is_no_failure_of_the_service(shape: str) -> None:
    """Who has no time for our own line goes to the next one. That one call must not send all others there too."""
    hurried = get_provider("openai", policies=[Limits(requests_per_minute=1)])
    hurried.complete("Hi")
    llm = Failover([hurried, get_provider("ollama")])
    assert ask(llm, shape, deadline=5).provider == "ollama"
    assert [target.circuit.state for target in llm.targets] == ["closed", "closed"]


@pytest.mark.usefixtures("offline")
def test_when_all_rest_they_are_asked_all_the_same(clock: list[float]) -> None:
    """A rest saves time. It must not turn an outage that is over into errors."""
    llm = two()
    with llmlab.faults("server_error"), pytest.raises(AllProvidersFailedError):
        llm.complete("Hi")
    clock[0] += 1
    assert llm.complete("Hi").content


@pytest.mark.usefixtures("offline")
def test_a_rest_is_as_long_as_the_service_asked_for(clock: list[float]) -> None:
    llm = two(cooldown=1)
    with llmlab.faults("rate_limit", retry_after=50, times=1):
        llm.complete("Hi")
    assert llm.targets[0].circuit.seconds_left == 50


def test_one_call_at_a_time_tries_a_service_that_has_rested(clock: list[float]) -> None:
    """Else all that waited fall upon a service that is just getting up."""
    circuit = CircuitBreaker(cooldown=10, failures=2)
    circuit.failed()
    assert circuit.allow()
    circuit.failed()
    assert not circuit.allow()
    clock[0] += 11
    allowed: list[bool] = []
    threads = [threading.Thread(target=lambda: allowed.append(circuit.allow())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(allowed) == 1
    circuit.undecided()
    assert circuit.allow()
    circuit.failed()
    assert circuit.state == "open"


@pytest.mark.usefixtures("offline")
def test_a_cancelled_call_leaves_the_circuit_free(clock: list[float]) -> None:
    llm = two()

    async def run() -> None:
        with llmlab.faults("server_error", times=1):
            await llm.complete_async("Hi")
        clock[0] += 31
        task = asyncio.create_task(llm.complete_async("Hi"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert llm.targets[0].circuit.allow()
        await llm.aclose()

    asyncio.run(run())


def test_who_has_no_key_is_passed_over(monkeypatch: pytest.MonkeyPatch, server: LoopbackServer) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.answer(bodies.CHAT)
    with Failover(["openai", provider("openrouter", server.url)]) as llm:
        answer = llm.complete("Hi")
    assert (answer.provider, answer.why) == ("openrouter", "openai has no key; so openrouter answered")


def test_without_any_key_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(MissingAPIKeyError, match="OPENAI_API_KEY"):
        Failover(["openai", "anthropic"])


def test_a_deadline_holds_for_all_together(server: LoopbackServer) -> None:
    """Three providers with ten seconds each are thirty seconds for the reader."""
    server.answer(bodies.CHAT, delay=threading.Event())
    llm = Failover([provider(name, server.url, max_retries=0) for name in ("openrouter", "openai")])
    with llm, pytest.raises(LLMTimeoutError):
        llm.complete("Hi", deadline=0.2)
    assert len(server.seen) == 1


@pytest.mark.usefixtures("offline")
def test_what_a_stand_in_cannot_do_is_said_before_anything_is_sent() -> None:
    """An option that only fails in an outage would make the outage complete."""
    llm = two()
    with pytest.raises(LLMInvalidRequestError, match="ollama could not stand in: Ollama has no tool_choice"):
        llm.complete("Hi", tools=[{"name": "x"}], tool_choice="required")
    assert llm.get_request_count() == 0


@pytest.mark.usefixtures("offline")
def test_a_model_of_one_is_not_asked_of_the_other() -> None:
    with pytest.raises(LLMInvalidRequestError, match="each provider has its own"):
        two().complete("Hi", model="gpt-oss:20b")


@pytest.mark.usefixtures("offline")
def test_two_models_of_one_provider_can_stand_in_for_each_other() -> None:
    first, second = llmlab.models.known_models("openai")[:2]
    llm = Failover([get_provider("openai", model=name, max_retries=0) for name in (first, second)])
    with llmlab.faults("overloaded", times=1):
        assert llm.complete("Hi").model.startswith(second)


@pytest.mark.usefixtures("offline")
def test_the_questions_go_to_whoever_answers() -> None:
    llm = two()
    with llmlab.faults("server_error", times=1):
        assert "gpt-oss:20b" in llm.list_models()
    assert llm.count_tokens("Hi") > 0
    assert llm.health().ok


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("what", ["completion", "embed"])
def test_what_one_vendor_has_is_asked_of_that_vendor(what: str) -> None:
    with pytest.raises(LLMInvalidRequestError):
        getattr(two(), what)(["Hi"])


@pytest.mark.usefixtures("offline")
def test_its_session_is_that_of_all() -> None:
    llm = two()
    with llmlab.faults("rate_limit", times=1):
        llm.complete("Hi")
    assert llm.get_request_count() == 2
    llm.reset_session()
    assert (llm.get_request_count(), llm.get_last_response()) == (0, None)
    assert repr(llm) == "Failover(openai (open) → ollama (closed))"


@pytest.mark.parametrize("wrong", [[], ["openai"], "openai"], ids=repr)
def test_one_is_no_failover(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="two providers or more"):
        Failover(wrong)


@pytest.mark.parametrize(
    "wrong", [{"cooldown": -1}, {"cooldown": "5"}, {"cooldown": float("nan")}, {"failures": 0}], ids=repr
)
def test_numbers_of_a_failover_are_checked(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="a failover needs cooldown of 0 seconds or more"):
        Failover(["openai", "ollama"], **wrong)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("fallback", ["true", "ollama"])
def test_one_line_of_settings_makes_it(fallback: str) -> None:
    Path("llmlab.yaml").write_text(
        f"providers:\n  openai: {{max_retries: 0, fallback: {fallback}}}\n  ollama: {{timeout: 200}}\n",
        encoding="utf-8",
    )
    llm = get_provider("openai")
    with llmlab.faults("connect_refused", times=1):
        assert llm.complete("Hi").provider == "ollama"
    assert members(llm)[1].timeout == 200  # type: ignore[arg-type]
    assert get_provider("ollama").name == "ollama"


@pytest.mark.usefixtures("offline")
def test_a_fallback_without_another_provider_is_wrong() -> None:
    Path("llmlab.yaml").write_text("providers:\n  openai: {fallback: true}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the settings have no other provider under"):
        get_provider("openai")
