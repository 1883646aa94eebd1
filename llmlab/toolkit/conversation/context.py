"""A conversation that is kept short enough, and is a prompt itself: `provider.complete(conversation)`.

It holds text, pictures and tool calls, not the answers' details. It asks nobody by itself, except a counter that is
handed in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias, overload

from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.providers.tokens import TokenCount, count_messages
from llmlab.toolkit.conversation import file, view
from llmlab.toolkit.conversation.turns import as_text, check_calls, check_next, open_calls, turn_starts
from llmlab.types.completion import Completion
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role, ToolCall


class _Counting(Protocol):
    def count_tokens(self, prompt: Sequence[Message], /) -> int: ...


Counter: TypeAlias = _Counting | Callable[[Sequence[Message]], int]


class ConversationContext(Sequence[Message]):
    """A conversation: a sequence of messages, the system message first.

    When it gets longer than it may, its oldest turns are dropped. A turn is a user message and all that follows up to
    the next one, so a tool call never loses its result. The newest turn stays, however long it is, and so does the
    system message. Tokens are counted whenever the conversation can be sent: after a user message and after the last
    result of a round of calls.

    Args:
        max_turns: how many turns are kept.
        max_tokens: how many tokens are kept, the system message included.
        system_message: what the model is told before everything else.
        counter: counts the tokens of messages: a provider, whose service may be asked, or a function. Else tiktoken
            counts, where its data is there already, else 4 characters are taken for a token.

    Raises:
        ConfigurationError: for a limit that is no whole number above 0, a system message that is no text, or a counter
            that cannot count.
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
            if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
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
        self._calls_made = 0

    # What is said

    def add(self, message: Message) -> None:
        """Add any message that may follow, such as one of those that a tool loop returns.

        Raises:
            LLMInvalidRequestError: says what must come first. The conversation stays as it was.
        """
        check_next(self._messages, message)
        self._messages = self._pruned([*self._messages, message])

    def add_user_message(self, content: str, images: Sequence[Image | str | bytes | Path] = ()) -> None:
        """Add what the user says and shows, which begins a turn.

        Args:
            content: the text.
            images: pictures, each an `Image` or what one is made of.

        Raises:
            LLMInvalidRequestError: for an empty message, or while a tool call waits for its result.
        """
        self.add(Message(Role.USER, content, images=images))  # type: ignore[arg-type]

    def add_assistant_message(self, content: str | Completion) -> None:
        """Add what the model says: a text, or a whole `Completion` with its tool calls.

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
        """Add a call that the model wants made. It joins the model's message, if the last one is the model's.

        Args:
            call: the call, or the name of the tool.
            arguments: the arguments, by name.
            id: links the call to its result; else one is made up.

        Returns:
            the call, for `add_tool_result`.

        Raises:
            LLMInvalidRequestError: as the first message, for an id that is taken, or between the results of a round.
        """
        if not isinstance(arguments, Mapping | None):
            raise LLMInvalidRequestError(f"a call's arguments are a dict by name, not {type(arguments).__name__}")
        if isinstance(call, str):
            call = ToolCall(id or self._free_id(), call, dict(arguments or {}))
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role is Role.ASSISTANT:
            joined = Message(Role.ASSISTANT, last.content, tool_calls=(*last.tool_calls, call))
            check_calls(joined)
            self._messages = [*self._messages[:-1], joined]
        else:
            self.add(Message(Role.ASSISTANT, tool_calls=(call,)))
        return call

    def add_tool_result(self, call: ToolCall | str, content: Any, *, is_error: bool = False) -> None:
        """Add what a tool gave back.

        Args:
            call: the call, or its id.
            content: a text; everything else is written as JSON.
            is_error: whether it tells of a failure.

        Raises:
            LLMInvalidRequestError: if no such call waits for a result.
        """
        wanted = call.id if isinstance(call, ToolCall) else call
        name = next((each.name for each in open_calls(self._messages) if each.id == wanted), None)
        if not wanted:
            raise LLMInvalidRequestError("a tool result needs the id of its call")
        self.add(Message(Role.TOOL, as_text(content), name=name, tool_call_id=wanted, is_error=is_error))

    def clear(self) -> None:
        """Forget what was said. The system message and the limits stay."""
        self._messages = []

    # What it is

    def get_messages(self) -> list[Message]:
        """Return the messages, oldest first, the system message in front."""
        return [*self._system(), *self._messages]

    @property
    def turns(self) -> int:
        """How many turns there are."""
        return len(turn_starts(self._messages))

    def count_tokens(self) -> TokenCount:
        """Return how many tokens all messages have. Its `method` says how they were counted."""
        return self._count(self._messages)

    def fork(self) -> Self:
        """Return a copy that goes its own way, with the same limits and the same counter."""
        twin = copy.copy(self)
        twin._messages = copy.deepcopy(self._messages)
        return twin

    def save(self, path: str | Path) -> None:
        """Write the conversation as JSON. A file that is there is replaced whole, or not at all.

        Raises:
            ConfigurationError: if the folder is missing or may not be written to, the disk is full, or it is no file.
            LLMInvalidRequestError: if an argument of a tool call is nothing that JSON can hold.
        """
        settings = {name: getattr(self, name) for name in file.SETTINGS}
        file.write(Path(path), settings, self._messages)

    @classmethod
    def load(cls, path: str | Path, *, counter: Counter | None = None) -> Self:
        """Return a saved conversation.

        Args:
            path: of the file.
            counter: see the class; a counter is not saved.

        Raises:
            ConfigurationError: names the file and the line, if there is no conversation in it.
        """
        opened = file.Opened(Path(path))
        with opened.located():
            loaded = cls(**opened.settings, counter=counter)
        for position, message in opened.messages():
            with opened.located(position):
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
        said = self.system_message or ""
        return [Message(Role.SYSTEM, said)] if said.strip() else []

    def _free_id(self) -> str:
        taken = {call.id for message in self._messages for call in message.tool_calls}
        while True:
            self._calls_made += 1
            if (made := f"call_{self._calls_made}") not in taken:
                return made

    def _count(self, messages: Sequence[Message]) -> TokenCount:
        whole = [*self._system(), *messages]
        if self._counter is None or not messages:
            return count_messages(whole)
        # A provider is asked first: a mock of one can be called, too.
        counting: Any = getattr(self._counter, "count_tokens", self._counter)
        count = counting(whole)
        return count if isinstance(count, TokenCount) else TokenCount(count, "counter")

    def _pruned(self, messages: list[Message]) -> list[Message]:
        """Return the messages without the oldest turns that are too many."""
        starts = turn_starts(messages)
        starts = starts[-self.max_turns :] if self.max_turns else starts
        ready = messages[-1].role is not Role.ASSISTANT and not open_calls(messages)
        kept = messages[starts[0] :]
        if self.max_tokens and ready:
            while len(starts) > 1 and self._count(kept) > self.max_tokens:
                starts = starts[1:]
                kept = messages[starts[0] :]
        return kept
