"""Pictures of numbers. If one fails, a chart lies, is unreadable without colour, or differs on every machine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab._utils.charts import COLUMNS, WIDTH, Picture, bar_chart, gantt, line_chart

SVG = "{http://www.w3.org/2000/svg}"
COSTS = {"gpt-6-luna": 0.00123, "claude": 0.0123, "free": 0.0, "nobody knows": None}
LABELS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=60)
NUMBERS = st.floats(-1e9, 1e9).filter(lambda number: number == 0 or abs(number) > 1e-9)


def drawn(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture._repr_svg_())


def bar_widths(picture: Picture) -> list[float]:
    return [float(rect.attrib["width"]) for rect in drawn(picture).findall(f"{SVG}rect")[1:]]


def texts(picture: Picture) -> list[str]:
    return [item.text or "" for item in drawn(picture).findall(f"{SVG}text")]


def test_text_says_what_the_bars_show() -> None:
    """Readers of a terminal, and screen readers, have the text alone."""
    picture = bar_chart("Cost by model", COSTS, "USD")
    assert repr(picture).splitlines() == [
        "Cost by model",
        "gpt-6-luna    ██ 0.00123 USD",
        f"claude        {'█' * COLUMNS} 0.0123 USD",
        "free          0 USD",
        "nobody knows  unknown",
    ]
    svg = drawn(picture)
    assert svg.findtext(f"{SVG}title") == "Cost by model"
    assert svg.findtext(f"{SVG}desc") == repr(picture)
    assert svg.attrib["role"] == "img"


def test_bars_are_as_long_as_their_numbers() -> None:
    assert bar_widths(bar_chart("Cost", COSTS)) == [46, WIDTH]
    assert texts(bar_chart("Cost", COSTS, "USD"))[1:] == [
        *("gpt-6-luna", "0.00123 USD", "claude", "0.0123 USD"),
        *("free", "0 USD", "nobody knows", "unknown"),
    ]


def test_a_negative_number_goes_the_other_way() -> None:
    """A loss that looks like a gain is worse than no picture."""
    svg = drawn(bar_chart("Difference", {"worse": -3, "better": 5}))
    left, right = svg.findall(f"{SVG}rect")[1:]
    assert float(left.attrib["x"]) + float(left.attrib["width"]) == pytest.approx(float(right.attrib["x"]), abs=0.2)


def test_lines_differ_without_colour() -> None:
    picture = line_chart("Tokens", {"a": [(0, 0), (1, 5)], "b": [(0, 0), (2, 9)], "c": []}, x="seconds", y="tokens")
    svg = drawn(picture)
    dashes = [path.get("stroke-dasharray") for path in svg.findall(f"{SVG}path") if path.get("stroke-width")]
    marks = {path.attrib["d"] for path in svg.findall(f"{SVG}path") if path.get("transform")}
    assert len(set(dashes)) == len(marks) == 3
    assert {"a", "b", "c", "seconds", "tokens"} <= set(texts(picture))
    assert repr(picture).splitlines() == [
        "Tokens",
        "a  ▁▄  0 to 5 tokens, from 0 to 1 seconds",
        "b  ▁█  0 to 9 tokens, from 0 to 2 seconds",
        "c  no points",
    ]


def test_a_fifth_line_is_not_drawn_like_the_first() -> None:
    """Five providers on one chart: two that look alike cannot be told apart by anybody."""
    picture = drawn(line_chart("five", {name: [(0, 0), (1, 1)] for name in "abcde"}))
    paths = [path.attrib for path in picture.iter(f"{SVG}path")]
    looks = [
        (line.get("stroke-dasharray"), mark["d"])
        for line, mark in pairwise(paths)
        if line.get("fill") == "none" and mark.get("transform")
    ]
    assert len(looks) == 10, "each stands in the chart and in its legend"
    assert len(set(looks)) == 5


def test_spans_of_one_label_share_a_row() -> None:
    picture = gantt("Calls", [("one", 0, 1), ("two", 0.5, 2), ("one", 1.5, 2)])
    tops = [rect.attrib["y"] for rect in drawn(picture).findall(f"{SVG}rect")[1:]]
    assert tops[0] == tops[2] != tops[1]
    assert bar_widths(picture) == [WIDTH / 2, WIDTH * 3 / 4, WIDTH / 4]
    assert repr(picture).splitlines()[2] == f"two  {' ' * 6}{'█' * 18}  0.5 to 2 s"


@pytest.mark.parametrize("empty", [bar_chart("Cost", {}), line_chart("Cost", {}), gantt("Cost", [])])
def test_nothing_to_show_is_said(empty: Picture) -> None:
    assert repr(empty) == "Cost\nnothing to show yet"
    assert "nothing to show yet" in texts(empty)


def test_a_long_label_is_cut_in_the_picture_only() -> None:
    label = "a" * 90
    picture = bar_chart("Cost", {label: 1})
    assert label in repr(picture)
    assert label not in texts(picture)
    assert drawn(picture).findtext(f"{SVG}text/{SVG}title") == label


def test_markup_in_a_label_stays_text() -> None:
    """A model's name comes from outside; it must not become a script in somebody's notebook."""
    assert "<script>" not in bar_chart("<script>", {"<script>": 1}, "<script>")._repr_svg_()


@given(st.dictionaries(LABELS, st.one_of(st.none(), st.just(math.nan), NUMBERS), max_size=6))
def test_any_numbers_make_a_picture_within_its_bounds(values: dict[str, float | None]) -> None:
    picture = bar_chart("Any", values, "units")
    svg = drawn(picture)
    width = float(svg.attrib["width"])
    for rect in svg.findall(f"{SVG}rect"):
        assert 0 <= float(rect.attrib.get("x", 0)) <= width
        assert float(rect.attrib["width"]) <= width
    assert (
        re.search(r"nan|inf|e[+-]\d", "".join(texts(bar_chart("Any", dict.fromkeys("abc", 1.0) | {"d": math.nan}))))
        is None
    )


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40))
def test_any_line_stays_within_its_picture(points: list[tuple[float, float]]) -> None:
    svg = drawn(line_chart("Any", {"line": points}))
    height = float(svg.attrib["height"])
    levels = [
        float(number)
        for path in svg.iter(f"{SVG}path")
        if path.get("transform")
        for number in re.findall(r"translate\(\S+ (\S+)\)", path.attrib["transform"])
    ]
    assert all(0 <= level <= height for level in levels)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bar_chart("T", COSTS, "USD"),
        lambda: line_chart("T", {"a": [(0, 1 / 3)]}),
        lambda: gantt("T", [("a", 0, 1 / 3)]),
    ],
)
def test_the_same_numbers_give_the_same_bytes(make: Callable[[], Picture]) -> None:
    """Stored outputs of lessons are compared with what comes out."""
    assert make() == make()


def test_axis_has_round_numbers_in_order() -> None:
    shown = [float(text) for text in texts(gantt("Time", [("a", 0, 7.3)])) if re.fullmatch(r"[\d.]+", text)]
    assert shown[0] == 0
    assert len({round(b - a, 6) for a, b in pairwise(shown)}) == 1
    assert 4 <= len(shown) <= 11
