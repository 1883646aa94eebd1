"""Solutions that differ from the notebook's, and are as right."""

from __future__ import annotations

import pytest

from tests.exercises.lessons import exercises, verdict

ABOVE = {number: above for number, _, _, _, above in exercises()}
pytestmark = pytest.mark.usefixtures("lab")

OTHERS = [
    (
        "1.1",
        """
def answer_in(language, question):
    messages = [{"role": "user", "content": question}]
    return client.responses.create(
        model=model, instructions=f"answer in {language.lower()}", input=messages
    ).output_text


check("1.1", answer_in)
""",
        "The question travelled as it was",
    ),
    (
        "1.1",
        """
def answer_in(language, question):
    with client.responses.stream(model=model, instructions=language, input=question) as stream:
        return stream.get_final_response().output_text


check("1.1", answer_in)
""",
        "The question travelled as it was",
    ),
    (
        "6.1",
        """
def polite(question):
    try:
        return llm.complete(question, extra={}).content
    except llmlab.LLMError as error:
        if not isinstance(error, llmlab.LLMRateLimitError):
            raise
        return "Please come back in " + str(int(error.retry_after)) + " seconds."


llm = hasty
check("6.1", polite)
""",
        "passed the 7 and the 12 seconds on",
    ),
    (
        "8.2",
        """
async def ask_gently(questions, most):
    gentle = llmlab.get_provider(provider, model=model, policies=[llmlab.Limits(in_flight=most)])
    found = await asyncio.gather(*(gentle.complete_async(q) for q in questions), return_exceptions=True)
    return [None if isinstance(one, llmlab.LLMError) else one.content for one in found]


check("8.2", ask_gently)
""",
        "one failure cost one answer",
    ),
    (
        "9.1",
        """
def answer_with_tools(question):
    answer = client.responses.create(model=gpt, input=question, tools=[definition])
    while calls := [item for item in answer.output if item.type == "function_call"]:
        results = [
            {"type": "function_call_output", "call_id": c.call_id, "output": get_weather(**json.loads(c.arguments))}
            for c in calls
        ]
        answer = client.responses.create(
            model=gpt, input=results, previous_response_id=answer.id, tools=[definition]
        )
    return answer.output_text


check("9.1", answer_with_tools)
""",
        "right. 2 calls, each",
    ),
    (
        "16.2",
        """
def always(question):
    both = [get_provider("openai", max_retries=0), get_provider("ollama", max_retries=0)]
    return Failover(both).complete(question, deadline=20)


check("16.2", always)
""",
        "nobody waited longer",
    ),
    (
        "16.2",
        """
def always(question):
    try:
        return get_provider("openai", max_retries=0).complete(question, deadline=10)
    except llmlab.LLMError:
        return get_provider("ollama").complete(question, deadline=10)


check("16.2", always)
""",
        "nobody waited longer",
    ),
    (
        "17.1",
        """
def price(usage):
    from decimal import Decimal
    fresh = usage.input_tokens - usage.cached_tokens
    return Decimal(fresh * 10 + usage.cached_tokens + usage.output_tokens * 50) / 100_000_000


check("17.1", price)
""",
        "once each",
    ),
    (
        "18.2",
        """
def arm_of(user, share):
    import random
    return "a" if random.Random(user).random() < share else "b"


check("18.2", arm_of)
""",
        "nobody ever changed sides",
    ),
    (
        "19.2",
        """
def sort_out(requests):
    outcomes = llmlab.submit_batch(requests, llm).wait(progress=False)
    failed = [place for place, one in enumerate(outcomes) if isinstance(one, Exception)]
    return [[one.content for one in outcomes if isinstance(one, llmlab.Completion)], failed]


check("19.2", sort_out)
""",
        "each where it belongs",
    ),
    (
        "12.2",
        """
def think_until(ask, right):
    usage = llmlab.Usage()
    for effort in ["none", "low", "medium", "high"]:
        answer = ask(effort)
        usage += answer.usage
        if right(answer):
            return [answer, usage]
    return [None, usage]


check("12.2", think_until)
""",
        "every round is on the bill",
    ),
    (
        "14.2",
        """
def answer_with_sources(store, question):
    answer, names = store.answer(llm, question, max_results=5), []
    for found in answer.file_search_results:
        if found.file_name not in names:
            names.append(found.file_name)
    return [answer.content, names]


check("14.2", answer_with_sources)
""",
        "one of them found twice and named once",
    ),
]


def test_another_right_answer_is_right() -> None:
    """A learner who found a better way and is called wrong unlearns it."""
    for number, code, says in OTHERS:
        result = verdict(ABOVE[number], code)
        assert repr(result).startswith(f"{number} right. "), result
        assert says in repr(result)
