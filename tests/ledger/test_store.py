"""The ledger as tables, files and pictures. If one fails, readers see wrong numbers."""

from __future__ import annotations

import csv
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmlab.errors import ConfigurationError
from llmlab.policies.ledger import AttemptRecord, Ledger
from llmlab.policies.ledger.frames import ATTEMPTS, CALLS, CONTENT
from tests.ledger.records import DAY, record

LINES = [
    record(),
    record(model="claude", asked_model="claude", provider="mine", time=DAY + 60, source="recorded", section="draft"),
    record(time=DAY + 86400, input_tokens=0, output_tokens=0, source="", error="LLMAPIError", latency=0.2),
    record(time=DAY + 90000, source="cached", cost=0.0, priced="cached", attempts=(), latency=0.0),
    record(
        time=DAY + 90001,
        shape="stream",
        latency=3.0,
        time_to_first_token=1.0,
        attempts=(AttemptRecord(0.0, 0.5, "LLMRateLimitError"), AttemptRecord(2.0, 1.0, "")),
    ),
]
COST = 1000 * 1e-7 + 100 * 5e-7
"""Of a line: the tokens at the prices of the list."""


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LINES)


def test_frame_has_a_line_for_each_call_with_numbers_to_count_with(ledger: Ledger) -> None:
    frame = ledger.frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == CALLS
    assert frame["model"].tolist() == ["gpt-6-luna", "claude", *["gpt-6-luna"] * 3]
    assert frame["cost"].tolist()[::2] == [pytest.approx(COST), 0.0, pytest.approx(COST)]
    assert math.isnan(frame["cost"][1])
    assert frame["priced"].tolist() == ["list", "unpriced", "failed", "cached", "list"]
    assert frame["tokens_per_second"].tolist()[::4] == [100.0, 50.0]
    assert frame["attempts"].tolist() == [1, 1, 1, 0, 2]
    assert frame["time"][0].to_pydatetime() == datetime.fromtimestamp(DAY, UTC)


def test_empty_frames_have_the_same_columns() -> None:
    """A program that sums a column works before the first call too."""
    frame = Ledger().frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == CALLS
    assert frame["cost"].sum() == 0
    assert {name: str(kind) for name, kind in Ledger().attempts().dtypes.items()} == ATTEMPTS


def test_attempts_point_at_their_call(ledger: Ledger) -> None:
    attempts = ledger.attempts()
    last = attempts[attempts["call"] == 4]
    assert last[["attempt", "wait", "seconds", "error"]].values.tolist() == [
        [1, 0.0, 0.5, "LLMRateLimitError"],
        [2, 2.0, 1.0, ""],
    ]
    assert ledger.frame().loc[last["call"].iloc[0], "shape"] == "stream"


def test_content_has_columns_only_if_it_is_stored() -> None:
    frame = Ledger([*LINES, record(prompt="[]", answer="Hello")]).frame()
    assert list(frame.columns) == [*CALLS, *CONTENT]
    assert frame["answer"].tolist()[-2:] == ["", "Hello"]


