"""Sync beside async. If one fails, code that is moved into an async program meets a method that is missing or other."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from llmlab.providers import Provider, provider_class
from llmlab.transport.http import HttpStream, HttpTransport
from llmlab.transport.sdk import SdkTransport
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream
from tests.core.trying import NAMES

PROVIDERS: list[Any] = [Provider, *(provider_class(name) for name in NAMES)]
# They send nothing, so there is nothing to await.
PURE = {"headers", "find_base_url", "encode", "model_names", "count_request", "request"} | {
    "get_last_response",
    "get_request_count",
    "reset_session",
    "to_error",
    "embedding_model",
}


def methods(kind: Any) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: kind.__name__)
def test_every_method_that_sends_has_an_async_twin_with_the_same_signature(kind: Any) -> None:
    there = methods(kind)
    # A flow runs in both ways.
    flows = {name for name in there if name.endswith("_flow")} | {"post_json", "read_lines"}
    sync = {name for name in there if not name.endswith("_async")} - PURE - {"close", "aclose"} - flows
    assert sync >= {
        "complete",
        "complete_stream",
        "completion",
        "completion_stream",
        "list_models",
        "count_tokens",
        "health",
    }
    assert {name.removesuffix("_async") for name in there if name.endswith("_async")} == sync
    for name in sync:
        assert signature(there[name]) == signature(there[f"{name}_async"])
        assert inspect.iscoroutinefunction(there[f"{name}_async"]) or name.endswith("_stream")
    assert signature(there["close"]) == signature(there["aclose"])


@pytest.mark.parametrize("kind", [HttpTransport, SdkTransport])
def test_every_transport_carries_in_both_ways(kind: Any) -> None:
    there = methods(kind)
    for name, twin in (("send", "send_async"), ("open", "open_async"), ("close", "aclose")):
        assert signature(there[name]) == signature(there[twin])
        assert inspect.iscoroutinefunction(there[twin])
    assert {"close", "aclose", "elapsed"} <= set(methods(HttpStream))


def test_the_two_streams_offer_the_same() -> None:
    twins = {
        "__iter__": "__aiter__",
        "__next__": "__anext__",
        "__enter__": "__aenter__",
        "__exit__": "__aexit__",
        "close": "aclose",
    }
    for name, twin in twins.items():
        assert signature(getattr(CompletionStream, name)) == signature(getattr(AsyncCompletionStream, twin))
    assert isinstance(CompletionStream.result, property)
    assert isinstance(AsyncCompletionStream.result, property)


@pytest.mark.parametrize("kind", [*PROVIDERS, HttpTransport, SdkTransport, CompletionStream, AsyncCompletionStream])
def test_everything_public_is_explained(kind: Any) -> None:
    assert kind.__doc__
    for name, method in methods(kind).items():
        assert method.__doc__, f"{kind.__name__}.{name} has no docstring"


@pytest.mark.parametrize("kind", PROVIDERS[1:], ids=lambda kind: kind.__name__)
def test_every_provider_can_be_used_with_and_async_with(kind: Any) -> None:
    for name in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
        assert hasattr(kind, name)
