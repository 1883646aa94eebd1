"""Ollama's format for one text: `/api/generate`, without roles or tools.

Its answers are those of `/api/chat` except for where the text stands; the same decoder reads both.
Source: Ollama documentation, "API".
"""

from __future__ import annotations

from typing import Any

from llmlab.formats.base import Format, single_text
from llmlab.formats.ollama import StreamDecoder, decode
from llmlab.formats.ollama import encode as encode_chat
from llmlab.formats.sse import JSONLines
from llmlab.types.request import Request


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /api/generate`. The conversation must be one user message."""
    prompt = single_text(request, "Ollama's /api/generate")
    body = encode_chat(request, stream)
    del body["messages"]
    return {"prompt": prompt, **body}


OLLAMA_GENERATE = Format("ollama_generate", "/api/generate", encode, decode, StreamDecoder, JSONLines)