def test_files_hold_what_the_frame_holds(ledger: Ledger, tmp_path: Path) -> None:
    ledger.to_csv(tmp_path / "calls.csv")
    ledger.to_json_lines(tmp_path / "calls.jsonl")
    with open(tmp_path / "calls.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    objects = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [list(row) for row in rows] == [list(one) for one in objects] == [list(CALLS)] * len(LINES)
    assert [one["cost"] for one in objects][:3] == [pytest.approx(COST), None, 0.0]
    assert rows[1]["cost"] == ""
    assert objects[0]["time"] == rows[0]["time"] == "2026-05-28T20:26:40.000000Z"


def test_table_is_read_at_a_glance(ledger: Ledger) -> None:
    assert repr(ledger) == repr(ledger.table())
    assert repr(ledger).splitlines() == [
        "model       calls  failed  from cache  tokens in  tokens out  cost in USD",
        "gpt-6-luna      4       1           1      2,000         200       0.0003",
        "claude          1       0           0      1,000         100      unknown",
        "total           5       1           1      3,000         300       0.0003",
        "Not in the sum: 1 call without a price.",
    ]


def test_table_says_what_was_paid() -> None:
    """A learner whose answers came from recordings must not think that they cost money."""
    assert "Nothing was paid" in repr(Ledger([record(source="simulated")]))
    assert "Paid: 0.00015 USD. The other calls were not live." in repr(Ledger([record(), record(source="recorded")]))
    assert "paid" not in repr(Ledger([record()])).lower()


def test_tables_by_anything_have_the_same_total(ledger: Ledger) -> None:
    expected: dict[Any, list[str]] = {
        "provider": ["openai", "mine"],
        "source": ["live", "recorded", "no answer", "cached"],
        "section": ["no section", "draft"],
        "day": ["2026-05-28", "2026-05-29"],
    }
    for by, names in expected.items():
        table = ledger.table(by)
        assert list(table.lines) == names
        assert table.total == ledger.total()
        assert sum(line.calls for line in table.lines.values()) == 5


def test_table_in_jupyter_shows_the_same_and_runs_no_script(ledger: Ledger) -> None:
    html = ledger._repr_html_()
    assert html.count("<tr>") == 4
    assert "<td>2,000</td>" in html
    assert "<script>" not in Ledger([record(model="<script>")])._repr_html_()


def test_empty_ledger_says_so() -> None:
    assert repr(Ledger()) == "no call yet"
    assert Ledger()._repr_html_() == "<p>no call yet</p>"
    assert "nothing to show yet" in repr(Ledger().chart())
    assert "nothing to show yet" in repr(Ledger().over_time())


def test_charts_show_the_sums(ledger: Ledger) -> None:
    expected: dict[tuple[Any, Any], list[str]] = {
        ("model", "cost"): ["Cost by model", "gpt-6-luna  ", "0.0003 USD", "claude      unknown"],
        ("provider", "tokens"): ["Tokens by provider", "2,200 tokens", "1,100 tokens"],
        ("model", "latency"): ["Median latency by model", "2 s", "1 s"],
        ("day", "calls"): ["Calls by day", "2026-05-28", "2 calls", "2026-05-29", "3 calls"],
    }
    for (by, what), parts in expected.items():
        shown = repr(ledger.chart(by, what))
        positions = [shown.index(part) for part in parts]
        assert positions == sorted(positions)


def test_tokens_rise_over_time(ledger: Ledger) -> None:
    shown = repr(ledger.over_time()).splitlines()
    assert shown[0] == "Tokens over time"
    assert shown[1].endswith("1,100 to 2,200 tokens, from 0 to 25 hours")
    assert shown[2].endswith("1,100 to 1,100 tokens, from 0.0167 to 0.0167 hours")


def test_wrong_words_name_the_right_ones(ledger: Ledger) -> None:
    wrong: Any = "money"
    with pytest.raises(ConfigurationError, match="by must be one of model, provider, section, source, day"):
        ledger.table(wrong)
    for one in (ledger, Ledger()):
        with pytest.raises(ConfigurationError, match="what must be one of cost, tokens, latency, calls"):
            one.chart(what=wrong)
    with pytest.raises(ConfigurationError, match="use cost, tokens or calls"):
        ledger.over_time(what="latency")
    for when in ("yesterday", "7", "7x", "2026-13-01", "9" * 30 + "d"):
        with pytest.raises(ConfigurationError, match=r"invalid time .*: use 12h, 7d, 2w or 2026-11-21"):
            ledger.since(when)


def test_since_leaves_out_earlier_calls(ledger: Ledger) -> None:
    expected: list[tuple[Any, int]] = [
        (datetime.fromtimestamp(DAY + 61, UTC), 3),
        (datetime.fromtimestamp(DAY + 60, UTC), 4),
        ("2026-05-29T00:00+00:00", 3),
        ("9999w", 5),
        (timedelta(0), 0),
    ]
    assert [len(ledger.since(when)) for when, _ in expected] == [left for _, left in expected]
    assert len(ledger) == 5
