"""Ollama's format for one text: `/api/generate`, a text that goes on, without roles or tools.

Its answers are those of `/api/chat` except for where the text stands, and are read by the same decoder.
Source: Ollama documentation, "API".
"""

from __future__ import annotations

from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, refuse, refuse_images
from llmlab.formats.ollama import StreamDecoder, decode
from llmlab.formats.ollama import encode as encode_chat
from llmlab.formats.sse import JSONLines
from llmlab.types.messages import Role
from llmlab.types.request import Request


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /api/generate`. The conversation must be one user message."""
    refuse(request, "Ollama's /api/generate", "tools", "tool_choice", "file_search", "response_format")
    refuse_images(request, "Ollama's /api/generate")
    if len(request.messages) != 1 or request.messages[0].role is not Role.USER:
        raise LLMInvalidRequestError("Ollama's /api/generate takes one text: send a single user message")
    body = encode_chat(request, stream)
    del body["messages"]
    return {"prompt": request.messages[0].content, **body}


OLLAMA_GENERATE = Format("ollama_generate", "/api/generate", encode, decode, StreamDecoder, JSONLines)
