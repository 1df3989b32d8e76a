"""Orders of each account as gateways tell them: unanswered, slow, rejected, denied. Pure."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.triggers.evaluate import Reading
from trading.clock import NS
from trading.messages import BookSnapshot, GatewayMessage, OrderUpdate
from trading.orders.states import OrderState

KEPT_NS = 900 * NS
LATENCIES_LEAST = 50
ANSWERS_LEAST = 10
JUDGED_LEAST = 20

RISK_DENIALS = frozenset(
    {
        "LIMIT_MISSING", "ORDER_NOTIONAL", "POSITION_NOTIONAL", "GROSS_NOTIONAL", "OPEN_ORDERS",
        "ORDER_RATE", "PRICE_COLLAR", "NO_PRICE", "NO_LIMIT_PRICE", "LOT_SIZE", "TICK_SIZE",
        "UNKNOWN_SYMBOL",
    }
)  # fmt: skip
"""Denials by the risk rules themselves. Holds, rungs, licences and ages say nothing about them."""

_AWAITED = frozenset({OrderState.PENDING, OrderState.CANCEL_PENDING, OrderState.UNKNOWN})
_ANSWERS = frozenset(OrderState) - _AWAITED - {OrderState.DENIED}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to an order: admitted, denied, answered, rejected or error."""

    at_ns: int
    what: str
    latency_ms: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds each of these triggers looks back."""

    latency: int
    errors: int
    rejections: int
    denials: int


@dataclass(slots=True)
class _Open:
    state: str
    since_ns: int
    created_wall: int


@dataclass(slots=True)
class AccountOrders:
    """What an account's orders amount to now; the watchdog fills it from the database instead."""

    happenings: deque[Happening] = field(default_factory=deque)
    oldest_unanswered_ms: Decimal = Decimal(0)
    at_ns: int = 0

    def readings(self, scope: str, windows: Windows, now_ns: int) -> list[Reading]:
        found = [
            Reading("execution-delay", scope, self.oldest_unanswered_ms, now_ns),
            Reading(
                "error-burst", scope, Decimal(self._counted(windows.errors, now_ns)["error"]),
                self.at_ns,
            ),
        ]  # fmt: skip
        found += self._latency(scope, windows.latency, now_ns)
        found += self._rejections(scope, windows.rejections, now_ns)
        found += self._denials(scope, windows.denials, now_ns)
        return found

    def _since(self, seconds: int, now_ns: int) -> Iterable[Happening]:
        return (one for one in self.happenings if now_ns - one.at_ns <= seconds * NS)

    def _counted(self, seconds: int, now_ns: int) -> Counter[str]:
        return Counter(one.what for one in self._since(seconds, now_ns))

    def _latency(self, scope: str, seconds: int, now_ns: int) -> list[Reading]:
        known = sorted(
            one.latency_ms for one in self._since(seconds, now_ns) if one.latency_ms is not None
        )
        if len(known) < LATENCIES_LEAST:
            return []
        return [Reading("order-latency", scope, known[len(known) * 95 // 100], self.at_ns)]

    def _rejections(self, scope: str, seconds: int, now_ns: int) -> list[Reading]:
        counted = self._counted(seconds, now_ns)
        answers = counted["answered"] + counted["error"]
        if answers < ANSWERS_LEAST:
            return []
        share = Decimal(counted["error"]) / answers
        return [Reading("rejection-burst", scope, share, self.at_ns)]

    def _denials(self, scope: str, seconds: int, now_ns: int) -> list[Reading]:
        counted = self._counted(seconds, now_ns)
        judged = counted["admitted"] + counted["denied"]
        if judged < JUDGED_LEAST:
            return []
        share = Decimal(counted["denied"]) / judged
        return [Reading("all-denied", scope, share, self.at_ns)]


class OrderTally:
    """Follows ``hl:orders``. Times are the reader's own boot clock; latencies the gateway's."""

    def __init__(self) -> None:
        self._accounts: dict[str, AccountOrders] = {}
        self._open: dict[str, dict[str, _Open]] = {}

    def take(self, message: GatewayMessage, now_ns: int) -> None:
        """One message, in the order of the stream."""
        if isinstance(message, BookSnapshot):
            self._healed(message)
            return
        orders = self._open.setdefault(message.account, {})
        before = orders.get(message.client_order_id)
        account = self._accounts.setdefault(message.account, AccountOrders())
        for one in _happened(message, before, now_ns):
            account.happenings.append(one)
            account.at_ns = now_ns
        if message.final:
            orders.pop(message.client_order_id, None)
        elif before is None or before.state != message.state:
            created = message.at_wall if before is None else before.created_wall
            orders[message.client_order_id] = _Open(message.state, now_ns, created)

    def _healed(self, snapshot: BookSnapshot) -> None:
        """What the gateway no longer has open has ended, whatever we missed."""
        orders = self._open.get(snapshot.account, {})
        there = {one.client_order_id for one in snapshot.open_orders}
        for name, one in list(orders.items()):
            if name not in there and one.created_wall < snapshot.at_wall - NS:
                del orders[name]

    def readings(self, accounts: Iterable[str], windows: Windows, now_ns: int) -> list[Reading]:
        """Of ``accounts``, also of those that nothing was heard of."""
        found: list[Reading] = []
        for name in accounts:
            one = self._accounts.setdefault(name, AccountOrders())
            while one.happenings and now_ns - one.happenings[0].at_ns > KEPT_NS:
                one.happenings.popleft()
            waits = [
                now_ns - order.since_ns
                for order in self._open.get(name, {}).values()
                if order.state in _AWAITED
            ]
            one.oldest_unanswered_ms = Decimal(max(waits, default=0) // 1_000_000)
            found += one.readings(f"venue:{name}", windows, now_ns)
        return found


def _happened(message: OrderUpdate, before: _Open | None, now_ns: int) -> Iterable[Happening]:
    """An order found UNKNOWN after it was answered is no error: a gateway asks again at a start."""
    state = message.state
    if before is None and state == OrderState.DENIED:
        yield Happening(now_ns, "denied" if message.reason_code in RISK_DENIALS else "stopped")
    elif before is None and state == OrderState.PENDING:
        yield Happening(now_ns, "admitted")
    elif before is not None and before.state == OrderState.PENDING and state != OrderState.PENDING:
        if state in (OrderState.REJECTED, OrderState.UNKNOWN):
            yield Happening(now_ns, "error")
        elif state in _ANSWERS:
            latency = Decimal(max(0, message.at_wall - before.created_wall)) / 1_000_000
            yield Happening(now_ns, "answered", latency)
