"""Books that agree have no break; whatever one thing is changed, exactly that is the break."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.reconciliation.compare import (
    ORDER_GRACE,
    Earlier,
    Found,
    OurOrder,
    Ours,
    StrayFill,
    compare,
    difference,
    opening_of,
    worth,
)
from trading.reconciliation.word import ReadingError, VenueOrder, Word, word_of
from trading.universe import UNIVERSE

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
LONG_AGO = NOON - dt.timedelta(hours=1)
SYMBOLS = ("EURUSD", "XAUUSD", "GCZ3", "BTCUSDT")
OPENING = {"USD": Decimal(10_000_000), "USDT": Decimal(10_000_000)}


@dataclass(frozen=True)
class Trade:
    symbol: str
    change: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True)
class Desk:
    """One account as both sides tell it."""

    ours: Ours
    word: Word

    def breaks(self, **changes: Any) -> list[Found]:
        given = {"opening": OPENING, "earlier": Earlier(NOON, set(self.word.orders)), **changes}
        return compare(self.ours, self.word, **given)


def figures(smallest: str, largest: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(smallest, largest, allow_nan=False, places=5)


trades = st.builds(
    Trade,
    symbol=st.sampled_from(SYMBOLS),
    change=figures("-1000", "1000").filter(bool),
    price=figures("0.00001", "100000"),
    fee=figures("0", "100"),
)


def our_order(ident: str, **changes: Any) -> OurOrder:
    order = OurOrder(
        ident, "EURUSD", "buy", Decimal(2000), Decimal(500), "working", is_open=True,
        created_at=LONG_AGO, ended_at=None,
    )  # fmt: skip
    return replace(order, **changes)


def venue_order(ident: str, **changes: Any) -> VenueOrder:
    order = VenueOrder(ident, "EURUSD", "buy", Decimal(2000), Decimal(500))
    return replace(order, **changes)


def agreeing(made: list[Trade], orders: list[str]) -> Desk:
    """Our side summed up as decimals, the venue's as texts."""
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in made:
        instrument = UNIVERSE.by_symbol(one.symbol)
        filled[one.symbol] += one.change
        cash[instrument.currency] -= one.change * one.price * instrument.multiplier + one.fee
    ours = Ours(
        held=dict(filled),
        filled=dict(filled),
        cash=dict(cash),
        orders={one: our_order(one) for one in orders},
        fills=len(made),
    )
    word = word_of(
        taken_at=NOON,
        fill_sequence=len(made),
        # As venues do: what is flat may be left out.
        positions=[{"symbol": k, "quantity": f"{v:f}"} for k, v in filled.items() if v],
        open_orders=[
            {
                "client_order_id": one, "symbol": "EURUSD", "side": "buy", "quantity": "2000.000",
                "filled": "500",
            }
            for one in orders
        ],
        balances={k: f"{v + cash[k]:f}" for k, v in OPENING.items()},
    )  # fmt: skip
    return Desk(ours, word)


desks = st.builds(
    agreeing,
    st.lists(trades, max_size=20),
    st.lists(st.sampled_from(["o1", "o2", "o3"]), unique=True),
)


def by_profit(desk: Desk, values: dict[str, Decimal]) -> Word:
    """As a venue says it whose cash moves by profit alone: positions at what they were entered."""
    balances = dict(desk.word.balances)
    for symbol, value in values.items():
        balances[UNIVERSE.by_symbol(symbol).currency] += value
    return replace(desk.word, balances=balances, unpaid=values)


def names(found: list[Found]) -> set[str]:
    return {one.name for one in found}


@given(desks)
def test_identical_books_have_no_break(desk: Desk) -> None:
    assert desk.breaks() == []
    assert opening_of(desk.ours, desk.word) == OPENING


@given(desks, st.dictionaries(st.sampled_from(SYMBOLS), figures("-100000", "100000")))
def test_cash_that_moves_by_profit_alone_is_compared_at_what_positions_were_entered(
    desk: Desk, values: dict[str, Decimal]
) -> None:
    word = by_profit(desk, values)
    assert Desk(desk.ours, word).breaks() == []
    assert opening_of(desk.ours, word) == OPENING
    off = replace(word, balances={**word.balances, "USD": word.balances["USD"] + Decimal("0.02")})
    assert names(Desk(desk.ours, off).breaks()) == {"cash:USD"}


@pytest.mark.parametrize("unpaid", [{"EURUSD": None}, {"NO-SUCH": Decimal(5)}])
def test_cash_of_a_position_at_an_unknown_price_is_not_compared(
    unpaid: dict[str, Decimal | None],
) -> None:
    desk = agreeing([], [])
    word = replace(desk.word, balances={"USD": Decimal(1)}, unpaid=unpaid)
    assert Desk(desk.ours, word).breaks() == []
    assert opening_of(desk.ours, word) is None


