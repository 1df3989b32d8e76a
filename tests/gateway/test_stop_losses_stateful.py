"""Whatever moves, dies or is lost: never two stops that together exceed a position, and none that
outlives it."""

from collections import defaultdict
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.gateway.builders import STRATEGY, SYMBOL
from tests.gateway.guarded import OTHER, D, Guarded, ask
from trading.gateway.stoploss import StopState
from trading.messages import OrderType
from trading.venues.base import Disconnected

WHO = st.sampled_from([STRATEGY, OTHER])
PRICES = st.sampled_from(["1.05000", "1.08000", "1.09000", "1.10005", "1.11000", "1.13000"])


class Machine(RuleBasedStateMachine):
    """Two strategies in one symbol of one account; answers come late, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Guarded()
        self.asked = 0

    @rule(who=WHO, lots=st.integers(-12, 12).filter(bool))
    def a_strategy_trades(self, who: str, lots: int) -> None:
        self.desk.rig.license()
        self.desk.quote()
        self.desk.trade(D(lots * 1000), who)

    @rule(percentage=st.sampled_from(["0.5", "1", "2", "10"]), again=st.booleans())
    def a_person_sets_them(self, percentage: str, again: bool) -> None:
        self.asked += not again
        self.desk.protection.set(ask(self.asked, percentage), self.desk.rig.now())
        self.desk.turn()

    @rule()
    def a_person_takes_them_back(self) -> None:
        now = self.desk.rig.now()
        _, effects = self.desk.stopping.cancel_scope("firm", "x", now, protective_too=True)
        self.desk.perform(effects)

    @rule(price=PRICES)
    def the_price_moves(self, price: str) -> None:
        self.desk.price(price)

    @rule(most=st.integers(1, 3))
    def answers_come(self, most: int) -> None:
        if self.desk.connected:
            self.desk.hear(most)
            self.desk.turn()

    @rule(ms=st.sampled_from([1, 100, 600, 2_000]))
    def time_passes(self, ms: int) -> None:
        self.desk.rig.later(ms)
        self.desk.rig.license()
        self.desk.perform(self.desk.core.on_time(self.desk.rig.now()))
        self.desk.turn()

    @rule()
    def the_connection_breaks(self) -> None:
        if self.desk.connected:
            self.desk.connected, self.desk.venue.events = False, []
            self.desk.perform(
                self.desk.core.on_venue_event(Disconnected("cut"), self.desk.rig.now())
            )

    @rule()
    def the_gateway_asks(self) -> None:
        self.desk.ask_venue()

    @rule(unsent=st.booleans())
    def the_gateway_is_killed(self, unsent: bool) -> None:
        self.desk.hold_releases = unsent
        self.desk.turn()
        self.desk.hold_releases = False
        self.desk.kill()

    @rule(taken=st.booleans(), price=PRICES, here_first=st.booleans())
    def the_venue_tells_nothing_of_orders(self, taken: bool, price: str, here_first: bool) -> None:
        """For longer than that is waited for, while a price comes, here perhaps before there."""
        desk = self.desk
        desk.mute = True
        if taken:
            self.the_venue_takes_one_back()
        desk.ask_venue()
        desk.turn()
        self.time_passes(2_000)
        if here_first:
            desk.rig.quote(f"{D(price) - D('0.00005'):f}", f"{D(price) + D('0.00005'):f}")
            desk.turn()
        desk.price(price)
        self.time_passes(100)

    @rule()
    def the_venue_tells_of_orders_again(self) -> None:
        self.desk.mute = False

    @rule()
    def the_venue_takes_one_back(self) -> None:
        for one in self.desk.venue.stops()[:1]:
            self.desk.venue.cancel(one.new.client_order_id)

    # What always holds -----------------------------------------------------------------------

    @invariant()
    def one_stop_a_position_at_the_venue(self) -> None:
        owners: dict[str, list[str]] = defaultdict(list)
        for one in self.desk.venue.stops():
            order = self.desk.core.book.order(one.new.client_order_id)
            assert order is not None, "a stop at the venue that the gateway does not know"
            owners[order.strategy].append(one.new.client_order_id)
        assert all(len(orders) == 1 for orders in owners.values()), owners

    @invariant()
    def none_turns_the_account_over(self) -> None:
        """Every one is reduce-only, and the venue lets none fill beyond flat."""
        assert all(one.new.reduce_only for one in self.desk.venue.stops())

    def teardown(self) -> None:
        desk = self.desk
        desk.mute = False
        desk.ask_venue()
        desk.quote()
        desk.settle(700)
        desk.quote()
        desk.settle(40)
        held = {
            who: desk.core.book.holding(who, SYMBOL).quantity for who in (STRATEGY, OTHER)
        }  # fmt: skip
        assert sum(held.values(), D(0)) == desk.venue.position
        resting: dict[str, Decimal] = {}
        for one in desk.venue.stops():
            order = desk.core.book.order(one.new.client_order_id)
            assert order is not None
            resting[order.strategy] = one.new.side.sign * one.left
        for who, quantity in held.items():
            stop = desk.core.stops.of(who, SYMBOL)
            if stop is None or not stop.live:
                assert who not in resting
                continue
            assert quantity * stop.side.sign < 0, "a stop-loss outlives its position"
            assert stop.quantity <= abs(quantity)
            assert stop.state in (StopState.RESTING, StopState.WATCHED), stop
            rests = stop.state is StopState.RESTING
            assert resting.get(who) == (stop.side.sign * stop.quantity if rests else None)
            row = desk.rows[who, SYMBOL]
            assert (row.state, row.quantity, row.order) == (stop.state, stop.quantity, stop.order)
        ours = {one.client_order_id for one in desk.core.book.open_orders()}
        assert ours == {one.new.client_order_id for one in desk.venue.working()}
        sent = [one.new.client_order_id for one in desk.venue.orders.values()
                if one.new.order_type is OrderType.STOP]  # fmt: skip
        assert set(sent) <= set(desk.orders), "every stop was written down before it left"


Machine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestStopLosses = Machine.TestCase
