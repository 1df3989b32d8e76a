"""Sweeping: proving from the venue's own readings that what a kill cancels is gone.

The gateway cancels what it knows when it applies the hold. The sweep asks the venue what is open,
cancels that too (also what nobody here ordered), and is done when two readings at least 250 ms
apart, the second begun after every order of ours in the scope was final, agree that none is open.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from riskctl.holds import HoldFact, Mode
from trading.clock import MS, boot_ns
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, Persist, StepRow
from trading.gateway.session import VENUE_ERRORS
from trading.gateway.stopping import Stopping
from trading.messages import OrderType
from trading.venues.base import (
    OrderStatus,
    Venue,
)
from trading.venues.optional import hurried

log = structlog.get_logger(__name__)

APART_NS = 250 * MS
AGAIN_S = 0.05
RETRY_S = 0.25
NAME_LEFT_NS = 2_000 * MS
"""What is still open so long after the sweep began is named on the receipt."""


@dataclass(slots=True)
class _Sweep:
    """How far the sweep of one hold is. ``clean``: start of the first reading with none open."""

    begun: int
    clean: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    readings: int = 0


class Sweeper:
    """One task a gateway. ``done``: hold ids that were proven earlier (read at the start)."""

    def __init__(
        self, *, core: GatewayCore, stopping: Stopping, venue: Venue,
        perform: Callable[[list[Effect]], None], settled: asyncio.Event,
    ) -> None:  # fmt: skip
        self._core = core
        self._stopping = stopping
        self._venue = venue
        self._perform = perform
        self._settled = settled
        self._wake = asyncio.Event()
        self._sweeps: dict[str, _Sweep] = {}
        self.done: set[str] = set()

    def wake(self) -> None:
        self._wake.set()

    def due(self) -> list[HoldFact]:
        """Holds in force whose scope is not proven empty yet."""
        return [
            hold
            for hold in self._core.holds.open.values()
            if hold.id not in self.done and (hold.cancels or hold.mode is Mode.REDUCE_ONLY)
        ]

    async def run(self) -> None:
        """Sweep for ever."""
        await self._settled.wait()
        while True:
            with hurried(self._venue):  # our orders' ends, which the proof waits for, are read too
                await self._until_proven()
            self._sweeps.clear()
            self._wake.clear()
            await self._wake.wait()

    async def _until_proven(self) -> None:
        while holds := self.due():
            try:
                await self._turn(holds)
                await self._pause(self._pause_s())
            except VENUE_ERRORS as error:
                log.warning("sweep.venue-away", account=self._core.account, error=str(error))
                for sweep in self._sweeps.values():
                    sweep.clean = 0
                await asyncio.sleep(RETRY_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _pause_s(self) -> float:
        """What does not go away must not eat up a venue's budget of requests."""
        latest = max((one.begun for one in self._sweeps.values()), default=0)
        return AGAIN_S if boot_ns() - latest < NAME_LEFT_NS else RETRY_S

    async def _turn(self, holds: list[HoldFact]) -> None:
        """One reading, judged for every hold that is due."""
        begun = boot_ns()
        ours_final = {hold.id: not self._stopping.open_under(hold) for hold in holds}
        at_venue = await self._venue.open_orders()
        for hold in holds:
            sweep = self._sweeps.setdefault(hold.id, _Sweep(begun))
            sweep.readings += 1
            left = [one for one in at_venue if self._goes(hold, one)]
            if left or not ours_final[hold.id]:
                sweep.clean = 0
                self._cancel(left, sweep)
                self._name(hold, sweep, left)
            elif not sweep.clean:
                sweep.clean = begun
            elif begun - sweep.clean >= APART_NS:
                self._prove(hold, sweep)

    def _goes(self, hold: HoldFact, order: OrderStatus) -> bool:
        """Whether the venue's order is one that ``hold`` wants gone; a stranger's is."""
        ours = self._core.book.order(order.client_order_id)
        if ours is not None:
            return any(one is ours for one in self._stopping.open_under(hold)) or (
                ours.final and self._core.holds.covers(hold, ours.strategy, ours.symbol)
            )
        protective = order.reduce_only and order.order_type is OrderType.STOP
        if not hold.cancels or (protective and not hold.protective_too):
            return False
        # Whose it is is not known: it is nobody's strategy's, and may be anybody's.
        return hold.scope.startswith("strategy:") is False and self._core.holds.covers(
            hold, "", order.symbol
        )

    def _cancel(self, left: list[OrderStatus], sweep: _Sweep) -> None:
        now = boot_ns()
        for order in left:
            if now - sweep.asked.get(order.client_order_id, 0) >= APART_NS:
                sweep.asked[order.client_order_id] = now
                self._venue.send_cancel(order.client_order_id)

    def _name(self, hold: HoldFact, sweep: _Sweep, left: list[OrderStatus]) -> None:
        if boot_ns() - sweep.begun < NAME_LEFT_NS:
            return
        ours = {one.client_order_id for one in self._stopping.open_under(hold)}
        names = frozenset(ours | {one.client_order_id for one in left})
        if names != sweep.named:
            sweep.named = names
            facts = {"orders": sorted(names)[:100], "count": len(names)}
            part = str(sweep.readings)
            self._perform([Persist((StepRow(hold.id, "still-open", part, facts),), ())])

    def _prove(self, hold: HoldFact, sweep: _Sweep) -> None:
        self.done.add(hold.id)
        facts = {
            "readings": sweep.readings,
            "apart_ms": (boot_ns() - sweep.clean) // MS,
            "asked": len(sweep.asked),
        }
        log.info("sweep.none-open", account=self._core.account, hold=hold.id, **facts)
        self._perform([Persist((StepRow(hold.id, "none-open", "", facts),), ())])
