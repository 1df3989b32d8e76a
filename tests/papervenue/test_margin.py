"""The venue takes no order that its account could not carry, and every order that ours lets out."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.builders import ACCOUNT, STRATEGY, Rig
from tests.gateway.test_funds import WIDE
from trading.gateway.effects import Effect, Persist, SendCancel, SendCreate
from trading.margin import MARGIN_RATE
from trading.messages import OrderType, Side, TimeInForce
from trading.papervenue.margin import THIRTIETHS
from trading.ticks import empty
from trading.universe import UNIVERSE, to_nano
from trading.venues.lockstep import LockstepExchange, LockstepVenue

D = Decimal
START = 1_400_000_000 * 10**9
PRICES = {
    "EURUSD": ("1.10000", "1.10010"), "SPY": ("600.00", "600.10"), "ESZ6": ("6000", "6000.25"),
}  # fmt: skip


class Both(Rig):
    """Our core and the paper venue's exchange, in one process, on a market that stands still."""

    def __init__(self) -> None:
        super().__init__(wall_ns=START)
        self.license(WIDE)
        self.exchange = LockstepExchange(universe=UNIVERSE)
        self.theirs = LockstepVenue(ACCOUNT, self.exchange)
        self.exchange.now_ns = START
        connecting = self.theirs.connect(lambda event: self.carry(
            self.core.on_venue_event(event, self.now())))  # fmt: skip
        with pytest.raises(StopIteration):
            connecting.send(None)
        for symbol, (bid, ask) in PRICES.items():
            self.quote(bid, ask, symbol, START)
            ticks = empty(1)
            ticks["instrument"] = UNIVERSE.by_symbol(symbol).id
            ticks["time"] = START
            ticks["bid"], ticks["ask"] = to_nano(D(bid)), to_nano(D(ask))
            self.exchange.advance(ticks, START)
        self.known()

    def known(self) -> None:
        asked = self.core.funds.ask()
        self.core.funds.on_balances(asked, self.theirs.cash(), self.boot_ns)

    def carry(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist) and effect.release:
                released = self.core.release(
                    effect.release, self.now(), connected=True, not_after_ns=START + 10**9
                )
                self.carry(released)
            elif isinstance(effect, SendCreate):
                self.theirs.send_create(effect.new_order)
            elif isinstance(effect, SendCancel):
                self.theirs.send_cancel(effect.client_order_id)

    def want(self, side: Side, symbol: str, quantity: Decimal, *, market: bool) -> str:
        """The code of our denial or of the venue's refusal, and whose: ``ours MARGIN``."""
        bid, ask = PRICES[symbol]
        held = self.core.book.holding(STRATEGY, symbol).quantity
        terms = (
            {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "limit_price": None}
            if market
            else {"limit_price": D(bid if side is Side.BUY else ask)}
        )
        intent = self.intent(
            side, str(quantity), symbol=symbol,
            expected_position=held + self.core.book.in_flight(STRATEGY, symbol), **terms,
        )  # fmt: skip
        self.carry(self.core.on_intent(intent, self.now()))
        self.exchange.settle()
        order = self.core.book.order(f"{ACCOUNT}.{intent.intent_id}")
        assert order is not None
        whose = {"denied": "ours", "rejected": "theirs"}.get(str(order.state), "")
        return f"{whose} {order.reason_code}" if whose else ""


def test_both_take_the_same_share_of_each_kind() -> None:
    assert {one: D(parts) / 30 for one, parts in THIRTIETHS.items()} == MARGIN_RATE


def test_the_venue_refuses_what_its_account_could_not_carry() -> None:
    rig = Both()  # 20,000,000 of both currencies
    assert rig.want(Side.BUY, "SPY", D(60_000), market=False) == ""
    rig.core.funds._before["USD"] += D(10**9)  # ours believes it is rich
    assert rig.want(Side.BUY, "SPY", D(10_000), market=False) == "theirs MARGIN"
    assert rig.want(Side.SELL, "SPY", D(60_000), market=False) == "", "no side grows"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(Side), st.sampled_from(sorted(PRICES)), st.integers(1, 400),
            st.booleans(), st.booleans(),
        ),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_what_ours_lets_out_the_venue_takes(
    wanted: list[tuple[Side, str, int, bool, bool]],
) -> None:
    rig = Both()
    most = {"EURUSD": D(1_000_000), "SPY": D(500), "ESZ6": D(5)}
    seen = set()
    for side, symbol, parts, market, reading in wanted:
        if reading:
            rig.known()
        seen.add(rig.want(side, symbol, parts * most[symbol], market=market))
    assert seen <= {"", "ours MARGIN", "ours ORDER_NOTIONAL"}
