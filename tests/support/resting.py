"""Orders that rest far from the market, put on a desk's own intents streams."""

import uuid
from collections import defaultdict
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
    """Have ``count`` buy orders rest, half on each account, and wait until the venue has them."""
    ((token,),) = desk.sql("SELECT token FROM riskctl_lease WHERE name = 'shard:0'")
    # In the name of strategies that do not trade the symbol themselves: nobody else moves its view.
    homes = desk.sql(
        "SELECT min(key), account_id FROM trading_strategy WHERE NOT symbols ? 'EURUSD'"
        " GROUP BY account_id"
    )
    client = redis.Redis.from_url(desk.environment["REDIS_URL"])
    before = _resting(desk)
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for strategy, account in homes:
        wanted[account] = _view(desk, strategy)
    for first in range(0, count, AT_ONCE):
        for number in range(first, min(first + AT_ONCE, count)):
            strategy, account = homes[number % len(homes)]
            intent = _intent(strategy, account, wanted[account], int(token))
            wanted[account] += intent.quantity
            client.xadd(streams.intents(account), {"m": encode(intent)})
        until = before + min(first + AT_ONCE, count)
        desk.wait_for(partial(_rested, desk, until), 30, f"{until} orders resting")
    client.close()


def _rested(desk: Desk, count: int) -> bool:
    return _resting(desk) >= count


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
