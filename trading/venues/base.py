"""What a venue is to us. One interface; the gateway knows nothing else of any venue.

Every adapter passes the same contract tests (tests/venues/venue_contract.py). Sending is
synchronous and happens at once or raises: between the gateway's last check and the bytes in the
socket there is no await. Answers come as events, in the order the venue gave them.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from trading.messages import OrderType, Side, TimeInForce


class VenueError(Exception):
    """The venue answered that it cannot; ``code`` is its stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class VenueDisconnectedError(ConnectionError):
    """No connection to write to, or it broke before the answer came."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    not_after_ns: int
    """Wall nanoseconds by the venue's clock after which the venue must refuse the order."""
    reduce_only: bool = False
    """Refused (``REDUCE_ONLY``) unless it reduces; never fills through a flat position."""
    stop_price: Decimal | None = None
    """Of a stop order, and of no other: the touch that makes it a market order."""
    post_only: bool = False
    """Of a limit order that rests: refused (``POST_ONLY``) if it would trade on arrival."""
    expires_ns: int = 0
    """Of a GTD order, and of no other: venue-clock nanoseconds at which what is left expires."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue offers. What it does not is refused here or keeps an account from going live.

    ``cancel_all``: open orders can be listed and ended. ``not_after``: it refuses late orders.
    ``cash_by_value``: cash moves by the whole value of a fill; else by profit and fees alone.
    """

    cancel_all: bool = True
    dead_man: bool = True
    not_after: bool = True
    reduce_only: bool = True
    stop: bool = True
    post_only: bool = True
    good_till_date: bool = True
    modify: bool = True
    cash_by_value: bool = True

    def missing_for_live(self) -> list[str]:
        """What the proofs of a stop rest on and this venue lacks."""
        needed = {
            "cancel_all": self.cancel_all,
            "not_after": self.not_after,
            "reduce_only": self.reduce_only,
        }
        return [name for name, has in needed.items() if not has]

    def refusal(self, order: NewOrder) -> tuple[str, str] | None:
        """Code and reason for an order that needs what the venue does not offer."""
        wanted = {
            "reduce-only orders": order.reduce_only and not self.reduce_only,
            "stop orders": order.order_type is OrderType.STOP and not self.stop,
            "post-only orders": order.post_only and not self.post_only,
            "good-till-date orders": (
                order.time_in_force is TimeInForce.GTD and not self.good_till_date
            ),
        }
        for words, lacking in wanted.items():
            if lacking:
                return "NOT_SUPPORTED", f"the venue offers no {words}"
        return None


@dataclass(frozen=True, slots=True)
class KnownFills:
    """What the books hold of an account: the last number, and which newest executions have which.

    ``newest_ns`` is the venue's time of the newest; ``numbers`` goes back from there at least as
    far as the adapter looks again.
    """

    last_sequence: int
    numbers: Mapping[str, int]
    newest_ns: int
    log_id: int = 0
    """The newest movement of cash that is written down; where there is none, what is older than
    ``log_since_ns``, by our wall clock, is in the cash that the account opened with; 0: unknown."""
    log_since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    client_order_id: str
    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    client_order_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filled:
    """One execution. ``sequence`` numbers the account's fills from 1 without a gap."""

    sequence: int
    venue_fill_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    venue_time: dt.datetime
    feed_time_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What was left of the order is gone: ``how`` is ``cancelled`` or ``expired``."""

    client_order_id: str
    how: str
    filled: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRefused:
    client_order_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Modified:
    """The order's quantity, in all, and its limit are now these."""

    client_order_id: str
    quantity: Decimal
    limit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class ModifyRefused:
    """It is as it was."""

    client_order_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    reason: str


VenueEvent = (
    Accepted | Rejected | Filled | Ended | CancelRefused | Modified | ModifyRefused | Disconnected
)


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """``state`` is one of working, filled, cancelled, expired, rejected. ``side`` and ``quantity``
    are None where the venue does not say them in a form that is understood."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side | None
    quantity: Decimal | None
    filled: Decimal
    limit_price: Decimal | None
    state: str
    reason: str
    order_type: OrderType = OrderType.LIMIT
    reduce_only: bool = False
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """``order`` is None when the venue never saw the id. ``venue_time_ns`` is its clock then, less
    the time for which it may have seen an order and not list it yet."""

    order: OrderStatus | None
    venue_time_ns: int


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """Signed quantity and ``cash_flow`` (what was received less what was paid, fees apart).

    A venue that does not say what flowed leaves ``cash_flow`` and ``fees`` None. ``unpaid``:
    where cash moves by profit alone, the signed value at which what is open was entered, None
    where that is not said; 0 where cash moves by the whole value.
    """

    symbol: str
    quantity: Decimal
    cash_flow: Decimal | None
    fees: Decimal | None
    unpaid: Decimal | None = Decimal(0)


class Venue(Protocol):
    """Queries raise VenueDisconnectedError or VenueError; asyncio.TimeoutError past their time."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def connected(self) -> bool: ...

    def price_step(self, symbol: str) -> Decimal | None:
        """What the venue's prices of ``symbol`` are multiples of; None: the desk's own tick."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes written that the peer's kernel has not acknowledged; 0 without a connection."""

    async def connect(self, on_event: Callable[[VenueEvent], None]) -> None:
        """Sign in and deliver events from now on. Raises VenueDisconnectedError, VenueError."""

    async def close(self) -> None: ...

    def abort(self) -> None:
        """Reset the connection at once: nothing unsent is sent any more, nothing more is heard.

        Nothing can be written from now on; a Disconnected event follows.
        """

    def not_after(self, life_ms: int) -> int:
        """Venue-clock nanoseconds ``life_ms`` from now, by the offset measured at sign-in."""

    def send_create(self, order: NewOrder) -> None:
        """Write the order at once. Raises VenueDisconnectedError when nothing was written."""

    def send_modify(
        self, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> None:
        """Write at once that the order is to be of ``quantity`` in all, at that limit.

        Raises VenueDisconnectedError when nothing was written.
        """

    def send_cancel(self, client_order_id: str) -> None:
        """Write a cancel at once. Raises VenueDisconnectedError."""

    async def cancel_all_after(self, timeout_ms: int) -> None:
        """The venue cancels all working orders of the account, untriggered stops excepted, unless
        this is said again within ``timeout_ms`` by its own clock; 0 disarms it."""

    async def order_status(self, client_order_id: str, since_ns: int = 0) -> StatusAnswer:
        """``since_ns``: when the order was made, by our wall clock, so that a venue which has to
        search its history need not go further back; 0: not known."""

    async def open_orders(self) -> list[OrderStatus]: ...

    async def fills_since(self, sequence: int) -> list[Filled]:
        """All fills with a greater sequence, oldest first."""

    async def positions(self) -> list[VenuePosition]: ...

    async def balances(self) -> dict[str, Decimal]: ...

    async def ping(self) -> float:
        """Round trip in seconds; refreshes the clock offset."""
