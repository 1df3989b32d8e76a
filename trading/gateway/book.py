"""What one gateway holds in memory: its account's orders and positions, and their worst case. Pure.

The memory is the truth while the process lives; the database is its journal, from which a
successor rebuilds it.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from riskctl.rules import Exposure
from trading.messages import OrderIntent, OrderType, Side, TimeInForce
from trading.orders.states import FINAL, OrderEvent, OrderState, next_state
from trading.portfolio.ledger import EMPTY, Holding
from trading.universe import REPORTING_RATE, Universe

ZERO = Decimal(0)
KEEP_FINAL = 10_000
"""Ended orders kept in memory for late fills; older ones are looked up in the database."""

_STANDING = frozenset({OrderState.WORKING, OrderState.PARTIALLY_FILLED})


@dataclass(slots=True)
class LiveOrder:
    """One order as the gateway moves it. ``version`` grows with every move."""

    client_order_id: str
    intent_id: str
    correlation_id: str
    strategy: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reference_price: Decimal
    shard: str
    shard_token: int
    tick_time_ns: int
    created_wall_ns: int
    tick_boot_ns: int = 0
    born_boot_ns: int = 0
    """When the intent was made, on this host's boot clock: a stepped wall clock moves no life."""
    state: OrderState = OrderState.PENDING
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    venue_order_id: str = ""
    reason_code: str = ""
    reason: str = ""
    not_after_ns: int = 0
    sent_wall_ns: int = 0
    sent_boot_ns: int = 0
    asked_boot_ns: int = 0
    answered_wall_ns: int = 0
    ended_wall_ns: int = 0
    tick_to_send_us: int | None = None
    send_to_answer_us: int | None = None
    cancel_wanted: str = ""
    cancel_hold: str = ""
    """The hold because of which it is being cancelled."""
    reduce_only: bool = False
    stop_price: Decimal | None = None
    post_only: bool = False
    expires_ns: int = 0
    """Of a GTD order: when what is left of it expires."""
    warrant: str = ""
    """It closes a position by a person's order; ``strategy`` may then be empty."""
    life_ns: int = 0
    """A quote: what is left of it is taken back after this long. 0: it rests on."""
    inherited: bool = False
    """Read from the database: a predecessor may have sent it."""
    version: int = 1

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def protective(self) -> bool:
        """A stop that can only reduce: it stays when everything else is cancelled."""
        return self.reduce_only and self.order_type is OrderType.STOP

    @property
    def apart(self) -> bool:
        """Not the strategy's to work with or to cancel."""
        return bool(self.warrant) or self.protective

    def outlived(self, now_boot_ns: int) -> bool:
        """Whether a quote has stood for its life; one that a predecessor made has."""
        if not self.life_ns or self.state not in _STANDING:
            return False
        return self.inherited or now_boot_ns - self.born_boot_ns >= self.life_ns

    @property
    def remaining(self) -> Decimal:
        """What may still fill: nothing once the order has ended."""
        return ZERO if self.final else self.quantity - self.filled

    def move(self, event: OrderEvent, wall_ns: int) -> None:
        """Apply ``event``. Raises IllegalTransitionError and changes nothing if it cannot be."""
        state = next_state(self.state, event)
        if state in FINAL and not self.final:
            self.ended_wall_ns = wall_ns
        self.state = state
        self.version += 1


def order_of(intent: OrderIntent, account: str, wall_ns: int) -> LiveOrder:
    """The order that ``intent`` asks for, pending. Its id follows from the intent's."""
    return LiveOrder(
        client_order_id=f"{account}.{intent.intent_id}",
        intent_id=intent.intent_id,
        correlation_id=intent.correlation_id,
        strategy=intent.strategy,
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        reference_price=intent.reference_price,
        shard=intent.shard,
        shard_token=intent.shard_token,
        tick_time_ns=intent.tick_time,
        tick_boot_ns=intent.tick_boot,
        created_wall_ns=wall_ns,
        stop_price=intent.stop_price,
        reduce_only=intent.reduce_only,
        post_only=intent.post_only,
        expires_ns=intent.expires_wall,
        life_ns=intent.life_ms * 1_000_000,
    )


Key = tuple[str, str]


