"""Pictures of numbers: bars, lines and spans, as SVG to be read without colour, and as text where no picture is shown.

The same numbers give the same picture, byte by byte. Labels stand beside what they name; lines differ in their dashes
and marks. A number that is not known (None or NaN) is said to be unknown, and never drawn as 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeGuard

from llmlab._utils.text import shorten

Point = tuple[float, float]

INK, FILL, PAPER, FAINT = "#1a1a1a", "#1f5fa8", "#ffffff", "#d0d0d0"
WIDTH, HEIGHT = 460, 240
"""Pixels for what is drawn; the height is that of `line_chart`, the others have a row for each label."""
ROW, BAR, TOP = 26, 14, 40
CHARACTER = 6.8
LONGEST = 40
"""Characters of a label. Of a longer one the picture shows the beginning, its text all."""
DASHES = ("", "7 4", "2 3", "10 3 2 3")
MARKS = ("M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0", "M-3 -3h6v6h-6z", "M0 -4l4 7h-8z", "M0 -4l4 4l-4 4l-4 -4z")
SPARKS = "▁▂▃▄▅▆▇█"
COLUMNS = 24
"""Characters for a bar, a line or the time in the text."""


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A picture. Jupyter shows it, and `print` its text.

    Args:
        text: the same numbers, to be read or read out.
        svg: the drawing.
    """

    text: str
    svg: str

    def __repr__(self) -> str:
        return self.text

    def _repr_svg_(self) -> str:
        return self.svg


def bar_chart(title: str, values: Mapping[str, float | None], unit: str = "") -> Picture:
    """Return one bar for each value.

    Args:
        title: what is compared.
        values: a number for each label, drawn in this order; None where it is not known.
        unit: of the numbers.
    """
    low, high = _bounds([0.0, *(value for value in values.values() if _known(value))])
    left, scale = _left(values), WIDTH / (high - low)
    zero = left - low * scale
    parts, lines, names = [], [], max(map(len, values), default=0)
    for number, (label, value) in enumerate(values.items()):
        top, shown = TOP + ROW * number, _amount(value, unit)
        parts.append(_label(label, left, top))
        size = value * scale if _known(value) else 0.0
        begin = zero + min(size, 0.0)
        if size:
            parts.append(_bar(begin, top, max(1.0, abs(size))))
        parts.append(_text(begin + abs(size) + 6, top + BAR - 3, shown))
        block = "█" * max(round(COLUMNS * abs(size) / WIDTH), 1 if size else 0)
        lines.append(f"{label:<{names}}  {block}{' ' if block else ''}{shown}")
    parts.append(f'<path d="M{zero:.1f} {TOP - 6}v{ROW * len(values)}" stroke="{INK}"/>')
    widest = max((len(_amount(value, unit)) for value in values.values()), default=0)
    return _picture(title, lines, parts, left + WIDTH + widest * CHARACTER + 16, TOP + ROW * max(1, len(values)) + 4)


