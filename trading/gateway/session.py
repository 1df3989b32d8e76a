"""The gateway's side of its venue connection: connect, catch up, resolve, read, and again.

Whatever was in doubt is asked: missing fills by their sequence, UNKNOWN orders by their id.
Nothing is ever sent again.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import structlog
from psycopg.types.json import Jsonb

from audit.canonical import plain
from riskctl.licence import NOT_AFTER_MS
from trading.again import Again
from trading.clock import boot_id, boot_ns, utc_from_ns, wall_ns
from trading.gateway.admission import Now
from trading.gateway.book import LiveOrder
from trading.gateway.cash import CashNews
from trading.gateway.core import GatewayCore
from trading.gateway.effects import CatchUpFills, Effect, LookUpOrder
from trading.gateway.store import READING_SQL, Statement
from trading.gateway.stored import load_order
from trading.venues.base import (
    Disconnected,
    Filled,
    OrderStatus,
    Venue,
    VenueDisconnectedError,
    VenueError,
    VenuePosition,
)
from trading.venues.optional import NumbersFills, hurried

log = structlog.get_logger(__name__)

RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
RESOLVE_EVERY_S = 0.25
RESOLVE_MOST_S = 10.0
"""What the venue does not tell of an order is asked again, later each time, but so often."""
READING_EVERY_S = 10.0
READING_APART_S = 0.05
"""Readings that somebody waits for are at least this far apart."""
READING_TRIES = 3
BOOT_ID = boot_id()

VENUE_ERRORS = (VenueDisconnectedError, VenueError, TimeoutError, OSError)


def now() -> Now:
    return Now(boot_ns(), wall_ns(), BOOT_ID)


@dataclass(frozen=True, slots=True)
class VenueReadingNow:
    """What the venue holds for the account, all of it as of fill ``fill_sequence``."""

    begun_boot_ns: int
    begun_wall_ns: int
    fill_sequence: int
    listed: tuple[VenuePosition, ...]
    open_orders: tuple[OrderStatus, ...]
    balances: dict[str, Decimal]

    @property
    def positions(self) -> dict[str, Decimal]:
        return {one.symbol: one.quantity for one in self.listed if one.quantity}


class VenueSession:
    """Keeps one venue connection and brings the core's doubts to it.

    ``perform`` carries out effects; ``write`` queues statements for the journal.
    """

    def __init__(
        self,
        *,
        core: GatewayCore,
        venue: Venue,
        dsn: str,
        perform: Callable[[list[Effect]], None],
        write: Callable[[list[Statement]], None],
        cash: CashNews | None = None,
    ) -> None:
        self._core = core
        self._venue = venue
        self._dsn = dsn
        self._perform = perform
        self._write = write
        self._cash = cash
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._read_at = 0
        self._again = Again(RESOLVE_EVERY_S, RESOLVE_MOST_S)
        self.settled = asyncio.Event()
        """Set once the first catch-up after the start is done: the books are the venue's."""

    def want_catch_up(self) -> None:
        self._wake.set()

    def want_reading(self) -> None:
        """Somebody waits for a reading newer than the last send."""
        self._read_at = min(self._read_at, boot_ns() + int(READING_APART_S * 1e9))
        self._wake.set()

    def hurried(self) -> AbstractContextManager[None]:
        """In here nothing that is read waits for what a stop forbids."""
        return hurried(self._venue)

    def on_event(self, event: Any) -> None:
        """What the venue pushed: booked at once, in the venue's order."""
        if isinstance(event, Disconnected):
            log.warning("venue.disconnected", account=self._core.account, reason=event.reason)
            self._lost.set()
            self._wake.set()
        self._perform(self._core.on_venue_event(event, now()))

    async def run(self) -> None:
        """Connect and stay connected for ever."""
        tries = 0
        while True:
            self._lost.clear()
            try:
                async with asyncio.timeout(5):
                    await self._venue.connect(self.on_event)
                tries = 0
                await self._connected()
            except (*VENUE_ERRORS, psycopg.Error) as error:
                log.warning(
                    "venue.away",
                    account=self._core.account,
                    error=f"{type(error).__name__}: {error}",
                )
            await self._venue.close()
            await asyncio.sleep(RECONNECT_S[min(tries, len(RECONNECT_S) - 1)])
            tries += 1

    async def _connected(self) -> None:
        log.info("venue.connected", account=self._core.account)
        doubts = self._core.doubt_everything(now(), self._venue.not_after(NOT_AFTER_MS))
        self._perform(doubts)
        self._again.keep(())
        await self._catch_up()
        await self._resolve()
        self.settled.set()
        self._read_at = 0
        while not self._lost.is_set():
            if boot_ns() >= self._read_at:
                self._read_at = boot_ns() + int(READING_EVERY_S * 1e9)
                await self._read()
            await self._pause()
            if self._core.catching_up:
                await self._catch_up()
            await self._resolve()

    async def _pause(self) -> None:
        """Until something wants doing, at most one resolving interval."""
        try:
            until_reading = max(self._read_at - boot_ns(), 0) / 1e9
            async with asyncio.timeout(min(RESOLVE_EVERY_S, until_reading + 0.001)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _catch_up(self) -> None:
        """Book every fill since the last booked one, then those pushed meanwhile."""
        core = self._core
        while True:
            core.catching_up = True
            fills = await self._venue.fills_since(core.book.fill_sequence)
            if not fills:
                break
            for fill in fills:
                await self._book(fill)
        self._perform(core.catch_up_done(now()))

    async def _book(self, fill: Filled) -> None:
        effects = self._core.book_fill(fill, now())
        if any(isinstance(effect, LookUpOrder) for effect in effects):
            effects = await self._book_looked_up(fill)
        self._perform(effects)

    async def _book_looked_up(self, fill: Filled) -> list[Effect]:
        async with await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, connect_timeout=2
        ) as connection:
            order = await load_order(connection, self._core.account, fill.client_order_id)
        if order is not None:
            self._core.book.add(order)
        else:
            log.error("fill.unordered", account=self._core.account, fill=fill.venue_fill_id)
        return self._core.book_fill(fill, now(), nobody_ordered=order is None)

    async def _resolve(self) -> None:
        """Ask the venue about every order it alone can tell of.

        One that it does not tell of stays UNKNOWN and reserved, and holds up nothing else.
        """
        orders = self._core.unresolved()
        self._again.keep({order.client_order_id for order in orders})
        for order in orders:
            if not self._again.due(order.client_order_id, boot_ns()):
                continue
            effects = await self._ask(order)
            if any(isinstance(effect, CatchUpFills) for effect in effects):
                await self._catch_up()
                effects = await self._ask(order)
            self._perform([one for one in effects if not isinstance(one, CatchUpFills)])

    async def _ask(self, order: LiveOrder) -> list[Effect]:
        """What follows from the venue's word on ``order``: nothing when it does not tell."""
        ident = order.client_order_id
        try:
            answer = await self._venue.order_status(ident, order.created_wall_ns)
        except (VenueError, OSError) as error:  # a TimeoutError is of these
            if not (isinstance(error, VenueError) or self._venue.connected):
                raise
            log.warning("order.not-resolved", order=ident, error=repr(error))
            self._again.asked(ident, boot_ns())
            return []
        # Found nowhere counts only once its not-after has passed: no use in asking before.
        early_ns = 0 if answer.order else order.not_after_ns - answer.venue_time_ns
        self._again.asked(ident, boot_ns(), early_ns)
        return self._core.on_status(order, answer, now())

    async def read_now(self) -> VenueReadingNow | None:
        """What the venue holds at this moment; None when it moved while it was read.

        Then fills are missing or orders moved: they are asked for, and who waits asks again.
        """
        core, venue = self._core, self._venue
        sequence, boot, wall = core.book.fill_sequence, boot_ns(), now().wall_ns
        asked = core.funds.ask()
        positions = await venue.positions()
        orders, balances = await venue.open_orders(), await venue.balances()
        if not (core.catching_up or isinstance(venue, NumbersFills)):
            # Every fill that is in them was told before, and is booked.
            core.funds.on_balances(asked, balances, boot)
        if core.catching_up or await venue.fills_since(sequence):
            self.want_catch_up()
            core.catching_up = True
            return None
        reading = VenueReadingNow(boot, wall, sequence, tuple(positions), tuple(orders), balances)
        core.confirmed.on_reading(reading.positions, boot, core.book)
        core.funds.on_balances(asked, balances, boot)
        return reading

    async def _read(self) -> None:
        """Write down what the venue holds, with the last fill that is in it."""
        core = self._core
        for _ in range(READING_TRIES):
            reading = await self.read_now()
            if reading is None:
                await self._catch_up()
                continue
            at_venue = {one.client_order_id for one in reading.open_orders}
            self._perform(core.doubt_missing(at_venue, reading.begun_wall_ns, now()))
            told: list[Statement] = []
            if self._cash is not None:
                told = await self._cash.told(self._venue, reading.listed, reading.balances)
            self._write([*told, (READING_SQL, _row(core.account, reading))])
            return


def _row(account: str, reading: VenueReadingNow) -> tuple[Any, ...]:
    positions = [
        {
            "symbol": one.symbol, "quantity": one.quantity,
            "cash_flow": one.cash_flow, "fees": one.fees, "unpaid": one.unpaid,
        }
        for one in reading.listed
    ]  # fmt: skip
    orders = [
        {
            "client_order_id": one.client_order_id, "symbol": one.symbol,
            "side": str(one.side or ""), "quantity": one.quantity, "filled": one.filled,
        }
        for one in reading.open_orders
    ]  # fmt: skip
    return (
        account,
        utc_from_ns(reading.begun_wall_ns),
        reading.fill_sequence,
        _json(positions),
        _json(orders),
        _json(reading.balances),
    )


def _json(value: Any) -> Jsonb:
    return Jsonb(plain(value))