class Book:
    """Orders and holdings of one account, keyed by (strategy, symbol)."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._open: dict[str, LiveOrder] = {}
        self._of: defaultdict[Key, dict[str, LiveOrder]] = defaultdict(dict)
        """The open ones by key; a key that has none is not in it."""
        self._ended: OrderedDict[str, LiveOrder] = OrderedDict()
        self._intents: OrderedDict[str, None] = OrderedDict()
        self.holdings: dict[Key, Holding] = {}
        self.fill_sequence = 0

    def load(
        self, orders: Iterable[LiveOrder], holdings: dict[Key, Holding], fill_sequence: int
    ) -> None:
        """Replace everything by what the database says."""
        for order in orders:
            self.add(order)
        self.holdings = dict(holdings)
        self.fill_sequence = fill_sequence

    def add(self, order: LiveOrder) -> None:
        self._intents[order.intent_id] = None
        if len(self._intents) > 2 * KEEP_FINAL:
            self._intents.popitem(last=False)
        self._open[order.client_order_id] = order
        self._of[order.strategy, order.symbol][order.client_order_id] = order
        self.settle(order)

    def settle(self, order: LiveOrder) -> None:
        """File an order with the open or the ended ones, by its state."""
        if not order.final:
            return
        if self._open.pop(order.client_order_id, None) is not None:
            key = (order.strategy, order.symbol)
            del self._of[key][order.client_order_id]
            if not self._of[key]:
                del self._of[key]
        self._ended[order.client_order_id] = order
        if len(self._ended) > KEEP_FINAL:
            self._ended.popitem(last=False)

    def seen_intent(self, intent_id: str) -> bool:
        return intent_id in self._intents

    def order(self, client_order_id: str) -> LiveOrder | None:
        return self._open.get(client_order_id) or self._ended.get(client_order_id)

    def open_orders(self) -> Iterator[LiveOrder]:
        return iter(list(self._open.values()))

    def open_of(self, strategy: str, symbol: str) -> list[LiveOrder]:
        """The open orders of a strategy in a symbol."""
        return list(self._of.get((strategy, symbol), {}).values())

    def open_count(self, strategy: str | None = None) -> int:
        """Open orders of one strategy, or of the account, protective stops apart."""
        return sum(
            strategy in (None, order.strategy)
            for order in self._open.values()
            if not order.protective
        )

    def holding(self, strategy: str, symbol: str) -> Holding:
        return self.holdings.get((strategy, symbol), EMPTY)

    def in_flight(self, strategy: str, symbol: str) -> Decimal:
        """Signed sum of what may still fill. A protective stop waits for what may never come, and
        can only reduce: it is no part of what a strategy is on its way to."""
        return sum(
            (
                order.side.sign * order.remaining
                for order in self.open_of(strategy, symbol)
                if not order.protective
            ),
            ZERO,
        )

    def keys(self) -> set[Key]:
        return {*self.holdings, *self._of}

    def _sides(self) -> dict[Key, tuple[Decimal, Decimal]]:
        """(long, short) worst quantities by key if all open buys, or all open sells, filled.

        Protective stops can make none of them worse.
        """
        worst = {
            key: (holding.quantity, holding.quantity)
            for key, holding in self.holdings.items()
            if holding.quantity
        }
        for order in self._open.values():
            if order.protective:
                continue
            key = (order.strategy, order.symbol)
            long, short = worst.get(key, (ZERO, ZERO))
            if order.side is Side.BUY:
                worst[key] = (long + order.remaining, short)
            else:
                worst[key] = (long, short - order.remaining)
        return worst

    def unit_value(self, symbol: str, price: Decimal) -> Decimal:
        """USD value of a quantity of 1 at ``price``."""
        one = self._universe.by_symbol(symbol)
        return price * one.multiplier * REPORTING_RATE[one.currency]

    def symbols(self) -> set[str]:
        """Those held or ordered."""
        held = {symbol for (_, symbol), holding in self.holdings.items() if holding.quantity}
        return held | {symbol for _, symbol in self._of}

    def value_at_cost(self, symbol: str) -> Decimal:
        """USD value of one unit of a symbol at what it cost, held or ordered; 0 of neither."""
        for (_, one), holding in reversed(self.holdings.items()):
            if one == symbol and holding.quantity:
                rate = REPORTING_RATE[self._universe.by_symbol(symbol).currency]
                return abs(holding.cost / holding.quantity) * rate
        for order in self._open.values():
            if order.symbol == symbol:
                return self.unit_value(symbol, order.reference_price)
        return ZERO

    def exposures(
        self, order: LiveOrder, values: dict[str, Decimal]
    ) -> tuple[Exposure, Exposure, Exposure]:
        """Worst-case exposure of (position, strategy, account), before and with ``order``.

        ``values`` gives the USD value of one unit of each symbol held or ordered.
        """
        sides = self._sides()
        key = (order.strategy, order.symbol)
        gross = {
            one: max(abs(long), abs(short)) * values[one[1]]
            for one, (long, short) in sides.items()
            if long or short
        }
        long, short = sides.get(key, (ZERO, ZERO))
        if order.side is Side.BUY:
            long += order.quantity
        else:
            short -= order.quantity
        before = gross.get(key, ZERO)
        added = max(abs(long), abs(short)) * values[order.symbol] - before
        strategy = sum((value for one, value in gross.items() if one[0] == order.strategy), ZERO)
        account = sum(gross.values(), ZERO)
        return (
            Exposure(before, before + added),
            Exposure(strategy, strategy + added),
            Exposure(account, account + added),
        )
