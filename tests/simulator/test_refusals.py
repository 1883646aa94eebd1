"""Wrong requests: `refusals.json` has a right request of every route, what makes it wrong, and the service's error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulator_requests import HEADERS, ask, responses, user

ROUTES = json.loads(Path(__file__).with_name("refusals.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route['service']} {route['path']}" for route in ROUTES])
def test_wrong_requests_are_refused_in_the_services_words(route: dict[str, Any]) -> None:
    """Else a mistake works offline and fails live, or a learner sees another error offline than live."""
    alias, path, right = route["service"], route["path"], route["right"]
    assert ask(alias, path, right).status == 200
    for change, status, error in route["wrong"]:
        answer = ask(alias, path, right | change)
        found = answer.body["error"]
        assert (answer.status, found if isinstance(found, dict) else {"message": found}) == (status, error), change
        if alias == "anthropic":
            assert answer.body["request_id"] == answer.headers["request-id"], change


def test_the_limits_of_a_refusal() -> None:
    """Else a right request is refused, or a body or a header that is missing is not."""
    assert responses("Hi", model="gpt-6-sol", temperature=0.2, reasoning={"effort": "none"}).status == 200
    key = {"x-api-key": HEADERS["anthropic"]["x-api-key"]}
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": user("Hi")}
    unversioned = ask("anthropic", "/v1/messages", body, headers=key)
    assert unversioned.body["error"]["message"] == "anthropic-version: header is required"
    assert ask("ollama", "/api/chat").body == {"error": "missing request body"}
    assert ask("ollama", "/api/nothing", {}).body == {"error": "404 page not found"}
