"""Orders that the venue alone can tell of: what it does not tell holds up nothing else."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from tests.gateway.builders import Rig
from tests.strategies.kraken_legs import Leg
from trading.clock import wall_ns
from trading.gateway.book import LiveOrder
from trading.gateway.effects import SendCancel
from trading.gateway.session import VenueSession
from trading.messages import OrderType, Side, TimeInForce
from trading.orders.states import OrderState
from trading.venues.base import (
    OrderStatus,
    StatusAnswer,
    Venue,
    VenueDisconnectedError,
    VenueError,
)
from trading.venues.ccxt_kraken import KrakenFutures

MADE_MS = 1_001
"""So long after it was sent an unanswered order is UNKNOWN."""


class TellingVenue:
    """``says``: what it answers about an order; ``asked``: how often, by order, and since when."""

    def __init__(self) -> None:
        self.connected = True
        self.says: dict[str, StatusAnswer | Exception] = {}
        self.asked: dict[str, int] = defaultdict(int)
        self.since: dict[str, int] = {}

    async def order_status(self, ident: str, since_ns: int = 0) -> StatusAnswer:
        self.asked[ident] += 1
        self.since[ident] = since_ns
        said = self.says[ident]
        if isinstance(said, Exception):
            raise said
        return said


class Resolving:
    """A session on a rig's clock, with two orders that are UNKNOWN."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig, self.venue = Rig(), TellingVenue()
        self.session = VenueSession(
            core=self.rig.core, venue=cast(Venue, self.venue), dsn="",
            perform=lambda effects: cast(None, self.rig.take(effects)), write=lambda _: None,
        )  # fmt: skip
        monkeypatch.setattr("trading.gateway.session.boot_ns", lambda: self.rig.boot_ns)
        self.first, self.second = (self.rig.submit() for _ in range(2))
        self.rig.later(MADE_MS)
        self.rig.take(self.rig.core.on_time(self.rig.now()))
        assert {self.rig.state(one) for one in (self.first, self.second)} == {"unknown"}

    def turn(self, after_ms: float = 0) -> int:
        """Resolve once; how often the first was asked about by then."""
        self.rig.later(after_ms)
        asyncio.run(self.session._resolve())
        return self.venue.asked[self.first]

    def working(self, ident: str) -> StatusAnswer:
        status = OrderStatus(
            ident, "v", "EURUSD", Side.BUY, Decimal(10000), Decimal(0), Decimal("1.1001"),
            "working", "",
        )  # fmt: skip
        return StatusAnswer(status, self.rig.wall_ns)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Resolving:
    return Resolving(monkeypatch)


def test_an_order_that_the_venue_does_not_tell_of_holds_up_no_other(desk: Resolving) -> None:
    desk.venue.says = {
        desk.first: VenueError("HISTORY_TOO_LONG", "not among the newest orders"),
        desk.second: desk.working(desk.second),
    }
    assert desk.turn() == 1
    assert desk.rig.state(desk.second) == "working"
    assert desk.rig.state(desk.first) == "unknown", "it stays reserved"
    order = desk.rig.core.book.order(desk.first)
    assert order is not None
    assert desk.venue.since[desk.first] == order.created_wall_ns > 0


def test_it_is_asked_again_later_each_time_until_it_is_told(desk: Resolving) -> None:
    desk.venue.says = dict.fromkeys((desk.first, desk.second), VenueError("BAD_ANSWER", "no word"))
    assert [desk.turn(ms) for ms in (0, 249, 1, 499, 1, 999, 1)] == [1, 1, 2, 2, 3, 3, 4]
    for _ in range(6):
        desk.turn(10_000)
    assert [desk.turn(9_999), desk.turn(1)] == [10, 11], "so often in any case"
    desk.venue.says[desk.first] = desk.working(desk.first)
    assert desk.turn(10_000) == 12
    assert desk.rig.state(desk.first) == "working"


def test_found_nowhere_is_asked_again_when_it_would_count(desk: Resolving) -> None:
    order = desk.rig.core.book.order(desk.first)
    assert order is not None
    early = StatusAnswer(None, order.not_after_ns - 5_000_000_000)
    late = StatusAnswer(None, order.not_after_ns + 1)
    desk.venue.says = {desk.first: early, desk.second: desk.working(desk.second)}
    assert [desk.turn(), desk.turn(4_999)] == [1, 1]
    desk.venue.says[desk.first] = late
    assert desk.turn(1) == 2
    assert desk.rig.state(desk.first) == "rejected"


@pytest.mark.parametrize("lost", [VenueDisconnectedError("cut"), TimeoutError()])
def test_an_answer_that_is_lost_at_a_venue_that_is_there_is_no_venue_that_is_away(
    desk: Resolving, lost: Exception
) -> None:
    """Else one slow question would cost every order its certainty, and again and again."""
    desk.venue.says = {desk.first: lost, desk.second: desk.working(desk.second)}
    assert [desk.turn(), desk.turn(249), desk.turn(1)] == [1, 1, 2]
    assert desk.rig.state(desk.second) == "working"
    assert desk.rig.state(desk.first) == "unknown"


