"""The stages' names, every instance of them as a row, and their last quarter of an hour."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import msgspec
from redis.exceptions import RedisError

from console.pages import formats
from console.stores import redis_client
from trading.portfolio.past import KEY

WORDS = {
    "feed": ("Feeds", "feed", "ticks/s"),
    "data-ingestor": ("Ingestor", "ingestor", "ticks/s"),
    "indicator-engine": ("Indicators", "shard", "ticks/s"),
    "signal-generator": ("Signals", "shard", "signals/s"),
    "risk-manager": ("Risk check", "gateway", "orders/s"),
    "execution-engine": ("Gateway", "account", "orders/s"),
    "broker": ("Venues", "account", "acks/s"),
}
"""Stage to its name on the page, what an instance of it is called, and the unit of its rate."""

BESIDE_WORDS = {
    "workers": "Tasks", "watchdog": "Watchdog", "recorder": "Recorder", "alerts": "Alerts",
}  # fmt: skip


class WorkerLine(msgspec.Struct, frozen=True):
    """One instance of a stage, or of what stands beside the path."""

    stage: str
    instance: str
    status: str = "dead"
    heartbeat_ms: int | None = None
    rate: Decimal | None = None
    p99_us: int | None = None
    queue: int | None = None
    errors: int | None = None
    last_error: str = ""


@dataclass(frozen=True)
class WorkerView:
    key: str
    name: str
    instance: str
    status: str
    heartbeat: str
    rate: str
    p99: str
    queue: str
    errors: str
    last_error: str


def workers_of(lines: list[WorkerLine] | None) -> list[WorkerView] | None:
    """None when nothing is known of them."""
    return None if lines is None else [_worker(one) for one in lines]


SPANS = {"1m": ("1 min", 60), "5m": ("5 min", 300), "15m": ("15 min", 900)}
"""How far back the stages' lines go: as the address says it (``?past=5m``), in words, seconds."""


@dataclass(frozen=True)
class Span:
    name: str
    words: str
    seconds: int
    now: bool


def spans_of(asked: str) -> list[Span]:
    """What may be chosen; another than there is counts as the longest."""
    chosen = asked if asked in SPANS else "15m"
    return [Span(name, words, seconds, name == chosen) for name, (words, seconds) in SPANS.items()]


def past_read() -> dict[str, Any] | None:
    """The stages' last quarter of an hour (trading.portfolio.past); None when it is not known."""
    try:
        found = cast("bytes | None", redis_client().get(KEY))
    except RedisError:
        return None
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def count_words(value: int | None) -> str:
    return formats.UNKNOWN if value is None else f"{value:,}"


def rate_words(value: Decimal | None) -> str:
    """Whole numbers, one decimal below ten."""
    return formats.number(value, 1 if value is not None and 0 < value < 10 else 0)


def _worker(one: WorkerLine) -> WorkerView:
    name = WORDS[one.stage][0] if one.stage in WORDS else BESIDE_WORDS.get(one.stage, one.stage)
    return WorkerView(
        key=f"{one.stage}/{one.instance}",
        name=name,
        instance=one.instance,
        status=one.status,
        heartbeat=formats.age(one.heartbeat_ms),
        rate=rate_words(one.rate),
        p99=formats.latency(one.p99_us),
        queue=count_words(one.queue),
        errors=count_words(one.errors),
        last_error=one.last_error,
    )
