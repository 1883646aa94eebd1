"""The exercises of lesson 16: a patience of one's own, and an answer whatever happens to one service."""

from __future__ import annotations

from typing import Any

from llmlab._utils.clock import now
from llmlab.errors import LLMAPIError, LLMError, LLMRateLimitError, LLMTimeoutError
from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import returns
from llmlab.lab.exercises.registry import exercise
from llmlab.lab.tape import faults, hurried
from llmlab.policies import RetryPolicy
from llmlab.types.completion import Completion

QUESTION = "Why is the sky blue?"
TRIES, WAIT = 4, 0.5
LONGEST = 20


@exercise(
    "16.1",
    hints=[
        "All of it is said in one RetryPolicy: how often, how long, and after which errors.",
        "max_retries=4 is how often. delay takes a function of the retry's number, on a list of names.",
        'return RetryPolicy(max_retries=4, delay=lambda retry: …, on=[…]), with the half second and "server".',
    ],
)
def patience(function: Answer) -> str:
    """The policy is asked what it would do after errors of the server and after a timeout."""
    policy = function()
    returns(policy, RetryPolicy, "Return a RetryPolicy.")
    busy = LLMAPIError("too busy", status_code=503)
    waits = [_wait(policy, retry, busy) for retry in range(1, TRIES + 2)]
    tries = sum(wait is not None for wait in waits)
    if tries == 0:
        raise Wrong("After an error of the server your policy gives up. Its name for on is 'server'.")
    if tries != TRIES:
        raise Wrong(
            f"Your policy tries {'more than ' if tries > TRIES else ''}{min(tries, TRIES)} times more, not {TRIES}."
        )
    if waits[:TRIES] != [WAIT] * TRIES:
        told = ", ".join(f"{wait:g}" for wait in waits[:TRIES] if wait is not None)
        raise Wrong(f"Your policy waits {told} seconds. Wait half a second each time: delay takes a function.")
    if policy.is_for(LLMTimeoutError("no answer in time")):
        raise Wrong("Your policy tries again after a timeout, too. on says after which errors to try.")
    if policy.is_for(LLMRateLimitError("slow down", status_code=429)):
        raise Wrong("Your policy tries again after a rate limit, too. Errors of the server are enough: on=['server'].")
    return f"Your policy tries {TRIES} times more, {WAIT:g} s apart, and leaves timeouts alone."


def _wait(policy: RetryPolicy, retry: int, error: LLMAPIError) -> float | None:
    try:
        return policy.wait_before(retry, error)
    except TypeError as mistake:
        raise Wrong("Your delay must be a function of the retry's number: delay=lambda retry: 0.5.") from mistake


@exercise(
    "16.2",
    hints=[
        "A Failover of two providers answers as long as one of them does.",
        "OpenAI stands first, made with max_retries=0; the time in all is an option of complete.",
        "llm = Failover([get_provider(…, max_retries=0), get_provider(…)]), then llm.complete(question, deadline=…).",
    ],
)
def always(function: Answer) -> str:
    """Asked when all is well, when one service fails, and when a service asks for more time than there is."""
    well = _asked(function)
    if well.provider != "openai":
        raise Wrong(f"All is well, and {well.provider} answered. OpenAI comes first.")
    with faults("server_error", provider="openai"), observed() as sent:
        helped = _asked(function)
    if helped.provider != "ollama":
        raise Wrong(f"OpenAI was down, and {helped.provider} answered. Ollama stands in.")
    tries = sum(exchange.alias == "openai" for exchange in sent)
    if tries != 1:
        raise Wrong(f"OpenAI was down, and you asked it {tries} times. Give it no retry: max_retries=0.")
    for fault, case in (
        (faults("rate_limit", retry_after=LONGEST + 5), f"Both services asked for {LONGEST + 5} seconds"),
        (faults("slow_first_token", seconds=LONGEST + 5), f"Both services were silent for {LONGEST + 5} seconds"),
    ):
        begun = now()
        with hurried(), fault:
            late = _answers(function)
        # A deadline that has passed is noticed a little later.
        if (waited := max(now() - begun, late * (LONGEST + 5))) > LONGEST + 1:
            came = "An answer came, and it" if late else "It"
            raise Wrong(
                f"{case}. {came} took your function {waited:.0f} seconds. Give the whole of it one deadline of "
                f"{LONGEST}: it is an option of complete."
            )
    return "OpenAI answered when it could, Ollama when it could not, and nobody waited longer than 20 seconds."


def _answers(function: Any) -> bool:
    """Return whether there was an answer; an error of llmlab is one way to keep within the time."""
    try:
        return bool(_asked(function))
    except Wrong as stopped:
        if isinstance(stopped.__cause__, LLMError):
            return False
        raise


def _asked(function: Any) -> Completion:
    given: Completion = function(QUESTION)
    returns(given, Completion, "Return the answer as the provider gave it.")
    return given
