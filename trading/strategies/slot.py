"""One strategy in one symbol: what it wants, what the gateway says it has, what is under way.

Pure: two clocks are passed in. ``clock_ns`` is the feed's and times what the market times (how
long a quote rests, how long to hold back after a denial); ``now_ns`` is the host's and times what
the machine times (an answer that does not come).
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from trading.clock import NS
from trading.messages import OpenOrder, OrderUpdate
from trading.orders.states import OrderState
from trading.universe import Instrument

#: The gateway's own position differs from what sizing assumed; its answer says what it is.
POSITION_MOVED = "POSITION_MOVED"

ANSWER_NS = 2_500_000_000  # an intent lives 2 s at the gateway: after this it cannot come to life
FIRST_PAUSE_NS = NS
LONGEST_PAUSE_NS = 30 * NS
MISSED_PAUSE_NS = NS // 2  # an order that met no one is not sent again into the same quote
MOVED_AT_ONCE = 3
_STOPPED = {
    "HELD": NS,
    "BEFORE_HOLD": NS // 10,
    "READING_DUE": NS // 5,
    "NO_LICENCE": NS // 2,
    "FUNDS_UNKNOWN": NS // 2,
}
"""Denials by a stop, and how long the slot waits after one."""

ANY = Decimal("Infinity")

_DENIED = frozenset({OrderState.DENIED, OrderState.REJECTED})
_TAKEN = frozenset({OrderState.WORKING, OrderState.PARTIALLY_FILLED})


def stop_pause_ns(code: str) -> int | None:
    """How long to wait after a denial with ``code``; None: it is no stop's."""
    return _STOPPED.get(code)


class Manner(Enum):
    """How an order is to be worked."""

    REST = "rest"  # wait at our own touch
    CROSS = "cross"  # take the other side's touch now


class Step(Enum):
    """What to do about a slot next."""

    NOTHING = "nothing"
    CANCEL = "cancel"
    ORDER = "order"


@dataclass(slots=True)
class Resting:
    """An open order as last heard of. ``asked_ns`` is when its cancel was last asked for."""

    since_ns: int
    asked_ns: int | None = None
    asks: int = 0


