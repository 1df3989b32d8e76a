"""Days on paper, judged afterwards from fills, prices, holds, breaks and the record."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from riskctl.actors import Actor
from riskctl.approvals.recording import recorded
from riskctl.holds import Kind
from riskctl.models import Limit
from tests.approvals.people import RUTH, SANA, WATCHDOG, hold
from tests.console.conftest import entries
from tests.gates.desk import DAY, KEY, GateDesk, words
from trading.gates.paper import paper_days_record
from trading.models import (
    Break,
    FeedSession,
    Fill,
    Order,
    PaperDay,
    PricePoint,
    Strategy,
    VenueAccount,
)
from trading.portfolio.books import day_start

NOW = dt.datetime.now(dt.UTC)
TODAY = day_start(NOW)
NOON, NONE = dt.timedelta(hours=12), dt.timedelta()


class Paper:
    """A desk that has been on paper with one document for ``days`` days, ordering at noon."""

    def __init__(self, desk: GateDesk, days: int = 3) -> None:
        self.desk = desk
        self.start = TODAY - days * DAY
        desk.version(age=NOW - self.start + 2 * DAY)
        desk.moved(self.start, "paper")
        fed("ccxt:kraken:EURUSD=EUR/USD", self.start - DAY)
        for at in range(days):
            self.trade(self.start + at * DAY + NOON)
            self.price(self.start + at * DAY, "1.1")

    def price(self, at: dt.datetime, mid: str) -> None:
        PricePoint.objects.create(symbol="EURUSD", at=at, mid=Decimal(mid))

    def trade(self, at: dt.datetime, bought: str = "") -> None:
        """An order, and its fill where it has one, recorded then."""
        row = self.desk.order(KEY, "paper-r", state="cancelled", created_at=at)
        if bought:
            self.fill(row, at, bought)

    def fill(self, row: Order, at: dt.datetime, quantity: str) -> None:
        Fill.objects.create(
            account_id=row.account_id, venue_fill_id=row.client_order_id, order=row, side="buy",
            sequence=self.desk.numbers, strategy_id=KEY, symbol="EURUSD", quantity=quantity,
            price=Decimal("1.1"), fee=0, fee_currency="USD", venue_time=at, feed_time=at,
            recorded_at=at,
        )  # fmt: skip


def fed(spec: str, since: dt.datetime, until: dt.datetime | None = None) -> FeedSession:
    return FeedSession.objects.create(id=uuid.uuid4(), spec=spec, started_at=since, ended_at=until)


def judged(now: dt.datetime = NOW) -> dict[int, PaperDay]:
    """By days before today."""
    paper_days_record(now=now)
    return {(TODAY.date() - one.day).days: one for one in PaperDay.objects.all()}


def counted(days: dict[int, PaperDay]) -> list[int]:
    return sorted((at for at, one in days.items() if one.counts), reverse=True)


def test_whole_days_count_once_and_late_ones_are_caught_up(desk: GateDesk) -> None:
    Paper(desk)
    first = judged(TODAY - 2 * DAY + NOON)
    assert counted(first) == [3]
    assert not paper_days_record(now=TODAY - 2 * DAY + NOON)
    found = judged()
    assert counted(found) == [3, 2, 1]
    assert {one.digest for one in found.values()} == {desk.gates().digest}
    assert [one["after"]["counts"] for one in entries("engine.paper-day")] == [True] * 3
    assert desk.gates().one("paper trading").text.startswith("3 of 30 days")


def test_money_is_of_the_rehearsal_account_and_the_minutes_between(desk: GateDesk) -> None:
    paper = Paper(desk)
    day = paper.start + DAY
    paper.trade(paper.start + NOON + dt.timedelta(hours=1), "1000")  # at 1.1, held from then on
    paper.fill(desk.order(KEY, "paper-1"), day, "5")  # another account
    for hour, mid in ((1, "1.2"), (2, "0.9"), (3, "1.15")):
        paper.price(day + dt.timedelta(hours=hour), mid)
    found = judged()
    assert (found[3].pnl, found[3].drawdown) == (0, 0)
    assert (found[2].pnl, found[2].high, found[2].low, found[2].drawdown) == (50, 100, -200, 300)
    assert found[1].pnl == -50  # 1.1 again at the next day's first price
    assert desk.gates().one("paper trading").evidence["drawdown"] == Decimal("0.3")  # of 1,000


def test_capital_is_the_least_limit_of_that_day_also_of_one_judged_late(desk: GateDesk) -> None:
    paper, named = Paper(desk), f"strategy:{KEY}/gross-notional"
    moments = (DAY, DAY + NOON, NOW - paper.start)
    for at, before, after in zip(
        moments, ("600", "800", "700"), ("800", "700", "1000"), strict=True
    ):
        recorded(
            "limit.raise", RUTH, ("limit", named), before={"value": before}, after={"value": after},
            happened_at=paper.start + at,
        )  # fmt: skip
    found = judged()
    assert {at: one.capital for at, one in found.items()} == {3: 600, 2: 600, 1: 700}


def test_a_strategy_whose_first_limit_was_set_on_a_day_on_paper_passes_a_month_later(
    desk: GateDesk,
) -> None:
    """On paper at once, without a limit for a day and a half; then the month."""
    paper = Paper(desk)
    Order.objects.filter(created_at=paper.start + NOON).delete()
    recorded(
        "limit.raise", RUTH, ("limit", f"{OWN}/gross-notional"), before=None,
        after={"value": "1000"}, happened_at=paper.start + DAY + NOON,
    )  # fmt: skip
    found = judged()
    assert {at: one.capital for at, one in found.items()} == {3: None, 2: 1000, 1: 1000}
    assert counted(found) == [2, 1]
    assert found[3].why == "it sent no order; its gross-notional limit was not set"
    desk.paper(desk.version(), 28)
    gate = desk.gates().one("paper trading")
    assert (gate.met, gate.text[:13]) == (True, "30 of 30 days")


Spoil = Callable[[Paper, dt.datetime], None]


def no_order(paper: Paper, at: dt.datetime) -> None:
    Order.objects.filter(created_at=at).delete()


def denied(paper: Paper, at: dt.datetime) -> None:
    Order.objects.filter(created_at=at).update(state="denied")


def held(kind: Kind, scope: str, by: Actor = RUTH, after: dt.timedelta = NONE) -> Spoil:
    def spoil(_: Paper, at: dt.datetime) -> None:
        hold(kind, scope, by=by, age_s=(NOW - at - after).total_seconds())

    return spoil


def broken(account: str, accepted: bool = False) -> Spoil:
    def spoil(_: Paper, at: dt.datetime) -> None:
        Break.objects.create(
            id=uuid.uuid4(), account_id=account, what="position", key="EURUSD", ours="1",
            theirs="2", first_seen=at, last_seen=at, ended_at=at + dt.timedelta(hours=1),
            accepted=uuid.uuid4() if accepted else None,
        )  # fmt: skip

    return spoil


def left(paper: Paper, at: dt.datetime) -> None:
    paper.desk.moved(at, "monitor")
    paper.desk.moved(at + dt.timedelta(minutes=1), "paper")


def rewritten(paper: Paper, at: dt.datetime) -> None:
    paper.desk.version(words().replace("5.0%", "4.0%"), age=NOW - at)
    paper.desk.version(words(), age=NOW - at - dt.timedelta(minutes=1))


def applied(_: Paper, at: dt.datetime) -> None:
    recorded("engine.apply", SANA, ("engine", KEY), after={"parameters": "x"}, happened_at=at)


def otherwise(_: Paper, at: dt.datetime) -> None:
    Strategy.objects.filter(key=KEY).update(parameters={"fast_s": 3.0})


def unpriced(paper: Paper, at: dt.datetime) -> None:
    """Held over midnight, and nobody knows at which price."""
    PricePoint.objects.all().delete()
    paper.trade(at - dt.timedelta(hours=1), "1000")


def simulated(spec: str, address: str = "", **account: Any) -> Spoil:
    """The feed that the day's last hours came from; ``account``: what the strategy's own is."""

    def spoil(paper: Paper, at: dt.datetime) -> None:
        own = VenueAccount.objects.filter(name="paper-1")
        own.update(**{"address": address or "exchange.example:443", **account})
        FeedSession.objects.update(ended_at=at)
        fed(spec, at, paper.start + 2 * DAY)
        fed("ccxt:kraken:EURUSD=EUR/USD", paper.start + 2 * DAY)

    return spoil


def unfed(paper: Paper, at: dt.datetime) -> None:
    FeedSession.objects.update(ended_at=paper.start + DAY)
    fed("ccxt:kraken:EURUSD=EUR/USD", paper.start + 2 * DAY)


def unlimited(_: Paper, at: dt.datetime) -> None:
    Limit.objects.filter(scope=f"strategy:{KEY}").delete()


OWN = f"strategy:{KEY}"
SPOILS: dict[str, tuple[Spoil, list[int]]] = {
    "no order": (no_order, [3, 1]),
    "denied": (denied, [3, 1]),
    "kill": (held(Kind.KILL, "venue:paper-r"), [3]),  # and it lies there still
    "breaker": (held(Kind.BREAKER, "firm"), [3]),
    "trigger": (held(Kind.REDUCE_ONLY, OWN, WATCHDOG), [3]),
    "kill of today": (held(Kind.KILL, OWN, RUTH, 2 * DAY), [3, 2, 1]),
    "pause of people": (held(Kind.PAUSE, OWN, SANA), [3, 2, 1]),
    "break": (broken("paper-r"), [3, 1]),
    "explained break": (broken("paper-r", accepted=True), [3, 2, 1]),
    "break elsewhere": (broken("paper-1"), [3, 2, 1]),
    "left paper": (left, [3, 1]),
    "rewritten": (rewritten, [3, 1]),
    "applied": (applied, [1]),
    "other parameters": (otherwise, []),
    "no price": (unpriced, [3, 2]),
    "no limit": (unlimited, []),
    "simulated": (simulated("simulated"), [3, 1]),
    "a recording": (simulated("replay:quotes.csv"), [3, 1]),
    "a stand-in": (simulated("ccxt:kraken@stand.in:80:EURUSD=EUR/USD"), [3, 1]),
    "the account's own address": (
        simulated("ccxt:kraken@demo.example:80:EURUSD=EUR/USD", "demo.example:80"),
        [3, 2, 1],
    ),
    "simulated, and so is its account": (simulated("simulated", live=False), [3, 2, 1]),
    "simulated, beside a venue on this host": (simulated("simulated", "127.0.0.1:9"), [3, 2, 1]),
    "no feed": (unfed, [3, 1]),
}


@pytest.mark.parametrize("name", SPOILS)
def test_what_keeps_a_day_from_counting(desk: GateDesk, name: str) -> None:
    """Of three days the middle one is spoiled."""
    paper, (spoil, counts) = Paper(desk), SPOILS[name]
    spoil(paper, paper.start + DAY + NOON)
    found = judged()
    assert counted(found) == counts, {str(one.day): one.why for one in found.values()}
    assert all(bool(one.why) != one.counts for one in found.values())
