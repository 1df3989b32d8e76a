"""What a hold does to one account's orders: which are cancelled, which were on their way. Pure."""

from riskctl.holds import HoldFact, Mode
from riskctl.licence import Reading
from trading.gateway.admission import Now
from trading.gateway.book import LiveOrder
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect
from trading.gateway.holdbook import Learnt
from trading.gateway.reducing import increases
from trading.orders.states import OrderState

_UNANSWERED = (OrderState.PENDING, OrderState.CANCEL_PENDING, OrderState.UNKNOWN)
"""A create may be cancelled before it is answered: it may still be accepted first."""


class Stopping:
    """Applies holds to a core."""

    def __init__(self, core: GatewayCore) -> None:
        self._core = core

    def apply(self, hold: HoldFact, now: Now) -> list[Effect]:
        """Know ``hold`` from this moment on; the cancels that follow from it."""
        self._core.holds.learn(hold, now.boot_ns)
        return self._cancels(hold, now)

    def on_reading(self, reading: Reading, now: Now) -> tuple[Learnt, list[Effect]]:
        """Take what a reading of the database says of holds."""
        learnt = self._core.holds.on_reading(reading, now.boot_ns)
        effects = [effect for hold in learnt.new for effect in self._cancels(hold, now)]
        return learnt, effects

    def in_force(self, now: Now) -> list[Effect]:
        """The cancels of every known hold: after a start, or once books are loaded."""
        return [
            effect
            for hold in list(self._core.holds.open.values())
            for effect in self._cancels(hold, now)
        ]

    def cancel_scope(
        self, scope: str, reason: str, now: Now, *, protective_too: bool
    ) -> tuple[list[str], list[Effect]]:
        """Cancel every open order in ``scope``, holding nothing: their ids, and how."""
        orders = [
            order
            for order in self._core.book.open_orders()
            if scope in self._core.holds.scopes(order.strategy, order.symbol).names
            and (protective_too or not order.protective)
        ]
        if protective_too:
            self._core.stops.end_where(
                lambda one: scope in self._core.holds.scopes(one.strategy, one.symbol).names, reason
            )
        effects = [effect for order in orders for effect in self._core.cancel(order, reason, now)]
        return [order.client_order_id for order in orders], effects

    def open_under(self, hold: HoldFact) -> list[LiveOrder]:
        """Orders that ``hold`` wants gone and that may still be open."""
        return [
            order
            for order in self._core.book.open_orders()
            if self._core.holds.covers(hold, order.strategy, order.symbol)
            and self._goes(hold, order)
        ]

    def in_flight(self, hold: HoldFact, venue_now_ns: int) -> list[LiveOrder]:
        """Creates that were written and not answered: the venue may still accept them.

        Past its not-after by the venue's own clock an order cannot be accepted any more. Orders
        under a warrant are not among them: they close by order of a person, and only a
        FROZEN hold forbids them.
        """
        return [
            order
            for order in self._core.book.open_orders()
            if order.sent_wall_ns
            and order.state in _UNANSWERED
            and not order.venue_order_id
            and venue_now_ns <= order.not_after_ns
            and (not order.warrant or hold.mode is Mode.FROZEN)
            and self._core.holds.covers(hold, order.strategy, order.symbol)
        ]

    def _goes(self, hold: HoldFact, order: LiveOrder) -> bool:
        if order.protective:
            return hold.cancels and hold.protective_too
        if order.warrant and hold.mode is not Mode.FROZEN:
            return False
        if hold.cancels:
            return True
        return hold.mode is Mode.REDUCE_ONLY and increases(order, self._core.book)

    def _cancels(self, hold: HoldFact, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        if hold.cancels and hold.protective_too:
            self._core.stops.end_where(
                lambda one: self._core.holds.covers(hold, one.strategy, one.symbol),
                f"{hold.kind} on {hold.scope}",
            )
        for order in self.open_under(hold):
            order.cancel_hold = order.cancel_hold or hold.id
            effects += self._core.cancel(order, f"{hold.kind} on {hold.scope}", now)
        return effects
