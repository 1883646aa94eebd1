"""Model specifications in the words of this interface, over the models that llmlab knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Self

from llmlab import models
from llmlab.errors import LLMInvalidRequestError
from llmlab.models.registry import checked_specs
from llmlab.models.validation import refusal_of
from llmlab.toolkit.interfaces.keywords import Keywords
from llmlab.toolkit.interfaces.service.request import LLMModelSpec
from llmlab.types.request import build_request


@dataclass(frozen=True, slots=True)
class ModelCapabilities(Keywords):
    """What a model can do: True, False, or None where that is not known. See `llmlab.ModelCapabilities`."""

    supports_streaming: bool | None = None
    supports_tools: bool | None = None
    supports_parallel_tools: bool | None = None
    supports_vision: bool | None = None
    supports_reasoning: bool | None = None
    supports_verbosity: bool | None = None
    supports_structured_output: bool | None = None
    supports_file_search: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec(Keywords):
    """One model.

    Args:
        model_name: its name, as the provider knows it.
        provider: the service that offers it.
        capabilities: what it can do.
        parameters: all parameters that it takes; empty if they are not known.
    """

    model_name: str
    provider: str
    capabilities: ModelCapabilities = ModelCapabilities()
    parameters: Sequence[models.ParameterSpec] = ()

    def validate_config(self, config: LLMModelSpec | None = None) -> None:
        """Check a configuration against this specification; without one, check the specification itself.

        Raises:
            LLMInvalidRequestError: says what the model does not take, and in which range it could.
            ConfigurationError: the specification has a value of a wrong type.
        """
        (spec,) = checked_specs(self.to_llmlab())
        if config is None:
            return
        request = build_request("-", self.model_name, {**config.options(), "model": self.model_name})
        if (refusal := refusal_of(request, spec)) is not None:
            raise LLMInvalidRequestError(f"{self.model_name} {refusal.why}. {refusal.way_out}.", provider=self.provider)

    def to_llmlab(self) -> models.ModelSpec:
        """Return this specification as llmlab's own, with the prices and limits of a model that llmlab knows."""
        known = models.find_spec(self.model_name, self.provider)
        return replace(
            known or models.ModelSpec(self.model_name, self.provider),
            capabilities=models.ModelCapabilities(*astuple(self.capabilities)),
            parameters=tuple(self.parameters),
        )

    @classmethod
    def of(cls, spec: models.ModelSpec) -> Self:
        """Return the specification of a model that llmlab knows."""
        return cls(
            spec.model,
            spec.provider,
            ModelCapabilities(*astuple(spec.capabilities)),
            spec.parameters,
        )


class ModelSpecRegistry:
    """All known models. There is one registry: `ModelSpecRegistry()` returns the same object each time."""

    _instance: ModelSpecRegistry | None = None

    def __new__(cls) -> ModelSpecRegistry:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def register(self, *specs: ModelSpec) -> None:
        """Make models known, or correct what is known of them, in this interface and in all of llmlab."""
        for spec in specs:
            models.register_spec(spec.to_llmlab())

    def get_spec(self, model_name: str, provider: str | None = None) -> ModelSpec | None:
        """Return what is known of a model, or None."""
        found = models.find_spec(model_name, provider)
        return ModelSpec.of(found) if found else None

    def list_specs(self, provider: str | None = None) -> list[ModelSpec]:
        """Return all known models, or all of one provider."""
        return [ModelSpec.of(spec) for spec in models.specs(provider)]

    def validate_config(self, config: LLMModelSpec) -> None:
        """Check a configuration against what is known of its model; an unknown model passes.

        Raises:
            LLMInvalidRequestError: says what the model does not take, and in which range it could.
        """
        if config.model and (spec := self.get_spec(config.model, config.provider)):
            spec.validate_config(config)
