"""The process of one venue account: the core with its wires.

One thread, one event loop. What must not be interleaved (check and write) is a plain function
call; what can be slow (database, Redis, the venue's answers) is awaited elsewhere.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import structlog
from redis.asyncio import Redis

from riskctl.licence import NOT_AFTER_MS, SUCCESSOR_WAIT_S, Licence
from riskctl.rules import Denial
from riskctl.unrecorded import entry_keep
from trading.gateway.cash import CashNews
from trading.gateway.core import GatewayCore
from trading.gateway.effects import CatchUpFills, Effect, LookUpOrder, Persist, SendCreate
from trading.gateway.facts import AccountFacts
from trading.gateway.funds import AccountTerms
from trading.gateway.inbox import Inbox
from trading.gateway.licensing import Reader, keep_licence
from trading.gateway.numbered import known_fills
from trading.gateway.register import accounts_read, predecessor
from trading.gateway.session import VenueSession, now
from trading.gateway.stopdesk import Place, StopDesk
from trading.gateway.store import Owner, Statement, order_entry, statements
from trading.gateway.stored import load, load_strategies
from trading.gateway.teller import Teller
from trading.gateway.telling import snapshot
from trading.gateway.writer import Writer
from trading.sessions import Sessions
from trading.universe import UNIVERSE
from trading.venues.base import (
    Venue,
    VenueDisconnectedError,
)
from trading.venues.optional import NumbersFills, Streams

log = structlog.get_logger(__name__)

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

TIME_EVERY_S = 0.1
SNAPSHOT_EVERY_S = 2.0
DRAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Wires:
    """Where a gateway's database, Redis, venue and brakes are, and the hours its orders keep.

    ``unpriced``: why the feed has no price that the account trades at.
    """

    dsn: str
    redis: Redis
    venue: Venue
    place: Place
    sessions: Sessions
    unpriced: str = ""


class GatewayLoop:
    """Hosts a GatewayCore until told to stop or until its lease is lost."""

    def __init__(self, owner: Owner, wires: Wires, facts: AccountFacts) -> None:
        self._owner = owner
        self._redis = wires.redis
        self._dsn = wires.dsn
        self._venue = wires.venue
        self._home = wires.place.home
        self.core = GatewayCore(
            account=owner.account,
            universe=UNIVERSE,
            licence=Licence(owner.token),
            venue=facts.venue,
            rehearsal=facts.rehearsal,
            since_boot_ns=now().boot_ns,
            sessions=wires.sessions,
            terms=AccountTerms(facts.margin, wires.venue.capabilities.cash_by_value),
        )
        self.core.prices.unpriced = wires.unpriced
        self._writer = Writer(wires.dsn, owner, self._can_write)
        self._session = VenueSession(
            core=self.core,
            venue=wires.venue,
            dsn=wires.dsn,
            perform=self.perform,
            write=self._writer.put,
            cash=CashNews(owner, self.core.book, UNIVERSE),
        )
        self.stops = StopDesk(
            owner=owner,
            core=self.core,
            venue=wires.venue,
            session=self._session,
            place=wires.place,
            perform=self.perform,
            write=self._writer.put,
        )
        self._teller = Teller(wires.redis, owner.account, self.core)
        self._stop = asyncio.Event()
        self._inbox = Inbox(
            redis=wires.redis, core=self.core, teller=self._teller, perform=self.perform,
            strategies=lambda: self._from_database(load_strategies),
        )  # fmt: skip

    # Effects ---------------------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        """Carry out what the core asks, at once and in order."""
        for effect in effects:
            if isinstance(effect, Persist):
                self._persist(effect)
            elif isinstance(effect, SendCreate):
                self._send(effect)
            elif isinstance(effect, CatchUpFills | LookUpOrder):
                self.core.catching_up = True
                self._session.want_catch_up()
            else:
                self._send_cancel(effect.client_order_id)
        self.stops.moved.set()
        self._teller.wake()

    def _persist(self, effect: Persist) -> None:
        wall = now().wall_ns
        written: list[Statement] = [
            one for row in effect.rows for one in statements(row, self._owner, wall)
        ]
        self._writer.put(written, lambda: self._durable(effect))
        self.stops.on_persist(effect)
        if effect.release and not self._writer.healthy:
            self._release_closing(effect.release)

    def _durable(self, effect: Persist) -> None:
        """The rows are committed: tell everyone, and let the order leave."""
        for message in effect.messages:
            self._teller.tell(message)
        if effect.release:
            self._release(effect.release)
        self._teller.wake()

    def _release(self, client_order_id: str) -> None:
        """Once: an order that has left is not sent again."""
        connected = self._venue.connected and self._session.settled.is_set()
        # While it connects the venue's clock is not known, and nothing may leave anyway.
        not_after_ns = self._venue.not_after(NOT_AFTER_MS) if connected else 0
        self.perform(
            self.core.release(
                client_order_id, now(), connected=connected, not_after_ns=not_after_ns
            )
        )

    def _release_closing(self, client_order_id: str) -> None:
        """What closes a position by a person's order, bounded by the venue, waits for no database.

        Its entry is on this host's disk before. Should this process die before the order is in the
        database, its fills are ordered by nobody, which closes the account: it is stopped already.
        """
        order = self.core.book.order(client_order_id)
        closes = order and order.warrant and order.reduce_only and not order.protective
        if order is None or not closes or order.sent_wall_ns:
            return
        try:
            entry_keep(self._home, order_entry(order, "intend", self._owner))
        except OSError as error:
            log.critical("entry.not-kept", order=client_order_id, error=str(error))
        self._release(client_order_id)

    def _can_write(self, can: bool) -> None:
        """No licence while what leaves cannot be written down, its entry in the record included."""
        self.core.licence.written = can
        if not can:
            for order in self.core.book.open_orders():
                self._release_closing(order.client_order_id)

    def _send(self, effect: SendCreate) -> None:
        try:
            self._venue.send_create(effect.new_order)
        except VenueDisconnectedError as error:
            order = self.core.book.order(effect.new_order.client_order_id)
            if order is not None:
                denial = Denial("VENUE_DISCONNECTED", str(error))
                self.perform(self.core.refuse_unsent(order, denial, now()))

    def _send_cancel(self, client_order_id: str) -> None:
        try:
            self._venue.send_cancel(client_order_id)
        except VenueDisconnectedError as error:
            # The order stays CANCEL_PENDING; on reconnection the venue is asked what it is.
            log.warning("cancel.unsent", order=client_order_id, error=str(error))

    # Telling of itself -----------------------------------------------------------------------

    async def _keep_time(self) -> None:
        """Unanswered orders, snapshots and heartbeats."""
        snapshot_at = 0
        while True:
            await asyncio.sleep(TIME_EVERY_S)
            moment = now()
            self.perform([*self.core.on_time(moment), *self.core.take_back(moment)])
            if moment.boot_ns >= snapshot_at and self._session.settled.is_set():
                snapshot_at = moment.boot_ns + int(SNAPSHOT_EVERY_S * 1e9)
                self._teller.tell(snapshot(self._owner.account, self.core.book, moment.wall_ns))
            if self._teller.risk.due():
                await self._teller.beat(self._standing())

    def _standing(self) -> dict[str, str]:
        """What pages and readiness want to know of this gateway."""
        self._teller.broker.queue(sum(1 for _ in self.core.book.open_orders()))
        self._teller.execution.queue(self._writer.backlog)
        return {
            "connected": "1" if self._venue.connected else "0",
            "stream": self._venue.stream_state if isinstance(self._venue, Streams) else "",
            "settled": "1" if self._session.settled.is_set() else "0",
            "licence_ms": f"{self.core.licence.remaining_ms(now().boot_ns):.0f}",
            "mode": str(self.core.holds.mode()),
            "holds": str(len(self.core.holds.open)),
            "fence": str(self._owner.token),
            "fill_sequence": str(self.core.book.fill_sequence),
            "alarms": "; ".join(filter(None, (self.core.prices.unpriced, self._teller.alarms()))),
            "journal": "written" if self._writer.healthy else "waiting for the database",
        }

    # Life ------------------------------------------------------------------------------------

    async def _load(self) -> None:
        """Rebuild the book, after a predecessor's last order can no longer arrive."""
        cancelling = asyncio.create_task(self.stops.cancel_only())
        await asyncio.sleep(SUCCESSOR_WAIT_S)
        loaded = await self._from_database(lambda one: load(one, self._owner.account))
        self.core.book.load(loaded.orders, loaded.holdings, loaded.fill_sequence)
        self.core.stops.load(loaded.stops)
        self.stops.sweeper.done |= loaded.swept
        if isinstance(self._venue, NumbersFills):
            self._venue.fills_known(
                await self._from_database(lambda one: known_fills(one, self._owner.account))
            )
        await self._inbox.learn()
        before = await self._from_database(lambda one: predecessor(one, self._owner))
        self.stops.keep_accounts(await self._from_database(accounts_read))
        self.stops.brakes.check_predecessor(before, now())
        self.stops.register_in_database()
        self.stops.on_books_loaded()
        await cancelling
        await self._venue.close()  # the session connects anew, with a reader for events

    async def _from_database(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """What ``read`` returns, once the database answers."""
        tries = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, connect_timeout=2
                ) as connection:
                    return await read(connection)
            except (psycopg.OperationalError, OSError) as error:
                log.warning("database.unreadable", error=str(error))
                tries += 1
                await asyncio.sleep(min(0.1 * tries, 1.0))

    def end(self) -> None:
        """Stop as when told to: what was begun is finished first."""
        self._stop.set()

    async def run(self, stop_fd: int) -> None:
        """Trade until ``stop_fd`` is readable. Raises writer.LeaseLostError when fenced off."""
        running = asyncio.get_running_loop()
        running.add_reader(stop_fd, self._stop.set)
        running.add_signal_handler(signal.SIGTERM, self._stop.set)
        await self.stops.open()
        reader = Reader(self._dsn, self._owner, lambda: self.core.holds.open, self.stops.on_reading)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(keep_licence(reader))]
        try:
            tasks += self.stops.tasks()
            await self._load()
            log.info("gateway.loaded", account=self._owner.account, token=self._owner.token)
            tasks += [
                asyncio.create_task(one)
                for one in (
                    self._writer.run(),
                    self._session.run(),
                    self._inbox.run(),
                    self._teller.run(),
                    self._keep_time(),
                    self._inbox.keep_learning(),
                )
            ]
            stop = asyncio.create_task(self._stop.wait())
            done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stop}:
                task.result()
            async with asyncio.timeout(DRAIN_S):
                await self._writer.drained()
        finally:
            await _end(tasks)
            await self.stops.close()
            await self._venue.close()
            await self._redis.aclose()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended: redis-py can take a cancellation for a time-out of its own."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
