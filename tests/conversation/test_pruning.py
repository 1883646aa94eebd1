"""Pruning, tried on any conversation. If one fails, a long chat ends in a request that every service refuses."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmlab import ConversationContext, LLMInvalidRequestError, Role, ToolCall

LIMIT = st.none() | st.integers(1, 40)
TEXT = st.text(max_size=60)
STEPS = st.lists(
    st.tuples(st.just("user"), TEXT)
    | st.tuples(st.just("assistant"), TEXT)
    | st.tuples(st.just("call"), st.dictionaries(TEXT, st.integers() | TEXT, max_size=2))
    | st.tuples(st.just("result"), TEXT | st.lists(st.integers())),
    max_size=40,
)


def play(made: ConversationContext, steps: list[tuple[str, Any]]) -> None:
    """Say what may be said; what is refused is left out."""
    for kind, content in steps:
        try:
            if kind == "user":
                made.add_user_message(content)
            elif kind == "assistant":
                made.add_assistant_message(content)
            elif kind == "call":
                made.add_tool_call("tool", content)
            elif made and made[-1].role in (Role.ASSISTANT, Role.TOOL):
                made.add_tool_result(open_call(made), content)
        except LLMInvalidRequestError:
            continue
        check(made)


def open_call(made: ConversationContext) -> ToolCall | str:
    """Return the last call without a result; empty if there is none."""
    results = {message.tool_call_id for message in made}
    return next((call for message in reversed(made) for call in message.tool_calls if call.id not in results), "")


def check(made: ConversationContext) -> None:
    first, *rest = made.get_messages()
    assert (first.role, first.content) == (Role.SYSTEM, "Be brief.")
    assert not rest or rest[0].role is Role.USER
    waiting: set[str] = set()
    for message in rest:
        if message.role is Role.TOOL:
            assert message.tool_call_id in waiting, "a result without its call"
            waiting.remove(message.tool_call_id)
        else:
            assert not waiting, "a call without its result"
            waiting = {call.id for call in message.tool_calls}
    assert made.max_turns is None or made.turns <= made.max_turns
    if made.max_tokens and rest and not waiting and rest[-1].role is not Role.ASSISTANT:
        assert made.turns == 1 or made.count_tokens() <= made.max_tokens


@given(STEPS, LIMIT, LIMIT)
def test_no_limit_ever_breaks_a_conversation(
    steps: list[tuple[str, Any]], max_turns: int | None, max_tokens: int | None
) -> None:
    play(ConversationContext(max_turns, max_tokens, "Be brief."), steps)


@given(STEPS, LIMIT)
def test_without_a_limit_that_is_reached_nothing_is_lost(steps: list[tuple[str, Any]], max_turns: int | None) -> None:
    whole, short = (ConversationContext(limit, None, "Be brief.") for limit in (None, max_turns))
    play(whole, steps)
    play(short, steps)
    kept = short.get_messages()[1:]
    assert kept == whole.get_messages()[len(whole) - len(kept) :]
    assert short.turns == min(whole.turns, max_turns or whole.turns)


@given(STEPS)
def test_what_is_saved_is_what_is_loaded(steps: list[tuple[str, Any]]) -> None:
    made = ConversationContext(7, 300, "Be brief.")
    play(made, steps)
    with TemporaryDirectory() as folder:
        made.save(Path(folder) / "talk.json")
        loaded = ConversationContext.load(Path(folder) / "talk.json")
    assert list(loaded) == list(made)
    assert (loaded.max_turns, loaded.max_tokens) == (7, 300)
