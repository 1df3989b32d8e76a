"""The paper venue's exchange in this process, for lock-step: same events, no network, no clock.

Time is passed in with the ticks and is the venue's own clock too, so the same ticks and orders
give the same events, every time. Orders reach the book when they are sent (or after the latency,
in feed time); events are delivered when the driver calls ``settle``, never inside a send.
"""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from trading.papervenue import protocol as wire
from trading.papervenue.exchange import Exchange
from trading.papervenue.matching import MatchingEngine
from trading.papervenue.recording import Event
from trading.papervenue.storage import Storage
from trading.ticks import Ticks
from trading.universe import UNIVERSE, Universe
from trading.venues.base import (
    Capabilities,
    Disconnected,
    Filled,
    NewOrder,
    OrderStatus,
    StatusAnswer,
    VenueDisconnectedError,
    VenueError,
    VenueEvent,
    VenuePosition,
)
from trading.venues.paper_wire import (
    Message,
    create_message,
    event_of,
    fill_of,
    modify_message,
    position_of,
    refused_request,
    status_of,
)

_MS = 1_000_000


class LockstepExchange:
    """The exchange and its clock. ``storage`` is a file, or kept in memory."""

    def __init__(
        self, *, storage: Path | str = ":memory:", universe: Universe = UNIVERSE,
        latency_ms: float = 0.0,
    ) -> None:  # fmt: skip
        self.now_ns = 0
        self._storage = Storage(storage)
        self._events: deque[Event] = deque()
        self._lost: deque[Callable[[], None]] = deque()
        self.exchange = Exchange(
            self._storage, MatchingEngine(universe), self._events.append,
            latency_ns=int(latency_ms * _MS),
        )  # fmt: skip
        self.venues: dict[str, LockstepVenue] = {}

    def advance(self, ticks: Ticks, clock_ns: int) -> None:
        """Move to feed time ``clock_ns`` through ``ticks``; what is due before them comes first."""
        if len(ticks):
            self._move(int(ticks["time"][0]))
        self.exchange.on_ticks(ticks, clock_ns, clock_ns, clock_ns)
        self._move(clock_ns)
        self.settle()

    def _move(self, now_ns: int) -> None:
        self.now_ns = max(self.now_ns, now_ns)
        self.exchange.run_due(self.now_ns)

    def settle(self) -> int:
        """Commit and deliver what happened, in order; how many events were delivered.

        A receiver may send at once: what comes of it is delivered too.
        """
        delivered = 0
        self.exchange.commit()
        self.tell_lost()
        while self._events:
            events = list(self._events)
            self._events.clear()
            for event in events:
                venue = self.venues.get(event.account)
                if venue is not None:
                    venue.deliver(event_of({"event": event.kind, **event.body}))
            delivered += len(events)
            self.exchange.commit()
        return delivered

    def tell_soon(self, lost: Callable[[], None]) -> None:
        """Call ``lost`` when the driver settles, or somebody connects or closes before."""
        self._lost.append(lost)

    def tell_lost(self) -> None:
        while self._lost:
            self._lost.popleft()()

    def close(self) -> None:
        self._storage.close()


