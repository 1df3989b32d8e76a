"""The gateway's half that listens: what the venue says of our orders, booked in its order.

Synchronous, as core.py is; time is passed in.
"""

from trading.clock import NS
from trading.gateway.admission import Now
from trading.gateway.book import Book, LiveOrder
from trading.gateway.effects import (
    CatchUpFills,
    Effect,
    FillRow,
    LookUpOrder,
    OrderRow,
    Persist,
    Rows,
    frozen,
    proof_of,
)
from trading.gateway.funds import AccountTerms, Funds
from trading.gateway.prices import PriceBoard
from trading.gateway.reducing import Confirmed
from trading.gateway.telling import update_of
from trading.gateway.words import LONGEST_CODE, worded
from trading.messages import FillInfo
from trading.orders.states import OrderEvent, OrderState
from trading.portfolio.ledger import apply_fill
from trading.universe import Universe
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Disconnected,
    Ended,
    Filled,
    Modified,
    ModifyRefused,
    OrderStatus,
    Rejected,
    StatusAnswer,
    VenueEvent,
)

ANSWER_NS = NS
"""An order or cancel unanswered for this long is UNKNOWN and the venue is asked."""

_E, _S = OrderEvent, OrderState


class Heard:
    """Orders and fills of one venue account as the venue tells them."""

    def __init__(self, account: str, universe: Universe, terms: AccountTerms) -> None:
        self.account = account
        self._universe = universe
        self.book = Book(universe)
        self.prices = PriceBoard(universe)
        self.funds = Funds(universe, self.book, self.prices.quote, terms)
        self.confirmed = Confirmed()
        self.catching_up = False
        self._held: list[Filled] = []

    # Venue events ----------------------------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now: Now) -> list[Effect]:
        """Book what the venue says, in its order."""
        if isinstance(event, Filled):
            return self._on_fill(event, now)
        if isinstance(event, Disconnected):
            self.confirmed.forget()
            self.funds.forget()
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
        if isinstance(event, Modified):
            return self._modified(order, event)
        if isinstance(event, ModifyRefused):
            return []
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
        order.reason_code, order.reason = worded(code)[:LONGEST_CODE], worded(reason)
        order.move(_E.REJECT, now.wall_ns)
        self.book.settle(order)
        return [self._persist(order, "reject")]

    def _ended(self, order: LiveOrder, how: str, reason: str, now: Now) -> list[Effect]:
        if order.final:
            return []
        self._answered(order, now)
        event = _E.CANCEL if how == "cancelled" else _E.EXPIRE
        order.reason_code, order.reason = how.upper(), worded(reason)
        order.move(event, now.wall_ns)
        self.book.settle(order)
        return [self._persist(order, str(event))]

    def _modified(self, order: LiveOrder, event: Modified) -> list[Effect]:
        """Whoever asked for it: what may still fill is what the venue says."""
        same = (order.quantity, order.limit_price) == (event.quantity, event.limit_price)
        if order.final or same or event.quantity <= order.filled:
            return []
        order.quantity, order.limit_price = event.quantity, event.limit_price
        order.version += 1
        return [self._persist(order, "modify")]

    def _cancel_refused(self, order: LiveOrder, event: CancelRefused, now: Now) -> list[Effect]:
        if order.state is not _S.CANCEL_PENDING:
            return []
        order.move(_E.LOSE, now.wall_ns)  # whatever it is now, the venue is asked
        facts = {"code": worded(event.code), "reason": worded(event.reason)}
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
            self.funds.forget()  # it moved cash that is in no books of ours
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
        self.funds.on_fill()
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
        rows: Rows = (OrderRow(frozen(order), event), booked, *proof_of(order))
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
        modified: list[Effect] = []
        if status.limit_price is not None and status.quantity is not None:
            said = Modified(order.client_order_id, status.quantity, status.limit_price)
            modified = self._modified(order, said)
        return [*modified, *self._accepted(order, status.venue_order_id, now)]

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
        rows: Rows = (row, *proof_of(order))
        return Persist(rows, (update_of(self.account, self.book, order),), release)
