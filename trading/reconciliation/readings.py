"""The newest readings of the venue, as its gateway wrote them down."""

import datetime as dt

from trading.models import VenueReading
from trading.reconciliation.compare import ORDER_GRACE, Earlier
from trading.reconciliation.word import ReadingError, Word, word_of

FRESH = dt.timedelta(seconds=30)
"""A reading older than this says nothing of now (the gateway reads every ten seconds)."""


def newest_reading(account: str) -> VenueReading | None:
    return VenueReading.objects.filter(account=account).order_by("-taken_at", "-id").first()


def word_of_reading(reading: VenueReading, now: dt.datetime) -> Word:
    """What the venue said. Raises ReadingError when that is too old, or cannot be read."""
    age = now - reading.taken_at
    if age > FRESH:
        raise ReadingError(f"no reading of the venue for {age.total_seconds():.0f} s")
    return _word(reading)


def earlier_reading(account: str, now: dt.datetime) -> Earlier | None:
    """The newest reading that is older than the grace for orders. Raises ReadingError."""
    readings = VenueReading.objects.filter(account=account, taken_at__lte=now - ORDER_GRACE)
    row = readings.order_by("-taken_at", "-id").first()
    return None if row is None else Earlier(row.taken_at, _word(row).orders.keys())


def _word(reading: VenueReading) -> Word:
    try:
        return word_of(
            taken_at=reading.taken_at,
            fill_sequence=reading.fill_sequence,
            positions=reading.positions,
            open_orders=reading.open_orders,
            balances=reading.balances,
        )
    except ReadingError as error:
        raise ReadingError(f"the venue's reading cannot be read: {error}") from error
