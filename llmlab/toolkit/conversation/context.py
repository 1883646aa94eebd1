"""A conversation below a limit of turns or tokens, and a prompt itself: `provider.complete(conversation)`."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias, overload

from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.providers.tokens import TokenCount, count_messages
from llmlab.toolkit.conversation import file, view
from llmlab.toolkit.conversation.turns import check_calls, check_next, open_calls, turn_starts
from llmlab.types.completion import Completion
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role, ToolCall
from llmlab.types.validation import is_count


class _CountsTokens(Protocol):
    def count_tokens(self, prompt: Sequence[Message], /) -> int: ...


Counter: TypeAlias = _CountsTokens | Callable[[Sequence[Message]], int]


class ConversationContext(Sequence[Message]):
    """A conversation: a sequence of messages, the system message first.

    When it is longer than its limit, the oldest turns are removed. A turn is a user message and all that follows up to
    the next one, so a tool call never loses its result. The newest turn and the system message stay. Tokens are counted
    whenever the conversation can be sent: after a user message, and after the last result of a round of calls.

    Args:
        max_turns: limit in turns.
        max_tokens: limit in tokens, the system message included.
        system_message: instructions before everything else.
        counter: counts the tokens of messages: a provider, whose service may be called, or a function. Else tiktoken
            counts, if its data is on this machine, else 4 characters count as a token.

    Raises:
        ConfigurationError: a limit is not a whole number above 0, the system message is not a text, or the counter
            cannot count.
    """

    def __init__(
        self,
        max_turns: int | None = None,
        max_tokens: int | None = None,
        system_message: str | None = None,
        *,
        counter: Counter | None = None,
    ) -> None:
        for name, limit in (("max_turns", max_turns), ("max_tokens", max_tokens)):
            if limit is not None and not is_count(limit):
                raise ConfigurationError(f"{name} must be a whole number above 0, not {limit!r}")
        if not isinstance(system_message, str | None):
            raise ConfigurationError(f"system_message must be a text, not {type(system_message).__name__}")
        if not (counter is None or callable(counter) or hasattr(counter, "count_tokens")):
            raise ConfigurationError(f"counter must be a provider or a function, not {type(counter).__name__}")
        self.max_turns = max_turns
        self.max_tokens = max_tokens
        self.system_message = system_message
        self._counter = counter
        self._messages: list[Message] = []
        self._last_id = 0

    # Adding messages

    def add(self, message: Message) -> None:
        """Add any message that may follow, such as one of a run with tools.

        Raises:
            LLMInvalidRequestError: says what must come first. The conversation stays as it was.
        """
        check_next(self._messages, message)
        self._messages = self._prune([*self._messages, message])

    def add_user_message(self, content: str, images: Sequence[Image | str | bytes | Path] = ()) -> None:
        """Add a message of the user, which begins a turn.

        Args:
            content: the text.
            images: each an `Image`, or the path, URL or bytes of one.

        Raises:
            LLMInvalidRequestError: for an empty message, or while a tool call waits for its result.
        """
        shown = tuple(image if isinstance(image, Image) else Image(image) for image in images)
        self.add(Message(Role.USER, content, images=shown))

    def add_assistant_message(self, content: str | Completion) -> None:
        """Add an answer: a text, or a whole `Completion` with its tool calls.

        Raises:
            LLMInvalidRequestError: for an empty answer, as the first message, or while a tool call waits.
        """
        if isinstance(content, Completion):
            self.add(Message(Role.ASSISTANT, content.content or content.refusal, tool_calls=content.tool_calls))
        else:
            self.add(Message(Role.ASSISTANT, content))

    def add_tool_call(
        self, call: ToolCall | str, arguments: Mapping[str, Any] | None = None, *, id: str | None = None
    ) -> ToolCall:
        """Add a call to the model's message, or as a new message of the model.

        Args:
            call: the call, or the name of the tool.
            arguments: the arguments, by name.
            id: connects the call with its result; else a new one.

        Returns:
            the call, for `add_tool_result`.

        Raises:
            LLMInvalidRequestError: as the first message, for an id that is in use, or between the results of a round.
        """
        if not isinstance(arguments, Mapping | None):
            raise LLMInvalidRequestError(f"a call's arguments are a dict by name, not {type(arguments).__name__}")
        if isinstance(call, str):
            call = ToolCall(id or self._new_id(), call, dict(arguments or {}))
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role is Role.ASSISTANT:
            joined = Message(Role.ASSISTANT, last.content, tool_calls=(*last.tool_calls, call))
            check_calls(joined)
            self._messages = [*self._messages[:-1], joined]
        else:
            self.add(Message(Role.ASSISTANT, tool_calls=(call,)))
        return call

    def add_tool_result(self, call: ToolCall | str, content: Any, *, is_error: bool = False) -> None:
        """Add the result of a tool.

        Args:
            call: the call, or its id.
            content: a text; anything else is written as JSON.
            is_error: whether the tool failed.

        Raises:
            LLMInvalidRequestError: no such call waits for a result.
        """
        call_id = call.id if isinstance(call, ToolCall) else call
        if not call_id:
            raise LLMInvalidRequestError("a tool result needs the id of its call")
        name = next((each.name for each in open_calls(self._messages) if each.id == call_id), None)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
        self.add(Message(Role.TOOL, text, name=name, tool_call_id=call_id, is_error=is_error))

    def clear(self) -> None:
        """Remove all messages. The system message and the limits stay."""
        self._messages = []

    # Reading, saving, forking

    def get_messages(self) -> list[Message]:
        """Return the messages, oldest first, after the system message."""
        return [*self._system(), *self._messages]

    @property
    def turns(self) -> int:
        """The number of turns."""
        return len(turn_starts(self._messages))

    def count_tokens(self) -> TokenCount:
        """Return the number of tokens in all messages. Its `method` says how they were counted."""
        return self._count(self._messages)

    def fork(self) -> Self:
        """Return an independent copy, with the same limits and the same counter."""
        twin = copy.copy(self)
        twin._messages = copy.deepcopy(self._messages)
        return twin

    def save(self, path: str | Path) -> None:
        """Write the conversation as JSON. An existing file is replaced whole, or not at all.

        Raises:
            ConfigurationError: the folder is missing or read-only, the disk is full, or the path is not a file.
            LLMInvalidRequestError: an argument of a tool call has no JSON form.
        """
        settings = {name: getattr(self, name) for name in file.SETTINGS}
        file.write(Path(path), settings, self._messages)

    @classmethod
    def load(cls, path: str | Path, *, counter: Counter | None = None) -> Self:
        """Return a saved conversation.

        Args:
            path: the file.
            counter: as in the class; a counter is not saved.

        Raises:
            ConfigurationError: names the file and the line of the mistake.
        """
        opened = file.ConversationFile(Path(path))
        with opened.located():
            loaded = cls(**opened.settings, counter=counter)
        for index, message in opened.messages():
            with opened.located(index):
                check_next(loaded._messages, message)
            loaded._messages.append(message)
        return loaded

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self.get_messages()[index]

    def __len__(self) -> int:
        return len(self._system()) + len(self._messages)

    def __str__(self) -> str:
        return view.as_text(self.get_messages())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.turns} turns, {len(self)} messages)"

    def _repr_html_(self) -> str:
        return view.as_html(self.get_messages())

    def _system(self) -> list[Message]:
        text = self.system_message or ""
        return [Message(Role.SYSTEM, text)] if text.strip() else []

    def _new_id(self) -> str:
        used = {call.id for message in self._messages for call in message.tool_calls}
        while True:
            self._last_id += 1
            if (new := f"call_{self._last_id}") not in used:
                return new

    def _count(self, messages: Sequence[Message]) -> TokenCount:
        whole = [*self._system(), *messages]
        if self._counter is None or not messages:
            return count_messages(whole)
        # `count_tokens` comes first: a mock of a provider can be called, too.
        counting: Any = getattr(self._counter, "count_tokens", self._counter)
        count = counting(whole)
        return count if isinstance(count, TokenCount) else TokenCount(count, "counter")

    def _prune(self, messages: list[Message]) -> list[Message]:
        """Return the messages without the oldest turns beyond the limits."""
        starts = turn_starts(messages)
        starts = starts[-self.max_turns :] if self.max_turns else starts
        if self.max_tokens and messages[-1].role is not Role.ASSISTANT and not open_calls(messages):
            while len(starts) > 1 and self._count(messages[starts[0] :]) > self.max_tokens:
                starts = starts[1:]
        return messages[starts[0] :]
