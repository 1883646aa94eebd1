"""The exercises of lesson 07: the speed of a stream, and a stream that is left early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returned
from llmlab.lab.exercises.registry import exercise
from llmlab.lab.tape import faults
from llmlab.types.completion import Completion, Usage

QUESTION = "Explain a rainbow to a child."
STREAMED = Completion("text", "none", usage=Usage(12, 80, 92), latency=2.4, time_to_first_token=0.4)
AT_ONCE = Completion("text", "none", usage=Usage(12, 80, 92), latency=0.4, time_to_first_token=0.4)
WHOLE = Completion("text", "none", usage=Usage(12, 80, 92), latency=2.4)


@exercise(
    "7.1",
    hints=[
        "Three numbers are needed: answer.usage.output_tokens, answer.latency and answer.time_to_first_token.",
        "The time of writing is the time of the last token without the time to the first. When is there none?",
        "return answer.usage.output_tokens / (answer.latency - answer.time_to_first_token), but None in two cases",
    ],
)
def speed(function: Answer) -> str:
    """80 tokens in 2 seconds of writing are 40 a second; two answers have no speed."""
    given = function(STREAMED)
    if not isinstance(given, (int, float)) or not 39.9 < given < 40.1:
        raise Wrong(
            "80 tokens, the first one after 0.4 seconds and the last one after 2.4, are 40 tokens a second. "
            f"{returned(given)}{_reason(given)}"
        )
    for completion, case in (
        (WHOLE, "An answer that was not streamed has no speed that anybody could see"),
        (AT_ONCE, "An answer whose first token came with its last was written in no time"),
    ):
        if (given := function(completion)) is not None:
            raise Wrong(f"{case}. Return None for it. {returned(given)}")
    return "80 tokens in 2 seconds of writing are 40 a second, and the silence before does not count."


def _reason(given: Any) -> str:
    if not isinstance(given, (int, float)):
        return ""
    if 33 < given < 34:
        return " That counts the silence before the first token as well: take it away from the latency."
    if 39 < given < 39.9:
        return " That leaves the first token out. Here it counts like the others."
    if given == 92 / 2:
        return " That counts the tokens of the question, too. The model did not write those."
    return ""


@exercise(
    "7.2",
    hints=[
        "Collect the text while you loop over the stream. When is it enough?",
        'if "." in text: break. Then with closes the stream, and you cut the text after the full stop.',
        'text += str(chunk) for each chunk of llm.complete_stream; break at "."; text.partition(".")[0] + "." is left',
    ],
)
def first_sentence(function: Answer) -> str:
    """The first sentence must come back, and the rest of the stream must be left unread."""
    # A fault that does no harm: in live mode, too, the whole stream is known, and how much of it was read.
    with observed() as sent, faults("slow_first_token", seconds=0):
        text = function(QUESTION)
    if not sent:
        raise Wrong("Your function asked nobody. Use llm.complete_stream.")
    last = sent[-1]
    if not last.streamed or last.answer is None or last.answer.events is None:
        raise Wrong("Your function did not stream. Use llm.complete_stream.")
    if not isinstance(text, str) or not text:
        raise Wrong(f"{returned(text)} Return the text of the first sentence.")
    if text.count(".") != 1 or not text.endswith("."):
        raise Wrong(f"{returned(text)} One sentence ends with its first full stop, and nothing follows it.")
    wanted = _written(last.answer.events).partition(".")[0].strip() + "."
    if text.strip() != wanted:
        raise Wrong(f"{returned(text)} The first sentence is {quoted(wanted)} Collect all pieces up to the full stop.")
    read, there = last.delivered, len(last.answer.events)
    if read == there:
        raise Wrong(
            f"The sentence is right, but you read all {there} events of the stream, and paid for each. "
            "Leave the loop at the full stop, and let with close the stream."
        )
    return f"Your function read {read} of {there} events and gave the connection back."


def _written(events: Sequence[tuple[float, Any]]) -> str:
    """Return the text in the events of any service, without thoughts."""
    text = ""
    for event in (event for _, event in events if isinstance(event, dict)):
        if event.get("type") == "response.output_text.delta":
            text += event["delta"]
        for part in (event.get("delta"), event.get("message"), *(one.get("delta") for one in event.get("choices", []))):
            if isinstance(part, dict):
                said = part.get("text") or part.get("content")
                text += said if isinstance(said, str) else ""
    return text
