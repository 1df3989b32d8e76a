"""Compiles trading/calendars.json from exchange-calendars: `make calendars`.

The library comes with pandas, which takes longer to import than the desk to start, so nothing that
runs imports it (docs/operations.md#calendars). It knows one year ahead.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import exchange_calendars
from exchange_calendars import ExchangeCalendar
from pandas import isnull

COMPILED = Path(__file__).resolve().parent.parent / "trading" / "calendars.json"
CODES = ("XNYS", "XLON", "XTKS", "CMES", "IEPA", "XEUR")
SINCE = dt.date(1998, 1, 1)
PAUSED = {"CMES": ((SINCE, 16 * 60 + 15), (dt.date(2015, 9, 21), 16 * 60))}
"""Globex closes for the rest of the hour before the next session opens; the library joins them."""

Hours = list[list[int]]


def compiled(until: dt.date | None = None) -> dict[str, Any]:
    """What the library says from ``SINCE`` to the day ``until``; None: as far as it knows."""
    found = {code: exchange_calendars.get_calendar(code, start=SINCE, end=until) for code in CODES}
    until = until or min(one.last_session.date() for one in found.values())
    return {
        "made of": f"exchange-calendars {exchange_calendars.__version__}",
        "since": SINCE.isoformat(),
        "until": until.isoformat(),
        "calendars": {code: _calendar(code, one, until) for code, one in found.items()},
    }


def _calendar(code: str, said: ExchangeCalendar, until: dt.date) -> dict[str, Any]:
    days = {day: hours for day, hours in _sessions(code, said) if day <= until}
    eras = _eras(code, said)
    weekdays = [
        day for n in range((until - SINCE).days + 1)
        if (day := SINCE + dt.timedelta(n)).weekday() < 5
    ]  # fmt: skip
    other: dict[str, list[dt.date]] = defaultdict(list)
    for day, hours in days.items():
        if day.weekday() > 4 or hours != [one for since, one in eras if since <= day][-1]:
            other[json.dumps(hours)].append(day)
    return {
        "zone": str(said.tz),
        "regular": [[since.isoformat(), hours] for since, hours in eras],
        "shut": _by_year(day for day in weekdays if day not in days),
        "other": [[json.loads(hours), _by_year(of)] for hours, of in sorted(other.items())],
    }


def _sessions(code: str, said: Any) -> Iterable[tuple[dt.date, Hours]]:
    for at, row in said.schedule.iterrows():
        day = at.date()
        ends = [row["open"], row["break_start"], row["break_end"], row["close"]]
        minutes = [
            int((one.tz_convert(said.tz).tz_localize(None) - at).total_seconds() // 60)
            for one in ends if not isnull(one)
        ]  # fmt: skip
        minutes[-1] = min(minutes[-1], _latest(code, day))
        yield day, [minutes[n : n + 2] for n in range(0, len(minutes), 2)]


def _latest(code: str, day: dt.date) -> int:
    return next((last for since, last in reversed(PAUSED.get(code, ())) if since <= day), 24 * 60)


def _eras(code: str, said: ExchangeCalendar) -> list[tuple[dt.date, Hours]]:
    """Regular hours, by the day from which they hold."""
    parts = [(said.open_times, said.open_offset), (said.break_start_times, 0),
             (said.break_end_times, 0), (said.close_times, said.close_offset)]  # fmt: skip
    known = [([(_since(day), at) for day, at in times], offset) for times, offset in parts if times]
    begins = {day for times, _ in known for day, _ in times}
    begins |= {day for day, _ in PAUSED.get(code, ())}
    found: list[tuple[dt.date, Hours]] = []
    for begin in sorted(begins):
        minutes = [
            offset * 1440 + at.hour * 60 + at.minute
            for times, offset in known
            for at in [[at for day, at in times if day <= begin][-1]]
        ]
        minutes[-1] = min(minutes[-1], _latest(code, begin))
        found.append((begin, [minutes[n : n + 2] for n in range(0, len(minutes), 2)]))
    return found


def _since(day: Any) -> dt.date:
    return SINCE if day is None else max(SINCE, day.date())


def _by_year(days: Iterable[dt.date]) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for day in days:
        found[str(day.year)].append(f"{day:%m-%d}")
    return {year: " ".join(of) for year, of in found.items()}


if __name__ == "__main__":
    made = compiled()
    COMPILED.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{COMPILED.name}: known until {made['until']}")
