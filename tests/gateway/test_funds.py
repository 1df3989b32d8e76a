"""What an account can pay for: margin and cash, what is promised, and what is not known."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.gateway.builders import FEED_TIME, LIMITS, SYMBOL, D, Rig
from trading.gateway.funds import AccountTerms, Asked
from trading.gateway.session import VenueSession
from trading.messages import OrderType, Side, TimeInForce
from trading.portfolio.ledger import EMPTY
from trading.venues.base import (
    Accepted,
    Disconnected,
    Ended,
    Filled,
    OrderStatus,
    Venue,
    VenuePosition,
)

WIDE = {**LIMITS, **{key: D(10**12) for key in LIMITS if key[1] != "price-collar"}}
EUR = D("1.10005")


class FundsRig(Rig):
    """Limits are wide: what denies is what the account has. ``cash`` in USD."""

    def __init__(self, cash: str, *, margin: bool = True, by_value: bool = True) -> None:
        super().__init__()
        self.core.funds._terms = AccountTerms(margin, by_value)
        self.license(WIDE)
        self.funded(USD=cash)

    def code(self, side: Side = Side.BUY, quantity: str = "10000", **change: object) -> str:
        """With which an order is denied; empty: it rests at the venue."""
        ident = self.submit(self.intent(side, quantity, **change))
        order = self.core.book.order(ident)
        assert order is not None
        if not order.final:
            self.take(self.core.on_venue_event(Accepted(ident, f"v-{ident}"), self.now()))
        self.ident, self.reason = ident, order.reason
        return order.reason_code

    def filled(self, side: Side, quantity: str) -> None:
        assert self.code(side, quantity) == ""
        self.take(self.core.on_venue_event(self.fill(self.ident, quantity), self.now()))


def test_an_order_over_the_free_margin_is_denied_and_says_the_figures() -> None:
    rig = FundsRig("10000")  # at 30:1 worth 300,000 USD
    assert rig.code(quantity="272000") == ""
    assert rig.code(quantity="1000") == "MARGIN"
    assert rig.reason.startswith("10024.1")
    assert "the account is worth 10000.00" in rig.reason


def test_with_borrowing_a_value_over_the_balance_passes_and_without_it_does_not() -> None:
    assert FundsRig("100000").code(quantity="500000") == ""
    rig = FundsRig("100000", margin=False)
    assert rig.code(quantity="500000") == "BALANCE"
    assert rig.reason == "550050.00 USD are needed, 100000.00 are free"
    assert rig.code(quantity="90000") == ""
    assert rig.code(quantity="1000") == "BALANCE", "the open order is promised its cash"


def test_a_short_over_the_free_margin_is_denied_and_what_reduces_it_is_not() -> None:
    rig = FundsRig("5000")
    assert rig.code(Side.SELL, "200000") == "MARGIN"
    rig.filled(Side.SELL, "100000")
    rig.funded(USD="110010")  # what was sold came in
    assert rig.code(Side.SELL, "100000") == "MARGIN"
    rig.funded(USD="0")  # and is lost: worth less than nothing
    assert rig.code(Side.SELL, "1000") == "MARGIN"
    assert rig.code(Side.BUY, "100000") == ""


def test_a_cash_account_sells_what_it_holds_and_asks_no_cash_for_it() -> None:
    rig = FundsRig("200000", margin=False)
    assert rig.code(Side.SELL, "1000") == "BALANCE"
    assert rig.reason == "a cash account sells what it holds: 0 EURUSD are free"
    rig.filled(Side.BUY, "100000")
    rig.core.funds.forget()
    assert rig.code(Side.SELL, "60000") == ""
    assert rig.code(Side.SELL, "60000") == "BALANCE", "the rest is promised"
    assert rig.code(Side.SELL, "40000") == ""


def test_a_stale_or_missing_reading_is_no_money() -> None:
    rig = FundsRig("1000000")
    rig.filled(Side.BUY, "50000")
    for lost in (
        rig.core.funds.forget,
        lambda: rig.core.on_venue_event(Disconnected("gone"), rig.now()),
        lambda: rig.later(30_001),
    ):
        rig.funded(USD="1000000")
        lost()
        rig.license(WIDE)
        rig.quote("1.10000", "1.10010", feed_ns=FEED_TIME)
        assert rig.code() == "FUNDS_UNKNOWN"
        assert rig.code(Side.SELL, "1000") == "", "what reduces is not asked"
        rig.cancel(rig.ident)
        rig.take(rig.core.on_venue_event(Ended(rig.ident, "cancelled", D(0), ""), rig.now()))
    rig.core.funds.forget()
    short = replace(EMPTY, quantity=D(-50_000))
    rig.core.book.holdings["other", SYMBOL] = short  # flat together: the account's would grow
    assert rig.code(Side.SELL, "50000") == "", "a strategy leaves what it holds"
    rig.funded(USD="1000000")
    assert rig.code() == ""


def test_a_fill_nobody_ordered_makes_the_funds_unknown_until_the_next_reading() -> None:
    rig = FundsRig("1000000")
    fill = replace(rig.fill("nobody", "1000"), client_order_id="nobody")
    rig.core.book_fill(fill, rig.now(), nobody_ordered=True)
    assert rig.code() == "FUNDS_UNKNOWN"


def test_balances_that_were_late_are_taken_for_the_least_they_can_mean() -> None:
    """A fill came while they were asked for: perhaps it is in them, perhaps not."""
    rig = FundsRig("1000000")
    assert rig.code(Side.SELL, "100000") == ""
    asked = rig.core.funds.ask()
    rig.take(rig.core.on_venue_event(rig.fill(rig.ident, "100000"), rig.now()))
    rig.core.funds.on_balances(asked, {"USD": D(1_000_000)}, rig.boot_ns)  # without its proceeds
    least = rig.core.funds.free_margin()
    rig.funded(USD="1110009.99")  # with them
    assert rig.core.funds.free_margin() >= least + 100_000


def test_where_cash_moves_by_profit_alone_a_position_is_worth_what_it_gained() -> None:
    rig = FundsRig("10000", by_value=False)
    rig.filled(Side.BUY, "150000")
    taken = 150_000 * EUR / 30
    lost = 150_000 * D("0.00005") + D("0.01")
    assert abs(rig.core.funds.free_margin() - (10_000 - taken - lost)) < D("0.001")
    rig.quote("1.12000", "1.12010")
    gained = 150_000 * (D("1.12005") - D("1.10010"))
    taken = 150_000 * D("1.12005") / 30
    assert abs(rig.core.funds.free_margin() - (10_000 + gained - taken)) < D("0.02")


class Interleaved(RuleBasedStateMachine):
    """Orders, fills, cancels and readings in any order never take more than the account has.

    The market stands still and fills are at the worst price an order allows, so what the account
    is worth moves by what it trades alone; the venue's cash is reckoned here from its fills.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rig = FundsRig("20000")
        self.opened = D(20_000)
        self.flow = self.held = D(0)
        self.open: list[str] = []
        self.past: list[Decimal] = []
        self.asked: list[tuple[Asked, int, int]] = []

    @rule(side=st.sampled_from(Side), lots=st.sampled_from([20, 200, 360]), market=st.booleans())
    def order(self, side: Side, lots: int, market: bool) -> None:
        terms: dict[str, object] = {}
        if market:
            terms = {
                "order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC,
                "limit_price": None,
            }  # fmt: skip
        code = self.rig.code(side, f"{lots}000", **terms)
        assert code in {"", "MARGIN", "FUNDS_UNKNOWN"}
        if not code:
            self.open.append(self.rig.ident)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), whole=st.booleans())
    def fills(self, data: st.DataObject, whole: bool) -> None:
        order = self.rig.core.book.order(data.draw(st.sampled_from(self.open)))
        assert order is not None
        lots = int(order.remaining / 1000)
        part = D(lots if whole else data.draw(st.integers(1, lots))) * 1000
        price = D("1.10010") if order.side is Side.BUY else D("1.10000")
        fill = replace(self.rig.fill(order.client_order_id, str(part)), price=price, fee=D(0))
        self.rig.take(self.rig.core.on_venue_event(fill, self.rig.now()))
        self.past.append(self.opened + self.flow)
        self.held += order.side.sign * part
        self.flow -= order.side.sign * part * price
        if order.final:
            self.open.remove(order.client_order_id)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancels(self, data: st.DataObject) -> None:
        ident = data.draw(st.sampled_from(self.open))
        self.rig.cancel(ident)
        ended = Ended(ident, "cancelled", D(0), "")
        self.rig.take(self.rig.core.on_venue_event(ended, self.rig.now()))
        self.open.remove(ident)

    @rule()
    def asks(self) -> None:
        self.asked.append((self.rig.core.funds.ask(), len(self.past), self.rig.boot_ns))
        self.rig.later(1)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def is_asked_while_it_trades(self, data: st.DataObject) -> None:
        self.asks()
        self.fills(data, whole=True)
        self.is_answered(data)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def is_answered(self, data: st.DataObject) -> None:
        """With the cash of some moment since it was asked, in any order of those that were."""
        asked, since, boot_ns = data.draw(st.sampled_from(self.asked))
        self.asked = [one for one in self.asked if one[0] is not asked]
        cash = data.draw(st.sampled_from([*self.past[since:], self.opened + self.flow]))
        self.rig.core.funds.on_balances(asked, {"USD": cash}, boot_ns)

    @rule(really=st.sampled_from([False, False, False, True]))
    def loses_the_venue(self, really: bool) -> None:
        if really:
            self.rig.core.funds.forget()

    @property
    def worth(self) -> Decimal:
        return self.opened + self.flow + self.held * EUR

    @invariant()
    def the_account_can_carry_it(self) -> None:
        assert abs(self.held) * EUR / 30 <= self.worth

    @invariant()
    def it_is_not_taken_for_richer_than_it_is(self) -> None:
        funds = self.rig.core.funds
        assert not funds._read_boot_ns or funds._equity(funds._sides()) <= self.worth


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class SlowVenue:
    """Fills what is open while it is asked for its balances, and then says the cash of before; or
    does not answer."""

    def __init__(self, rig: FundsRig) -> None:
        self.rig = rig
        self.fills: list[Filled] = []
        self.silent = False

    async def positions(self) -> list[VenuePosition]:
        return []

    async def open_orders(self) -> list[OrderStatus]:
        return []

    async def balances(self) -> dict[str, Decimal]:
        if self.silent:
            raise TimeoutError("balances")
        for order in list(self.rig.core.book.open_orders()):
            fill = self.rig.fill(order.client_order_id, str(order.remaining))
            self.fills.append(fill)
            self.rig.core.on_venue_event(fill, self.rig.now())
        return {"USD": D(1_000_000)}

    async def fills_since(self, sequence: int) -> list[Filled]:
        return [one for one in self.fills if one.sequence > sequence]


def test_a_busy_venue_is_read_all_the_same_and_a_silent_one_is_not_believed_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = FundsRig("1000000")
    venue = SlowVenue(rig)
    session = VenueSession(
        core=rig.core, venue=cast(Venue, venue), dsn="", perform=lambda _: None,
        write=lambda _: None,
    )  # fmt: skip
    monkeypatch.setattr("trading.gateway.session.boot_ns", lambda: rig.boot_ns)
    assert rig.code(Side.SELL, "100000") == ""
    rig.core.funds.forget()
    assert asyncio.run(session.read_now()) is None, "it moved while it was read"
    rig.core.catching_up = False
    assert rig.code(Side.SELL, "1000") == "", "its funds are known nevertheless"
    venue.silent = True
    for _ in range(4):
        with pytest.raises(TimeoutError):
            asyncio.run(session.read_now())
        rig.later(10_000)
    rig.license(WIDE)
    rig.quote("1.10000", "1.10010")
    assert rig.code(Side.SELL, "1000") == "FUNDS_UNKNOWN"
