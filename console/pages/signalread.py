"""What became of a strategy's signals today, as its page says it."""

import datetime as dt
from dataclasses import dataclass

from console.pages import formats
from trading.portfolio.books import day_start
from trading.selectors.signalling import signal_metrics


@dataclass(frozen=True)
class SignalsText:
    """Of one symbol."""

    symbol: str
    signals: str
    hits: str
    misses: str
    flats: str
    accuracy: str
    net: str
    title: str


def signals_of(key: str, now: dt.datetime) -> list[SignalsText]:
    """By symbol, since 00:00 UTC. Raises django.db.Error."""
    return [
        SignalsText(
            one.symbol,
            f"{one.signals:,}",
            f"{one.hits:,}",
            f"{one.misses:,}",
            f"{one.flats:,}",
            formats.UNKNOWN if one.accuracy is None else f"{one.accuracy:.0%}",
            formats.number(one.net_bp, 1, plus=True),
            f"mean confidence {one.confidence_mean:.2f}, {one.waiting:,} wait for their horizon,"
            f" {one.unknown:,} not known",
        )
        for one in signal_metrics(since=day_start(now), strategy=key)
    ]
