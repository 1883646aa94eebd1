"""The exercises of lesson 06: a service that is too busy, and a stream that breaks."""

from __future__ import annotations

from typing import Any

from llmlab.errors import LLMAuthenticationError
from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returned, returns_two
from llmlab.lab.exercises.registry import exercise
from llmlab.lab.tape import faults, hurried

QUESTION = "Why is the sky blue?"
SECONDS = (7, 12)


@exercise(
    "6.1",
    hints=[
        "Put the call into a try block. Which class of error means that the service is too busy?",
        "It is llmlab.LLMRateLimitError; the seconds are in error.retry_after.",
        'except llmlab.LLMRateLimitError as error: return f"Please come back in {error.retry_after:.0f} seconds."',
    ],
)
def polite(function: Answer) -> str:
    """Asked normally, under a rate limit, and with a refused key, the function must tell the three apart."""
    with observed() as sent:
        text = function(QUESTION)
    if not sent:
        raise Wrong("Your function asked nobody: no request was sent. Ask a provider.")
    if not isinstance(text, str) or not text:
        raise Wrong(f"{returned(text)} When all is well, return the answer's text.")
    for seconds in SECONDS:
        with observed() as sent, hurried(), faults("rate_limit", retry_after=seconds):
            sentence = function(QUESTION)
        if len(sent) > 1:
            raise Wrong(f"The service was busy and you asked {len(sent)} times. hasty asks once.")
        wanted = f"Please come back in {seconds} seconds."
        if not isinstance(sentence, str) or sentence != wanted:
            raise Wrong(f"The service asked for {seconds} seconds. Return {wanted!r}, not {quoted(sentence)}.")
    try:
        with faults("unauthorized"):
            hidden = function(QUESTION)
    except Wrong as stopped:
        # What comes out of the learner's code is what was wanted here.
        if not isinstance(stopped.__cause__, LLMAuthenticationError):
            raise
        told = " and the ".join(map(str, SECONDS))
        return f"You asked once, passed the {told} seconds on, and let a refused key be seen."
    raise Wrong(f"A refused key will not pass, however long one waits, but your function returned {quoted(hidden)}.")


@exercise(
    "6.2",
    hints=[
        "Read the stream inside a try block. Which class of error comes out of a stream that breaks?",
        "It is llmlab.LLMStreamError, and error.partial holds the text that had arrived.",
        "return the joined text and True at the end of the try block; in the except block, error.partial and False.",
    ],
)
def rescue(function: Answer) -> str:
    """A whole stream and a broken one must both give their text, and be told apart."""
    with observed() as sent:
        given = function(QUESTION)
    if not any(exchange.streamed for exchange in sent):
        raise Wrong("Your function did not stream. Use llm.complete_stream.")
    whole, said = _pair(given)
    if not isinstance(whole, str) or not whole or said is not True:
        raise Wrong(f"The stream ended as it should. Return its text and True, not {quoted(whole)} and {quoted(said)}.")
    with faults("cut_stream"):
        part, said = _pair(function(QUESTION))
    if said is not False:
        raise Wrong("The stream broke in the middle, and your function called it whole.")
    if not isinstance(part, str) or not part or not whole.startswith(part):
        raise Wrong(f"What had arrived is the beginning of the answer; your function returned {quoted(part)}.")
    return f"Whole, it was {len(whole)} characters; broken, you kept the first {len(part)}."


def _pair(given: Any) -> tuple[Any, Any]:
    returns_two(given, "Return two things: the text, and True or False.")
    return given[0], given[1]
