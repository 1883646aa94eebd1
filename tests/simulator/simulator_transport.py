"""Helper: the official SDKs, unmodified, with a simulator as their transport."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

from llmlab.lab.simulator import Simulator, simulate
from llmlab.lab.tape.request_parser import to_tape_request
from llmlab.lab.wire.bodies import render_body, render_event


def transport(library: ModuleType, alias: str, simulator: Simulator | None = None) -> Any:
    """Give a transport of httpx or httpx2 that asks the simulator; without one of its own, the shared one."""
    answer_to = simulator.answer if simulator else simulate

    def handle(request: Any) -> Any:
        asked = to_tape_request(request.method, request.url, request.headers, request.read())
        answer = answer_to(replace(asked, alias=alias))
        if answer.events is None:
            content = render_body(answer)
        else:
            content = b"".join(render_event(event, answer.framing) for _, event in answer.events)
        return library.Response(answer.status, headers=answer.headers, content=content)

    return library.MockTransport(handle)
