"""A seeded market: log prices that trend, revert and jump, in calm and wild regimes. Pure.

Per instrument and step of 50 ms (sigma is the deviation over a second, scaled to the step):

* a *regime* of volatility (calm, normal, wild) moves as a Markov chain;
* a *phase* (trend up, trend down, revert) lasts for about a minute or two: trends drift, reversion
  is an Ornstein-Uhlenbeck process round the price at which it began;
* *jumps* arrive as a Poisson process, about one every ten minutes;
* a slow pull towards the reference price keeps a desk that runs for weeks in range;
* the time of day modulates volatility, spread and the rate of quotes by class of asset;
* the perpetual follows its spot with a basis that reverts to zero.

About one quote in four thousand is bad (crossed, zero, a wild price, an old time), since a market
feed is dirty and the checks must be seen to work.
"""

from typing import Any

import numpy as np

from trading.clock import NS
from trading.feeds import raw
from trading.feeds.market import FOLLOWER, LEADER, PROFILES, activity
from trading.feeds.raw import RawBatch, RawRows
from trading.ticks import Trades, no_trades
from trading.universe import AssetClass, to_nano

STEP_NS = 50_000_000
STEP_S = STEP_NS / NS
BAD_SHARE = 1 / 4_000

_REGIMES = np.array([0.6, 1.0, 2.2])
_REGIME_STAY_S = np.array([90.0, 120.0, 30.0])
_PHASE_STAY_S = 75.0
_REVERT = 0
_DRIFT = np.array([0.0, 0.06, -0.06])  # of a phase, in step deviations
_REVERSION_PER_S = 0.15
_PULL_PER_S = 1 / (6 * 3_600)
_JUMPS_PER_S = 1 / 600
_JUMP_SIGMAS = 12.0
_BASIS_PER_S = 0.02
_BASIS_SIGMA = 2e-5

_SYMBOLS = [one.instrument.symbol for one in PROFILES]
_INSTRUMENTS = [one.instrument for one in PROFILES]
_SIGMA = np.array([one.sigma for one in PROFILES])
_SPREAD = np.array([one.spread for one in PROFILES])
_RATE = np.array([one.rate for one in PROFILES])
_IDS = np.array([one.id for one in _INSTRUMENTS])
_TICK = np.array([to_nano(one.tick_size) for one in _INSTRUMENTS], dtype=np.int64)
_LOT = np.array([to_nano(one.lot_size) for one in _INSTRUMENTS], dtype=np.int64)
_DEPTH = np.array([float(one.depth / one.lot_size) for one in _INSTRUMENTS])  # in lots
_REFERENCE = np.log([float(one.reference_price) for one in _INSTRUMENTS])
_LEADER, _FOLLOWER = _SYMBOLS.index(LEADER), _SYMBOLS.index(FOLLOWER)


