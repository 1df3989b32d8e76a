"""The gateway's core with holds, lifts, readings and warrants in any interleaving.

The venue is the model of tests.gateway.test_core_stateful: it loses, delays and fills as it likes.
What is held is modelled here, by scope and mode alone. What is judged is every create at the moment
it is written, and every fill at the moment the venue makes it.
"""

import itertools
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import STRATEGY, SYMBOL
from tests.gateway.test_core_stateful import Machine as Venue
from trading.gateway.book import LiveOrder
from trading.gateway.effects import Effect
from trading.gateway.stopping import Stopping
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import NewOrder

D = Decimal
MINE = ("firm", "venue:paper-1", f"strategy:{STRATEGY}", f"instrument:{SYMBOL}")
OTHERS = ("strategy:other", "instrument:SPY", "venue:paper-2")
ORDER = [Mode.ACTIVE, Mode.REDUCE_ONLY, Mode.HALTED, Mode.FROZEN]


class Machine(Venue):
    """The database's holds and lifts, what the gateway was told, and what it may therefore send."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = Stopping(self.rig.core)
        self.numbers = itertools.count(1)
        self.rows: dict[str, HoldFact] = {}
        self.lifts: set[str] = set()
        self.known: dict[str, HoldFact] = {}
        self.changed_ns = -1
        self.born: dict[str, int] = {}
        self.warrants: set[str] = set()
        self.reducing: set[str] = set()
        """Sent under REDUCE-ONLY, and nothing since that may move the position besides."""

    # What is known ---------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        found = [one.mode for one in self.known.values() if one.scope in MINE]
        return max(found, key=ORDER.index, default=Mode.ACTIVE)

    def learn(self, hold: HoldFact) -> None:
        if hold.id not in self.known:
            self.known[hold.id] = hold
            if hold.scope in MINE:
                self.changed_ns = self.rig.boot_ns

    @rule(
        scope=st.sampled_from(MINE + OTHERS), mode=st.sampled_from(ORDER[1:]),
        cancels=st.booleans(), told=st.booleans(), recorded=st.booleans(),
    )  # fmt: skip
    def place(self, scope: str, mode: Mode, *, cancels: bool, told: bool, recorded: bool) -> None:
        self.put(scope, mode, cancels=cancels, told=told, recorded=recorded)

    def put(self, scope: str, mode: Mode, *, cancels: bool, told: bool, recorded: bool) -> None:
        number = next(self.numbers)
        hold = HoldFact(
            id=f"h{number}", scope=scope, kind=Kind.PAUSE, mode=mode, cancels=cancels,
            protective_too=False, reason="drill", placed_by="ada", actor_kind="person",
            placed_wall_ns=number,
        )  # fmt: skip
        if recorded:
            self.rows[hold.id] = hold
        if told:
            self.learn(hold)
            self.perform(self.stopping.apply(hold, self.rig.now()))

    @rule(data=st.data())
    def lift(self, data: st.DataObject) -> None:
        open_rows = sorted(set(self.rows) - self.lifts)
        if open_rows:
            self.lifts.add(data.draw(st.sampled_from(open_rows)))

    @rule()
    def everything_is_lifted(self) -> None:
        self.lift_everything()

    def lift_everything(self) -> None:
        self.rows |= self.known
        self.lifts |= set(self.rows)
        self.the_database_is_read()

    @rule()
    def the_database_is_read(self) -> None:
        for one in [one for one in self.known if one in self.lifts]:
            if self.known.pop(one).scope in MINE:
                self.changed_ns = self.rig.boot_ns
        found = [one for one in self.rows.values() if one.id not in self.lifts]
        for hold in found:
            self.learn(hold)
        reading = self.rig.reading(
            holds=tuple(found), lifted=frozenset(self.lifts & set(self.rig.core.holds.open))
        )
        _, effects = self.stopping.on_reading(reading, self.rig.now())
        self.perform(effects)
        self.rig.core.licence.renew(reading)

    @rule()
    def the_venue_is_read(self) -> None:
        """As session.read_now: only a reading without a fill that is not booked counts."""
        core = self.rig.core
        if self.connected and not core.catching_up and core.book.fill_sequence == len(self.fills):
            at_venue = {SYMBOL: self.position} if self.position else {}
            core.confirmed.on_reading(at_venue, self.rig.boot_ns, core.book)
        self.rig.later(1)

    # What is sent ----------------------------------------------------------------------------

    @rule(target=Venue.intents, lots=st.integers(1, 30), side=st.sampled_from(Side))
    def is_sent(self, lots: int, side: Side) -> str:
        return self.send(lots, side)

    def send(self, lots: int, side: Side) -> str:
        """Intent and release with a moment between."""
        order = str(self.intend(side, lots))
        self.born[order] = self.rig.boot_ns
        self.rig.later(1)
        self.release(order)
        return order

    @rule(target=Venue.intents, lots=st.integers(2, 30), side=st.sampled_from(Side))
    def holds_a_position(self, lots: int, side: Side) -> str:
        return self.gain(lots, side)

    def gain(self, lots: int, side: Side) -> str:
        """Everything lifted, an order that trades at once and is heard of."""
        self.lift_everything()
        self.rig.later(1)
        self.rig.quote("1.10000", "1.10010")
        self.the_gateway_asks()
        order = self.send(lots, side)
        while self.wire:
            self.a_create_arrives()
        if order in self.received:
            fill = self.rig.fill(order, str(self.left(order)), len(self.fills) + 1)
            self.fills.append(fill)
            self.ended[order] = "filled"
            self.under_way.append(fill)
        while self.under_way:
            self.an_answer_arrives()
        return order

    @rule(
        target=Venue.intents, share=st.integers(1, 5), read=st.booleans(), told=st.booleans(),
        other_side=st.booleans(), wait_ms=st.sampled_from([1, 1, 1, 100, 300]),
    )  # fmt: skip
    def wants_out(
        self, *, share: int, read: bool, told: bool, other_side: bool, wait_ms: int
    ) -> str:
        """Under REDUCE-ONLY, an order that would reduce what the strategy believes to have."""
        if not self.rig.core.book.holding(STRATEGY, SYMBOL).quantity:
            self.gain(20, Side.SELL if other_side else Side.BUY)
        if self.mode is Mode.ACTIVE:
            self.put(MINE[0], Mode.REDUCE_ONLY, cancels=False, told=told, recorded=True)
        self.rig.later(wait_ms)
        self.the_database_is_read()
        self.rig.later(1)
        if read:
            self.the_venue_is_read()
        position = self.rig.core.book.holding(STRATEGY, SYMBOL).quantity
        out = Side.SELL if position > 0 else Side.BUY
        lots = max(1, int(abs(position) // 1000) * share // 4)
        side = (Side.BUY if out is Side.SELL else Side.SELL) if other_side else out
        return self.send(lots, side)

    @rule(target=Venue.intents, lots=st.integers(1, 30), side=st.sampled_from(Side))
    def warrant(self, lots: int, side: Side) -> str:
        """A closing order of a person."""
        rig, number = self.rig, next(self.numbers)
        order = LiveOrder(
            client_order_id=f"paper-1.w{number}", intent_id=f"w{number}", correlation_id="h",
            strategy=STRATEGY, symbol=SYMBOL, side=side, order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC, quantity=D(lots * 1000), limit_price=None,
            reference_price=D("1.1"), shard="", shard_token=0, tick_time_ns=0,
            created_wall_ns=rig.wall_ns, born_boot_ns=rig.boot_ns, reduce_only=True, warrant="w",
        )  # fmt: skip
        self.warrants.add(order.client_order_id)
        self.perform(rig.core.warranted(order, rig.now()))
        self.release(order.client_order_id)
        return order.client_order_id

    def perform(self, effects: list[Effect]) -> None:
        before = self.sent_count
        super().perform(effects)
        for new in self.rig.sent[before : self.sent_count]:
            self.judge(new)

    def judge(self, new: NewOrder) -> None:
        ident, mode = new.client_order_id, self.mode
        if ident in self.warrants:
            assert mode is not Mode.FROZEN, f"{ident} left though everything is frozen"
            self.reducing.clear()
            return
        assert mode in (Mode.ACTIVE, Mode.REDUCE_ONLY), f"{ident} left under {mode}"
        born = self.born.get(ident)
        assert born is None or born > self.changed_ns, f"{ident} was wanted before the last change"
        if mode is Mode.ACTIVE:
            self.reducing.clear()
        else:
            self.reducing.add(ident)
            left = new.quantity + sum(
                (
                    self.left(one)
                    for one in self.alive()
                    if one != ident and self.side(one) is new.side
                ),
                D(0),
            )
            assert new.side.sign * self.position < 0, f"{ident} would grow {self.position}"
            assert left <= abs(self.position), f"{left} open against a position of {self.position}"

    # The venue's truth -----------------------------------------------------------------------

    @property
    def position(self) -> Decimal:
        return sum((one.side.sign * one.quantity for one in self.fills), D(0))

    def alive(self) -> set[str]:
        """Creates that can still trade: working, or on the wire and not too late."""
        working = {one for one in self.received if one not in self.ended}
        now = self.rig.wall_ns
        return working | {one.client_order_id for one in self.wire if now <= one.not_after_ns}

    def left(self, ident: str) -> Decimal:
        new = next(one for one in self.rig.sent if one.client_order_id == ident)
        return new.quantity - self.filled(ident)

    def side(self, ident: str) -> Side:
        return next(one for one in self.rig.sent if one.client_order_id == ident).side

    @rule(data=st.data(), part=st.integers(1, 4))
    def venue_fills(self, data: st.DataObject, part: int) -> None:
        before = self.position
        count = len(self.fills)
        self._fill(data, part)
        for fill in self.fills[count:]:
            if fill.client_order_id in self.reducing:
                assert abs(self.position) < abs(before), "reduce-only made the position larger"

    def _fill(self, data: st.DataObject, part: int) -> None:
        """Warranted orders carry the venue's own reduce-only flag: it fills them to flat only."""
        working = sorted(one for one in self.received if one not in self.ended)
        if not working:
            return
        order = data.draw(st.sampled_from(working))
        left = self.left(order)
        if self.received[order].reduce_only:
            room = -self.side(order).sign * self.position
            if room <= 0:
                return
            left = min(left, room)
        quantity = left if part == 4 else min(left, max(D(1000), left // 4000 * 1000))
        fill = self.rig.fill(order, str(quantity), len(self.fills) + 1)
        self.fills.append(fill)
        if self.filled(order) == self.received[order].quantity:
            self.ended[order] = "filled"
        self.under_way.append(fill)

    # What always holds -----------------------------------------------------------------------

    @invariant()
    def the_core_knows_what_it_was_told_and_no_less(self) -> None:
        assert self.rig.core.holds.open == self.known

    @invariant()
    def what_was_written_and_may_be_accepted_is_on_the_list(self) -> None:
        """The list of a receipt, whenever one asks for it."""
        hold = HoldFact(
            "x", "firm", Kind.KILL, Mode.FROZEN, True, True, "", "", "person", 0
        )  # fmt: skip
        listed = {one.client_order_id for one in self.stopping.in_flight(hold, self.rig.wall_ns)}
        for new in self.wire:
            if self.rig.wall_ns <= new.not_after_ns:
                assert new.client_order_id in listed


class Reducing(Machine):
    """Little else than ways out of a position under REDUCE-ONLY, against all that a venue does."""

    def nothing(self, *_: object, **__: object) -> None:
        """In place of a rule that would end the scene."""

    place = lift = everything_is_lifted = warrant = is_sent = cancel = repeat_the_send = nothing
    holds_a_position = nothing
    time_passes = nothing

    @rule(ms=st.sampled_from([1, 1, 100, 1_500]))
    def moments_pass(self, ms: int) -> None:
        self.rig.later(ms)
        self.the_database_is_read()
        self.rig.quote("1.10000", "1.10010")
        self.perform(self.rig.core.on_time(self.rig.now()))


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestHeldCore = Machine.TestCase
Reducing.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestReducingCore = Reducing.TestCase
