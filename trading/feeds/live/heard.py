"""What a live source hears, in the desk's numbers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from trading.feeds import raw
from trading.feeds.lines import LARGEST
from trading.feeds.raw import RawBatch
from trading.ticks import no_trades
from trading.universe import to_nano

LATEST = 2**63
"""Times must fit into 64 bits."""


class Quote(NamedTuple):
    """``received`` and ``time`` in ns, ours and theirs; prices and sizes in nano."""

    received: int
    instrument: int
    time: int
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    halted: bool


class Trade(NamedTuple):
    instrument: int
    side: int
    time: int
    price: int
    size: int


class Garbled(NamedTuple):
    received: int
    text: str


Heard = Quote | Trade | Garbled


def nano(value: Any) -> int:
    """A number as text or as JSON read it. Raises ValueError, ArithmeticError."""
    found = to_nano(Decimal(str(value)))
    if abs(found) >= LARGEST:
        raise ValueError(f"{value} is too large")
    return found


def moment(value: Any, unit_ns: int) -> int:
    """A time since the epoch as ns. Raises ValueError, ArithmeticError, TypeError."""
    found = int(value) * unit_ns
    if not 0 <= found < LATEST:
        raise ValueError(f"{value} is no time")
    return found


@dataclass
class Taken:
    """Turns what sources heard into raw rows; a quote carries what was traded since the last."""

    sources: int
    _lines: list[int] = field(init=False)
    _volumes: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lines = [0] * self.sources

    def batch(
        self, heard: Iterable[tuple[int, Heard]], clock_ns: int, down: frozenset[int]
    ) -> RawBatch:
        """``heard``: source and what it heard, in the order in which that came."""
        told = list(heard)
        rows = raw.empty(sum(not isinstance(one, Trade) for _, one in told))
        faults, trades = {}, []
        at = 0
        for source, one in told:
            if isinstance(one, Trade):
                key = source, one.instrument
                # Trades of a market that is not quoted add up: a tick holds no more than this.
                self._volumes[key] = min(self._volumes.get(key, 0) + one.size, LARGEST)
                trades.append((source, one))
                continue
            self._lines[source] += 1
            row, tick = rows[at], rows[at]["tick"]
            row["line"], row["clock"], tick["source"] = self._lines[source], one.received, source
            at += 1
            if isinstance(one, Garbled):
                row["malformed"], tick["instrument"] = True, -1
                faults[source, self._lines[source]] = one.text
                continue
            row["halted"] = one.halted
            for name in ("instrument", "time", "bid", "ask", "bid_size", "ask_size"):
                tick[name] = getattr(one, name)
            tick["volume"] = self._volumes.pop((source, one.instrument), 0)
        made = no_trades(len(trades))
        for row, (source, trade) in zip(made, trades, strict=True):
            row["source"] = source
            for name, value in trade._asdict().items():
                row[name] = value
        return RawBatch(rows, clock_ns, faults, down, made)
