"""Any interleaving of intents, answers, lost answers, cuts and cancels keeps the gateway's laws.

The venue of this test is a model of its own: it receives what the core sends, may lose or delay
every answer, and knows the truth that the core must reach.
"""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.gateway.builders import STRATEGY, SYMBOL, Rig
from trading.gateway.effects import CatchUpFills, Effect, LookUpOrder, Persist, SendCancel
from trading.messages import Side
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Disconnected,
    Ended,
    Filled,
    NewOrder,
    OrderStatus,
    StatusAnswer,
    VenueEvent,
)

D = Decimal


class Machine(RuleBasedStateMachine):
    """The core, the venue's truth, and the answers under way between them."""

    intents = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.received: dict[str, NewOrder] = {}
        self.ended: dict[str, str] = {}
        self.fills: list[Filled] = []
        self.wire: list[NewOrder] = []
        self.written: set[str] = set()
        self.under_way: list[VenueEvent] = []
        self.connected = True
        self.sent_count = 0

    # The wires -------------------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        for effect in self.rig.take(effects):
            if isinstance(effect, SendCancel) and self.connected:
                self.venue_cancels(effect.client_order_id)
            elif isinstance(effect, CatchUpFills | LookUpOrder):
                self.rig.core.catching_up = True
        while self.sent_count < len(self.rig.sent):
            new = self.rig.sent[self.sent_count]
            self.sent_count += 1
            assert new.client_order_id not in self.written, "a create was sent twice"
            self.written.add(new.client_order_id)
            self.wire.append(new)

    def venue_cancels(self, order: str) -> None:
        while self.wire:  # one connection: what was written before the cancel comes before it
            self.a_create_arrives()
        if order in self.ended or order not in self.received:
            self.under_way.append(CancelRefused(order, "DONE", "not open"))
        else:
            self.ended[order] = "cancelled"
            self.under_way.append(Ended(order, "cancelled", self.filled(order), "asked"))

    def filled(self, order: str) -> Decimal:
        return sum((f.quantity for f in self.fills if f.client_order_id == order), D(0))

    # What happens ----------------------------------------------------------------------------

    @rule(target=intents, side=st.sampled_from(Side), lots=st.integers(1, 30))
    def intend(self, side: Side, lots: int) -> str:
        intent = self.rig.intent(side, str(lots * 1000))
        self.perform(self.rig.core.on_intent(intent, self.rig.now()))
        return f"paper-1.{intent.intent_id}"

    @rule(order=intents)
    def release(self, order: str) -> None:
        self.perform(
            self.rig.core.release(
                order,
                self.rig.now(),
                connected=self.connected,
                not_after_ns=self.rig.wall_ns + 200_000_000,
            )
        )

    @rule(order=intents)
    def cancel(self, order: str) -> None:
        self.perform(self.rig.cancel(order))

    @rule(order=consumes(intents))
    def repeat_the_send(self, order: str) -> None:
        self.release(order)
        self.release(order)

    @rule(ms=st.sampled_from([1, 100, 249, 250, 1500, 40_000]), licensed=st.booleans())
    def time_passes(self, ms: int, licensed: bool) -> None:
        self.rig.later(ms)
        if licensed:
            self.rig.license()
            self.rig.quote("1.10000", "1.10010")
        self.perform(self.rig.core.on_time(self.rig.now()))

    @rule(data=st.data(), part=st.integers(1, 4))
    def venue_fills(self, data: st.DataObject, part: int) -> None:
        working = [one for one in self.received if one not in self.ended]
        if not working:
            return
        order = data.draw(st.sampled_from(working))
        new = self.received[order]
        left = new.quantity - self.filled(order)
        quantity = left if part == 4 else max(D(1000), left // 4000 * 1000)
        quantity = min(quantity, left)
        fill = self.rig.fill(order, str(quantity), len(self.fills) + 1)
        self.fills.append(fill)
        if quantity == left:
            self.ended[order] = "filled"
        self.under_way.append(fill)

    @rule()
    def a_create_arrives(self) -> None:
        """However late: written bytes outlive connections. The venue refuses what is too late."""
        if not self.wire:
            return
        new = self.wire.pop(0)
        if self.rig.wall_ns <= new.not_after_ns:
            self.received[new.client_order_id] = new
            self.under_way.append(Accepted(new.client_order_id, f"v{len(self.received)}"))

    @rule()
    def an_answer_arrives(self) -> None:
        if self.connected and self.under_way:
            event = self.under_way.pop(0)
            self.perform(self.rig.core.on_venue_event(event, self.rig.now()))

    @rule()
    def an_answer_is_lost(self) -> None:
        if self.under_way:
            self.under_way.pop(0)

    @rule()
    def the_connection_breaks(self) -> None:
        if self.connected:
            self.connected, self.under_way = False, []
            self.perform(self.rig.core.on_venue_event(Disconnected("cut"), self.rig.now()))

    @rule()
    def the_gateway_asks(self) -> None:
        """Reconnect, catch up, resolve: as gateway.session does."""
        rig = self.rig
        self.under_way = []
        self.connected = True
        self.perform(rig.core.doubt_everything(rig.now(), rig.wall_ns + 200_000_000))
        rig.core.catching_up = True
        for fill in self.fills[rig.core.book.fill_sequence :]:
            self.perform(rig.core.book_fill(fill, rig.now()))
        self.perform(rig.core.catch_up_done(rig.now()))
        for order in rig.core.unresolved():
            self.perform(rig.core.on_status(order, self.status(order.client_order_id), rig.now()))

    def status(self, order: str) -> StatusAnswer:
        new = self.received.get(order)
        if new is None:
            return StatusAnswer(None, self.rig.wall_ns)
        state = self.ended.get(order, "working")
        found = OrderStatus(
            order, "v", new.symbol, new.side, new.quantity, self.filled(order), None, state, ""
        )
        return StatusAnswer(found, self.rig.wall_ns)

    # What always holds -----------------------------------------------------------------------

    @invariant()
    def holdings_are_the_booked_fills(self) -> None:
        booked = self.fills[: self.rig.core.book.fill_sequence]
        expected = sum((f.side.sign * f.quantity for f in booked), D(0))
        assert self.rig.core.book.holding(STRATEGY, SYMBOL).quantity == expected

    @invariant()
    def nothing_the_venue_may_still_fill_is_forgotten(self) -> None:
        core = self.rig.core
        for order, new in self.received.items():
            if order in self.ended:
                continue
            live = core.book.order(order)
            assert live is not None
            assert not live.final, f"{order} works at the venue and is {live.state} here"
            assert live.quantity == new.quantity

    @invariant()
    def what_was_refused_never_reached_the_venue(self) -> None:
        for persist in self.rig.persisted:
            for row in persist.rows:
                order = getattr(row, "order", None)
                if order is not None and str(order.state) == "denied":
                    assert order.client_order_id not in self.received

    def teardown(self) -> None:
        """Asked once more, the core knows every order and fill as the venue does."""
        while self.wire:
            self.a_create_arrives()
        self.rig.later(500)
        self.the_gateway_asks()
        core = self.rig.core
        assert core.book.fill_sequence == len(self.fills)
        for order in self.received:
            live = core.book.order(order)
            assert live is not None
            assert live.filled == self.filled(order)
            expected = self.ended.get(order)
            if expected is None:
                assert str(live.state) in ("working", "partially-filled")
            else:
                assert str(live.state) == expected
        assert isinstance(core.unresolved(), list)
        assert not [one for one in core.unresolved() if one.sent_wall_ns]
        assert all(isinstance(one, Persist) for one in self.rig.persisted)


Machine.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
TestGatewayCore = Machine.TestCase
