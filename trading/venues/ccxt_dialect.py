"""What differs from exchange to exchange, behind one interface; the machinery is ccxt_venue.py.

A dialect builds its calls with a ccxt client and reads their answers. It holds no state, sends
nothing itself, and says None where an answer tells nothing for certain.
"""

import datetime as dt
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from trading.messages import Side
from trading.venues.base import Capabilities, NewOrder, OrderStatus, VenuePosition
from trading.venues.ccxt_markets import Markets

Call = Coroutine[Any, Any, Any]
Said = Mapping[str, Any]
FEW_FEES = 10
"""So many executions have their fees in a short answer."""


@dataclass(frozen=True, slots=True)
class Placed:
    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """``ended``: the venue took the order and ended it at once, with nothing filled."""

    code: str
    reason: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    filled: Decimal | None


@dataclass(frozen=True, slots=True)
class RawFill:
    """One execution as the venue lists it; ``fee`` is None where another call tells it."""

    venue_fill_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    fee_currency: str
    maker: bool
    time_ns: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log of cash. ``amount``: what moved without an execution, or beside one,
    signed; ``fee``: of its ``execution``, None where this line does not say."""

    log_id: int
    at: dt.datetime
    kind: str
    currency: str
    amount: Decimal
    symbol: str
    execution: str
    fee: Decimal | None


class Word(StrEnum):
    """What a message of a private stream is to us."""

    CHALLENGE = "challenge"
    SUBSCRIBED = "subscribed"
    MOVED = "moved"  # an order or a fill moved, or may have
    ALIVE = "alive"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Heard:
    """``text``: the challenge, the feed that is subscribed, or why it was refused."""

    word: Word
    text: str = ""


class StreamDialect(Protocol):
    """A private stream, by WebSocket; no ``stream_path``: there is none.

    ``stream_feeds``: what must be confirmed before it counts as live.
    """

    stream_path: str
    stream_feeds: frozenset[str]

    def stream_hello(self, client: Any) -> str:
        """What is said first."""

    def stream_subscribe(self, client: Any, challenge: str) -> list[str]:
        """What is said to a challenge: signed by ccxt's own hands."""

    def stream_heard(self, said: Any) -> Heard:
        """Raises KeyError, ValueError, TypeError, AttributeError for nonsense."""


class Dialect(StreamDialect, Protocol):
    """``Said`` is an answer as ccxt parsed it from JSON, numbers as text.

    Readers raise KeyError, ValueError, TypeError, ArithmeticError or AttributeError for nonsense.
    """

    exchange: str
    capabilities: Capabilities
    costs: Mapping[str, float]
    """Request path -> units of ``budget``; ``budget`` is units, seconds and one reserve.
    ``fills/before``: executions from before a moment."""
    budget: tuple[float, float, float]
    history_costs: Mapping[str, float]
    """Of the paths that have a budget of their own, ``history_budget``; ``account-log/long`` is one
    of more than ``FEW_FEES`` executions."""
    history_budget: tuple[float, float, float]

    @property
    def histories(self) -> tuple[str, ...]:
        """The lists that together say what became of every order."""

    settle_ns: int
    """How long after an order ended the venue may still not show it anywhere."""

    def venue_time_ns(self, said: Said) -> int | None: ...

    def ping(self, client: Any) -> Call: ...

    def create(self, client: Any, order: NewOrder, market_symbol: str) -> Call: ...

    def carries(self, query: Mapping[str, str], order: NewOrder, market_id: str) -> str:
        """What of ``order`` the signed request does not say exactly; empty when it says all."""

    def created(self, said: Said) -> Placed | Refused | None: ...

    def cancel(self, client: Any, client_order_id: str) -> Call: ...

    def cancelled(self, said: Said) -> Cancelled | Refused | None: ...

    def cancel_many(self, client: Any, client_order_ids: Sequence[str]) -> Call:
        """All in one request, which costs ``costs["batchorder"]`` and one unit each."""

    def cancelled_many(
        self, said: Said, client_order_ids: Sequence[str]
    ) -> list[Cancelled | Refused | None]: ...

    def modify(
        self, client: Any, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> Call: ...

    def modified(self, said: Said) -> Refused | None:
        """None when it was done. Raises ValueError when the answer does not tell."""

    def cancel_all_after(self, client: Any, timeout_ms: int) -> Call: ...

    def armed(self, said: Said) -> bool: ...

    def open_orders(self, client: Any) -> Call: ...

    def open_orders_said(self, said: Said, markets: Markets) -> list[OrderStatus]: ...

    def order(self, client: Any, client_order_id: str) -> Call: ...

    def order_said(self, said: Said, ident: str, markets: Markets) -> OrderStatus | None:
        """The order as it is or has just been."""

    def history(self, client: Any, kind: str, page: str, since_ns: int) -> Call:
        """Lists what became of orders, newest first, back to ``since_ns`` by the venue's clock."""

    def history_said(
        self, said: Said, ident: str, markets: Markets
    ) -> tuple[OrderStatus | None, str]:
        """The order, if it is on this page, and the next page, empty when this is the last."""

    def fills(self, client: Any, before: int) -> Call:
        """The newest fills, or those before ``before`` nanoseconds."""

    def fills_said(self, said: Said, markets: Markets) -> list[RawFill]:
        """Oldest first."""

    fills_page: int
    """So many executions one answer holds at the most."""

    def executions(self, client: Any, time_ns: int, page: str) -> Call:
        """By the history, all of the millisecond that begins then, perhaps of those beside it."""

    def executions_said(self, said: Said, markets: Markets) -> tuple[list[RawFill], str]:
        """Those of this page, newest first, and the next page, empty when this is the last."""

    def fees(self, client: Any, since_ns: int, count: int) -> Call:
        """Of at least the newest ``count`` executions since then."""

    def fees_said(self, said: Said) -> dict[str, Decimal]:
        """Venue fill id -> fee."""

    def cash_log(self, client: Any, after: int, since_ns: int) -> Call:
        """The log of cash, oldest first: what is numbered above ``after``, or, where that is 0,
        what is not before ``since_ns`` by the venue's clock."""

    def cash_log_said(self, said: Said, markets: Markets) -> list[LogLine]:
        """Its lines, empty when there are none left."""

    def positions(self, client: Any) -> Call: ...

    def positions_said(self, said: Said, markets: Markets) -> list[VenuePosition]: ...

    def balances(self, client: Any) -> Call: ...

    def balances_said(self, said: Said) -> dict[str, Decimal]: ...
