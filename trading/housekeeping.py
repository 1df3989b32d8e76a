"""Removes what has been kept long enough. Orders, fills, positions and the record stay for good."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import models
from django.db.models import Max

from trading.clock import utc_now
from trading.models import (
    BooksCheck,
    FeedReject,
    FeedSession,
    PnlPoint,
    Reconciliation,
    Signal,
    VenueReading,
)

BATCH = 5_000


@dataclass(frozen=True)
class Retention:
    """How long each kind is kept."""

    signals: dt.timedelta = dt.timedelta(days=30)
    pnl_points: dt.timedelta = dt.timedelta(days=30)
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
    return {name: _remove(rows) for name, rows in old.items()}


def _remove(rows: models.QuerySet[models.Model]) -> int:
    removed = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        removed += rows.model._default_manager.filter(pk__in=ids).delete()[0]
    return removed
