"""What the watchdog does for holds that are not proven yet, every half second."""

import datetime as dt

import structlog
from psycopg import Error

from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.models import Hold, ReceiptStep
from riskctl.placing import hold_follow, pending_write
from riskctl.selectors import fact_of
from riskctl.unrecorded import entries_write

log = structlog.get_logger(__name__)

LEAVE_S = 2.0
"""Who placed a hold proves it; after so long it is for us to do."""
AT_ONCE = 5


def receipts_follow(*, now: dt.datetime | None = None, desk: BrakesDesk | None = None) -> int:
    """Write up what is kept, and prove holds that are in force without proof; how many were.

    Raises django.db.Error while the database is away.
    """
    at = desk or brakes_desk()
    try:
        written = pending_write(desk=at)
        if written:
            log.warning("holds.written-up", count=written)
        entered = entries_write(at)
        if entered:
            log.warning("entries.written-up", count=entered)
    except Error as error:
        log.warning("holds.not-written-up", error=str(error).strip())
    except ValueError as error:
        log.critical("holds.unreadable", error=str(error))
    before = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(seconds=LEAVE_S)
    proven = ReceiptStep.objects.filter(name="effective").values("hold")
    rows = Hold.objects.filter(lift=None, recorded_at__lt=before).exclude(id__in=proven)
    return sum(hold_follow(fact_of(row), desk=at) for row in rows.order_by("placed_at")[:AT_ONCE])
