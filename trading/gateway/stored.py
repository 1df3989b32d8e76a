"""What the database holds of an account, read back when its gateway starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trading.clock import MS, ns_from_utc
from trading.gateway.book import KEEP_FINAL, Key, LiveOrder
from trading.gateway.stoploss import StopLoss
from trading.gateway.stoprows import LOAD_SQL as LOAD_STOPS_SQL
from trading.gateway.stoprows import stop_loss_from
from trading.messages import OrderType, Side, TimeInForce
from trading.orders.states import FINAL, OrderState
from trading.portfolio.ledger import Holding


def order_from(row: dict[str, Any]) -> LiveOrder:
    """A LiveOrder as its row says, marked as inherited."""
    return LiveOrder(
        **{name: row[name] for name in (
            "client_order_id", "intent_id", "correlation_id", "symbol", "quantity", "limit_price",
            "stop_price", "reduce_only", "post_only", "reference_price", "shard", "shard_token",
            "filled", "filled_value", "fees", "venue_order_id", "reason_code", "reason",
            "tick_to_send_us", "send_to_answer_us", "version",
        )},
        life_ns=row["life_ms"] * MS,
        strategy=row["strategy_id"] or "",
        warrant=str(row["warrant"] or ""),
        side=Side(row["side"]),
        order_type=OrderType(row["order_type"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        state=OrderState(row["state"]),
        tick_time_ns=ns_from_utc(row["tick_time"]),
        created_wall_ns=ns_from_utc(row["created_at"]),
        expires_ns=ns_from_utc(row["expires_at"]),
        not_after_ns=ns_from_utc(row["not_after"]),
        sent_wall_ns=ns_from_utc(row["sent_at"]),
        answered_wall_ns=ns_from_utc(row["answered_at"]),
        ended_wall_ns=ns_from_utc(row["ended_at"]),
        inherited=True,
    )  # fmt: skip


_LOAD_OPEN = """
SELECT * FROM trading_order WHERE account_id = %s AND NOT (state = ANY(%s)) ORDER BY created_at
"""
_LOAD_ENDED = """
SELECT * FROM trading_order WHERE account_id = %s AND state = ANY(%s)
  AND created_at > now() - interval '1 minute' ORDER BY created_at DESC LIMIT %s
"""
"""For late fills and repeated intents; however many there are, they leave no open one out."""
_LOAD_ONE = "SELECT * FROM trading_order WHERE account_id = %s AND client_order_id = %s"
_LOAD_POSITIONS = "SELECT * FROM trading_position WHERE account_id = %s"
_LOAD_SWEPT = """
SELECT step.hold FROM riskctl_receiptstep step WHERE step.account = %s AND step.name = 'none-open'
  AND NOT EXISTS (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = step.hold)
"""
_LOAD_SEQUENCE = "SELECT coalesce(max(sequence), 0) FROM trading_fill WHERE account_id = %s"


@dataclass(frozen=True, slots=True)
class Loaded:
    orders: list[LiveOrder]
    holdings: dict[Key, Holding]
    fill_sequence: int
    swept: frozenset[str]
    """Holds whose scope was proven empty on this account."""
    stops: list[StopLoss]


def _holdings(rows: Iterable[dict[str, Any]]) -> dict[Key, Holding]:
    return {
        (row["strategy_id"], row["symbol"]): Holding(
            **{name: row[name] for name in (
                "quantity", "cost", "realised", "fees", "turnover", "fills", "last_sequence",
            )}
        )
        for row in rows
    }  # fmt: skip


async def load(connection: psycopg.AsyncConnection[Any], account: str) -> Loaded:
    """What the database holds of ``account``: open and recent orders, positions, last fill."""
    final = [str(state) for state in FINAL]
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LOAD_ENDED, (account, final, KEEP_FINAL))
        ended = reversed(await cursor.fetchall())
        await cursor.execute(_LOAD_OPEN, (account, final))
        orders = [order_from(row) for row in (*ended, *await cursor.fetchall())]
        await cursor.execute(_LOAD_POSITIONS, (account,))
        holdings = _holdings(await cursor.fetchall())
        await cursor.execute(_LOAD_SEQUENCE, (account,))
        (sequence,) = (await cursor.fetchone() or {"coalesce": 0}).values()
        await cursor.execute(_LOAD_SWEPT, (account,))
        swept = frozenset(str(row["hold"]) for row in await cursor.fetchall())
        await cursor.execute(LOAD_STOPS_SQL, (account,))
        stops = [stop_loss_from(row) for row in await cursor.fetchall()]
    return Loaded(orders, holdings, int(sequence), swept, stops)


async def load_order(
    connection: psycopg.AsyncConnection[Any], account: str, client_order_id: str
) -> LiveOrder | None:
    """One order by its id, or None when we never ordered it."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LOAD_ONE, (account, client_order_id))
        row = await cursor.fetchone()
    return order_from(row) if row else None


async def load_strategies(connection: psycopg.AsyncConnection[Any]) -> dict[str, bool]:
    """Every strategy there is, by key: whether it trades on two accounts."""
    cursor = await connection.execute(
        "SELECT key, second_account_id IS NOT NULL FROM trading_strategy"
    )
    return dict(await cursor.fetchall())
