"""A market maker in one symbol: the quotes it has out, those wanted, and how often they may move.

Pure; the two clocks are those of trading.strategies.slot. A quote is moved by taking it back and,
once the venue has, making the next: never two on a side, so a fill never comes double. How often is
bounded (``requotes_per_s``), and a quote stands for ``rest_s`` before it is bettered; one that has
become too dear is taken back at once. Quotes are pulled, whatever the bounds, when the price is
stale or cannot be, outside the session, after a stop's denial, and when the strategy may not order.
Each carries its life to the gateway, which takes it back when that is over: a shard that died, or
stands still, leaves no quote for longer than that, and of a gateway that died the venue's own
switch takes back all.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from trading.clock import NS
from trading.messages import OpenOrder, OrderUpdate, Side
from trading.orders.states import OrderState
from trading.strategies.market_making import Wanted
from trading.strategies.parameters import MarketMakingParameters
from trading.strategies.slot import ANSWER_NS, Resting, Slot, Step, stop_pause_ns
from trading.universe import Instrument

TOO_MUCH = Decimal("1.05")
"""A quote this much larger than is wanted goes; a size in dollars changes by lots at every tick."""

_DENIED = frozenset({OrderState.DENIED, OrderState.REJECTED})
_AT_ONCE = frozenset({"POSITION_MOVED", "POST_ONLY"})
"""Denials by a view or a price that moved on: the next look knows better."""


@dataclass(slots=True)
class Out:
    """A quote of ours at the venue, as asked for or heard of. ``price`` None: not ours to know."""

    side: Side
    price: Decimal | None
    quantity: Decimal
    since_ns: int


@dataclass(frozen=True, slots=True)
class _Sent:
    wanted: Wanted
    at_ns: int
    since_ns: int


class Quoter(Slot):
    """State of one (market-making strategy, symbol)."""

    def __init__(
        self,
        number: int,
        strategy: str,
        account: str,
        instrument: Instrument,
        parameters: MarketMakingParameters,
    ) -> None:
        super().__init__(number, strategy, account, instrument, None)
        self.parameters = parameters
        self.target = Decimal(0)
        self.quoting = False
        self._out: dict[str, Out] = {}
        self._sent: dict[str, _Sent] = {}
        self._moves: deque[int] = deque()
        self._resume_ns = 0
        self._held_back = 0

    @property
    def flat(self) -> bool:
        return super().flat and not self._sent

    def take_over(self, before: Slot) -> None:
        super().take_over(before)
        if isinstance(before, Quoter):
            self._out, self._sent, self._moves = before._out, before._sent, before._moves
            self._resume_ns, self._held_back = before._resume_ns, before._held_back

    @property
    def settled(self) -> bool:
        """Never: prices move."""
        return False

    @property
    def life_ms(self) -> int:
        return int(self.parameters.life_s * 1_000)

    @property
    def assumed(self) -> Decimal:
        """Position and open quantity once the gateway has taken all that was sent."""
        return self.view + sum(
            (one.wanted.side.sign * one.wanted.quantity for one in self._sent.values()), Decimal(0)
        )

    def next_step(self, clock_ns: int, now_ns: int) -> Step:
        """Quotes are moved by ``look``; this says only to take all back when it may not order."""
        return Step.CANCEL if self.open else Step.NOTHING

    def look(
        self, wanted: list[Wanted], clock_ns: int, now_ns: int
    ) -> tuple[list[str], list[Wanted]]:
        """Names of quotes to take back now and quotes to make now, given those wanted."""
        for name, sent in list(self._sent.items()):
            if now_ns - sent.at_ns >= ANSWER_NS:
                del self._sent[name]
                self._hold_off(clock_ns)
        if clock_ns < self._resume_ns:
            wanted = []
        if not wanted:
            return self.to_cancel(now_ns), []
        back: list[str] = []
        make: list[Wanted] = []
        for side in Side:
            want = next((one for one in wanted if one.side is side), None)
            self._look_at(side, want, clock_ns, back, make)
        return self.to_cancel(now_ns, back), make

    def _look_at(
        self, side: Side, want: Wanted | None, clock_ns: int, back: list[str], make: list[Wanted]
    ) -> None:
        out = {name: one for name, one in self._out.items() if one.side is side}
        if want is None or len(out) > 1:
            back += out
        elif out:
            ((name, one),) = out.items()
            if self._moves_away(one, want) or (
                self._betters(one, want, clock_ns) and self._may_move(clock_ns)
            ):
                back.append(name)
        elif not self._under_way(side) and self._may_move(clock_ns):
            self._moves.append(clock_ns)
            make.append(want)

    def _under_way(self, side: Side) -> bool:
        return any(one.wanted.side is side for one in self._sent.values())

    def _moves_away(self, one: Out, want: Wanted) -> bool:
        """Whether it would trade at a worse price than is wanted, or more than is wanted."""
        if one.price is None:
            return True
        worse = one.side.sign * (one.price - want.price)
        return worse >= self._step or one.quantity > want.quantity * TOO_MUCH

    def _betters(self, one: Out, want: Wanted, clock_ns: int) -> bool:
        if one.price is None or clock_ns - one.since_ns < int(self.parameters.rest_s * NS):
            return False
        return one.side.sign * (want.price - one.price) >= self._step

    @property
    def _step(self) -> Decimal:
        return self.parameters.requote_ticks * self.instrument.tick_size

    def _may_move(self, clock_ns: int) -> bool:
        moves = self._moves
        while moves and not 0 <= clock_ns - moves[0] < NS:
            moves.popleft()
        return len(moves) < self.parameters.requotes_per_s

    def sent(self, intent_id: str, want: Wanted, clock_ns: int, now_ns: int) -> None:
        """An intent for ``want`` was sent."""
        self._sent[intent_id] = _Sent(want, now_ns, clock_ns)

    def heard(self, update: OrderUpdate, clock_ns: int) -> None:
        self.position, self.in_flight = update.position, update.in_flight
        if update.apart:
            return
        name = update.client_order_id
        sent = self._sent.pop(update.intent_id, None)
        if not update.final:
            self.open.setdefault(name, Resting(clock_ns))
            if name not in self._out:
                price = None if sent is None else sent.wanted.price
                since = clock_ns if sent is None else sent.since_ns
                self._out[name] = Out(update.side, price, update.quantity - update.filled, since)
            self._out[name].quantity = update.quantity - update.filled
            self._held_back = 0
            return
        self.open.pop(name, None)
        self._out.pop(name, None)
        if update.state in _DENIED and update.reason_code not in _AT_ONCE:
            self._hold_off(clock_ns, stop_pause_ns(update.reason_code))

    def told(self, position: Decimal, in_flight: Decimal, orders: list[OpenOrder], at: int) -> None:
        super().told(position, in_flight, orders, at)
        known = self._out
        self._out = {
            one.client_order_id: known.get(one.client_order_id)
            or Out(one.side, one.limit_price, one.quantity - one.filled, at)
            for one in orders
        }

    def forget(self) -> None:
        super().forget()
        self._out.clear()
        self._sent.clear()

    def restart(self) -> None:
        super().restart()
        self.target = Decimal(0)
        self.quoting = False
        self._moves.clear()
        self._resume_ns = self._held_back = 0

    def _hold_off(self, clock_ns: int, pause_ns: int | None = None) -> None:
        """Make none for a while: for a stop as long as it says, else ever longer."""
        if pause_ns is None:
            self._held_back = pause_ns = min(max(self._held_back * 2, NS), 30 * NS)
        self._resume_ns = clock_ns + pause_ns
