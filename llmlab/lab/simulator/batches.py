"""OpenAI's Batch API and Anthropic's Message Batches.

Time passes when a client asks: a batch starts at the first look and has ended at the second. The answers are those of
single calls, in the order in which they were finished: code that trusts the order of the lines fails here as it does
at the service.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from llmlab.lab.simulator.context import Context, Routes, Stored
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.fields import NEEDED, Field, check, metadata
from llmlab.lab.simulator.json_access import as_dict, as_str, parse, template
from llmlab.lab.simulator.seed import HEX, Seed
from llmlab.lab.simulator.stored import FILE, Kind, find, inside, listing, message_page, put, store_file
from llmlab.lab.wire.messages import TapeAnswer

_ENDPOINTS = ("/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions")
_FIELDS = {"input_file_id": NEEDED, "endpoint": Field(words=_ENDPOINTS, required=True), "completion_window": NEEDED}
_BATCH = Kind("batch", "No batch found with id '{0}'.", "batch_id")
_MESSAGES = Kind("message_batch", "Batch not found: {0}")
_DAY = 24 * 3600
_LINE_FIELDS = {"custom_id": str, "method": str, "url": str, "body": dict}
_RESULTS_URL = "https://api.anthropic.com/v1/messages/batches/{}/results"
_NO_RESULTS = "has no available results. Results are available once it has ended."


def _create(context: Context) -> TapeAnswer:
    body, created = context.body, context.seed.created
    check(body, _FIELDS)
    source = find(context, FILE, body["input_file_id"], "input_file_id")
    if source.view["purpose"] != "batch":
        raise Refused(400, f"File '{source.view['id']}' must have purpose 'batch'.", param="input_file_id")
    requests, problems = _read_lines(source.text or "", body["endpoint"])
    view = template(
        "batch",
        id=context.state.new_id(context.seed, "batch_", 32, HEX),
        endpoint=body["endpoint"],
        input_file_id=source.view["id"],
        created_at=created,
        expires_at=created + _DAY,
        metadata=metadata(body),
    )
    batch = Stored(view, context.seed, requests=requests, results=problems)
    return context.plain(put(context, _BATCH, view["id"], batch), 0.4)


def _read_lines(text: str, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the requests of a batch file, and what is wrong with its lines."""
    requests: dict[str, dict[str, Any]] = {}
    problems: list[dict[str, Any]] = []

    def refuse(line: int | None, code: str, message: str, param: str | None = None) -> None:
        problems.append({"code": code, "line": line, "message": message, "param": param})

    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            request = as_dict(parse(line))
        except ValueError:
            refuse(number, "invalid_json_line", "This line is not parseable as valid JSON.")
            continue
        absent = next((name for name, kind in _LINE_FIELDS.items() if not isinstance(request.get(name), kind)), None)
        if absent:
            refuse(number, "missing_required_parameter", f"Missing required parameter: '{absent}'.", absent)
        elif request["url"] != endpoint:
            refuse(number, "url_mismatch", "The URL of this request does not match the batch endpoint.", "url")
        elif (custom_id := request["custom_id"]) in requests:
            message = f"The custom_id '{custom_id}' for this request is a duplicate of another request."
            refuse(number, "duplicate_custom_id", message, "custom_id")
        else:
            requests[custom_id] = request
    if not lines:
        refuse(None, "empty_file", "The batch input file is empty.")
    if len({as_str(request["body"].get("model")) for request in requests.values()}) > 1:
        refuse(None, "model_mismatch", "All requests of a batch must name the same model.", "body.model")
    return list(requests.values()), problems


def _retrieve(context: Context) -> dict[str, Any]:
    """Show a batch, and let time pass."""
    batch = find(context, _BATCH)
    status = batch.view["status"]
    if status == "cancelling":
        _enter(batch, "cancelled", 5)
    elif status == "validating" and batch.results:
        _enter(batch, "failed", 1, errors={"object": "list", "data": batch.results})
    elif status == "validating":
        counts = {"total": len(batch.requests), "completed": 0, "failed": 0}
        _enter(batch, "in_progress", 1, request_counts=counts)
    elif status == "in_progress":
        _finish(context, batch)
    return batch.view


def _cancel(context: Context) -> dict[str, Any]:
    batch = find(context, _BATCH)
    if batch.view["status"] not in ("validating", "in_progress", "cancelling"):
        raise Refused(409, f"Cannot cancel a batch with status '{batch.view['status']}'.")
    _enter(batch, "cancelling", 2)
    return batch.view


def _enter(batch: Stored, status: str, seconds: int, **more: Any) -> None:
    batch.view = {**batch.view, "status": status, f"{status}_at": batch.view["created_at"] + seconds, **more}


def _finish(context: Context, batch: Stored) -> None:
    view, files = batch.view, {}
    lines: dict[str, list[dict[str, Any]]] = {"output": [], "error": []}
    for answer, custom_id in _answers(context, view["endpoint"], "body", batch):
        seed = Seed.of([view["id"], custom_id])
        request_id = "req_" + seed.letters("request", 32, HEX)
        response = {"status_code": answer.status, "request_id": request_id, "body": answer.body}
        line = {"id": "batch_req_" + seed.letters("line", 32, HEX), "custom_id": custom_id, "response": response}
        lines["output" if answer.status == 200 else "error"].append(line | {"error": None})
    for kind, results in lines.items():
        if results:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in results)
            name, size = f"{view['id']}_{kind}.jsonl", len(text.encode())
            files[f"{kind}_file_id"] = store_file(context, batch.seed, name, "batch_output", text, size)["id"]
    counts = {"total": len(batch.requests), "completed": len(lines["output"]), "failed": len(lines["error"])}
    _enter(batch, "finalizing", 60)
    _enter(batch, "completed", 62, request_counts=counts, **files)


