"""A retry of one's own. If one fails, a program waits for what will not come, or gives up on what would have."""

from __future__ import annotations

from typing import Any

import pytest

import llmlab
from llmlab import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMConnectionError,
    LLMError,
    LLMRateLimitError,
    LLMStreamError,
    LLMTimeoutError,
    RetryPolicy,
)
from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError
from llmlab.policies import RetryEvent, retry
from tests.core.trying import SHAPES, ask, spread

SLOW = LLMRateLimitError("slow down", status_code=429)
BUSY = LLMAPIError("busy", status_code=503)
SILENT = LLMTimeoutError("silent")
GONE = LLMConnectionError("gone")
CUT = LLMStreamError("cut")
REFUSED = LLMAuthenticationError("no", status_code=401)
PAID = LLMRateLimitError("pay", status_code=429, code="insufficient_quota")
ALL = (SLOW, BUSY, SILENT, GONE, CUT, REFUSED, PAID)


def asked(policy: RetryPolicy, shape: str = "complete", **options: Any) -> Any:
    return ask(llmlab.get_provider("openai", policies=[policy]), shape, **options)


@pytest.mark.parametrize(
    ("on", "retried"),
    [
        (None, {SLOW, BUSY, SILENT, GONE, CUT}),
        (["rate_limit"], {SLOW}),
        ("rate_limit", {SLOW}),
        (["timeout"], {SILENT}),
        (["connection"], {SILENT, GONE}),
        (["server"], {BUSY}),
        (["stream", "server"], {CUT, BUSY}),
        ([], set()),
        (LLMRateLimitError, {SLOW, PAID}),
        ([LLMRateLimitError, "timeout"], {SLOW, PAID, SILENT}),
        (lambda error: error.status_code in (401, 503), {REFUSED, BUSY}),
    ],
    # The reprs of a function and of a set differ from process to process.
    ids=range(11),
)
def test_errors_are_chosen_by_name_by_class_or_by_a_function(on: Any, retried: set[LLMError]) -> None:
    policy = RetryPolicy(on=on, jitter=0)
    assert {error for error in ALL if policy.wait_before(1, error) is not None} == retried


@pytest.mark.parametrize("wrong", ["timeouts", ["rate_limit", "quota"], [ValueError], [3]], ids=repr)
def test_an_unknown_error_is_refused_with_the_known_ones(wrong: Any) -> None:
    """A name with a typo would retry nothing, and nobody would know before the outage."""
    with pytest.raises(ConfigurationError, match="a retry is for rate_limit, timeout, connection, server, stream, or"):
        RetryPolicy(on=wrong)


@pytest.mark.parametrize(
    ("wrong", "name"),
    spread([-1, float("nan"), float("inf"), "3"], ["max_retries", "base_delay", "jitter", "max_wait", "total"]),
)
def test_a_number_below_0_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} of a retry must be 0 or more"):
        RetryPolicy(**{name: wrong})


@pytest.mark.parametrize("name", ["delay", "on_retry"])
def test_what_must_be_a_function_is_refused_before_the_outage(name: str) -> None:
    """`delay=0.5` is what people write first; else it fails with a TypeError while the service is down."""
    with pytest.raises(ConfigurationError, match=f"{name} of a retry must be a function, such as"):
        RetryPolicy(**{name: 0.5})


def test_a_function_says_how_long() -> None:
    policy = RetryPolicy(max_retries=9, delay=lambda retry: 0.5 * retry, max_wait=2)
    assert [policy.wait_before(number, BUSY) for number in (1, 2, 3, 9)] == [0.5, 1.0, 1.5, 2.0]
    assert RetryPolicy(delay=lambda retry: -1).wait_before(1, BUSY) == 0.0
    service = LLMAPIError("busy", status_code=503, retry_after=1.25)
    assert policy.wait_before(1, service) == 1.25, "the service knows better"


def test_any_number_of_retries_can_be_waited_for() -> None:
    assert RetryPolicy(max_retries=5_000).wait_before(4_000, BUSY) == 120.0


@pytest.mark.parametrize("shape", SHAPES)
def test_each_retry_is_told_before_its_wait(frozen: None, shape: str) -> None:
    """A page can show why it stands still."""
    events: list[tuple[RetryEvent, float]] = []
    policy = RetryPolicy(jitter=0, base_delay=1, on_retry=lambda event: events.append((event, now())))
    with llmlab.faults(["server_error", "rate_limit;retry_after=5"]):
        begun = now()
        asked(policy, shape)
    assert [(event.retry, event.of, event.seconds, type(event.error)) for event, _ in events] == [
        (1, 3, 1.0, LLMAPIError),
        (2, 3, 5.0, LLMRateLimitError),
    ]
    assert [moment - begun for _, moment in events] == [0.0, 1.0]
    assert str(events[0][0]).startswith("retry 1 of 3 in 1.0 s: LLMAPIError: openai answered 500")


def test_a_callback_may_end_the_call(frozen: None) -> None:
    def enough(event: RetryEvent) -> None:
        raise KeyboardInterrupt

    with llmlab.faults("server_error"), pytest.raises(KeyboardInterrupt):
        asked(RetryPolicy(on_retry=enough))


@pytest.mark.parametrize(("total", "waits"), [(0, []), (2, [1]), (6.9, [1, 2]), (7.1, [1, 2, 4]), (None, [1, 2, 4, 8])])
def test_no_try_begins_after_the_total(frozen: None, total: float | None, waits: list[float]) -> None:
    """The last error is told, and not that time is up: it is what helps."""
    told: list[float] = []
    policy = RetryPolicy(4, base_delay=1, jitter=0, total=total, on_retry=lambda event: told.append(event.seconds))
    with llmlab.faults("server_error"), pytest.raises(LLMAPIError, match="openai answered 500"):
        asked(policy)
    assert told == waits


@pytest.mark.parametrize("shape", SHAPES)
def test_a_deadline_that_is_nearer_than_the_next_try_ends_the_call(frozen: None, shape: str) -> None:
    begun = now()
    with llmlab.faults("server_error"), pytest.raises(LLMTimeoutError, match="the deadline of 4 s") as caught:
        asked(RetryPolicy(9, base_delay=1, jitter=0), shape, deadline=4)
    assert isinstance(caught.value.__cause__, LLMAPIError)
    assert now() - begun < 4


def test_a_call_that_is_too_late_is_not_tried_again() -> None:
    """Each further try would be too late as well."""
    assert not retry.is_passing(LLMTimeoutError("the deadline of 5 s passed", code="deadline"))
