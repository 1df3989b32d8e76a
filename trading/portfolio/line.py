"""A strategy's PnL of the day as a short line with even steps in time. Pure."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

Point = tuple[dt.datetime, Decimal]

SHOWN = 60
KEPT = 4 * SHOWN

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FINEST = dt.timedelta(seconds=1)


class Line:
    """One point for each step of time, the last in it; steps double as the day grows long."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self._points: list[Point] = []
        self._step = _FINEST
        self._shown: tuple[Decimal, ...] | None = None
        for at, pnl in points:
            self.add(at, pnl)

    def add(self, at: dt.datetime, pnl: Decimal) -> None:
        """Points come oldest first."""
        self._shown = None
        if self._points and _span(self._points[-1][0], self._step) == _span(at, self._step):
            self._points.pop()
        self._points.append((at, pnl))
        while len(self._points) > KEPT:
            self._step *= 2
            self._points = _thinned(self._points, self._step)

    def shown(self) -> tuple[Decimal, ...]:
        """At most ``SHOWN`` values, the newest last."""
        if self._shown is None:
            points, step = self._points, self._step
            while len(points) > SHOWN:
                step *= 2
                points = _thinned(points, step)
            self._shown = tuple(pnl for _, pnl in points)
        return self._shown


def _span(at: dt.datetime, step: dt.timedelta) -> int:
    # Counted from the epoch, so that steps of any length begin together.
    return (at - _EPOCH) // step


def _thinned(points: list[Point], step: dt.timedelta) -> list[Point]:
    """The last point of each step of time."""
    return list({_span(at, step): (at, pnl) for at, pnl in points}.values())
