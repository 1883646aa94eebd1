"""OpenAI's Files API. The content of a text file is stored whole; of any other file only its name and size."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.checks import choice, missing
from llmlab.lab.simulator.context import Context, State, Stored
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts
from llmlab.lab.simulator.paging import page
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.wire.messages import TapeAnswer

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_READABLE = ("batch", "batch_output", "fine-tune", "evals")


def upload(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/files`, whose body is a form."""
    parts = {as_str(part.get("name")): part for part in dicts(as_dict(context.json).get("multipart"))}
    part, purpose = parts.get("file"), parts.get("purpose", {}).get("value")
    if part is None or not purpose:
        raise missing("purpose" if part else "file")
    purpose = choice(purpose, "purpose", _PURPOSES, "")
    text = part.get("value") if isinstance(part.get("value"), str) else None
    size = as_int(part.get("bytes")) or 0 if text is None else len(text.encode())
    if size == 0:
        raise Refused(400, "File is empty.", param="file")
    name = as_str(part.get("filename")) or "upload"
    return context.plain(store_file(context.state, context.seed, name, purpose, text, size), 0.6)


def store_file(state: State, seed: Seed, name: str, purpose: str, text: str | None, size: int) -> dict[str, Any]:
    """Store a file, and return it as the service shows it."""
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
    state.files[view["id"]] = Stored(view, seed, text)
    return view


def find_file(context: Context, file_id: object, param: str = "id") -> Stored:
    """Find a file."""
    return context.stored(context.state.files, file_id, "No such File object: {}", param=param)


def list_files(context: Context) -> TapeAnswer:
    """Answer GET `/v1/files`; the query may name a `purpose`."""
    purpose, views = context.query.get("purpose"), [file.view for file in context.state.files.values()]
    return context.plain(page(context, [view for view in views if purpose in (None, view["purpose"])], most=10_000))


def retrieve(context: Context) -> TapeAnswer:
    """Answer GET `/v1/files/{id}`."""
    return context.plain(find_file(context, context.ids[0]).view)


def content(context: Context) -> TapeAnswer:
    """Answer GET `/v1/files/{id}/content`."""
    file = find_file(context, context.ids[0])
    if file.view["purpose"] not in _READABLE:
        raise Refused(400, f"Not allowed to download files of purpose: {file.view['purpose']}")
    if file.text is None:
        raise Refused(400, "The simulator keeps the content of text files only.")
    return context.file(file.text, "application/octet-stream")


def delete(context: Context) -> TapeAnswer:
    """Answer DELETE `/v1/files/{id}`; the file leaves its vector stores too."""
    file_id = find_file(context, context.ids[0]).view["id"]
    del context.state.files[file_id]
    for store in context.state.stores.values():
        store.files.pop(file_id, None)
    return context.plain({"object": "file", "deleted": True, "id": file_id})
