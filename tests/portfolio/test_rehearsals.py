"""Paper money counts for its account, for its strategy while that rehearses, and in no sum."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from console.access.visible import Sight
from console.live.reduced import reduced
from riskctl.models import Stage
from tests.portfolio.builders import (
    FEED_NOON_NS,
    NOON,
    Desk,
    books,
    entry,
    position_row,
    strategy_row,
)
from trading import selectors
from trading.clock import utc_now
from trading.models import PnlPoint, Position, VenueAccount
from trading.portfolio.books import AccountRow, Counting, RungRow
from trading.portfolio.exposure import Holding, exposures
from trading.portfolio.frames import View, desk_frame
from trading.portfolio.holdings import strategy_pnl
from trading.portfolio.market import Market
from trading.portfolio.reader import BooksReader
from trading.portfolio.results import TripsRow
from trading.selectors.execution import Asked, By, fill_rates
from trading.selectors.performance import Period, performance
from trading.selectors.results import results
from trading.triggers.money import REHEARSED
from trading.triggers.stored import peaks_read
from trading.universe import UNIVERSE

D = Decimal
ACCOUNTS = (
    AccountRow("paper-1", "Paper One", live=True),
    AccountRow("rehearsal", "Rehearsal", live=False, rehearsal=True),
)


def view(rung: str, **changes: Any) -> View:
    """1,000 EURUSD really held since 1.15, as much on paper since 1.10; they are at 1.16."""
    market = Market(UNIVERSE)
    market.on_entries([entry([("EURUSD", "1.15998", "1.16002", FEED_NOON_NS)])])
    held = [
        position_row(cost=D(1_150), fills=2),
        position_row(cost=D(1_100), fills=3, account="rehearsal"),
    ]
    read = books(
        accounts=ACCOUNTS, positions=tuple(held), baselines={"mom-eurusd": D(4)},
        rehearsed={"mom-eurusd": D(50)}, rungs={"mom-eurusd": RungRow(rung, D(1), NOON)},
        **changes,
    )  # fmt: skip
    return View(NOON, read, market, UNIVERSE)


def test_a_strategy_that_rehearses_shows_it_and_the_firm_s_sums_do_not() -> None:
    frame = desk_frame(view("paper"), 1)
    [one] = frame["strategies"]
    assert (one["pnl"], one["unrealised"], one["gross"], one["fills"]) == (
        "16.00", "70.00", "2320.00", 5,
    )  # fmt: skip
    assert [(held["account"], held["rehearsal"]) for held in one["position"]] == [
        ("paper-1", False), ("rehearsal", True),
    ]  # fmt: skip
    totals = frame["totals"]
    assert (totals["pnl_today"], totals["gross"], totals["fills"]) == ("6.00", "1160.00", 2)
    assert (one["real"]["pnl"], one["real"]["gross"], one["real"]["fills"]) == (
        "6.00", "1160.00", 2,
    )  # fmt: skip


def part(account: str, *, rehearsal: bool, **figures: Any) -> dict[str, Any]:
    venue = {one.name: one.venue for one in ACCOUNTS}[account]
    made = {"gross": "1160.00", "net": "1160.00", "orders_open": 0, **figures}
    return {"account": account, "venue": venue, "rehearsal": rehearsal, **made}


@pytest.mark.parametrize("rung", ["paper", "ramp"])
def test_each_account_has_what_lies_on_it_whatever_counts_for_the_strategy(rung: str) -> None:
    [one] = desk_frame(view(rung, orders_open={("mom-eurusd", "rehearsal"): 3}), 1)["strategies"]
    assert one["accounts"] == [
        part("paper-1", rehearsal=False, pnl="6.00"),
        part("rehearsal", rehearsal=True, pnl="10.00", orders_open=3),
    ]
    assert one["orders_open"] == 3


def test_a_limit_is_used_by_real_or_by_paper_money_and_not_by_their_sum() -> None:
    """No gateway adds them up."""
    limits = {"mom-eurusd": {"gross-notional": D(1_450), "open-orders": D(4)}}
    orders = {("mom-eurusd", "paper-1"): 1, ("mom-eurusd", "rehearsal"): 2}
    [one] = desk_frame(view("paper", limits=limits, orders_open=orders), 1)["strategies"]
    assert one["limit"] == {"kind": "gross-notional", "share": "0.8"}


def test_on_ramp_it_is_left_out() -> None:
    made = view("ramp")
    [one] = desk_frame(made, 1)["strategies"]
    assert (one["pnl"], one["gross"], one["fills"], one["real"]) == ("6.00", "1160.00", 2, None)
    assert [held["account"] for held in one["position"]] == ["paper-1"]
    point = strategy_pnl(made.books, made.market, UNIVERSE)["mom-eurusd"]
    assert (point.worth.pnl, point.paper, point.rehearses) == (D(10), D(60), False)


def test_who_sees_a_part_is_summed_no_paper_either() -> None:
    frame = desk_frame(view("paper", strategies=(strategy_row(), strategy_row("other"))), 1)
    sight = Sight(strategies=frozenset({"mom-eurusd"}))
    totals = reduced(frame, sight)["totals"]
    assert (totals["pnl_today"], totals["gross"], totals["fills"]) == ("6.00", "1160.00", 2)


def test_an_own_account_on_which_others_rehearse_counts_for_its_strategy() -> None:
    home = strategy_row("home", account="rehearsal")
    away = strategy_row(account="paper-1")
    rungs = {key: RungRow("live", D(1), NOON) for key in ("home", "mom-eurusd")}
    counting = Counting(books(accounts=ACCOUNTS, strategies=(home, away), rungs=rungs))
    row = position_row("home", account="rehearsal")
    assert (counting.strategy(row), counting.firm(row)) == (True, False)
    # An earlier account of its is no rehearsal: what is left there is real.
    assert counting.strategy(position_row(account="paper-9"))
    assert counting.firm(position_row(account="paper-9"))


def test_exposure_of_the_firm_has_no_paper_in_it() -> None:
    found = exposures(
        [
            Holding("mom", "a", "EURUSD", D(1_000), D(2)),
            Holding("mom", "b", "EURUSD", D(-1_000), D(2), rehearsal=True),
        ]
    )
    assert (found.total.net, found.total.gross) == (D(2_000), D(2_000))
    assert [one.gross for one in found.instruments] == [2_000]
    assert [one.gross for one in found.strategies] == [4_000]
    assert {one.name: (one.gross, one.share) for one in found.accounts} == {
        "a": (D(2_000), D(1)), "b": (D(2_000), None),
    }  # fmt: skip
    assert {one.name: one.net for one in found.currencies} == {"EUR": 2_000, "USD": -2_000}


@pytest.fixture
def desk(db: None) -> Desk:
    """A round trip that lost 10 on its own account, and one that made 20 on its rehearsal."""
    desk = Desk()
    VenueAccount.objects.filter(name="paper-1").update(rehearsal="paper-2")
    for account, price in (("paper-1", "1.14"), ("paper-2", "1.17")):
        for side, paid in (("buy", "1.15"), ("sell", price)):
            desk.fill("mom-eurusd", "EURUSD", side, "1000", paid, fee="0", account=account)
    return desk


def climb(rung: str) -> None:
    Stage.objects.filter(strategy="mom-eurusd").update(rung=rung)


@pytest.mark.parametrize(
    ("rung", "of_strategy"), [("paper", (D(10), 2, 4)), ("ramp", (D(-10), 1, 2))]
)
def test_results_of_a_period(desk: Desk, rung: str, of_strategy: tuple[Decimal, int, int]) -> None:
    climb(rung)
    now = utc_now()

    def found(by: By, name: str) -> tuple[Decimal | None, int, int]:
        asked = Asked(now - dt.timedelta(hours=1), by)
        [one] = [one for one in results(asked, now=now) if one.name == name]
        [rate] = [rate for rate in fill_rates(asked) if rate.name == name]
        assert rate.orders == one.orders
        return one.money.pnl, one.trips, one.orders

    assert found(By.STRATEGY, "mom-eurusd") == of_strategy
    assert found(By.FIRM, "firm") == (D(-10), 1, 2)
    assert found(By.INSTRUMENT, "EURUSD") == (D(-10), 1, 2)
    assert found(By.VENUE, "paper-2") == (D(20), 1, 2)


@pytest.mark.parametrize(("rung", "ended"), [("paper", 2), ("live", 1)])
def test_results_of_the_day(desk: Desk, rung: str, ended: int) -> None:
    climb(rung)
    read = BooksReader().read()
    assert read.trips["mom-eurusd"] == TripsRow(won=ended - 1, ended=ended)
    assert [one.name for one in read.accounts if one.rehearsal] == ["paper-2"]


def test_what_was_left_on_another_account_ends_no_trip_here(desk: Desk) -> None:
    """Flat is flat on an account: what was bought on paper long ago is no part of these trips."""
    climb("live")
    Position.objects.filter(account="paper-2").update(quantity=D(10_000))
    for quantity in ("1000", "2000"):
        for side in ("buy", "sell"):
            desk.fill("mom-eurusd", "EURUSD", side, quantity, "1.15")
    assert BooksReader().read().trips["mom-eurusd"].ended == 3


def test_the_summary_of_positions(desk: Desk) -> None:
    summary = selectors.positions_summary(Redis(port=1, retry=Retry(NoBackoff(), 0)))
    assert summary.total_realized_pnl == -10


def point(at: dt.datetime, pnl: int, paper: int, *, rehearsing: bool) -> None:
    nothing = dict.fromkeys(("unrealised", "fees", "gross", "net"), D(0))
    PnlPoint.objects.create(
        strategy_id="mom-eurusd", at=at, feed_time=at, realised=D(pnl), paper=D(paper),
        rehearsing=rehearsing, **nothing,
    )  # fmt: skip


def test_a_day_begins_at_what_each_kind_of_account_had_made(desk: Desk) -> None:
    now = utc_now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    point(today - dt.timedelta(hours=1), 25, 20, rehearsing=True)
    point(today, 27, 20, rehearsing=True)
    climb("ramp")
    reader = BooksReader()
    read = reader.read()
    assert (read.baselines["mom-eurusd"], read.rehearsed["mom-eurusd"]) == (D(5), D(20))
    assert read.lines["mom-eurusd"] == (D(2),)
    point(today + (now - today) / 2, 8, 20, rehearsing=False)
    line = performance(key="mom-eurusd", period=Period.TODAY, now=now)
    assert [one.pnl for one in line.points] == [2, 3]


def test_peaks_are_of_the_own_accounts_and_with_paper(desk: Desk) -> None:
    point(utc_now(), 25, 20, rehearsing=True)
    point(utc_now(), 7, 20, rehearsing=False)
    peaks = peaks_read(3_600)
    assert max(pnl for _, pnl in peaks["strategy:mom-eurusd"]) == 7
    assert max(pnl for _, pnl in peaks[f"strategy:mom-eurusd{REHEARSED}"]) == 27
