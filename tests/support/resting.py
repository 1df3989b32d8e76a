"""Orders that rest far from the market, put on a desk's own intents streams."""

import time
import uuid
from decimal import Decimal
from functools import partial

import redis

from tests.support.desk import Desk
from trading import streams
from trading.clock import boot_id, boot_ns, wall_ns
from trading.messages import OrderIntent, OrderType, Side, TimeInForce, encode
from trading.universe import UNIVERSE

AWAY = Decimal("0.995")
AT_ONCE = 100


def rest_orders(desk: Desk, count: int) -> None:
    """Have ``count`` buy orders rest, half on each account, and wait until the venue has them.

    What is denied (an intent that waited too long, say) is wanted again. Raises AssertionError when
    they do not come to rest in a minute.
    """
    # In the name of strategies that do not trade the symbol themselves: nobody else moves its view.
    homes = desk.sql(
        "SELECT min(key), account_id FROM trading_strategy WHERE NOT symbols ? 'EURUSD'"
        " GROUP BY account_id"
    )
    client = redis.Redis.from_url(desk.environment["REDIS_URL"])
    wanted = _resting(desk) + count

    def sent_again() -> bool:
        ((token,),) = desk.sql("SELECT token FROM riskctl_lease WHERE name = 'shard:0'")
        missing = wanted - _resting(desk)
        batch = min(missing, AT_ONCE)
        views = {strategy: _view(desk, strategy) for strategy, _ in homes}
        for number in range(batch):
            strategy, account = homes[number % len(homes)]
            intent = _intent(strategy, account, views[strategy], int(token))
            views[strategy] += intent.quantity
            client.xadd(streams.intents(account), {"m": encode(intent)})
        if batch > 0:
            answered = partial(_answered, desk, _orders(desk) + batch // 2, time.monotonic() + 3)
            desk.wait_for(answered, 10, "answered or given up")
        return missing <= 0

    try:
        desk.wait_for(sent_again, 60, f"with {count} more orders resting")
    except AssertionError as error:
        raise AssertionError(f"denied: {desk.sql(_DENIED)}") from error
    finally:
        client.close()


_DENIED = (
    "SELECT state, reason_code, count(*) FROM trading_order WHERE correlation_id = 'bench'"
    " GROUP BY 1, 2"
)


def _orders(desk: Desk) -> int:
    ((count,),) = desk.sql(
        "SELECT count(*) FROM trading_order WHERE correlation_id = 'bench' AND state <> 'pending'"
    )
    return int(count)


def _answered(desk: Desk, count: int, until: float) -> bool:
    return _orders(desk) >= count or time.monotonic() > until


def _resting(desk: Desk) -> int:
    ((count,),) = desk.sql("SELECT count(*) FROM trading_order WHERE state = 'working'")
    return int(count)


def _view(desk: Desk, strategy: str) -> Decimal:
    """Position and open quantity of ``strategy`` in EURUSD."""
    ((held,),) = desk.sql(
        "SELECT coalesce((SELECT quantity FROM trading_position WHERE strategy_id = %s"
        " AND symbol = 'EURUSD'), 0) + coalesce((SELECT sum(CASE side WHEN 'buy' THEN 1 ELSE -1 END"
        " * (quantity - filled)) FROM trading_order WHERE strategy_id = %s AND symbol = 'EURUSD'"
        " AND ended_at IS NULL), 0)",
        strategy,
        strategy,
    )
    return Decimal(held)


def _intent(strategy: str, account: str, view: Decimal, token: int) -> OrderIntent:
    one = UNIVERSE.by_symbol("EURUSD")
    price = (one.reference_price * AWAY / one.tick_size).to_integral_value() * one.tick_size
    now = boot_ns()
    return OrderIntent(
        intent_id=uuid.uuid4().hex,
        correlation_id="bench",
        strategy=strategy,
        account=account,
        symbol=one.symbol,
        side=Side.BUY,
        quantity=one.lot_size,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=price,
        reference_price=one.reference_price,
        expected_position=view,
        shard="shard:0",
        shard_token=token,
        tick_time=wall_ns(),
        tick_boot=now,
        created_boot=now,
        created_wall=wall_ns(),
        boot_id=boot_id(),
    )
