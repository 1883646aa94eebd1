"""The flows of a failover: those of its providers, one after the other, until one has an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from llmlab._utils.clock import now
from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings
from llmlab.errors import (
    AllProvidersFailedError,
    LLMAPIError,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    MissingAPIKeyError,
)
from llmlab.formats import Format
from llmlab.providers.base import Provider
from llmlab.providers.calls import Calls
from llmlab.providers.circuit import Circuit
from llmlab.providers.health_report import Health
from llmlab.providers.registry import build_provider
from llmlab.providers.session import Session
from llmlab.providers.tokens import TokenCount
from llmlab.transport.base import WireReply, WireRequest
from llmlab.transport.driver import Flow, on_transport
from llmlab.transport.streams import Ending, StreamState
from llmlab.types.completion import Completion
from llmlab.types.request import Request

Result = TypeVar("Result")
_log = logging.getLogger("llmlab")

MOVES_ON = (
    LLMConnectionError,
    LLMRateLimitError,
    LLMAPIError,
    LLMStreamError,
    MissingAPIKeyError,
    AllProvidersFailedError,
)
"""Errors after which another provider may still have an answer. A stream error here is one before its first piece."""


class Member:
    """One provider of a failover, and how it fares.

    Args:
        provider: who is asked, or the name of who would be.
        circuit: whether it may be asked now.
        settings: for a provider that is named; else `llmlab.yaml`, if there is one.

    Raises:
        UnsupportedProviderError: no provider has this name.
    """

    def __init__(self, provider: Provider | str, circuit: Circuit, settings: Settings | None = None) -> None:
        self.circuit = circuit
        self.provider: Provider | None = None
        self.missing: MissingAPIKeyError | None = None
        if isinstance(provider, Provider):
            self.name, self.provider = provider.name, provider
            return
        self.name = str(provider)
        try:
            self.provider = build_provider(self.name, settings or load_settings(), {})
        except MissingAPIKeyError as error:
            self.missing = error

    def why_not(self, error: LLMError | None) -> str:
        """Return in a few words why this one did not answer."""
        if self.missing:
            return f"{self.name} has no key"
        return f"{self.name} failed ({type(error).__name__})" if error else f"{self.name} rests after a failure"


class FailoverCalls(Calls):
    """The flows of a failover: those of its members, one after the other, until one has an answer."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.session = Session()

    def completion(self, request: Request) -> Flow[Completion]:
        """Ask, and return the whole answer of the first one that gives it."""
        plan = self._plan(request, stream=False)
        answer, _, why = yield from self._first(request, lambda one, asked: one._calls.completion(asked), plan)
        return self.answered(answer, why)

    def stream(self, request: Request, text_format: Format | None = None) -> Flow[StreamState]:
        """Ask, and return the stream of the first one whose first piece comes."""
        if text_format is not None:
            raise _refused("text completion")
        plan = self._plan(request, stream=True)
        state, member, why = yield from self._first(request, lambda one, asked: one._calls.stream(asked), plan)
        state.ending = _Ending(self, state.ending, member, why)
        return state

    def models(self) -> Flow[list[str]]:
        """Ask the first one that answers for the names of its models."""
        found, _, _ = yield from self._first(None, lambda one, _asked: one._calls.models(), {})
        return found

    def count(self, request: Request) -> Flow[TokenCount]:
        """Have the first one that answers count tokens."""
        plan = self._plan(request, stream=False)
        found, _, _ = yield from self._first(request, lambda one, asked: one._calls.count(asked), plan)
        return found

    def health(self) -> Flow[Health]:
        """Ask every member. One that answers is enough."""
        found = []
        for member in self.members:
            if member.provider is None:
                found.append(Health(member.name, False, str(member.missing)))
            else:
                found.append((yield from on_transport(member.provider._transport, member.provider._calls.health())))
        reason = "; ".join(f"{one.provider} {one.reason if one.ok else f'fails: {one.reason}'}" for one in found)
        return Health("failover", any(found), reason, max((one.latency for one in found if one.ok), default=0.0))

    def texts(self, requests: Sequence[Request], format: Format) -> Flow[list[Completion]]:
        """Refuse: texts are continued by a certain model."""
        raise _refused("text completion")

    def post(self, wire: WireRequest, model: str) -> Flow[Mapping[str, Any]]:
        """Refuse: what only one vendor has is asked of that vendor."""
        raise _refused(wire.path)

    def error(self, reply: WireReply, model: str) -> LLMError:
        """Refuse: a failover gets no replies of its own."""
        raise _refused("replies")

    def _plan(self, request: Request, *, stream: bool) -> dict[Member, Request]:
        """Return what each member would be asked. What one of them cannot be asked is refused, and nothing is sent."""
        given = {
            item.name: value
            for item in fields(request)
            if item.name not in ("messages", "model", "deadline")
            and (value := getattr(request, item.name)) not in (None, (), {})
        }
        plan = {}
        for member in self.members:
            if member.provider is not None:
                try:
                    asked = plan[member] = member.provider.request(request.messages, **given)
                    member.provider.encode(asked, stream)
                except LLMInvalidRequestError as error:
                    raise LLMInvalidRequestError(
                        f"{member.name} could not stand in: {error.message}", provider=member.name
                    ) from None
        return plan

    def _first(
        self,
        request: Request | None,
        ask: Callable[[Provider, Request], Flow[Result]],
        plan: Mapping[Member, Request],
    ) -> Flow[tuple[Result, Member, str]]:
        """Ask one after the other. Returns the first answer, whose it is, and why."""
        end = now() + request.deadline if request and request.deadline else None
        skipped: list[str] = []
        errors: list[LLMError] = []
        for member in self._in_order(skipped, errors):
            provider, circuit = member.provider, member.circuit
            assert provider is not None
            asked = plan.get(member, _NOTHING)
            if end is not None:
                asked = replace(asked, deadline=max(end - now(), 1e-9))
            try:
                answer = yield from on_transport(provider._transport, ask(provider, asked))
            except MOVES_ON as error:
                if error.code == "deadline" and error.__cause__ is None:
                    # There was no time for our own line: the service has not even been asked.
                    circuit.undecided()
                else:
                    circuit.failed(error.retry_after or 0.0)
                errors.append(error)
                skipped.append(member.why_not(error))
                _log.warning("%s did not answer, the next one is asked: %s", member.name, error)
                if end is not None and now() >= end:
                    raise
            except LLMError:
                # The service answers; it is the request that is wrong.
                circuit.succeeded()
                raise
            except BaseException:
                circuit.undecided()
                raise
            else:
                circuit.succeeded()
                return answer, member, f"{', '.join(skipped)}; so {member.name} answered" if skipped else ""
        if len(errors) == 1:
            raise errors[0]
        raise AllProvidersFailedError.of(errors)

    def _in_order(self, skipped: list[str], errors: list[LLMError]) -> Iterator[Member]:
        """Yield who is asked. If all rest, they are asked all the same, the one that rests longest last."""
        asked, resting = False, []
        for member in self.members:
            if member.missing:
                skipped.append(member.why_not(None))
                errors.append(member.missing)
            elif member.circuit.may_ask():
                asked = True
                yield member
            else:
                skipped.append(member.why_not(None))
                resting.append(member)
        if not asked:
            yield from sorted(resting, key=lambda member: member.circuit.seconds_left)

    def answered(self, answer: Completion, why: str) -> Completion:
        # An answer of a failover inside of this one brings a reason of its own.
        answer = replace(answer, why="; ".join(filter(None, (why, answer.why))))
        self.session.answered(answer)
        return answer


class _Ending:
    """The end of a stream that one of the providers gives."""

    def __init__(self, calls: FailoverCalls, inner: Ending, member: Member, why: str) -> None:
        self._calls = calls
        self._inner = inner
        self._member = member
        self._why = why

    def check_time(self) -> None:
        self._inner.check_time()

    def formed(self, state: StreamState, answer: Completion) -> Completion:
        return self._inner.formed(state, answer)

    def finished(self, state: StreamState) -> Completion:
        return self._calls.answered(self._inner.finished(state), self._why)

    def failed(self, state: StreamState, error: LLMStreamError) -> None:
        self._member.circuit.failed()
        self._inner.failed(state, error)

    def abandoned(self, state: StreamState) -> None:
        self._inner.abandoned(state)


def _refused(what: str) -> LLMInvalidRequestError:
    return LLMInvalidRequestError(f"a failover has no {what}; ask one of its providers: failover.members[0].provider")


_NOTHING = Request((), "")
