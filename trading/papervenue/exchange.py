"""The exchange itself: matching, storage and accounts as one, without any network or clock.

The TCP server and the in-process adapter drive this same class. It says what happened through
``emit`` in order; whoever drives it calls ``commit`` before passing any of it on. ``now_ns`` is the
machine's clock everywhere; the venue's own clock is that, moved by ``move_clock``.
"""

from collections.abc import Callable

import msgspec

from trading.papervenue import margin
from trading.papervenue.accounts import OPENING_CASH
from trading.papervenue.arrivals import Arrivals
from trading.papervenue.book import Quote
from trading.papervenue.deadman import RAN_OUT, DeadMan
from trading.papervenue.faults import MS, FaultBoard
from trading.papervenue.matching import MatchingEngine, refuse
from trading.papervenue.orders import Order, Refusal
from trading.papervenue.protocol import (
    Body,
    Cancel,
    CancelAll,
    CancelAllAfter,
    ClearFaults,
    Fault,
    InjectFill,
    InjectOrder,
    Modify,
    ProtocolError,
    Submit,
    Trade,
    fill_body,
    manual_order,
    modified_values,
    order_body,
    order_of,
)
from trading.papervenue.recording import Event, Record
from trading.papervenue.storage import Storage
from trading.ticks import Ticks

_FEED, _MANUAL = "feed", "manual"


class FeedState(msgspec.Struct):
    """Where the venue stands in the tick stream, and what is displayed there."""

    entry: str = "0-0"
    session: str = ""
    clock: int = 0
    quotes: list[Quote | None] = msgspec.field(default_factory=list)


