"""Do the services still answer in the shape that was recorded? Asks every recorded request again, live.

It looks at shapes (see `shape.py`), at models that are gone, and at failures that were expected and do not come any
more. Ids that a service made up, of a file or an answer, are put into the later requests of a file in the place of
the recorded ones. Left alone is what would delete something of the reader's, and what was not recorded in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx2

from llmlab.config.environment import find_key
from llmlab.lab.tape.cassette import Recorded
from llmlab.lab.tape.environment import KEY_OF
from llmlab.lab.tape.json_shape import differences, places
from llmlab.lab.tape.request_parser import SERVICES, told_addresses
from llmlab.lab.wire.bodies import parse_answer
from llmlab.lab.wire.messages import TapeAnswer

Kind = Literal["same", "shape", "retired", "fails", "no longer fails", "not asked"]
DRIFT = ("shape", "retired", "fails", "no longer fails")
"""The kinds of findings that are drift."""

_WRONG_KEY = "wrong-on-purpose"
_USUAL = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "openrouter": "https://openrouter.ai",
    "ollama": "http://localhost:11434",
    "local_gpt_oss": "http://localhost:8080",
}
# Of these it cannot be said whether the request still works: no right, too much asked, or a bad hour.
_NO_VERDICT = {401, 402, 403, 408, 409, 429, *range(500, 600)}
_GONE = re.compile(
    r"model_not_found|not_found_error|no longer (?:available|supported)|has been (?:retired|deprecated|shut down)"
    r"|model\b.{0,80}\b(?:not found|does not exist|not available|retired|deprecated)|no endpoints found",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one recorded request.

    Args:
        recorded: the exchange.
        kind: same; shape: it differs; retired: the model is gone; fails: for another reason; no longer fails: and was
            recorded as a failure; not asked.
        details: what differs, or why it was not asked.
    """

    recorded: Recorded
    kind: Kind
    details: tuple[str, ...] = ()


