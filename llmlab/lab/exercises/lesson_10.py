"""The exercises of lesson 10: the last turns of a conversation, and a summary in place of the old ones."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returned, returns
from llmlab.lab.exercises.registry import exercise
from llmlab.toolkit.conversation import ConversationContext

SYSTEM: dict[str, Any] = {"role": "system", "content": "You are a pirate."}
CALL: dict[str, Any] = {"id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}}
TURNS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hello, Ada!"}],
    [
        {"role": "user", "content": "What is the weather in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees and snow"},
        {"role": "assistant", "content": "Take a warm coat."},
    ],
    [{"role": "user", "content": "What is my name?"}],
]


@exercise(
    "10.1",
    hints=[
        "Where do the turns begin? Collect the places of all messages whose role is user.",
        "starts[-number] is the place of the first message that stays. What if there are fewer turns than that?",
        'system + messages[starts[-number] :], where starts are the places of the messages with role "user"',
    ],
)
def last_turns(function: Answer) -> str:
    """The system message and whole turns must stay, nothing else, and the list that was given must be left alone."""
    for system in ([SYSTEM], []):
        for number in (2, 1, 3, 5):
            messages = deepcopy([*system, *(message for turn in TURNS for message in turn)])
            before = deepcopy(messages)
            given = function(messages, number)
            if messages != before:
                raise Wrong("Your function changed the list that it was given. Return a new one.")
            if not isinstance(given, list) or not all(isinstance(message, dict) for message in given):
                raise Wrong(f"{returned(given)} Return a list of messages.")
            wanted = [*system, *(message for turn in TURNS[-number:] for message in turn)]
            if given != wanted:
                raise Wrong(f"{_asked(number, system)} {_difference(given, wanted)}")
    return "The last turns stay whole, the tool call beside its result, and the pirate is a pirate still."


def _asked(number: int, system: list[Any]) -> str:
    kind = "with a system message" if system else "without a system message"
    return f"The conversation has 3 turns, {kind}, and the last {number} should stay."


def _difference(given: list[Any], wanted: list[Any]) -> str:
    if (missing := next((message for message in wanted if message not in given), None)) is not None:
        return f"Yours lacks {_said(missing)}."
    if (more := next((message for message in given if message not in wanted), None)) is not None:
        return f"Yours still has {_said(more)}."
    return "Yours has the right messages in another order, or some of them twice."


def _said(message: dict[str, Any]) -> str:
    if message.get("tool_calls"):
        return "the tool call of the assistant"
    return f"the {message.get('role')} message {quoted(message.get('content'))}"


@exercise(
    "10.2",
    hints=[
        "First ask llm.complete for a summary. In an f-string, {chat} is the whole conversation.",
        "Then make a new llmlab.ConversationContext. Its system_message is chat.system_message and the summary.",
        'summary = llm.complete(f"Summarise this conversation: {chat}"), then a ConversationContext whose '
        'system_message is f"{chat.system_message} {summary}"',
    ],
)
def summarised(function: Answer) -> str:
    """All that was said must be sent, and the summary must be what the new conversation begins with."""
    chat = ConversationContext(system_message=SYSTEM["content"])
    chat.add_user_message("I have a parrot.")
    chat.add_assistant_message("Arr! A fine bird.")
    chat.add_user_message("It eats nothing but cheese.")
    chat.add_assistant_message("Then it is a rat, matey.")
    before = str(chat)
    with observed() as sent:
        made = function(chat)
    if str(chat) != before:
        raise Wrong("Your function changed the conversation that it was given. Make a new one.")
    returns(made, ConversationContext, "Return a ConversationContext.")
    if not sent:
        raise Wrong("Your function asked nobody. Let llm write the summary.")
    asked = str(sent[-1].request)
    for message in chat.get_messages()[1:]:
        if message.content not in asked:
            raise Wrong(f"The model was not told that the {message.role} said {message.content!r}. Send all of it.")
    if made.turns:
        raise Wrong(f"The new conversation has {made.turns} turns. It should have none: the summary stands for them.")
    system = made.system_message or ""
    if sent[-1].streamed:
        raise Wrong(
            "Your function asked for a stream. A summary is read by nobody while it is written: use llm.complete."
        )
    summary = max((text for text in _texts(sent[-1].response) if text in system), key=len, default="")
    # A summary may repeat the old system message, and does not stand for it.
    if SYSTEM["content"] not in system.replace(summary, "", 1):
        raise Wrong(f"The old system message is lost. The new one is {quoted(system)}.")
    if not summary:
        raise Wrong(f"What the model wrote is not in the new system message, which is {quoted(system)}.")
    return f"{len(chat)} messages became one, and the model wrote what there is to remember."


def _texts(value: Any) -> Iterator[str]:
    """Give the sentences in an answer of any service; ids and names have no space in them."""
    if isinstance(value, str) and " " in value.strip():
        yield value.strip()
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
