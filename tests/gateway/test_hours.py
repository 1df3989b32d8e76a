"""Orders outside the hours of their market are refused; cancels and closings by warrant are not."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from riskctl.control import Warrant
from riskctl.holds import Kind
from tests.gateway.builders import STRATEGY, Rig
from tests.gateway.test_holds import hold
from trading.clock import NS
from trading.feeds.spec import sessions_for, unpriced
from trading.gateway.book import LiveOrder
from trading.gateway.effects import Effect, Persist, SendCancel, SendCreate, StepRow
from trading.gateway.flatten import Flattener
from trading.gateway.session import VenueReadingNow
from trading.messages import Side
from trading.portfolio.ledger import EMPTY, apply_fill
from trading.sessions import Sessions
from trading.universe import UNIVERSE
from trading.venues.base import Rejected, VenuePosition

D = Decimal


def ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * NS


class Hours(Rig):
    """``symbol`` is quoted at ``feed``, the feed's clock; ours stands at ``wall``."""

    def __init__(
        self, symbol: str, feed: str, *, wall: str = "2027-01-15 16:00",
        sessions: Sessions | None = None,
    ) -> None:  # fmt: skip
        super().__init__(wall_ns=ns(wall), sessions=sessions)
        self.symbol = symbol
        self.at(feed)

    def at(self, feed: str) -> None:
        self.quote("600.00", "600.25", self.symbol, ns(feed))

    def want(self, quantity: str = "10") -> LiveOrder:
        """An order of ``symbol`` as it stands when it was sent, or denied."""
        held = self.core.book.in_flight(STRATEGY, self.symbol)
        intent = self.intent(
            symbol=self.symbol,
            quantity=quantity,
            limit_price=D("600.25"),
            expected_position=held,
        )
        order = self.core.book.order(self.submit(intent))
        assert order is not None
        return order


@pytest.mark.parametrize(
    ("symbol", "moment", "words"),
    [
        ("SPY", "2026-11-27 14:29", "NYSE is pre-market until 2026-11-27 14:30 UTC"),
        ("SPY", "2026-11-27 14:30", ""),
        ("SPY", "2026-11-27 17:59", ""),
        ("SPY", "2026-11-27 18:00", "NYSE is after hours until 2026-11-30 14:30 UTC"),
        ("AAPL", "2026-11-26 16:00", "NASDAQ is closed until 2026-11-27 14:30 UTC"),
        ("ESZ6", "2026-11-25 22:15", "CME is closed until 2026-11-25 23:00 UTC"),
        ("ESZ6", "2026-11-26 03:00", ""),
        ("XAUUSD", "2026-11-27 22:00", "FOREX is closed until 2026-11-29 22:00 UTC"),
        ("BTCUSDT", "2026-11-28 12:00", ""),
        ("SPY", "2031-06-04 15:00", "NYSE is unknown until nobody knows when"),
    ],
)
def test_an_order_leaves_while_its_market_is_open(symbol: str, moment: str, words: str) -> None:
    rig = Hours(symbol, moment)
    order = rig.want("1")
    assert (order.reason_code, order.reason) == ("MARKET_CLOSED" if words else "", words)
    assert len(rig.sent) == (0 if words else 1)


def test_what_was_written_down_before_the_close_does_not_leave_after_it() -> None:
    rig = Hours("SPY", "2026-11-27 17:59:59")
    intent = rig.intent(symbol="SPY", quantity="10", limit_price=D("600.25"))
    (persist,) = rig.take(rig.core.on_intent(intent, rig.now()))
    assert isinstance(persist, Persist)
    rig.at("2026-11-27 18:00")
    rig.release(persist.release)
    assert rig.sent == []
    assert rig.denied() == "MARKET_CLOSED"


def test_a_cancel_passes_at_any_hour() -> None:
    rig = Hours("SPY", "2026-11-27 17:59")
    order = rig.want()
    rig.at("2026-11-27 20:00")
    asked = [one for one in rig.cancel(order.client_order_id) if isinstance(one, SendCancel)]
    assert asked == [SendCancel(order.client_order_id)]


@pytest.mark.parametrize(
    ("feed", "live_account", "friday", "saturday"),
    [
        ("replay:any.csv", False, "", "MARKET_CLOSED"),
        ("live:kraken", False, "MARKET_CLOSED", "MARKET_CLOSED"),
        ("simulated", False, "", ""),
        ("simulated", True, "", "MARKET_CLOSED"),
    ],
)
def test_a_live_feed_is_judged_by_our_clock_and_the_simulator_never_closes(
    feed: str, live_account: bool, friday: str, saturday: str
) -> None:
    """The feed's clock stands on a Friday, then on a Saturday; ours on that Saturday."""
    for day, code in (("2026-11-27 15:00", friday), ("2026-11-28 15:00", saturday)):
        sessions = sessions_for(feed, live_account=live_account)
        rig = Hours("SPY", day, wall="2026-11-28 15:00", sessions=sessions)
        assert rig.want().reason_code == code


