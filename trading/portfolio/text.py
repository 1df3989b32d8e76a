"""Figures as they travel in frames and answers: exact decimal strings, RFC 3339 times. Pure."""

import datetime as dt
from decimal import ROUND_HALF_EVEN, Context, Decimal

_WIDE = Context(prec=120, rounding=ROUND_HALF_EVEN)
CENT = Decimal("0.01")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def money(figure: Decimal | None) -> str | None:
    """To the cent, half to even; unknown stays None, and there is no minus zero."""
    if figure is None:
        return None
    rounded = figure.quantize(CENT, context=_WIDE)
    return format(abs(rounded) if rounded == 0 else rounded, "f")


def exact(figure: Decimal | None) -> str | None:
    """All its digits without trailing zeros."""
    if figure is None:
        return None
    shown = format(figure, "f")
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown == "-0" else shown


def price(figure: Decimal | None, grain: Decimal) -> str | None:
    """With the decimals of ``grain``, always: a column of prices keeps its places."""
    if figure is None:
        return None
    places = grain.normalize().as_tuple().exponent
    fine = Decimal(1).scaleb(min(0, places)) if isinstance(places, int) else grain
    return format(figure.quantize(fine, context=_WIDE), "f")


def moment(at: dt.datetime | None) -> str | None:
    """UTC, RFC 3339 with microseconds."""
    return None if at is None else at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def age_ms(at: dt.datetime, now: dt.datetime) -> int:
    """Whole milliseconds from ``at`` to ``now``; never negative."""
    return max(0, (now - at) // dt.timedelta(milliseconds=1))


def ns_of(at: dt.datetime) -> int:
    """Nanoseconds since the epoch of an aware time, exact to the microsecond."""
    return (at - _EPOCH) // dt.timedelta(microseconds=1) * 1_000
