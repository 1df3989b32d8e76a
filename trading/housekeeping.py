"""Removes what has been kept long enough. Orders, fills, positions and the record stay for good."""

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, models, transaction
from django.db.models import Max

from audit import record
from trading.clock import utc_now
from trading.feeds.recordings import recordings
from trading.models import (
    BooksCheck,
    FeedReject,
    FeedSession,
    LatencyHistogram,
    PnlPoint,
    PricePoint,
    Reconciliation,
    Signal,
    VenueReading,
)

BATCH = 5_000
MB = 1_000_000
_THINNED_BACK = dt.timedelta(days=7)
"""What is older was thinned by an earlier run: this one runs every day."""
_THINNED = """
DELETE FROM trading_pricepoint WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY symbol, date_bin('1 minute', at, '2000-01-01Z') ORDER BY at DESC, id DESC
        ) AS place
        FROM trading_pricepoint WHERE at < %s AND at >= %s
    ) AS placed WHERE place > 1 LIMIT %s
)
"""


@dataclass(frozen=True)
class Retention:
    """How long each kind is kept."""

    signals: dt.timedelta = dt.timedelta(days=30)
    pnl_points: dt.timedelta = dt.timedelta(days=30)
    price_points: dt.timedelta = dt.timedelta(days=37)
    """Metrics look 30 days back, and begin at the last price before: a market may have been closed
    for a weekend and its holidays then."""
    every_price: dt.timedelta = dt.timedelta(days=2)
    """Older than this, the last price point of each minute stays."""
    latency_histograms: dt.timedelta = dt.timedelta(days=31)
    venue_readings: dt.timedelta = dt.timedelta(days=7)
    feed_rejects: dt.timedelta = dt.timedelta(days=30)
    books_checks: dt.timedelta = dt.timedelta(days=90)
    reconciliations: dt.timedelta = dt.timedelta(days=7)


def housekeeping_run(
    *, now: dt.datetime | None = None, retention: Retention = Retention()
) -> Mapping[str, int]:
    """Remove old rows in small transactions; how many of each kind went.

    The latest reading of each venue account and the latest check of the books stay, however old:
    they are what is known.
    """
    now = now or utc_now()
    latest_readings = VenueReading.objects.values("account").annotate(latest=Max("id"))
    # The newest carries the opening cash and the last moment of agreement on.
    latest_runs = Reconciliation.objects.values("account").annotate(latest=Max("id"))
    latest_check = BooksCheck.objects.order_by("-at").values("id")[:1]
    sessions = FeedSession.objects.filter(started_at__lt=now - retention.feed_rejects)
    old: dict[str, models.QuerySet[models.Model]] = {
        "signals": Signal.objects.filter(created_at__lt=now - retention.signals),
        "pnl_points": PnlPoint.objects.filter(at__lt=now - retention.pnl_points),
        "price_points": PricePoint.objects.filter(at__lt=now - retention.price_points),
        "latency_histograms": LatencyHistogram.objects.filter(
            ended_at__lt=now - retention.latency_histograms
        ),
        "venue_readings": VenueReading.objects.filter(
            taken_at__lt=now - retention.venue_readings
        ).exclude(id__in=latest_readings.values("latest")),
        "feed_rejects": FeedReject.objects.filter(
            session__in=sessions.filter(ended_at__isnull=False)
        ),
        "books_checks": BooksCheck.objects.filter(at__lt=now - retention.books_checks).exclude(
            id__in=latest_check
        ),
        "reconciliations": Reconciliation.objects.filter(
            at__lt=now - retention.reconciliations
        ).exclude(id__in=latest_runs.values("latest")),
    }
    removed = {name: _remove(rows) for name, rows in old.items()}
    removed["price_points"] += _thin(now - retention.every_price)
    return removed


def _thin(before: dt.datetime) -> int:
    """Leave of the price points older than ``before`` the last of each minute."""
    removed = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_THINNED, [before, before - _THINNED_BACK, BATCH])
            gone = int(cursor.rowcount)
            removed += gone
            if gone < BATCH:
                return removed


def _remove(rows: models.QuerySet[models.Model]) -> int:
    removed = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        removed += rows.model._default_manager.filter(pk__in=ids).delete()[0]
    return removed


@transaction.atomic
def recordings_prune(*, folder: Path, now: dt.datetime, days: int, most_mb: int) -> list[str]:
    """Remove closed days older than ``days``, and the oldest beyond ``most_mb``; which went.

    Raises OSError and db.Error.
    """
    kept = recordings(folder)
    left = sum(one.bytes for one in kept)
    removed = []
    for one in (one for one in kept if one.closed):
        if (now.date() - one.day).days <= days and left <= most_mb * MB:
            break
        record.record(
            action="recording.remove",
            actor_kind="process",
            actor="housekeeping",
            object_kind="recording",
            object_id=one.day.isoformat(),
            reason=f"kept are {days} days and {most_mb} MB",
            after={"symbols": list(one.symbols), "bytes": one.bytes},
        )
        shutil.rmtree(one.folder)
        left -= one.bytes
        removed.append(one.day.isoformat())
    return removed
