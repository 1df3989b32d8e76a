"""What an exchange does with our orders, heard by reading: open orders first, then executions.

An order is over when a reading of the open ones, begun after the venue had it, lacks it: then the
executions (read after that reading) are told, and what is left is asked by id. So nothing is told
as ended before its last fill, and nothing that the exchange does without a word is missed.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.again import Again
from trading.clock import boot_ns, wall_ns
from trading.venues.base import (
    Accepted,
    Ended,
    Filled,
    KnownFills,
    OrderStatus,
    VenueError,
    VenueEvent,
)
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import Dialect, RawFill
from trading.venues.ccxt_fills import FillBook
from trading.venues.ccxt_ledger import CashLog
from trading.venues.ccxt_listing import Listing
from trading.venues.ccxt_past import Past
from trading.venues.ccxt_rate import Use

log = logging.getLogger(__name__)

BEFORE_NS = 300 * 1_000_000_000
"""So much earlier than an order was made its history is read: our clock may have been stepped."""
SEEN = 100_000
UNSAID = Decimal("Infinity")
"""A quantity that the venue does not say: nothing fills it, so its end is asked for."""
ASK_AGAIN_S, ASK_AGAIN_MOST_S = 0.5, 30.0


@dataclass(slots=True)
class Tracked:
    """An order that was sent or seen. ``accepted``: the venue said that it has it.

    ``since_ns``: when it was sent, by our wall clock; 0: by somebody before us. ``as_of_ns``: by
    the venue's, the reading whose ``filled`` it began with: executions until then are in that.
    """

    symbol: str
    quantity: Decimal
    filled: Decimal = Decimal(0)
    accepted: bool = False
    venue_order_id: str = ""
    since_ns: int = 0
    as_of_ns: int = 0


class Watch:
    """Reads the account again and again and tells what changed."""

    def __init__(
        self, asking: Asking, dialect: Dialect, deliver: Callable[[VenueEvent], None],
        since_ns: int,
    ) -> None:  # fmt: skip
        self._asking = asking
        self._dialect = dialect
        self._deliver = deliver
        self._book = FillBook(since_ns)
        self.cash = CashLog(asking, dialect, since_ns)
        self._alone = asyncio.Lock()
        self._again = Again(ASK_AGAIN_S, ASK_AGAIN_MOST_S)
        self._unread: set[str] = set()
        """Orders whose form was not understood, and was logged."""
        self.past = Past(asking, dialect)
        self._listing = Listing(asking, dialect, self._book, self.past)
        self.orders: dict[str, Tracked] = {}
        self.seen: dict[str, None] = {}
        """Client order ids that this account is known to have used, the newest of them."""

    def resume(self, known: KnownFills) -> None:
        self._book.resume(known)
        self.cash.resume(known.log_id, known.log_since_ns)

    def sent(self, client_order_id: str, symbol: str, quantity: Decimal) -> bool:
        """It is about to leave, and what becomes of it is told; False when the id was used."""
        if client_order_id in self.seen:
            return False
        self._saw(client_order_id)
        self.orders[client_order_id] = Tracked(symbol, quantity, since_ns=wall_ns())
        return True

    def modify_refusal(
        self, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> tuple[str, str] | None:
        """Code and reason, when the exchange could not take that exactly as it is."""
        order = self.orders.get(client_order_id)
        market = self._asking.markets.of(order.symbol) if order else None
        return market.step_refusal(quantity, limit_price) if market else None

    def modified(self, client_order_id: str, quantity: Decimal) -> None:
        order = self.orders.get(client_order_id)
        if order is not None:
            order.quantity = quantity

    def _saw(self, client_order_id: str) -> None:
        self.seen[client_order_id] = None
        if len(self.seen) > SEEN:
            del self.seen[next(iter(self.seen))]

    def dropped(self, client_order_id: str) -> None:
        """It never came to be, or its end was told."""
        self.orders.pop(client_order_id, None)

    def accepted(self, client_order_id: str, venue_order_id: str) -> None:
        """Tell it, once."""
        order = self.orders.get(client_order_id)
        self._saw(client_order_id)
        if order is None or order.accepted:
            return
        order.accepted, order.venue_order_id = True, venue_order_id
        self._deliver(Accepted(client_order_id, venue_order_id))

    async def begin(self) -> None:
        """Learn what is open and what was filled, and tell nothing of it."""
        async with self._alone:
            open_now = await self.open_orders()
            as_of_ns = self._asking.heard_ns
            for status in open_now:
                self._learn(status, as_of_ns).accepted = True
            for fill in await self._new_fills():
                self._count(fill)

    async def turn(self) -> None:
        """One reading. Raises VenueError, VenueDisconnectedError, TimeoutError."""
        async with self._alone:
            before = [ident for ident, one in self.orders.items() if one.accepted]
            open_now = await self.open_orders()
            as_of_ns = self._asking.heard_ns
            fills = await self._new_fills()
            for status in open_now:
                self._learn(status, as_of_ns)
                self.accepted(status.client_order_id, status.venue_order_id)
            for fill, venue_order_id in fills:
                self.accepted(fill.client_order_id, venue_order_id)
                self._count((fill, venue_order_id))
                self._deliver(fill)
            still = {one.client_order_id for one in open_now}
            await self._end(ident for ident in before if ident not in still)

    def _learn(self, status: OrderStatus, as_of_ns: int) -> Tracked:
        self._saw(status.client_order_id)
        known = self.orders.get(status.client_order_id)
        if known is None:
            known = Tracked(status.symbol, UNSAID, status.filled, as_of_ns=as_of_ns)
            self.orders[status.client_order_id] = known
        if status.quantity is not None:
            known.quantity = status.quantity  # it may have been modified
        elif status.client_order_id not in self._unread:
            log.error("order.not-understood: %s: %s", status.client_order_id, status.reason)
            self._unread.add(status.client_order_id)
        return known

    def _count(self, fill: tuple[Filled, str]) -> None:
        self._saw(fill[0].client_order_id)
        order = self.orders.get(fill[0].client_order_id)
        if order is not None and fill[0].feed_time_ns > order.as_of_ns:
            order.filled += fill[0].quantity

    async def _end(self, gone: Iterable[str]) -> None:
        self._again.keep(self.orders)
        for ident in list(gone):
            order = self.orders.get(ident)
            if order is None:
                continue
            if order.filled >= order.quantity:
                self.dropped(ident)
                continue
            if not self._again.due(ident, boot_ns()):
                continue
            try:
                status = await self.status(ident, order.since_ns)
            except (VenueError, TimeoutError) as error:  # the others are told, and this one later
                log.warning("end.not-told: %s: %r", ident, error)
                self._again.asked(ident, boot_ns())
                continue
            if status is not None and status.state == "working":
                continue  # it moved while it was read: the next reading tells
            if status is None or status.filled > order.filled:
                self._again.asked(ident, boot_ns())
                continue  # it, or an execution, is still to be listed
            self.dropped(ident)
            how = "expired" if status.state == "expired" else "cancelled"
            self._deliver(Ended(ident, how, order.filled, status.reason))

    async def open_orders(self) -> list[OrderStatus]:
        """What the venue says is open, oldest first."""
        dialect, asking = self._dialect, self._asking
        return await asking.ask(
            "openorders",
            dialect.open_orders(asking.client),
            lambda said: dialect.open_orders_said(said, asking.markets),
        )

    # Executions ------------------------------------------------------------------------------

    async def _new_fills(self) -> list[tuple[Filled, str]]:
        """None before the books are known: without them the whole life of the account would be
        read, and who only cancels must not wait for that."""
        raw = await self._unlisted() if self._book.resumed else []
        if not raw:
            return []
        fees = await self.cash.fees(raw)
        # Meanwhile the books may have told what they hold.
        raw = [one for one in self._book.fresh(raw) if one.venue_fill_id in fees]
        return list(
            zip(self._book.add(raw, fees), (one.venue_order_id for one in raw), strict=True)
        )

    async def _unlisted(self) -> list[RawFill]:
        return await self._listing.fresh()

    async def since(self, sequence: int) -> list[Filled]:
        """All fills with a greater number, oldest first, as the venue has them now."""
        await self.turn()
        if not self._book.resumed:
            raise VenueError("BOOKS_UNKNOWN", "the books have not said which fills they hold")
        try:
            return self._book.since(sequence)
        except LookupError as error:
            raise VenueError("FILLS_GONE", str(error)) from error

    # One order -------------------------------------------------------------------------------

    async def status(self, ident: str, since_ns: int) -> OrderStatus | None:
        """The order as the venue has it, or had it; None when it is found nowhere, back to when it
        was made (by our wall clock; 0: not known).

        A history tells how it ended: that it was placed once does not say that it still is open.
        Raises VenueError when what it is, is not told; VenueDisconnectedError, TimeoutError.
        """
        found, untold = await self._now(ident)
        if found is not None:
            return found
        since_ns = max(self._asking.on_its_clock(since_ns) - BEFORE_NS, 0)
        found = await self.past.order(ident, since_ns)
        if found is not None and found.state == "working":
            raise untold or VenueError("NOT_TOLD", f"{ident} was placed; of now nothing is said")
        if found is None and untold is not None:
            raise untold  # it is not *never received*: that needs all of them to know nothing of it
        return found

    async def _now(self, ident: str) -> tuple[OrderStatus | None, VenueError | None]:
        """As it is, None when the venue does not know it any more, or yet; or that it spoke
        nonsense of it, and then its histories may tell it all the same."""
        dialect, asking = self._dialect, self._asking
        try:
            found = await asking.ask(
                "orders/status",
                dialect.order(asking.client, ident),
                lambda said: dialect.order_said(said, ident, asking.markets),
                Use.PROVE,
            )
        except VenueError as error:
            if error.code == "RATE_LIMIT":
                raise
            return None, error
        return found, None
