"""Sync beside async. If one fails, code moved into an async program meets a function that is missing or other."""

from __future__ import annotations

import inspect
from typing import Any

import llmlab
from llmlab.toolkit.tools import AsyncToolStream, ToolStream
from tests.tools.running import SHAPES


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


def test_all_four_shapes_take_the_same() -> None:
    taken = [signature(getattr(llmlab, shape)) for shape in SHAPES]
    assert all(each == taken[0] for each in taken)
    assert inspect.iscoroutinefunction(llmlab.run_tools_async)


def test_the_two_streams_offer_the_same() -> None:
    twins = {
        "__iter__": "__aiter__",
        "__next__": "__anext__",
        "__enter__": "__aenter__",
        "__exit__": "__aexit__",
        "close": "aclose",
    }
    for name, twin in twins.items():
        assert signature(getattr(ToolStream, name)) == signature(getattr(AsyncToolStream, twin))
    assert isinstance(ToolStream.result, property)
    assert isinstance(AsyncToolStream.result, property)