def test_an_order_whose_form_is_not_understood_is_a_break_worth_who_knows() -> None:
    desk = agreeing([], ["o1"])
    unread = {"client_order_id": "o1", "symbol": "EURUSD", "side": "", "quantity": None}
    orders = [{**unread, "filled": "0"}, {**unread, "client_order_id": "by-hand", "filled": "0"}]
    word = word_of(
        taken_at=NOON, fill_sequence=0, positions=[], open_orders=orders,
        balances={name: f"{cash:f}" for name, cash in OPENING.items()},
    )  # fmt: skip
    found = replace(desk, word=word).breaks()
    assert names(found) == {"order:o1", "order:by-hand"}
    for one in found:
        assert (worth(one, lambda symbol: Decimal(1), UNIVERSE), one.quantity) == (None, None)
        assert "not understood" in one.theirs


@given(desks, st.sampled_from(SYMBOLS), figures("-1000", "1000").filter(bool))
def test_one_position_at_the_venue(desk: Desk, symbol: str, by: Decimal) -> None:
    positions = dict(desk.word.positions)
    positions[symbol] = positions.get(symbol, Decimal(0)) + by
    (found,) = Desk(desk.ours, replace(desk.word, positions=positions)).breaks()
    assert (found.name, found.quantity) == (f"position:{symbol}", by)
    assert Decimal(difference("position", found.ours, found.theirs)) == by


@given(desks, st.sampled_from(SYMBOLS), figures("-1000", "1000").filter(bool))
def test_one_stored_position(desk: Desk, symbol: str, by: Decimal) -> None:
    held = dict(desk.ours.held)
    held[symbol] = held.get(symbol, Decimal(0)) + by
    (found,) = Desk(replace(desk.ours, held=held), desk.word).breaks()
    assert (found.name, found.quantity) == (f"position:{symbol} books", -by)


@given(desks, st.sampled_from(["USD", "USDT", "EUR"]), figures("0.00501", "1000"), st.booleans())
def test_the_cash_of_one_currency(desk: Desk, currency: str, by: Decimal, less: bool) -> None:
    balances = dict(desk.word.balances)
    balances[currency] = balances.get(currency, Decimal(0)) + (-by if less else by)
    changed = Desk(desk.ours, replace(desk.word, balances=balances))
    (found,) = changed.breaks()
    assert (found.name, found.quantity) == (f"cash:{currency}", -by if less else by)
    assert changed.breaks(opening=None) == []


@given(desks, st.sampled_from(["USD", "USDT"]), figures("-0.00499", "0.00499"))
def test_less_than_half_a_cent_is_no_break(desk: Desk, currency: str, by: Decimal) -> None:
    balances = {**desk.word.balances, currency: desk.word.balances[currency] + by}
    assert Desk(desk.ours, replace(desk.word, balances=balances)).breaks() == []


@given(
    desks,
    st.sampled_from([
        {"symbol": "GBPUSD"}, {"side": "sell"}, {"quantity": Decimal(1999)},
        {"filled": Decimal(499)},
    ]),
)  # fmt: skip
def test_one_order_that_is_another_at_the_venue(desk: Desk, changes: dict[str, Any]) -> None:
    ours = replace(desk.ours, orders={**desk.ours.orders, "o9": our_order("o9")})
    word = replace(desk.word, orders={**desk.word.orders, "o9": venue_order("o9", **changes)})
    assert names(Desk(ours, word).breaks()) == {"order:o9"}


@given(desks)
def test_one_order_at_the_venue_that_is_not_ours(desk: Desk) -> None:
    word = replace(desk.word, orders={**desk.word.orders, "o9": venue_order("o9")})
    (found,) = Desk(desk.ours, word).breaks()
    assert (found.name, found.ours, found.quantity) == ("order:o9", "not ours", Decimal(1500))


@given(desks, st.sampled_from(["working", "unknown", "pending", "cancel-pending"]))
def test_one_order_of_ours_that_is_not_at_the_venue(desk: Desk, state: str) -> None:
    orders = {**desk.ours.orders, "o9": our_order("o9", state=state)}
    (found,) = Desk(replace(desk.ours, orders=orders), desk.word).breaks()
    assert (found.name, found.theirs) == ("order:o9", "not open")


@given(desks, st.integers(1, 9), st.integers(0, 3))
def test_one_hole_in_the_fills(desk: Desk, first: int, more: int) -> None:
    ours = replace(desk.ours, missing=[(first, first + more)])
    (found,) = Desk(ours, desk.word).breaks()
    assert found.name == (f"fill:#{first}-{first + more}" if more else f"fill:#{first}")
    assert opening_of(ours, desk.word) is None


@given(desks, st.integers(1, 9), st.sampled_from(SYMBOLS))
def test_one_fill_that_nobody_ordered(desk: Desk, sequence: int, symbol: str) -> None:
    stray = StrayFill(sequence, symbol, "sell", Decimal(7))
    (found,) = Desk(replace(desk.ours, stray=[stray]), desk.word).breaks()
    assert (found.name, found.unordered) == (f"fill:#{sequence}", True)
    assert found.theirs == f"sell 7 {symbol}"