class Slot:
    """State of one (strategy, symbol). Money is Decimal; ``target`` None means not decided yet."""

    def __init__(
        self,
        number: int,
        strategy: str,
        account: str,
        instrument: Instrument,
        rest_ns: int | None,
        *,
        longest_pause_ns: int = LONGEST_PAUSE_NS,
    ) -> None:
        """``number`` orders slots; ``rest_ns`` says how long to rest, None to cross always;
        ``longest_pause_ns``: how long to hold back at most after refusals in a row."""
        self.number = number
        self.strategy = strategy
        self.account = account
        self.instrument = instrument
        self.target: Decimal | None = None
        self.most: Decimal | None = None
        """Before there is a target: what is held beyond this goes. None: not looked at yet."""
        self.signal_id = ""
        self.urgent = False
        self.position = Decimal(0)
        self.in_flight = Decimal(0)
        self.open: dict[str, Resting] = {}
        self._rest_ns = rest_ns
        self._longest_pause_ns = longest_pause_ns
        self._sent_id = ""
        self._sent_at = 0
        self._not_before = 0
        self._pause = 0
        self._moved = 0

    @property
    def view(self) -> Decimal:
        """Signed position plus signed open quantity, as the gateway last said."""
        return self.position + self.in_flight

    @property
    def settled(self) -> bool:
        """Nothing to want, nothing under way: it need not be looked at."""
        return not self._sent_id and not self.open and abs(self.missing) < self.instrument.lot_size

    @property
    def flat(self) -> bool:
        """Nothing held, nothing open, nothing sent."""
        return not (self._sent_id or self.open or self.position or self.in_flight)

    def take_over(self, before: "Slot") -> None:
        """The same symbol of the same strategy, which changed: what it has is kept, what it wanted
        is not."""
        self.account = before.account
        self.position, self.in_flight, self.open = before.position, before.in_flight, before.open
        self._sent_id, self._sent_at = before._sent_id, before._sent_at
        self._not_before, self._pause = before._not_before, before._pause
        self._moved = before._moved
        self.most = before._kept

    @property
    def _kept(self) -> Decimal | None:
        """``most`` when the target is forgotten: what was within its size stays, since prices alone
        cut nothing."""
        if self.target is None:
            return self.most
        return ANY if abs(self.view) <= abs(self.target) else None

    def idle(self, clock_ns: int) -> bool:
        """Nothing is under way and nothing holds it back."""
        return not self._sent_id and not self.open and clock_ns >= self._not_before

    @property
    def missing(self) -> Decimal:
        """What is to be ordered to reach the target, signed; before there is one, down to ``most``
        and never up."""
        if self.target is not None:
            return self.target - self.view
        if self.most is None or abs(self.view) <= self.most:
            return Decimal(0)
        return self.most.copy_sign(self.view) - self.view

    def aim(self, target: Decimal, signal_id: str, *, urgent: bool) -> None:
        """A signal set a new target."""
        self.target = target
        self.signal_id = signal_id
        self.urgent = urgent

    def manner(self) -> Manner:
        """Passive while there is time: a forced exit, and an exit that rested in vain, cross."""
        return Manner.CROSS if self._rest_ns is None or self.urgent else Manner.REST

    def next_step(self, clock_ns: int, now_ns: int) -> Step:
        """What to do now; marks a missing answer as such."""
        if self._sent_id:
            if now_ns - self._sent_at < ANSWER_NS:
                return Step.NOTHING
            self._sent_id = ""
            self._hold_back(clock_ns)
        moved = abs(self.missing) >= self.instrument.lot_size
        if self.open:
            return Step.CANCEL if moved or self._rested(clock_ns) else Step.NOTHING
        if not moved or clock_ns < self._not_before:
            return Step.NOTHING
        return Step.ORDER

    def to_cancel(self, now_ns: int, among: Collection[str] | None = None) -> list[str]:
        """Open orders, ``among`` these if given, whose cancel is to be asked for now; marked as
        asked, ever more rarely."""
        due = []
        for name, order in self.open.items():
            if among is not None and name not in among:
                continue
            wait = min(ANSWER_NS << min(max(order.asks - 1, 0), 4), LONGEST_PAUSE_NS)
            if order.asked_ns is None or now_ns - order.asked_ns >= wait:
                order.asked_ns = now_ns
                order.asks += 1
                due.append(name)
        return due

    def ordered(self, intent_id: str, now_ns: int) -> None:
        """An intent was sent: no other before its answer."""
        self._sent_id = intent_id
        self._sent_at = now_ns

    def heard(self, update: OrderUpdate, clock_ns: int) -> None:
        """The gateway says that one of our orders moved."""
        self.position = update.position
        self.in_flight = update.in_flight
        if update.apart:
            return
        if update.intent_id == self._sent_id:
            self._sent_id = ""
        if not update.final:
            self.open.setdefault(update.client_order_id, Resting(clock_ns))
            if update.state in _TAKEN:
                self._forgive()
            return
        self.open.pop(update.client_order_id, None)
        if update.state in _DENIED:
            self._denied(update.reason_code, clock_ns)
        elif update.filled > 0:
            self._forgive()
        elif update.state == OrderState.EXPIRED:
            self._not_before = clock_ns + MISSED_PAUSE_NS
        elif update.state == OrderState.CANCELLED and self._leaving():
            self.urgent = True

    def told(self, position: Decimal, in_flight: Decimal, orders: list[OpenOrder], at: int) -> None:
        """The gateway says all that it holds for this slot. ``at`` is feed time."""
        self.position = position
        self.in_flight = in_flight
        self.open = {
            one.client_order_id: self.open.get(one.client_order_id) or Resting(at) for one in orders
        }

    def forget(self) -> None:
        """What was sent may be lost; only what the gateway says next counts."""
        self._sent_id = ""
        self.open.clear()

    def restart(self) -> None:
        """The feed starts another recording: its time and prices compare with nothing known."""
        self.most, self.target = self._kept, None
        self.urgent = False
        self._not_before = self._pause = 0
        self.open = {name: Resting(0) for name in self.open}

    def _leaving(self) -> bool:
        return abs(self.view + self.missing) < abs(self.position)

    def _rested(self, clock_ns: int) -> bool:
        limit = self._rest_ns or ANSWER_NS
        return any(clock_ns - one.since_ns > limit for one in self.open.values())

    def _denied(self, code: str, clock_ns: int) -> None:
        if code == POSITION_MOVED and self._moved < MOVED_AT_ONCE:
            self._moved += 1
        elif code in _STOPPED:
            # Nothing is wrong with the order: ask again soon, as the stop's end is not told.
            self._not_before = clock_ns + _STOPPED[code]
        else:
            self._hold_back(clock_ns)

    def _hold_back(self, clock_ns: int) -> None:
        self._pause = min(max(self._pause * 2, FIRST_PAUSE_NS), self._longest_pause_ns)
        self._not_before = clock_ns + self._pause

    def _forgive(self) -> None:
        self._pause = self._not_before = self._moved = 0


class Leg(Slot):
    """One of two that are aimed together, and by nothing else (trading.strategies.pairs)."""
