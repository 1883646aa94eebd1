"""One request on its way through the simulator, and what every wire format needs to answer it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llmlab.lab.simulator.conversation import Compose, Turn
from llmlab.lab.simulator.errors import Refused, refusal, request_id
from llmlab.lab.simulator.json_access import as_number, template
from llmlab.lab.simulator.models import MODELS, Model, find
from llmlab.lab.simulator.seed import BASE62, Pace, Seed
from llmlab.lab.wire.messages import Event, Framing, TapeAnswer


@dataclass(slots=True)
class Stored:
    """A stored file, vector store, batch or response.

    Args:
        view: the JSON that the service shows. It is never changed, only replaced: an earlier answer holds it too.
        seed: source of its later ids and times.
        text: the text of a file; None if it is none.
        turns: the conversation of a response.
        requests, results: of a batch.
        polls: how often a client has asked for its state.
    """

    view: dict[str, Any]
    seed: Seed
    text: str | None = None
    turns: tuple[Turn, ...] = ()
    requests: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    polls: int = 0


class State:
    """Everything that a simulator remembers between requests: stored things by kind and id, and Ollama's models."""

    def __init__(self) -> None:
        self.things: defaultdict[str, dict[str, Stored]] = defaultdict(dict)
        self.installed = {model.id: model for model in MODELS["ollama"]}
        self.loaded = {MODELS["ollama"][0].id}
        self._ids: Counter[str] = Counter()

    def new_id(self, seed: Seed, prefix: str, length: int, alphabet: str = BASE62) -> str:
        """Draw an id for a stored thing. The same request again creates another thing with another id."""
        first = prefix + seed.letters(prefix, length, alphabet)
        again = self._ids[first]
        self._ids[first] += 1
        return prefix + seed.letters(f"{prefix}{again}", length, alphabet) if again else first


