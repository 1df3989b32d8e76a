"""How good signals are: how many, how sure, and what became of them. Database only.

By strategy and symbol, over signals made since a moment. Raises django.db.Error.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from trading.clock import utc_now
from trading.models import Signal, Strategy
from trading.strategies.outcomes import GRACE_NS, Outcome

BINS = 10
"""Bins of confidence: each a tenth wide, its lower edge included; 1 belongs to the last."""

SLOW_US = 10_000_000
"""Longer than this from the tick to the signal is too slow (incident-response-runbook)."""

_GRACE_S = GRACE_NS // 1_000_000_000

_BIN = "count(*) FILTER (WHERE least(width_bucket(confidence, 0, 1, {most}), {most}) = {at})"
_METRICS = """
SELECT strategy_id, symbol, count(*),
       count(*) FILTER (WHERE direction > 0), count(*) FILTER (WHERE direction = 0),
       count(*) FILTER (WHERE direction < 0),
       count(*) FILTER (WHERE outcome = 'hit'), count(*) FILTER (WHERE outcome = 'miss'),
       count(*) FILTER (WHERE outcome = 'flat'),
       count(*) FILTER (WHERE direction <> 0 AND outcome = '' AND created_at + make_interval(
           secs => horizon_s + greatest(horizon_s, %(grace)s)) > clock_timestamp()),
       round(avg(direction * (outcome_price - price) / price * 10000)
           FILTER (WHERE outcome IN ('hit', 'miss', 'flat')), 4),
       round(avg((direction * (outcome_price - price) - spread) / price * 10000)
           FILTER (WHERE outcome IN ('hit', 'miss', 'flat')), 4),
       avg(confidence), percentile_cont(0.5) WITHIN GROUP (ORDER BY confidence),
       count(*) FILTER (WHERE confidence = 0),
       array[{bins}],
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_us), max(created_at)
FROM trading_signal
WHERE created_at >= %(since)s AND (%(strategy)s = '' OR strategy_id = %(strategy)s)
      AND (%(symbol)s = '' OR symbol = %(symbol)s)
GROUP BY strategy_id, symbol ORDER BY strategy_id, symbol
""".format(bins=", ".join(_BIN.format(most=BINS, at=at) for at in range(1, BINS + 1)))


@dataclass(frozen=True, slots=True)
class SignalMetrics:
    """Of one strategy in one symbol.

    ``waiting``: to a side, and their horizon has not passed. ``move_bp`` is the mean move from the
    mid then to the mid at the horizon, in the signal's direction; ``net_bp`` the same less the
    spread then. ``bins`` count by confidence (``BINS``).
    """

    strategy: str
    symbol: str
    signals: int
    long: int
    flat: int
    short: int
    hits: int
    misses: int
    flats: int
    waiting: int
    move_bp: Decimal | None
    net_bp: Decimal | None
    confidence_mean: float
    confidence_median: float
    zero: int
    bins: list[int]
    latency_p95_us: int
    last_at: dt.datetime

    @property
    def judged(self) -> int:
        return self.hits + self.misses + self.flats

    @property
    def unknown(self) -> int:
        """Forecasts whose horizon passed without a price to judge them by."""
        return self.long + self.short - self.judged - self.waiting

    @property
    def accuracy(self) -> float | None:
        """Hits of hits and misses, of 1; None before either."""
        decided = self.hits + self.misses
        return self.hits / decided if decided else None

    def per_hour(self, period_s: float) -> float:
        return self.signals / period_s * 3600


def signal_metrics(
    *,
    since: dt.datetime,
    strategy: str = "",
    symbol: str = "",
    strategies: Collection[str] | None = None,
) -> list[SignalMetrics]:
    """By strategy and symbol; of ``strategies`` alone if given."""
    asked: dict[str, Any] = {
        "since": since,
        "strategy": strategy,
        "symbol": symbol,
        "grace": _GRACE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(_METRICS, {**asked, "grace": _GRACE_S})
        found = [SignalMetrics(*row) for row in cursor.fetchall()]
    return [one for one in found if strategies is None or one.strategy in strategies]


def move_bp(signal: Signal) -> Decimal | None:
    """From the mid then to the mid at the horizon in its direction, basis points."""
    if signal.outcome_price is None or not signal.direction:
        return None
    return Decimal(signal.direction * (signal.outcome_price - signal.price) / signal.price * 10_000)


def of_two_prices(signal: Signal) -> bool:
    """Whether it forecasts a difference, which the price of one instrument does not judge."""
    return signal.strategy.kind == Strategy.Kind.ARBITRAGE


def problems_of(signal: Signal) -> list[str]:
    """What is wrong with one signal by the runbook's symptoms: codes, none when it is sound."""
    grace_s = signal.horizon_s + max(signal.horizon_s, _GRACE_S)
    passed = signal.created_at + dt.timedelta(seconds=grace_s) < utc_now()
    unjudged = signal.outcome == Outcome.UNKNOWN or (not signal.outcome and passed)
    found = {
        "ZERO_CONFIDENCE": signal.confidence == 0,
        "SLOW": signal.latency_us > SLOW_US,
        "NO_OUTCOME": bool(signal.direction) and unjudged and not of_two_prices(signal),
    }
    return [code for code, is_so in found.items() if is_so]
