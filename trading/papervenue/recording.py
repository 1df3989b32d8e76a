"""What happened, written to the storage and told, in order. One class, so that nothing is told
that was not written.

Times passed in are the machine's clock; what is written and told is the venue's own, which a drill
may have moved (``skew_ns``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trading.papervenue.accounts import Accounts
from trading.papervenue.orders import Done, Execution, Fill, Order, Outcome, Refusal, Triggered
from trading.papervenue.protocol import Body, fill_body, order_body
from trading.papervenue.storage import Storage


@dataclass(frozen=True, slots=True)
class Event:
    """Something the account is told: ``kind`` and the fields of the message."""

    account: str
    kind: str
    body: Body


class Record:
    """``muted``: write, and tell nothing (a fault)."""

    def __init__(self, storage: Storage, emit: Callable[[Event], None]) -> None:
        self.accounts = Accounts(storage.all_fills())
        self.muted = False
        self.skew_ns = 0
        self._storage = storage
        self._emit = emit

    def own(self, now_ns: int) -> int:
        """The venue's own clock when the machine's says ``now_ns``."""
        return now_ns + self.skew_ns

    def accepted(
        self, order: Order, outcomes: Iterable[Outcome], received_ns: int, now_ns: int
    ) -> None:
        """A new order that entered the book, and what came of it at once."""
        self._add(order, received_ns, now_ns)
        ident = order.client_order_id
        self.log(now_ns, order.account, "accepted", ident, order.symbol)
        body: Body = {"client_order_id": ident, "venue_order_id": order.venue_order_id}
        self._tell(order.account, "accepted", body)
        self.outcomes(outcomes, now_ns, new=order)

    def rejected(self, order: Order, refusal: Refusal, received_ns: int, now_ns: int) -> None:
        """A new order that was refused; its id is used up."""
        self._add(order, received_ns, now_ns)
        self.refused("rejected", order.account, order.client_order_id, refusal, now_ns)

    def _add(self, order: Order, received_ns: int, now_ns: int) -> None:
        self._storage.add_order(
            order, received_ns=self.own(received_ns), decided_ns=self.own(now_ns)
        )

    def modified(self, order: Order, outcomes: Iterable[Outcome], now_ns: int) -> None:
        """Quantity and limit are others, and what came of it at once."""
        self._storage.modify_order(order)
        self.log(now_ns, order.account, "modified", order.client_order_id)
        status = order_body(order)
        names = ("client_order_id", "quantity", "limit_price")
        self._tell(order.account, "modified", {name: status[name] for name in names})
        self.outcomes(outcomes, now_ns)

    def refused(
        self, kind: str, account: str, ident: str, refusal: Refusal, now_ns: int
    ) -> None:  # fmt: skip
        """``kind`` is rejected, cancel_refused or modify_refused."""
        self.log(now_ns, account, kind, ident, refusal.code)
        body: Body = {"client_order_id": ident, "code": refusal.code, "reason": refusal.reason}
        self._tell(account, kind, body)

    def outcomes(
        self, outcomes: Iterable[Outcome], now_ns: int, *, new: Order | None = None
    ) -> list[Fill]:
        """What happened; the fills it made. ``new`` was stored after it all happened."""
        fills = []
        for outcome in outcomes:
            order = outcome.order
            if order is not new:
                self._storage.save_order(order, self.own(now_ns))
            match outcome:
                case Execution():
                    fills.append(self._fill(outcome, now_ns))
                case Done():
                    self._ended(order, now_ns)
                case Triggered():
                    self.log(now_ns, order.account, "triggered", order.client_order_id)
        return fills

    def _fill(self, done: Execution, now_ns: int) -> Fill:
        order = done.order
        sequence = self.accounts.last_sequence(order.account) + 1
        fill = Fill(
            order.account, sequence, order.client_order_id, order.symbol, order.side,
            done.quantity, done.price, done.fee, done.currency, done.maker, done.cash_flow,
            self.own(now_ns), done.feed_time_ns,
        )  # fmt: skip
        self.accounts.apply(fill)
        self._storage.add_fill(fill)
        self.log(now_ns, order.account, "fill", order.client_order_id, fill.fill_id)
        self._tell(order.account, "fill", fill_body(fill))
        return fill

    def _ended(self, order: Order, now_ns: int) -> None:
        self.log(now_ns, order.account, "ended", order.client_order_id, order.state)
        status = order_body(order)
        body: Body = {name: status[name] for name in ("client_order_id", "filled", "reason")}
        self._tell(order.account, "ended", {**body, "how": order.state})

    def log(
        self, now_ns: int, account: str, kind: str, client_order_id: str = "", detail: str = ""
    ) -> None:
        self._storage.add_log(self.own(now_ns), account, kind, client_order_id, detail)

    def _tell(self, account: str, kind: str, body: Body) -> None:
        if not self.muted:
            self._emit(Event(account, kind, body))
