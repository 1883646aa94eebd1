"""What a service writes and reads: the request, its configuration, the response, and an error as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self, TypeAlias, cast

from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.toolkit.interfaces.keywords import Keywords
from llmlab.toolkit.interfaces.service import constants
from llmlab.types.completion import Completion
from llmlab.types.messages import Prompt
from llmlab.types.options import FileSearch, ReasoningConfig, TextConfig

_OPTIONS = ("model", "temperature", "top_p", "max_tokens", "reasoning", "text")


@dataclass(frozen=True, slots=True)
class LLMModelSpec(Keywords):
    """A model, and how it shall answer.

    Args:
        model: its name; else the provider's default.
        provider: its name; else that of the client, else that of the model.
        temperature, top_p, max_tokens, reasoning, text: as in `complete`.
    """

    model: str | None = None
    provider: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning: ReasoningConfig | None = None
    text: TextConfig | None = None
    top_p: float | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of `complete`, and the defaults of `constants` that are not the services' own."""
        options = {name: value for name in _OPTIONS if (value := getattr(self, name)) is not None}
        if constants.DEFAULT_TEMPERATURE != 1:
            options.setdefault("temperature", constants.DEFAULT_TEMPERATURE)
        if constants.DEFAULT_TOP_P != 1:
            options.setdefault("top_p", constants.DEFAULT_TOP_P)
        return options


@dataclass(frozen=True, slots=True)
class LLMConfig(Keywords):
    """What to ask, and of which model.

    Args:
        prompt: a question, or a list of messages, as in `complete`.
        llm_model_spec: the model.
        vector_store_id: the id of a vector store at OpenAI to search, or several ids.
        options: further options of `complete`, such as `tools`, `response_format`, `deadline` or `extra`.
    """

    prompt: Prompt
    llm_model_spec: LLMModelSpec = LLMModelSpec()
    vector_store_id: str | Sequence[str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LLMCallRequest(Keywords):
    """One call.

    Args:
        llm: what to ask, and of which model.
        max_num_results: most chunks of files that a search gives to the model, 1 to 50; 20 where it is left out.
    """

    llm: LLMConfig
    max_num_results: int | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of `complete`.

        Raises:
            LLMInvalidRequestError: `max_num_results` without a store to search.
        """
        options = self.llm.llm_model_spec.options()
        options.update(self.llm.options)
        if (stores := self.llm.vector_store_id) is not None:
            most = self.max_num_results
            if most is None and constants.DEFAULT_MAX_RESULTS != 20:
                most = constants.DEFAULT_MAX_RESULTS
            # `FileSearch` checks its ids itself.
            ids = (stores,) if isinstance(stores, str) else cast("tuple[str, ...]", stores)
            options["file_search"] = FileSearch(ids, most)
        elif self.max_num_results is not None:
            raise LLMInvalidRequestError("max_num_results is for a search; name a store: LLMConfig(vector_store_id=…)")
        return options


@dataclass(slots=True)
class LLMCallResponse:
    """One answer.

    Args:
        message: its text.
        total_tokens, input_tokens, output_tokens: tokens used.
        model: the model that answered.
        provider: the provider's name.
        response_id: the service's identifier of this answer.
        file_search_results: the chunks of files that the model read, each with score, text, file_name and file_id.
        completion: the answer with all its details; None from a provider of your own that leaves it out.
    """

    message: str
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    provider: str = ""
    response_id: str = ""
    file_search_results: Sequence[Mapping[str, Any]] = ()
    completion: Completion | None = field(default=None, repr=False)

    @classmethod
    def of(cls, answer: Completion) -> Self:
        """Return the response for an answer of llmlab."""
        usage, results = answer.usage, [asdict(result) for result in answer.file_search_results]
        counts = (usage.total_tokens, usage.input_tokens, usage.output_tokens)
        return cls(answer.content, *counts, answer.model, answer.provider, answer.id, results, answer)


class CallError(str):
    """What went wrong, in words. `exception` is the error itself."""

    exception: LLMError

    @classmethod
    def of(cls, error: LLMError) -> Self:
        """Return the words of an error."""
        words = cls(error.message or type(error).__name__)
        words.exception = error
        return words


Pair: TypeAlias = tuple[LLMCallResponse | None, str | None]
"""A response and None, or None and an error."""
