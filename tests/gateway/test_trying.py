"""An order that is only tried: what is said is what would have been, and nothing is left of it."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskctl.control import OrderTried, TryOrder
from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import LIMITS, SHARD, STRATEGY, SYMBOL, Rig
from trading.gateway.admission import RateWindow
from trading.gateway.trying import order_try
from trading.messages import OrderType, Side, TimeInForce
from trading.universe import UnknownInstrumentError

D = Decimal


def wish(side: Side = Side.BUY, quantity: str = "10000", **change: Any) -> TryOrder:
    given_: dict[str, Any] = {
        "strategy": STRATEGY, "shard": SHARD, "symbol": SYMBOL, "side": str(side),
        "quantity": D(quantity), "limit_price": None, **change,
    }  # fmt: skip
    return TryOrder(**given_)


def tried(rig: Rig, asked: TryOrder, *, connected: bool = True) -> OrderTried:
    return order_try(rig.core, asked, rig.now(), connected=connected)


def hold(scope: str, mode: Mode = Mode.HALTED) -> HoldFact:
    return HoldFact(
        id="h", scope=scope, kind=Kind.KILL, mode=mode, cancels=False, protective_too=False,
        reason="test", placed_by="ada", actor_kind="person", placed_wall_ns=1,
    )  # fmt: skip


def rates(window: RateWindow, now_ns: int) -> dict[str, int]:
    return {name: n for name in ("paper-1", f"strategy:{STRATEGY}")
            if (n := window.count(name, now_ns))}  # fmt: skip


def books(rig: Rig) -> Any:
    core = rig.core
    book = {name: value for name, value in vars(core.book).items() if name != "_universe"}
    return copy.deepcopy((
        book, core.holds.open, core.holds.changed, core.licence.reading,
        rates(core.gate._rates, rig.boot_ns), len(rig.sent), len(rig.persisted),
    ))  # fmt: skip


steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "fill", "cancel", "hold", "later"]), st.sampled_from(Side),
        st.integers(1, 60),
    ),
    max_size=8,
)  # fmt: skip


@given(
    steps=steps, side=st.sampled_from(Side), thousands=st.integers(1, 700),
    limit=st.sampled_from([None, "1.10010", "1.1", "1.25", "1.100001"]), connected=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_it_says_what_an_order_would_meet_and_leaves_the_books_as_they_were(
    steps: list[tuple[str, Side, int]], side: Side, thousands: int, limit: str | None,
    connected: bool,
) -> None:  # fmt: skip
    rig, last = Rig(), ""
    for what, way, size in steps:
        order = rig.core.book.order(last)
        if what == "order":
            last = rig.submit(rig.intent(way, str(size * 1000)))
        elif what == "fill" and order and order.remaining:
            rig.take(rig.core.on_venue_event(rig.fill(last, str(order.remaining)), rig.now()))
        elif what == "cancel" and last:
            rig.cancel(last)
        elif what == "hold" and size > 50:
            rig.core.holds.learn(hold(f"strategy:{STRATEGY}"), rig.boot_ns)
        rig.later(size)
    price = None if limit is None else D(limit)
    before = books(rig)
    said = tried(rig, wish(side, str(thousands * 1000), limit_price=price), connected=connected)
    assert books(rig) == before

    intent = rig.intent(
        side, str(thousands * 1000), limit_price=price, time_in_force=TimeInForce.IOC,
        order_type=OrderType.LIMIT if price else OrderType.MARKET,
    )  # fmt: skip
    for effect in rig.take(rig.core.on_intent(intent, rig.now())):
        release = getattr(effect, "release", "")
        if release:
            rig.release(release, connected=connected)
    really = rig.core.book.order(f"paper-1.{intent.intent_id}")
    assert really is not None
    assert (said.code, said.text) == (really.reason_code, really.reason)


def test_every_limit_is_shown_with_what_is_measured() -> None:
    said = tried(Rig(), wish(quantity="500000"))
    assert said.code == "ORDER_NOTIONAL"
    assert {one.name: one.code for one in said.gates if one.code} == {"limits": "ORDER_NOTIONAL"}
    found = {(one.code, one.scope): (one.measured, one.limit, one.passed) for one in said.rules}
    assert found["ORDER_NOTIONAL", f"strategy:{STRATEGY}"] == (D("550050.00"), D(500_000), False)
    assert found["ORDER_NOTIONAL", "firm"] == (D("550050.00"), D(1_000_000), True)
    assert found["OPEN_ORDERS", f"strategy:{STRATEGY}"] == (D(1), D(20), True)
    assert len(found) == len(LIMITS) - 1  # the firm's gross counts as a share of the account


@pytest.mark.parametrize("scope", ["firm", f"strategy:{STRATEGY}", f"instrument:{SYMBOL}"])
def test_under_a_hold_it_is_refused_by_the_hold(scope: str) -> None:
    rig = Rig()
    rig.core.holds.learn(hold(scope), rig.boot_ns)
    rig.later(1)
    said = tried(rig, wish())
    assert said.code == "HELD"
    assert f"kill on {scope}" in said.text
    assert [one.name for one in said.gates if one.code] == ["holds"]


def test_each_other_thing_that_stands_in_the_way_is_named() -> None:
    assert tried(Rig(), wish()).code == ""
    assert tried(Rig(), wish(), connected=False).code == "VENUE_DISCONNECTED"
    assert tried(Rig(), wish(shard="shard:7")).code == "UNKNOWN_SHARD"
    assert tried(Rig(), wish(quantity="1.5")).code == "LOT_SIZE"
    late = Rig()
    late.later(300)
    assert tried(late, wish()).code == "NO_LICENCE"
    silent = Rig()
    silent.boot_ns += 31 * 10**9
    silent.license()
    assert tried(silent, wish()).code == "FEED_SILENT"
    monitor = Rig()
    monitor.core.licence.renew(monitor.reading(stages=Rig.stage("monitor")))
    assert tried(monitor, wish()).code == "STAGE"


def test_what_is_no_order_is_refused_whole() -> None:
    for bad in (
        wish(quantity="1e20"),
        TryOrder(STRATEGY, SHARD, SYMBOL, "hold", D(1000)),
        wish(strategy="no such"),
    ):
        with pytest.raises(ValueError, match=r"quantity|hold|strategy"):
            tried(Rig(), bad)
    with pytest.raises(UnknownInstrumentError):
        tried(Rig(), wish(symbol="NOPE"))
