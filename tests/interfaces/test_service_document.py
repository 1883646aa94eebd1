"""The snippets of document 001, unchanged apart from their imports. If one fails, whoever comes from it is stranded."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import anthropic
import openai
import pytest

import llmlab
from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError
from llmlab.models import registry
from llmlab.toolkit.interfaces.service import (
    SUPPORTED_PROVIDERS,
    APICallError,
    BaseProvider,
    ConfigTransformer,
    LLMCallRequest,
    LLMCallResponse,
    LLMConfig,
    LLMModelSpec,
    LLMServiceError,
    ModelCapabilities,
    ModelSpec,
    ModelSpecRegistry,
    ParameterSpec,
    ProviderError,
    ProviderFactory,
    ReasoningConfig,
    TextConfig,
    TransformationError,
    TransformerFactory,
    UnsupportedProviderError,
    ValidationError,
    constants,
    execute_llm_call,
)
from tests.core import bodies
from tests.loopback import Answer, LoopbackServer


@pytest.fixture
def openai_client() -> Mock:
    """A mock of OpenAI's client that has read a file."""
    found = Mock(text="Keys go into a header.", score=0.91, filename="auth.md", file_id="file-1")
    part = Mock(type="output_text", text="Send the key in a header.")
    output = [Mock(type="file_search_call", results=[found]), Mock(type="message", content=[part])]
    usage = Mock(input_tokens=10, output_tokens=20, total_tokens=30)
    client = Mock()
    client.responses.create.return_value = Mock(id="resp_1", output=output, model="gpt-4", usage=usage)
    return client


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries of the test's own."""
    monkeypatch.setattr(registry, "_registry", registry.Registry())
    monkeypatch.setattr(ProviderFactory, "registered", {**ProviderFactory.registered})
    monkeypatch.setattr(TransformerFactory, "registered", {**TransformerFactory.registered})


def basic_request() -> LLMCallRequest:
    # Create request
    request = LLMCallRequest(
        llm=LLMConfig(
            prompt="Explain quantum computing",
            llm_model_spec=LLMModelSpec(
                model="gpt-4",
                provider="openai",
                temperature=0.7,
                max_tokens=500
            )
        )
    )  # fmt: skip
    return request  # noqa: RET504 - as in the document


def print_answer(request: LLMCallRequest, openai_client: Any) -> None:
    # Execute call
    response, error = execute_llm_call(request, openai_client)

    if response:
        print(f"Response: {response.message}")
        print(f"Tokens: {response.total_tokens}")
    else:
        print(f"Error: {error}")


