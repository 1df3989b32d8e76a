"""The order gateway without its wires: intents and venue events in, effects out.

Single-threaded and synchronous: no interleaving can come between a check and what it allows.
The live gateway (loop.py) and the lock-step run drive the same core. Time is passed in.
"""

from riskctl.licence import Licence
from riskctl.rules import Denial
from trading.gateway.admission import Admission, Now
from trading.gateway.book import LiveOrder, order_of
from trading.gateway.effects import Effect, SendCancel, SendCreate
from trading.gateway.funds import AccountTerms
from trading.gateway.heard import Heard
from trading.gateway.holdbook import HoldBook
from trading.gateway.stoploss import StopLosses
from trading.messages import CancelIntent, Intent, OrderIntent
from trading.orders.states import OrderEvent, OrderState
from trading.sessions import Sessions
from trading.universe import Universe
from trading.venues.base import NewOrder

_E, _S = OrderEvent, OrderState


class GatewayCore(Heard):
    """Orders and positions of one venue account, and every rule about moving them.

    ``venue`` names the account's venue, for holds on it. ``since_boot_ns``: what was wanted before
    is refused, since holds and lifts before it are not known to have been heeded. ``sessions``:
    hours that orders keep; None: those of the markets, by the feed's clock. ``terms``: None: a
    margin account.
    """

    def __init__(
        self, *, account: str, universe: Universe, licence: Licence, venue: str = "",
        rehearsal: bool = False, since_boot_ns: int = 0, sessions: Sessions | None = None,
        terms: AccountTerms | None = None,
    ) -> None:  # fmt: skip
        super().__init__(account, universe, terms or AccountTerms())
        self.rehearsal = rehearsal
        self.stops = StopLosses()
        self.licence = licence
        self.holds = HoldBook(account, venue, since_boot_ns, rehearsal=rehearsal)
        self.gate = Admission(
            account=account,
            universe=universe,
            licence=licence,
            book=self.book,
            prices=self.prices,
            holds=self.holds,
            confirmed=self.confirmed,
            funds=self.funds,
            sessions=sessions or Sessions(),
            rehearsal=rehearsal,
        )

    # Intents ---------------------------------------------------------------------------------

    def on_intent(self, intent: Intent, now: Now) -> list[Effect]:
        """Judge an intent. An admitted order is reserved and asked to be written down first."""
        if isinstance(intent, CancelIntent):
            return self._cancel(intent, now)
        if self.book.seen_intent(intent.intent_id):
            return []
        return self._create(intent, now)

    def _create(self, intent: OrderIntent, now: Now) -> list[Effect]:
        order = order_of(intent, self.account, now.wall_ns)
        order.born_boot_ns = now.boot_ns - self.gate.age_ns(intent, now)
        denial = self.gate.intent_denial(intent, order, now)
        if denial is not None:
            self._deny(order, denial, now)
            self.book.add(order)
            return [self._persist(order, "deny")]
        self.book.add(order)
        self.gate.reserve(order, now)
        return [self._persist(order, "intend", release=order.client_order_id)]

    def warranted(self, order: LiveOrder, now: Now) -> list[Effect]:
        """Take an order under a warrant: written down first, like any other."""
        if self.book.seen_intent(order.intent_id):
            return []
        denial = self.gate.warrant_denial(order, now)
        if denial is not None:
            self._deny(order, denial, now)
            self.book.add(order)
            return [self._persist(order, "deny")]
        self.book.add(order)
        return [self._persist(order, "intend", release=order.client_order_id)]

    def _deny(self, order: LiveOrder, denial: Denial, now: Now) -> None:
        order.reason_code, order.reason = denial.code, denial.text
        order.move(_E.DENY, now.wall_ns)

    def release(
        self, client_order_id: str, now: Now, *, connected: bool, not_after_ns: int
    ) -> list[Effect]:
        """The order is written down: check once more and, in the same step, send it."""
        order = self.book.order(client_order_id)
        if order is None or order.state is not _S.PENDING or order.sent_wall_ns:
            return []
        judge = self.gate.warrant_denial if order.warrant else self.gate.release_denial
        denial = judge(order, now)
        if denial is None and order.cancel_wanted:
            denial = Denial("CANCELLED_BEFORE_SEND", order.cancel_wanted)
        if denial is None and not connected:
            denial = Denial("VENUE_DISCONNECTED", "there is no connection to the venue")
        if denial is not None:
            return self.refuse_unsent(order, denial, now)
        order.sent_wall_ns, order.sent_boot_ns = now.wall_ns, now.boot_ns
        self.confirmed.on_send(order.symbol, now.boot_ns)
        order.asked_boot_ns = now.boot_ns
        order.not_after_ns = not_after_ns
        if order.tick_boot_ns:
            order.tick_to_send_us = (now.boot_ns - order.tick_boot_ns) // 1000
        return [SendCreate(self._new_order(order))]

    def refuse_unsent(self, order: LiveOrder, denial: Denial, now: Now) -> list[Effect]:
        """Deny an order of which no byte was written."""
        self._deny(order, denial, now)
        self.book.settle(order)
        return [self._persist(order, "deny")]

    @staticmethod
    def _new_order(order: LiveOrder) -> NewOrder:
        return NewOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            limit_price=order.limit_price,
            not_after_ns=order.not_after_ns,
            reduce_only=order.reduce_only,
            stop_price=order.stop_price,
            post_only=order.post_only,
            expires_ns=order.expires_ns,
        )

    def _cancel(self, intent: CancelIntent, now: Now) -> list[Effect]:
        order = self.book.order(intent.client_order_id)
        if order is None or order.final or order.warrant or order.strategy != intent.strategy:
            return []
        return self.cancel(order, intent.reason, now)

    def cancel(self, order: LiveOrder, reason: str, now: Now) -> list[Effect]:
        """Ask the venue to cancel. Needs neither licence nor database: it is sent, then noted."""
        if order.state is _S.CANCEL_PENDING:
            return []
        if not order.sent_wall_ns:
            order.cancel_wanted = reason
            return []
        order.move(_E.CANCEL_ASK, now.wall_ns)
        order.asked_boot_ns = now.boot_ns
        persist = self._persist(order, "cancel-ask", {"reason": reason})
        return [SendCancel(order.client_order_id), persist]

    def _accepted(self, order: LiveOrder, venue_order_id: str, now: Now) -> list[Effect]:
        """One that was to go before it was known to have left goes once it is there."""
        effects = super()._accepted(order, venue_order_id, now)
        if order.final or not order.cancel_wanted:
            return effects
        reason, order.cancel_wanted = order.cancel_wanted, ""
        return [*effects, *self.cancel(order, reason, now)]

    def take_back(self, now: Now) -> list[Effect]:
        """Cancel quotes that have stood for their life: whoever made them is not heard any more."""
        return [
            effect
            for order in self.book.open_orders()
            if order.outlived(now.boot_ns)
            for effect in self.cancel(order, "its life is over", now)
        ]

    def pending(self) -> bool:
        """Whether an order is between admission and the venue's answer."""
        return any(order.state is _S.PENDING for order in self.book.open_orders())
