"""Whether an order may leave: holds, licence, fencing, life, view, hours, price, limits. Pure.

Asked twice for every order: when the intent comes, and again, in one uninterrupted step with the
write, when it leaves. The second time the order itself is part of the book.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from riskctl.holds import Mode
from riskctl.licence import Licence, Reading
from riskctl.rules import Denial, Limits, OrderFacts, Rule, halved, order_denial, order_rules
from trading.clock import NS
from trading.gateway.book import Book, LiveOrder
from trading.gateway.funds import Funds
from trading.gateway.holdbook import HoldBook
from trading.gateway.prices import PriceBoard, Quote
from trading.gateway.reducing import Confirmed, reducing_denial
from trading.gateway.terms import terms_denial
from trading.messages import OrderIntent
from trading.sessions import Sessions
from trading.universe import Universe

INTENT_LIFE_NS = 2 * NS
"""An intent older than this is denied, never parked."""

FUTURE_NS = NS // 2
"""An intent from another host may be this far ahead of our wall clock, no further."""


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks."""

    boot_ns: int
    wall_ns: int
    boot_id: str


class RateWindow:
    """Orders let through in the last second, by scope."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[int]] = defaultdict(deque)

    def count(self, scope: str, now_boot_ns: int) -> int:
        window = self._sent[scope]
        while window and now_boot_ns - window[0] >= NS:
            window.popleft()
        return len(window)

    def add(self, scope: str, now_boot_ns: int) -> None:
        self._sent[scope].append(now_boot_ns)


class Admission:
    """The gate of one account."""

    def __init__(
        self, *, account: str, universe: Universe, licence: Licence, book: Book,
        prices: PriceBoard, holds: HoldBook, confirmed: Confirmed, funds: Funds, sessions: Sessions,
        rehearsal: bool,
    ) -> None:  # fmt: skip
        self._account = account
        self._universe = universe
        self.licence = licence
        self._book = book
        self._prices = prices
        self._holds = holds
        self._confirmed = confirmed
        self._funds = funds
        self._sessions = sessions
        self._rehearsal = rehearsal
        self._rates = RateWindow()
        self.spanning: frozenset[str] = frozenset()
        """Strategies that trade on another account as well: half of what is theirs is here."""

    def intent_denial(self, intent: OrderIntent, order: LiveOrder, now: Now) -> Denial | None:
        """Why the intent is refused as it comes in, or None."""
        return next((denial for _, denial in self.gates(intent, order, now) if denial), None)

    def gates(
        self, intent: OrderIntent, order: LiveOrder, now: Now
    ) -> Iterator[tuple[str, Denial | None]]:
        """What an intent must pass, in its order, each by name; beyond one that refuses, those
        after it may be asked only of an instrument that there is."""
        yield "holds", self._holds.denial(order) or self._holds.stale_denial(order)
        yield "licence", self.licence.denial(now.boot_ns)
        yield "shard", self.licence.shard_denial(intent.shard, intent.shard_token)
        yield "stage", self.licence.stage_denial(order.strategy, rehearsal=self._rehearsal)
        yield "age", self._age_denial(self.age_ns(intent, now))
        yield "position", self._view_denial(intent)
        yield "reduce-only", self._reduce_only_denial(order)
        yield "terms", terms_denial(order, now.wall_ns)
        yield "instrument", self._instrument_denial(order)
        yield "hours", self._hours_denial(order, now)
        yield "price", self._prices.denial(order.symbol, now.boot_ns)
        yield "post-only", self._post_only_denial(order)
        yield "limits", self._limit_denial(order, now)
        yield "funds", self._funds.denial(order, now.boot_ns)

    def rules(self, order: LiveOrder, now: Now) -> list[Rule]:
        """Every limit with what the order measures against it; none where they cannot be judged."""
        found = self._facts(order, now)
        if found is None:
            return []
        facts, reading = found
        limits = self._limits(reading, order.strategy)
        rules = order_rules(facts, limits, self.licence.size_factor(order.strategy))
        return [] if isinstance(rules, Denial) else list(rules)

    def release_denial(self, order: LiveOrder, now: Now) -> Denial | None:
        """Why an order that is written down may not leave after all, or None.

        Exposure and rate were judged and reserved at admission and cannot have grown since;
        what can have changed is time, the licence, the shard's token and the price.
        """
        return (
            self._holds.denial(order)
            or self._holds.stale_denial(order)
            or self.licence.denial(now.boot_ns)
            or self.licence.shard_denial(order.shard, order.shard_token)
            or self.licence.stage_denial(order.strategy, rehearsal=self._rehearsal)
            or self._age_denial(now.boot_ns - order.born_boot_ns)
            or self._reduce_only_denial(order)
            or self._hours_denial(order, now)
            or self._prices.denial(order.symbol, now.boot_ns)
            or self._post_only_denial(order)
            or self._collar_moved(order)
        )

    def warrant_denial(self, order: LiveOrder, now: Now) -> Denial | None:
        """Why an order under a warrant may not leave, or None.

        It needs no licence where the venue itself bounds it by the position: two gateways that
        both believe the account is theirs can then still not turn it over. Of a stop-loss it is
        asked as well whether it is of no more than the position, with every other stop of it.
        """
        return (
            self._holds.denial(order)
            or (None if order.reduce_only else self.licence.denial(now.boot_ns))
            or (self._stop_denial(order) if order.protective else None)
        )

    def _stop_denial(self, order: LiveOrder) -> Denial | None:
        others = [one for one in self._others(order) if one.protective]
        return self._instrument_denial(order) or reducing_denial(order, self._book, others)

    def _others(self, order: LiveOrder) -> list[LiveOrder]:
        return [
            one
            for one in self._book.open_of(order.strategy, order.symbol)
            if one.client_order_id != order.client_order_id
        ]

    def _reduces(self, order: LiveOrder) -> bool:
        """Whether it is an exit, whatever else of its strategy fills. The venue itself bounds a
        protective stop by the position: it is counted here no more than in the worst case."""
        others = [one for one in self._others(order) if not one.protective]
        return reducing_denial(order, self._book, others) is None

    def _reduce_only_denial(self, order: LiveOrder) -> Denial | None:
        reducing = self._holds.mode(order.strategy, order.symbol) is Mode.REDUCE_ONLY
        if not (reducing or order.reduce_only):
            return None
        confirmed = self._confirmed.denial(order.symbol) if reducing else None
        return confirmed or reducing_denial(order, self._book, self._others(order))

    def reserve(self, order: LiveOrder, now: Now) -> None:
        """Count an admitted order against its rates."""
        for scope in (self._account, f"strategy:{order.strategy}"):
            self._rates.add(scope, now.boot_ns)

    @staticmethod
    def age_ns(intent: OrderIntent, now: Now) -> int:
        """Age of an intent: by the boot clock when made on this boot, else by wall clocks."""
        if intent.boot_id == now.boot_id:
            return now.boot_ns - intent.created_boot
        return now.wall_ns - intent.created_wall

    @staticmethod
    def _age_denial(age_ns: int) -> Denial | None:
        if age_ns < -FUTURE_NS:
            return Denial("CLOCK_SKEW", f"the intent is {-age_ns / NS:.2f} s in the future")
        if age_ns > INTENT_LIFE_NS:
            return Denial("STALE_INTENT", f"the intent is {age_ns / NS:.2f} s old, its life is 2 s")
        return None

    def _view_denial(self, intent: OrderIntent) -> Denial | None:
        held = self._book.holding(intent.strategy, intent.symbol).quantity
        ours = held + self._book.in_flight(intent.strategy, intent.symbol)
        if ours != intent.expected_position:
            text = f"sized for a position of {intent.expected_position:f}, it is {ours:f}"
            return Denial("POSITION_MOVED", text)
        return None

    def _instrument_denial(self, order: LiveOrder) -> Denial | None:
        if order.symbol not in self._universe:
            return Denial("UNKNOWN_SYMBOL", f"{order.symbol} is not an instrument of this desk")
        one = self._universe.by_symbol(order.symbol)
        if order.quantity <= 0 or order.quantity % one.lot_size:
            return Denial("LOT_SIZE", f"quantity must be a positive multiple of {one.lot_size}")
        for name, price in (("price", order.limit_price), ("stop price", order.stop_price)):
            if price is not None and (price <= 0 or price % one.tick_size):
                return Denial("TICK_SIZE", f"{name} must be a positive multiple of {one.tick_size}")
        return None

    def market_closed(self, symbol: str, now: Now) -> str:
        """``NYSE is closed until …`` while the instrument's market is not open, else empty."""
        market = self._universe.by_symbol(symbol).market
        found = self._sessions.for_orders(market, self._prices.clock_ns, now.wall_ns)
        return "" if found.open else f"{market} is {found.closed_words}"

    def _hours_denial(self, order: LiveOrder, now: Now) -> Denial | None:
        """Orders under a warrant are not asked: whether they close a position the venue says."""
        closed = self.market_closed(order.symbol, now)
        return Denial("MARKET_CLOSED", closed) if closed else None

    def _post_only_denial(self, order: LiveOrder) -> Denial | None:
        quote = self._prices.quote(order.symbol)
        if not order.post_only or quote is None or order.limit_price is None:
            return None
        touch = quote.ask if order.side.sign > 0 else quote.bid
        if order.side.sign * (order.limit_price - touch) < 0:
            return None
        text = f"a {order.side} at {order.limit_price:f} would trade at once, at {touch:f}"
        return Denial("POST_ONLY", text)

    def _unit_values(self) -> dict[str, Decimal]:
        """USD value of one unit of every symbol in the book, by its latest quote.

        A symbol that this feed does not carry (a position of an earlier run) counts at what it
        cost: it must not vanish from gross exposure, and it must not stop the others either.
        """
        values = {}
        for symbol in self._book.symbols():
            quote = self._prices.quote(symbol)
            values[symbol] = (
                self._book.value_at_cost(symbol)
                if quote is None
                else self._book.unit_value(symbol, quote.mid)
            )
        return values

    @staticmethod
    def _distance_bp(order: LiveOrder, quote: Quote) -> Decimal:
        """How far beyond the mid the order may trade, in basis points."""
        touch = quote.ask if order.side.sign > 0 else quote.bid
        price = touch if order.limit_price is None else order.limit_price
        return max(Decimal(0), order.side.sign * (price - quote.mid) / quote.mid * 10_000)

    def _collar_moved(self, order: LiveOrder) -> Denial | None:
        quote, reading = self._prices.quote(order.symbol), self.licence.reading
        collar = reading.limits.get(("firm", "price-collar")) if reading else None
        if quote is None or collar is None:
            return Denial("LIMIT_MISSING", "price-collar is not set on firm: set it to trade")
        distance = self._distance_bp(order, quote)
        if distance > collar:
            return Denial("PRICE_COLLAR", f"{distance:.2f} bp beyond the mid, over {collar:.2f}")
        return None

    def _limit_denial(self, order: LiveOrder, now: Now) -> Denial | None:
        found = self._facts(order, now)
        if found is None:
            return Denial("NO_PRICE", f"{order.symbol} has no quote or the limits are not read yet")
        facts, reading = found
        limits = self._limits(reading, order.strategy)
        return order_denial(facts, limits, self.licence.size_factor(order.strategy))

    def _limits(self, reading: Reading, strategy: str) -> Limits:
        return halved(reading.limits, strategy) if strategy in self.spanning else reading.limits

    def _facts(self, order: LiveOrder, now: Now) -> tuple[OrderFacts, Reading] | None:
        quote, reading = self._prices.quote(order.symbol), self.licence.reading
        if quote is None or reading is None:
            return None
        values = self._unit_values()
        values[order.symbol] = self._book.unit_value(order.symbol, quote.mid)
        position, strategy, account = self._book.exposures(order, values)
        price = max(quote.ask, order.limit_price or Decimal(0))
        facts = OrderFacts(
            account=self._account,
            strategy=order.strategy,
            notional=order.quantity * self._book.unit_value(order.symbol, price),
            distance_bp=self._distance_bp(order, quote),
            position=position,
            strategy_gross=strategy,
            account_gross=account,
            open_orders=self._book.open_count(order.strategy),
            account_open_orders=self._book.open_count(),
            strategy_rate=self._rates.count(f"strategy:{order.strategy}", now.boot_ns),
            account_rate=self._rates.count(self._account, now.boot_ns),
            reduces=self._reduces(order),
        )
        return facts, reading
