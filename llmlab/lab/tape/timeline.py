"""The timeline: attempts as a picture, one call a line, to be read without colour.

An answer is a full bar, a failure an open one with a cross, a wait a dashed line. The same attempts give the same
picture, byte by byte. Where pictures are not shown, it is text.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from llmlab.lab.tape.attempts import Attempt

LEFT, WIDTH, RIGHT = 130, 560, 40
"""Pixels for the names, for the time, and beside it."""
LINE, BAR, TOP = 58, 16, 28
NARROWEST = 10
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Timeline:
    """Attempts, to look at.

    Args:
        attempts: call by call.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.calls = [list(group) for _, group in groupby(attempts, lambda attempt: attempt.call)]

    def __repr__(self) -> str:
        lines = []
        for call in self.calls:
            lines.append(f"call {call[0].call}: {call[0].service} {call[0].path}")
            lines += [f"{item.time:>9.2f} s  {_label(item):<17}  {item.why}" for item in call]
        return "\n".join(lines) or "nothing has been asked yet"

    def _repr_svg_(self) -> str:
        length = max((_end(item) for call in self.calls for item in call), default=0.0) or 1.0
        scale = WIDTH / length
        height = TOP + LINE * len(self.calls) + 34
        width = LEFT + WIDTH + RIGHT
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12" fill="#1a1a1a">',
            f"<title>Attempts over time</title><desc>{escape(repr(self))}</desc>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for number, call in enumerate(self.calls):
            parts += _line(call, TOP + LINE * number + LINE // 2, scale)
        parts += _axis(length, scale, height - 30)
        return "\n".join([*parts, "</svg>"])


def _line(call: list[Attempt], middle: int, scale: float) -> list[str]:
    name = f"{call[0].call}  {call[0].service}"
    parts = [f'<text x="10" y="{middle + 4}">{escape(name)}</text>']
    free = 0.0
    for item in call:
        left, width = LEFT + item.time * scale, max(NARROWEST, item.seconds * scale)
        if item.wait:
            begin, end = left + width, LEFT + _end(item) * scale
            parts.append(
                f'<line x1="{begin:.1f}" y1="{middle}" x2="{end:.1f}" y2="{middle}" stroke="#1a1a1a" '
                'stroke-dasharray="3 4"/>'
            )
            if end - begin > 44:
                parts.append(_text((begin + end) / 2, middle + 15, f"{item.wait:.3g} s"))
        parts += _bar(item, left, middle - BAR // 2, width)
        # Labels that would cover each other stand on two heights.
        label, centre = _label(item), left + width / 2
        half = len(label) * 3.4
        crowded = centre - half < free
        parts.append(_text(max(centre, LEFT + half - 20), middle - (23 if crowded else 11), label))
        free = 0.0 if crowded else centre + half
    return parts


def _bar(item: Attempt, left: float, top: int, width: float) -> list[str]:
    fill = "#ffffff" if item.failed else "#1f5fa8"
    shape = f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{fill}" stroke="#1a1a1a">'
    parts = [f"{shape}<title>{escape(item.why)}</title></rect>"]
    if item.failed:
        right, bottom = left + width, top + BAR
        cross = f"M{left:.1f} {top}L{right:.1f} {bottom}M{left:.1f} {bottom}L{right:.1f} {top}"
        parts.append(f'<path d="{cross}" stroke="#1a1a1a" fill="none"/>')
    return parts


def _axis(length: float, scale: float, top: int) -> list[str]:
    step = next((step for step in STEPS if length / step <= 8), length / 4)
    parts = [f'<path d="M{LEFT} {top}H{LEFT + WIDTH}" stroke="#1a1a1a"/>']
    for number in range(int(length / step + 1e-9) + 1):
        left = LEFT + number * step * scale
        parts.append(f'<path d="M{left:.1f} {top}v5" stroke="#1a1a1a"/>')
        parts.append(_text(left, top + 18, f"{number * step:.3g} s"))
    return parts


def _text(centre: float, bottom: float, text: str) -> str:
    return f'<text x="{centre:.1f}" y="{bottom:.1f}" text-anchor="middle">{escape(text)}</text>'


def _label(item: Attempt) -> str:
    return str(item.status) if item.status is not None else "no answer"


def _end(item: Attempt) -> float:
    return item.time + item.seconds + (item.wait or 0.0)
