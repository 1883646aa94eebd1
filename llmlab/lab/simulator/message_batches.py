"""Anthropic's Message Batches: many requests in one, and their results as a JSON document a line.

Time goes by asking: a batch is `in_progress` when it is made and when it is first asked for, and has `ended` the
second time. Results stand in the order in which they were done.
"""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict
from llmlab.lab.simulator.paging import message_page
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.state import Batch
from llmlab.lab.wire.messages import TapeAnswer

_MOST = 100_000
_DAY = 24 * 3600
_URL = "https://api.anthropic.com/v1/messages/batches/{}/results"


def create(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/messages/batches`."""
    requests = _checked(ask.body.get("requests"))
    view: dict[str, Any] = {
        "id": ask.state.new_id(ask.seed, "msgbatch_01", 22),
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": _counts(processing=len(requests)),
        "ended_at": None,
        "created_at": _moment(ask.seed, 0),
        "expires_at": _moment(ask.seed, _DAY),
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }
    ask.state.message_batches[view["id"]] = Batch(view, ask.seed, requests)
    return ask.plain(view, 0.3)


def batches(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/messages/batches`, the newest first; a list does not make time go by."""
    return ask.plain(message_page(ask, [batch.view for batch in reversed(ask.state.message_batches.values())]))


def batch(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/messages/batches/{id}`, and let time go by."""
    found = _find(ask)
    found.asked += 1
    if found.view["processing_status"] == "canceling" or found.asked > 1:
        _end(ask, found)
    return ask.plain(found.view)


def cancel(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/messages/batches/{id}/cancel`."""
    found = _find(ask)
    view = found.view
    if view["processing_status"] == "ended":
        raise Refused(400, f"Batch {view['id']} cannot be canceled because it has already ended.")
    found.view = view | {"processing_status": "canceling", "cancel_initiated_at": _moment(found.seed, 1)}
    return ask.plain(found.view)


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/v1/messages/batches/{id}`."""
    view = _find(ask).view
    if view["processing_status"] != "ended":
        raise Refused(400, f"Batch {view['id']} cannot be deleted while it is still processing.")
    del ask.state.message_batches[view["id"]]
    return ask.plain({"id": view["id"], "type": "message_batch_deleted"})


def results(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/messages/batches/{id}/results`, a result a line."""
    found = _find(ask)
    if found.view["processing_status"] != "ended":
        raise Refused(
            400, f"Batch {found.view['id']} has no available results. Results are available once it has ended."
        )
    return ask.lines(found.results, "application/x-jsonl")


def _find(ask: Ask) -> Batch:
    found = ask.state.message_batches.get(ask.names[0])
    if found is None:
        raise Refused(404, f"Batch not found: {ask.names[0]}", "not_found_error")
    return found


def _checked(requests: object) -> list[dict[str, Any]]:
    if requests is None:
        raise Refused(400, "requests: Field required")
    if not isinstance(requests, list):
        raise Refused(400, "requests: Input should be a valid list")
    if not 1 <= len(requests) <= _MOST:
        few = not requests
        raise Refused(
            400, f"requests: List should have at {'least 1' if few else f'most {_MOST}'} item after validation"
        )
    seen: set[str] = set()
    for at, request in enumerate(requests):
        for name, kind in (("custom_id", str), ("params", dict)):
            if not isinstance(as_dict(request).get(name), kind):
                raise Refused(400, f"requests.{at}.{name}: Field required")
        if not 1 <= len(request["custom_id"]) <= 64:
            raise Refused(400, f"requests.{at}.custom_id: String should have 1 to 64 characters")
        if request["custom_id"] in seen:
            raise Refused(400, f"requests.{at}.custom_id: Custom IDs must be unique: {request['custom_id']}")
        seen.add(request["custom_id"])
    return requests


def _end(ask: Ask, batch: Batch) -> None:
    """Work off what is waiting; when the batch was cancelled, nothing of it was begun."""
    if batch.view["processing_status"] == "ended":
        return
    cancelled = batch.view["processing_status"] == "canceling"
    done = []
    for request in batch.requests:
        seconds, result = (0.0, {"type": "canceled"}) if cancelled else _result(ask, request["params"])
        done.append((seconds, {"custom_id": request["custom_id"], "result": result}))
    batch.results += [line for _, line in sorted(done, key=lambda pair: pair[0])]
    kinds = [one["result"]["type"] for one in batch.results]
    batch.view = batch.view | {
        "processing_status": "ended",
        "ended_at": _moment(batch.seed, 60),
        "request_counts": _counts(**{kind: kinds.count(kind) for kind in kinds}),
        "results_url": _URL.format(batch.view["id"]),
    }


def _result(ask: Ask, params: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Answer one request, and say how many seconds it took."""
    answer = ask.send("/v1/messages", {**params, "stream": False})
    if answer.status != 200:
        return answer.seconds, {"type": "errored", "error": answer.body}
    usage = answer.body["usage"] | {"service_tier": "batch"}
    return answer.seconds, {"type": "succeeded", "message": answer.body | {"usage": usage}}


def _counts(**some: int) -> dict[str, int]:
    return dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0) | some


def _moment(seed: Seed, seconds: float) -> str:
    return seed.timestamp(seconds, micro=True).replace("Z", "+00:00")
