"""The order gateway without its wires: intents and venue events in, effects out.

Single-threaded and synchronous: no interleaving can come between a check and what it allows.
The live gateway (loop.py) and the lock-step run drive the same core. Time is passed in.
"""

from riskctl.licence import Licence
from riskctl.rules import Denial
from trading.clock import NS
from trading.gateway.admission import Admission, Now
from trading.gateway.book import Book, LiveOrder, order_of
from trading.gateway.effects import (
    CatchUpFills,
    Effect,
    FillRow,
    LookUpOrder,
    OrderRow,
    Persist,
    Rows,
    SendCancel,
    SendCreate,
    StepRow,
    frozen,
)
from trading.gateway.holdbook import HoldBook
from trading.gateway.prices import PriceBoard
from trading.gateway.reducing import Confirmed
from trading.gateway.telling import update_of
from trading.messages import CancelIntent, FillInfo, Intent, OrderIntent
from trading.orders.states import OrderEvent, OrderState
from trading.portfolio.ledger import apply_fill
from trading.universe import Universe
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Disconnected,
    Ended,
    Filled,
    NewOrder,
    OrderStatus,
    Rejected,
    StatusAnswer,
    VenueEvent,
)

ANSWER_NS = NS
"""An order or cancel unanswered for this long is UNKNOWN and the venue is asked."""

_E, _S = OrderEvent, OrderState


