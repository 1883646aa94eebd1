"""llama.cpp's own format: lesson 15 adds a provider for it, and has only the simulator to try it on."""

from __future__ import annotations

from typing import Any

from simulator_asking import ask, events

from llmlab.lab.wire.messages import TapeAnswer


def complete(prompt: Any, **more: Any) -> TapeAnswer:
    return ask("local_gpt_oss", "/completion", {"prompt": prompt, **more})


def test_a_dialogue_written_as_text_is_answered() -> None:
    """Else the provider of the lesson gets nothing but apologies."""
    body = complete("System: Be brief.\nUser: Say hello\nAssistant: Hello\nUser: What is 17 * 23?\nAssistant:").body
    assert (body["content"], body["stop"], body["stop_type"]) == ("17 * 23 = 391", True, "eos")
    assert (body["tokens_predicted"] > 3, body["tokens_evaluated"] > 20) == (True, True)
    assert complete("What is 17 * 23?").body["content"] == "17 * 23 = 391"


def test_a_stream_says_the_same_and_ends_with_the_counts() -> None:
    """It has no end marker of OpenAI's; who waits for one waits for ever."""
    question: dict[str, Any] = {"prompt": "User: Why is the sky blue?\nAssistant:", "n_predict": 9}
    plain, streamed = complete(**question).body, events(complete(**question, stream=True))
    assert "".join(event["content"] for event in streamed) == plain["content"]
    assert [event["stop"] for event in streamed] == [False] * (len(streamed) - 1) + [True]
    assert streamed[-1] == {**plain, "content": ""}
    assert plain["stop_type"] == "limit"


def test_stop_texts_and_wrong_prompts_are_treated_as_the_server_does() -> None:
    """Else an error in the learner's own format looks like an answer."""
    stopped = complete("Count to 10", stop=["4"]).body
    assert (stopped["content"], stopped["stop_type"], stopped["stopping_word"]) == ("1, 2, 3, ", "word", "4")
    for wrong in (None, [{"role": "user", "content": "Hi"}]):
        refused = complete(wrong)
        assert (refused.status, "prompt" in refused.body["error"]["message"]) == (400, True)
    assert complete("word " * 200_000).status == 400
