"""Lists that come in pages, in OpenAI's form and in Anthropic's."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.checks import invalid_value
from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.errors import Refused


def page(context: Context, items: list[dict[str, Any]], most: int = 100) -> dict[str, Any]:
    """Return one page of a list in OpenAI's form: the newest first, unless the query's `order` is "asc".

    Args:
        context: its query may have `after`, `before`, `limit` and `order`.
        items: the oldest first.
        most: the largest limit; the default limit is 20.
    """
    order = context.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid_value("order", order, ("asc", "desc"))
    message = f"Invalid 'limit': expected an integer from 1 to {most}, but got '{context.query.get('limit')}' instead."
    wrong = Refused(400, message, param="limit", code="invalid_type")
    return {"object": "list"} | _page(context, items[::-1] if order == "desc" else items, most, wrong, "")


def message_page(context: Context, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one page of a list in Anthropic's form; the query may have `after_id`, `before_id` and `limit`."""
    wrong = Refused(400, "limit: Input should be a valid integer from 1 to 1000")
    return _page(context, items, 1000, wrong, "_id")


def _page(context: Context, items: list[dict[str, Any]], most: int, wrong: Refused, suffix: str) -> dict[str, Any]:
    query = context.query
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= most):
        raise wrong
    ids = [item["id"] for item in items]
    after, before = query.get(f"after{suffix}"), query.get(f"before{suffix}")
    rest = items[ids.index(after) + 1 if after in ids else 0 : ids.index(before) if before in ids else None]
    data = rest[: int(limit)]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return {"data": data, **ends, "has_more": len(rest) > len(data)}
