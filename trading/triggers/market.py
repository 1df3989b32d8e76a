"""Volatility, spread, velocity and volume of each instrument, on the feed's clock. Pure.

Ticks fall into bars of five seconds of feed time, kept for about an hour and a half, so a recorded
day is judged by its own hours however fast it is played. A bar in which nothing at all was quoted
does not count as time: a gap of the feed is neither a calm nor a drop of volume.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from riskctl.triggers.evaluate import Reading
from trading.clock import NS
from trading.ticks import SCALE, Ticks, mids
from trading.universe import AssetClass, Universe

BAR_NS = 5 * NS
BAR_S = 5
KEPT = 1_024
BASE_BARS = 3_600 // BAR_S
"""What is normal is measured over the hour before the window."""

BASE_LEAST = 900 // BAR_S
"""What is shorter than this is no normal to compare with: no reading."""

BASE_QUOTED = 60
VOLATILITY_LEAST = 30
"""Fewer bars with a quote than these say nothing: no reading."""

YEAR_BARS = 365 * 86_400 / BAR_S
NORMAL_VOLATILITY = {
    AssetClass.FX: 0.15,
    AssetClass.EQUITY: 0.25,
    AssetClass.FUTURE: 0.30,
    AssetClass.CRYPTO: 0.80,
}
"""A year's, as a fraction: a market calmer than this is not measured by its calm."""

NORMAL_SPREAD = {
    AssetClass.FX: 1e-4,
    AssetClass.EQUITY: 2e-4,
    AssetClass.FUTURE: 2e-4,
    AssetClass.CRYPTO: 2e-4,
}

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Bars:
    """The bars of one instrument, oldest first; ``live``: bars in which anything was quoted."""

    mid: Floats
    spread: Floats
    volume: Floats
    quoted: Mask
    live: Mask


