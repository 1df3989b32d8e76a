"""Stop-losses over a core and a venue that is a list: tests drive prices, fills and answers."""

import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from riskctl.control import SetStops, StopLine
from riskctl.licence import Reading, StageFact
from tests.gateway.builders import LIMITS, STRATEGY, SYMBOL, Rig
from trading.clock import utc_from_ns
from trading.gateway.effects import (
    CatchUpFills,
    Effect,
    FillRow,
    LookUpOrder,
    OrderRow,
    Persist,
    SendCancel,
    SendCreate,
    StopLossRow,
)
from trading.gateway.guard import became
from trading.gateway.protecting import Protection
from trading.gateway.stoploss import StopLoss
from trading.gateway.stopping import Stopping
from trading.messages import OrderType, Side
from trading.universe import UNIVERSE
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Ended,
    Filled,
    NewOrder,
    OrderStatus,
    Rejected,
    StatusAnswer,
    VenueEvent,
)

D = Decimal
ZERO = D(0)
MID, HALF = D("1.10005"), D("0.00005")
OTHER = "mr-eurusd"
BOTH = {
    **LIMITS,
    **{
        (f"strategy:{OTHER}", kind): value
        for (scope, kind), value in LIMITS.items()
        if scope == f"strategy:{STRATEGY}"
    },
}
_SPACE = UUID("7f7d3f3e-3f53-4d0c-9c35-0d6a3f5f6c11")


def ask(number: int = 1, percentage: str = "2", scope: str = "firm", **more: object) -> SetStops:
    facts: dict[str, object] = {
        "id": str(uuid5(_SPACE, str(number))), "scope": scope, "percentage": percentage,
        "placed_by": "ada.nwosu", "reason": "test", **more,
    }  # fmt: skip
    return SetStops(**facts)  # type: ignore[arg-type]


class TwoRig(Rig):
    """With a second strategy in the same symbol."""

    def reading(self, **change: Any) -> Reading:
        stages = {one: StageFact("live", D(1)) for one in (STRATEGY, OTHER)}
        return super().reading(**{**change, "stages": stages, "limits": BOTH})


@dataclass
class AtVenue:
    """An order as the venue has it."""

    new: NewOrder
    filled: Decimal = ZERO
    state: str = "working"

    @property
    def left(self) -> Decimal:
        return self.new.quantity - self.filled if self.state == "working" else ZERO


