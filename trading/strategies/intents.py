"""Writes the intents that a slot needs."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trading.messages import CancelIntent, OrderIntent, OrderType, Side, TimeInForce
from trading.strategies.market_making import Wanted
from trading.strategies.quoter import Quoter
from trading.strategies.sizing import (
    Quote,
    crossing_price,
    resting_price,
    unit_worth,
    whole_lots,
)
from trading.strategies.slot import Manner, Slot
from trading.strategies.specs import Clocks


class IntentMaker:
    """Signs intents with the shard's name and fencing token."""

    def __init__(self, shard: str, token: int, ids: Callable[[], str], clocks: Clocks) -> None:
        self._shard = shard
        self._token = token
        self._ids = ids
        self._clocks = clocks

    def order(
        self, slot: Slot, quote: Quote, beyond: int, now: int, size_notional: Decimal
    ) -> OrderIntent:
        """The order that brings ``slot`` to its target; the slot waits for its answer from now.

        ``beyond``: price ticks past the touch that a crossing order may pay; ``size_notional``: of
        the strategy now, USD.
        """
        side = Side.BUY if slot.missing > 0 else Side.SELL
        crossing = slot.manner() is Manner.CROSS
        price = (
            crossing_price(side, quote, slot.instrument, beyond)
            if crossing
            else resting_price(side, quote, slot.instrument)
        )
        most = 2 * size_notional / unit_worth(max(price, quote.ask), slot.instrument)
        quantity = whole_lots(_quantity(slot, most), slot.instrument)
        force = TimeInForce.IOC if crossing else TimeInForce.GTC
        made = self._intent(slot, Wanted(side, price, quantity), quote, now, force)
        slot.ordered(made.intent_id, now)
        return made

    def quote(self, slot: Quoter, want: Wanted, quote: Quote, now: int) -> OrderIntent:
        """A market maker's quote: it gives liquidity or is denied, and has a life of its own."""
        made = self._intent(slot, want, quote, now, TimeInForce.GTC)
        return msgspec.structs.replace(
            made, expected_position=slot.assumed, life_ms=slot.life_ms, post_only=True
        )

    def _intent(
        self, slot: Slot, want: Wanted, quote: Quote, now: int, force: TimeInForce
    ) -> OrderIntent:
        intent_id = self._ids()
        return OrderIntent(
            intent_id=intent_id,
            correlation_id=slot.signal_id or intent_id,
            strategy=slot.strategy,
            account=slot.account,
            symbol=slot.instrument.symbol,
            side=want.side,
            quantity=want.quantity,
            order_type=OrderType.LIMIT,
            time_in_force=force,
            limit_price=want.price,
            reference_price=quote.mid,
            expected_position=slot.view,
            shard=self._shard,
            shard_token=self._token,
            tick_time=quote.time,
            tick_boot=quote.boot,
            created_boot=now,
            created_wall=self._clocks.wall_ns(),
            boot_id=self._clocks.boot_id,
        )

    def cancels(self, slot: Slot, now: int) -> list[CancelIntent]:
        """A cancel for each open order of ``slot`` that is due to be asked for."""
        reason = "target changed" if slot.missing else "rested long enough"
        return [
            self.cancel(slot.strategy, slot.account, name, reason) for name in slot.to_cancel(now)
        ]

    def cancel(self, strategy: str, account: str, name: str, reason: str) -> CancelIntent:
        """A cancel for the order ``name`` of ``strategy``."""
        return CancelIntent(
            intent_id=self._ids(),
            strategy=strategy,
            account=account,
            client_order_id=name,
            shard=self._shard,
            shard_token=self._token,
            reason=reason,
        )


def _quantity(slot: Slot, most: Decimal) -> Decimal:
    """What is missing. An order that turns a position over is of ``most`` at most, twice the size,
    which every order limit allows; where it would be more the position is closed first, since an
    exit alone passes that limit."""
    held, missing = abs(slot.view), abs(slot.missing)
    turns = slot.view * slot.missing < 0 and missing > held >= slot.instrument.lot_size
    return held if turns and missing > most else missing