def test_more_stray_fills_than_are_named() -> None:
    desk = agreeing([], [])
    (found,) = Desk(replace(desk.ours, more_stray=3), desk.word).breaks()
    assert (found.name, found.theirs, found.unordered) == ("fill:more", "3 more fills", True)


def test_an_instrument_that_is_not_ours() -> None:
    desk = agreeing([], [])
    (found,) = Desk(replace(desk.ours, unknown=["DOGE"]), desk.word).breaks()
    assert found.name == "fill:DOGE"


# Orders between two states ------------------------------------------------------------------------

MOMENT = dt.timedelta(milliseconds=1)


def missing(order: OurOrder, *, earlier: Earlier | None) -> list[Found]:
    desk = agreeing([], [])
    return Desk(replace(desk.ours, orders={"o9": order}), desk.word).breaks(earlier=earlier)


def test_an_order_younger_than_the_grace_is_not_missed_yet() -> None:
    young = our_order("o9", created_at=NOON - ORDER_GRACE + MOMENT)
    old = our_order("o9", created_at=NOON - ORDER_GRACE)
    assert missing(young, earlier=Earlier(NOON, ())) == []
    assert names(missing(old, earlier=Earlier(NOON, ()))) == {"order:o9"}


def test_an_order_is_missed_only_when_it_was_missed_before() -> None:
    before = NOON - dt.timedelta(seconds=10)
    assert missing(our_order("o9"), earlier=Earlier(before, {"o9"})) == []
    assert missing(our_order("o9"), earlier=None) == []
    assert names(missing(our_order("o9"), earlier=Earlier(before, ()))) == {"order:o9"}


def test_an_order_of_ours_that_ended_is_not_missed() -> None:
    ended = our_order("o9", state="filled", is_open=False, ended_at=NOON)
    assert missing(ended, earlier=Earlier(NOON, ())) == []


@pytest.mark.parametrize(
    ("ended_at", "broken"),
    [(NOON - ORDER_GRACE - MOMENT, True), (NOON - ORDER_GRACE, False), (NOON, False)],
)
def test_an_order_that_ended_here_and_is_open_there(ended_at: dt.datetime, broken: bool) -> None:
    desk = agreeing([], ["o1"])
    mine = our_order("o1", state="cancelled", is_open=False, ended_at=ended_at)
    found = Desk(replace(desk.ours, orders={"o1": mine}), desk.word).breaks()
    assert names(found) == ({"order:o1"} if broken else set())


# What it is worth ---------------------------------------------------------------------------------

PRICES = {"EURUSD": Decimal("1.15"), "GCZ3": Decimal(1300), "DOGE": Decimal(1)}


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (Found("position", "EURUSD", "0", "-2000", Decimal(-2000), "EURUSD"), Decimal(2300)),
        (Found("position", "GCZ3", "0", "3", Decimal(3), "GCZ3"), Decimal(390_000)),
        (Found("position", "SPY", "0", "3", Decimal(3), "SPY"), None),
        (Found("position", "DOGE", "0", "3", Decimal(3), "DOGE"), None),
        (Found("cash", "USDT", "1", "0.5", Decimal("-0.5"), currency="USDT"), Decimal("0.5")),
        (Found("cash", "EUR", "1", "0.5", Decimal("-0.5"), currency="EUR"), None),
        (Found("fill", "#3", "none", "filled"), None),
    ],
)
def test_what_a_break_is_worth(found: Found, value: Decimal | None) -> None:
    assert worth(found, PRICES.get, UNIVERSE) == value


def test_the_difference_stays_while_both_sides_move() -> None:
    assert difference("position", "100", "150.5") == difference("position", "-7", "43.50") == "50.5"
    assert difference("order", "a", "b") != difference("order", "a", "c")


# What the venue said ------------------------------------------------------------------------------

SAID: dict[str, Any] = {
    "positions": [{"symbol": "EURUSD", "quantity": "1", "cash_flow": "0", "fees": "0"}],
    "open_orders": [],
    "balances": {"USD": "1"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": [{"symbol": "EURUSD"}]},
        {"positions": [{"symbol": "EURUSD", "quantity": 1.5}]},
        {"positions": [{"symbol": "EURUSD", "quantity": "many"}]},
        {"positions": [{"symbol": "EURUSD", "quantity": "NaN"}]},
        {"positions": SAID["positions"] * 2},
        {"positions": ["EURUSD"]},
        {"positions": None},
        {"open_orders": [{"client_order_id": "o1"}]},
        {"balances": {"USD": None}},
        {"balances": ["USD"]},
    ],
)
def test_a_reading_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    assert word_of(taken_at=NOON, fill_sequence=1, **SAID).positions == {"EURUSD": Decimal(1)}
    with pytest.raises(ReadingError):
        word_of(taken_at=NOON, fill_sequence=1, **{**SAID, **changes})