class Exchange:
    """``latency_ns`` passes between a request's arrival and the book. Not thread-safe."""

    def __init__(
        self,
        storage: Storage,
        engine: MatchingEngine,
        emit: Callable[[Event], None],
        *,
        latency_ns: int = 0,
    ) -> None:
        self.storage = storage
        self.engine = engine
        self.faults = FaultBoard()
        self._record = Record(storage, emit)
        self._arrivals = Arrivals(latency_ns)
        self._deadman = DeadMan(storage)
        self._number = storage.next_number()
        self._feed = msgspec.json.decode(storage.meta(_FEED) or "{}", type=FeedState)
        self._feed_moved = False
        engine.import_quotes(self._feed.quotes)
        engine.feed_clock = self._feed.clock
        for account, symbol, quantity in self._record.accounts.quantities():
            engine.holdings.move(account, symbol, quantity)
        for order in storage.working():
            engine.rest(order)

    # -- the venue's own clock

    def own(self, now_ns: int) -> int:
        """The venue's own clock when the machine's says ``now_ns``."""
        return self._record.own(now_ns)

    def move_clock(self, offset_ms: int, now_ns: int) -> None:
        """The own clock is ``offset_ms`` ahead of the machine's from now on; what is due, happens.

        Kept in memory. Latency, faults and the age of quotes stay on the machine's clock.
        """
        self.engine.skew_ns = self._record.skew_ns = offset_ms * MS
        self._record.log(now_ns, "", "clock_moved", "", str(offset_ms))
        self.run_due(now_ns)

    # -- the feed

    @property
    def feed_entry(self) -> str:
        """Id of the last tick entry that was matched."""
        return self._feed.entry

    def rewind_feed(self) -> None:
        """The stream was replaced by a younger one: read it from its start."""
        self._feed.entry = "0-0"

    def on_ticks(
        self, ticks: Ticks, clock: int, wall_ns: int, now_ns: int, *, session: str = "",
        entry: str = "0-0",
    ) -> None:  # fmt: skip
        """Match one entry of the feed. A new session's clock may be years apart: quotes go."""
        if session != self._feed.session:
            self.engine.forget_quotes()
        self._record.outcomes(self.engine.on_ticks(ticks, clock, wall_ns), now_ns)
        self._feed.entry, self._feed.session, self._feed.clock = entry, session, clock
        self._feed_moved = True

    def commit(self) -> None:
        """Make all that was emitted so far true. Raises sqlite3.Error: then say nothing."""
        if self._feed_moved:
            self._feed.quotes = self.engine.export_quotes()
            self.storage.set_meta(_FEED, msgspec.json.encode(self._feed).decode())
            self._feed_moved = False
        self.storage.commit()

    # -- orders

    def receive(
        self, account: str, request: Trade, now_ns: int, reply: Callable[[Body], None]
    ) -> None:
        """Take a request; it reaches the book after latency, in the account's order.

        ``reply`` gets the answer of a cancel_all or cancel_all_after. Raises ProtocolError for a
        malformed create.
        """
        if isinstance(request, Submit):
            order_of(account, request, 0)
        elif isinstance(request, Modify):
            modified_values(request)
        self.run_due(now_ns)
        due = self._arrivals.due(account, self.faults.of(account).delay_ns, now_ns)
        if due <= now_ns:
            self._carry_out(account, request, now_ns, now_ns, reply)
        else:
            self._arrivals.add(account, request, due, now_ns, reply)

    def next_due(self) -> int | None:
        """When a request on its way reaches the book, or a dead man's switch runs out."""
        dues = (self._arrivals.next_due(), self._deadman_due(), self._expiry_due())
        return min((due for due in dues if due is not None), default=None)

    def _deadman_due(self) -> int | None:
        return self._machine(self._deadman.next_due())

    def _expiry_due(self) -> int | None:
        return self._machine(self.engine.next_expiry())

    def _machine(self, own_ns: int | None) -> int | None:
        """What the machine's clock says when the venue's own says that."""
        return None if own_ns is None else own_ns - self._record.skew_ns

    def run_due(self, now_ns: int) -> None:
        """Carry out what has become due by now, in its order."""
        while (due := self.next_due()) is not None and due <= now_ns:
            if due == self._deadman_due():
                self._run_out(self._deadman.pop(), now_ns)
            elif due == self._expiry_due():
                self._record.outcomes(self.engine.expire(self.own(due)), now_ns)
            else:
                one = self._arrivals.pop()
                self._carry_out(one.account, one.request, one.received_ns, now_ns, one.reply)

    def _carry_out(
        self, account: str, request: Trade, received_ns: int, now_ns: int,
        reply: Callable[[Body], None],
    ) -> None:  # fmt: skip
        match request:
            case CancelAll():
                orders = self.engine.working(account)
                orders = [one for one in orders if request.symbol in (None, one.symbol)]
                self._cancel_orders(orders, "cancelled with all", now_ns)
                reply({"cancelled": len(orders)})
            case CancelAllAfter():
                reply({"trigger_time_ns": self._cancel_all_after(account, request, now_ns)})
            case Submit() | Modify() | Cancel():
                self._record.muted = self.faults.of(account).drops()
                if isinstance(request, Submit):
                    self._create(account, request, received_ns, now_ns)
                elif isinstance(request, Modify):
                    self._modify(account, request, now_ns)
                else:
                    self._cancel(account, request, now_ns)
                self._record.muted = False

    def _create(self, account: str, request: Submit, received_ns: int, now_ns: int) -> None:
        ident = request.client_order_id
        if self.storage.order(account, ident) is not None:
            refusal = Refusal("DUPLICATE_ID", "client_order_id was used")
            self._record.refused("rejected", account, ident, refusal, now_ns)
            return
        order = order_of(account, request, self._next_number())
        found = (
            self.faults.of(account).refusal()
            or self.engine.check(order, now_ns)
            or self._margin(order, order.quantity)
        )
        if found is not None:
            self._record.rejected(refuse(order, found), found, received_ns, now_ns)
            return
        self._enter(order, received_ns, now_ns)

    def _margin(self, order: Order, more: int) -> Refusal | None:
        account, accounts = order.account, self._record.accounts
        return margin.refusal(
            order,
            more=more,
            deposits=accounts.deposited(self.storage.cash(account)),
            held=accounts.held(account),
            working=self.engine.working(account),
            quote=self.engine.shown,
            universe=self.engine.universe,
        )

    def _next_number(self) -> int:
        self._number += 1
        return self._number - 1

    def _enter(self, order: Order, received_ns: int, now_ns: int) -> None:
        outcomes = self.engine.enter(order, now_ns)
        self._feed_moved = self._feed_moved or bool(outcomes)
        self._record.accepted(order, outcomes, received_ns, now_ns)

    def _modify(self, account: str, request: Modify, now_ns: int) -> None:
        order = self.engine.find(account, request.client_order_id)
        if order is None:
            refusal = self._no_such_open_order(account, request.client_order_id)
        else:
            quantity, limit = modified_values(request)
            found = self._margin(order, quantity - order.quantity) or self.engine.modify(
                order, quantity, limit, now_ns
            )
            if not isinstance(found, Refusal):
                self._feed_moved = self._feed_moved or bool(found)
                self._record.modified(order, found, now_ns)
                return
            refusal = found
        ident = request.client_order_id
        self._record.refused("modify_refused", account, ident, refusal, now_ns)

    def _cancel(self, account: str, request: Cancel, now_ns: int) -> None:
        ident = request.client_order_id
        order = self.engine.find(account, ident)
        if order is not None:
            self._cancel_orders([order], "cancelled on request", now_ns)
            return
        refusal = self._no_such_open_order(account, ident)
        self._record.refused("cancel_refused", account, ident, refusal, now_ns)

    def _no_such_open_order(self, account: str, ident: str) -> Refusal:
        known = self.storage.order(account, ident)
        if known is None:
            return Refusal("UNKNOWN_ORDER", "no such order")
        return Refusal("NOT_OPEN", f"the order is {known.state}")

    def _cancel_orders(self, orders: list[Order], reason: str, now_ns: int) -> None:
        self._record.outcomes([self.engine.cancel(one, reason) for one in orders], now_ns)

    # -- the dead man's switch

    def _cancel_all_after(
        self, account: str, request: CancelAllAfter, now_ns: int
    ) -> int | None:  # fmt: skip
        if not request.timeout_ms:
            self._deadman.disarm(account)
            return None
        at = self.own(now_ns) + request.timeout_ms * MS
        self._deadman.arm(account, at)
        return at

    def _run_out(self, account: str, now_ns: int) -> None:
        """Cancel what works; a stop that protects a position protects it without its owner too."""
        orders = [one for one in self.engine.working(account) if not one.waits]
        self._record.log(now_ns, account, "deadman", "", f"{len(orders)} orders cancelled")
        self._cancel_orders(orders, RAN_OUT, now_ns)

    # -- accounts and questions

    def open_account(self, account: str, now_ns: int) -> None:
        """Give a new account its opening cash; nothing for a known one."""
        if not self.storage.cash(account):
            for currency, amount in OPENING_CASH:
                self.storage.add_cash(account, currency, amount, "deposit", self.own(now_ns))

    def order_status(self, account: str, client_order_id: str) -> Body:
        order = self.storage.order(account, client_order_id)
        return {"order": None if order is None else order_body(order)}

    def open_orders(self, account: str) -> Body:
        return {"orders": [order_body(one) for one in self.engine.working(account)]}

    def fills_since(self, account: str, sequence: int, limit: int) -> Body:
        fills = [fill_body(one) for one in self.storage.fills(account, sequence, limit)]
        return {"fills": fills, "last_sequence": self._record.accounts.last_sequence(account)}

    def positions(self, account: str) -> Body:
        """Positions as of ``last_sequence``, the account's last fill."""
        positions = self._record.accounts.positions(account)
        return {
            "positions": positions,
            "last_sequence": self._record.accounts.last_sequence(account),
        }

    def balances(self, account: str) -> Body:
        return {"balances": self._record.accounts.balances(account, self.storage.cash(account))}

    # -- faults

    def set_fault(self, fault: Fault, now_ns: int) -> None:
        self.faults.order(fault, now_ns)
        self.engine.fill_caps = self.faults.fill_caps()
        detail = msgspec.json.encode(fault).decode()
        self._record.log(now_ns, fault.account, "fault", "", detail)

    def clear_faults(self, request: ClearFaults, now_ns: int) -> None:
        self.faults.clear(request.account)
        self.engine.fill_caps = self.faults.fill_caps()
        self._record.log(now_ns, request.account or "", "faults_cleared")

    # -- what nobody of the account did

    def inject(self, request: InjectFill | InjectOrder, now_ns: int) -> Body:
        """A fill, or a resting order, that its account never asked for: ``manual-N``.

        Raises ProtocolError with the code of the rule it breaks.
        """
        order = manual_order(request, self._manual_id(request.account), self._next_number())
        order.not_after_ns = self.own(now_ns)
        refusal = self.engine.check(order, now_ns)
        if refusal is not None:
            raise ProtocolError(refusal.code, "", refusal.reason)
        if isinstance(request, InjectOrder):
            self._enter(order, now_ns, now_ns)
            return {"order": order_body(order)}
        (fill,) = self._record.outcomes(self.engine.outside_trade(order), now_ns)
        return {"fill": fill_body(fill)}

    def _manual_id(self, account: str) -> str:
        """The next ``manual-N`` that the account has not used."""
        number = int(self.storage.meta(_MANUAL) or 0)
        while self.storage.order(account, f"manual-{(number := number + 1)}") is not None:
            pass
        self.storage.set_meta(_MANUAL, str(number))
        return f"manual-{number}"

    def note(self, account: str, kind: str, now_ns: int) -> None:
        """An entry of the log."""
        self._record.log(now_ns, account, kind)
