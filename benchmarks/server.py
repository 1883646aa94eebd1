"""A fast HTTP server on loopback that answers like OpenAI and like Anthropic, out of bytes made beforehand.

It runs in a process of its own, so that its work is not counted as the client's. The name of the model says how to
answer: `slow` waits 50 ms, anything else is answered at once. It knows keep-alive and POST with a content-length,
and nothing else of HTTP.

    python -m benchmarks.server     prints its port, then serves until it is ended
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHUNKS = 2000
"""Pieces of text in one streamed answer."""
SLOW = 0.05
"""Seconds that the model `slow` takes."""
TEXT = "A loopback server answers, and says nothing new."


def chat() -> tuple[dict[str, Any], list[bytes]]:
    """Return the answer of Chat Completions, whole and as events."""
    head = {"id": "chatcmpl-bench", "created": 1790000000, "model": "bench", "system_fingerprint": "fp_bench"}
    usage = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 12}
    message: dict[str, Any] = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}

    def event(delta: dict[str, Any] | None, reason: str | None = None) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        counts = usage if delta is None else None
        data = {**head, "object": "chat.completion.chunk", "choices": choices, "usage": counts}
        return b"data: %s\n\n" % json.dumps(data, separators=(",", ":")).encode()

    events = [event({"role": "assistant", "content": "", "refusal": None})]
    events += [event({"content": f" word{number}"}) for number in range(CHUNKS)]
    return whole, [*events, event({}, "stop"), event(None), b"data: [DONE]\n\n"]


def _messages() -> tuple[dict[str, Any], list[bytes]]:
    usage = {"input_tokens": 12, "output_tokens": CHUNKS}
    head = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "bench", "stop_sequence": None}
    whole = {**head, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage}

    def event(kind: str, **data: Any) -> bytes:
        written = json.dumps({"type": kind, **data}, separators=(",", ":"))
        return f"event: {kind}\ndata: {written}\n\n".encode()

    def delta(number: int) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" word{number}"})

    return whole, [
        event("message_start", message={**head, "content": [], "stop_reason": None, "usage": usage}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(delta(number) for number in range(CHUNKS)),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage),
        event("message_stop"),
    ]


def _whole(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data)


def _streamed(events: list[bytes]) -> bytes:
    # One HTTP chunk for each event, as the real services send them.
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


async def _serve() -> None:
    (whole, chat_events), (message, message_events) = chat(), _messages()
    answers = {
        (False, False): _whole(whole),
        (False, True): _streamed(chat_events),
        (True, False): _whole(message),
        (True, True): _streamed(message_events),
    }

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                if request["model"] == "slow":
                    await asyncio.sleep(SLOW)
                writer.write(answers[b"/messages" in head, bool(request.get("stream"))])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the client has left

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running() -> Iterator[str]:
    """Start the server in a process of its own, give its URL, and end it afterwards."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_serve())
