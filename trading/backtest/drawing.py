"""Lines as SVG, without scripts: an area over days, with its scale and its ends. Pure."""

import datetime as dt
import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 900, 260, 84, 28, 14
MOST_POINTS = 1_200
"""A line of more is drawn by the lowest and highest of each step."""
_STEPS = 4


def line_svg(title: str, days: Sequence[int], values: Sequence[float], *, unit: str) -> str:
    """``days`` count from 1970-01-01. ``unit``: USD, or % for shares of 1."""
    points = _thinned(days, values)
    low, high = min(value for _, value in points), max(value for _, value in points)
    step = _step((high - low) or 1.0)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    if low == high:
        high = low + step
    first, last = days[0], max(days[-1], days[0] + 1)

    def at(day: int, value: float) -> str:
        x = LEFT + (day - first) / (last - first) * (WIDTH - LEFT - 10)
        y = TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    count = round((high - low) / step)
    rules = "".join(_rule(low + step * at, at / count, unit) for at in range(count + 1))
    path = " ".join(at(day, value) for day, value in points)
    ends = "".join(
        f'<text class="scale" x="{x}" y="{HEIGHT - 8}" text-anchor="{anchor}">{_date(day)}</text>'
        for x, anchor, day in ((LEFT, "start", days[0]), (WIDTH - 10, "end", days[-1]))
    )
    described = f"{title}, from {_said(values[0], unit)} to {_said(values[-1], unit)}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(described)}">'
        f'{rules}<polyline class="line" points="{path}"/>{ends}</svg>'
    )


def _step(span: float) -> float:
    """A round distance between rules, about four of them over ``span``."""
    rough = span / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(one * power for one in (1.0, 2.0, 2.5, 5.0, 10.0) if one * power >= rough * 0.999)


def _rule(value: float, share: float, unit: str) -> str:
    y = TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
    return (
        f'<line class="rule" x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="scale" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
        f"{_said(value, unit)}</text>"
    )


def _thinned(days: Sequence[int], values: Sequence[float]) -> list[tuple[int, float]]:
    pairs = list(zip(days, values, strict=True))
    width = -(-len(pairs) // (MOST_POINTS // 2))
    if width <= 1:
        return pairs
    found: list[tuple[int, float]] = []
    for at in range(0, len(pairs), width):
        part = pairs[at : at + width]
        ends = {min(part, key=lambda one: one[1]), max(part, key=lambda one: one[1])}
        found += sorted(ends)
    return found


def _said(value: float, unit: str) -> str:
    said = f"{value * 100:.1f} %" if unit == "%" else f"{value:,.0f}"
    return said.replace("-", "\N{MINUS SIGN}")


def _date(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
