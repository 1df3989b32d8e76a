"""When exchanges trade, by day, as compiled from exchange-calendars (scripts/calendars.py). Pure.

Hours are minutes of the exchange's wall clock from the midnight that begins the session's day: a
session that opens on the evening before begins below zero. Several of one day have a break between.
"""

import datetime as dt
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPILED = Path(__file__).resolve().with_name("calendars.json")
Hours = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Calendar:
    """``regular``: of Monday to Friday, from a day on; days ``shut``, days of ``other`` hours."""

    zone: str
    regular: tuple[tuple[dt.date, Hours], ...]
    shut: frozenset[dt.date]
    other: Mapping[dt.date, Hours]

    def hours(self, day: dt.date) -> Hours:
        """Of the session of ``day``; empty: there is none."""
        if day in self.other:
            return self.other[day]
        if day.weekday() > 4 or day in self.shut:
            return ()
        return self.regular[bisect_right(self.regular, day, key=lambda one: one[0]) - 1][1]


@dataclass(frozen=True)
class Calendars:
    """By ISO 10383 code. Known from the day ``since`` to the day ``until``, both included."""

    since: dt.date
    until: dt.date
    by_code: Mapping[str, Calendar]


def read_calendars(text: str) -> Calendars:
    said = json.loads(text)
    return Calendars(
        dt.date.fromisoformat(said["since"]),
        dt.date.fromisoformat(said["until"]),
        {code: _calendar(one) for code, one in said["calendars"].items()},
    )


def _calendar(said: Mapping[str, Any]) -> Calendar:
    return Calendar(
        said["zone"],
        tuple((dt.date.fromisoformat(day), _hours(hours)) for day, hours in said["regular"]),
        frozenset(_days(said["shut"])),
        {day: _hours(hours) for hours, years in said["other"] for day in _days(years)},
    )


def _hours(said: list[list[int]]) -> Hours:
    return tuple((opens, closes) for opens, closes in said)


def _days(years: Mapping[str, str]) -> list[dt.date]:
    """``{"2026": "01-01 12-25"}``"""
    return [dt.date.fromisoformat(f"{year}-{day}") for year, days in years.items()
            for day in days.split()]  # fmt: skip


CALENDARS = read_calendars(COMPILED.read_text())
WARN_DAYS = 30


def calendars_end(now: dt.datetime, calendars: Calendars = CALENDARS) -> tuple[bool, str]:
    """Whether hours of exchanges are known now, and words: ``ok``, or when they end."""
    left = (calendars.until - now.date()).days
    if left < 0:
        return False, f"hours of exchanges are not known after {calendars.until}: make calendars"
    if left < WARN_DAYS:
        return True, f"ok: hours of exchanges end on {calendars.until}: make calendars"
    return True, "ok"
