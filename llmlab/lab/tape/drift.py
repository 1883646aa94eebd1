"""Whether the services still answer in the shape that was recorded: sends every recorded request again, live.

It compares shapes (see `json_shape.py`), finds models that are gone, and expected failures that do not come any more.
Ids that a service assigns, of a file or an answer, replace the recorded ones in later requests of a file. It never
sends what would delete something of the reader's, or what was not recorded in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import httpx2

from llmlab.config.environment import find_key
from llmlab.lab.tape.cassette import Interaction
from llmlab.lab.tape.environment import KEY_OF
from llmlab.lab.tape.json_shape import differences, places
from llmlab.lab.tape.redaction import redact_output
from llmlab.lab.tape.request_parser import SERVICES, configured_addresses
from llmlab.lab.wire.bodies import parse_answer
from llmlab.lab.wire.messages import TapeAnswer

Kind = Literal["same", "shape", "retired", "fails", "no longer fails", "not asked"]
DRIFT: Final = ("shape", "retired", "fails", "no longer fails")
"""The kinds of findings that are drift."""

_WRONG_KEY: Final = "wrong-on-purpose"
_ADDRESSES: Final = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "openrouter": "https://openrouter.ai",
    "ollama": "http://localhost:11434",
    "local_gpt_oss": "http://localhost:8080",
}
# No permission, too many requests, or a bad hour: they do not tell whether the request still works.
_NO_VERDICT: Final = {401, 402, 403, 408, 409, 429, *range(500, 600)}
_GONE: Final = re.compile(
    r"model_not_found|not_found_error|no longer (?:available|supported)|has been (?:retired|deprecated|shut down)"
    r"|model\b.{0,80}\b(?:not found|does not exist|not available|retired|deprecated)|no endpoints found",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one recorded request.

    Args:
        recorded: the recording.
        kind: same; shape: it differs; retired: the model is gone; fails: for another reason; no longer fails: the
            recorded failure does not come; not asked.
        details: what differs, or why it was not asked.
    """

    recorded: Interaction
    kind: Kind
    details: tuple[str, ...] = ()


class Asker:
    """Sends the recorded requests of one file again, one after the other. A context manager.

    Args:
        simulator: address of a `python3 -m llmlab simulate` to ask in place of all services.
        timeout: seconds to wait for the next bytes.
    """

    def __init__(self, simulator: str = "", timeout: float = 120.0) -> None:
        self._simulator = simulator.rstrip("/")
        self._addresses = _ADDRESSES | configured_addresses()
        self._ids: dict[str, str] = {}
        self._created: set[str] = set()
        self._client = httpx2.Client(timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def ask(self, item: Interaction) -> Finding:
        """Send one request again, and judge the answer."""
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
            self._created.add(str(now.body.get("id", "")))
        return judge(item, now)

    def _reason_not_to(self, item: Interaction, path: str, address: str) -> str:
        alias, body = item.request.alias, item.request.body
        parts = body.get("multipart", [body]) if isinstance(body, dict) else []
        if not address:
            return f"{alias} is no service that the simulator knows"
        if item.request.method == "DELETE" and self._created.isdisjoint(path.split("/")):
            return "it would delete something that this run has not created"
        if any(isinstance(part, dict) and {"bytes", "sha256"} <= part.keys() for part in parts):
            return "the file that was sent is not in the recording"
        if item.answer.status in _NO_VERDICT - {401}:
            return f"a recorded {item.answer.status} cannot be brought about"
        if alias in KEY_OF and not self._simulator and find_key(KEY_OF[alias]) is None:
            return f"{KEY_OF[alias]} is not set"
        return ""

    def _address(self, alias: str) -> str:
        if self._simulator:
            return f"{self._simulator}/{'local' if alias == 'local_gpt_oss' else alias}" if alias in SERVICES else ""
        scheme = "http" if alias.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
        return self._addresses.get(alias, f"{scheme}://{alias}")

    def _headers(self, item: Interaction) -> dict[str, str]:
        alias = item.request.alias
        if alias not in KEY_OF:
            return {}
        found = find_key(KEY_OF[alias])
        key = found.reveal() if found and not self._simulator else "simulated-key"
        if item.answer.status == 401:
            key = _WRONG_KEY  # no recording holds the key with which it was asked
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
            if value[:1] == "/":
                return "/".join(self._ids.get(part, part) for part in value.split("/"))
            return self._ids.get(value, value)
        if isinstance(value, dict):
            return {name: self._with_new_ids(item) for name, item in value.items()}
        return [self._with_new_ids(item) for item in value] if isinstance(value, list) else value


def judge(item: Interaction, now: TapeAnswer) -> Finding:
    """Return the finding for a recording and today's answer."""
    was, status = item.answer.status, now.status
    if status != was and status in _NO_VERDICT:
        return Finding(item, "not asked", (f"{item.request.alias} answers {status} today",))
    if was >= 400 > status:
        return Finding(item, "no longer fails", (f"recorded {was}, now {status}",))
    if status >= 400 > was:
        error = now.body.get("error", now.body) if isinstance(now.body, dict) else now.body
        parts = [error.get(name) for name in ("code", "type", "message")] if isinstance(error, dict) else [error]
        message = redact_output(" ".join(str(part) for part in parts if part))
        kind: Kind = "retired" if status in (404, 410) or _GONE.search(message) else "fails"
        return Finding(item, kind, (f"recorded {was}, now {status}: {message[:200]}",))
    found = differences(item.answer, now)
    return Finding(item, "shape" if found else "same", tuple(found))


def _ids(answer: TapeAnswer) -> Iterator[tuple[tuple[str, ...], str]]:
    for place, value in places(answer):
        if isinstance(value, str) and (place[-1] == "id" or place[-1].endswith("_id")) and len(value) > 7:
            yield place, value


def _content(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, Mapping) and isinstance(body.get("multipart"), list):
        parts = [(part.get("name", ""), (part.get("filename"), part.get("value", ""))) for part in body["multipart"]]
        return {"files": [(str(name), (filename, str(value))) for name, (filename, value) in parts]}
    return {"content": body} if isinstance(body, str) else {"json": body}
