"""Keeping stop-losses: an order at the venue follows each position, towards zero and never more.

One reduce-only stop a position rests at the venue. When the position shrinks it is taken back and a
smaller one sent, when it is closed or turned over it goes; so two that together exceed the position
never stand. While none rests (the venue has no stops, refused it, or nets other strategies'
positions against this one) the gateway itself watches the price and closes at the market. Pure.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec

from riskctl.control import SetStops, StopLine
from riskctl.holds import Mode
from trading.clock import NS
from trading.gateway.admission import Now
from trading.gateway.book import ZERO, LiveOrder
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, Persist, StopLossRow
from trading.gateway.stoploss import StopLoss, StopState, stop_price
from trading.messages import OrderType, Side, TimeInForce
from trading.orders.states import OrderState
from trading.universe import Universe

PREFIX = "stop-"
AGAIN_NS = NS // 2
"""After so long, doubled with every refusal up to a minute, an order is tried again."""
LONGEST_NS = 60 * NS
_STANDING = (OrderState.WORKING, OrderState.PARTIALLY_FILLED)
_REFUSED = (OrderState.REJECTED, OrderState.DENIED)


class Protection:
    """Over the stop-losses and the book of a core.

    ``rests``: whether the venue has reduce-only stops. ``closing``: whether a person's warrant
    closes this position: then its stops make room and come back only if it ends otherwise.
    ``step``: what the venue's prices of a symbol are multiples of; None: the desk's tick.
    """

    def __init__(
        self, core: GatewayCore, universe: Universe, *, rests: Callable[[], bool],
        closing: Callable[[str, str], bool], step: Callable[[str], Decimal | None],
    ) -> None:  # fmt: skip
        self._core = core
        self._universe = universe
        self._rests = rests
        self._closing = closing
        self._step = step

    # Setting them ----------------------------------------------------------------------------

    def set(self, ask: SetStops, now: Now) -> list[StopLine]:
        """A stop-loss for every open position in the scope; ``upkeep`` sends what follows.

        One that stands is never moved away from the price: what was set protects until it is
        cancelled by name (protective orders too).
        """
        lines = []
        for strategy, symbol in sorted(self._in_scope(ask)):
            found = self._reckoned(ask, strategy, symbol, now)
            stands = self._core.stops.of(strategy, symbol)
            if not isinstance(found, str):
                lines.append(self._taken(ask, found))
            elif stands is not None and stands.live:
                line = msgspec.structs.replace(self._line(stands), why=found, not_as_asked=True)
                lines.append(line)
            else:
                lines.append(self._refused(strategy, symbol, found))
        return lines

    def _taken(self, ask: SetStops, one: StopLoss) -> StopLine:
        if ask.dry_run and self._may_rest(one):
            return self._line(one, "would-rest")
        if ask.dry_run:
            line = self._line(one, "would-watch")
            return msgspec.structs.replace(line, why=self._why_watched(one))
        self._core.stops.put(one)
        return self._line(one)

    def lines(self, ask: SetStops) -> list[StopLine]:
        """What became of every position in the scope by now."""
        found = []
        for strategy, symbol in sorted(self._in_scope(ask)):
            stands = self._core.stops.of(strategy, symbol)
            if stands is not None and (stands.live or stands.id == ask.id):
                found.append(self._line(stands))
        return found

    def _in_scope(self, ask: SetStops) -> list[tuple[str, str]]:
        """Rehearsals are protected only where their account itself is named."""
        holds = self._core.holds
        if self._core.rehearsal and not ask.scope.startswith("venue:"):
            return []
        return [
            (strategy, symbol)
            for (strategy, symbol), held in self._core.book.holdings.items()
            if held.quantity
            and ask.scope in holds.scopes(strategy, symbol).names
            and (not ask.symbols or symbol in ask.symbols)
        ]

    def _reckoned(self, ask: SetStops, strategy: str, symbol: str, now: Now) -> StopLoss | str:
        """The stop-loss as it is to be, or why there can be none."""
        held = self._core.book.holding(strategy, symbol).quantity
        side = Side.SELL if held > 0 else Side.BUY
        stands = self._core.stops.of(strategy, symbol)
        if stands is not None and stands.id == ask.id:
            return stands
        kept = stands if stands is not None and stands.live and stands.side is side else None
        why = self._why_not(strategy, symbol, held, now)
        if why:
            return why
        one, quote = self._universe.by_symbol(symbol), self._core.prices.quote(symbol)
        assert quote is not None, "a price was found good"
        percentage, mark = Decimal(ask.percentage), quote.mid
        price = stop_price(mark, percentage, side, one.tick_size, self._step(symbol))
        fresh = StopLoss(
            id=ask.id, strategy=strategy, symbol=symbol, side=side, percentage=percentage,
            mark=mark, stop_price=price, quantity=abs(held), placed_by=ask.placed_by,
            reason=ask.reason, set_wall_ns=now.wall_ns,
            version=stands.version if stands is not None else 0,
        )  # fmt: skip
        if kept is not None and kept.tighter(price):
            fresh.percentage, fresh.mark, fresh.stop_price = (
                kept.percentage, kept.mark, kept.stop_price,
            )  # fmt: skip
        elif fresh.reached(quote.bid, quote.ask):
            text = f"{price:f} is not beyond {quote.bid:f}/{quote.ask:f}"
            return f"TOO_CLOSE: {percentage:f} % is less than the spread: {text}"
        if kept is not None:
            fresh.order, fresh.state = kept.order, kept.state
        return fresh

    def _why_not(self, strategy: str, symbol: str, held: Decimal, now: Now) -> str:
        if symbol not in self._universe:
            return "UNKNOWN_SYMBOL: not an instrument of this desk"
        if held % self._universe.by_symbol(symbol).lot_size:
            return f"LOT_SIZE: {held:f} is no whole number of lots"
        if self._core.holds.mode(strategy, symbol) is Mode.FROZEN:
            return "HELD: FROZEN lets nothing out but cancels"
        denial = self._core.prices.denial(symbol, now.boot_ns)
        return f"{denial.code}: {denial.text}" if denial is not None else ""

    # Keeping them ----------------------------------------------------------------------------

    def upkeep(self, now: Now) -> list[Effect]:
        """What there is to cancel, to send and to write down at this moment."""
        effects: list[Effect] = []
        for one in self._core.stops.live():
            effects += self._kept(one, now)
        return [*effects, *self._left_over(now), *self._rows()]

    def open_in(self, scope: str) -> bool:
        """Whether a stop of ours may still be open in ``scope``."""
        return any(
            order.protective
            and scope in self._core.holds.scopes(order.strategy, order.symbol).names
            for order in self._core.book.open_orders()
            if _own(order)
        )

    def _kept(self, one: StopLoss, now: Now) -> list[Effect]:
        held = self._core.book.holding(one.strategy, one.symbol).quantity
        mine = self._orders(one)
        self._heed(one, now)
        if one.live and held * one.side.sign >= 0:
            one.end("the position was turned over" if held else "the position is closed")
        if not one.live:
            return self._cancels(mine, one.why, now)
        if self._closing(one.strategy, one.symbol):
            one.state, one.why = StopState.PENDING, "the position is being closed by order"
            return self._cancels(mine, one.why, now)
        one.quantity = min(one.quantity, abs(held) + sum((order.filled for order in mine), ZERO))
        if mine:
            return self._standing(one, mine, now)
        return self._next(one, now)

    def _standing(self, one: StopLoss, mine: list[LiveOrder], now: Now) -> list[Effect]:
        """Whether what is open is what is wanted; what is not is taken back first."""
        wrong = [order for order in mine if order.protective and not _as_wanted(one, order)]
        newest = mine[-1]
        if wrong or newest.state not in _STANDING:
            one.state, one.why = StopState.PENDING, "asked of the venue"
        else:
            one.state, one.why, one.refusals = StopState.RESTING, "", 0
        if not newest.protective:
            one.state = StopState.CLOSING
        one.replacing = one.replacing or bool(wrong)
        return self._cancels(wrong, "the stop follows its position", now)

    def _heed(self, one: StopLoss, now: Now) -> None:
        """Account for the newest order once it has ended."""
        order = self._core.book.order(one.order) if one.order else None
        if order is None or not order.final:
            return
        one.order = ""
        one.quantity -= order.filled
        if one.quantity <= 0:
            one.end("reached, and closed")
        elif order.state in _REFUSED:
            one.why = f"{order.reason_code}: {order.reason}"[:300]
            one.not_before_ns = now.boot_ns + min(AGAIN_NS << min(one.refusals, 8), LONGEST_NS)
            one.refusals += 1
        elif not one.replacing:
            one.not_before_ns = now.boot_ns + AGAIN_NS
        one.replacing = False

    def _next(self, one: StopLoss, now: Now) -> list[Effect]:
        """Nothing of it is open: close what was reached, else rest, else watch."""
        one.blind = False
        if self._core.holds.mode(one.strategy, one.symbol) is Mode.FROZEN:
            one.state, one.why = StopState.WATCHED, "FROZEN: nothing leaves but cancels"
            one.blind = True
            return []
        quote = self._core.prices.quote(one.symbol)
        blind = self._core.prices.denial(one.symbol, now.boot_ns)
        waits = now.boot_ns < one.not_before_ns
        if quote is not None and blind is None and one.reached(quote.bid, quote.ask):
            one.state = StopState.CLOSING
            return [] if waits else self._ordered(one, OrderType.MARKET, now)
        if self._may_rest(one) and not waits:
            one.state, one.why = StopState.PENDING, ""
            return self._ordered(one, OrderType.STOP, now)
        one.state, one.blind = StopState.WATCHED, blind is not None
        if blind is not None:
            one.why = f"blind, {blind.code}: {blind.text}"
        elif not one.refusals:
            one.why = "" if self._rests() and self._bounded(one) else self._why_watched(one)
        return []

    def _why_watched(self, one: StopLoss) -> str:
        if not self._rests():
            return "the venue has no reduce-only stops"
        return "the account holds less of it, net of other strategies and their stops"

    def _may_rest(self, one: StopLoss) -> bool:
        return self._rests() and self._bounded(one)

    def _bounded(self, one: StopLoss) -> bool:
        """Whether the venue's net position, less what other stops close of it, is at least this."""
        net = sum(
            (held.quantity for (_, symbol), held in self._core.book.holdings.items()
             if symbol == one.symbol),
            ZERO,
        )  # fmt: skip
        others = sum(
            (
                order.remaining
                for order in self._core.book.open_orders()
                if order.protective
                and (order.symbol, order.side) == (one.symbol, one.side)
                and order.strategy != one.strategy
            ),
            ZERO,
        )
        return net * one.side.sign < 0 and one.quantity + others <= abs(net)

    def _ordered(self, one: StopLoss, kind: OrderType, now: Now) -> list[Effect]:
        """Its next order. What is wanted is written down before it, so that a successor that finds
        the order knows why."""
        one.orders += 1
        ident = f"{PREFIX}{_digest(self._core.account, one)}-{one.orders}"
        one.order = f"{self._core.account}.{ident}"
        quote = self._core.prices.quote(one.symbol)
        order = LiveOrder(
            client_order_id=one.order,
            intent_id=ident,
            correlation_id=one.id,
            strategy=one.strategy,
            symbol=one.symbol,
            side=one.side,
            order_type=kind,
            time_in_force=TimeInForce.GTC if kind is OrderType.STOP else TimeInForce.IOC,
            quantity=one.quantity,
            limit_price=None,
            stop_price=one.stop_price if kind is OrderType.STOP else None,
            reference_price=quote.mid if quote is not None else one.mark,
            shard="",
            shard_token=0,
            tick_time_ns=quote.time_ns if quote is not None else now.wall_ns,
            created_wall_ns=now.wall_ns,
            born_boot_ns=now.boot_ns,
            reduce_only=kind is OrderType.STOP or self._bounded(one),
            warrant=one.id,
        )
        return [*self._rows(), *self._core.warranted(order, now)]

    def _left_over(self, now: Now) -> list[Effect]:
        """Stops of ours whose stop-loss has ended."""
        orders = [
            order
            for order in self._core.book.open_orders()
            if _own(order) and order.protective and not self._lives(order)
        ]
        return self._cancels(orders, "its stop-loss has ended", now)

    def _lives(self, order: LiveOrder) -> bool:
        one = self._core.stops.of(order.strategy, order.symbol)
        return one is not None and one.live

    def _cancels(self, orders: list[LiveOrder], reason: str, now: Now) -> list[Effect]:
        return [
            effect
            for order in orders
            if order.protective and not _asked_lately(order, now)
            for effect in self._core.cancel(order, reason, now)
        ]

    def _orders(self, one: StopLoss) -> list[LiveOrder]:
        return [
            order
            for order in self._core.book.open_orders()
            if _own(order) and (order.strategy, order.symbol) == (one.strategy, one.symbol)
        ]

    def _rows(self) -> list[Effect]:
        rows = tuple(
            StopLossRow(replace(one), str(one.state)) for one in self._core.stops.unwritten()
        )
        return [Persist(rows, ())] if rows else []

    # Telling ---------------------------------------------------------------------------------

    def _refused(self, strategy: str, symbol: str, why: str) -> StopLine:
        return StopLine(*self._position(strategy, symbol), state="refused", why=why)

    def _line(self, one: StopLoss, state: str = "") -> StopLine:
        away = abs(one.mark - one.stop_price)
        return StopLine(
            *self._position(one.strategy, one.symbol),
            state=state or str(one.state),
            why=one.why,
            side=str(one.side),
            percentage=f"{one.percentage:f}",
            mark=f"{one.mark.normalize():f}",
            stop_price=f"{one.stop_price:f}",
            covered=f"{one.quantity if one.live else ZERO:f}",
            order=one.order if one.state is StopState.RESTING else "",
            loss=f"{self._core.book.unit_value(one.symbol, away) * one.quantity:.2f}",
            blind=one.blind,
        )

    def _position(self, strategy: str, symbol: str) -> tuple[str, str, str, str]:
        held = self._core.book.holding(strategy, symbol)
        entry = None
        if symbol in self._universe:
            entry = held.average_price(self._universe.by_symbol(symbol).multiplier)
        shown = "" if entry is None else f"{entry.normalize():f}"
        return strategy, symbol, f"{held.quantity:f}", shown


def _own(order: LiveOrder) -> bool:
    return bool(order.warrant) and order.intent_id.startswith(PREFIX)


def _digest(account: str, one: StopLoss) -> str:
    """The same for the same request on the same position, also after a restart."""
    said = "/".join((one.id, account, one.strategy, one.symbol))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _as_wanted(one: StopLoss, order: LiveOrder) -> bool:
    left = one.quantity - order.filled
    return order.stop_price == one.stop_price and order.remaining == left


def _asked_lately(order: LiveOrder, now: Now) -> bool:
    """An UNKNOWN one is asked to go now and then, until the venue says what it is."""
    return order.state is OrderState.UNKNOWN and now.boot_ns - order.asked_boot_ns < AGAIN_NS
