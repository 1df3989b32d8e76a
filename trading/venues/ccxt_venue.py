"""A real exchange by REST, through ccxt: it builds, signs and parses, we check and write.

A create is built, signed, compared with the order and written in one uninterrupted step, on a warm
connection, once. What the exchange does is heard by reading (ccxt_watch.py), at once when its
private stream says that something moved (ccxt_stream.py).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from trading.clock import boot_ns
from trading.universe import UNIVERSE, Universe
from trading.venues.base import (
    Disconnected,
    Filled,
    KnownFills,
    OrderStatus,
    StatusAnswer,
    VenueDisconnectedError,
    VenueError,
    VenueEvent,
    VenuePosition,
)
from trading.venues.ccxt_answers import Answers
from trading.venues.ccxt_asking import Asking, tls_for
from trading.venues.ccxt_dialect import Dialect, Said
from trading.venues.ccxt_kraken import KrakenFutures
from trading.venues.ccxt_rate import Use
from trading.venues.ccxt_sending import Sending
from trading.venues.ccxt_stream import Stream
from trading.venues.ccxt_watch import Watch
from trading.venues.optional import CashMoved

log = logging.getLogger(__name__)

POLL_S = 0.5
PING_EVERY_S = 30.0


class CcxtVenue(Sending):
    """``address`` is host:port, by TLS unless it is this machine. ``credentials`` has ``key``,
    ``secret``, ``symbols`` (SYMBOL=MARKET,…) and perhaps ``since`` (nanoseconds: what was traded
    before is not the desk's). Raises trading.venues.registry.VenueSetupError.
    """

    dialect: Dialect

    def __init__(
        self, account: str, address: str, credentials: Mapping[str, str], *,
        timeout_s: float = 2.0, poll_s: float = POLL_S, universe: Universe = UNIVERSE,
    ) -> None:  # fmt: skip
        self._account = account
        self._poll_s = poll_s
        self._asking = Asking(
            account, address, credentials, dialect=self.dialect, timeout_s=timeout_s,
            universe=universe, on_lost=self._lost,
        )  # fmt: skip
        since_ns = int(credentials.get("since") or 0)
        self._watch = Watch(self._asking, self.dialect, self._deliver, since_ns)
        self._answers = Answers(
            self.dialect, self._watch, self._deliver, self.wake, self._asking.limited
        )
        self._stream = Stream(
            address, tls_for(address), self.dialect, self._asking.client, self.wake
        )
        self._streaming: asyncio.Task[None] | None = None
        self._ready = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        super().__init__()
        self._on_event: Callable[[VenueEvent], None] | None = None

    @property
    def connected(self) -> bool:
        return self._ready and self._asking.pool.connected

    @property
    def unsent_bytes(self) -> int:
        return self._asking.pool.unsent_bytes

    @property
    def stream_state(self) -> str:
        return str(self._stream.state) if self.dialect.stream_path else ""

    def price_step(self, symbol: str) -> Decimal | None:
        market = self._asking.markets.of(symbol)
        return None if market is None else market.tick

    def fills_known(self, known: KnownFills) -> None:
        """What the books hold already: numbering goes on from there. Until then no fill is told."""
        self._watch.resume(known)

    # Connection ------------------------------------------------------------------------------

    async def connect(self, on_event: Callable[[VenueEvent], None]) -> None:
        await self.close()
        self._on_event = on_event
        self._asking.use = Use.REDUCE
        try:
            await self._asking.sign_in()
            await self._watch.begin()
        except OSError as error:  # a TimeoutError and VenueDisconnectedError are of these
            await self.close()
            reason = str(error) or "no answer in time"
            raise VenueDisconnectedError(f"cannot reach the venue: {reason}") from error
        except VenueError:
            await self.close()
            raise
        finally:
            self._asking.use = Use.READ
        self._ready = self._asking.pool.connected
        if not self._ready:
            raise VenueDisconnectedError("the connection broke while signing in")
        self._reader = self._spawn(self._read_on())
        if self.dialect.stream_path:
            self._streaming = self._spawn(self._stream.run())

    async def close(self) -> None:
        """Close without a Disconnected event; what was written is still sent."""
        await self._asking.pool.settle_reset()  # the event of an abort comes first
        self._ready = False
        tasks = [one for one in self._tasks if one is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._watch.past.close()
        await self._asking.pool.close()

    def abort(self) -> None:
        self._ready = False
        self._asking.pool.abort()

    def _lost(self, reason: str) -> None:
        """The last connection is gone."""
        self._ready = False
        for task in self._tasks:
            task.cancel()
        self._deliver(Disconnected(reason))

    def _deliver(self, event: VenueEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("venue task failed", exc_info=error)
            self.abort()  # what it was to tell is asked again on the next connection

    # Hearing ---------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something was done: read soon."""
        self._woken.set()

    async def settled(self) -> None:
        """What was sent is answered, and what the venue did until then is told.

        Raises VenueError, VenueDisconnectedError, TimeoutError.
        """
        self._connected()
        await asyncio.sleep(0)  # cancels of this turn are written
        while waiting := self._tasks - {self._reader, self._streaming}:
            await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.sleep(0)  # and those that waited for their orders
        await self._watch.turn()

    async def _read_on(self) -> None:
        ping_ns = boot_ns() + int(PING_EVERY_S * 1e9)
        while True:
            self._woken.clear()
            try:
                await self._watch.turn()
                if boot_ns() > ping_ns:
                    ping_ns = boot_ns() + int(PING_EVERY_S * 1e9)
                    await self.ping()
            except (VenueError, OSError) as error:
                log.warning("venue.not-read: %s: %s", self._account, error)
                await asyncio.sleep(self._poll_s)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    # Its clock, its switch ------------------------------------------------------------------

    def not_after(self, life_ms: int) -> int:
        return self._asking.not_after(life_ms)

    async def cancel_all_after(self, timeout_ms: int) -> None:
        if not self.capabilities.dead_man:
            raise VenueError("NOT_SUPPORTED", "the venue offers no dead man's switch")
        if timeout_ms < 0:
            raise VenueError("BAD_REQUEST", "timeout_ms must not be negative")

        def read(said: Said) -> None:
            if self.dialect.armed(said) != bool(timeout_ms):
                raise ValueError("the dead man's switch is not as asked")

        asking = self._connected()
        call = self.dialect.cancel_all_after(asking.client, timeout_ms)
        await asking.ask("cancelallordersafter", call, read, Use.NOW)

    # Questions -------------------------------------------------------------------------------

    def hurried(self) -> AbstractContextManager[None]:
        return self._asking.hurried()

    def _connected(self) -> Asking:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        return self._asking

    async def order_status(self, client_order_id: str, since_ns: int = 0) -> StatusAnswer:
        """An order is *never seen* only by a clock that lags by what the venue takes to list it,
        as it was when asking began: pages later it says nothing of the first."""
        self._connected()
        begun_ns = self._watch.past.as_of_ns(client_order_id)
        status = await self._watch.status(client_order_id, since_ns)
        return StatusAnswer(status, begun_ns - (0 if status else self.dialect.settle_ns))

    async def open_orders(self) -> list[OrderStatus]:
        self._connected()
        return await self._watch.open_orders()

    async def fills_since(self, sequence: int) -> list[Filled]:
        self._connected()
        return await self._watch.since(sequence)

    async def positions(self) -> list[VenuePosition]:
        asking, dialect = self._connected(), self.dialect
        return await asking.ask(
            "openpositions",
            dialect.positions(asking.client),
            lambda said: dialect.positions_said(said, asking.markets),
        )

    async def balances(self) -> dict[str, Decimal]:
        asking, dialect = self._connected(), self.dialect
        return await asking.ask("accounts", dialect.balances(asking.client), dialect.balances_said)

    async def cash_moved(self) -> list[CashMoved]:
        self._connected()
        return await self._watch.cash.moved()

    async def ping(self) -> float:
        return await self._asking.ping()


class KrakenFuturesVenue(CcxtVenue):
    """Kraken Futures, for example at futures.kraken.com:443."""

    dialect = KrakenFutures()