@pytest.mark.parametrize(
    ("feed", "live", "address", "priced"),
    [
        ("simulated", True, "futures.kraken.com:443", False),
        ("replay:any.csv", True, "futures.kraken.com:443", False),
        ("ccxt:krakenfutures:BTCUSDT=X", True, "futures.kraken.com:443", True),
        ("ccxt:krakenfutures@127.0.0.1:80:BTCUSDT=X", True, "futures.kraken.com:443", False),
        ("ccxt:k:BTCUSDT=X|ccxt:k@stand.in:80:BTCUSDT=X", True, "futures.kraken.com:443", False),
        ("ccxt:k@demo.kraken.com:443:BTCUSDT=X", True, "demo.kraken.com:443", True),
        ("simulated", False, "venue.example:443", True),
        ("simulated", True, "127.0.0.1:4000", True),
        ("simulated", True, "[::1]:4000", True),
        ("simulated", True, "localhost:4000", False),
    ],
)
def test_an_account_at_a_real_exchange_trades_on_real_prices_or_not_at_all(
    feed: str, live: bool, address: str, priced: bool
) -> None:
    rig = Hours("BTCUSDT", "2026-11-27 15:00")
    rig.core.prices.unpriced = unpriced(feed, live_account=live, address=address)
    rig.core.prices.forget()
    rig.at("2026-11-27 15:00")
    assert rig.want().reason_code == ("" if priced else "FEED_NOT_REAL")
    assert (rig.core.prices.quote("BTCUSDT") is not None) is priced, "nor does a stop-loss"


def test_a_position_that_no_market_takes_is_named_with_when_it_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The venue is asked all the same: what it fills is filled, and what it refuses is not flat."""
    monkeypatch.setattr("trading.gateway.flatten.RETRY_NS", 60 * NS)
    rig = Hours("SPY", "2026-11-27 20:00")
    core, kill = rig.core, hold(kind=Kind.KILL)
    core.holds.learn(kill, rig.boot_ns)
    core.book.holdings[STRATEGY, "SPY"] = apply_fill(
        EMPTY, side=Side.BUY, quantity=D(10), price=D(600), fee=D(0), multiplier=D(1), sequence=1
    )
    warrant = Warrant("w" * 32, kill.id, "firm", "ada", "test", 0, 2**62)
    steps: list[StepRow] = []
    named = asyncio.Event()

    def perform(effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendCreate):
                rig.sent.append(effect.new_order)
                ident = effect.new_order.client_order_id
                refusal = Rejected(ident, "MARKET_CLOSED", "not now")
                perform(core.on_venue_event(refusal, rig.now()))
            elif isinstance(effect, Persist):
                steps.extend(one for one in effect.rows if isinstance(one, StepRow))
                if any(one.name == "unclosable" for one in steps):
                    named.set()
                if effect.release:
                    perform(core.release(effect.release, rig.now(), connected=True, not_after_ns=1))

    async def read_now() -> VenueReadingNow:
        position = VenuePosition("SPY", D(10), D(0), D(0))
        return VenueReadingNow(rig.boot_ns, rig.wall_ns, 0, (position,), (), {})

    async def until_named() -> None:
        settled = asyncio.Event()
        settled.set()
        flattener = Flattener(
            core=core,
            brakes=cast(Any, SimpleNamespace(warrants={warrant.id: warrant})),
            session=cast(
                Any, SimpleNamespace(settled=settled, read_now=read_now, hurried=nullcontext)
            ),
            universe=UNIVERSE,
            perform=perform,
            stops_open=lambda _scope: False,
        )
        running = asyncio.create_task(flattener.run())
        async with asyncio.timeout(20):
            await named.wait()
        assert not await flattener._turn(warrant), "nothing to be sent now: no haste to look again"
        running.cancel()

    asyncio.run(until_named())
    assert rig.sent[0].reduce_only
    (step,) = [one for one in steps if one.name == "unclosable"]
    (position,) = step.facts["positions"]
    assert position["why"].startswith("NYSE is after hours until 2026-11-30 14:30 UTC")
    assert not [one for one in steps if one.name == "flat"]