class MarketWatch:
    """Bars of every instrument of one feed session."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        shape = (len(universe), KEPT)
        self._count: Floats = np.zeros(shape)
        self._mid: Floats = np.zeros(shape)
        self._spread: Floats = np.zeros(shape)
        self._volume: Floats = np.zeros(shape)
        self._bar: int | None = None
        self.clock_ns: int | None = None

    def restart(self) -> None:
        """Another feed session: nothing of the old one compares with it."""
        for one in (self._count, self._mid, self._spread, self._volume):
            one[:] = 0
        self._bar = self.clock_ns = None

    def take(self, ticks: Ticks, clock_ns: int) -> None:
        """Ticks of one session, in their order, and the feed's clock after them."""
        now = clock_ns // BAR_NS
        self._advance(now)
        self.clock_ns = clock_ns
        if not len(ticks):
            return
        bar = np.minimum(ticks["time"] // BAR_NS, now)
        kept = bar > now - KEPT
        ticks, bar = ticks[kept], bar[kept]
        mid = mids(ticks)
        where = (ticks["instrument"], bar % KEPT)
        np.add.at(self._count, where, 1)
        np.add.at(self._mid, where, mid)
        np.add.at(self._spread, where, (ticks["ask"] - ticks["bid"]) * SCALE / mid)
        np.add.at(self._volume, where, ticks["volume"] * SCALE)

    def _advance(self, now: int) -> None:
        if self._bar is None:
            self._bar = now
        if now <= self._bar:
            return
        fresh = np.arange(max(self._bar + 1, now - KEPT + 1), now + 1) % KEPT
        for one in (self._count, self._mid, self._spread, self._volume):
            one[:, fresh] = 0
        self._bar = now

    def readings(self, windows: Mapping[str, int]) -> list[Reading]:
        """Of every instrument that was quoted enough. ``windows``: seconds of each trigger."""
        if self._bar is None or self.clock_ns is None:
            return []
        order = (self._bar - np.arange(KEPT - 1, -1, -1)) % KEPT
        count = self._count[:, order]
        live = count.sum(axis=0) > 0
        found: list[Reading] = []
        for ident in np.flatnonzero(count.any(axis=1)):
            quotes = count[ident]
            divisor = np.maximum(quotes, 1)
            bars = _Bars(
                mid=self._mid[ident, order] / divisor,
                spread=self._spread[ident, order] / divisor,
                volume=self._volume[ident, order],
                quoted=quotes > 0,
                live=live,
            )
            found += self._of(int(ident), bars, windows)
        return found

    def _of(self, ident: int, bars: _Bars, windows: Mapping[str, int]) -> list[Reading]:
        one = self._universe.by_id(ident)
        kind = one.asset_class
        volume = volume_ratio(bars, windows["volume-spike"])
        drop = volume_ratio(bars, windows["volume-drop"])
        measured = {
            "volatility": volatility_ratio(bars, windows["volatility"], NORMAL_VOLATILITY[kind]),
            "spread-widening": spread_ratio(bars, windows["spread-widening"], NORMAL_SPREAD[kind]),
            "price-velocity": velocity_percent(bars, windows["price-velocity"]),
            "volume-spike": volume,
            "volume-drop": drop,
        }
        at_ns = self.clock_ns or 0
        return [
            Reading(name, f"instrument:{one.symbol}", decimal(value), at_ns)
            for name, value in measured.items()
            if value is not None
        ]


def decimal(value: float, places: int = 6) -> Decimal:
    """A measured float as an exact decimal."""
    return Decimal(f"{value:.{places}f}")


def _split(window_s: int) -> tuple[slice, slice]:
    """The window's bars, and those of the hour before it."""
    count = max(1, min(window_s // BAR_S, KEPT - BASE_LEAST))
    start = KEPT - count
    return slice(start, KEPT), slice(max(0, start - BASE_BARS), start)


def _variance(bars: _Bars, part: slice, least: int) -> float | None:
    """Variance a bar by bipower variation; None with fewer than ``least`` bars quoted."""
    mid = bars.mid[part][bars.quoted[part]]
    time = _span(bars, part)
    if len(mid) < least or not time:
        return None
    returns = np.abs(np.diff(np.log(mid)))
    return float((returns[1:] * returns[:-1]).sum() * np.pi / 2 / time)


def _span(bars: _Bars, part: slice) -> int:
    """Live bars from the first that was quoted on."""
    quoted = np.flatnonzero(bars.quoted[part])
    return int(bars.live[part][quoted[0] :].sum()) if quoted.size else 0


def volatility_ratio(bars: _Bars, window_s: int, normal: float) -> float | None:
    """``normal``: least volatility of a year that counts as normal."""
    window, base = _split(window_s)
    now = _variance(bars, window, VOLATILITY_LEAST)
    if now is None:
        return None
    before = _variance(bars, base, BASE_QUOTED) if _span(bars, base) >= BASE_LEAST else None
    if before is None:
        return None
    least = normal**2 / YEAR_BARS
    return float(np.sqrt(now / max(before, least)))


def spread_ratio(bars: _Bars, window_s: int, normal: float) -> float | None:
    """``normal``: least relative spread that counts as normal."""
    window, base = _split(window_s)
    now, before = bars.quoted[window], bars.quoted[base]
    least = min(VOLATILITY_LEAST, max(1, window_s // BAR_S // 4))
    if now.sum() < least or before.sum() < BASE_QUOTED or _span(bars, base) < BASE_LEAST:
        return None
    return float(bars.spread[window][now].mean() / max(bars.spread[base][before].mean(), normal))


def velocity_percent(bars: _Bars, window_s: int) -> float | None:
    """Largest change from any bar of the window to the newest, in percent."""
    window, _ = _split(window_s)
    mid = bars.mid[window][bars.quoted[window]]
    if len(mid) < 2 or not bars.quoted[-2:].any():
        return None
    return float(np.abs(mid[-1] / mid[:-1] - 1).max() * 100)


def volume_ratio(bars: _Bars, window_s: int) -> float | None:
    """None where the feed gives no volumes, or has not run for long enough."""
    window, base = _split(window_s)
    live_now, live_before = int(bars.live[window].sum()), _span(bars, base)
    before = float(bars.volume[base].sum())
    if before <= 0 or live_before < BASE_LEAST or 2 * live_now * BAR_S < window_s:
        return None
    return float(bars.volume[window].sum() / live_now / (before / live_before))
