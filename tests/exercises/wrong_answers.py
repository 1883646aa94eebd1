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
_TEXT_OF = "import json\n\ndef text_of(lines):\n    "
_TO_ANTHROPIC = "def to_anthropic(body):\n    "
_TEAM = "def team_settings():\n    "
_TEAM_OF = _TEAM + "return 'backend: openrouter\\nproviders:\\n  openrouter: {api_key_env: TEAM_KEY, "
_READ_ANSWER = "def read_answer(body):\n    "
_PRICE = "def price(usage):\n    return "
_WITHIN = "def ask_within(questions, tokens):\n    "
_WITHIN_LLM = _WITHIN + "llm = llmlab.get_provider(provider, model=model)\n    "
_CAREFUL = "llmlab.get_provider(provider, model=model, policies=[llmlab.Budget(max_tokens=tokens)])"
_WITHIN_CAREFUL = _WITHIN + f"careful = {_CAREFUL}\n    texts = []\n    for one in questions:\n        "
_CHEAPEST = "from llmlab.models import specs\n\ndef cheapest(provider, needs):\n    "
_ABLE = _CHEAPEST + "able = [s for s in specs(provider) if needs <= set(s.capabilities.names())"
_FITTING = "def fitting(spec, options):\n    "
_COPY = _FITTING + "fits = dict(options)\n    "
_CUT_TO = "if spec.max_output_tokens and 'max_tokens' in fits:\n        fits['max_tokens'] = "
_NEAREST = "def nearest(question, texts):\n    "
_SOURCES = "def answer_with_sources(store, question):\n    answer = store.answer(llm, question)\n    "
_ARM = "def arm_of(user, share):\n    "
_ORDER = "def in_order(results, ids):\n    "
_SORT = "def sort_out(requests):\n    outcomes = llmlab.submit_batch(requests, llm).wait(progress=False)\n    "
_TOOLS = "def answer_with_tools(question):\n    "
_TOOLS_LOOP = _TOOLS + (
    "messages = [{'role': 'user', 'content': question}]\n"
    "    answer = client.responses.create(model=gpt, input=messages, tools=[definition])\n"
    "    messages += answer.output\n"
    "    for call in CALLS:\n"
    "        result = get_weather(**json.loads(call.arguments))\n"
    "        messages.append({'type': 'function_call_output', 'call_id': call.call_id, 'output': result})\n"
    "    return client.responses.create(model=gpt, input=messages, tools=[definition]).output_text"
)
_TRAIN = "def next_train(city: str) -> str:\n    '''Say when the next train leaves.'''\n    "
_PATIENCE = "def patience():\n    "
_ALWAYS = "def always(question):\n    "
_TURNS = "def last_turns(messages, number):\n    "
_STARTS = _TURNS + "starts = [at for at, message in enumerate(messages) if message['role'] == 'user']\n    "
_SUMMARY = "def summarised(chat):\n    "
_SUMMED = _SUMMARY + "summary = llm.complete(f'Summarise this conversation: {chat}')\n    "
_LETTER = "def read_order(letter):\n    "
_THINK = "def think_until(ask, right):\n    "
_ROUNDS = _THINK + "usage = llmlab.Usage()\n    for effort in EFFORTS:\n        answer = ask(effort)\n        "
_ALL_ROUNDS = _ROUNDS.replace("EFFORTS", "['none', 'low', 'medium', 'high']")
_RETURN_RIGHT = "if right(answer):\n            return answer, usage\n    "
_ASK_ALL = "import asyncio\n\nasync def ask_all(questions):\n    "
_GENTLY = "import asyncio\n\nasync def ask_gently(questions, most):\n    "
_SEATED = _GENTLY + (
    "seats = asyncio.Semaphore(most)\n\n    async def one(q):\n        async with seats:\n            "
)
_ASK_EACH = "\n    return list(await asyncio.gather(*(one(q) for q in questions)))"
_SPEED_OF = "def speed(answer):\n    "
_WRITING = "(answer.latency - answer.time_to_first_token)"
_FIRST = "def first_sentence(question):\n    "

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
        (
            _ANSWER_IN + 'return llmlab.get_provider("openai").complete([llmlab.Message("system", language), '
            'llmlab.Message("user", question)]).content',
            "This was sent by llmlab. Use OpenAI's own client here",
        ),
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
            "Your function returned a Stream. The text is in response.output_text.",
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
        (
            _CUT + 'answer = llmlab.get_provider("anthropic").complete(question, max_tokens=limit)\n'
            '    return answer.content, answer.finish_reason == "length"',
            "This was sent by llmlab. Use Anthropic's own client here",
        ),
        (
            _MESSAGE + "text = message.content[0].text\n    return text, not text.endswith('.')",
            "With 14 tokens the service stopped for 'max_tokens', and the second thing you returned is False.",
        ),
        (
            _MESSAGE + "text = message.content[0].text\n    return text, message.usage.output_tokens == limit",
            "or a whole answer looks like half of one",
        ),
        (
            _MESSAGE + "text = message.content[0].text\n    return text, len(text.split()) >= limit",
            "With 14 tokens the service stopped for 'max_tokens', and the second thing you returned is False.",
        ),
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
        (
            _READ + "    text = ''\n    for line in lines:\n        if line.startswith('data:'):\n"
            "            for choice in json.loads(line[6:])['choices']:\n"
            "                text += choice['delta'].get('content') or ''\n    return text",
            "The line was 'data: [DONE]'.",
        ),
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
            _SPEED + "return lines[-1]['eval_count'] / (lines[-1]['total_duration'] / 1e9)",
            "That is the total duration: loading the model and reading the prompt are in it, too.",
        ),
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
        (
            _POLITE + "try:\n        return hasty.complete(question).content\n"
            "    except llmlab.LLMRateLimitError:\n        return 'Please come back in 7 seconds.'",
            "The service asked for 12 seconds. Return 'Please come back in 12 seconds.'",
        ),
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
    "13.1": [
        (
            _TEXT_OF + "text = ''\n    for line in lines:\n"
            "        if line.startswith('data:') and '[DONE]' not in line:\n"
            "            for choice in json.loads(line[5:])['choices']:\n"
            "                text += choice['delta'].get('content') or ''\n    return text",
            "The stream said 'A cat purrs: data: [meow] [DONE]', and your function read 'A cat purrs: data: [meow]'.",
        ),
        (_TEXT_OF + "return lines", "Your function returned a list. Return the text"),
        (_TEXT_OF + "pass; print('')", "Your function returned nothing."),
        (_TEXT_OF + "return ''.join(json.loads(line[5:])['choices'][0]['delta']['content'] for line in lines)", "JSON"),
        (
            _TEXT_OF + "events = [json.loads(line[5:]) for line in lines if line.startswith('data: {')]\n"
            "    return ''.join(event['choices'][0]['delta']['content'] for event in events)",
            "KeyError: 'content'",
        ),
        (
            _TEXT_OF + "text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            for choice in json.loads(line[5:])['choices']:\n"
            "                text = choice['delta'].get('content') or text\n    return text",
            "one piece of 3. Add them up with +=.",
        ),
        (
            _TEXT_OF + "text = ''\n    for line in lines:\n        if line.startswith('data: {'):\n"
            "            for choice in json.loads(line[5:])['choices']:\n"
            "                text += str(choice['delta'].get('content', ''))\n    return text",
            "and your function read 'NoneThe sky",
        ),
        (
            _TEXT_OF
            + "text = ''\n    for line in lines:\n        if line.startswith('data: {') and '[' not in line[9:60]:\n"
            "            for choice in json.loads(line[5:])['choices']:\n"
            "                text += choice['delta'].get('content') or ''\n    return text",
            "The stream said 'The sky scatters blue light.', and your function read ",
        ),
    ],
    "13.2": [
        (_TO_ANTHROPIC + "return body", "The body has no max_tokens; it should be 4096."),
        (_TO_ANTHROPIC + "return {**body, 'max_tokens': 100}", "max_tokens should be 4096, and it is 100."),
        (
            _TO_ANTHROPIC + "return {**body, 'max_tokens': body.get('max_tokens', 4096)}",
            "A system message is still among the messages",
        ),
        (
            _TO_ANTHROPIC + "body.setdefault('max_tokens', 4096)\n    return body",
            "your function changed the body that it was given",
        ),
        (
            _TO_ANTHROPIC
            + "wire = {**body, 'max_tokens': body.get('max_tokens', 4096), 'system': ''}\n    return wire",
            "The body has system, which should not be there",
        ),
        (
            _TO_ANTHROPIC + "wire = {**body, 'max_tokens': body.get('max_tokens', 4096)}\n"
            "    told = [each['content'] for each in body['messages'] if each['role'] == 'system']\n"
            "    if told:\n        wire['system'] = told[0]\n    return wire",
            "A system message is still among the messages",
        ),
        (
            _TO_ANTHROPIC + "wire = {**body, 'max_tokens': body.get('max_tokens', 4096)}\n"
            "    told = [each['content'] for each in body['messages'] if each['role'] == 'system']\n"
            "    wire['messages'] = [each for each in body['messages'] if each['role'] != 'system']\n"
            "    if told:\n        wire['system'] = ' '.join(told)\n    return wire",
            'system should be "Be brief.\\n\\nAnswer in French."',
        ),
        (_TO_ANTHROPIC + "return str(body)", "Return a dict."),
    ],
    "14.1": [
        (
            _NEAREST + "return min(texts, key=lambda name: cosine(question, texts[name]))",
            "Your function returned 'trains'",
        ),
        (
            _NEAREST + "return max(texts, key=lambda name: sum(a * b for a, b in zip(question, texts[name])))",
            "That is the largest dot product: divide by the two lengths",
        ),
        (
            _NEAREST + "return min(texts, key=lambda name: sum((a - b) ** 2 for a, b in zip(question, texts[name])))",
            "It is the direction that counts: use cosine.",
        ),
        (_NEAREST + "return max(cosine(question, vector) for vector in texts.values())", "That is a number."),
        (_NEAREST + "max(texts, key=lambda name: cosine(question, texts[name]))", "Does it end with return?"),
        (_NEAREST + "return max(texts)", "Your function returned 'trains'"),
        (_NEAREST + "return max(texts, key=cosine)", "TypeError: "),
    ],
    "14.2": [
        (
            "def answer_with_sources(store, question):\n    return store.answer_stream(llm, question), []",
            "The whole answer is wanted here: store.answer(llm, question).",
        ),
        (
            "def answer_with_sources(store, question):\n    return llm.complete(question).content, []",
            "The store was asked for 0 answers. Ask it once",
        ),
        (_SOURCES + "return answer", "Return two things: the answer's text, and a list of file names."),
        (_SOURCES + "answer.content, []", "Your function returned nothing. Does it end with return?"),
        (_SOURCES + "return answer, []", "The answer was 'Biscuit.', and you returned a Completion."),
        (_SOURCES + "return answer.content, answer.file_search_results", "The second thing is a tuple."),
        (
            _SOURCES + "return answer.content, [found.file_name for found in answer.file_search_results]",
            "so the names are ['menu.txt', 'handbook.md']. You returned ['menu.txt', 'handbook.md', 'menu.txt'].",
        ),
        (
            _SOURCES + "return answer.content, sorted({found.file_name for found in answer.file_search_results})",
            "The pieces were of ['pets.md', 'handbook.md'], so the names are ['pets.md', 'handbook.md'].",
        ),
        (
            _SOURCES + "return answer.content, [answer.file_search_results[0].file_name]",
            "The pieces were of ['pets.md', 'handbook.md']",
        ),
        (
            _SOURCES + "again = store.answer(llm, question)\n    return again.content, []",
            "The store was asked for 2 answers.",
        ),
    ],
    "15.1": [
        (_TEAM + "return {'backend': 'openrouter'}", "Your function returned a dict. Return the text of the file."),
        (_TEAM + "return 'backend: openruter'", "The backend is 'openruter', and should be 'openrouter'."),
        (_TEAM + "return 'backend: openrouter'", "api_key_env of openrouter is None, and should be 'TEAM_KEY'."),
        (
            _TEAM + "return 'backend: openrouter\\nproviders:\\n  openrouter: {api_key: TEAM_KEY}'",
            "The file is not right yet. ./llmlab.yaml:3: keys do not belong in this file.",
        ),
        (
            _TEAM_OF + "timeout: 20, retries: 5}'",
            "unknown setting 'retries'; did you mean 'max_retries'?",
        ),
        (
            _TEAM_OF + "timeout: 5, max_retries: 20}'",
            "timeout of openrouter is 5, and should be 20.",
        ),
        (_TEAM + "return 'backend: [openrouter'", "this is not YAML"),
    ],
    "15.2": [
        (
            _READ_ANSWER + "return body['generated_text']",
            "Your function returned ' Cats purr to say that they are content.",
        ),
        (
            _READ_ANSWER + "return Completion(body['generated_text'], '')",
            "your content is ' Cats purr to say that they are content.",
        ),
        (
            _READ_ANSWER + "return Completion(body['generated_text'].strip(), '', finish_reason='stop')",
            "your usage.input_tokens is 0, and should be 5.",
        ),
        (
            _READ_ANSWER + "details = body['details']\n    return Completion(body['generated_text'].strip(), '',\n"
            "        finish_reason='length' if details['finish_reason'] == 'length' else 'stop',\n"
            "        usage=Usage(len(details['prefill']), details['generated_tokens']))",
            "KeyError: 'details'",
        ),
        (
            _READ_ANSWER
            + "details = body.get('details', {})\n    return Completion(body['generated_text'].strip(), '',\n"
            "        finish_reason=details.get('finish_reason'))",
            "your finish_reason is 'eos_token', and should be 'stop'.",
        ),
        (
            _READ_ANSWER
            + "details = body.get('details', {})\n    return Completion(body['generated_text'].strip(), '',\n"
            "        finish_reason='stop',\n"
            "        usage=Usage(len(details.get('prefill', [])), details.get('generated_tokens', 0)))",
            "your finish_reason is 'stop', and should be 'length'.",
        ),
    ],
    "16.1": [
        (_PATIENCE + "return 4", "Return a RetryPolicy"),
        (_PATIENCE + "return RetryPolicy(max_retries=4, delay=lambda retry: 0.5, on=['timeout'])", "gives up"),
        (_PATIENCE + "return RetryPolicy(max_retries=3, delay=lambda retry: 0.5, on=['server'])", "tries 3 times more"),
        (_PATIENCE + "return RetryPolicy(max_retries=9, delay=lambda retry: 0.5, on=['server'])", "more than 4"),
        (
            _PATIENCE + "return RetryPolicy(max_retries=4, base_delay=0.5, jitter=0, on=['server'])",
            "waits 0.5, 1, 2, 4",
        ),
        (_PATIENCE + "return RetryPolicy(max_retries=4, delay=lambda retry: 0.5)", "after a timeout"),
        (
            _PATIENCE + "return RetryPolicy(max_retries=4, delay=lambda retry: 0.5, on=['server', 'rate_limit'])",
            "after a rate limit",
        ),
        (_PATIENCE + "return RetryPolicy(max_retries=4, delay=0.5, on=['server'])", "must be a function"),
        (_PATIENCE + "return RetryPolicy(max_retries=4, delay=lambda: 0.5, on=['server'])", "delay=lambda retry: 0.5"),
    ],
    "16.2": [
        (
            _ALWAYS + "try:\n        return get_provider('openai', max_retries=0).complete(question, deadline=20)\n"
            "    except llmlab.LLMError:\n"
            "        return get_provider('ollama', max_retries=0).complete(question, deadline=20)",
            "Both services were silent for 25 seconds. It took your function 40 seconds.",
        ),
        (_ALWAYS + "return llmlab.get_provider('openai').complete(question).content", "as the provider gave it"),
        (_ALWAYS + "return Failover(['ollama', 'openai']).complete(question, deadline=20)", "OpenAI comes first"),
        (_ALWAYS + "return Failover(['openai', 'anthropic']).complete(question, deadline=20)", "Ollama stands in"),
        (_ALWAYS + "return Failover(['openai', 'ollama']).complete(question, deadline=20)", "asked it 4 times"),
        (
            _ALWAYS + "return Failover([get_provider('openai', max_retries=0), 'ollama']).complete(question)",
            "Both services asked for 25 seconds",
        ),
        (
            _ALWAYS + "return Failover([get_provider('openai', max_retries=0), 'ollama'])"
            ".complete(question, deadline=60)",
            "It took your function 50 seconds.",
        ),
        (
            _ALWAYS + "return Failover([get_provider(name, max_retries=0) for name in ('openai', 'ollama')])"
            ".complete(question)",
            "Both services were silent for 25 seconds. An answer came, and it took your function 25 seconds.",
        ),
    ],
    "17.1": [
        (
            _PRICE + "((usage.input_tokens - usage.cached_tokens) * 0.10 + usage.cached_tokens * 0.01 "
            "+ (usage.output_tokens + usage.reasoning_tokens) * 0.50) / 1e6",
            "The thoughts are in output_tokens already.",
        ),
        (_PRICE + "usage.input_tokens * 0.10 + usage.output_tokens * 0.50", "Prices are for a million tokens: divide."),
        (
            _PRICE + "(usage.input_tokens * 0.50 + usage.output_tokens * 0.10) / 1_000_000",
            "A million tokens read cost $0.10. Your function returned 0.5.",
        ),
        (
            _PRICE + "(usage.input_tokens * 0.10 + usage.output_tokens * 0.50) / 1_000_000",
            "Your function returned 0.1. That is the full price for all of them.",
        ),
        (
            _PRICE + "(usage.input_tokens * 0.10 + usage.cached_tokens * 0.01 + usage.output_tokens * 0.50) / 1e6",
            "The cached tokens are in input_tokens already",
        ),
        (
            _PRICE + "(usage.input_tokens - usage.cached_tokens) * 1e-7 + usage.output_tokens * 5e-7",
            "cheaper, and not free",
        ),
        ("def price(usage):\n    usage.input_tokens * 0.10 / 1e6", "Does it end with return?"),
        (_PRICE + "f'${usage.input_tokens * 0.10 / 1e6}'", "Your function returned '$0.1'."),
        ("price = 0.10", "Hand in the function itself, without brackets"),
    ],
    "17.2": [
        (
            _WITHIN_CAREFUL + "try:\n            texts.append(careful.complete(one, max_tokens=60).content)\n"
            "        except llmlab.BudgetExceededError:\n            continue\n    return texts",
            "Stop at the first refusal.",
        ),
        (_WITHIN + "return []", "Your function got no question answered."),
        (
            _WITHIN_LLM + "return [llm.complete(one, max_tokens=60).content for one in questions]",
            "Let one budget watch all calls.",
        ),
        (
            _WITHIN + "return [" + _CAREFUL + ".complete(one, max_tokens=60).content for one in questions]",
            "Let one budget watch all calls.",
        ),
        (
            _WITHIN_LLM
            + "texts, used = [], 0\n    for one in questions:\n        if used > tokens:\n            break\n"
            "        answer = llm.complete(one, max_tokens=60)\n        used += answer.usage.total_tokens\n"
            "        texts.append(answer.content)\n    return texts",
            "Let one budget watch all calls.",
        ),
        (
            (
                _WITHIN_CAREFUL
                + "try:\n            texts.append(careful.complete(one, max_tokens=60).content)\n        "
                "except llmlab.BudgetExceededError:\n            break\n    return texts"
            ).replace("=tokens", "=350"),
            "and 180 were allowed",
        ),
        (
            _WITHIN_CAREFUL + "texts.append(careful.complete(one, max_tokens=60).content)\n    return texts",
            "BudgetExceededError",
        ),
        (
            _WITHIN_CAREFUL + "try:\n            texts.append(careful.complete(one).content)\n"
            "        except llmlab.BudgetExceededError:\n            break\n    return texts",
            "The budget refused the first one: is there a max_tokens=60?",
        ),
        (
            _WITHIN_LLM + "return [llm.complete(one, max_tokens=60).content for one in questions[:2]]",
            "You stopped after 2 calls",
        ),
        (
            _WITHIN_CAREFUL + "try:\n            texts.append(careful.complete(one, max_tokens=60))\n"
            "        except llmlab.BudgetExceededError:\n            break\n    return texts",
            "Return a list of texts: the .content of each answer.",
        ),
        (
            _WITHIN_CAREFUL + "try:\n            texts = [careful.complete(one, max_tokens=60).content]\n"
            "        except llmlab.BudgetExceededError:\n            break\n    return texts",
            "Return all of them.",
        ),
    ],
    "11.1": [
        (_CHEAPEST + "return llmlab.MODELS['openai']", "which is no model of 'shop'"),
        (_CHEAPEST + "return min(specs(provider), key=lambda s: s.prices.output).model", "its last day is announced"),
        (
            _CHEAPEST + "able = [s for s in specs(provider) if s.retired_on is None]\n"
            "    return min(able, key=lambda s: s.prices.output).model",
            "which cannot do tools and vision",
        ),
        (_ABLE + "]\n    return min(able, key=lambda s: s.prices.output).model", "its last day is announced"),
        (
            _ABLE + " and s.retired_on is None]\n    return min(able, key=lambda s: s.prices.input).model",
            "Compare what a million tokens written cost",
        ),
        (
            _ABLE + " and s.retired_on is None]\n    return min(able, key=lambda s: s.prices.output)",
            "returned the whole spec",
        ),
        (
            _ABLE + " and s.retired_on is None]\n    min(able, key=lambda s: s.prices.output).model",
            "Does it end with return?",
        ),
        (
            _ABLE + " and not s.retired_on]\n    return max(able, key=lambda s: s.prices.output).model",
            "Compare what a million tokens written cost",
        ),
    ],
    "11.2": [
        (_FITTING + "return options", "Of {'max_tokens': 900, 'seed': 1} you made {'max_tokens': 900, 'seed': 1}"),
        (
            _FITTING + "options['max_tokens'] = 500\n    options.pop('temperature', None)\n    return options",
            "Change a copy: dict(options).",
        ),
        (_COPY + "fits['max_tokens'] = spec.max_output_tokens\n    return fits", "you made {'max_tokens': 500}"),
        (
            _COPY + "fits.pop('temperature', None)\n"
            "    fits['max_tokens'] = min(fits['max_tokens'], spec.max_output_tokens)\n    return fits",
            "KeyError",
        ),
        (
            _COPY + _CUT_TO + "min(fits['max_tokens'], spec.max_output_tokens)\n    return fits",
            "takes no temperature",
        ),
        (
            _COPY + _CUT_TO + "min(fits['max_tokens'], spec.max_output_tokens)\n    fits.pop('temperature', None)\n"
            "    return fits",
            "writes any number of tokens and takes a temperature",
        ),
        (_COPY + "fits.pop('temperature', None)", "Your function returned nothing"),
    ],
    "18.1": [
        ("def strict(answer, prompt):\n    return 1 if facts[prompt] in answer else 0", "only inside another number"),
        (
            "def strict(answer, prompt):\n    return 1 if facts[prompt] in answer.strip('.').split() else 0",
            "with a comma",
        ),
        (
            "def strict(answer, prompt):\n    return 1 if facts[prompt] in answer.replace(',', '').split() else 0",
            "the full stop is no part",
        ),
        ("def strict(answer, prompt):\n    return 1", "holds 391 only inside another number, so the score is 0"),
        ("def strict(answer, prompt):\n    return 0", "is right, so the score is 1"),
        ("def strict(answer, prompt):\n    print(facts[prompt] in answer)", "Does it end with return?"),
        ("def strict(answer, prompt):\n    return 'right'", "Return 1 or 0."),
        ("def strict(answer):\n    return 1", "does not take the arguments"),
    ],
    "18.2": [
        (_ARM + "import random\n    return 'a' if random.random() < share else 'b'", "another one in the next process"),
        (_ARM + "return 'a' if hash(user) % 100 < share * 100 else 'b'", "Your function uses hash"),
        (_ARM + "return 'b' if share_of_hash(user) < share else 'a'", "It should be about 20%."),
        (_ARM + "return 'a' if share_of_hash(user) < 0.5 else 'b'", "It should be about 20%."),
        (_ARM + "return share_of_hash(user) < share", 'Return "a" or "b".'),
        (_ARM + "return 'a' if share_of_hash(user) <= min(share, 0.9) else 'b'", "With a share of 1"),
        (
            _ARM + "seen.append(user)\n    return 'a' if len(seen) % 10 < share * 10 else 'b'\n\nseen = []",
            "second time",
        ),
        ("def arm_of(user):\n    return 'a'", "does not take the arguments"),
    ],
    "19.1": [
        (_ORDER + "return [text_of(json.loads(line)) for line in results]", "in the order of the lines"),
        (
            _ORDER + "found = {}\n    for line in results:\n        found[json.loads(line)['custom_id']] = text_of("
            "json.loads(line))\n    return [found[name] for name in ids if name in found]",
            "keep its place with None",
        ),
        (_ORDER + "return [text_of(line) for line in results]", "Your code stopped in line 2"),
        (_ORDER + "return {name: None for name in ids}", "Return a list."),
        (
            _ORDER + "return [None for name in ids]",
            "For the id 'b' it should be 'Paris', and your list has nothing there",
        ),
        (_ORDER + "[text_of(json.loads(line)) for line in results]", "Does it end with return?"),
    ],
    "19.2": [
        (
            _SORT + "return [one for one in outcomes if isinstance(one, llmlab.Completion)], [1]",
            "The first list holds a Completion. Return the text of each answer",
        ),
        ("def sort_out(requests):\n    return [], []", "made 0 batches"),
        (
            "def sort_out(requests):\n    outcomes = [llmlab.submit_batch([one], llm).wait(progress=False)[0] "
            "for one in requests]\n    return outcomes, []",
            "made 3 batches",
        ),
        (_SORT + "return [str(one) for one in outcomes], []", "so the second list is [1], not"),
        (_SORT + "return [str(one) for one in outcomes], [1]", "texts of the 2 answers"),
        (
            _SORT + "return [one for one in outcomes if isinstance(one, llmlab.Completion)], "
            "[one for one in outcomes if isinstance(one, llmlab.LLMError)]",
            "the second list is [1], not",
        ),
        (_SORT + "return outcomes", "Return two lists"),
        (
            _SORT + "return [str(one) for one in outcomes if isinstance(one, llmlab.Completion)], [2]",
            "so the second list is [1], not [2].",
        ),
    ],
    "8.1": [
        (
            _ASK_ALL + "return [llm.complete_async(q) for q in questions]",
            "Your list holds a coroutine. Return a list of texts",
        ),
        ("def ask_all(questions):\n    return [llm.complete(q).content for q in questions]", "async def"),
        (_ASK_ALL + "return [(await llm.complete_async(q)).content for q in questions]", "1 at most"),
        (
            _ASK_ALL + "return await asyncio.gather(*(llm.complete_async(q) for q in questions))",
            "Your list holds a Completion. Return a list of texts",
        ),
        (_ASK_ALL + "return ['121'] * 6", "do not stand in the order"),
        (_ASK_ALL + "return [str(n * n) for n in range(11, 17)]", "Nobody was asked with llm.complete_async"),
        (_ASK_ALL + "return [llm.complete(q).content for q in questions]", "Nobody was asked with llm.complete_async"),
        (
            _ASK_ALL + "found = await asyncio.gather(*(llm.complete_async(q) for q in questions))\n"
            "    return [one.content for one in found][::-1]",
            "do not stand in the order",
        ),
    ],
    "8.2": [
        (_GENTLY + "return [(await llm.complete_async(q)).content for q in questions]", "one after the other"),
        (
            _GENTLY + "found = await asyncio.gather(*(llm.complete_async(q) for q in questions))\n"
            "    return [one.content for one in found]",
            "6 questions on their way at once",
        ),
        (
            _SEATED + "return (await llm.complete_async(q)).content\n" + _ASK_EACH,
            "LLMAuthenticationError. Catch llmlab.LLMError around each call",
        ),
        (
            _SEATED.replace("(most)", "(2)") + "try:\n                return (await llm.complete_async(q)).content\n"
            "            except llmlab.LLMError:\n                return None\n" + _ASK_EACH,
            "With most=3 there were 2",
        ),
        (
            _SEATED + "try:\n                return (await llm.complete_async(q)).content\n"
            "            except llmlab.LLMError:\n                return ''\n" + _ASK_EACH,
            "Return None in its place",
        ),
    ],
    "9.1": [
        (_TOOLS + "return 'snow'", "sent nothing"),
        (_TOOLS + "return client.responses.create(model=gpt, input=question).output_text", "had no tools in it"),
        (
            _TOOLS + "return client.responses.create(model=gpt, input=question, tools=[definition]).output_text",
            "still waits for 2 results",
        ),
        (_TOOLS_LOOP.replace("CALLS", "answer.output[:1]"), "got no result. There are 2: answer each."),
        (_TOOLS_LOOP.replace("CALLS", "answer.output"), "AttributeError"),
        (
            _TOOLS_LOOP.replace("CALLS", "[c for c in answer.output if c.type == 'function_call']"),
            "needs no tool, and the first answer said it. You asked 2 times",
        ),
        (
            _TOOLS_LOOP.replace("CALLS", "answer.output").replace("**json.loads(call.arguments)", "'Oslo'"),
            "with the arguments of that call",
        ),
        (_TOOLS_LOOP.replace("CALLS", "answer.output").replace(".output_text", ""), "Return its output_text"),
    ],
    "9.2": [
        (_TRAIN + "return TRAINS[city]", "KeyError: 'Paris'. For a city without a train, raise a LookupError"),
        (_TRAIN + "return TRAINS.get(city, 'no train')", "looks as if all were well"),
        (_TRAIN + "print(TRAINS[city])", "Does it end with return?"),
        (
            _TRAIN + "if city not in TRAINS:\n        raise LookupError('no such city')\n    return TRAINS[city]",
            "not know that there is a train to Bergen",
        ),
        (
            "def next_train(city: str) -> str:\n    if city not in TRAINS:\n        raise LookupError(str(TRAINS))\n"
            "    return TRAINS[city]",
            "has no docstring",
        ),
        (
            _TRAIN.replace(": str", "")
            + "if city not in TRAINS:\n        raise LookupError(str(TRAINS))\n    return TRAINS[city]",
            "has no type",
        ),
    ],
    "10.1": [
        (_TURNS + "return messages[-2 * number:]", "lacks"),
        (_STARTS + "return messages[starts[-number] :]", "lacks the system message"),
        (_STARTS + "return messages[:1] + messages[starts[-number] :]", "IndexError"),
        (
            _STARTS + "return messages[:1] + messages[starts[-min(number, len(starts))] :]",
            "Yours still has the user message 'My name is Ada.'",
        ),
        (_STARTS + "del messages[1 : starts[-min(number, len(starts))]]\n    return messages", "changed the list"),
        (_STARTS + "return messages", "Yours still has the user message 'My name is Ada.'"),
        (_TURNS + "return [message for message in messages if message['role'] != 'tool']", "lacks the tool message"),
    ],
    "10.2": [
        (_SUMMARY + "return chat", "asked nobody"),
        (_SUMMARY + "return llm.complete(f'Summarise: {chat}')", "Return a ConversationContext"),
        (
            _SUMMARY + "return llmlab.ConversationContext(system_message=f'{llm.complete(chat[-1].content)}')",
            "was not told that the user said 'I have a parrot.'",
        ),
        (_SUMMED + "return chat", "It should have none"),
        (_SUMMED + "chat.clear()\n    return chat", "changed the conversation"),
        (
            _SUMMED + "return llmlab.ConversationContext(system_message=str(summary))",
            "The old system message is lost",
        ),
        (_SUMMED + "return llmlab.ConversationContext(system_message=chat.system_message)", "is not in the new system"),
    ],
    "12.1": [
        (_LETTER + "return CarefulOrder(article='desk lamp', pieces=12, city='Oslo')", "asked nobody"),
        (_LETTER + "return llm.complete(letter, response_format=CarefulOrder)", "Return the object in it: .parsed"),
        (_LETTER + "return llm.complete(letter, response_format=CarefulOrder).parsed.article", "article fails"),
        (_LETTER + "llm.complete(letter, response_format=CarefulOrder)", "Does it end with return?"),
        (_LETTER + "return llm.complete(letter, response_format=Order).parsed", "your object says 1"),
        (
            _LETTER + "llm.complete(letter)\n    return llm.complete(letter, response_format=CarefulOrder).parsed",
            "you asked 2 times",
        ),
        (
            _LETTER + "order = llm.complete(letter, response_format=CarefulOrder).parsed\n    order.city = 'Rom'\n"
            "    return order",
            "the letter says ('desk lamp', 12, 'Oslo')",
        ),
        ("def read_order():\n    return None or 1", "does not take the arguments"),
    ],
    "12.2": [
        (_THINK + "answer = ask('high')\n    return answer, answer.usage", "was asked with: high. It should be"),
        (_ALL_ROUNDS + "usage += answer.usage\n    return answer, usage", "was asked with: none, low, medium, high."),
        (
            _ALL_ROUNDS + "if right(answer):\n            return answer, answer.usage\n    return None, usage",
            "Add all rounds",
        ),
        (_ALL_ROUNDS + _RETURN_RIGHT + "return None, usage", "Add all rounds"),
        (
            _ALL_ROUNDS + "usage += answer.usage\n        " + _RETURN_RIGHT + "return answer, usage",
            "the answer is then None",
        ),
        (
            _ALL_ROUNDS + "usage += answer.usage\n        " + "if right(answer):\n            return answer",
            "Return two things",
        ),
        (
            _ALL_ROUNDS + "usage += answer.usage\n        if right(answer):\n            return None, usage",
            "that was right",
        ),
        (_ROUNDS.replace("EFFORTS", "['little', 'much']") + "return answer, usage", "with the effort 'little'"),
    ],
    "7.1": [
        (
            _SPEED_OF + f"return answer.usage.total_tokens / {_WRITING}",
            "That counts the tokens of the question, too.",
        ),
        (_SPEED_OF + "return answer.usage.output_tokens / answer.latency", "counts the silence"),
        (_SPEED_OF + f"return (answer.usage.output_tokens - 1) / {_WRITING}", "leaves the first token out"),
        (_SPEED_OF + f"return answer.usage.output_tokens / {_WRITING}", "Your code stopped in line 2"),
        (
            _SPEED_OF + f"return (answer.usage.output_tokens + answer.usage.input_tokens) / {_WRITING}",
            "counts the tokens of the question",
        ),
        (
            _SPEED_OF + "if answer.time_to_first_token is None:\n        return 0\n    "
            f"return answer.usage.output_tokens / ({_WRITING} or 1)",
            "Return None for it. Your function returned 0.",
        ),
        (
            _SPEED_OF + "if answer.time_to_first_token is None:\n        return None\n    "
            f"return answer.usage.output_tokens / ({_WRITING} or 1)",
            "was written in no time",
        ),
        (_SPEED_OF + f"print(answer.usage.output_tokens / {_WRITING})", "Does it end with return?"),
    ],
    "7.2": [
        (_FIRST + "return 'A rainbow is light.'", "asked nobody"),
        (
            _FIRST + "for one in llm.complete_stream(question):\n        text = str(one)\n        if '.' in text:\n"
            "            return text",
            "Collect all pieces up to the full stop",
        ),
        (_FIRST + "return llm.complete(question).content.partition('.')[0] + '.'", "did not stream"),
        (
            _FIRST + "text = ''.join(map(str, llm.complete_stream(question)))\n    return text.partition('.')[0] + '.'",
            "you read all 88 events",
        ),
        (_FIRST + "return ''.join(map(str, llm.complete_stream(question)))", "nothing follows it"),
        (
            _FIRST + "for one in llm.complete_stream(question):\n        if '.' in str(one):\n            return one",
            "Return the text of the first sentence",
        ),
    ],
}