class LockstepVenue:
    """One account at a LockstepExchange, as a trading.venues.base.Venue.

    As a fake: ``disconnect`` breaks the connection, ``stalled`` lets nothing in or out, and
    ``unsent_bytes`` is what a test says it is.
    """

    def __init__(self, account: str, exchange: LockstepExchange) -> None:
        self.stalled = False
        self.unsent_bytes = 0
        self.reading_sequence = 0
        self._account = account
        self._venue = exchange
        self._number = 0
        self._offset_ns = 0
        self._on_event: Callable[[VenueEvent], None] | None = None
        self._held_in: deque[Callable[[], None]] = deque()
        self._held_out: deque[VenueEvent] = deque()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    @property
    def connected(self) -> bool:
        return self._on_event is not None

    async def connect(self, on_event: Callable[[VenueEvent], None]) -> None:
        self._venue.tell_lost()
        self._on_event = on_event
        self._venue.venues[self._account] = self
        self._venue.exchange.run_due(self._venue.now_ns)
        self._venue.exchange.open_account(self._account, self._venue.now_ns)
        await self.ping()

    async def close(self) -> None:
        self._venue.tell_lost()
        self._on_event = None
        self._venue.venues.pop(self._account, None)

    def disconnect(self, reason: str = "the venue closed the connection") -> None:
        """Break the connection, as the venue would."""
        on_event = self._cut()
        if on_event is not None:
            on_event(Disconnected(reason))

    def abort(self) -> None:
        on_event = self._cut()
        if on_event is not None:
            self._venue.tell_soon(lambda: on_event(Disconnected("reset by us")))

    def _cut(self) -> Callable[[VenueEvent], None] | None:
        """Nothing comes in or out any more; whom to tell."""
        on_event, self._on_event = self._on_event, None
        self._venue.venues.pop(self._account, None)
        self._held_in.clear()
        self._held_out.clear()
        self.unsent_bytes = 0
        return on_event

    def resume(self) -> None:
        """End a stall: what was held back comes in and out, in order."""
        self.stalled = False
        while self._held_out:
            self.deliver(self._held_out.popleft())
        while self._held_in:
            self._held_in.popleft()()

    def deliver(self, event: VenueEvent) -> None:
        if self.stalled:
            self._held_out.append(event)
        elif self._on_event is not None:
            self._on_event(event)

    def price_step(self, symbol: str) -> Decimal | None:
        return None

    def not_after(self, life_ms: int) -> int:
        return self._venue.now_ns + self._offset_ns + life_ms * _MS

    def send_create(self, order: NewOrder) -> None:
        self._number += 1
        self._send(create_message(order, self._number))

    def send_modify(
        self, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> None:
        self._number += 1
        self._send(modify_message(client_order_id, quantity, limit_price, self._number))

    def send_cancel(self, client_order_id: str) -> None:
        self._number += 1
        self._send({"op": "cancel", "id": self._number, "client_order_id": client_order_id})

    async def cancel_all_after(self, timeout_ms: int) -> None:
        self._number += 1
        self._send({"op": "cancel_all_after", "id": self._number, "timeout_ms": timeout_ms})
        self._check()

    def _send(self, body: Mapping[str, object]) -> None:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        if self.stalled:
            self._held_in.append(lambda: self._arrive(body))
        else:
            self._arrive(body)

    def _arrive(self, body: Mapping[str, object]) -> None:
        """Through the wire's own decoder, so that the same input is refused in the same words."""
        line = msgspec.json.encode(body)
        try:
            request = wire.decode(line)
            assert isinstance(request, wire.Trade)
            now = self._venue.now_ns
            self._venue.exchange.receive(self._account, request, now, lambda answer: None)
        except wire.ProtocolError as error:
            refused = refused_request(wire.error_answer(error, line))
            if refused is None:
                raise VenueError(error.code, str(error)) from error
            self.deliver(refused)

    def _check(self) -> Exchange:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        if self.stalled:
            raise TimeoutError
        return self._venue.exchange

    async def order_status(self, client_order_id: str, since_ns: int = 0) -> StatusAnswer:
        said: Message = self._check().order_status(self._account, client_order_id)
        order = said["order"]
        now = self._venue.exchange.own(self._venue.now_ns)
        return StatusAnswer(None if order is None else status_of(order), now)

    async def open_orders(self) -> list[OrderStatus]:
        said: Message = self._check().open_orders(self._account)
        return [status_of(one) for one in said["orders"]]

    async def fills_since(self, sequence: int) -> list[Filled]:
        fills: list[Filled] = []
        while True:
            said: Message = self._check().fills_since(self._account, sequence, wire.PAGE)
            fills += [fill_of(one) for one in said["fills"]]
            if len(said["fills"]) < wire.PAGE:
                return fills
            sequence = fills[-1].sequence

    async def positions(self) -> list[VenuePosition]:
        said: Message = self._check().positions(self._account)
        self.reading_sequence = int(said["last_sequence"])
        return [position_of(one) for one in said["positions"]]

    async def balances(self) -> dict[str, Decimal]:
        return self.cash()

    def cash(self) -> dict[str, Decimal]:
        """Its balances, without waiting."""
        said: Message = self._check().balances(self._account)
        return {currency: Decimal(amount) for currency, amount in said["balances"].items()}

    async def ping(self) -> float:
        now = self._venue.now_ns
        self._offset_ns = self._check().own(now) - now
        return 0.0
