"""One request on its way through the simulator, and what every wire format needs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.lab.simulator.errors import no_json, request_id, unknown_model
from llmlab.lab.simulator.json_access import as_number
from llmlab.lab.simulator.models import Model, find
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.state import State
from llmlab.lab.simulator.timing import Pace, pace_of
from llmlab.lab.wire.messages import Event, Framing, TapeAnswer


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, sorted out.

    Args:
        service: who is asked, one of the services in `models.MODELS`.
        method: GET, POST or DELETE.
        path: the path in the service's own form, without a query.
        headers: names in lower case.
        json: the parsed body; it may be anything.
        seed: where ids and times come from.
        state: what the service remembers.
        send: asks the same service something else, as a batch does.
        query: the fields behind the question mark.
        names: the ids in the path.
    """

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    seed: Seed
    state: State
    send: Callable[[str, Any], TapeAnswer]
    query: Mapping[str, str]
    names: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refused: 400 for anything else.
        """
        if not isinstance(self.json, dict):
            raise no_json(self.service)
        return self.json

    def model(self) -> Model:
        """Find the model that the request names.

        Raises:
            Refused: the service has no such model.
        """
        return self.named_model(self.body.get("model"))

    def named_model(self, name: object) -> Model:
        """Find a model by its name.

        Raises:
            Refused: the service has no such model.
        """
        model = find(self.service, name, self.state.models(self.service))
        if model is None:
            raise unknown_model(self.service, self.path, name)
        return model

    def variant(self, temperature: object, seed: object) -> int:
        """Tell which of several possible answers is given.

        Without a temperature it is the first one. With a temperature, the request decides; or, where there is one,
        the `seed` in it alone, so that the same seed gives the same answer.
        """
        if temperature is not None and not as_number(temperature):
            return 0
        if seed is not None:
            return Seed.of(seed).number("variant", 1000)
        return self.seed.number("variant", 1000) if temperature is not None else 0

    def lines(self, values: Sequence[Any], content_type: str) -> TapeAnswer:
        """Answer with a JSON document a line."""
        headers = {"content-type": content_type, **self._headers(0.1, 0)}
        events = tuple((0.1, one) for one in values)
        return TapeAnswer(200, headers, events=events, framing="ndjson", source="simulated")

    def text(self, text: str, content_type: str) -> TapeAnswer:
        """Answer with a text, such as the content of a file."""
        headers = {"content-type": content_type, **self._headers(0.1, 0)}
        return TapeAnswer(200, headers, text, framing="text", seconds=0.1, source="simulated")

    def plain(self, body: Any, seconds: float = 0.02, *, status: int = 200, tokens: int = 0) -> TapeAnswer:
        """Answer with one JSON document; with no body at all for None.

        Args:
            body: the document.
            seconds: how long it took.
            status: HTTP status.
            tokens: input tokens, for the rate limit headers.
        """
        headers = {"content-type": "application/json", **self._headers(seconds, tokens)}
        return TapeAnswer(status, headers, body, seconds=seconds, source="simulated")

    def stream(self, events: Sequence[tuple[float, Event]], framing: Framing, tokens: int = 0) -> TapeAnswer:
        """Answer with a stream of events, each with its second."""
        kind = "application/x-ndjson" if framing == "ndjson" else "text/event-stream"
        if self.service in ("openai", "anthropic"):
            kind += "; charset=utf-8"
        headers = {"content-type": kind, **self._headers(events[0][0] if events else 0.0, tokens)}
        if self.service in ("anthropic", "openrouter"):
            headers["cache-control"] = "no-cache"
        return TapeAnswer(200, headers, events=tuple(events), framing=framing, source="simulated")

    def pace(self, model: Model, thinking: int = 0) -> Pace:
        """Tell how fast this model answers this request, after that many tokens of reasoning that are not shown."""
        pace = pace_of(model.id, self.seed)
        return Pace(round(pace.first + thinking / pace.rate, 3), pace.rate, pace.seed)

    def _headers(self, seconds: float, tokens: int) -> dict[str, str]:
        if self.service == "openai":
            found = {
                "openai-processing-ms": str(round(seconds * 1000)),
                "openai-version": "2020-10-01",
                "x-request-id": request_id("openai", self.seed),
            }
            return found | (_openai_limits(tokens) if tokens else {})
        if self.service == "anthropic":
            return {"request-id": request_id("anthropic", self.seed)} | (
                self._anthropic_limits(tokens) if tokens else {}
            )
        if self.service == "openrouter" and tokens:
            return {"x-generation-id": self.generation_id}
        return {}

    @property
    def generation_id(self) -> str:
        """OpenRouter's id of an answer."""
        return f"gen-{self.seed.created}-{self.seed.letters('generation', 20)}"

    def _anthropic_limits(self, tokens: int) -> dict[str, str]:
        limits = (("requests", 4_000, 1), ("tokens", 2_400_000, tokens), ("input-tokens", 2_000_000, tokens))
        found = {}
        for name, limit, used in (*limits, ("output-tokens", 400_000, 0)):
            found[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            # The service rounds what is left to thousands.
            left = limit - used if name == "requests" else (limit - used + 500) // 1000 * 1000
            found[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, left))
            found[f"anthropic-ratelimit-{name}-reset"] = self.seed.timestamp()
        return found


def _openai_limits(tokens: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-remaining-tokens": str(max(0, 2_000_000 - tokens)),
        "x-ratelimit-reset-requests": "12ms",
        "x-ratelimit-reset-tokens": f"{round(tokens * 0.03)}ms" if tokens > 33 else "0s",
    }
