"""Plots as SVG inside the page: marks take their colours from the page's style sheet.

Every mark has a title that a pointer shows; the numbers stand beside it or in the table below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from afresh.evaluation.measures import Measure

WIDTH = 720
LABEL = 230
"""How much of the width names the rows."""
ROW = 26


class Bar(NamedTuple):
    """A row: its name, a value and its interval, and what stands at its end. part: of the value,
    drawn darker; group: a heading when it changes."""

    name: str
    value: Measure
    note: str = ""
    part: float = 0.0
    group: str = ""


def _svg(height: float, body: Sequence[str], said: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(said)}">'
        + "".join(body)
        + "</svg></figure>"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _nice(top: float) -> float:
    """A round number at or above."""
    for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.4, 0.5, 0.6, 0.8, 1.0):
        if top <= step:
            return step
    return 1.0


def bars(rows: Sequence[Bar], said: str) -> str:
    """Horizontal bars from 0, with whiskers of 95 %."""
    top = _nice(max((row.value.value or 0) + 1.96 * (row.value.se or 0) for row in rows))
    room = WIDTH - LABEL - 150
    body: list[str] = []
    y, group = 4.0, None
    for row in rows:
        if row.group != group and row.group:
            y += 8
            body.append(_text(0, y + 14, row.group, "group"))
            y += 22
        group = row.group
        value, se = row.value.value or 0.0, row.value.se or 0.0
        long = value / top * room
        body.append(_text(LABEL - 10, y + 17, row.name, "name", "end"))
        body.append(
            f'<rect x="{LABEL}" y="{y + 5}" width="{max(long, 0.5):.1f}" height="16" rx="2" '
            f'class="bar"><title>{escape(f"{row.name}: {row.value}")}</title></rect>'
        )
        if row.part:
            body.append(
                f'<rect x="{LABEL}" y="{y + 5}" width="{row.part / top * room:.1f}" height="16" '
                f'rx="2" class="part"/>'
            )
        end = long
        if se:
            low, end = max(value - 1.96 * se, 0) / top * room, (value + 1.96 * se) / top * room
            body.append(_line(LABEL + low, y + 13, LABEL + end, y + 13, "whisker"))
        said_value = "–" if row.value.value is None else f"{value:.3f}"
        body.append(_text(LABEL + end + 8, y + 17, said_value, "value"))
        if row.note:
            body.append(_text(WIDTH, y + 17, row.note, "note", "end"))
        y += ROW
    body.insert(0, _line(LABEL, 0, LABEL, y, "axis"))
    return _svg(y + 4, body, said)


def stacked(rows: Sequence[tuple[str, Sequence[float]]], names: Sequence[str], said: str) -> str:
    """Horizontal bars of shares that add up to 1, with a legend above."""
    room, body, y = WIDTH - 70, list[str](), 30.0
    x = 70.0
    for at, name in enumerate(names):
        body.append(f'<rect x="{x}" y="2" width="12" height="12" rx="2" class="c{at}"/>')
        body.append(_text(x + 17, 13, name, "name"))
        x += 30 + 7.2 * len(name)
    for name, parts in rows:
        x = 70.0
        body.append(_text(60, y + 17, name, "name", "end"))
        for at, part in enumerate(parts):
            long = part * room
            body.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{max(long - 2, 0):.1f}" height="20" rx="2" '
                f'class="c{at}"><title>{escape(f"{names[at]}: {part:.1%}")}</title></rect>'
            )
            if long > 46:
                body.append(_text(x + long / 2, y + 17, f"{part:.0%}", f"on c{at}t", "middle"))
            x += long
        y += ROW + 4
    return _svg(y + 2, body, said)


def curves(
    series: Sequence[tuple[str, Sequence[tuple[float, Measure]]]],
    ticks: Sequence[tuple[float, str]],
    said: str,
    height: int = 260,
) -> str:
    """Lines with a band of 95 %, named at their ends. ticks: of x, and what they say."""
    left, right, bottom = 44, 130, height - 28
    places = [x for _, line in series for x, _ in line]
    low, high = min(places), max(places)
    top = _nice(max((m.value or 0) + 1.96 * (m.se or 0) for _, line in series for _, m in line))
    wide = WIDTH - left - right

    def at(x: float, value: float) -> tuple[float, float]:
        share = (x - low) / (high - low) if high > low else 0.5
        return left + share * wide, bottom - min(max(value, 0), top) / top * (bottom - 10)

    body = []
    for step in range(5):
        y = at(low, top * step / 4)[1]
        body.append(_line(left, y, WIDTH - right, y, "axis" if step == 0 else "grid"))
        body.append(_text(left - 8, y + 4, f"{top * step / 4:.3g}", "tick", "end"))
    for x, text in ticks:
        body.append(_text(at(x, 0)[0], bottom + 18, text, "tick", "middle"))
    ends: list[tuple[float, int, str]] = []
    for number, (name, line) in enumerate(series):
        points = [(at(x, m.value or 0), m) for x, m in line]
        upper = [at(x, (m.value or 0) + 1.96 * (m.se or 0)) for x, m in line]
        lower = [at(x, (m.value or 0) - 1.96 * (m.se or 0)) for x, m in line]
        band = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *reversed(lower)])
        body.append(f'<polygon points="{band}" class="band c{number}"/>')
        body += [_line(*a, *b, f"curve s{number}") for (a, _), (b, _) in pairwise(points)]
        for ((x, y), measure), (where, _) in zip(points, line, strict=True):
            title = escape(f"{name}, {_said(ticks, where)}: {measure}")
            body.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="dot c{number}">'
                f"<title>{title}</title></circle>"
            )
        ends.append((points[-1][0][1], number, name))
    above = height + 15.0
    for y, number, name in sorted(ends, reverse=True):
        above, x = min(y, above - 16), WIDTH - right + 16
        body.append(f'<circle cx="{x}" cy="{above:.1f}" r="4" class="c{number}"/>')
        body.append(_text(x + 9, above + 4, name, "name"))
    return _svg(height, body, said)


def _said(ticks: Sequence[tuple[float, str]], x: float) -> str:
    return next((text for at, text in ticks if at == x), f"{x:g}")


def forest(rows: Sequence[tuple[str, float, float, float, str]], said: str) -> str:
    """Differences with their intervals about 0: name, value, low, high, note."""
    far = _nice(max(max(abs(low), abs(high)) for _, _, low, high, _ in rows) or 0.001)
    middle, half = LABEL + (WIDTH - LABEL - 150) / 2, (WIDTH - LABEL - 150) / 2
    y, body = 4.0, list[str]()
    for name, value, low, high, note in rows:
        kind = "better" if low > 0 else "worse" if high < 0 else "same"
        body.append(_text(LABEL - 10, y + 17, name, "name", "end"))
        x1, x2 = middle + low / far * half, middle + high / far * half
        body.append(_line(x1, y + 13, x2, y + 13, f"interval {kind}"))
        title = escape(f"{name}: {value:+.4f}, from {low:+.4f} to {high:+.4f}")
        body.append(
            f'<circle cx="{middle + value / far * half:.1f}" cy="{y + 13}" r="5" '
            f'class="mark {kind}"><title>{title}</title></circle>'
        )
        body.append(_text(WIDTH, y + 17, note, "note", "end"))
        y += ROW
    body.insert(0, _line(middle, 0, middle, y, "axis"))
    body.append(_text(middle, y + 16, "0", "tick", "middle"))
    for sign in (-1, 1):
        body.append(_text(middle + sign * half, y + 16, f"{sign * far:+.3g}", "tick", "middle"))
    return _svg(y + 22, body, said)
