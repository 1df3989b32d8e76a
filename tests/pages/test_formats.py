"""How figures are written."""

import datetime as dt
from decimal import Decimal

import pytest

from console.pages import formats

D = Decimal


@pytest.mark.parametrize(
    ("value", "places", "plus", "text"),
    [
        (None, 2, True, "–"),
        (D("0"), 2, True, "0.00"),
        (D("-0.001"), 2, True, "0.00"),
        (D("-12.3"), 2, False, "−12.30"),
        (D("1240.555"), 2, True, "+1,240.56"),
        (D("1234567.5"), 0, False, "1,234,568"),
        (D("0.5"), 0, False, "1"),
    ],
)
def test_number(value: Decimal | None, places: int, plus: bool, text: str) -> None:
    assert formats.number(value, places, plus=plus) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (D("-80000"), "−80,000"),
        (D("0.420"), "+0.42"),
        (D("1E+3"), "+1,000"),
        (D("1.154245"), "+1.154245"),
        (None, "–"),
    ],
)
def test_quantities_keep_their_own_decimals(value: Decimal | None, text: str) -> None:
    assert formats.exact(value, plus=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (D("812340"), ("812.3", "k USD")),
        (D("53100000"), ("53.1", "M USD")),
        (D("-2140000000"), ("−2.1", "B USD")),
        (D("999"), ("999", "USD")),
        (D("0"), ("0", "USD")),
        (None, ("–", "USD")),
    ],
)
def test_compact(value: Decimal | None, text: tuple[str, str]) -> None:
    assert formats.compact(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"), (-5, "0.0 s"), (240, "0.2 s"), (9_999, "9.9 s"), (16_400, "16 s"),
        (60_000, "1 m"), (25 * 60_000, "25 m"), (312 * 60_000, "5 h 12 m"),
        (76 * 3_600_000, "3 d 4 h"),
        (9 * 86_400_000, "9 d 0 h"),
        (324_097_225_026, "3,751 d"),
    ],
)  # fmt: skip
def test_age(ms: int | None, text: str) -> None:
    assert formats.age(ms) == text


def test_age_without_tenths() -> None:
    assert formats.age(4_900, whole=True) == "4 s"


@pytest.mark.parametrize(
    ("us", "text"),
    [(None, "–"), (40, "40 µs"), (6_800, "6.8 ms"), (610_000, "610 ms"), (1_240_000, "1.2 s")],
)
def test_latency(us: int | None, text: str) -> None:
    assert formats.latency(us) == text


def test_unknown_has_no_tone() -> None:
    assert [formats.tone(one) for one in (None, D(0), D("0.1"), D("-0.1"))] == [
        "", "", "rise", "fall",
    ]  # fmt: skip


def test_days_name_their_year_only_when_it_is_not_this_one() -> None:
    moment = dt.datetime(2014, 5, 2, 8, 15, 30, 884_000, dt.UTC)
    assert formats.day(moment) == "Fri 2 May"
    assert formats.day(moment, year=True) == "Fri 2 May 2014"
    assert formats.precise(moment) == "08:15:30.884"


def test_a_time_of_another_day_says_which() -> None:
    moment = dt.datetime(2014, 5, 2, 23, 59, 30, 884_000, dt.UTC)
    now = moment + dt.timedelta(seconds=29)
    assert formats.precise_on(moment, now) == "23:59:30.884"
    assert formats.precise_on(moment, now + dt.timedelta(seconds=1)) == "Fri 2 May 23:59"
    assert formats.precise_on(moment, now + dt.timedelta(days=300)) == "Fri 2 May 2014 23:59"
    elsewhere = now.astimezone(dt.timezone(dt.timedelta(hours=14)))
    assert formats.precise_on(moment, elsewhere) == "23:59:30.884", "days are of UTC"
