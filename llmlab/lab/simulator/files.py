"""OpenAI's Files API. The content of a text file is stored whole; of any other file only its name and size."""

from __future__ import annotations

from typing import Any, Final

from llmlab.lab.simulator.context import Context, Routes, Stored
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.fields import check, missing, one_of
from llmlab.lab.simulator.json_access import as_dict, as_int, as_str, dicts
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.stored import Kind, deleting, find, listing, put, showing
from llmlab.lab.wire.messages import TapeAnswer

FILE: Final = Kind("file", "No such File object: {0}", "id")
_PURPOSE = {"purpose": one_of("assistants", "batch", "fine-tune", "vision", "user_data", "evals")}
_READABLE = ("batch", "batch_output", "fine-tune", "evals")


def store_file(context: Context, seed: Seed, name: str, purpose: str, text: str | None, size: int) -> dict[str, Any]:
    """Store a file, and return it as the service shows it."""
    view: dict[str, Any] = {
        "object": "file",
        "id": context.state.new_id(seed, "file-", 22),
        "purpose": purpose,
        "filename": name,
        "bytes": size,
        "created_at": seed.created,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    return put(context, FILE, view["id"], Stored(view, seed, text))


def _upload(context: Context) -> TapeAnswer:
    """Store the file of a form."""
    parts = {as_str(part.get("name")): part for part in dicts(as_dict(context.json).get("multipart"))}
    part, purpose = parts.get("file"), parts.get("purpose", {}).get("value")
    if part is None or not purpose:
        raise missing("purpose" if part else "file")
    check({"purpose": purpose}, _PURPOSE)
    text = part.get("value") if isinstance(part.get("value"), str) else None
    size = as_int(part.get("bytes")) or 0 if text is None else len(text.encode())
    if size == 0:
        raise Refused(400, "File is empty.", param="file")
    name = as_str(part.get("filename")) or "upload"
    return context.plain(store_file(context, context.seed, name, purpose, text, size), 0.6)


def _content(context: Context) -> TapeAnswer:
    file = find(context, FILE)
    if file.view["purpose"] not in _READABLE:
        raise Refused(400, f"Not allowed to download files of purpose: {file.view['purpose']}")
    if file.text is None:
        raise Refused(400, "The simulator keeps the content of text files only.")
    return context.file(file.text, "application/octet-stream")


ROUTES: Routes = {
    "/v1/files": {"POST": _upload, "GET": listing(FILE, "purpose", most=10_000)},
    "/v1/files/{}": {"GET": showing(FILE), "DELETE": deleting(FILE)},
    "/v1/files/{}/content": {"GET": _content},
}
