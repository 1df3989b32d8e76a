"""Keeping stop-losses: an order at the venue follows each position, towards zero and never more.

One reduce-only stop a position rests at the venue. When the position shrinks it is taken back and a
smaller one sent, when it is closed or turned over it goes; so two that together exceed the position
never stand. While none rests (the venue has no stops, refused it, or nets other strategies'
positions against this one), or the venue does not tell whether it rests, the gateway itself watches
the price and closes at the market. Pure.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from riskctl.holds import Mode
from trading.clock import NS
from trading.gateway.admission import Now
from trading.gateway.book import ZERO, LiveOrder
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, Persist, StopLossRow
from trading.gateway.stoploss import StopLoss, StopState
from trading.gateway.stopsetting import StopSetting
from trading.messages import OrderType, TimeInForce
from trading.orders.states import OrderState
from trading.universe import Universe

PREFIX = "stop-"
AGAIN_NS = NS // 2
"""After so long, doubled with every refusal up to a minute, an order is tried again."""
LONGEST_NS = 60 * NS
DOUBT_NS = 2 * NS
"""A stop that has been UNKNOWN for so long is not waited for: its price is watched meanwhile."""
_STANDING = (OrderState.WORKING, OrderState.PARTIALLY_FILLED)
_REFUSED = (OrderState.REJECTED, OrderState.DENIED)


class Protection(StopSetting):
    """``closing``: whether a person's warrant closes this position: then its stops make room and
    come back only if it ends otherwise. The rest is StopSetting's.
    """

    def __init__(
        self, core: GatewayCore, universe: Universe, *, rests: Callable[[], bool],
        closing: Callable[[str, str], bool], step: Callable[[str], Decimal | None],
    ) -> None:  # fmt: skip
        super().__init__(core, universe, rests=rests, step=step)
        self._closing = closing

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
        in_doubt = self._in_doubt(one, mine, now)
        if not mine:
            return self._next(one, now)
        effects = self._standing(one, mine, now)
        if in_doubt:
            effects += self._next(one, now, doubted=mine[-1].client_order_id)
        return effects

    def _standing(self, one: StopLoss, mine: list[LiveOrder], now: Now) -> list[Effect]:
        """Whether what is open is what is wanted; what is not is taken back first."""
        wrong = [order for order in mine if order.protective and not _as_wanted(one, order)]
        newest, one.blind = mine[-1], False
        if wrong or newest.state not in _STANDING:
            one.state, one.why = StopState.PENDING, "asked of the venue"
        else:
            one.state, one.why, one.refusals = StopState.RESTING, "", 0
            if one.doubted == newest.client_order_id:  # it rests after all
                one.order, one.doubted = one.doubted, ""
        if not newest.protective:
            one.state = StopState.CLOSING
        one.replacing = one.replacing or bool(wrong)
        return self._cancels(wrong, "the stop follows its position", now)

    @staticmethod
    def _in_doubt(one: StopLoss, mine: list[LiveOrder], now: Now) -> bool:
        """Whether all there is of it is a stop of which the venue has told nothing for a while."""
        stops = [order.state for order in mine if order.protective]
        if not stops or any(state is not OrderState.UNKNOWN for state in stops):
            one.doubt_boot_ns = 0
            return False
        one.doubt_boot_ns = one.doubt_boot_ns or now.boot_ns
        return len(stops) == len(mine) and now.boot_ns - one.doubt_boot_ns >= DOUBT_NS

    def _heed(self, one: StopLoss, now: Now) -> None:
        """Account for the newest order once it has ended, and for one in doubt before it."""
        before = self._core.book.order(one.doubted) if one.doubted else None
        if before is not None and before.final:
            one.doubted = ""
            one.quantity -= before.filled
            if one.quantity <= 0:
                one.end("reached, and closed")
                return
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

    def _next(self, one: StopLoss, now: Now, doubted: str = "") -> list[Effect]:
        """Nothing of it is known to be open: close what was reached, else rest, else watch.

        ``doubted``: a stop that may rest all the same: no second one is sent, and it is closed only
        where the venue's reduce-only keeps both together from turning it over.
        """
        one.blind = False
        if self._core.holds.mode(one.strategy, one.symbol) is Mode.FROZEN:
            one.state, one.why = StopState.WATCHED, "FROZEN: nothing leaves but cancels"
            one.blind = True
            return []
        quote = self._core.prices.quote(one.symbol)
        blind = self._core.prices.denial(one.symbol, now.boot_ns)
        waits, safe = now.boot_ns < one.not_before_ns, not doubted or self._alone(one)
        if quote is not None and blind is None and safe and one.reached(quote.bid, quote.ask):
            one.state = StopState.CLOSING
            if waits:
                return []
            one.doubted = doubted or one.doubted
            return self._ordered(one, OrderType.MARKET, now)
        if self._may_rest(one) and not (waits or doubted):
            one.state, one.why = StopState.PENDING, ""
            return self._ordered(one, OrderType.STOP, now)
        one.state, one.blind = StopState.WATCHED, blind is not None or not safe
        if blind is not None:
            one.why = f"blind, {blind.code}: {blind.text}"
        elif doubted:
            one.why = "the venue does not tell whether its stop rests"
            one.why += "" if safe else ", and holds more than this: not closed here"
        elif not one.refusals:
            one.why = "" if self._rests() and self._bounded(one) else self._why_watched(one)
        return []

    def _alone(self, one: StopLoss) -> bool:
        """Whether the venue's net position is no more than this one."""
        held = self._core.book.holding(one.strategy, one.symbol).quantity
        return self._bounded(one) and abs(self._net(one.symbol)) <= abs(held)

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
