"""Every error of llmlab. Each one names the next step.

    LLMError
    ├── MissingAPIKeyError          no key was found for a provider that needs one
    ├── ConfigurationError          llmlab.yaml, .env or an argument is wrong
    ├── ProviderError               a provider does not exist, or came to no answer
    │   ├── UnsupportedProviderError    no provider has this name
    │   └── APICallError            a call came to no answer: one of these
    │       ├── LLMConnectionError  nothing answered
    │       │   └── LLMTimeoutError     the answer took too long
    │       ├── LLMResponseError    the service answered with an error: one of these
    │       │   ├── LLMAuthenticationError  401, 403: the key was refused
    │       │   ├── LLMInvalidRequestError  400, 404, 413, 422, or refused before it was sent
    │       │   │   ├── ModelNotFoundError  the service has no such model (any more)
    │       │   │   └── StoreNotFoundError  there is no such vector store (any more)
    │       │   ├── LLMRateLimitError   429: too fast, or the quota is used up
    │       │   └── LLMAPIError     5xx and everything else that the service got wrong
    │       └── LLMStreamError      a stream broke after it had begun
    │           └── LLMStreamTimeoutError   … because its deadline passed; it is an LLMTimeoutError, too
    ├── StructuredOutputError       an answer does not match its response_format
    ├── ToolError                   a function makes no tool, or a run with tools came to no answer
    ├── BudgetExceededError         a call could use more than its budget has left
    ├── AllProvidersFailedError     none of the providers of a failover answered
    └── RecordingMissError          the tape has no recording of this request

Keys never appear in an error: the vendor's text is redacted on its way in.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from llmlab._utils.redaction import redact

_LONGEST, _TAIL = 8_000, 400
"""Characters of a message, and of its end, which says what to do next."""


class LLMError(Exception):
    """The root of all errors of llmlab.

    Args:
        message: what happened and what to do next.
        provider: name of the provider, if one was involved.
        status_code: the HTTP status, if there was an answer.
        request_id: the vendor's identifier of this request, for its support.
        code: the vendor's error code, or its error type where it has no code.
        retry_after: seconds to wait before the next try, if the service named them.
        should_retry: whether the service wants another try (header `x-should-retry`); None if it does not say.
        partial: the text received before a stream broke.
        usage: the `Usage` received before a stream broke.
        run: the `ToolRun` up to this error.
        secrets: keys to remove from the texts.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        code: str | int | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        partial: str | None = None,
        usage: Any = None,
        run: Any = None,
        secrets: Iterable[str] = (),
    ) -> None:
        super().__init__(_readable(message, secrets))
        self.provider = provider
        self.status_code = status_code
        self.request_id = redact(request_id, secrets) if request_id else request_id
        self.code = redact(code, secrets) if isinstance(code, str) else code
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.partial = partial
        self.usage = usage
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        # The subclasses take other arguments than the message, and errors travel between processes.
        return _restored, (type(self), self.args), self.__dict__

    @property
    def message(self) -> str:
        """What happened and what to do next, as text."""
        return str(self.args[0])


def _restored(kind: type[LLMError], args: tuple[Any, ...]) -> LLMError:
    return kind.__new__(kind, *args)


def _readable(message: str, secrets: Iterable[str]) -> str:
    """Return a message without secrets, and without the middle of a text that nobody reads to its end."""
    if len(message) > _LONGEST:
        # Words are dropped whole, because half a key is not known as one.
        (head, *_), (*_, tail) = message[:_LONGEST].rsplit(None, 1), message[-_TAIL:].split(None, 1)
        head, tail = (part if len(part) < most else "" for part, most in ((head, _LONGEST), (tail, _TAIL)))
        message = f"{head} … [{len(message) - len(head) - len(tail):,} characters are left out] … {tail}"
    return redact(message, secrets)


class MissingAPIKeyError(LLMError):
    """No key was found for a provider that needs one."""

    def __init__(self, provider: str, variable: str, *, get_one_at: str = "", hint: str = "") -> None:
        hint = f" {hint[0].upper()}{hint[1:]}" if hint else ""
        where = f" Get one at {get_one_at}," if get_one_at else " Get one from the provider,"
        super().__init__(
            f"no API key for {provider}.{hint}{where} then put the line {variable}=<your key> into a file named .env "
            f"(it stays out of git), or set the environment variable {variable}. "
            "No key at hand? Offline mode needs none: %load_ext llmlab in a notebook, or llmlab.start() in a program.",
            provider=provider,
        )
        self.variable = variable


class ProviderError(LLMError):
    """A provider does not exist, or came to no answer."""


class APICallError(ProviderError):
    """A call came to no answer."""


