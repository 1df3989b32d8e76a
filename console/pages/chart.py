"""A strategy's PnL of the day as a drawing: line, zero, grid, and holds as hatched bands. Pure."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from console.pages import formats

WIDTH, HEIGHT, RIGHT = 920, 180, 72
TOP, BOTTOM = 12, 24
POINTS = 300
LINES = 4
GAP = dt.timedelta(seconds=60)

Point = tuple[dt.datetime, Decimal]


@dataclass(frozen=True)
class Band:
    """A time under a hold: where it begins and how wide it is, and what it was."""

    x: str
    width: str
    label: str
    text_x: str


@dataclass(frozen=True)
class Level:
    y: str
    text: str


@dataclass(frozen=True)
class Hour:
    x: str
    text: str


@dataclass(frozen=True)
class Chart:
    """Empty ``lines``: there is nothing to draw yet. A line ends where nothing was known."""

    lines: list[str]
    zero: str
    levels: list[Level]
    hours: list[Hour]
    bands: list[Band]
    end_x: str
    end_y: str
    end: str
    tone: str
    label: str


def chart_of(
    points: Sequence[Point],
    holds: Sequence[tuple[dt.datetime, dt.datetime | None, str]],
    now: dt.datetime,
) -> Chart:
    """``holds``: from, until (None: still) and a word."""
    if len(points) < 2:
        return Chart([], "", [], [], [], "", "", formats.UNKNOWN, "", "no line yet")
    first, last = points[0][0], max(points[-1][0], now)
    span = (last - first).total_seconds() or 1.0
    values = [value for _, value in points]
    low, high = min(*values, Decimal(0)), max(*values, Decimal(0))
    height = float(high - low) or 1.0

    def x(at: dt.datetime) -> float:
        inside = min(max((at - first).total_seconds(), 0.0), span)
        return round((WIDTH - RIGHT) * inside / span, 1)

    def y(value: Decimal) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - float(value - low) / height), 1)

    thin = points[:: max(1, len(points) // POINTS)]
    drawn = [*thin, points[-1]] if thin[-1] != points[-1] else list(thin)
    ends = [formats.number(one, 0, plus=True) for one in (values[0], values[-1], low, high)]
    return Chart(
        lines=[" ".join(f"{x(at)},{y(value)}" for at, value in run) for run in _runs(drawn)],
        zero=str(y(Decimal(0))),
        levels=[
            Level(str(y(level)), formats.number(level, 0, plus=True))
            for level in (low + (high - low) * part / (LINES - 1) for part in range(LINES))
        ],
        hours=_hours(first, last, x),
        bands=[
            _band(x(begun), x(ended or last), word)
            for begun, ended, word in holds
            if (ended or last) > first
        ],
        end_x=str(x(points[-1][0])),
        end_y=str(y(values[-1])),
        end=formats.number(values[-1], 0, plus=True),
        tone=formats.tone(values[-1]),
        label="first {}, last {}, low {}, high {}".format(*ends),
    )


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Cut where nothing was written for much longer than between most points."""
    steps = sorted(after[0] - before[0] for before, after in pairwise(points))
    most = max(steps[len(steps) // 2] * 6, GAP)
    runs = [[points[0]]]
    for before, after in pairwise(points):
        if after[0] - before[0] > most:
            runs.append([])
        runs[-1].append(after)
    return runs


def _band(start: float, end: float, word: str) -> Band:
    """Its word stands to the right of the band, at its left where there is no room."""
    return Band(str(start), str(max(round(end - start, 1), 1.0)), word, str(round(start + 4, 1)))


def _hours(first: dt.datetime, last: dt.datetime, x: Callable[[dt.datetime], float]) -> list[Hour]:
    """Whole steps of the day, five or six of them."""
    span = last - first
    step = next(
        (
            dt.timedelta(minutes=minutes)
            for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240)
            if span / dt.timedelta(minutes=minutes) <= 6
        ),
        dt.timedelta(hours=6),
    )
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    at = day + step * (int((first - day) / step) + 1)
    found = []
    while at < last:
        found.append(Hour(str(x(at)), f"{at:%H:%M}"))
        at += step
    return found
