"""The exercises of lesson 09: the loop of tool calls by hand, and a tool whose error helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmlab.errors import ToolError
from llmlab.lab.exercises.inspect import Answer, Wrong, observed, shortened
from llmlab.lab.exercises.messages import quoted, returned, texts, whole_answer
from llmlab.lab.exercises.registry import exercise
from llmlab.lab.tape import Exchange
from llmlab.toolkit.tools import Tool

BOTH, NEITHER = "What is the weather in Oslo and in Lisbon?", "What is the capital of France?"
TRAINS = {"Bergen": "08:15", "Trondheim": "09:40", "Bodø": "11:05"}


@exercise(
    "9.1",
    hints=[
        "Ask with tools=[definition]. The calls are the items of output whose type is function_call. Are there any?",
        "messages += answer.output, then for each call one more item: function_call_output, with its own call_id.",
        'messages.append({"type": "function_call_output", "call_id": call.call_id, "output": get_weather(**json.loads('
        "call.arguments))}) for each call, then client.responses.create with messages and tools=[definition] again",
    ],
)
def answer_with_tools(function: Answer) -> str:
    """Two calls must get their own results, and a question without a call its answer at once."""
    try:
        with observed() as sent:
            text = function(BOTH)
    except Wrong:
        if missing := _unanswered(sent):
            raise Wrong(f"{missing} The service refuses a request that lacks the result of a call.") from None
        raise
    request, response = whole_answer(sent, "/responses", "client.responses.create")
    if not request.get("tools"):
        raise Wrong("Your last request had no tools in it. Send tools=[definition] each time.")
    if calls := _calls(response.get("output")):
        raise Wrong(
            f"You stopped while the model still waits for {len(calls)} results. Send {_what(request)} and the results."
        )
    if missing := _unanswered(sent):
        raise Wrong(missing)
    told = request.get("input")
    results = _results(told)
    for call in _calls(told):
        city, result = str(call.get("arguments")), results.get(str(call.get("call_id")))
        wanted = "snow" if "Oslo" in city else "sun"
        if wanted not in str(result):
            raise Wrong(f"For {city} you sent back {quoted(result)}. Call get_weather with the arguments of that call.")
    _is_text(text, response)
    # The service may keep the calls, and then they are not in the last request.
    made = sum(len(_calls(one.response.get("output"))) for one in sent if isinstance(one.response, dict))
    with observed() as sent:
        text = function(NEITHER)
    _is_text(text, whole_answer(sent, "/responses", "client.responses.create")[1])
    if len(sent) > 1:
        raise Wrong(f"{NEITHER} needs no tool, and the first answer said it. You asked {len(sent)} times.")
    return f"{made} calls, each with its own result, and no call where none was needed."


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _calls(value: Any) -> list[dict[str, Any]]:
    return [item for item in _items(value) if item.get("type") == "function_call"]


def _results(value: Any) -> dict[str, Any]:
    """Return the results in an input by the ids of their calls."""
    outputs = [item for item in _items(value) if item.get("type") == "function_call_output"]
    return {str(item.get("call_id")): item.get("output") for item in outputs}


def _unanswered(sent: Sequence[Exchange]) -> str:
    """Return a sentence about the first call that got no result in the requests after it, or nothing."""
    calls = [call for one in sent if isinstance(one.response, dict) for call in _calls(one.response.get("output"))]
    bodies = [one.request for one in sent[1:] if isinstance(one.request, dict)]
    answered = {name for body in bodies for name in _results(body.get("input"))}
    for call in calls if bodies else ():
        if str(call.get("call_id")) not in answered:
            shown = f"{call.get('name')}({call.get('arguments')})"
            return f"The call of {shown} got no result. There are {len(calls)}: answer each."
    return ""


def _what(request: dict[str, Any]) -> str:
    return (
        "everything again, the calls" if isinstance(request.get("input"), list) else "a list: the question, the calls"
    )


def _is_text(text: Any, response: dict[str, Any]) -> None:
    said = "".join(texts(item.get("content"), "output_text") for item in _items(response.get("output")))
    if not isinstance(text, str) or text != said:
        raise Wrong(f"The last answer said {quoted(said)}. {returned(text)} Return its output_text.")


@exercise(
    "9.2",
    hints=[
        "Three lines are enough: a docstring, a test with raise, and the time. What would you want to be told?",
        "if city not in TRAINS: raise LookupError(...). ', '.join(TRAINS) names the cities.",
        'raise LookupError(f"no train goes to {city}; there are trains to …"), or else return TRAINS[city]',
    ],
)
def next_train(function: Answer) -> str:
    """Each city must have its time, another one an error that helps, and the model a description to read."""
    for city, time in TRAINS.items():
        if (given := function(city)) is None or not isinstance(given, str) or given != time:
            raise Wrong(f"The next train to {city} leaves at {time}. {returned(given)}")
    try:
        given = function("Paris")
    except Wrong as stopped:
        error = stopped.__cause__
        if not isinstance(error, LookupError) or isinstance(error, KeyError):
            raise Wrong(f"{stopped} For a city without a train, raise a LookupError that names the others.") from None
    else:
        raise Wrong(f"No train goes to Paris. {returned(given)} A result like that looks as if all were well: raise.")
    told = shortened(str(error))
    if missing := [city for city in TRAINS if city not in told]:
        raise Wrong(f"The model would read {told!r}, and not know that there is a train to {missing[0]}.")
    try:
        made = function.given if isinstance(function.given, Tool) else Tool(function.given)
    except ToolError as refused:
        raise Wrong(f"The function is right, and no tool yet: {refused.message.rstrip('.')}.") from None
    return f"The model reads {shortened(made.definition.description)!r}, and for Paris {told!r}."
