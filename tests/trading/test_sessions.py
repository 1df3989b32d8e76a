"""Markets by their calendars: holidays, half days, breaks, phases, and where they end."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import calendars as compiling
from trading.calendars import CALENDARS, COMPILED, WARN_DAYS, calendars_end
from trading.clock import NS
from trading.sessions import MARKETS, Phase, Sessions, standing_at
from trading.universe import UNIVERSE

UTC = dt.UTC


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("market", "moment", "phase", "until", "opens"),
    [
        # Thanksgiving of 2026 and the half day after it; New York is five hours behind.
        ("NYSE", "2026-11-26 15:00", "closed", "2026-11-27 11:00", "2026-11-27 14:30"),
        ("NYSE", "2026-11-27 11:00", "pre-market", "2026-11-27 14:30", "2026-11-27 14:30"),
        ("NYSE", "2026-11-27 17:59", "open", "2026-11-27 18:00", ""),
        ("NYSE", "2026-11-27 18:00", "after hours", "2026-11-28 11:00", "2026-11-30 14:30"),
        ("NASDAQ", "2026-11-28 12:00", "closed", "2026-11-30 11:00", "2026-11-30 14:30"),
        # What no rule foresees: 2001, a storm, a president's funeral.
        ("NYSE", "2001-09-12 15:00", "closed", "2001-09-17 10:00", "2001-09-17 13:30"),
        ("NYSE", "2012-10-30 15:00", "closed", "2012-10-31 10:00", "2012-10-31 13:30"),
        ("NYSE", "2025-01-09 15:00", "closed", "2025-01-10 11:00", "2025-01-10 14:30"),
        # A Saturday's New Year is not made up; Washington's clocks went forward on March 14.
        ("NYSE", "2021-12-31 15:00", "open", "2021-12-31 21:00", ""),
        ("NYSE", "2021-03-15 13:29", "pre-market", "2021-03-15 13:30", "2021-03-15 13:30"),
        ("LSE", "2026-12-24 12:29", "open", "2026-12-24 12:30", ""),
        ("LSE", "2026-12-24 12:30", "closed", "2026-12-29 08:00", "2026-12-29 08:00"),
        ("TSE", "2026-11-27 02:45", "break", "2026-11-27 03:30", "2026-11-27 03:30"),
        ("TSE", "2026-11-27 06:29", "open", "2026-11-27 06:30", ""),
        ("TSE", "2024-11-01 06:00", "closed", "2024-11-05 00:00", "2024-11-05 00:00"),
        ("CME", "2026-11-25 21:59", "open", "2026-11-25 22:00", ""),
        ("CME", "2026-11-25 22:30", "closed", "2026-11-25 23:00", "2026-11-25 23:00"),
        ("CME", "2026-11-27 18:00", "closed", "2026-11-29 23:00", "2026-11-29 23:00"),
        ("CME", "2013-10-11 21:14", "open", "2013-10-11 21:15", ""),
        ("ICE", "2026-11-29 23:00", "closed", "2026-11-30 01:00", "2026-11-30 01:00"),
        ("EUREX", "2026-12-24 12:00", "closed", "2026-12-28 07:00", "2026-12-28 07:00"),
        ("FX Futures", "2026-11-25 22:30", "closed", "2026-11-25 23:00", "2026-11-25 23:00"),
        ("FOREX", "2026-11-27 21:59", "open", "2026-11-27 22:00", ""),
        ("FOREX", "2026-11-27 22:00", "closed", "2026-11-29 22:00", "2026-11-29 22:00"),
        # Christmas and New Year, from 17:00 to 17:00 in New York: within a week, at its beginning
        # and its end; a holiday of one country alone is none.
        ("FOREX", "2026-12-24 21:59", "open", "2026-12-24 22:00", ""),
        ("FOREX", "2026-12-24 22:00", "closed", "2026-12-27 22:00", "2026-12-27 22:00"),
        ("FOREX", "2024-12-24 22:00", "closed", "2024-12-25 22:00", "2024-12-25 22:00"),
        ("FOREX", "2024-12-26 12:00", "open", "2024-12-27 22:00", ""),
        ("FOREX", "2024-12-31 22:00", "closed", "2025-01-01 22:00", "2025-01-01 22:00"),
        ("FOREX", "2023-12-24 22:30", "closed", "2023-12-25 22:00", "2023-12-25 22:00"),
        ("FOREX", "2022-12-23 22:00", "closed", "2022-12-25 22:00", "2022-12-25 22:00"),
        ("FOREX", "2026-07-03 12:00", "open", "2026-07-03 21:00", ""),
        ("CRYPTO", "2026-11-28 12:00", "open", "", ""),
        # Nobody knows: closed.
        ("NYSE", "1997-12-31 15:00", "unknown", "", ""),
        ("EUREX", "2030-01-02 12:00", "unknown", "", ""),
    ],
)  # fmt: skip
def test_a_market_has_its_phases(
    market: str, moment: str, phase: str, until: str, opens: str
) -> None:
    found = standing_at(MARKETS[market], at(moment))
    assert found.phase == phase
    assert found.until == (at(until) if until else None)
    assert found.opens == (at(opens) if opens else None)
    assert found.open is (phase == "open")


@given(
    st.sampled_from(sorted(MARKETS)),
    st.integers(0, 10_000 * 86_400).map(lambda s: at("1998-01-02 00:00") + dt.timedelta(seconds=s)),
)
def test_a_phase_lasts_until_it_changes(market: str, moment: dt.datetime) -> None:
    found = standing_at(MARKETS[market], moment)
    assert found.phase is not Phase.UNKNOWN
    if found.until is None:
        assert market == "CRYPTO"
        return
    assert found.until > moment
    just_before = standing_at(MARKETS[market], found.until - dt.timedelta(microseconds=1))
    assert (just_before.phase, just_before.until) == (found.phase, found.until)
    assert standing_at(MARKETS[market], found.until).phase is not found.phase
    if found.opens is not None:
        assert standing_at(MARKETS[market], found.opens).open


def test_what_is_remembered_is_what_is_reckoned() -> None:
    sessions = Sessions()
    begin = at("2026-11-25 00:00")
    for quarter in range(4 * 24 * 7):
        moment = begin + dt.timedelta(minutes=15 * quarter)
        for name, market in MARKETS.items():
            found = sessions.at(name, int(moment.timestamp()) * NS)
            assert found.phase is standing_at(market, moment).phase, (name, moment)
    assert not sessions.open("NOWHERE", int(begin.timestamp()) * NS)


def test_every_instrument_trades_somewhere() -> None:
    assert {one.market for one in UNIVERSE.instruments} <= MARKETS.keys()


def test_what_is_compiled_is_what_the_library_says() -> None:
    said = json.loads(COMPILED.read_text())
    again = compiling.compiled(dt.date.fromisoformat(said["until"]))
    assert again["calendars"] == said["calendars"]


def test_the_end_is_said_thirty_days_before() -> None:
    end = dt.datetime.combine(CALENDARS.until, dt.time(12), UTC)
    assert calendars_end(end - dt.timedelta(days=WARN_DAYS)) == (True, "ok")
    known, words = calendars_end(end - dt.timedelta(days=WARN_DAYS - 1))
    assert known
    assert words.startswith(f"ok: hours of exchanges end on {CALENDARS.until}")
    known, words = calendars_end(end + dt.timedelta(days=1))
    assert not known
    assert "not known after" in words


def test_beyond_the_end_only_what_needs_no_calendar_is_open() -> None:
    short = replace(CALENDARS, until=dt.date(2026, 11, 24))
    sessions = Sessions(short)
    moment = int(at("2026-11-25 16:00").timestamp()) * NS
    opened = {name for name in MARKETS if sessions.open(name, moment)}
    assert opened == {"FOREX", "CRYPTO"}
    assert sessions.at("NYSE", moment).closed_words == "unknown until nobody knows when"
    # On the last day that is known nobody knows when it opens again.
    last = standing_at(MARKETS["NYSE"], at("2026-11-24 22:00"), short)
    assert (last.phase, last.opens) == (Phase.AFTER_HOURS, None)