@dataclass
class ListVenue:
    """One symbol. Reduce-only orders are never more than there is to reduce, as the README of the
    paper venue has it; what nothing is left for expires."""

    price: Decimal = MID
    position: Decimal = ZERO
    orders: dict[str, AtVenue] = field(default_factory=dict)
    fills: list[Filled] = field(default_factory=list)
    events: list[VenueEvent] = field(default_factory=list)

    def working(self) -> list[AtVenue]:
        return [one for one in self.orders.values() if one.state == "working"]

    def stops(self) -> list[AtVenue]:
        return [one for one in self.working() if one.new.order_type is OrderType.STOP]

    def receive(self, new: NewOrder, wall_ns: int) -> None:
        one = self.orders[new.client_order_id] = AtVenue(new)
        promised = sum(
            (o.left for o in self.stops() if o.new.side is new.side and o is not one), ZERO
        )
        if wall_ns > new.not_after_ns:
            self._reject(one, "LATE")
        elif new.reduce_only and new.quantity + promised > self._reducible(new.side):
            self._reject(one, "REDUCE_ONLY")
        else:
            self.events.append(Accepted(new.client_order_id, f"v{len(self.orders)}"))
            if new.order_type is not OrderType.STOP or self._reached(new):
                self.fill(one, one.left, wall_ns)
                self._end(one, "expired")

    def move(self, price: Decimal, wall_ns: int) -> None:
        self.price = price
        for one in self.stops():
            if self._reached(one.new):
                self.fill(one, one.left, wall_ns)
                self._end(one, "expired")

    def cancel(self, order: str) -> None:
        one = self.orders.get(order)
        if one is None or one.state != "working":
            self.events.append(CancelRefused(order, "DONE", "not open"))
        else:
            self._end(one, "cancelled")

    def fill(self, one: AtVenue, quantity: Decimal, wall_ns: int) -> None:
        new = one.new
        if new.reduce_only:
            quantity = min(quantity, self._reducible(new.side))
        if quantity <= 0 or one.state != "working":
            return
        one.filled += quantity
        self.position += new.side.sign * quantity
        number = len(self.fills) + 1
        fill = Filled(
            number, f"f{number}", new.client_order_id, new.symbol, new.side, quantity, self.price,
            ZERO, "USD", utc_from_ns(wall_ns), 1,
        )  # fmt: skip
        self.fills.append(fill)
        self.events.append(fill)
        if one.filled == new.quantity:
            one.state = "filled"
        for other in self.working():
            if other.new.reduce_only and not self._reducible(other.new.side):
                self._end(other, "expired")

    def status(self, order: str, wall_ns: int) -> StatusAnswer:
        one = self.orders.get(order)
        if one is None:
            return StatusAnswer(None, wall_ns)
        new = one.new
        return StatusAnswer(
            OrderStatus(order, "v", new.symbol, new.side, new.quantity, one.filled, None,
                        one.state, "", new.order_type, new.reduce_only, new.stop_price),
            wall_ns,
        )  # fmt: skip

    def _reached(self, new: NewOrder) -> bool:
        assert new.stop_price is not None
        return new.side.sign * (self.price - new.stop_price) >= 0

    def _reducible(self, side: Side) -> Decimal:
        return max(-side.sign * self.position, ZERO)

    def _reject(self, one: AtVenue, code: str) -> None:
        one.state = "rejected"
        self.events.append(Rejected(one.new.client_order_id, code, "as it says"))

    def _end(self, one: AtVenue, how: str) -> None:
        if one.state == "working":
            one.state = how
            self.events.append(Ended(one.new.client_order_id, how, one.filled, how))