class Asker:
    """Asks the recorded requests of one file again, one after the other. A context manager.

    Args:
        simulator: address of a `python3 -m llmlab simulate` to ask in the place of all services.
        timeout: seconds to wait for the next sign of life.
    """

    def __init__(self, simulator: str = "", timeout: float = 120.0) -> None:
        self._simulator = simulator.rstrip("/")
        self._told = told_addresses()
        self._ids: dict[str, str] = {}
        self._made: set[str] = set()
        self._client = httpx2.Client(timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def ask_all(self, exchanges: Iterable[Recorded]) -> Iterator[Finding]:
        """Ask again, in order."""
        return map(self.ask, exchanges)

    def ask(self, item: Recorded) -> Finding:
        """Ask one request again, and judge the answer."""
        path, body = self._with_new_ids(item.request.path), self._with_new_ids(item.request.body)
        address = self._address(item.request.alias)
        if reason := self._reason_not_to(item, path, address):
            return Finding(item, "not asked", (reason,))
        try:
            response = self._client.request(
                item.request.method, address + path, headers=self._headers(item), **_content(body)
            )
        except httpx2.HTTPError as error:
            return Finding(item, "not asked", (f"{item.request.alias} is not reachable: {type(error).__name__}",))
        headers = {name.lower(): value for name, value in response.headers.items()}
        now = parse_answer(response.status_code, headers, [(0.0, response.content)], 0.0)
        self._learn_ids(item.answer, now)
        if item.request.method == "POST" and isinstance(now.body, dict):
            self._made.add(str(now.body.get("id", "")))
        return judge(item, now)

    def _reason_not_to(self, item: Recorded, path: str, address: str) -> str:
        alias = item.request.alias
        if not address:
            return f"{alias} is no service that the simulator knows"
        if item.request.method == "DELETE" and self._made.isdisjoint(path.split("/")):
            return "it would delete something that this run has not made"
        if _unrecorded(item.request.body):
            return "the file that was sent is not in the recording"
        if item.answer.status in _NO_VERDICT - {401}:
            return f"a recorded {item.answer.status} cannot be brought about"
        if alias in KEY_OF and not self._simulator and find_key(KEY_OF[alias]) is None:
            return f"{KEY_OF[alias]} is not set"
        return ""

    def _address(self, alias: str) -> str:
        if self._simulator:
            return f"{self._simulator}/{'local' if alias == 'local_gpt_oss' else alias}" if alias in SERVICES else ""
        if alias in _USUAL:
            return self._told.get(alias) or _USUAL[alias]
        host = alias.partition(":")[0]
        return f"{'http' if host in ('localhost', '127.0.0.1') else 'https'}://{alias}"

    def _headers(self, item: Recorded) -> dict[str, str]:
        alias = item.request.alias
        if alias not in KEY_OF:
            return {}
        found = find_key(KEY_OF[alias])
        key = found.reveal() if found and not self._simulator else "simulated-key"
        if item.answer.status == 401:
            key = _WRONG_KEY  # it was asked with a wrong key, which no recording holds
        if alias == "anthropic":
            return {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return {"authorization": f"Bearer {key}"}

    def _learn_ids(self, recorded: TapeAnswer, now: TapeAnswer) -> None:
        fresh: dict[tuple[str, ...], list[str]] = {}
        for place, value in _ids(now):
            fresh.setdefault(place, []).append(value)
        for place, value in _ids(recorded):
            if row := fresh.get(place):
                self._ids.setdefault(value, row.pop(0) if len(row) > 1 else row[0])

    def _with_new_ids(self, value: Any) -> Any:
        if isinstance(value, str):
            if value in self._ids:
                return self._ids[value]
            return "/".join(self._ids.get(part, part) for part in value.split("/")) if value[:1] == "/" else value
        if isinstance(value, dict):
            return {name: self._with_new_ids(item) for name, item in value.items()}
        return [self._with_new_ids(item) for item in value] if isinstance(value, list) else value


def judge(item: Recorded, now: TapeAnswer) -> Finding:
    """Say what has become of a recorded exchange.

    Args:
        item: the exchange.
        now: today's answer.
    """
    was, status = item.answer, now.status
    if status != was.status and status in _NO_VERDICT:
        return Finding(item, "not asked", (f"{item.request.alias} answers {status} today",))
    if was.status >= 400 > status:
        return Finding(item, "no longer fails", (f"recorded {was.status}, now {status}",))
    if status >= 400 > was.status:
        message = _message(now)
        kind: Kind = "retired" if status in (404, 410) or _GONE.search(message) else "fails"
        return Finding(item, kind, (f"recorded {was.status}, now {status}: {message[:200]}",))
    found = differences(was, now)
    return Finding(item, "shape" if found else "same", tuple(found))


def model_of(item: Recorded) -> str:
    """Return the model that an exchange asks for, or nothing."""
    body = item.request.body
    model = body.get("model") if isinstance(body, dict) else ""
    return model if isinstance(model, str) else ""


def _message(answer: TapeAnswer) -> str:
    body = answer.body
    error = body.get("error", body) if isinstance(body, dict) else body
    parts = [error.get(name) for name in ("code", "type", "message")] if isinstance(error, dict) else [error]
    return " ".join(str(part) for part in parts if part)


def _ids(answer: TapeAnswer) -> Iterator[tuple[tuple[str, ...], str]]:
    for place, value in places(answer):
        if isinstance(value, str) and (place[-1] == "id" or place[-1].endswith("_id")) and len(value) > 7:
            yield place, value


def _content(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, Mapping) and isinstance(body.get("multipart"), list):
        return {"files": [_part(part) for part in body["multipart"]]}
    return {"content": body} if isinstance(body, str) else {"json": body}


def _part(part: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    name, value = str(part.get("name", "")), str(part.get("value", ""))
    return name, (part.get("filename"), value)


def _unrecorded(body: Any) -> bool:
    parts = body.get("multipart", [body]) if isinstance(body, dict) else []
    return any(isinstance(part, dict) and {"bytes", "sha256"} <= part.keys() for part in parts)
