"""Keeps what the path's stages count of their latencies, so that any period's can be told."""

from collections.abc import Iterator
from typing import Any

import structlog
from django.db import connection
from msgspec import DecodeError

from audit.batch import batch_sql, batch_value
from trading import histograms
from trading.clock import utc_from_ns
from trading.health import HISTOGRAMS, STAGES
from trading.portfolio.standing import Stages

log = structlog.get_logger(__name__)

_COLUMNS = ("stage", "instance", "began_at", "ended_at", "counts", "total")
_TYPES = {
    "began_at": "timestamptz", "ended_at": "timestamptz", "counts": "jsonb", "total": "bigint",
}  # fmt: skip
_SQL = batch_sql(
    "trading_latencyhistogram", _COLUMNS, _TYPES,
    "ON CONFLICT (stage, instance, began_at) DO UPDATE SET ended_at = EXCLUDED.ended_at,"
    " counts = EXCLUDED.counts, total = EXCLUDED.total"
    " WHERE trading_latencyhistogram.total < EXCLUDED.total",
)  # fmt: skip

Rows = list[tuple[Any, ...]]


def latency_rows(stages: Stages) -> Rows:
    """What the stages publish of themselves, as rows."""
    return [row for stage in STAGES for row in _rows(stage, stages)]


def _rows(stage: str, stages: Stages) -> Iterator[tuple[Any, ...]]:
    for one in stages.get(stage, ()):
        try:
            found = histograms.read(one.extra.get(HISTOGRAMS, "[]"))
        except DecodeError as error:
            log.warning("latencies.unreadable", stage=stage, by=one.instance, error=str(error))
            continue
        for made in found:
            began, ended = utc_from_ns(made.began_ns), utc_from_ns(made.ended_ns)
            total = sum(made.counts.values())
            yield stage, one.instance, began, ended, made.counts, total


def latencies_keep(rows: Rows) -> None:
    """Write them, or what they have grown by. Raises django.db.Error."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_SQL, [batch_value(_COLUMNS, rows)])
