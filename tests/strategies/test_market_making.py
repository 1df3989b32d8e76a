"""Market making: the formula, the bounds on how quotes move, and what pulls them."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.desk import ACCOUNT, START, Desk, Gateway, cancels, orders, quotes, spec, walk
from trading.clock import NS
from trading.messages import BookSnapshot, Holding, Intent, OrderIntent, Side, TimeInForce
from trading.strategies.market_making import Wanted, half_spread, quotes_for, reservation
from trading.strategies.parameters import MarketMakingParameters
from trading.strategies.quoter import TOO_MUCH, Quoter
from trading.strategies.sizing import Quote
from trading.strategies.terms import Terms
from trading.universe import UNIVERSE

D = Decimal
EURUSD = UNIVERSE.by_symbol("EURUSD")
P = MarketMakingParameters()
CALM = walk(1, 80)


def quote(bid: str = "1.15000", ask: str = "1.15004") -> Quote:
    return Quote(D(bid), D(ask), START, START)


def wanted(
    position: str = "0", *, at: Quote | None = None, deviation: float = 2e-5
) -> list[Wanted]:
    parameters = MarketMakingParameters(least_half_bp=0.0)
    return quotes_for(
        parameters, EURUSD, at or quote(), deviation, position=D(position), most=D(100_000)
    )


# The formula --------------------------------------------------------------------------------------


def test_the_prices_are_those_of_the_paper() -> None:
    """gamma 0.5, kappa 1.5, one deviation: half = 0.25 + ln(4/3) / 0.5, r leans by q / 2."""
    plain = MarketMakingParameters(least_half_bp=0.0)
    assert half_spread(100.0, 1.0, plain, 0.01) == pytest.approx(0.25 + 2 * math.log(4 / 3))
    assert reservation(100.0, 1.0, 0.5, 0.5) == pytest.approx(99.75)
    # As aversion vanishes the spread is what a neutral maker asks: 1 / kappa each side.
    fearless = MarketMakingParameters(gamma=0.01, least_half_bp=0.0)
    assert half_spread(100.0, 1.0, fearless, 0.01) == pytest.approx(1 / 1.5, rel=0.02)
    wide = MarketMakingParameters(least_half_bp=200.0)
    assert half_spread(100.0, 1.0, wide, 0.01) == pytest.approx(2.0)


def test_it_leans_against_what_it_holds() -> None:
    flat, held = wanted(), wanted("50000", deviation=2e-4)
    assert [one.side for one in flat] == [Side.BUY, Side.SELL]
    assert [one.quantity for one in flat] == [D(50_000), D(50_000)]
    even = wanted(deviation=2e-4)
    assert all(mine.price < theirs.price for mine, theirs in zip(held, even, strict=True))
    assert [one.side for one in wanted("100000")] == [Side.SELL]
    assert [(one.side, one.quantity) for one in wanted("-80000")] == [
        (Side.BUY, D(50_000)), (Side.SELL, D(20_000)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bid", "ask"), [("1.15", "1.15"), ("1.16", "1.15"), ("0", "1.15"), ("-1", "1.15")]
)
def test_a_price_that_cannot_be_wants_no_quote(bid: str, ask: str) -> None:
    assert wanted(at=quote(bid, ask)) == []
    assert wanted(deviation=math.nan) == wanted(deviation=math.inf) == wanted(deviation=0) == []


PARAMETERS = st.builds(
    MarketMakingParameters, gamma=st.floats(0.01, 10), kappa=st.floats(0.1, 100),
    least_half_bp=st.floats(0, 100),
)  # fmt: skip


@given(
    st.integers(50_000, 200_000), st.integers(1, 500), st.floats(1e-7, 1e-2),
    st.integers(-150, 150), PARAMETERS,
)  # fmt: skip
def test_quotes_lie_on_the_grid_apart_within_bounds_and_give_liquidity(
    bid: int, spread: int, deviation: float, held: int, p: MarketMakingParameters
) -> None:
    step, most = EURUSD.tick_size, D(100_000)
    at = Quote(bid * step, (bid + spread) * step, START, START)
    found = quotes_for(p, EURUSD, at, deviation, position=held * EURUSD.lot_size, most=most)
    for one in found:
        assert one.price > 0
        assert one.price % step == 0
        assert one.quantity % EURUSD.lot_size == 0
        assert one.side.sign * (held * EURUSD.lot_size + one.side.sign * one.quantity) <= most
        assert one.price < at.ask if one.side is Side.BUY else one.price > at.bid
    if len(found) == 2:
        assert found[0].price < found[1].price


# The desk -----------------------------------------------------------------------------------------


def making(**more: object) -> tuple[Desk, Gateway]:
    given = {"sigma_s": 5, "warmup_ticks": 5, "rest_s": 2, "life_s": 30, "least_half_bp": 0.1}
    desk = Desk([spec("mm", "market-making", **{**given, **more})])
    desk.book()
    return desk, Gateway(desk)


def standing(desk: Desk, gateway: Gateway) -> None:
    """Both sides stand at the venue."""
    for tick in range(len(CALM)):
        made = desk.batch(quotes("EURUSD", CALM)[tick : tick + 1])
        gateway.take(made)
        if len(gateway.resting) == 2:
            return
    raise AssertionError(gateway.resting)


def later(desk: Desk, mid: float, seconds: float = 1.0) -> list[Intent]:
    return desk.batch(quotes("EURUSD", [mid], start=desk.now + int(seconds * NS)))


def mid_of(desk: Desk) -> float:
    return CALM[(desk.now - START) // NS]


def test_both_sides_are_quoted_once_warm_with_a_life_and_a_signal() -> None:
    desk, gateway = making()
    standing(desk, gateway)
    (signal,) = desk.engine.take_signals()
    assert (signal.direction, signal.strategy, signal.confidence) == (0, "mm", 1.0)
    assert desk.now - START >= 5 * NS
    buy, sell = orders(desk.sent)
    for one in (buy, sell):
        assert (one.post_only, one.life_ms, one.time_in_force) == (True, 30_000, TimeInForce.GTC)
        assert one.correlation_id == signal.id
    assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
    assert (buy.expected_position, sell.expected_position) == (D(0), buy.quantity)
    assert buy.limit_price is not None
    assert sell.limit_price is not None
    assert buy.limit_price < signal.price < sell.limit_price


def test_a_fill_makes_it_lean_and_quote_anew() -> None:
    desk, gateway = making(gamma=8)
    standing(desk, gateway)
    buy = next(one for one in gateway.resting.values() if one.side is Side.BUY)
    gateway.fill(buy)
    made = later(desk, mid_of(desk), 3)
    gateway.take(made)
    gateway.take(later(desk, mid_of(desk), 0.1))
    again = next(one for one in gateway.resting.values() if one.side is Side.BUY)
    assert again.limit_price is not None
    assert buy.limit_price is not None
    assert again.limit_price < buy.limit_price
    assert again.quantity + buy.quantity <= D(87_000)


@pytest.mark.parametrize(
    ("seconds", "mid", "pulled"), [(2.5, None, True), (1.5, None, False), (0.1, 1.2, False)]
)
def test_quotes_are_pulled_when_no_price_comes(
    seconds: float, mid: float | None, pulled: bool
) -> None:
    desk, gateway = making()
    standing(desk, gateway)
    made = desk.idle(seconds) if mid is None else []
    assert {one.client_order_id for one in cancels(made)} == (
        set(gateway.resting) if pulled else set()
    )
    assert orders(made) == []


def test_it_quotes_in_its_markets_session_alone() -> None:
    """EURUSD on a Friday, about 17:00 in New York: 5 May 2023, 21:00 UTC."""
    closes = 1_683_320_400 * NS
    desk, gateway = making()
    ticks = quotes("EURUSD", CALM, start=closes - 20 * NS)
    for at in range(len(ticks)):
        gateway.take(desk.batch(ticks[at : at + 1]))
        if desk.now >= closes:
            assert not gateway.resting
    assert desk.now > closes + 50 * NS
    assert len(orders(desk.sent)) > 2
    assert all(one.tick_time < closes for one in orders(desk.sent))


def test_a_stop_pulls_both_sides_and_quotes_come_back_by_themselves() -> None:
    desk, gateway = making(life_s=30)
    standing(desk, gateway)
    mid = mid_of(desk)
    sell = next(one for one in gateway.resting.values() if one.side is Side.SELL)
    gateway.fill(sell)
    (again,) = orders(later(desk, mid, 0.1)) or orders(later(desk, mid, 2.1))
    gateway.say(again, "denied", final=True, code="HELD")
    made = later(desk, mid, 0.1)
    assert {one.client_order_id for one in cancels(made)} == set(gateway.resting)
    assert orders(made) == []
    gateway.take(made)
    assert orders(later(desk, mid, 0.5)) == []
    assert {one.side for one in orders(later(desk, mid, 0.6))} == {Side.BUY, Side.SELL}


def test_on_another_rung_it_orders_nothing_but_still_signals() -> None:
    desk, gateway = making()
    (one,) = desk.specs
    desk.engine.apply({"mm": Terms(ACCOUNT, one.size_notional, orders=False, why="on monitor")})
    desk.feed(quotes("EURUSD", CALM[:20]))
    assert desk.sent == []
    assert len(desk.engine.take_signals()) == 1
    assert gateway.resting == {}


@pytest.mark.parametrize(("quantity", "goes"), [("42000", False), ("40000", True)])
def test_a_quote_stays_while_its_size_in_dollars_changes_by_a_lot(
    quantity: str, goes: bool
) -> None:
    desk, gateway = making()
    standing(desk, gateway)
    (slot,) = [one for one in desk.engine._views.slots if isinstance(one, Quoter)]
    price = {one.side: one.limit_price for one in gateway.resting.values()}
    want = [Wanted(side, price[side] or D(0), D(quantity)) for side in Side]
    back, make = slot.look(want, desk.now, desk.now)
    assert (set(back), make) == (set(gateway.resting) if goes else set(), [])


def test_quotes_found_at_a_start_are_taken_over_and_never_doubled() -> None:
    desk, gateway = making()
    standing(desk, gateway)
    other = Desk(desk.specs, token=2)
    other.engine.on_gateway(gateway.book())
    gateway.desk = other
    for at in range(30):
        made = other.batch(quotes("EURUSD", CALM)[at : at + 1])
        gateway.take(made)
        sides = [one.side for one in gateway.resting.values()]
        assert len(sides) == len(set(sides))
    assert len(gateway.resting) == 2


STEPS = st.tuples(
    st.sampled_from(["tick", "tick", "tick", "idle", "fill", "deny", "lose", "book", "forget"]),
    st.integers(-8, 8),
    st.sampled_from([0.02, 0.2, 1.0, 3.0]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=80), st.integers(1, 6))
def test_whatever_happens_quotes_stay_within_their_bounds(
    steps: list[tuple[str, int, float]], most_a_second: int
) -> None:
    """One a side, no more a second than allowed, never bettered before their rest, and never more
    than the largest inventory even if all of them filled."""
    desk, gateway = making(requotes_per_s=most_a_second, rest_s=0.5)
    for tick in range(12):
        gateway.take(desk.batch(quotes("EURUSD", CALM)[tick : tick + 1]))
    made_at: list[int] = []
    level = 1.15
    for what, move, seconds in steps:
        made: list[Intent] = []
        if what == "tick":
            level += move * 1e-5
            made = later(desk, level, seconds)
        elif what == "idle":
            made = desk.idle(seconds)
        elif what == "fill" and gateway.resting:
            gateway.fill(next(iter(gateway.resting.values())))
        elif what == "book":
            desk.engine.on_gateway(gateway.book())
        elif what == "forget":
            desk.engine.forget_views()
            desk.engine.on_gateway(gateway.book())
        _check(desk, gateway, made, made_at, most_a_second)
        if what == "tick" and move > 6:
            _refuse(gateway, made)
        else:
            gateway.take(made)


def _check(desk: Desk, gateway: Gateway, made: list[Intent], made_at: list[int], most: int) -> None:
    new = orders(made)
    gone = {one.client_order_id for one in cancels(made)}
    made_at += [desk.now] * len(new)
    assert sum(desk.now - at < NS for at in made_at) <= most
    for side in Side:
        own = [one for one in gateway.resting.values() if one.side is side]
        fresh = [one for one in new if one.side is side]
        assert len(own) + len(fresh) <= 1, (side, own, fresh, gone)
        position = gateway.positions.get(("mm", "EURUSD"), D(0))
        total = sum((one.quantity for one in (*own, *fresh)), D(0))
        assert side.sign * position + total <= D(86_000) * TOO_MUCH


def _refuse(gateway: Gateway, made: list[Intent]) -> None:
    """Cancels are carried out, orders denied for the price having moved on."""
    gateway.take(list(cancels(made)))
    for one in made:
        if isinstance(one, OrderIntent):
            gateway.say(one, "denied", final=True, code="POST_ONLY")


def test_a_snapshot_that_holds_more_than_the_most_only_reduces() -> None:
    desk, gateway = making()
    desk.engine.on_gateway(BookSnapshot(ACCOUNT, 0, [Holding("mm", "EURUSD", D(90_000), D(0))], []))
    gateway.positions["mm", "EURUSD"] = D(90_000)
    desk.feed(quotes("EURUSD", CALM[:20]))
    assert {one.side for one in orders(desk.sent)} == {Side.SELL}