@pytest.mark.parametrize("lost", [VenueDisconnectedError("cut"), TimeoutError()])
def test_a_venue_that_is_away_is_another_matter(desk: Resolving, lost: Exception) -> None:
    desk.venue.connected = False
    desk.venue.says = dict.fromkeys((desk.first, desk.second), lost)
    with pytest.raises(type(lost)):
        desk.turn()


def test_an_inherited_order_that_was_to_go_is_cancelled_once_it_turns_out_to_work() -> None:
    """A stop came before the successor had asked whether the order had ever left."""
    rig = Rig()
    intent = rig.intent()
    rig.take(
        rig.core.on_intent(intent, rig.now())
    )  # written down; nobody knows whether it was sent
    (order,) = rig.core.book.open_orders()
    order.inherited = True
    assert rig.take(rig.core.cancel(order, "killed", rig.now())) == []
    rig.take(rig.core.doubt_everything(rig.now(), rig.wall_ns))
    status = OrderStatus(
        order.client_order_id, "v", "EURUSD", Side.BUY, order.quantity, Decimal(0),
        order.limit_price, "working", "",
    )  # fmt: skip
    effects = rig.take(rig.core.on_status(order, StatusAnswer(status, rig.wall_ns), rig.now()))
    sent = [one for one in effects if isinstance(one, SendCancel)]
    assert [one.client_order_id for one in sent] == [order.client_order_id]
    assert order.state is OrderState.CANCEL_PENDING


# At a stand-in for a real exchange, whose account has a long life behind it --------------------


def _inherited(leg: Leg) -> LiveOrder:
    """A predecessor wrote it down and may have sent it."""
    order = LiveOrder(
        client_order_id=f"{leg.account}.lost", intent_id="lost", correlation_id="s", strategy="arb",
        symbol="SPY", side=Side.BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC,
        quantity=Decimal(5), limit_price=Decimal(400), reference_price=Decimal(400), shard="s",
        shard_token=1, tick_time_ns=0, created_wall_ns=wall_ns(), inherited=True,
    )  # fmt: skip
    leg.core.book.load([order], {}, 0)
    leg.server.older = 10_001
    return order


def _played(home: Path, scene: Callable[[Leg], Awaitable[None]]) -> None:
    async def run() -> None:
        leg = Leg("paper-1", home, lambda message: None)
        try:
            async with asyncio.timeout(20):
                await scene(leg)
        finally:
            await leg.close()

    asyncio.run(run())


def test_an_order_that_never_arrived_is_found_out_at_an_account_of_long_standing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KrakenFutures, "settle_ns", 0)

    async def scene(leg: Leg) -> None:
        order = _inherited(leg)
        await leg.open()
        await leg.session.settled.wait()
        while not order.final:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
        assert order.reason_code == "NOT_RECEIVED"
        assert leg.server.requests.count("instruments") == 1, "signed in once"

    _played(tmp_path, scene)


def test_a_word_that_is_not_known_leaves_the_order_unknown_and_the_gateway_at_work(
    tmp_path: Path,
) -> None:
    async def scene(leg: Leg) -> None:
        order = _inherited(leg)
        said = {"cliOrdId": order.client_order_id, "orderId": "v"}
        text = json.dumps({"result": "success", "orders": [{"order": said, "status": "BRAND_NEW"}]})
        leg.server.faults.status["orders/status"] = (200, text)
        await leg.open()
        await leg.session.settled.wait()
        while "accounts" not in leg.server.requests:  # noqa: ASYNC110 - it goes on to its readings
            await asyncio.sleep(0.01)
        assert order.state is OrderState.UNKNOWN
        assert leg.server.requests.count("instruments") == 1, "signed in once"

    _played(tmp_path, scene)


def test_a_slow_history_costs_no_other_order_its_certainty_and_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KrakenFutures, "settle_ns", 0)
    monkeypatch.setattr("trading.venues.ccxt_past.PATIENCE_S", 0.05)

    async def scene(leg: Leg) -> None:
        order = _inherited(leg)
        leg.server.faults.held["orders"] = given = asyncio.Event()
        await leg.open()
        while "accounts" not in leg.server.requests:  # noqa: ASYNC110 - its first reading
            await asyncio.sleep(0.01)
        assert leg.session.settled.is_set()
        assert order.state is OrderState.UNKNOWN
        given.set()
        while not order.final:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
        assert order.reason_code == "NOT_RECEIVED"
        assert leg.server.requests.count("instruments") == 1, "signed in once"

    _played(tmp_path, scene)