class Guarded:
    """A gateway's core with its stop-losses; ``committed`` is what a successor would find."""

    def __init__(self, *, rests: bool = True) -> None:
        self.rests = rests
        self.step: Decimal | None = None
        self.warranted: set[str] = set()
        self.venue = ListVenue()
        self.orders: dict[str, OrderRow] = {}
        self.rows: dict[tuple[str, str], StopLoss] = {}
        self.holdings: dict[tuple[str, str], object] = {}
        self.sequence = 0
        self.releases: list[str] = []
        self.connected = True
        self.hold_releases = False
        self.mute = False
        """The venue does not tell what became of an order that is asked for."""
        self._begin(TwoRig())

    def _begin(self, rig: Rig) -> None:
        self.rig = rig
        self.core = rig.core
        self.stopping = Stopping(self.core)
        self.protection = Protection(
            self.core, UNIVERSE, rests=lambda: self.rests,
            closing=lambda strategy, symbol: strategy in self.warranted,
            step=lambda symbol: self.step,
        )  # fmt: skip

    # The wires -------------------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist):
                self._commit(effect)
            elif isinstance(effect, SendCreate):
                self.rig.sent.append(effect.new_order)
                if self.connected:
                    self.venue.receive(effect.new_order, self.rig.wall_ns)
            elif isinstance(effect, SendCancel):
                if self.connected:
                    self.venue.cancel(effect.client_order_id)
            elif isinstance(effect, CatchUpFills | LookUpOrder):
                self.core.catching_up = True

    def _commit(self, effect: Persist) -> None:
        self.rig.persisted.append(effect)
        for row in effect.rows:
            if isinstance(row, OrderRow):
                self.orders[row.order.client_order_id] = row
            elif isinstance(row, StopLossRow):
                self.rows[row.stop.strategy, row.stop.symbol] = copy.copy(row.stop)
            elif isinstance(row, FillRow):
                self.sequence = row.fill.sequence
                if row.order is not None:
                    self.holdings[row.order.strategy, row.order.symbol] = row.holding
        if effect.release:
            self.releases.append(effect.release)
            if not self.hold_releases:
                self.release()

    def release(self) -> None:
        """What is written down leaves, or is judged not to."""
        releases, self.releases = self.releases, []
        for order in releases:
            self.perform(
                self.core.release(
                    order, self.rig.now(), connected=self.connected,
                    not_after_ns=self.rig.wall_ns + 200_000_000,
                )
            )  # fmt: skip

    def hear(self, most: int = 1_000) -> None:
        """The venue's answers come, in its order."""
        while self.venue.events and most:
            most -= 1
            self.perform(self.core.on_venue_event(self.venue.events.pop(0), self.rig.now()))

    def turn(self) -> None:
        self.perform(self.protection.upkeep(self.rig.now()))

    def settle(self, turns: int = 12) -> None:
        """Answers come, what is in doubt is asked, and the gateway follows."""
        for _ in range(turns):
            self.hear()
            self.resolve()
            self.turn()
            self.rig.later(100)
            self.rig.license()

    def ask_venue(self) -> None:
        """Reconnect, catch up, resolve: as gateway.session does."""
        self.connected, self.venue.events = True, []
        rig = self.rig
        self.perform(self.core.doubt_everything(rig.now(), rig.wall_ns + 200_000_000))
        self.core.catching_up = True
        for fill in self.venue.fills[self.core.book.fill_sequence :]:
            self.perform(self.core.book_fill(fill, rig.now()))
        self.perform(self.core.catch_up_done(rig.now()))
        self.resolve()

    def resolve(self) -> None:
        if self.mute:
            return
        for order in self.core.unresolved():
            status = self.venue.status(order.client_order_id, self.rig.wall_ns)
            self.perform(self.core.on_status(order, status, self.rig.now()))

    def kill(self) -> None:
        """The gateway dies with all it has in memory; its successor reads what was committed."""
        rig = TwoRig(boot_ns=self.rig.boot_ns, wall_ns=self.rig.wall_ns)
        rig.numbers = self.rig.numbers
        rig.later(1_000)
        self.releases = []
        orders = [copy.copy(row.order) for row in self.orders.values()]
        for one in orders:
            one.inherited = True
        rig.core.book.load(orders, self.holdings, self.sequence)  # type: ignore[arg-type]
        rig.core.stops.load(copy.copy(one) for one in self.rows.values())
        self._begin(rig)
        rig.license()
        self.quote()
        self.ask_venue()

    # What happens ----------------------------------------------------------------------------

    def hold(self, quantity: str, strategy: str = STRATEGY) -> None:
        """``strategy`` trades to a signed position by a market order, filled at once."""
        missing = D(quantity) - self.core.book.holding(strategy, SYMBOL).quantity
        if missing:
            self.trade(missing, strategy)
            self.hear()

    def trade(self, quantity: Decimal, strategy: str = STRATEGY) -> None:
        """``strategy`` orders at the market."""
        book = self.core.book
        held = book.holding(strategy, SYMBOL).quantity + book.in_flight(strategy, SYMBOL)
        intent = self.rig.intent(
            Side.BUY if quantity > 0 else Side.SELL, f"{abs(quantity):f}", strategy=strategy,
            order_type=OrderType.MARKET, limit_price=None, expected_position=held,
        )  # fmt: skip
        self.perform(self.core.on_intent(intent, self.rig.now()))

    def quote(self) -> None:
        self.rig.quote(
            f"{self.venue.price - D('0.00005'):f}", f"{self.venue.price + D('0.00005'):f}"
        )

    def price(self, price: str) -> None:
        self.venue.move(D(price), self.rig.wall_ns)
        self.quote()

    def set(self, asked: SetStops) -> list[StopLine]:
        lines = self.protection.set(asked, self.rig.now())
        if asked.dry_run:
            return lines
        self.turn()
        self.settle(3)
        return became(lines, self.protection.lines(asked))

    def stop(self, strategy: str = STRATEGY) -> StopLoss:
        found = self.core.stops.of(strategy, SYMBOL)
        assert found is not None
        return found

    def resting(self) -> list[tuple[str, Decimal, Decimal | None]]:
        """(side, what is left, stop price) of every stop at the venue."""
        return [(str(one.new.side), one.left, one.new.stop_price) for one in self.venue.stops()]
