"""Everything in a gateway's process that has to do with stopping, put together.

It is up before the books are: a gateway that was killed is told of stops again, and cancels for
those it knows, while its successor's waiting time passes and the database may be down.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from riskctl.brakes_home import BrakesHome, read_all
from riskctl.holds import FIRM, HoldFact, Kind
from riskctl.journal import Journal, open_journal
from riskctl.licence import SUCCESSOR_WAIT_S, Reading
from riskctl.pending import pending_read
from riskctl.places import kill_here, start_ticks, this_place
from riskctl.registered import accounts_keep
from trading.clock import boot_ns, utc_now
from trading.gateway.answers import Answers
from trading.gateway.brakes import Brakes
from trading.gateway.control import ControlServer
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, FillRow, OrderRow, Persist
from trading.gateway.flatten import Flattener
from trading.gateway.guard import Guard
from trading.gateway.protecting import Protection
from trading.gateway.register import Entry
from trading.gateway.session import VENUE_ERRORS, VenueSession, now
from trading.gateway.stopping import Stopping
from trading.gateway.store import Owner, Statement
from trading.gateway.sweep import Sweeper
from trading.messages import OrderType
from trading.universe import UNIVERSE
from trading.venues.base import (
    Capabilities,
    Venue,
    VenueError,
)
from trading.venues.optional import hurried

log = structlog.get_logger(__name__)

JOURNAL_WAIT_S = 10.0
CANCEL_ONLY_S = 0.05
DEAD_MAN_MS = 30_000
"""The venue's own dead man's switch: orders go when nobody renewed it for so long."""
DEAD_MAN_EVERY_S = 5.0
NEVER_OFFERED = frozenset({"NOT_SUPPORTED", "NOT_OFFERED"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway keeps its brakes and listens for stops."""

    home: BrakesHome
    key: bytes
    host: str


def _has_stops(offered: Capabilities) -> bool:
    return offered.stop and offered.reduce_only


