"""Latencies counted in buckets, ten minutes at a time: counts of any period add up. Pure.

A bucket is 2 % wider than the one before; a percentile (nearest rank) is told as the upper edge of
its bucket, so it is never less than it was and at most 2 % (and a microsecond) more.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log

import msgspec
import numpy as np
import numpy.typing as npt

from trading.clock import NS

WIDTH = 1.02
FLOOR_NS = 1_000
"""What took no longer is in bucket 0."""

SPAN_NS = 600 * NS
KEPT = 3
"""Ended ones that are still published: whoever keeps them may have been away for a while."""

_LOG_WIDTH = log(WIDTH)
Counts = Mapping[int, int]


class Histogram(msgspec.Struct, frozen=True):
    """``counts`` of each bucket, measured from ``began_ns`` to ``ended_ns``, wall clock."""

    began_ns: int
    ended_ns: int
    counts: dict[int, int]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Microseconds, rounded up."""

    p50_us: int
    p95_us: int
    p99_us: int


def bucket_of(latency_ns: int) -> int:
    if latency_ns <= FLOOR_NS:
        return 0
    return ceil(log(latency_ns / FLOOR_NS) / _LOG_WIDTH)


def edge_us(bucket: int) -> float:
    """The largest latency in it, microseconds."""
    return float(WIDTH**bucket * FLOOR_NS / 1_000)


def percentiles(counts: Counts) -> Percentiles | None:
    """None of nothing."""
    total = sum(counts.values())
    if not total:
        return None
    return Percentiles(*(ceil(edge_us(_rank(counts, share, total))) for share in (50, 95, 99)))


def _rank(counts: Counts, percent: int, total: int) -> int:
    wanted, seen = -(-total * percent // 100), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return bucket
    raise AssertionError("the counts are fewer than their sum")


def added(several: Iterable[Counts]) -> Counts:
    found: Counter[int] = Counter()
    for counts in several:
        found.update(counts)
    return found


class HistogramMeter:
    """What one process measures. ``now_ns`` is wall time; a clock that is stepped back ends a
    histogram early. Not thread-safe."""

    def __init__(self, now_ns: int) -> None:
        self._ended: deque[Histogram] = deque(maxlen=KEPT)
        self._began_ns = now_ns
        self._counts: Counter[int] = Counter()

    def observe(self, latency_ns: int) -> None:
        self._counts[bucket_of(latency_ns)] += 1

    def observe_many(self, latencies_ns: npt.NDArray[np.int64]) -> None:
        units = np.maximum(latencies_ns, FLOOR_NS) / FLOOR_NS
        buckets = np.ceil(np.log(units) / _LOG_WIDTH).astype(np.int64)
        found, counts = np.unique(buckets, return_counts=True)
        self._counts.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def taken(self, now_ns: int) -> list[Histogram]:
        """Those that ended lately and the one that is being counted, where it has anything."""
        counted = Histogram(self._began_ns, max(now_ns, self._began_ns), dict(self._counts))
        if not 0 <= now_ns - self._began_ns < SPAN_NS:
            if self._counts:
                self._ended.append(counted)
            self._began_ns, self._counts = now_ns, Counter()
            return list(self._ended)
        return [*self._ended, *([counted] if self._counts else ())]


_decoder = msgspec.json.Decoder(list[Histogram])


def written(several: Iterable[Histogram]) -> str:
    return msgspec.json.encode(list(several)).decode()


def read(text: str) -> list[Histogram]:
    """Raises msgspec.ValidationError, msgspec.DecodeError."""
    return _decoder.decode(text)