class UnsupportedProviderError(ProviderError):
    """No provider has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        guess = f" Did you mean {close[0]!r}?" if (close := difflib.get_close_matches(name, known, 1)) else ""
        super().__init__(
            f"there is no provider named {name!r}.{guess} Known providers: {', '.join(known)}. "
            "Add your own with llmlab.register_provider(name, Class)."
        )
        self.known = tuple(known)


class ConfigurationError(LLMError):
    """A setting is unknown, has the wrong type, or contradicts another one."""


class LLMResponseError(APICallError):
    """The service answered with an error, or would have: the parent of all such errors."""


class LLMAuthenticationError(LLMResponseError):
    """The service refused the key (401), or the key may not do this (403)."""


class LLMInvalidRequestError(LLMResponseError):
    """The request is wrong, and would be wrong again: change it before you send it again."""


class ModelNotFoundError(LLMInvalidRequestError):
    """The service has no such model, or not any more.

    Args:
        message: the vendor's message.
        model: the name that was asked for.
        available: names of models that exist, in any order; the attribute has them closest first.
    """

    def __init__(self, message: str, *, model: str, available: Iterable[str] = (), **details: Any) -> None:
        def distance(name: str) -> tuple[float, str]:
            return (-difflib.SequenceMatcher(None, name.lower(), model.lower()).ratio(), name)

        self.model = model
        self.available: tuple[str, ...] = tuple(sorted(available, key=distance))
        message = self._bare = _readable(message, details.get("secrets", ()))
        if self.available:
            shown = ", ".join(self.available[:8])
            more = len(self.available) - 8
            message += f" Available models, closest first: {shown}{f' and {more} more' if more > 0 else ''}."
        super().__init__(message, **details)

    def with_models(self, available: Iterable[str]) -> ModelNotFoundError:
        """Return this error with the names of the models that there are."""
        return ModelNotFoundError(
            self._bare,
            model=self.model,
            available=available,
            provider=self.provider,
            status_code=self.status_code,
            request_id=self.request_id,
            code=self.code,
        )


class StoreNotFoundError(LLMInvalidRequestError):
    """There is no such vector store, or not any more."""


class LLMRateLimitError(LLMResponseError):
    """Too many requests or tokens (429). `retry_after` holds the seconds to wait, where the service gave them."""


class LLMConnectionError(APICallError):
    """No answer came: the server is not running, the name does not resolve, or the line broke."""


class LLMTimeoutError(LLMConnectionError):
    """The answer took longer than the timeout or the deadline."""


class LLMAPIError(LLMResponseError):
    """The service failed (5xx), or answered with something that is no answer."""


class LLMStreamError(APICallError):
    """A stream broke after it had begun. `partial` and `usage` hold what had arrived."""


class LLMStreamTimeoutError(LLMStreamError, LLMTimeoutError):
    """The deadline passed while a stream was being read. `partial` and `usage` hold what had arrived."""


class StructuredOutputError(LLMError):
    """An answer does not match its `response_format`, even after it was requested again.

    `completion` holds the last answer, with the tokens of all; `complaint` says what is wrong with it.
    """

    completion: Any = None
    complaint: str = ""

    @classmethod
    def of(cls, completion: Any, form: str, complaint: str) -> StructuredOutputError:
        """Return the error for an answer that is no `form`."""
        error = cls(
            f"the answer is no {form}: {complaint}. error.completion holds the answer. A simpler form, or a larger "
            "model, may do better.",
            provider=completion.provider,
            usage=completion.usage,
        )
        error.completion, error.complaint = completion, redact(complaint)
        return error


class ToolError(LLMError):
    """A function makes no tool, or a model called an unknown tool, or too many. `run` holds the run."""


class BudgetExceededError(LLMError):
    """A call could use more than its budget has left, or its cost is not known. Nothing was sent."""


class AllProvidersFailedError(LLMError):
    """None of the providers of a failover answered. `errors` holds their errors, in their order."""

    errors: tuple[LLMError, ...] = ()

    @classmethod
    def of(cls, errors: Sequence[LLMError]) -> AllProvidersFailedError:
        """Return one error for those of all providers."""
        reasons = "".join(f"\n- {error.provider}: {error.message}" for error in errors)
        error = cls(f"no provider of this failover answered:{reasons}", provider="failover")
        error.errors = tuple(errors)
        return error


class RecordingMissError(LLMError):
    """The tape is in replay mode and has no recording of this request."""


ERROR_KINDS: Final[Mapping[str, type[LLMError]]] = {
    "rate_limit": LLMRateLimitError,
    "timeout": LLMTimeoutError,
    "connection": LLMConnectionError,
    "server": LLMAPIError,
    "stream": LLMStreamError,
}
"""Names of errors that may pass, for `llmlab.yaml` and `RetryPolicy(on=…)`."""
