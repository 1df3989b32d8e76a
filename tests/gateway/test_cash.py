"""When cash does not add up to the fills the venue's log is asked, and what it tells is written."""

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from tests.gateway.builders import Rig
from trading.clock import NS
from trading.gateway import cash as cash_module
from trading.gateway.cash import ASK_MOST_S, CashNews
from trading.gateway.store import Owner, Statement
from trading.models import CashMovement, VenueAccount
from trading.universe import UNIVERSE
from trading.venues.base import VenueError, VenuePosition
from trading.venues.optional import CashMoved

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
FUNDING = CashMoved(7, NOON, "funding", "USD", Decimal("-12.5"), "EURUSD")
OWNER = Owner("paper-1", "gateway:paper-1", "here:1:1", 4)


class LoggingVenue:
    def __init__(self) -> None:
        self.log: list[CashMoved] = []
        self.asked = 0
        self.wrong: Exception | None = None

    async def cash_moved(self) -> list[CashMoved]:
        self.asked += 1
        if self.wrong is not None:
            raise self.wrong
        told, self.log = self.log, []
        return told


class News:
    """Readings of an account whose cash moves by profit alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig, self.venue = Rig(), LoggingVenue()
        self.news = CashNews(OWNER, self.rig.core.book, UNIVERSE)
        self.now_ns = 10**15
        monkeypatch.setattr(cash_module, "boot_ns", lambda: self.now_ns)

    def reading(
        self, cash: str, unpaid: str | None = "0", *, after_s: float = 10, venue: Any = None
    ) -> list[Statement]:
        self.now_ns += int(after_s * NS)
        value = None if unpaid is None else Decimal(unpaid)
        held = VenuePosition("EURUSD", Decimal(1), None, None, value)
        return asyncio.run(self.news.told(venue or self.venue, (held,), {"USD": Decimal(cash)}))


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> News:
    made = News(monkeypatch)
    assert made.reading("1000") == []
    assert made.venue.asked == 1, "what it begins with is asked once"
    return made


def test_cash_that_adds_up_is_not_asked_about(news: News) -> None:
    rig = news.rig
    ident = rig.submit()
    rig.take(rig.core.on_venue_event(rig.fill(ident, "10000"), rig.now()))
    (held,) = news.rig.core.book.holdings.values()
    cash = Decimal(1000) - held.fees
    for _ in range(3):
        assert news.reading(f"{cash:f}", f"{held.cost:f}") == []
    assert news.venue.asked == 1
    assert news.reading(f"{cash:f}", f"{held.cost:f}", after_s=ASK_MOST_S) == []
    assert news.venue.asked == 2, "the log may have been late"


def test_what_differs_is_looked_for_later_each_time_and_explained_once(news: News) -> None:
    for _ in range(30):
        assert news.reading("987.5") == []
    assert 4 <= news.venue.asked <= 7
    news.venue.log = [FUNDING]
    told: list[Statement] = []
    while not told:
        told = news.reading("987.5", after_s=60)
    asked = news.venue.asked
    assert news.reading("987.5") == []
    assert news.reading("987.5") == []
    assert news.venue.asked == asked, "explained"


@pytest.mark.parametrize("wrong", [VenueError("RATE_LIMIT", "later"), TimeoutError()])
def test_a_log_that_cannot_be_had_is_asked_again_and_holds_up_no_reading(
    news: News, wrong: Exception
) -> None:
    news.venue.wrong = wrong
    assert news.reading("987.5") == []
    news.venue.wrong, news.venue.log = None, [FUNDING]
    assert news.reading("987.5", after_s=1) == []
    assert len(news.reading("987.5", after_s=5)) == 2


def test_a_venue_that_does_not_say_enough_or_has_no_log_is_not_asked(news: News) -> None:
    assert news.reading("900", None) == []
    assert news.reading("900", venue=object()) == []
    assert news.venue.asked == 1


@pytest.mark.django_db
def test_what_is_told_is_written_down_and_entered_once(news: News) -> None:
    VenueAccount.objects.create(name="paper-1", adapter="a", address="x:1")
    news.venue.log = [FUNDING]
    written = news.reading("987.5")
    with connection.cursor() as cursor:
        for statement, values in [*written, *written]:
            cursor.execute(statement, values)
    (row,) = CashMovement.objects.all()
    assert (row.account_id, row.log_id, row.at, row.kind, row.currency, row.amount, row.symbol) == (
        "paper-1", 7, NOON, "funding", "USD", Decimal("-12.5"), "EURUSD",
    )  # fmt: skip
    assert Entry.objects.filter(action="cash.move", object_id="paper-1").count() == 1
