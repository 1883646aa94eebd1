"""What a transport is: it sends one HTTP request with wire JSON, and returns the answer, whole or as a stream.

A transport knows URLs, headers and bytes. It does not know what a message is, and it never retries.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from llmlab.formats.sse import Framing, ServerSentEvents


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request.

    Args:
        method: GET, POST or DELETE.
        path: below the base URL.
        body: wire JSON, or None; with files, the fields of the form.
        framing: how the stream of the answer is framed.
        timeout: seconds until the whole answer must be there, also of a stream; None for no such limit.
        files: sent as a form (multipart): by the field's name, the file's name and its bytes.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    framing: Callable[[], Framing] = ServerSentEvents
    timeout: float | None = None
    files: Mapping[str, tuple[str, bytes]] | None = None


@dataclass(frozen=True, slots=True)
class WireReply:
    """One whole HTTP answer.

    Args:
        status: HTTP status.
        headers: names in lower case.
        body: parsed JSON, or text where it is not JSON.
        elapsed: seconds from the request to the end of the answer.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    elapsed: float = field(default=0.0, compare=False)


class WireStream(Protocol):
    """An answer that is still arriving. Iterating gives lists of events, one list for each piece of bytes.

    `elapsed` returns the seconds from the request to the last piece that arrived. `finish` comes after the end marker:
    it lets the last bytes arrive, for a moment, so that the connection can be used again.
    """

    headers: Mapping[str, str]

    def __iter__(self) -> Generator[list[dict[str, Any]]]: ...
    def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]: ...
    def elapsed(self) -> float: ...
    def finish(self) -> None: ...
    async def afinish(self) -> None: ...
    def close(self) -> None: ...
    async def aclose(self) -> None: ...


class Transport(Protocol):
    """What carries requests. Where the service answers with an error, `open` returns a `WireReply` and no stream."""

    def send(self, request: WireRequest) -> WireReply: ...
    async def send_async(self, request: WireRequest) -> WireReply: ...
    def open(self, request: WireRequest) -> WireStream | WireReply: ...
    async def open_async(self, request: WireRequest) -> WireStream | WireReply: ...
    def close(self) -> None: ...
    async def aclose(self) -> None: ...
