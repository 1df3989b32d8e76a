"""How figures are written (look/LOOK.md, Words). Pure; static/js/format.js is its twin.

Unknown (None) is a dash, never 0. Minus is the true minus sign; rounding is half up.
"""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "–"
_MINUS = "−"
_COMPACT = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))


def number(value: Decimal | None, places: int, *, plus: bool = False) -> str:
    """Thousands by comma, ``places`` decimals; ``plus`` writes + before what is above zero."""
    if value is None:
        return UNKNOWN
    rounded = abs(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if not rounded:
        return f"{rounded:,f}"
    sign = _MINUS if value < 0 else "+" if plus else ""
    return f"{sign}{rounded:,f}"


def exact(value: Decimal | None, *, plus: bool = False) -> str:
    """All its decimals and none beside them: quantities and prices."""
    if value is None:
        return UNKNOWN
    whole = value.normalize()
    exponent = whole.as_tuple().exponent
    return number(value, max(0, -exponent) if isinstance(exponent, int) else 0, plus=plus)


def price(value: Decimal | None) -> str:
    """With the decimals it came with: those of the instrument's tick."""
    if value is None:
        return UNKNOWN
    exponent = value.as_tuple().exponent
    return number(value, max(0, -exponent) if isinstance(exponent, int) else 0)


def thousands(value: Decimal | None, *, plus: bool = False) -> str:
    """In thousands, one decimal; the unit stands in the column's head."""
    return UNKNOWN if value is None else number(value / 1000, 1, plus=plus)


def compact(value: Decimal | None, *, plus: bool = False) -> tuple[str, str]:
    """Figure and unit: ``("53.1", "M USD")``."""
    if value is None:
        return UNKNOWN, "USD"
    for size, letter in _COMPACT:
        if abs(value) >= size:
            return number(value / size, 1, plus=plus), f"{letter} USD"
    return number(value, 0, plus=plus), "USD"


def tone(value: Decimal | None) -> str:
    """``rise``, ``fall`` or nothing: by sign."""
    if value is None or not value:
        return ""
    return "rise" if value > 0 else "fall"


def age(ms: int | None, *, whole: bool = False) -> str:
    """0.2 s, 16 s, 25 m, 5 h 12 m, 3 d 4 h, 3,751 d; ``whole`` leaves out tenths of a second."""
    if ms is None:
        return UNKNOWN
    ms = max(0, ms)
    if ms < 10_000 and not whole:
        return f"{ms // 100 / 10:.1f} s"
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} m"
    hours = minutes // 60
    if hours < 24:
        return f"{hours} h {minutes % 60} m"
    days = hours // 24
    return f"{days} d {hours % 24} h" if days < 10 else f"{days:,} d"


def latency(us: int | None) -> str:
    """40 µs, 6.8 ms, 61 ms, 1.2 s."""
    if us is None:
        return UNKNOWN
    if us < 1000:
        return f"{us} µs"
    if us < 1_000_000:
        return f"{number(Decimal(us) / 1000, 1 if us < 100_000 else 0)} ms"
    return f"{number(Decimal(us) / 1_000_000, 1)} s"


def clock(moment: dt.datetime | None) -> str:
    return UNKNOWN if moment is None else moment.strftime("%H:%M:%S")


def precise(moment: dt.datetime) -> str:
    """15:47:52.884"""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def precise_on(moment: dt.datetime, now: dt.datetime) -> str:
    """As ``precise`` on the UTC day of ``now``, else ``Thu 19 Nov 15:47``: a list of the newest may
    be of any day."""
    moment, now = moment.astimezone(dt.UTC), now.astimezone(dt.UTC)
    if moment.date() == now.date():
        return precise(moment)
    return f"{day(moment, year=moment.year != now.year)} {moment:%H:%M}"


def day(moment: dt.datetime | None, *, year: bool = False) -> str:
    """Thu 19 Nov; with its year where that is not this one."""
    if moment is None:
        return UNKNOWN
    return f"{moment:%a} {moment.day} {moment:%b}" + (f" {moment.year}" if year else "")
