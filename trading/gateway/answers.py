"""What a gateway answers on its control socket."""

import asyncio
import contextlib
from collections.abc import Callable

from riskctl.control import (
    Answer,
    AskStanding,
    Cancelling,
    CancelOpen,
    HoldTaken,
    InFlight,
    Refused,
    Request,
    SetStops,
    Standing,
    StopsSet,
    TellHold,
    TellWarrant,
    TryOrder,
    WarrantTaken,
)
from riskctl.holds import HoldFact, Mode, strictest
from riskctl.journal import JournalFullError
from trading.clock import boot_ns, wall_ns
from trading.gateway.book import LiveOrder
from trading.gateway.brakes import Brakes
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect
from trading.gateway.guard import Guard
from trading.gateway.session import VenueSession, now
from trading.gateway.stopping import Stopping
from trading.gateway.store import Owner
from trading.gateway.trying import order_try
from trading.orders.states import OrderState
from trading.universe import UnknownInstrumentError
from trading.venues.base import Venue, VenueDisconnectedError

SETTLE_S = 0.06
"""How long an acknowledgement waits for the venue to answer what was on its way."""


class Answers:
    """Carries out requests against one gateway's parts; ``moved`` is set when any order moves.

    ``clear_at_ns``: when, by the boot clock, nothing of a predecessor can arrive any more; what is
    said of orders on their way before that would be said without knowing.
    """

    def __init__(
        self, *, owner: Owner, core: GatewayCore, stopping: Stopping, brakes: Brakes,
        session: VenueSession, venue: Venue, perform: Callable[[list[Effect]], None],
        moved: asyncio.Event, guard: Guard, clear_at_ns: int,
    ) -> None:  # fmt: skip
        self._guard = guard
        self._owner = owner
        self._core = core
        self._stopping = stopping
        self._brakes = brakes
        self._session = session
        self._venue = venue
        self._perform = perform
        self._moved = moved
        self._clear_at_ns = clear_at_ns

    async def answer(self, request: Request) -> Answer:
        match request:
            case TellHold():
                return await self._hold(request.hold)
            case TellWarrant():
                return self._warrant(request)
            case CancelOpen():
                return self._cancel(request)
            case SetStops():
                return await self._stops(request)
            case AskStanding():
                return self._standing()
            case TryOrder():
                return self._tried(request)

    async def _hold(self, hold: HoldFact) -> Answer:
        arrived = boot_ns()
        journalled = self._brakes.take(hold, now())
        flying = await self._settled(hold)
        return HoldTaken(
            account=self._owner.account,
            token=self._owner.token,
            leased=self._core.licence.leased(boot_ns()),
            journalled=journalled,
            in_flight=[_in_flight(order) for order in flying],
            applied_wall_ns=wall_ns(),
            open_orders=len(self._stopping.open_under(hold)),
            lag_us=(boot_ns() - arrived) // 1000,
        )

    async def _settled(self, hold: HoldFact) -> list[LiveOrder]:
        """Wait until nothing that ``hold`` forbids is on its way; what still is after a while.

        Bytes that the venue's host has not taken by then are taken back: the connection is reset,
        and what they said can no longer arrive.
        """
        left = self._clear_at_ns - boot_ns()
        if left > 0:  # else not even a turn of the loop is waited for
            await asyncio.sleep(left / 1e9)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self._flying(hold) or self._venue.unsent_bytes:
                    self._moved.clear()
                    # Acknowledged bytes set no event: look again soon as well.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._moved.wait(), 0.002)
        if self._venue.unsent_bytes:
            self._venue.abort()
        return self._flying(hold)

    def _flying(self, hold: HoldFact) -> list[LiveOrder]:
        try:
            venue_now = self._venue.not_after(0)
        except VenueDisconnectedError:
            venue_now = 0  # its clock is not known: whatever was sent may still arrive
        return self._stopping.in_flight(hold, venue_now)

    def _warrant(self, request: TellWarrant) -> Answer:
        warrant = request.warrant
        if warrant.hold_id not in self._core.holds.open:
            return WarrantTaken(
                self._owner.account, "its hold is not in force here: place it first"
            )
        if warrant.expires_wall_ns <= wall_ns():
            return WarrantTaken(self._owner.account, "it has run out")
        try:
            self._brakes.take_warrant(warrant)
        except (JournalFullError, OSError, ValueError) as error:
            return Refused(f"the warrant could not be journalled: {error}")
        return WarrantTaken(self._owner.account)

    def _cancel(self, request: CancelOpen) -> Answer:
        orders, effects = self._stopping.cancel_scope(
            request.scope, request.reason, now(), protective_too=request.protective_too
        )
        self._perform(effects)
        return Cancelling(self._owner.account, orders)

    def _tried(self, request: TryOrder) -> Answer:
        connected = self._venue.connected and self._session.settled.is_set()
        try:
            return order_try(self._core, request, now(), connected=connected)
        except (ValueError, UnknownInstrumentError) as error:
            return Refused(f"it is no order of this desk: {error}")

    async def _stops(self, request: SetStops) -> Answer:
        if not self._session.settled.is_set():
            return Refused("its books are not the venue's yet: ask again in a second")
        return StopsSet(self._owner.account, await self._guard.set(request))

    def _standing(self) -> Answer:
        core = self._core
        found = strictest(core.holds.open.values())
        orders = list(core.book.open_orders())
        return Standing(
            account=self._owner.account,
            token=self._owner.token,
            loaded=self._session.settled.is_set(),
            connected=self._venue.connected,
            licence_ms=core.licence.remaining_ms(boot_ns()),
            mode=found.mode if found else Mode.ACTIVE,
            holds=list(core.holds.open.values()),
            open_orders=len(orders),
            unknown_orders=sum(one.state is OrderState.UNKNOWN for one in orders),
        )


def _in_flight(order: LiveOrder) -> InFlight:
    return InFlight(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=str(order.side),
        quantity=f"{order.quantity:f}",
        state=str(order.state),
        not_after_ns=order.not_after_ns,
    )