@dataclass(frozen=True, slots=True)
class Context:
    """A request, sorted out.

    Args:
        service: the service, one of `models.MODELS`.
        method: GET, POST or DELETE.
        path: the path in the service's own form, without a query.
        query: the fields of the query.
        headers: names in lower case.
        json: the parsed body; it may be anything.
        seed: source of ids and times.
        state: what the simulator remembers.
        compose: the responder.
        send: sends a request to the same service, as a batch does: path and body.
        ids: the ids in the path.
    """

    service: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any
    seed: Seed
    state: State
    compose: Compose
    send: Callable[[str, Any], TapeAnswer]
    ids: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The body as a JSON object."""
        if not isinstance(self.json, dict):
            raise refusal("json", self.service, self.path)
        return self.json

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that the service has now. Those of Ollama can be pulled and deleted."""
        return tuple(self.state.installed.values()) if self.service == "ollama" else MODELS[self.service]

    def model(self, name: object) -> Model:
        """Find a model by its name."""
        if model := find(self.service, name, self.models):
            return model
        raise refusal("model", self.service, self.path, name=name if isinstance(name, str) else str(name)[:80])

    def named_model(self) -> Model:
        """Find the model that a request to Ollama's own API names."""
        name = self.body.get("model") or self.body.get("name")
        if not name:
            raise Refused(400, "model is required")
        return self.model(name)

    def check_length(self, tokens: int, model: Model) -> None:
        """Refuse a request with more tokens than the model can read."""
        if tokens > model.context:
            raise refusal("length", self.service, self.path, tokens=tokens, most=model.context)

    def variant(self, options: Mapping[str, Any]) -> int:
        """Choose one of several possible answers: by `seed` if there is one, else by the whole request.

        Without a temperature, or with 0, it is the first answer.
        """
        temperature, seed = options.get("temperature"), options.get("seed")
        if temperature is not None and not as_number(temperature):
            return 0
        if seed is not None:
            return Seed.of(seed).number("variant", 1000)
        return self.seed.number("variant", 1000) if temperature is not None else 0

    def pace(self, model: Model, hidden: int = 0) -> Pace:
        """Return the model's speed, varied by up to a fifth, after that many tokens of reasoning that are not shown."""
        draw = self.seed.random("pace")
        first, rate = round(model.first * draw.uniform(0.8, 1.2), 3), model.rate * draw.uniform(0.9, 1.1)
        return Pace(round(first + hidden / rate, 3), rate, self.seed)

    def deliver(
        self,
        whole: dict[str, Any],
        events: Iterable[Event],
        pace: Pace,
        written: int,
        *,
        read: int,
        framing: Framing = "sse",
        opening: Sequence[Event] = (),
        end: Sequence[Event] = (),
        sizes: Callable[[Event], int] = lambda event: 1,
    ) -> TapeAnswer:
        """Answer whole, or with a stream if the request asks for one.

        Args:
            whole: the whole answer.
            events: the same answer in pieces; they are asked for only if they are needed.
            pace: speed of the model.
            written: tokens of the answer that a reader sees.
            read: tokens of the request.
            framing: of the stream.
            opening, end: events before the first token, and after the last one.
            sizes: counts the tokens of an event.
        """
        if self.body.get("stream") is not True:
            return self.plain(whole, pace.after(written), tokens=read)
        pieces = list(events)
        timed = list(zip(pace.times(list(map(sizes, pieces))), pieces, strict=True))
        before, last = round(pace.first * 0.4, 3), timed[-1][0]
        return self.stream([*((before, one) for one in opening), *timed, *((last, one) for one in end)], framing, read)

    def plain(self, body: Any, seconds: float = 0.1, *, status: int = 200, tokens: int = 0) -> TapeAnswer:
        """Answer with one JSON document, or with no body for None; `tokens` of the request go into the headers."""
        headers = {"content-type": "application/json", **self._headers(seconds, tokens)}
        return TapeAnswer(status, headers, body, seconds=seconds, source="simulated")

    def stream(self, events: Sequence[tuple[float, Event]], framing: Framing, tokens: int = 0) -> TapeAnswer:
        """Answer with a stream of events, each with its second."""
        kind = "application/x-ndjson" if framing == "ndjson" else "text/event-stream"
        if self.service in ("openai", "anthropic"):
            kind += "; charset=utf-8"
        headers = {"content-type": kind, **self._headers(events[0][0], tokens)}
        if self.service in ("anthropic", "openrouter"):
            headers["cache-control"] = "no-cache"
        return TapeAnswer(200, headers, events=tuple(events), framing=framing, source="simulated")

    def file(self, content: str | Sequence[Any], content_type: str) -> TapeAnswer:
        """Answer with the content of a file: a text, or JSON documents, a line each."""
        headers = {"content-type": content_type, **self._headers(0.1, 0)}
        if isinstance(content, str):
            return TapeAnswer(200, headers, content, framing="text", seconds=0.1, source="simulated")
        events = tuple((0.1, line) for line in content)
        return TapeAnswer(200, headers, events=events, framing="ndjson", source="simulated")

    @property
    def generation_id(self) -> str:
        """OpenRouter's id of an answer."""
        return f"gen-{self.seed.created}-{self.seed.letters('generation', 20)}"

    def _headers(self, seconds: float, tokens: int) -> dict[str, str]:
        if self.service == "openai":
            ours = {"openai-processing-ms": str(round(seconds * 1000)), "openai-version": "2020-10-01"}
            limits = _openai_limits(tokens) if tokens else {}
            return {**ours, "x-request-id": request_id("openai", self.seed), **limits}
        if self.service == "anthropic":
            limits = _anthropic_limits(tokens, self.seed.timestamp()) if tokens else {}
            return {"request-id": request_id("anthropic", self.seed), **limits}
        return {"x-generation-id": self.generation_id} if self.service == "openrouter" and tokens else {}


def _openai_limits(tokens: int) -> dict[str, str]:
    reset, left = f"{round(tokens * 0.03)}ms" if tokens > 33 else "0s", str(max(0, 2_000_000 - tokens))
    limits = template("openai limits")
    return limits | {"x-ratelimit-remaining-tokens": left, "x-ratelimit-reset-tokens": reset}


def _anthropic_limits(tokens: int, reset: str) -> dict[str, str]:
    limits = template("anthropic limits")
    for name in ("tokens", "input-tokens"):
        # The service rounds the remaining tokens to thousands.
        left = (int(limits[f"anthropic-ratelimit-{name}-limit"]) - tokens + 500) // 1000 * 1000
        limits[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, left))
    return {name: value or reset for name, value in limits.items()}


Handler: TypeAlias = Callable[[Context], TapeAnswer | dict[str, Any] | None]
"""Answers a request, or returns the JSON of a plain answer; None is an answer without a body."""

Routes: TypeAlias = Mapping[str, Mapping[str, Handler]]
"""Functions by path and method. In a path `{}` stands for an id, and `{*}` for a name that may hold slashes."""
