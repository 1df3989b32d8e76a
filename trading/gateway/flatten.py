"""Carrying out warrants: closing positions by order of a person, and proving that they are flat.

For each warrant, again and again: read the venue, plan, send one part of each closing as a market
order, wait until every one of them is final, read again. Flat is proven by positions, open orders
and the fill cursor, read twice at least 250 ms apart with the same result. What no order can close
is named, and blocks *flat*. A FROZEN hold stops this as it stops everything.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import structlog

from riskctl.control import Warrant
from riskctl.holds import Mode
from trading.clock import MS, boot_ns, wall_ns
from trading.gateway.book import LiveOrder
from trading.gateway.brakes import Brakes
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, Persist, StepRow
from trading.gateway.flattening import Closing, Plan, closing_plan, tranche
from trading.gateway.session import VENUE_ERRORS, VenueReadingNow, VenueSession, now
from trading.messages import OrderType, TimeInForce
from trading.universe import REPORTING_RATE, Universe

log = structlog.get_logger(__name__)

APART_NS = 250 * MS
AGAIN_S = 0.05
RETRY_S = 0.5
RETRY_NS = 500 * MS
REFUSALS = 3
"""So many orders in a row without a fill, and the position is named as unclosable for now."""


@dataclass(slots=True)
class _Flattening:
    """How far one warrant is. ``empty``: the first of the two readings that must agree."""

    first_value: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    sent: list[LiveOrder] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, int] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    number: int = 0
    empty: VenueReadingNow | None = None


class Flattener:
    """One task a gateway, over the warrants that its brakes keep.

    ``stops_open``: whether a stop-loss in a scope still works at the venue. It makes room first:
    the venue lets no more reduce-only orders stand than there is to reduce.
    """

    def __init__(
        self, *, core: GatewayCore, brakes: Brakes, session: VenueSession, universe: Universe,
        perform: Callable[[list[Effect]], None], stops_open: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._stops_open = stops_open
        self._core = core
        self._brakes = brakes
        self._session = session
        self._universe = universe
        self._perform = perform
        self._wake = asyncio.Event()
        self._work: dict[str, _Flattening] = {}

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Carry out warrants for ever."""
        await self._session.settled.wait()
        while True:
            with self._session.hurried():
                await self._until_done()
            self._work.clear()
            self._wake.clear()
            await self._wake.wait()

    async def _until_done(self) -> None:
        while warrants := list(self._brakes.warrants.values()):
            try:
                moving = [await self._turn(warrant) for warrant in warrants]
                await self._pause(AGAIN_S if any(moving) else RETRY_S)
            except VENUE_ERRORS as error:
                log.warning("flatten.venue-away", account=self._core.account, error=str(error))
                for one in self._work.values():
                    one.empty = None
                await asyncio.sleep(RETRY_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _turn(self, warrant: Warrant) -> bool:
        """Whether to look again at once: what no order moves now, perhaps for hours, must not eat
        up the venue's budget of requests."""
        work = self._work.setdefault(warrant.id, _Flattening())
        if warrant.hold_id not in self._core.holds.open:
            self._end(warrant, work, "its hold was lifted")
            return True
        if self._open_orders(warrant) or self._stops_open(warrant.scope):
            return True
        self._count_refusals(work)
        reading = await self._session.read_now()
        if reading is None:  # it moved while it was read, or fills are missing: look again
            work.empty = None
            return True
        plan = closing_plan(warrant.scope, reading.positions, self._core.book, self._universe)
        if plan.flat:
            return self._prove(warrant, work, reading)
        work.empty = None
        self._name(warrant, work, plan)
        if wall_ns() >= warrant.expires_wall_ns:
            self._end(warrant, work, "the warrant ran out before everything was closed")
        else:
            self._send(warrant, work, plan)
        return bool(work.sent)

    def _open_orders(self, warrant: Warrant) -> bool:
        return any(one.warrant == warrant.id for one in self._core.book.open_orders())

    @staticmethod
    def _count_refusals(work: _Flattening) -> None:
        for order in work.sent:
            count = 0 if order.filled else work.refused.get(order.symbol, 0) + 1
            work.refused[order.symbol] = count
            work.not_before[order.symbol] = boot_ns() + min(count, 10) * RETRY_NS
        work.sent.clear()

    def _send(self, warrant: Warrant, work: _Flattening, plan: Plan) -> None:
        for closing in plan.closings:
            frozen = self._core.holds.mode(closing.strategy, closing.symbol) is Mode.FROZEN
            if frozen or boot_ns() < work.not_before.get(closing.symbol, 0):
                continue
            order = self._order(warrant, work, closing)
            work.sent.append(order)
            self._perform(self._core.warranted(order, now()))

    def _order(self, warrant: Warrant, work: _Flattening, closing: Closing) -> LiveOrder:
        one = self._universe.by_symbol(closing.symbol)
        quote = self._core.prices.quote(closing.symbol)
        price = quote.mid if quote is not None else one.reference_price
        unit = price * one.multiplier * REPORTING_RATE[one.currency]
        key = (closing.strategy, closing.symbol)
        first = work.first_value.setdefault(key, closing.quantity * unit)
        work.number += 1
        moment = now()
        ident = f"w{warrant.id[:8]}-{moment.wall_ns:x}-{work.number}"
        return LiveOrder(
            client_order_id=f"{self._core.account}.{ident}",
            intent_id=ident,
            correlation_id=warrant.hold_id,
            strategy=closing.strategy,
            symbol=closing.symbol,
            side=closing.side,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            quantity=tranche(
                closing.quantity, unit, first, above=Decimal(str(warrant.tranche_value)),
                most=warrant.max_tranches, lot=one.lot_size,
            ),
            limit_price=None,
            reference_price=price,
            shard="",
            shard_token=0,
            tick_time_ns=quote.time_ns if quote is not None else moment.wall_ns,
            created_wall_ns=moment.wall_ns,
            born_boot_ns=moment.boot_ns,
            reduce_only=closing.reduce_only,
            warrant=warrant.id,
        )  # fmt: skip

    def _name(self, warrant: Warrant, work: _Flattening, plan: Plan) -> None:
        """Say what cannot be closed, when that changes."""
        found = dict(plan.unclosable)
        for closing in plan.closings:
            refused = work.refused.get(closing.symbol, 0)
            closed = self._core.gate.market_closed(closing.symbol, now())
            if closed and refused:
                found[closing.symbol] = f"{closed}; the venue did not fill an order"
            elif refused >= REFUSALS:
                found[closing.symbol] = f"{REFUSALS} orders in a row were not filled"
        names = frozenset(found)
        if names == work.named:
            return
        work.named = names
        facts = {"positions": [{"symbol": k, "why": v} for k, v in sorted(found.items())]}
        self._step(warrant, "unclosable", f"{warrant.id} {boot_ns()}", facts)

    def _prove(self, warrant: Warrant, work: _Flattening, reading: VenueReadingNow) -> bool:
        """Whether nothing stands in the way."""
        last = work.empty
        if self._strangers(warrant, reading):
            work.empty = None
            return False
        if last is None or last.fill_sequence != reading.fill_sequence:
            work.empty = reading
        elif reading.begun_boot_ns - last.begun_boot_ns >= APART_NS:
            facts = {
                "fill_sequence": reading.fill_sequence,
                "apart_ms": (reading.begun_boot_ns - last.begun_boot_ns) // MS,
                "orders": work.number,
            }
            self._step(warrant, "flat", warrant.id, facts)
            self._session.want_reading()  # whoever looks at the venue's view sees it flat now
            self._finish(warrant)
        return True

    def _strangers(self, warrant: Warrant, reading: VenueReadingNow) -> list[str]:
        """Open orders in the scope, at the venue or ours, that could still move a position."""
        scope = warrant.scope
        found = []
        for at_venue in reading.open_orders:
            ours = self._core.book.order(at_venue.client_order_id)
            strategy = ours.strategy if ours is not None else ""
            names = self._core.holds.scopes(strategy, at_venue.symbol).names
            protective = at_venue.reduce_only and at_venue.order_type is OrderType.STOP
            if scope in names and not protective:
                found.append(at_venue.client_order_id)
        return found

    def _end(self, warrant: Warrant, work: _Flattening, why: str) -> None:
        self._step(warrant, "flatten-ended", warrant.id, {"why": why, "orders": work.number})
        self._finish(warrant)

    def _finish(self, warrant: Warrant) -> None:
        self._brakes.end_warrant(warrant.id)
        self._work.pop(warrant.id, None)

    def _step(self, warrant: Warrant, name: str, part: str, facts: Mapping[str, object]) -> None:
        log.info(f"flatten.{name}", account=self._core.account, warrant=warrant.id, **facts)
        full = {"scope": warrant.scope, "warrant": warrant.id, **facts}
        self._perform([Persist((StepRow(warrant.hold_id, name, part, full),), ())])
