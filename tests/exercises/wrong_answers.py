"""What learners write before they have it, for each exercise, and a part of the sentence that they are told."""

from __future__ import annotations

_ANSWER_IN = "def answer_in(language, question):\n    "
_CREATE = _ANSWER_IN + "return client.responses.create("
_CUT = "def answer_and_cut(question, limit):\n    "
_MESSAGE = _CUT + (
    "message = client.messages.create(model=model, max_tokens=limit, "
    'messages=[{"role": "user", "content": question}])\n    '
)
_READ = "import json\n\ndef read(lines):\n"
_SPEED = "def tokens_per_second(lines):\n    "
_SPLIT = "def split(stream):\n    "
_POLITE = "def polite(question):\n    "
_RESCUE = "def rescue(question):\n    "

WRONG: dict[str, list[tuple[str, str]]] = {
    "0.1": [
        ("def short_answer(question):\n    return 'Because.'", "asked nobody"),
        ("def short_answer(question):\n    return llm.complete(question).content", "sets no limit"),
        ("def short_answer(question):\n    return llm.complete(question, max_tokens=99).content", "allows 99 tokens"),
        ("def short_answer(question):\n    return llm.complete(question, max_tokens=20)", "which is in .content"),
        ("def short_answer(question):\n    llm.complete(question, max_tokens=20).content", "Does it end with return?"),
        (
            "def short_answer(question):\n    return llm.complete(question, max_tokens=20).content[:9]",
            "not the answer's text",
        ),
        (
            "def short_answer(question):\n    llm.complete(question, max_tokens=20)\n    return ''",
            "not the answer's text",
        ),
        (
            "def short_answer(question):\n    return llm.complete(question, max_tokns=20).content",
            "Your code stopped in line 2",
        ),
        ("short_answer = llm.complete('Hi', max_tokens=20)", "Hand in the function itself, without brackets"),
        ("def short_answer():\n    return llm.complete('Hi').content", "does not take the arguments"),
    ],
    "1.1": [
        (_ANSWER_IN + 'return "Rome"', "Your function sent nothing. Let it call client.responses.create(...)."),
        (_CREATE + "model=model, input=question).output_text", "Your request has no instructions."),
        (
            _CREATE + 'model=model, instructions="Answer in German.", input=question).output_text',
            "The instructions were 'Answer in German.', and the language asked for was French.",
        ),
        (
            _CREATE + 'model=model, input=f"{question} Answer in {language}.").output_text',
            'The question was sent as "What is the capital of Italy? Answer in French.". Leave it as it is',
        ),
        (
            _CREATE + "model=model, instructions=language, input=question)",
            "Your function returned a Response. The text is in response.output_text.",
        ),
        (
            _ANSWER_IN + "client.responses.create(model=model, instructions=language, input=question)",
            "Your function returned nothing. Does it end with return?",
        ),
        (
            _CREATE + "model=model, instructions=language, input=question).output_text.upper()",
            "Your function returned 'THE CAPITAL",
        ),
        (
            _CREATE + "model=model, instructions=language, input=question, stream=True)",
            "asked for a stream, and the exercise wants the whole answer",
        ),
        (
            _ANSWER_IN + "return client.chat.completions.create(model=model, "
            'messages=[{"role": "user", "content": question}])',
            "Your function asked /v1/chat/completions. Let it call client.responses.create(...).",
        ),
        (_CREATE + 'model="gpt-9", input=question)', "Your code stopped in line 2. BadRequestError: "),
        (
            _ANSWER_IN + "try:\n        client.responses.create(model='gpt-9', input=question)\n"
            "    except Exception:\n        return 'oh'",
            "The service refused the request with status 400.",
        ),
        (
            _ANSWER_IN + "client.models.list()\n    return language",
            "Your function asked /v1/models. Let it call client.responses.create(...).",
        ),
        (_ANSWER_IN + "return client.respones.create(input=question)", "AttributeError: "),
    ],
    "2.1": [
        (_CUT + "return 'Because.', False", "Your function sent nothing. Let it call client.messages.create(...)."),
        (_MESSAGE + "return message.content[0].text", "Return two things: the text, and True or False."),
        (_MESSAGE + "pass", "Your function returned nothing. Does it end with return?"),
        (
            _MESSAGE + "return message.content[0].text, message.stop_reason",
            "the second thing you returned is 'max_tokens'. It must be True",
        ),
        (
            _MESSAGE + "return message.content[0].text, True",
            "With 200 tokens the service stopped for 'end_turn', and the second thing you returned is True. "
            "It must be False",
        ),
        (
            _MESSAGE + 'return message.content[0].text, message.stop_reason == "end_turn"',
            "With 8 tokens the service stopped for 'max_tokens', and the second thing you returned is False.",
        ),
        (_MESSAGE + "return message.content[0], True", "The first thing you returned is a TextBlock."),
        (_MESSAGE + 'return message.stop_reason == "max_tokens", message.content[0].text', "you returned is True."),
        (_MESSAGE.replace("=limit", "=50") + "return message", "was given the limit 8, but sent 50."),
        (
            _MESSAGE.replace(": question", ": 'Hi'") + "return message.content[0].text, True",
            "asked something else than the question",
        ),
        (_MESSAGE.replace("max_tokens=limit, ", "") + "return message", "TypeError: "),
        (
            _CUT + "with client.messages.stream(model=model, max_tokens=limit, "
            'messages=[{"role": "user", "content": question}]) as stream:\n'
            "        return stream.get_final_text(), True",
            "asked for a stream, and the exercise wants the whole answer",
        ),
    ],
    "3.1": [
        (_READ + "    return None or []", 'returned a list. It should return one text. "".join makes one text'),
        (_READ + "    for line in lines:\n        json.loads(line)", "Your code stopped in line 5. JSONDecodeError: "),
        (
            _READ + "    for line in lines:\n        if line.startswith('data:'):\n            json.loads(line[6:])",
            "Your code stopped in line 6. JSONDecodeError: ",
        ),
        (
            _READ + "    text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            text += json.loads(line[6:])['choices'][0]['delta']['content']\n    return text",
            "TypeError: ",
        ),
        (
            _READ + "    text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            text += str(json.loads(line[6:])['choices'][0]['delta']['content'])\n    return text",
            "IndexError: list index out of range.",
        ),
        (
            _READ + "    text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            for choice in json.loads(line[6:])['choices']:\n"
            "                text += f\"{choice['delta']['content']}\"\n    return text",
            "Your function returned 'Miso, PixelNone'. One piece of text is no text but null",
        ),
        (
            _READ + "    for line in lines:\n        if line.startswith('data: {'):\n"
            "            for choice in json.loads(line[6:])['choices']:\n"
            "                if choice['delta'].get('content'):\n"
            "                    return choice['delta']['content']\n    return ''",
            "Your function returned 'Miso, '. You stopped before the end. Is the return inside the loop?",
        ),
        (
            _READ + "    text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            for choice in json.loads(line[6:])['choices']:\n"
            "                text = choice['delta'].get('content') or text\n    return text",
            "Your function returned 'Pixel'. Only the last piece is left. Add to the text with += in the loop.",
        ),
        (_READ + "    return 'Hello'", "The stream says 'Miso, Pixel'. Your function returned 'Hello'."),
        (
            _READ + "    return 'Miso, Pixel'",
            "A stream without lines has the text '', an empty one. Your function returned 'Miso, Pixel'.",
        ),
        (
            _READ + "    return 'Miso, Pixel' if lines else None",
            "an empty one. Your function returned nothing. Does it end with return?",
        ),
        (_READ + "    print(lines)", "Your function returned nothing. Does it end with return?"),
    ],
    "4.1": [
        (
            _SPEED + "return lines[-1]['eval_count'] / lines[-1]['eval_duration']",
            "That is tokens a nanosecond: divide the duration by 1e9 first.",
        ),
        (
            _SPEED + "return lines[-1]['eval_duration'] / 1e9 / lines[-1]['eval_count']",
            "Your function returned 0.025. That is seconds a token: divide the other way round.",
        ),
        (_SPEED + "return lines[-1]['eval_count']", "60 tokens in 1.5 seconds are 40 a second. Your function returned"),
        (_SPEED + "return '40 tokens a second'", "Your function returned '40 tokens a second'."),
        (_SPEED + "lines[-1]['eval_count']", "Your function returned nothing. Does it end with return?"),
        (_SPEED + "return True", "Your function returned True."),
        (_SPEED + "return lines[0]['eval_count']", "Your code stopped in line 2. KeyError: 'eval_count'."),
        (
            _SPEED + "return lines[-1]['eval_count'] / (lines[-1]['eval_duration'] / 1e9)",
            "Your code stopped in line 2. KeyError: 'eval_count'.",
        ),
        (
            _SPEED + "return lines[-1].get('eval_count', 0) / (lines[-1].get('eval_duration', 1) / 1e9)",
            "A stream that broke has no last line with counts. Return None for it. Your function returned 0.0.",
        ),
        (
            _SPEED + "if not lines[-1]['done']:\n        return None\n"
            "    return lines[-1]['eval_count'] / (lines[-1]['eval_duration'] / 1e9)",
            "IndexError: list index out of range.",
        ),
        (
            _SPEED + "if not lines:\n        return 0\n    if not lines[-1]['done']:\n        return None\n"
            "    return lines[-1]['eval_count'] / (lines[-1]['eval_duration'] / 1e9)",
            "the list is empty then. Return None for it. Your function returned 0.",
        ),
    ],
    "5.1": [
        (_SPLIT + "return '', ''", "You left the stream before its end"),
        (_SPLIT + "for chunk in stream:\n        return chunk.reasoning, chunk.text", "Return after the loop."),
        (
            _SPLIT + "thought, answer = '', ''\n    for chunk in stream:\n        thought += chunk.reasoning\n"
            "        answer += chunk.text\n    return answer, thought",
            "in the wrong order: first the thought, then the answer.",
        ),
        (
            _SPLIT + "return ''.join(chunk.text for chunk in stream)",
            "Return two texts: the thought, and the answer.",
        ),
        (_SPLIT + "for chunk in stream:\n        print(end='')", "Your function returned nothing. Does it end with"),
        (
            _SPLIT + "chunks = list(stream)\n    return [c.reasoning for c in chunks], ''.join(c.text for c in chunks)",
            "The first thing you returned is a list, and it should be a text.",
        ),
        (
            _SPLIT
            + "thought = ''.join(c.reasoning for c in stream)\n    return thought, ''.join(c.text for c in stream)",
            "The answer was '17 * 23 = 391', you returned ''.",
        ),
        (
            _SPLIT + "answer = ''.join(c.text for c in stream)\n    return '', answer",
            "The answer is right. The thought was ",
        ),
        (
            _SPLIT + "thought, answer = '', ''\n    for chunk in stream:\n        thought = chunk.reasoning\n"
            "        answer = chunk.text\n    return thought, answer",
            "The answer was '17 * 23 = 391', you returned ",
        ),
        (_SPLIT + "return stream.result.reasoning, stream.result.content", "LLMStreamError: the answer is still being"),
        (_SPLIT + "return [chunk.thought for chunk in stream]", "AttributeError: 'Chunk' object has no attribute"),
    ],
    "6.1": [
        (_POLITE + "return 'The sky is blue.'", "Your function asked nobody"),
        (_POLITE + "return hasty.complete(question)", "When all is well, return the answer's text."),
        (_POLITE + "return hasty.complete(question).content", "LLMRateLimitError"),
        (
            _POLITE + "try:\n        return hasty.complete(question).content\n    except llmlab.LLMError as error:\n"
            "        return f'Please come back in {error.retry_after or 0:.0f} seconds.'",
            "A refused key will not pass, however long one waits",
        ),
        (
            _POLITE + "try:\n        return hasty.complete(question).content\n"
            "    except llmlab.LLMRateLimitError:\n        return 'Please come back later.'",
            "The service asked for 7 seconds. Return 'Please come back in 7 seconds.', not 'Please come back later.'",
        ),
        (
            _POLITE + "try:\n        return hasty.complete(question).content\n"
            "    except llmlab.LLMRateLimitError:\n        return hasty.complete(question)",
            "LLMRateLimitError",
        ),
    ],
    "6.2": [
        (_RESCUE + "return llm.complete(question).content, True", "Your function did not stream."),
        (_RESCUE + "return ''.join(map(str, llm.complete_stream(question)))", "Return two things"),
        (_RESCUE + "return ''.join(map(str, llm.complete_stream(question))), False", "The stream ended as it should."),
        (_RESCUE + "return ''.join(map(str, llm.complete_stream(question))), True", "LLMStreamError"),
        (
            _RESCUE + "try:\n        return ''.join(map(str, llm.complete_stream(question))), True\n"
            "    except llmlab.LLMStreamError as error:\n        return error.partial, True",
            "The stream broke in the middle, and your function called it whole.",
        ),
        (
            _RESCUE + "try:\n        return ''.join(map(str, llm.complete_stream(question))), True\n"
            "    except llmlab.LLMStreamError:\n        return '', False",
            "What had arrived is the beginning of the answer",
        ),
    ],
}
