"""Heartbeats and measures of the critical path's stages, kept in Redis for pages and probes.

A process measures each of its stages with a ``StageMeter`` and publishes its ``fields`` as a hash
under ``key(stage, instance)``; ``read_stages`` reads them all back. Nothing decides on these:
they are for people.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from redis import Redis

from trading import streams
from trading.histograms import HistogramMeter, written

STAGES = (
    "feed",
    "data-ingestor",
    "indicator-engine",
    "signal-generator",
    "risk-manager",
    "execution-engine",
    "broker",
)
EXPIRE_S = 30
FRESH_MS = 2_000
LATE_MS = 5_000

Status = Literal["fresh", "late", "dead"]
Latencies = npt.NDArray[np.int64]

_RING = 2_048
_RATE_POINTS = 10
_ERROR_WINDOW_S = 300.0
_ERROR_BUCKET_S = 5.0
HISTOGRAMS = "histograms"
_HISTOGRAMS_S = 10.0
"""The field of this name is published so often: it is for periods, not for now."""


def key(stage: str, instance: str) -> str:
    return streams.stage_key(stage, instance)


class StageMeter:
    """Latencies, rate, queue and errors of one stage in one process. Not thread-safe."""

    def __init__(self, stage: str, instance: str, *, every_s: float = 0.5) -> None:
        self.stage = stage
        self.instance = instance
        self.total = 0
        self._every_s = every_s
        self._ring: Latencies = np.zeros(_RING, dtype=np.int64)
        self._seen = 0
        self._histograms = HistogramMeter(time.time_ns())
        self._histograms_at = 0.0
        self._depth = 0
        self._errors: deque[tuple[float, int]] = deque()
        self._last_error = ""
        now = time.monotonic()
        self._due_at = now
        self._points: deque[tuple[float, int]] = deque([(now, 0)], maxlen=_RATE_POINTS)

    def observe(
        self, latency_ns: int, count: int = 1, *, of_period: Latencies | None = None
    ) -> None:
        """``count`` events passed the stage; the measured latency was ``latency_ns``.

        ``of_period``: what is counted for periods instead of it.
        """
        self._ring[self._seen % _RING] = latency_ns
        if of_period is None:
            self._histograms.observe(latency_ns)
        else:
            self.observe_of_period(of_period)
        self._seen += 1
        self.total += count

    def observe_of_period(self, latencies_ns: Latencies) -> None:
        """Counted for periods alone."""
        self._histograms.observe_many(latencies_ns)

    def observe_many(self, latencies_ns: Latencies) -> None:
        """One event per latency (nanoseconds, int64); the last 2,048 are kept."""
        count = len(latencies_ns)
        self.total += count
        self._histograms.observe_many(latencies_ns)
        kept = latencies_ns[-_RING:]
        start = self._seen % _RING
        first = min(len(kept), _RING - start)
        self._ring[start : start + first] = kept[:first]
        self._ring[: len(kept) - first] = kept[first:]
        self._seen += len(kept)

    def error(self, code: str) -> None:
        """One failure, named by a stable code; counted for five minutes."""
        now = time.monotonic()
        self._last_error = code
        if self._errors and now - self._errors[-1][0] < _ERROR_BUCKET_S:
            since, count = self._errors[-1]
            self._errors[-1] = (since, count + 1)
        else:
            self._errors.append((now, 1))

    def queue(self, depth: int) -> None:
        """How much waits before the stage now."""
        self._depth = depth

    def due(self) -> bool:
        """Whether it is time to publish ``fields``."""
        return time.monotonic() >= self._due_at

    def fields(self) -> dict[str, str]:
        """The measures as a hash, and the next publication is due ``every_s`` from now.

        ``rate`` is events a second over the last ten publications; percentiles are of the last
        2,048 latencies in microseconds, empty while there is none. Histograms are in every
        twentieth; a hash keeps the field that it is not given anew.
        """
        now = time.monotonic()
        self._due_at = now + self._every_s
        then, before = self._points[0]
        rate = (self.total - before) / max(now - then, self._every_s)
        self._points.append((now, self.total))
        fields = {
            "ts_wall": str(time.time_ns()),
            "every_ms": str(int(self._every_s * 1_000)),
            "pid": str(os.getpid()),
            "rate": f"{rate:.1f}",
            "queue": str(self._depth),
            "errors_5m": str(self._recent_errors(now)),
            "last_error": self._last_error,
            "total": str(self.total),
            "p50_us": "",
            "p95_us": "",
            "p99_us": "",
        }
        if self._seen:
            values = np.percentile(self._ring[: min(self._seen, _RING)], (50, 95, 99)) / 1_000
            for name, value in zip(("p50_us", "p95_us", "p99_us"), values, strict=True):
                fields[name] = f"{value:.1f}"
        if now >= self._histograms_at:
            self._histograms_at = now + _HISTOGRAMS_S
            fields[HISTOGRAMS] = written(self._histograms.taken(time.time_ns()))
        return fields

    def _recent_errors(self, now: float) -> int:
        while self._errors and now - self._errors[0][0] > _ERROR_WINDOW_S:
            self._errors.popleft()
        return sum(count for _, count in self._errors)


@dataclass(frozen=True)
class StageReading:
    """One instance of a stage as last published. Times in milliseconds, latencies in µs."""

    stage: str
    instance: str
    status: Status
    heartbeat_ms: int
    rate: float
    p50_us: float | None
    p95_us: float | None
    p99_us: float | None
    queue: int
    errors_5m: int
    last_error: str
    total: int
    extra: Mapping[str, str] = field(default_factory=dict)


def status_of(heartbeat_ms: int, every_ms: int = 0) -> Status:
    """fresh below two seconds, late below five, else dead.

    What beats every ``every_ms`` gets one and a half and three times that if it is more.
    """
    if heartbeat_ms < max(FRESH_MS, every_ms * 3 // 2):
        return "fresh"
    return "late" if heartbeat_ms < max(LATE_MS, every_ms * 3) else "dead"


def read_stages(redis: Redis) -> dict[str, list[StageReading]]:
    """Every stage that published within ``EXPIRE_S``; the path's stages always have a list.

    Beside ``STAGES`` there are ``workers`` (instance: queue), ``watchdog``, and ``alerts``, heard
    of when those of documents were evaluated.
    Raises redis.RedisError.
    """
    found = sorted({_text(one) for one in redis.scan_iter(match=key("*", "*"), count=1_000)})
    pipe = redis.pipeline(transaction=False)
    for name in found:
        pipe.hgetall(name)
    now = time.time_ns()
    stages: dict[str, list[StageReading]] = {stage: [] for stage in STAGES}
    for name, raw in zip(found, pipe.execute(), strict=True):
        values = {_text(k): _text(v) for k, v in raw.items()}
        if "ts_wall" not in values:  # expired between the two commands, or not a meter's
            continue
        stage, instance = name.split(":", 3)[2:]
        stages.setdefault(stage, []).append(_reading(stage, instance, values, now))
    return stages


def _reading(stage: str, instance: str, values: dict[str, str], now_ns: int) -> StageReading:
    heartbeat_ms = max(0, (now_ns - int(values.pop("ts_wall"))) // 1_000_000)
    return StageReading(
        stage=stage,
        instance=instance,
        status=status_of(heartbeat_ms, int(values.pop("every_ms", "") or 0)),
        heartbeat_ms=heartbeat_ms,
        rate=float(values.pop("rate", "") or 0),
        p50_us=_number(values.pop("p50_us", "")),
        p95_us=_number(values.pop("p95_us", "")),
        p99_us=_number(values.pop("p99_us", "")),
        queue=int(values.pop("queue", "") or 0),
        errors_5m=int(values.pop("errors_5m", "") or 0),
        last_error=values.pop("last_error", ""),
        total=int(values.pop("total", "") or 0),
        extra=values,
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
