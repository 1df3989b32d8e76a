"""``period`` of the metrics: how far back from now, as the runbooks write it (``1h``, ``24h``)."""

import datetime as dt
import re

from console.api.queries import Field

MOST = dt.timedelta(days=30)
"""Signals are kept for no longer; prices for a week more, so that it begins with one."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _period(text: str) -> dt.timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", text)
    if not found:
        raise ValueError(text)
    span = dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
    if span > MOST:
        raise ValueError(text)
    return span


def period_field(default: str) -> Field:
    """``default`` is for the reader: the view takes it when none is given."""
    return Field(
        "period", _period, "a whole number and s, m, h or d, at most 30d",
        f"How far back from now; {default} when not given.",
        {"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$", "default": default},
    )  # fmt: skip
