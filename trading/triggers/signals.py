"""The runbook's alarms of signal generation: none for long, none sure, none in time.

Silence is counted, not measured between two times: only while an instrument of a strategy that may
signal is quoted. So nights, holidays and halts of a market, and a feed that is out (which has a
trigger of its own), add nothing to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from riskctl.holds import FIRM
from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import SIGNAL_LATENCY, SIGNALS_SILENT, SIGNALS_ZERO
from trading.clock import NS
from trading.portfolio.books import Books, StrategyRow
from trading.portfolio.market import LATE_NS, FeedPhase, Market
from trading.triggers.stored import Activity

COUNT_LEAST, TIMED_LEAST = 10, 5
STEP_NS = 2 * NS
"""A longer time between two looks is nobody's silence but ours."""

READ_NS = 60 * NS
"""Signals read longer ago than this say nothing about now."""

SIGNALLING = frozenset({"monitor", "paper", "ramp", "live"})


@dataclass(frozen=True, slots=True)
class SignalsSeen:
    """What is known now. ``rungs``: of each strategy; ``boot_ns``: when."""

    books: Books
    market: Market
    phase: FeedPhase
    activity: Activity
    rungs: Mapping[str, str]
    boot_ns: int


class SignalWatch:
    """Counts the silence; everything else is as read."""

    def __init__(self) -> None:
        self._newest = 0
        self._silent_ns = 0
        self._looked_ns: int | None = None

    def readings(self, seen: SignalsSeen) -> Iterable[Reading]:
        """Of the firm, and of each strategy with enough signals to say."""
        activity, now = seen.activity, seen.boot_ns
        signalling = [one for one in seen.books.strategies if seen.rungs.get(one.key) in SIGNALLING]
        keys = {one.key for one in signalling}
        self._count(activity, now, quoted=_quoted(signalling, seen))
        if signalling and activity.read_ns:
            known = now - activity.read_ns <= READ_NS
            seconds = Decimal(self._silent_ns // (NS // 10)) / 10
            detail = "" if known else "signals have not been read for a minute"
            yield Reading(SIGNALS_SILENT, FIRM, seconds if known else None, now, detail)
        for key, facts in activity.made.items():
            if key not in keys:
                continue
            scope, at = f"strategy:{key}", facts.newest_us
            if facts.count >= COUNT_LEAST:
                share = Decimal(facts.zero) / facts.count
                yield Reading(SIGNALS_ZERO, scope, share, at, f"{facts.count} signals")
            if facts.timed >= TIMED_LEAST:
                took = Decimal(facts.latency_us) / 1_000_000
                yield Reading(SIGNAL_LATENCY, scope, took, at, f"{facts.timed} signals")

    def _count(self, activity: Activity, now_ns: int, *, quoted: bool) -> None:
        newest = max((one.newest_us for one in activity.made.values()), default=0)
        step = 0 if self._looked_ns is None else min(now_ns - self._looked_ns, STEP_NS)
        self._looked_ns = now_ns
        if newest > self._newest:
            self._newest, self._silent_ns = newest, 0
        elif quoted:
            self._silent_ns += step


def _quoted(strategies: Iterable[StrategyRow], seen: SignalsSeen) -> bool:
    """Whether an instrument of one of ``strategies`` trades now."""
    market = seen.market
    if seen.phase != "running" or market.clock_ns is None:
        return False
    for one in strategies:
        for symbol in one.symbols:
            quote = market.quote(symbol)
            if quote is not None and market.clock_ns - quote.time_ns < LATE_NS:
                return True
    return False
