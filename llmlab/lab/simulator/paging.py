"""Lists that come page by page, in OpenAI's form and in Anthropic's."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_digits


def page(ask: Ask, items: list[dict[str, Any]], *, most: int = 100) -> dict[str, Any]:
    """Give one page of a list as OpenAI does: the newest first, unless `order` says otherwise.

    Args:
        ask: its query may say `after`, `before`, `limit` and `order`.
        items: in the order in which they were made.
        most: the largest limit; without a limit a page has 20.

    Raises:
        Refused: 400 for a limit or an order that there is not.
    """
    order = ask.query.get("order", "desc")
    if order not in ("asc", "desc"):
        message = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
        raise Refused(400, message, param="order", code="invalid_value")
    limit = _limit(ask, 20, most)
    if limit is None:
        message = f"Invalid 'limit': expected an integer from 1 to {most}, but got '{ask.query['limit']}' instead."
        raise Refused(400, message, param="limit", code="invalid_type")
    found, more = _cut(ask, items[::-1] if order == "desc" else items, limit, "after", "before")
    return {"object": "list", "data": found, **_ends(found), "has_more": more}


def message_page(ask: Ask, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Give one page of a list as Anthropic does; its query may say `after_id`, `before_id` and `limit`.

    Raises:
        Refused: 400 for a limit that there is not.
    """
    limit = _limit(ask, 20, 1000)
    if limit is None:
        raise Refused(400, "limit: Input should be a valid integer from 1 to 1000")
    found, more = _cut(ask, items, limit, "after_id", "before_id")
    return {"data": found, "has_more": more, **_ends(found)}


def _limit(ask: Ask, otherwise: int, most: int) -> int | None:
    if "limit" not in ask.query:
        return otherwise
    limit = as_digits(ask.query["limit"])
    return limit if limit is not None and 1 <= limit <= most else None


def _cut(
    ask: Ask, items: list[dict[str, Any]], limit: int, after: str, before: str
) -> tuple[list[dict[str, Any]], bool]:
    ids = [item["id"] for item in items]
    first = ids.index(ask.query[after]) + 1 if ask.query.get(after) in ids else 0
    last = ids.index(ask.query[before]) if ask.query.get(before) in ids else len(items)
    found = items[first:last]
    return found[:limit], len(found) > limit


def _ends(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
