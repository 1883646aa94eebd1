"""Those who are measured: raw httpx2, llmlab and the official SDKs, each doing the same three things.

All send the same body to the same server, keep their connections alive and hold the same number of them. Raw httpx2
does the least that is of use: it parses the JSON and picks the text out. Everything else is each one's default. Modules
load inside the classes, so that a process pays only for the one that it measures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

PROMPT = "Say something short."
MAX_TOKENS = 4096
KEY = "not-a-key"


class Contender(Protocol):
    """One way to talk to a model."""

    def call(self) -> str:
        """Ask, and return the text of the answer."""
        ...

    def stream(self) -> Iterator[str]:
        """Ask, and give the text piece by piece."""
        ...

    async def call_slow(self) -> str:
        """Ask the slow model, async."""
        ...

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        ...


class RawChat:
    """httpx2 alone, on the Chat Completions wire."""

    path = "/v1/chat/completions"
    headers: ClassVar[dict[str, str]] = {"authorization": f"Bearer {KEY}"}

    def __init__(self, url: str) -> None:
        import httpx2

        self.url = url + self.path
        options: dict[str, Any] = {
            "headers": self.headers,
            "timeout": 60,
            "limits": httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        }
        self.client = httpx2.Client(**options)
        self.client_async = httpx2.AsyncClient(**options)

    def body(self, model: str, **more: Any) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": MAX_TOKENS, **more}

    def text(self, answer: Any) -> str:
        return str(answer["choices"][0]["message"]["content"])

    def call(self) -> str:
        return self.text(self.client.post(self.url, json=self.body("fast")).json())

    def stream(self) -> Iterator[str]:
        body = self.body("fast", stream=True, stream_options={"include_usage": True})
        with self.client.stream("POST", self.url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    choices = json.loads(line[6:])["choices"]
                    if choices and (piece := choices[0]["delta"].get("content")):
                        yield piece

    async def call_slow(self) -> str:
        return self.text((await self.client_async.post(self.url, json=self.body("slow"))).json())

    async def aclose(self) -> None:
        await self.client_async.aclose()


class RawMessages(RawChat):
    """httpx2 alone, on the Messages wire."""

    path = "/v1/messages"
    headers: ClassVar[dict[str, str]] = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}

    def text(self, answer: Any) -> str:
        return str(answer["content"][0]["text"])

    def stream(self) -> Iterator[str]:
        with self.client.stream("POST", self.url, json=self.body("fast", stream=True)) as response:
            for line in response.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    if event["type"] == "content_block_delta":
                        yield event["delta"]["text"]


class LlmlabChat:
    """llmlab, on the Chat Completions wire."""

    def __init__(self, url: str) -> None:
        from llmlab import ModelSpec, get_provider, register_spec

        for name in ("openai", "anthropic"):
            register_spec(ModelSpec("fast", name))
            register_spec(ModelSpec("slow", name))
        self.provider = self.make(get_provider, url)

    def make(self, get_provider: Any, url: str) -> Any:
        return get_provider("openai", "fast", KEY, f"{url}/v1", api="chat", max_tokens=MAX_TOKENS)

    def call(self) -> str:
        return str(self.provider.complete(PROMPT).content)

    def stream(self) -> Iterator[str]:
        for chunk in self.provider.complete_stream(PROMPT):
            yield chunk.text

    async def call_slow(self) -> str:
        return str((await self.provider.complete_async(PROMPT, model="slow")).content)

    async def aclose(self) -> None:
        await self.provider.aclose()


class LlmlabMessages(LlmlabChat):
    """llmlab, on the Messages wire."""

    def make(self, get_provider: Any, url: str) -> Any:
        return get_provider("anthropic", "fast", KEY, url, max_tokens=MAX_TOKENS)


class OpenAISdk:
    """OpenAI's SDK."""

    def __init__(self, url: str) -> None:
        from openai import AsyncOpenAI, OpenAI

        self.create = OpenAI(api_key=KEY, base_url=f"{url}/v1").chat.completions.create
        self.client_async = AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1")

    def body(self, model: str) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_completion_tokens": MAX_TOKENS}

    def call(self) -> str:
        return str(self.create(**self.body("fast")).choices[0].message.content)

    def stream(self) -> Iterator[str]:
        for chunk in self.create(**self.body("fast"), stream=True, stream_options={"include_usage": True}):
            if chunk.choices and (piece := chunk.choices[0].delta.content):
                yield piece

    async def call_slow(self) -> str:
        answer = await self.client_async.chat.completions.create(**self.body("slow"))
        return str(answer.choices[0].message.content)

    async def aclose(self) -> None:
        await self.client_async.close()


class AnthropicSdk:
    """Anthropic's SDK."""

    def __init__(self, url: str) -> None:
        from anthropic import Anthropic, AsyncAnthropic

        self.create = Anthropic(api_key=KEY, base_url=url).messages.create
        self.client_async = AsyncAnthropic(api_key=KEY, base_url=url)

    def body(self, model: str) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": MAX_TOKENS}

    def call(self) -> str:
        return str(self.create(**self.body("fast")).content[0].text)

    def stream(self) -> Iterator[str]:
        for event in self.create(**self.body("fast"), stream=True):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text

    async def call_slow(self) -> str:
        return str((await self.client_async.messages.create(**self.body("slow"))).content[0].text)

    async def aclose(self) -> None:
        await self.client_async.close()


CONTENDERS: dict[str, Any] = {
    "httpx2 (chat)": RawChat,
    "llmlab (chat)": LlmlabChat,
    "OpenAI SDK": OpenAISdk,
    "httpx2 (messages)": RawMessages,
    "llmlab (messages)": LlmlabMessages,
    "Anthropic SDK": AnthropicSdk,
}
"""Everybody by name. The first three speak Chat Completions, the last three Messages."""

BASELINE = {name: "httpx2 (messages)" if position > 2 else "httpx2 (chat)" for position, name in enumerate(CONTENDERS)}
"""Whom each one is compared with: raw httpx2 on the same wire."""