class GatewayCore:
    """Orders and positions of one venue account, and every rule about moving them.

    ``venue`` names the account's venue, for holds on it. ``since_boot_ns``: what was wanted before
    is refused, since holds and lifts before it are not known to have been heeded.
    """

    def __init__(
        self, *, account: str, universe: Universe, licence: Licence, venue: str = "",
        rehearsal: bool = False, since_boot_ns: int = 0,
    ) -> None:  # fmt: skip
        self.account = account
        self._universe = universe
        self.book = Book(universe)
        self.prices = PriceBoard(universe)
        self.licence = licence
        self.holds = HoldBook(account, venue, since_boot_ns, rehearsal=rehearsal)
        self.confirmed = Confirmed()
        self.gate = Admission(
            account=account,
            universe=universe,
            licence=licence,
            book=self.book,
            prices=self.prices,
            holds=self.holds,
            confirmed=self.confirmed,
            rehearsal=rehearsal,
        )
        self.catching_up = False
        self._held: list[Filled] = []

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
        )

    def _cancel(self, intent: CancelIntent, now: Now) -> list[Effect]:
        order = self.book.order(intent.client_order_id)
        if order is None or order.final or order.strategy != intent.strategy:
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

    # Venue events ----------------------------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now: Now) -> list[Effect]:
        """Book what the venue says, in its order."""
        if isinstance(event, Filled):
            return self._on_fill(event, now)
        if isinstance(event, Disconnected):
            self.confirmed.forget()
            return self._lose_unanswered(now)
        order = self.book.order(event.client_order_id)
        if order is None:
            return []
        if isinstance(event, Accepted):
            return self._accepted(order, event.venue_order_id, now)
        if isinstance(event, Rejected):
            return self._rejected(order, event.code, event.reason, now)
        if isinstance(event, Ended):
            return self._ended(order, event.how, event.reason, now)
        return self._cancel_refused(order, event, now)

    def _answered(self, order: LiveOrder, now: Now) -> None:
        if not order.answered_wall_ns:
            order.answered_wall_ns = now.wall_ns
            if order.sent_boot_ns:
                order.send_to_answer_us = (now.boot_ns - order.sent_boot_ns) // 1000

    def _accepted(self, order: LiveOrder, venue_order_id: str, now: Now) -> list[Effect]:
        self._answered(order, now)
        if order.final or (order.venue_order_id and order.state is not _S.UNKNOWN):
            return []
        order.venue_order_id = venue_order_id
        order.move(_E.ACCEPT, now.wall_ns)
        if order.state is _S.WORKING and order.filled:
            order.move(_E.PARTIAL_FILL, now.wall_ns)
        return [self._persist(order, "accept")]

    def _rejected(self, order: LiveOrder, code: str, reason: str, now: Now) -> list[Effect]:
        if order.final:
            return []
        if order.state in (_S.WORKING, _S.PARTIALLY_FILLED):
            return [self._lose(order, now)]  # it contradicts itself: ask what it holds
        self._answered(order, now)
        order.reason_code, order.reason = code, reason
        order.move(_E.REJECT, now.wall_ns)
        self.book.settle(order)
        return [self._persist(order, "reject")]

    def _ended(self, order: LiveOrder, how: str, reason: str, now: Now) -> list[Effect]:
        if order.final:
            return []
        self._answered(order, now)
        event = _E.CANCEL if how == "cancelled" else _E.EXPIRE
        order.reason_code, order.reason = how.upper(), reason
        order.move(event, now.wall_ns)
        self.book.settle(order)
        return [self._persist(order, str(event))]

    def _cancel_refused(self, order: LiveOrder, event: CancelRefused, now: Now) -> list[Effect]:
        if order.state is not _S.CANCEL_PENDING:
            return []
        order.move(_E.LOSE, now.wall_ns)  # whatever it is now, the venue is asked
        facts = {"code": event.code, "reason": event.reason}
        return [self._persist(order, "cancel-refuse", facts)]

    def _lose_unanswered(self, now: Now) -> list[Effect]:
        return [
            self._lose(order, now)
            for order in self.book.open_orders()
            if order.sent_wall_ns and order.state in (_S.PENDING, _S.CANCEL_PENDING)
        ]

    def _lose(self, order: LiveOrder, now: Now) -> Persist:
        order.move(_E.LOSE, now.wall_ns)
        return self._persist(order, "lose")

    def on_time(self, now: Now) -> list[Effect]:
        """Orders and cancels unanswered for too long become UNKNOWN."""
        return [
            self._lose(order, now)
            for order in self.book.open_orders()
            if order.sent_wall_ns
            and order.state in (_S.PENDING, _S.CANCEL_PENDING)
            and now.boot_ns - order.asked_boot_ns > ANSWER_NS
        ]

    # Fills -----------------------------------------------------------------------------------

    def _on_fill(self, fill: Filled, now: Now) -> list[Effect]:
        if self.catching_up:
            self._held.append(fill)
            return []
        if fill.sequence <= self.book.fill_sequence:
            return []
        if fill.sequence != self.book.fill_sequence + 1:
            self._held.append(fill)
            self.catching_up = True
            return [CatchUpFills()]
        return self.book_fill(fill, now)

    def catch_up_done(self, now: Now) -> list[Effect]:
        """All missing fills are booked: those pushed meanwhile count now."""
        self.catching_up = False
        held, self._held = self._held, []
        return [effect for fill in held for effect in self._on_fill(fill, now)]

    def book_fill(self, fill: Filled, now: Now, *, nobody_ordered: bool = False) -> list[Effect]:
        """Apply the next fill in sequence, once. One nobody ordered moves no strategy's books."""
        if fill.sequence != self.book.fill_sequence + 1:
            return []
        order = self.book.order(fill.client_order_id)
        if order is None and not nobody_ordered:
            self.catching_up = True
            return [LookUpOrder(fill)]
        self.book.fill_sequence = fill.sequence
        if order is None or not self._ordered(fill, order):
            return [Persist((FillRow(fill, None, None),), ())]
        return [self._booked(fill, order, now)]

    @staticmethod
    def _ordered(fill: Filled, order: LiveOrder) -> bool:
        """Whether this fill can be of this order: it was sent, it fits, it is the same thing."""
        return (
            order.state not in (_S.DENIED, _S.REJECTED)
            and order.filled + fill.quantity <= order.quantity
            and (fill.symbol, fill.side) == (order.symbol, order.side)
        )

    def _booked(self, fill: Filled, order: LiveOrder, now: Now) -> Persist:
        one = self._universe.by_symbol(fill.symbol)
        key = (order.strategy, order.symbol)
        holding = None
        if order.strategy:  # else it closed what nobody's books hold
            holding = self.book.holdings[key] = apply_fill(
                self.book.holding(*key),
                side=fill.side,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
                multiplier=one.multiplier,
                sequence=fill.sequence,
            )
        self._answered(order, now)
        order.filled += fill.quantity
        order.filled_value += fill.quantity * fill.price
        order.fees += fill.fee
        last = order.filled == order.quantity
        order.move(_E.LAST_FILL if last else _E.PARTIAL_FILL, now.wall_ns)
        self.book.settle(order)
        info = FillInfo(fill.venue_fill_id, fill.quantity, fill.price, fill.fee, fill.fee_currency)
        event = "last-fill" if last else "partial-fill"
        booked = FillRow(fill, frozen(order), holding)
        rows: Rows = (OrderRow(frozen(order), event), booked, *_proof(order))
        return Persist(rows, (update_of(self.account, self.book, order, info),))

    # Asking the venue ------------------------------------------------------------------------

    def unresolved(self) -> list[LiveOrder]:
        """Orders whose state only the venue can tell."""
        return [order for order in self.book.open_orders() if order.state is _S.UNKNOWN]

    def on_status(self, order: LiveOrder, answer: StatusAnswer, now: Now) -> list[Effect]:
        """Take the venue's word on an order. Fills must have been caught up before this."""
        if order.final:
            return []
        status = answer.order
        if status is None:
            return self._never_arrived(order, answer, now)
        if status.filled != order.filled:
            return [CatchUpFills()]
        return self._adopt(order, status, now)

    def _adopt(self, order: LiveOrder, status: OrderStatus, now: Now) -> list[Effect]:
        if status.state == "rejected":
            return self._rejected(order, "REJECTED", status.reason, now)
        if status.state in ("cancelled", "expired"):
            return self._ended(order, status.state, status.reason, now)
        return self._accepted(order, status.venue_order_id, now)

    def _never_arrived(self, order: LiveOrder, answer: StatusAnswer, now: Now) -> list[Effect]:
        """Not seen and past its not-after by the venue's clock: it can never arrive any more."""
        if answer.venue_time_ns <= order.not_after_ns or order.venue_order_id or order.filled:
            return []
        text = "the venue never received it, and its not-after has passed"
        return self._rejected(order, "NOT_RECEIVED", text, now)

    def doubt_everything(self, now: Now, not_after_ns: int) -> list[Effect]:
        """After a start or a reconnection: every open order is as the venue says, not as we do.

        An order that a predecessor may have sent is taken as sent with ``not_after_ns``, the
        latest time by the venue's clock at which it could still arrive.
        """
        effects: list[Effect] = []
        for order in self.book.open_orders():
            if not order.sent_wall_ns and not order.inherited:
                continue  # our own, not yet released: it is judged again when it is
            order.sent_wall_ns = order.sent_wall_ns or order.created_wall_ns
            order.not_after_ns = order.not_after_ns or not_after_ns
            order.asked_boot_ns = order.asked_boot_ns or now.boot_ns
            if order.state is not _S.UNKNOWN:
                effects.append(self._lose(order, now))
        return effects

    def doubt_missing(self, at_venue: set[str], read_wall_ns: int, now: Now) -> list[Effect]:
        """Orders that should have been among the venue's open ones when it was read, and were not.

        Their end was not told: without a disconnection nothing else would ever reveal it.
        """
        return [
            self._lose(order, now)
            for order in self.book.open_orders()
            if order.state in (_S.WORKING, _S.PARTIALLY_FILLED)
            and order.client_order_id not in at_venue
            and 0 < order.answered_wall_ns < read_wall_ns
        ]

    def _persist(
        self, order: LiveOrder, event: str, facts: dict[str, str] | None = None, release: str = ""
    ) -> Persist:
        row = OrderRow(frozen(order), event, facts or {})
        rows: Rows = (row, *_proof(order))
        return Persist(rows, (update_of(self.account, self.book, order),), release)

    def pending(self) -> bool:
        """Whether an order is between admission and the venue's answer."""
        return any(order.state is _S.PENDING for order in self.book.open_orders())


def _proof(order: LiveOrder) -> tuple[StepRow, ...]:
    """The step of the receipt that the end of this order is, once."""
    if not (order.cancel_hold and order.final):
        return ()
    hold, order.cancel_hold = order.cancel_hold, ""
    facts = {
        "order": order.client_order_id,
        "state": str(order.state),
        "filled": order.filled,
        "quantity": order.quantity,
    }
    return (StepRow(hold, "cancel-confirmed", order.client_order_id, facts),)