class Simulator:
    """The same (seed, start time, number of steps) gives the same quotes."""

    def __init__(self, seed: int, start_ns: int) -> None:
        self.time_ns = start_ns
        self._random = np.random.Generator(np.random.PCG64(seed))
        size = len(PROFILES)
        self._quotes = 0
        self._price = _REFERENCE.copy()
        self._anchor = _REFERENCE.copy()
        self._basis = 0.0
        self._regime = np.ones(size, dtype=np.int64)
        self._phase = self._random.integers(0, 3, size)

    def step(self) -> RawBatch:
        """The quotes of the next 50 ms of feed time, in the order of their times."""
        live = self._activity()
        self._turn()
        self._move(live)
        start = self.time_ns
        self.time_ns += STEP_NS
        counts = self._random.poisson(_RATE * live * STEP_S)
        which = np.repeat(np.arange(len(PROFILES)), counts)
        self._random.shuffle(which)
        rows = self._quote(which, live)
        count = len(which)
        rows["tick"]["time"] = start + np.sort(self._random.integers(1, STEP_NS + 1, count))
        rows["line"] = np.arange(self._quotes + 1, self._quotes + count + 1)
        rows["clock"] = self.time_ns
        self._quotes += count
        bad = self._random.random(count) < BAD_SHARE
        trades = _trades(rows["tick"][~bad])
        for at in np.flatnonzero(bad):
            self._spoil(rows["tick"], int(at))
        return RawBatch(rows, self.time_ns, trades=trades)

    def injected(self, instrument: int, bid: int, ask: int) -> RawBatch:
        """One quote from outside, at this moment; it moves neither prices nor random numbers."""
        rows = raw.empty(1)
        rows["tick"]["instrument"], rows["tick"]["time"] = instrument, self.time_ns
        rows["tick"]["bid"], rows["tick"]["ask"] = bid, ask
        self._quotes += 1
        rows["line"], rows["clock"] = self._quotes, self.time_ns
        return RawBatch(rows, self.time_ns)

    def skip_to(self, time_ns: int) -> None:
        """Go on from ``time_ns`` at the last prices: what lies between was never quoted."""
        self.time_ns = max(self.time_ns, time_ns)

    def state(self) -> dict[str, Any]:
        """Everything, as JSON values (the generator's 128-bit numbers as text)."""
        inner: Any = self._random.bit_generator.state
        return {
            "time": self.time_ns,
            "quotes": self._quotes,
            "random": {
                **{name: str(value) for name, value in inner["state"].items()},
                "has_uint32": inner["has_uint32"],
                "uinteger": inner["uinteger"],
            },
            "basis": float(self._basis),
            "markets": {
                symbol: [
                    float(self._price[at]), float(self._anchor[at]),
                    int(self._regime[at]), int(self._phase[at]),
                ]
                for at, symbol in enumerate(_SYMBOLS)
            },
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``; instruments that it does not know keep their reference price."""
        self.time_ns = state["time"]
        self._quotes = state["quotes"]
        self._basis = state["basis"]
        saved = state["random"]
        self._random.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": int(saved["state"]), "inc": int(saved["inc"])},
            "has_uint32": saved["has_uint32"],
            "uinteger": saved["uinteger"],
        }
        for at, symbol in enumerate(_SYMBOLS):
            if symbol in state["markets"]:
                values = state["markets"][symbol]
                self._price[at], self._anchor[at], self._regime[at], self._phase[at] = values

    def _activity(self) -> Any:
        by_class = {kind: activity(kind, self.time_ns) for kind in AssetClass}
        return np.array([by_class[one.asset_class] for one in _INSTRUMENTS])

    def _turn(self) -> None:
        """Regimes and phases change now and then."""
        size = len(PROFILES)
        leave = self._random.random(size) < STEP_S / _REGIME_STAY_S[self._regime]
        up = self._random.random(size) < 0.5
        # From normal either way; from the others back to normal.
        self._regime = np.where(
            leave, np.where(self._regime == 1, np.where(up, 2, 0), 1), self._regime
        )
        turn = self._random.random(size) < STEP_S / _PHASE_STAY_S
        self._phase = np.where(turn, self._random.integers(0, 3, size), self._phase)
        self._anchor = np.where(turn, self._price, self._anchor)

    def _move(self, live: Any) -> None:
        size = len(PROFILES)
        sigma = _SIGMA * _REGIMES[self._regime] * live
        step = sigma * STEP_S**0.5
        noise = self._random.standard_normal(size)
        back = np.where(
            self._phase == _REVERT, _REVERSION_PER_S * STEP_S * (self._anchor - self._price), 0.0
        )
        pull = _PULL_PER_S * STEP_S * (_REFERENCE - self._price)
        jumps = self._random.random(size) < _JUMPS_PER_S * STEP_S
        jump = jumps * self._random.standard_normal(size) * _JUMP_SIGMAS * sigma
        self._price = self._price + step * (noise + _DRIFT[self._phase]) + back + pull + jump
        # A jump moves the anchor as well: it is news, not noise to revert.
        self._anchor = self._anchor + jump
        self._basis += (
            -_BASIS_PER_S * STEP_S * self._basis + _BASIS_SIGMA * STEP_S**0.5 * noise[_FOLLOWER]
        )
        self._price[_FOLLOWER] = self._price[_LEADER] + self._basis

    def _quote(self, which: Any, live: Any) -> RawRows:
        """Raw rows for quotes of the instruments ``which`` (indices into PROFILES)."""
        count = len(which)
        rows = raw.empty(count)
        tick = rows["tick"]
        shiver = self._random.standard_normal(count) * 0.2 * _SPREAD[which]
        mid = np.exp(self._price[which]) * 1e9 / _TICK[which] + shiver
        width = _SPREAD[which] * _REGIMES[self._regime[which]] ** 0.5 / live[which] ** 0.5
        spread = np.maximum(1, np.round(width * self._random.uniform(0.7, 1.4, count)))
        bid = np.maximum(1, np.floor(mid - spread / 2)).astype(np.int64)
        tick["instrument"] = _IDS[which]
        tick["bid"] = bid * _TICK[which]
        tick["ask"] = (bid + spread.astype(np.int64)) * _TICK[which]
        for name in ("bid_size", "ask_size"):
            lots = np.ceil(_DEPTH[which] * self._random.lognormal(-0.2, 0.6, count))
            tick[name] = lots.astype(np.int64) * _LOT[which]
        traded = self._random.random(count) < 0.3 * live[which]
        lots = np.ceil(_DEPTH[which] * self._random.exponential(0.15, count))
        tick["volume"] = traded * lots.astype(np.int64) * _LOT[which]
        return rows

    def _spoil(self, tick: Any, at: int) -> None:
        """Make one quote bad, in one of four ways."""
        kind = self._random.integers(0, 4)
        bid, ask = int(tick["bid"][at]), int(tick["ask"][at])
        if kind == 0:
            tick["bid"][at], tick["ask"][at] = ask + (ask - bid), bid
        elif kind == 1:
            tick["bid"][at] = 0
        elif kind == 2:
            tick["bid"][at], tick["ask"][at] = 2 * bid, 2 * ask
        else:
            tick["time"][at] -= int(self._random.integers(5, 20)) * NS


def _trades(tick: Any) -> Trades:
    """At the touch, by turns of one who buys and one who sells."""
    traded = tick[tick["volume"] > 0]
    trades = no_trades(len(traded))
    side = np.where(traded["time"] % 2, 1, -1)
    for name in ("instrument", "time"):
        trades[name] = traded[name]
    trades["side"] = side
    trades["price"] = np.where(side > 0, traded["ask"], traded["bid"])
    trades["size"] = traded["volume"]
    return trades
