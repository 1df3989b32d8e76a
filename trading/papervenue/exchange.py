"""The exchange itself: matching, storage and accounts as one, without any network or clock.

The TCP server and the in-process adapter drive this same class. It says what happened through
``emit`` in order; whoever drives it calls ``commit`` before passing any of it on.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from trading.papervenue.accounts import OPENING_CASH, Accounts
from trading.papervenue.book import Quote
from trading.papervenue.faults import FaultBoard
from trading.papervenue.matching import MatchingEngine, refuse
from trading.papervenue.orders import Done, Execution, Fill, Order, Outcome, Refusal
from trading.papervenue.protocol import (
    Body,
    Cancel,
    CancelAll,
    ClearFaults,
    Fault,
    Submit,
    Trade,
    fill_body,
    order_body,
    order_of,
)
from trading.papervenue.storage import Storage
from trading.ticks import Ticks

_FEED = "feed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something the account is told: ``kind`` and the fields of the message."""

    account: str
    kind: str
    body: Body


@dataclass(order=True, slots=True)
class _Arrival:
    """A request on its way to the book."""

    due_ns: int
    number: int
    account: str = field(compare=False)
    request: Trade = field(compare=False)
    received_ns: int = field(compare=False)
    reply: Callable[[Body], None] = field(compare=False)


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
        self._emit = emit
        self._latency_ns = latency_ns
        self._muted = False
        self._accounts = Accounts(storage.all_fills())
        self._number = storage.next_number()
        self._arrivals: list[_Arrival] = []
        self._last_due: dict[str, int] = {}
        self._arrival_number = 0
        self._feed = msgspec.json.decode(storage.meta(_FEED) or "{}", type=FeedState)
        self._feed_moved = False
        engine.import_quotes(self._feed.quotes)
        engine.feed_clock = self._feed.clock
        for order in storage.working():
            engine.rest(order)

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
        self._record(self.engine.on_ticks(ticks, clock, wall_ns), now_ns, known=True)
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
        """Take a create or cancel; it reaches the book after latency, in the account's order.

        ``reply`` gets the answer of a cancel_all. Raises ProtocolError for a malformed create.
        """
        if isinstance(request, Submit):
            order_of(account, request, 0)
        self.run_due(now_ns)
        delay = self._latency_ns + self.faults.of(account).delay_ns
        due = max(now_ns + delay, self._last_due.get(account, 0))
        if due <= now_ns:
            self._carry_out(account, request, now_ns, now_ns, reply)
            return
        self._last_due[account] = due
        self._arrival_number += 1
        arrival = _Arrival(due, self._arrival_number, account, request, now_ns, reply)
        heapq.heappush(self._arrivals, arrival)

    def next_due(self) -> int | None:
        """When the next request on its way reaches the book."""
        return self._arrivals[0].due_ns if self._arrivals else None

    def run_due(self, now_ns: int) -> None:
        """Carry out what has reached the book by now."""
        while self._arrivals and self._arrivals[0].due_ns <= now_ns:
            one = heapq.heappop(self._arrivals)
            if self._last_due.get(one.account) == one.due_ns:
                del self._last_due[one.account]
            self._carry_out(one.account, one.request, one.received_ns, now_ns, one.reply)

    def _carry_out(
        self, account: str, request: Trade, received_ns: int, now_ns: int,
        reply: Callable[[Body], None],
    ) -> None:  # fmt: skip
        if isinstance(request, CancelAll):
            reply({"cancelled": self._cancel_all(account, request.symbol, now_ns)})
            return
        self._muted = self.faults.of(account).drops()
        if isinstance(request, Submit):
            self._create(account, request, received_ns, now_ns)
        else:
            self._cancel(account, request, now_ns)
        self._muted = False

    def _create(self, account: str, request: Submit, received_ns: int, now_ns: int) -> None:
        ident = request.client_order_id
        if self.storage.order(account, ident) is not None:
            self._refused(
                account, ident, Refusal("DUPLICATE_ID", "client_order_id was used"), now_ns
            )
            return
        order = order_of(account, request, self._number)
        self._number += 1
        refusal = self.faults.of(account).refusal() or self.engine.check(order, now_ns)
        if refusal is not None:
            refuse(order, refusal)
            self.storage.add_order(order, received_ns=received_ns, decided_ns=now_ns)
            self._refused(account, ident, refusal, now_ns)
            return
        outcomes = self.engine.enter(order, now_ns)
        self._feed_moved = self._feed_moved or bool(outcomes)
        self.storage.add_order(order, received_ns=received_ns, decided_ns=now_ns)
        self.storage.add_log(now_ns, account, "accepted", ident, order.symbol)
        self._tell(
            account,
            "accepted",
            {"client_order_id": ident, "venue_order_id": order.venue_order_id},
        )
        self._record(outcomes, now_ns, known=False)

    def _refused(self, account: str, ident: str, refusal: Refusal, now_ns: int) -> None:
        self.storage.add_log(now_ns, account, "rejected", ident, refusal.code)
        body: Body = {"client_order_id": ident, "code": refusal.code, "reason": refusal.reason}
        self._tell(account, "rejected", body)

    def _cancel(self, account: str, request: Cancel, now_ns: int) -> None:
        ident = request.client_order_id
        order = self.engine.find(account, ident)
        if order is not None:
            self._record([self.engine.cancel(order, "cancelled on request")], now_ns, known=True)
            return
        known = self.storage.order(account, ident)
        code = "UNKNOWN_ORDER" if known is None else "NOT_OPEN"
        reason = "no such order" if known is None else f"the order is {known.state}"
        self.storage.add_log(now_ns, account, "cancel_refused", ident, code)
        body: Body = {"client_order_id": ident, "code": code, "reason": reason}
        self._tell(account, "cancel_refused", body)

    def _cancel_all(self, account: str, symbol: str | None, now_ns: int) -> int:
        orders = [one for one in self.engine.working(account) if symbol in (None, one.symbol)]
        ended = [self.engine.cancel(order, "cancelled with all") for order in orders]
        self._record(ended, now_ns, known=True)
        return len(ended)

    def _record(self, outcomes: Iterable[Outcome], now_ns: int, *, known: bool) -> None:
        """Write and tell outcomes; ``known`` orders are already stored in an older state."""
        for outcome in outcomes:
            order = outcome.order
            if known:
                self.storage.save_order(order, now_ns)
            match outcome:
                case Execution():
                    self._fill(outcome, now_ns)
                case Done():
                    self._ended(order, now_ns)

    def _fill(self, done: Execution, now_ns: int) -> None:
        order = done.order
        sequence = self._accounts.last_sequence(order.account) + 1
        fill = Fill(
            order.account, sequence, order.client_order_id, order.symbol, order.side,
            done.quantity, done.price, done.fee, done.currency, done.maker, done.cash_flow,
            now_ns, done.feed_time_ns,
        )  # fmt: skip
        self._accounts.apply(fill)
        self.storage.add_fill(fill)
        self.storage.add_log(now_ns, order.account, "fill", order.client_order_id, fill.fill_id)
        self._tell(order.account, "fill", fill_body(fill))

    def _ended(self, order: Order, now_ns: int) -> None:
        self.storage.add_log(now_ns, order.account, "ended", order.client_order_id, order.state)
        status = order_body(order)
        body: Body = {name: status[name] for name in ("client_order_id", "filled", "reason")}
        self._tell(order.account, "ended", {**body, "how": order.state})

    def _tell(self, account: str, kind: str, body: Body) -> None:
        if not self._muted:
            self._emit(Event(account, kind, body))

    # -- accounts and questions

    def open_account(self, account: str, now_ns: int) -> None:
        """Give a new account its opening cash; nothing for a known one."""
        if not self.storage.cash(account):
            for currency, amount in OPENING_CASH:
                self.storage.add_cash(account, currency, amount, "deposit", now_ns)

    def order_status(self, account: str, client_order_id: str) -> Body:
        order = self.storage.order(account, client_order_id)
        return {"order": None if order is None else order_body(order)}

    def open_orders(self, account: str) -> Body:
        return {"orders": [order_body(one) for one in self.engine.working(account)]}

    def fills_since(self, account: str, sequence: int, limit: int) -> Body:
        fills = [fill_body(one) for one in self.storage.fills(account, sequence, limit)]
        return {"fills": fills, "last_sequence": self._accounts.last_sequence(account)}

    def positions(self, account: str) -> Body:
        """Positions as of ``last_sequence``, the account's last fill."""
        positions = self._accounts.positions(account)
        return {"positions": positions, "last_sequence": self._accounts.last_sequence(account)}

    def balances(self, account: str) -> Body:
        return {"balances": self._accounts.balances(account, self.storage.cash(account))}

    # -- faults

    def set_fault(self, fault: Fault, now_ns: int) -> None:
        self.faults.order(fault, now_ns)
        self.engine.fill_caps = self.faults.fill_caps()
        self.storage.add_log(
            now_ns, fault.account, "fault", "", msgspec.json.encode(fault).decode()
        )

    def clear_faults(self, request: ClearFaults, now_ns: int) -> None:
        self.faults.clear(request.account)
        self.engine.fill_caps = self.faults.fill_caps()
        self.storage.add_log(now_ns, request.account or "", "faults_cleared")