def test_basic_call(openai_client: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(basic_request(), openai_client)
    assert capsys.readouterr().out == "Response: Send the key in a header.\nTokens: 30\n"
    openai_client.responses.create.assert_called_once_with(
        model="gpt-4", input="Explain quantum computing", temperature=0.7, max_output_tokens=500
    )


def test_basic_call_with_a_real_client(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers = [Answer(bodies.RESPONSES), Answer({"error": {"message": "You are too fast."}}, 429)]
    with openai.OpenAI(api_key="k", base_url=server.url) as client:
        print_answer(basic_request(), client)
        assert capsys.readouterr().out == f"Response: {bodies.TEXT}\nTokens: 8\n"
        with llmlab.get_provider("openai", client=client, max_retries=0) as llm:
            print_answer(basic_request(), llm)
        assert capsys.readouterr().out.startswith("Error: openai answered 429: You are too fast.")


@pytest.mark.usefixtures("lab")
def test_offline_the_old_model_is_gone_and_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """OpenAI has shut gpt-4 down, so the snippet takes its other branch; a model of today answers."""
    with openai.OpenAI(api_key="k") as client:
        print_answer(basic_request(), client)
        assert "Available models, closest first: gpt-4o, gpt-4.1" in capsys.readouterr().out
        model = LLMModelSpec(model="gpt-4.1", provider="openai", temperature=0.7, max_tokens=500)
        print_answer(LLMCallRequest(llm=LLMConfig(prompt="What is 17 * 23?", llm_model_spec=model)), client)
    assert capsys.readouterr().out.startswith("Response: 17 * 23 = 391\nTokens: ")


def test_vector_store(openai_client: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    request = LLMCallRequest(
        llm=LLMConfig(
            prompt="What does the documentation say about authentication?",
            vector_store_id="vs_abc123",
            llm_model_spec=LLMModelSpec(
                model="gpt-4",
                provider="openai"
            )
        ),
        max_num_results=10
    )  # fmt: skip

    response, error = execute_llm_call(request, openai_client)

    # Access file search results
    if response and response.file_search_results:
        for result in response.file_search_results:
            print(f"Score: {result['score']}, Text: {result['text']}")
    assert error is None
    assert capsys.readouterr().out == "Score: 0.91, Text: Keys go into a header.\n"
    (tool,) = openai_client.responses.create.call_args.kwargs["tools"]
    assert tool == {"type": "file_search", "vector_store_ids": ["vs_abc123"], "max_num_results": 10}


def test_reasoning(openai_client: Mock) -> None:
    request = LLMCallRequest(
        llm=LLMConfig(
            prompt="Solve this complex problem...",
            llm_model_spec=LLMModelSpec(
                model="o1",
                provider="openai",
                reasoning=ReasoningConfig(effort="high"),
                text=TextConfig(verbosity="medium")
            )
        )
    )  # fmt: skip

    response, error = execute_llm_call(request, openai_client)
    assert response is not None
    assert error is None
    sent = openai_client.responses.create.call_args.kwargs
    assert (sent["reasoning"], sent["text"]) == ({"effort": "high"}, {"verbosity": "medium"})


def test_mock_client() -> None:
    request = basic_request()
    # Test with mock client
    from unittest.mock import Mock

    mock_client = Mock()
    mock_client.responses.create.return_value = Mock(
        id="resp_123",
        output_text="Test response",
        model="gpt-4",
        usage=Mock(input_tokens=10, output_tokens=20, total_tokens=30)
    )  # fmt: skip

    response, error = execute_llm_call(request, mock_client)
    assert response.message == "Test response"  # type: ignore[union-attr]
    assert error is None
    assert (response.response_id, response.model, response.provider) == ("resp_123", "gpt-4", "openai")
    assert (response.input_tokens, response.output_tokens, response.total_tokens) == (10, 20, 30)


# The four steps of "Adding New Providers", with their `# ...` filled in.


class AnthropicProvider(BaseProvider):
    def execute(self, request: LLMCallRequest) -> tuple[LLMCallResponse | None, str | None]:
        params = self.build_params(request)
        response = self.client.messages.create(**params)
        # Process response...
        llm_response = LLMCallResponse(
            message=response.content[0].text,
            model=response.model,
            total_tokens=response.usage.input_tokens + response.usage.output_tokens,
        )
        return llm_response, None


class AnthropicTransformer(ConfigTransformer):
    def transform(self, request: LLMCallRequest) -> dict[str, Any]:
        return {
            "model": request.llm.llm_model_spec.model,
            "messages": [{"role": "user", "content": request.llm.prompt}],
            "max_tokens": request.llm.llm_model_spec.max_tokens or 1024,
            # ... other Anthropic-specific params
            "metadata": {"user_id": "u1"},
        }


def create_anthropic_specs() -> list[ModelSpec]:
    return [
        ModelSpec(
            model_name="claude-3-opus",
            provider="anthropic",
            capabilities=ModelCapabilities(
                supports_streaming=True,
                supports_vision=True,
                # ...
                supports_reasoning=False,
            ),
            parameters=[
                ParameterSpec(name="temperature", type="float", min_value=0.0, max_value=1.0),
                # ...
                ParameterSpec(name="top_p", type="float", min_value=0.0, max_value=1.0),
            ]
        )
    ]  # fmt: skip


def register_anthropic() -> None:
    ProviderFactory.register_provider("anthropic", AnthropicProvider)
    TransformerFactory.register_transformer("anthropic", AnthropicTransformer)
    ModelSpecRegistry().register(*create_anthropic_specs())


def ask_opus(client: Any, **spec: Any) -> tuple[LLMCallResponse | None, str | None]:
    model = LLMModelSpec(model="claude-3-opus", provider="anthropic", **spec)
    return execute_llm_call(LLMCallRequest(llm=LLMConfig(prompt="Hi", llm_model_spec=model)), client)


@pytest.mark.usefixtures("registries")
def test_adding_anthropic() -> None:
    register_anthropic()
    client = Mock(spec=anthropic.Anthropic(api_key="k"))
    usage = Mock(input_tokens=5, output_tokens=3)
    client.messages.create.return_value = Mock(content=[Mock(text="Hello.")], model="claude-3-opus", usage=usage)
    response, error = ask_opus(client)
    assert error is None
    assert response is not None
    assert (response.message, response.total_tokens, response.completion) == ("Hello.", 8, None)
    client.messages.create.assert_called_once_with(
        model="claude-3-opus",
        messages=[{"role": "user", "content": "Hi"}],
        max_tokens=1024,
        metadata={"user_id": "u1"},
    )
    # Validates against model specs
    for spec, complaint in (
        ({"temperature": 1.5}, "claude-3-opus takes temperature 0 to 1, not 1.5."),
        ({"reasoning": ReasoningConfig("high")}, "claude-3-opus does not reason."),
    ):
        response, error = ask_opus(client, **spec)
        assert response is None
        assert str(error).startswith(complaint)
    client.messages.create.side_effect = RuntimeError("no such key: sk-ant-api03-abcdefghijklmnopqrst")
    response, error = ask_opus(client)
    assert (response, error) == (None, "the call failed: RuntimeError: no such key: [redacted]")
    assert isinstance(error, llmlab.CallError)
    assert type(error.exception) is APICallError


@pytest.mark.usefixtures("registries")
def test_factories() -> None:
    assert "openai" in SUPPORTED_PROVIDERS
    assert "acme" not in SUPPORTED_PROVIDERS
    with pytest.raises(UnsupportedProviderError, match="no provider named 'acme'"):
        ProviderFactory.create("acme")
    with pytest.raises(TransformationError, match=r"register_transformer\('acme', Class\)"):
        TransformerFactory.create("acme")
    ProviderFactory.register_provider("acme", AnthropicProvider)
    TransformerFactory.register_transformer("acme", AnthropicTransformer)
    assert "acme" in SUPPORTED_PROVIDERS
    assert list(SUPPORTED_PROVIDERS)[-1] == "acme"
    assert "acme" in repr(SUPPORTED_PROVIDERS)
    client = Mock()
    assert isinstance(ProviderFactory.create("acme", client), AnthropicProvider)
    assert ProviderFactory.create("acme", client).client is client
    assert isinstance(TransformerFactory.create("acme"), AnthropicTransformer)
    # Loads model specs automatically
    spec = TransformerFactory.create("openai", "gpt-4").model_spec
    assert spec is not None
    assert spec.model_name == "gpt-4"
    for wrong in (lambda: ProviderFactory.register_provider("x", Mock), lambda: ProviderFactory.create("opneai")):
        with pytest.raises(LLMServiceError, match=r"not a subclass of BaseProvider|Did you mean 'openai'"):
            wrong()
    with pytest.raises(llmlab.ConfigurationError, match="must be a text"):
        TransformerFactory.register_transformer("", AnthropicTransformer)


@pytest.mark.usefixtures("registries")
def test_a_transformer_of_ones_own_writes_what_is_sent(openai_client: Mock) -> None:
    class Tagged(ConfigTransformer):
        def transform(self, request: LLMCallRequest) -> dict[str, Any]:
            return {"model": "gpt-4", "input": str(request.llm.prompt).upper(), "metadata": {"team": "a"}}

    TransformerFactory.register_transformer("openai", Tagged)
    response, _ = execute_llm_call(basic_request(), openai_client)
    assert response is not None
    openai_client.responses.create.assert_called_once_with(
        model="gpt-4", input="EXPLAIN QUANTUM COMPUTING", metadata={"team": "a"}
    )

    class Broken(ConfigTransformer):
        def transform(self, request: LLMCallRequest) -> dict[str, Any]:
            raise KeyError("model")

    TransformerFactory.register_transformer("openai", Broken)
    response, error = execute_llm_call(basic_request(), openai_client)
    assert (response, error) == (None, "Broken failed: KeyError: 'model'")
    with pytest.raises(TransformationError):
        BaseProvider(openai_client).build_params(basic_request())


def test_the_fields_of_a_request_need_neither_key_nor_client() -> None:
    """What a person debugs with."""
    for name, path in (("openai", "input"), ("anthropic", "messages"), ("ollama", "messages")):
        request = LLMCallRequest(LLMConfig("Hi", LLMModelSpec(llmlab.MODELS[name], name)))
        params = BaseProvider().build_params(request)
        assert (params["model"], bool(params[path])) == (llmlab.MODELS[name], True)
        assert params == TransformerFactory.create(name).transform(request)
    with llmlab.get_provider("openai", client=Mock(), api="chat") as llm:
        assert BaseProvider(llm).build_params(LLMCallRequest(LLMConfig("Hi")))["messages"]


@pytest.mark.usefixtures("registries")
def test_specs() -> None:
    registry = ModelSpecRegistry()
    assert registry is ModelSpecRegistry()
    (spec,) = create_anthropic_specs()
    registry.register(spec)
    assert registry.get_spec("claude-3-opus") == registry.get_spec("claude-3-opus", "anthropic")
    assert registry.get_spec("nobody-1") is None
    assert "gpt-4" in [one.model_name for one in registry.list_specs("openai")]
    known = registry.get_spec("o1", "openai")
    assert known is not None
    assert known.capabilities.supports_reasoning is True
    before = llmlab.find_spec("o1", "openai")
    registry.register(known)
    assert llmlab.find_spec("o1", "openai") == before
    # Use `model_spec.validate_config()` for debugging
    for model_spec in (spec, known):
        model_spec.validate_config()
        model_spec.validate_config(LLMModelSpec())
    with pytest.raises(ValidationError, match=r"o1 takes reasoning.effort low, medium or high, not 'none'"):
        registry.validate_config(LLMModelSpec("o1", "openai", reasoning=ReasoningConfig("none")))
    registry.validate_config(LLMModelSpec("nobody-1"))
    with pytest.raises(llmlab.ConfigurationError, match="parameters"):
        ModelSpec("m", "acme", parameters=["temperature"]).validate_config()  # type: ignore[list-item]
    with pytest.raises(llmlab.ConfigurationError, match="above its max_value: 2 to 1"):
        ParameterSpec(name="temperature", type="float", min_value=2, max_value=1)


def test_constants(openai_client: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults are those of OpenAI, so nothing is sent; other ones are."""
    assert (constants.DEFAULT_TEMPERATURE, constants.DEFAULT_TOP_P, constants.DEFAULT_MAX_RESULTS) == (1.0, 1.0, 20)
    request = LLMCallRequest(LLMConfig("Hi", LLMModelSpec("gpt-4", "openai"), vector_store_id="vs_1"))
    execute_llm_call(request, openai_client)
    sent = openai_client.responses.create.call_args.kwargs
    assert {"temperature", "top_p"} & {*sent} == set()
    assert "max_num_results" not in sent["tools"][0]
    for name, value in (("DEFAULT_TEMPERATURE", 0.2), ("DEFAULT_TOP_P", 0.9), ("DEFAULT_MAX_RESULTS", 5)):
        monkeypatch.setattr(constants, name, value)
    execute_llm_call(request, openai_client)
    sent = openai_client.responses.create.call_args.kwargs
    assert (sent["temperature"], sent["top_p"], sent["tools"][0]["max_num_results"]) == (0.2, 0.9, 5)
    execute_llm_call(basic_request(), openai_client)
    assert openai_client.responses.create.call_args.kwargs["temperature"] == 0.7


def test_errors() -> None:
    """An error of llmlab is caught by the document's name for it, and the other way round."""
    tree = {ProviderError: LLMServiceError, APICallError: ProviderError, UnsupportedProviderError: ProviderError}
    tree |= {ValidationError: LLMServiceError, TransformationError: LLMServiceError, LLMAPIError: APICallError}
    assert all(issubclass(kind, above) for kind, above in tree.items())
    assert (LLMServiceError, ValidationError) == (LLMError, LLMInvalidRequestError)
    response, error = execute_llm_call(LLMCallRequest(LLMConfig("Hi", LLMModelSpec(provider="opneai"))))
    assert (response, type(error.exception)) == (None, UnsupportedProviderError)  # type: ignore[union-attr]
    assert json.loads(json.dumps({"error": error}))["error"].startswith("there is no provider named 'opneai'.")


@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        (LLMModelSpec, {"temprature": 1}, "LLMModelSpec has no 'temprature'; did you mean 'temperature'?"),
        (LLMConfig, {"prompt": "Hi", "vector_store": "vs"}, "did you mean 'vector_store_id'?"),
        (LLMCallRequest, {"llm": None, "xyz": 1}, "LLMCallRequest has no 'xyz'; it has llm, max_num_results"),
        (ModelCapabilities, {"supports_visions": True}, "did you mean 'supports_vision'?"),
    ],
)
def test_a_misspelled_argument_is_refused(kind: Any, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError) as caught:
        kind(**options)
    assert complaint in str(caught.value)
