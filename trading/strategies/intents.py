"""Writes the intents that a slot needs."""

from collections.abc import Callable

from trading.messages import CancelIntent, OrderIntent, OrderType, Side, TimeInForce
from trading.strategies.sizing import Quote, crossing_price, resting_price, whole_lots
from trading.strategies.slot import Manner, Slot
from trading.strategies.specs import Clocks


class IntentMaker:
    """Signs intents with the shard's name and fencing token."""

    def __init__(self, shard: str, token: int, ids: Callable[[], str], clocks: Clocks) -> None:
        self._shard = shard
        self._token = token
        self._ids = ids
        self._clocks = clocks

    def order(self, slot: Slot, quote: Quote, beyond: int, now: int) -> OrderIntent:
        """The order that brings ``slot`` to its target; the slot waits for its answer from now.

        ``beyond``: price ticks past the touch that a crossing order may pay.
        """
        side = Side.BUY if slot.missing > 0 else Side.SELL
        crossing = slot.manner() is Manner.CROSS
        intent_id = self._ids()
        slot.ordered(intent_id, now)
        return OrderIntent(
            intent_id=intent_id,
            correlation_id=slot.signal_id or intent_id,
            strategy=slot.strategy,
            account=slot.account,
            symbol=slot.instrument.symbol,
            side=side,
            quantity=whole_lots(abs(slot.missing), slot.instrument),
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if crossing else TimeInForce.GTC,
            limit_price=crossing_price(side, quote, slot.instrument, beyond)
            if crossing
            else resting_price(side, quote, slot.instrument),
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
