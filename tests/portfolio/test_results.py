"""Results of the day: round trips, slippage, fill rate, and the limit of which most is used."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from riskctl.models import Limit, Stage
from tests.portfolio.builders import Desk, books, decimals
from trading.models import Order
from trading.portfolio.books import Counting, day_start
from trading.portfolio.reader import BooksReader
from trading.portfolio.results import Change, Trips, TripsRow, limit_body
from trading.portfolio.results_read import ResultsReader

BOOK = ("mom-eurusd", "EURUSD")


def took(*fills: tuple[int, int], opening: int = 0, fee: str = "0") -> TripsRow:
    trips = Trips({BOOK: Decimal(opening)})
    for quantity, price in fills:
        trips.take(Change(BOOK, Decimal(quantity), Decimal(quantity * price), Decimal(fee)))
    return trips.rows().get(BOOK[0], TripsRow())


def test_a_trip_is_won_when_it_made_more_than_its_fees() -> None:
    assert took((10, 5), (-4, 6), (-6, 6)) == TripsRow(1, 1)
    assert took((10, 5), (-10, 6), fee="5") == TripsRow(0, 1), "ten made, ten paid"
    assert took((10, 5), (-4, 6)) == TripsRow(0, 0), "still open"


def test_a_fill_through_zero_ends_one_trip_and_begins_another() -> None:
    assert took((10, 5), (-15, 6)) == TripsRow(1, 1)
    assert took((10, 5), (-15, 6), (5, 7)) == TripsRow(1, 2), "sold at 6, bought back at 7"


def test_what_was_entered_before_today_is_not_judged() -> None:
    assert took((-10, 6), opening=10) == TripsRow(0, 0)
    assert took((-10, 6), (3, 1), (-3, 2), opening=10) == TripsRow(1, 1)


@given(st.lists(st.integers(-5, 5).filter(bool), max_size=30))
def test_trips_end_exactly_where_the_position_is_zero_or_crosses_it(quantities: list[int]) -> None:
    held, ends = 0, 0
    for one in quantities:
        ends += held * (held + one) <= 0 and held != 0
        held += one
    assert took(*((one, 1) for one in quantities)).ended == ends


def test_the_limit_of_which_most_is_used() -> None:
    limits = {"gross-notional": Decimal(100), "position-notional": Decimal(50),
              "open-orders": Decimal(4)}  # fmt: skip
    gross = Decimal(60)
    said = limit_body(limits, gross=gross, values=decimals(20, 40), orders_open=1)
    assert said == {"kind": "position-notional", "share": "0.8"}
    assert limit_body(limits, gross=None, values=[None], orders_open=1) is None
    assert limit_body({}, gross=gross, values=(), orders_open=0) is None
    none_allowed = limit_body({"open-orders": Decimal(0)}, gross=None, values=(), orders_open=2)
    assert none_allowed == {"kind": "open-orders", "share": "1"}


@pytest.mark.django_db
def test_results_are_read_from_what_grew() -> None:
    desk = Desk()
    now = dt.datetime.now(dt.UTC)
    reader = BooksReader()
    Limit.objects.create(scope="strategy:mr-gold", kind="gross-notional", value=Decimal(1000))
    Limit.objects.create(scope="strategy:mr-gold", kind="open-orders", value=Decimal(8))
    Stage.objects.filter(strategy="mr-gold").update(rung="ramp", size_factor=Decimal("0.25"))
    desk.fill("mr-gold", "XAUUSD", "buy", "2", "100")
    orders: dict[str, dict[str, Any]] = {
        "cost": {"filled": Decimal(1), "filled_value": Decimal("1.001"), "sent_at": now,
                 "state": "filled", "ended_at": now},
        "half": {"quantity": Decimal(2), "filled": Decimal(1), "filled_value": Decimal(1),
                 "sent_at": now, "state": "cancelled", "ended_at": now},
        "stop": {"order_type": "stop", "stop_price": Decimal(9), "sent_at": now},
        "kept": {"quantity": Decimal(2)},
    }  # fmt: skip
    for ident, changes in orders.items():
        desk.order(ident, "mom-btc", "BTCUSDT", "1")
        Order.objects.filter(client_order_id=ident).update(**changes)
    first = reader.read()
    assert first.trips == {}
    assert first.limits["mr-gold"] == {"gross-notional": Decimal(250), "open-orders": Decimal(8)}
    row = first.orders["mom-btc"]
    assert row.slippage_bp == Decimal(5), "a thousandth on one of two"
    assert row.filled == Decimal("0.75")
    desk.fill("mr-gold", "XAUUSD", "sell", "2", "101")
    reader._control = None  # a second later
    assert reader.read().trips == {"mr-gold": TripsRow(1, 1)}
    reader._control = None
    assert reader.read().trips == {"mr-gold": TripsRow(1, 1)}, "each fill counts once"
    assert reader._day == day_start(now)


@pytest.mark.django_db
def test_a_fill_that_comes_while_the_day_is_read_first_ends_its_trip_all_the_same() -> None:
    desk = Desk()
    reader, counting = ResultsReader(day_start(dt.datetime.now(dt.UTC))), Counting(books())
    waiting = ["100"]

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if "trading_fill" in sql and waiting:
            desk.fill("mr-gold", "XAUUSD", "buy", "2", waiting.pop())
        return done

    with connection.execute_wrapper(meanwhile):
        reader.trips(counting)
    assert waiting == []
    desk.fill("mr-gold", "XAUUSD", "sell", "2", "101")
    assert reader.trips(counting) == {"mr-gold": TripsRow(1, 1)}
