"""Transformers write the fields of a request in the format of one provider; their factory knows them by name."""

from __future__ import annotations

from typing import Any, ClassVar

from llmlab.config.settings import load_settings
from llmlab.errors import ConfigurationError, LLMError, LLMInvalidRequestError, UnsupportedProviderError
from llmlab.models import find_spec
from llmlab.providers import Provider, provider_class
from llmlab.providers.registry import build_provider
from llmlab.toolkit.interfaces.service.request import LLMCallRequest
from llmlab.toolkit.interfaces.service.specs import ModelSpec, ModelSpecRegistry


class TransformationError(LLMError):
    """A transformer could not write the fields of a request."""


class ConfigTransformer:
    """Writes requests in the format of llmlab's provider of that name. A subclass has a `transform` of its own.

    Args:
        model_spec: what is known of the model.
    """

    def __init__(self, model_spec: ModelSpec | None = None) -> None:
        self.model_spec = model_spec

    def validate(self, request: LLMCallRequest) -> None:
        """Check a request against the specification of its model.

        Raises:
            LLMInvalidRequestError: the model does not take it.
        """
        if self.model_spec is not None:
            self.model_spec.validate_config(request.llm.llm_model_spec)

    def transform(self, request: LLMCallRequest) -> dict[str, Any]:
        """Return the fields to send.

        Raises:
            LLMInvalidRequestError: the request is wrong.
        """
        # Nothing is sent, so any object will do for a client, and no key is needed.
        llm = build_provider(provider_name(request), load_settings(), {"client": object()})
        return llm.encode(llm.request(request.llm.prompt, **request.options()), False)


class OpenAITransformer(ConfigTransformer):
    """Writes requests in the format of OpenAI's Responses API."""


class TransformerFactory:
    """Transformers by the name of their provider."""

    registered: ClassVar[dict[str, type[ConfigTransformer]]] = {"openai": OpenAITransformer}

    @classmethod
    def register_transformer(cls, name: str, transformer: type[ConfigTransformer]) -> None:
        """Let a transformer write all requests to a provider, until the process ends.

        Raises:
            ConfigurationError: it is no subclass of `ConfigTransformer`.
        """
        cls.registered[name] = checked(name, transformer, ConfigTransformer)

    @classmethod
    def create(cls, name: str, model: str | None = None) -> ConfigTransformer:
        """Return the transformer of a provider, with the specification of a model.

        Raises:
            TransformationError: there is none.
        """
        if name not in cls.registered:
            try:
                provider_class(name)
            except UnsupportedProviderError:
                raise TransformationError(
                    f"there is no transformer for {name!r}: TransformerFactory.register_transformer({name!r}, Class)"
                ) from None
        spec = ModelSpecRegistry().get_spec(model, name) if model else None
        return cls.registered.get(name, ConfigTransformer)(spec)

    @classmethod
    def is_custom(cls, name: str) -> bool:
        """Return whether a transformer writes other fields than llmlab's provider does."""
        return cls.registered.get(name, ConfigTransformer).transform is not ConfigTransformer.transform


def checked(name: str, kind: Any, base: type[Any]) -> Any:
    """Return a class to register under a name.

    Raises:
        ConfigurationError: it is no subclass of the base, or the name is no text.
    """
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise ConfigurationError(f"{kind!r} is not a subclass of {base.__name__}")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"the name of {kind.__name__} must be a text, not {name!r}")
    return kind


def provider_name(request: LLMCallRequest, client: Any = None) -> str:
    """Return the provider of a request, else that of the client, else that of the model, else OpenAI.

    Raises:
        LLMInvalidRequestError: the client is another provider of llmlab than the request names.
    """
    spec = request.llm.llm_model_spec
    if isinstance(client, Provider):
        if spec.provider not in (None, client.name):
            raise LLMInvalidRequestError(f"the request names {spec.provider!r}, and the client is {client.name!r}")
        return client.name
    if spec.provider is not None:
        return str(spec.provider)
    # The `__class__` of a mock with a `spec` is the class that it replaces.
    kinds = (*type(client).__mro__, *client.__class__.__mro__)
    vendors = {base.__module__.split(".")[0] for base in kinds} & {"openai", "anthropic"}
    known = find_spec(spec.model) if isinstance(spec.model, str) else None
    return vendors.pop() if vendors else known.provider if known else "openai"
