"""OpenAI's Batch API: a file of requests in, a file of answers out.

Time goes by asking: a batch is `validating` when it is made, `in_progress` when it is first asked for, and
`completed` (or `failed`, or `cancelled`) the second time. The answers are those that the same requests get one by one,
in the order in which they were done: who trusts the order of the lines shall meet that here.
"""

from __future__ import annotations

import json
from typing import Any

from llmlab.lab.simulator import files
from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_str, parse
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.seed import HEX, Seed
from llmlab.lab.simulator.state import Batch
from llmlab.lab.wire.messages import TapeAnswer

_ENDPOINTS = ("/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions")
_MOST = 50_000
_DAY = 24 * 3600
_LATER = ("finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
_LINE_FIELDS = (("custom_id", str), ("method", str), ("url", str), ("body", dict))


def create(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/batches`."""
    body, made = ask.body, ask.seed.created
    for name in ("input_file_id", "endpoint", "completion_window"):
        if not body.get(name):
            raise checks.missing(name)
    if body["endpoint"] not in _ENDPOINTS:
        raise checks.invalid_value("endpoint", body["endpoint"], _ENDPOINTS)
    if body["completion_window"] != "24h":
        raise Refused(
            400, f"Invalid value: '{body['completion_window']}'. Value must be '24h'.", param="completion_window"
        )
    source = files.find(ask, body["input_file_id"], param="input_file_id")
    if source.view["purpose"] != "batch":
        raise Refused(400, f"File '{source.view['id']}' must have purpose 'batch'.", param="input_file_id")
    requests, wrong = _requests(source.text or "", body["endpoint"])
    view = {
        "id": ask.state.new_id(ask.seed, "batch_", 32, HEX),
        "object": "batch",
        "endpoint": body["endpoint"],
        "errors": None,
        "input_file_id": source.view["id"],
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": made,
        "in_progress_at": None,
        "expires_at": made + _DAY,
        **{f"{moment}_at": None for moment in _LATER},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": checks.metadata(body),
    }
    ask.state.batches[view["id"]] = Batch(view, ask.seed, requests, wrong)
    return ask.plain(view, 0.4)


def batches(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/batches`; a list does not make time go by."""
    return ask.plain(page(ask, [batch.view for batch in ask.state.batches.values()]))


def batch(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/batches/{id}`, and let time go by."""
    found = _find(ask)
    _step(ask, found)
    return ask.plain(found.view)


def cancel(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/batches/{id}/cancel`."""
    found = _find(ask)
    if found.view["status"] not in ("validating", "in_progress", "cancelling"):
        raise Refused(409, f"Cannot cancel a batch with status '{found.view['status']}'.")
    _enter(found, "cancelling", 2)
    return ask.plain(found.view)


def _find(ask: Ask) -> Batch:
    found = ask.state.batches.get(ask.names[0])
    if found is None:
        raise Refused(404, f"No batch found with id '{ask.names[0]}'.", param="batch_id")
    return found


def _step(ask: Ask, batch: Batch) -> None:
    status = batch.view["status"]
    if status == "cancelling":
        _enter(batch, "cancelled", 5)
    elif status == "validating" and batch.results:
        _enter(batch, "failed", 1, errors={"object": "list", "data": batch.results})
    elif status == "validating":
        _enter(batch, "in_progress", 1, request_counts={"total": len(batch.requests), "completed": 0, "failed": 0})
    elif status == "in_progress":
        _finish(ask, batch)


def _enter(batch: Batch, status: str, seconds: int, **more: Any) -> None:
    moment = {f"{status}_at": batch.view["created_at"] + seconds}
    batch.view = {**batch.view, "status": status, **moment, **more}


def _finish(ask: Ask, batch: Batch) -> None:
    view, written = batch.view, {}
    done: dict[str, list[dict[str, Any]]] = {"output": [], "error": []}
    answers = [(ask.send(view["endpoint"], {**one["body"], "stream": False}), one) for one in batch.requests]
    for answer, request in sorted(answers, key=lambda pair: pair[0].seconds):
        seed = Seed.of([view["id"], request["custom_id"]])
        response = {
            "status_code": answer.status,
            "request_id": "req_" + seed.letters("request", 32, HEX),
            "body": answer.body,
        }
        line = {"id": "batch_req_" + seed.letters("line", 32, HEX), "custom_id": request["custom_id"]}
        done["output" if answer.status == 200 else "error"].append(line | {"response": response, "error": None})
    for kind, lines in done.items():
        if lines:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            name = f"{view['id']}_{kind}.jsonl"
            file = files.keep(ask.state, batch.seed, name, "batch_output", text, len(text.encode()))
            written[f"{kind}_file_id"] = file["id"]
    counts = {"total": len(batch.requests), "completed": len(done["output"]), "failed": len(done["error"])}
    _enter(batch, "finalizing", 60)
    _enter(batch, "completed", 62, request_counts=counts, **written)


def _requests(text: str, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the lines of a batch, and what is wrong with them."""
    requests: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    seen: set[str] = set()

    def refuse(line: int | None, code: str, message: str, param: str | None = None) -> None:
        wrong.append({"code": code, "line": line, "message": message, "param": param})

    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines[:_MOST], 1):
        try:
            request = as_dict(parse(line))
        except ValueError:
            refuse(number, "invalid_json_line", "This line is not parseable as valid JSON.")
            continue
        lacks = next((name for name, kind in _LINE_FIELDS if not isinstance(request.get(name), kind)), None)
        if lacks:
            refuse(number, "missing_required_parameter", f"Missing required parameter: '{lacks}'.", lacks)
        elif request["url"] != endpoint:
            refuse(number, "url_mismatch", "The URL of this request does not match the batch endpoint.", "url")
        elif request["custom_id"] in seen:
            message = f"The custom_id '{request['custom_id']}' for this request is a duplicate of another request."
            refuse(number, "duplicate_custom_id", message, "custom_id")
        else:
            seen.add(request["custom_id"])
            requests.append(request)
    if not lines:
        refuse(None, "empty_file", "The batch input file is empty.")
    if len({as_str(request["body"].get("model")) for request in requests}) > 1:
        refuse(None, "model_mismatch", "All requests of a batch must name the same model.", "body.model")
    if len(lines) > _MOST:
        refuse(None, "too_many_tasks", f"The batch input file has more than {_MOST} requests.")
    return requests, wrong
