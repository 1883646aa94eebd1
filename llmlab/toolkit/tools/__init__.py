"""Tools: functions that a model may call, and the loop that calls them until the model has its answer.

from llmlab import get_provider, run_tools, tool

@tool
def add(a: int, b: int) -> int:
    '''Add two numbers.'''
    return a + b

run = run_tools(get_provider("openai"), "What is 2 + 3?", [add])
"""

from __future__ import annotations

from llmlab.toolkit.tools.function import Tool, tool
from llmlab.toolkit.tools.run import (
    AsyncToolStream,
    ToolStream,
    run_tools,
    run_tools_async,
    run_tools_stream,
    run_tools_stream_async,
)
from llmlab.toolkit.tools.steps import ToolRun, ToolStep

__all__ = [
    "AsyncToolStream",
    "Tool",
    "ToolRun",
    "ToolStep",
    "ToolStream",
    "run_tools",
    "run_tools_async",
    "run_tools_stream",
    "run_tools_stream_async",
    "tool",
]
