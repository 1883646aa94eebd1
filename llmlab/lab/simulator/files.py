"""OpenAI's Files API: upload, list, read and delete.

A file that is text is kept whole; of any other only its name and size are known, so its content cannot be read again.
Left out: expiry and uploads in parts.
"""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.state import File, State
from llmlab.lab.wire.messages import TapeAnswer

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_READABLE = ("batch", "batch_output", "fine-tune", "evals")


def upload(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/files`, whose body is a form."""
    parts = {as_str(part.get("name")): part for part in dicts(as_dict(ask.json).get("multipart"))}
    purpose, given = parts.get("purpose", {}).get("value"), parts.get("file")
    if given is None:
        raise checks.missing("file")
    if not purpose:
        raise checks.missing("purpose")
    if not isinstance(purpose, str) or purpose not in _PURPOSES:
        raise checks.invalid_value("purpose", purpose, _PURPOSES)
    text = given.get("value")
    text = text if isinstance(text, str) else None
    size = as_int(given.get("bytes")) or 0 if text is None else len(text.encode())
    if size == 0:
        raise Refused(400, "File is empty.", param="file")
    name = as_str(given.get("filename")) or "upload"
    return ask.plain(keep(ask.state, ask.seed, name, purpose, text, size), 0.6)


def keep(state: State, seed: Seed, name: str, purpose: str, text: str | None, size: int) -> dict[str, Any]:
    """Keep a file, and give it as the service shows it."""
    view: dict[str, Any] = {
        "object": "file",
        "id": state.new_id(seed, "file-", 22),
        "purpose": purpose,
        "filename": name,
        "bytes": size,
        "created_at": seed.created,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    state.files[view["id"]] = File(view, text)
    return view


def files(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/files`; the query may name a `purpose`."""
    wanted = ask.query.get("purpose")
    views = [file.view for file in ask.state.files.values()]
    return ask.plain(page(ask, [view for view in views if wanted in (None, view["purpose"])], most=10_000))


def file(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/files/{id}`."""
    return ask.plain(find(ask, ask.names[0]).view)


def content(ask: Ask) -> TapeAnswer:
    """Answer GET `/v1/files/{id}/content` with the file as it was uploaded or written."""
    found = find(ask, ask.names[0])
    purpose = found.view["purpose"]
    if purpose not in _READABLE:
        raise Refused(400, f"Not allowed to download files of purpose: {purpose}")
    if found.text is None:
        raise Refused(400, "The simulator keeps the content of text files only.")
    return ask.text(found.text, "application/octet-stream")


def delete(ask: Ask) -> TapeAnswer:
    """Answer DELETE `/v1/files/{id}`; the file leaves the vector stores, too."""
    view = find(ask, ask.names[0]).view
    del ask.state.files[view["id"]]
    for store in ask.state.stores.values():
        store.files.pop(view["id"], None)
    return ask.plain({"object": "file", "deleted": True, "id": view["id"]})


def find(ask: Ask, file_id: object, *, param: str = "id") -> File:
    """Find a file.

    Raises:
        Refused: 404, there is none with this id.
    """
    found = ask.state.files.get(file_id) if isinstance(file_id, str) else None
    if found is None:
        raise Refused(404, f"No such File object: {file_id}", param=param)
    return found