class StopDesk:
    """``open`` first; then ``tasks`` run until the process ends."""

    def __init__(
        self, *, owner: Owner, core: GatewayCore, venue: Venue, session: VenueSession, place: Place,
        perform: Callable[[list[Effect]], None], write: Callable[[list[Statement]], None],
    ) -> None:  # fmt: skip
        self._owner = owner
        self._core = core
        self._venue = venue
        self._session = session
        self._place = place
        self._perform = perform
        self._write = write
        self._begun = boot_ns()
        self._journal: Journal | None = None
        self._control: ControlServer | None = None
        self._flattener: Flattener | None = None
        protection = Protection(
            core,
            UNIVERSE,
            rests=lambda: _has_stops(venue.capabilities),
            closing=self._closing,
            step=venue.price_step,
        )
        self._guard = Guard(core, protection, perform, session.settled)
        self.moved = asyncio.Event()
        self.loaded = asyncio.Event()
        self.stopping = Stopping(core)
        self.sweeper = Sweeper(
            core=core, stopping=self.stopping, venue=venue, perform=perform,
            settled=session.settled,
        )  # fmt: skip

    async def open(self) -> None:
        """Know again what this account's journal knows; listen; say where. Raises OSError."""
        self._place.home.create()
        self._journal = await self._own_journal()
        self.brakes = Brakes(
            owner=self._owner, stopping=self.stopping, journal=self._journal,
            perform=self._perform, write=self._write, wake=self._wake,
        )  # fmt: skip
        self._flattener = Flattener(
            core=self._core, brakes=self.brakes, session=self._session, universe=UNIVERSE,
            perform=self._perform, stops_open=self._guard.open_in,
        )  # fmt: skip
        self.brakes.begin(self._kept_here(), now())
        answers = Answers(
            owner=self._owner, core=self._core, stopping=self.stopping, brakes=self.brakes,
            session=self._session, venue=self._venue, perform=self._perform, moved=self.moved,
            guard=self._guard, clear_at_ns=self._begun + int(SUCCESSOR_WAIT_S * 1e9),
        )  # fmt: skip
        self._control = ControlServer(self._place.key, answers.answer)
        self._register(await self._control.start(self._place.host))
        # Who kept a hold since looks at the register after that: one of us sees the other.
        for hold in self._kept_here():
            self.brakes.take(hold, now())

    def _kept_here(self) -> list[HoldFact]:
        return [one.hold for one in pending_read(self._place.home)]

    def _closing(self, strategy: str, symbol: str) -> bool:
        names = self._core.holds.scopes(strategy, symbol).names
        return any(one.scope in names for one in self.brakes.warrants.values())

    def _wake(self) -> None:
        self.sweeper.wake()
        self._guard.wake()
        if self._flattener is not None:
            self._flattener.wake()

    async def _own_journal(self) -> Journal:
        """A predecessor on this host that still has the journal is ended: its lease is ours now."""
        path = self._place.home.journal(self._owner.account)
        until = boot_ns() + int(JOURNAL_WAIT_S * 1e9)
        while True:
            try:
                return open_journal(path)
            except BlockingIOError:
                if boot_ns() > until:
                    raise
                self._end_predecessor()
                await asyncio.sleep(0.01)

    def _end_predecessor(self) -> None:
        for _, body in read_all(self._place.home.gateways):
            older = body.get("token", 0) < self._owner.token
            if body.get("account") == self._owner.account and older:
                told = kill_here(body["place"], body["pid"], body["start_ticks"])
                log.warning("predecessor.killed", pid=body["pid"], token=body["token"], told=told)

    def _register(self, address: str) -> None:
        assert self._journal is not None
        entry = Entry(
            account=self._owner.account,
            address=address,
            place=this_place(),
            pid=os.getpid(),
            start_ticks=start_ticks(os.getpid()),
            token=self._owner.token,
            journal=self._journal.ident,
            registered_at=utc_now(),
        )
        entry.on_disk(self._place.home)
        self._entry = entry

    def keep_accounts(self, accounts: list[str]) -> None:
        """Who there is to be told, for a stop on this host without the database."""
        try:
            accounts_keep(self._place.home, accounts)
        except OSError as error:  # a stop without the database then waits for it
            log.error("accounts.not-kept", error=str(error))

    def register_in_database(self) -> None:
        """After the predecessor's entry was judged: from here on ours is the account's."""
        self._write([self._entry.statement()])

    def tasks(self) -> list[asyncio.Task[None]]:
        assert self._flattener is not None, "opened first"
        works = (
            self.sweeper.run(), self._flattener.run(), self._keep_dead_man(), self._guard.run(),
        )  # fmt: skip
        return [asyncio.create_task(one) for one in works]

    async def close(self) -> None:
        if self._control is not None:
            await self._control.close()
        if self._journal is not None:
            self._journal.close()

    # What the loop tells ----------------------------------------------------------------------

    def on_reading(self, reading: Reading) -> None:
        """In one step: what the reading forbids first, then what it permits."""
        self.brakes.on_reading(reading, now())
        self._core.licence.renew(reading)

    def on_books_loaded(self) -> None:
        """Orders are known now: cancel those that holds in force want gone."""
        self.loaded.set()
        self._perform(self.stopping.in_force(now()))
        self._wake()

    def on_persist(self, effect: Persist) -> None:
        """A fill nobody ordered stops the account; an order that waits for a reading gets one;
        stop-losses follow what moved."""
        self._guard.wake()
        for row in effect.rows:
            if isinstance(row, FillRow) and row.order is None:
                fill = row.fill
                why = (
                    f"fill {fill.venue_fill_id} ({fill.side} {fill.quantity:f} {fill.symbol}) "
                    "was ordered by nobody here"
                )
                self.brakes.place_own(f"stranger {fill.venue_fill_id}", Kind.BREAKER, why, now())
            elif isinstance(row, OrderRow) and row.order.reason_code == "READING_DUE":
                self._session.want_reading()

    # Tasks ------------------------------------------------------------------------------------

    async def _keep_dead_man(self) -> None:
        """Keep the venue from cancelling everything, as long as this process lives."""
        while True:
            await self._session.settled.wait()
            try:
                if self._venue.connected:
                    async with asyncio.timeout(DEAD_MAN_EVERY_S):
                        await self._venue.cancel_all_after(DEAD_MAN_MS)
            except VenueError as error:
                said = "offered" if error.code in NEVER_OFFERED else "renewed"
                log.warning(f"dead-man.not-{said}", account=self._core.account, error=str(error))
                if said == "offered":
                    await asyncio.Event().wait()  # what a venue does not offer it never will
            except VENUE_ERRORS as error:
                log.warning("dead-man.not-renewed", account=self._core.account, error=str(error))
            await asyncio.sleep(DEAD_MAN_EVERY_S)

    async def cancel_only(self) -> None:
        """Until the books are loaded: cancel at the venue what known holds want gone.

        Without the books it is not known whose an order is, so this leaves orders under a
        strategy's hold to the sweep.
        """
        asked: set[str] = set()
        while not self.loaded.is_set():
            try:
                await self._cancel_strangers(asked)
            except VENUE_ERRORS as error:
                log.warning("cancel-only.venue-away", account=self._core.account, error=str(error))
            try:
                async with asyncio.timeout(CANCEL_ONLY_S):
                    await self.loaded.wait()
            except TimeoutError:
                continue

    async def _cancel_strangers(self, asked: set[str]) -> None:
        holds = [
            one
            for one in self._core.holds.on()
            if one.cancels and (one.scope == FIRM or one.scope.startswith("venue:"))
        ]
        symbols = [
            one
            for one in self._core.holds.open.values()
            if one.cancels and one.scope.startswith("instrument:")
        ]
        if not holds and not symbols:
            return
        if not self._venue.connected:
            await self._venue.connect(lambda event: None)
        with hurried(self._venue):
            at_venue = await self._venue.open_orders()
        for order in at_venue:
            wanted = holds + [one for one in symbols if one.scope == f"instrument:{order.symbol}"]
            protective = order.reduce_only and order.order_type is OrderType.STOP
            goes = any(one.protective_too or not protective for one in wanted)
            if goes and order.client_order_id not in asked:
                asked.add(order.client_order_id)
                self._venue.send_cancel(order.client_order_id)
                log.info("cancel-only.asked", order=order.client_order_id)