def line_chart(title: str, values: Mapping[str, Iterable[Point]], x: str = "", y: str = "") -> Picture:
    """Return one line for each series.

    Args:
        title: what is shown.
        values: points (x, y) for each label, in the order of the line.
        x: unit of the first numbers.
        y: unit of the second numbers, drawn upwards from 0.
    """
    series = {label: [(a, b) for a, b in points if _known(a) and _known(b)] for label, points in values.items()}
    points = [point for line in series.values() for point in line]
    first, last = _bounds([a for a, _ in points])
    low, high = _bounds([0.0, *(b for _, b in points)])
    left, top = 70.0, TOP + 16
    bottom = top + HEIGHT
    across, up = WIDTH / (last - first), HEIGHT / (high - low)
    parts = _across(first, last, left, across, bottom, x)
    for value in _ticks(low, high):
        level = bottom - (value - low) * up
        parts.append(f'<path d="M{left:.1f} {level:.1f}h{WIDTH}" stroke="{FAINT}"/>')
        parts.append(_text(left - 8, level + 4, short(value), "end"))
    parts.append(_text(10, TOP, y))
    texts, names = [], max(map(len, series), default=0)
    for number, (label, line) in enumerate(series.items()):
        # Sixteen lines differ: each round takes the marks one further.
        dash, mark = DASHES[number % len(DASHES)], MARKS[(number + number // len(DASHES)) % len(MARKS)]
        drawn = [(left + (a - first) * across, bottom - (b - low) * up) for a, b in line]
        parts += _line(drawn, dash, mark)
        # The legend stands beside the picture, each line with its dashes and its mark.
        level = top + 8 + 22 * number
        parts += _line([(left + WIDTH + 16, level), (left + WIDTH + 52, level)], dash, mark)
        parts.append(_text(left + WIDTH + 60, level + 4, shorten(label, LONGEST), whole=label))
        texts.append(f"{label:<{names}}  {_told(line, low, high, x, y)}")
    right = left + WIDTH + 60 + min(names, LONGEST) * CHARACTER + 10
    return _picture(title, texts, parts, right, max(bottom + 42, top + 22 * len(series) + 8))


def gantt(title: str, values: Sequence[tuple[str, float, float]], unit: str = "s") -> Picture:
    """Return when things began and ended, a row for each label.

    Args:
        title: what happened.
        values: label, begin and end; a label that comes again stays in its row.
        unit: of begin and end.
    """
    rows = {label: number for number, label in enumerate(dict.fromkeys(label for label, _, _ in values))}
    first, last = _bounds([0.0, *(moment for _, begin, end in values for moment in (begin, end))])
    left, scale, names = _left(rows), WIDTH / (last - first), max(map(len, rows), default=0)
    bottom = TOP + ROW * len(rows)
    parts = _across(first, last, left, scale, bottom, unit)
    parts += [_label(label, left, TOP + ROW * number) for label, number in rows.items()]
    texts = []
    for label, begin, end in values:
        parts.append(_bar(left + (begin - first) * scale, TOP + ROW * rows[label], max(2.0, (end - begin) * scale)))
        before, length = ((part * scale * COLUMNS / WIDTH) for part in (begin - first, end - begin))
        block = (" " * round(before) + "█" * max(1, round(length))).ljust(COLUMNS)
        texts.append(f"{label:<{names}}  {block}  {short(begin)} to {_amount(end, unit)}")
    return _picture(title, texts, parts, left + WIDTH + 40, bottom + 42)


def _picture(title: str, texts: list[str], parts: list[str], width: float, height: float) -> Picture:
    text = "\n".join([title, *(line.rstrip() for line in texts)] if texts else [title, "nothing to show yet"])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    about = f"<title>{escape(title)}</title><desc>{escape(text)}</desc>"
    paper = f'<rect width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>'
    heading = f'<text x="10" y="20" font-weight="bold">{escape(title)}</text>'
    empty = [] if texts else [_text(10, TOP + 4, "nothing to show yet")]
    return Picture(text, "\n".join([head, about, paper, heading, *(parts if texts else empty), "</svg>"]))


def _across(first: float, last: float, left: float, scale: float, top: float, unit: str) -> list[str]:
    parts = [f'<path d="M{left:.1f} {top}h{WIDTH}" stroke="{INK}"/>']
    for value in _ticks(first, last):
        place = left + (value - first) * scale
        parts.append(f'<path d="M{place:.1f} {top}v5" stroke="{INK}"/>')
        parts.append(_text(place, top + 18, short(value), "middle"))
    return [*parts, _text(left + WIDTH / 2, top + 34, unit, "middle")]


def _line(points: list[Point], dash: str, mark: str) -> list[str]:
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    step = max(1, len(points) // 7)
    marked = dict.fromkeys([*points[::step], *points[-1:]])
    return [
        f'<path d="M{path}" fill="none" stroke="{INK}" stroke-width="1.5"{dashes}/>' if points else "",
        *(f'<path d="{mark}" transform="translate({a:.1f} {b:.1f})" fill="{FILL}"/>' for a, b in marked),
    ]


def _told(line: list[Point], low: float, high: float, x: str, y: str) -> str:
    if not line:
        return "no points"
    step = math.ceil(len(line) / COLUMNS)
    sparks = "".join(SPARKS[int((b - low) / (high - low) * (len(SPARKS) - 1))] for _, b in line[::step])
    (begin, down), (end, up) = line[0], line[-1]
    return f"{sparks}  {short(down)} to {_amount(up, y)}, from {short(begin)} to {_amount(end, x)}"


def _bar(left: float, top: float, width: float) -> str:
    return f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{FILL}" stroke="{INK}"/>'


def _label(label: str, left: float, top: float) -> str:
    return _text(left - 10, top + BAR - 3, shorten(label, LONGEST), "end", whole=label)


def _text(x: float, y: float, text: str, anchor: str = "start", whole: str = "") -> str:
    hover = f"<title>{escape(whole)}</title>" if len(whole) > LONGEST else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{hover}{escape(text)}</text>'


def _left(labels: Iterable[str]) -> float:
    return 24 + min(max(map(len, labels), default=0), LONGEST) * CHARACTER


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest of the numbers, apart."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return low, high if high > low else low + 1.0


def _ticks(low: float, high: float) -> list[float]:
    """Return four to ten round numbers within the bounds."""
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(size * factor for factor in (5, 2, 1) if size * factor <= (high - low) / 4)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _amount(value: float | None, unit: str) -> str:
    return f"{short(value)} {unit}".strip() if _known(value) else "unknown"


def short(value: float) -> str:
    """Return a number with three digits that count, and no exponent."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    shown = f"{value:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