def _answers(context: Context, endpoint: str, holder: str, batch: Stored) -> list[tuple[TapeAnswer, str]]:
    """Send every request of a batch, and return the answers with their ids, the fastest first."""
    requests = ((one[holder] | {"stream": False}, one["custom_id"]) for one in batch.requests)
    answers = [(context.send(endpoint, body), custom_id) for body, custom_id in requests]
    return sorted(answers, key=lambda pair: pair[0].seconds)


def _create_messages(context: Context) -> TapeAnswer:
    requests, seed = _check_requests(context.body.get("requests")), context.seed
    view = template(
        "message_batch",
        id=context.state.new_id(seed, "msgbatch_01", 22),
        request_counts=template("message_batch counts", processing=len(requests)),
        created_at=_time(seed, 0),
        expires_at=_time(seed, _DAY),
    )
    return context.plain(put(context, _MESSAGES, view["id"], Stored(view, seed, requests=requests)), 0.3)


def _check_requests(requests: object) -> list[dict[str, Any]]:
    if not isinstance(requests, list):
        raise Refused(400, f"requests: {'Field required' if requests is None else 'Input should be a valid list'}")
    if not requests:
        raise Refused(400, "requests: List should have at least 1 item after validation")
    ids = []
    for at, request in enumerate(requests):
        for name, kind in (("custom_id", str), ("params", dict)):
            if not isinstance(as_dict(request).get(name), kind):
                raise Refused(400, f"requests.{at}.{name}: Field required")
        custom_id = request["custom_id"]
        if not 1 <= len(custom_id) <= 64:
            raise Refused(400, f"requests.{at}.custom_id: String should have 1 to 64 characters")
        if custom_id in ids:
            raise Refused(400, f"requests.{at}.custom_id: Custom IDs must be unique: {custom_id}")
        ids.append(custom_id)
    return requests


def _retrieve_messages(context: Context) -> dict[str, Any]:
    """Show a batch, and let time pass."""
    batch = find(context, _MESSAGES)
    batch.polls += 1
    status = batch.view["processing_status"]
    if status != "ended" and (status == "canceling" or batch.polls > 1):
        _end_messages(context, batch, cancelled=status == "canceling")
    return batch.view


def _end_messages(context: Context, batch: Stored, *, cancelled: bool) -> None:
    for answer, custom_id in () if cancelled else _answers(context, "/v1/messages", "params", batch):
        result = {"type": "errored", "error": answer.body}
        if answer.status == 200:
            message = answer.body | {"usage": answer.body["usage"] | {"service_tier": "batch"}}
            result = {"type": "succeeded", "message": message}
        batch.results.append({"custom_id": custom_id, "result": result})
    if cancelled:
        batch.results = [{"custom_id": one["custom_id"], "result": {"type": "canceled"}} for one in batch.requests]
    batch.view = batch.view | {
        "processing_status": "ended",
        "ended_at": _time(batch.seed, 60),
        "request_counts": template("message_batch counts", **Counter(line["result"]["type"] for line in batch.results)),
        "results_url": _RESULTS_URL.format(batch.view["id"]),
    }


def _cancel_messages(context: Context) -> dict[str, Any]:
    batch = find(context, _MESSAGES)
    if batch.view["processing_status"] == "ended":
        raise Refused(400, f"Batch {context.ids[0]} cannot be canceled because it has already ended.")
    batch.view = batch.view | {"processing_status": "canceling", "cancel_initiated_at": _time(batch.seed, 1)}
    return batch.view


def _delete_messages(context: Context) -> dict[str, Any]:
    _ended(context, "cannot be deleted while it is still processing.")
    del context.state.things[_MESSAGES.name][context.ids[0]]
    return {"id": context.ids[0], "type": "message_batch_deleted"}


def _results(context: Context) -> TapeAnswer:
    """Write a result a line."""
    return context.file(_ended(context, _NO_RESULTS).results, "application/x-jsonl")


def _ended(context: Context, problem: str) -> Stored:
    batch = find(context, _MESSAGES)
    if batch.view["processing_status"] != "ended":
        raise Refused(400, f"Batch {context.ids[0]} {problem}")
    return batch


def _time(seed: Seed, seconds: float) -> str:
    return seed.timestamp(seconds, micro=True).replace("Z", "+00:00")


def _list_messages(context: Context) -> dict[str, Any]:
    """List the batches, the newest first."""
    return message_page(context, [one.view for one in reversed(inside(context, _MESSAGES))])


OPENAI: Routes = {
    "/v1/batches": {"POST": _create, "GET": listing(_BATCH)},
    "/v1/batches/{}": {"GET": _retrieve},
    "/v1/batches/{}/cancel": {"POST": _cancel},
}
ANTHROPIC: Routes = {
    "/v1/messages/batches": {"POST": _create_messages, "GET": _list_messages},
    "/v1/messages/batches/{}": {"GET": _retrieve_messages, "DELETE": _delete_messages},
    "/v1/messages/batches/{}/cancel": {"POST": _cancel_messages},
    "/v1/messages/batches/{}/results": {"GET": _results},
}
