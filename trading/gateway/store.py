"""The gateway's journal in PostgreSQL: rows to statements; back again in stored.py.

Every statement may be run twice with the same result, because a COMMIT whose answer was lost is
unknown, not failed, and is then done again: inserts ignore what is there, updates carry absolute
values and only replace older versions, audit entries have the id of their fact.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.batch import batch_sql, batch_value
from audit.record import INSERT_MANY_SQL as AUDIT_MANY_SQL
from audit.record import INSERT_SQL as AUDIT_SQL
from audit.record import entries_values, entry_id, entry_row
from audit.signing import Signer
from riskctl.holdrows import step_statements
from riskctl.reading import FENCE_SQL
from trading.clock import MS, utc_from_ns
from trading.gateway.book import LiveOrder
from trading.gateway.effects import FillRow, OrderRow, Row, StepRow, StopLossRow
from trading.gateway.stoprows import stop_loss_statements
from trading.orders.states import OrderState
from trading.venues.base import Filled

Statement = tuple[str, Any]

ORDER_COLUMNS = (
    "client_order_id", "intent_id", "correlation_id", "account_id", "strategy_id", "symbol",
    "side", "order_type", "time_in_force", "quantity", "limit_price", "stop_price", "reduce_only",
    "post_only", "expires_at", "warrant", "reference_price", "state", "filled", "filled_value",
    "fees", "venue_order_id", "reason_code", "reason", "shard", "shard_token", "tick_time",
    "not_after", "created_at", "sent_at", "answered_at", "ended_at", "tick_to_send_us",
    "send_to_answer_us", "version", "life_ms",
)  # fmt: skip
_MOVING = (
    "quantity", "limit_price", "state", "filled", "filled_value", "fees", "venue_order_id",
    "reason_code", "reason", "not_after", "sent_at", "answered_at", "ended_at", "tick_to_send_us",
    "send_to_answer_us", "version",
)  # fmt: skip

_TYPES = {
    **dict.fromkeys(
        ("quantity", "limit_price", "stop_price", "reference_price", "filled", "filled_value",
         "fees"), "numeric"),
    **dict.fromkeys(("reduce_only", "post_only"), "boolean"),
    **dict.fromkeys(
        ("expires_at", "tick_time", "not_after", "created_at", "sent_at", "answered_at",
         "ended_at"), "timestamptz"),
    **dict.fromkeys(
        ("shard_token", "tick_to_send_us", "send_to_answer_us", "version", "life_ms"), "bigint"),
    "warrant": "uuid",
}  # fmt: skip
"""Of columns that are no text."""

# Names of columns are constants of this module; values are always parameters.
_ORDER_MOVED = (
    "ON CONFLICT (client_order_id) DO UPDATE "
    f"SET {', '.join(f'{name} = EXCLUDED.{name}' for name in _MOVING)} "
    "WHERE trading_order.version < EXCLUDED.version"
)
ORDER_SQL = (
    f"INSERT INTO trading_order ({', '.join(ORDER_COLUMNS)}) "  # noqa: S608 - as above
    f"VALUES ({', '.join(['%s'] * len(ORDER_COLUMNS))}) {_ORDER_MOVED}"
)
ORDER_MANY_SQL = batch_sql("trading_order", ORDER_COLUMNS, _TYPES, _ORDER_MOVED)
"""Many orders in one statement."""
FILL_SQL = """
INSERT INTO trading_fill (account_id, venue_fill_id, sequence, order_id, strategy_id, symbol, side,
  quantity, price, fee, fee_currency, venue_time, feed_time)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
POSITION_SQL = """
INSERT INTO trading_position (account_id, strategy_id, symbol, quantity, cost, realised, fees,
  turnover, fills, last_sequence, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (account_id, strategy_id, symbol) DO UPDATE SET
  quantity = EXCLUDED.quantity, cost = EXCLUDED.cost, realised = EXCLUDED.realised,
  fees = EXCLUDED.fees, turnover = EXCLUDED.turnover, fills = EXCLUDED.fills,
  last_sequence = EXCLUDED.last_sequence, updated_at = EXCLUDED.updated_at
WHERE trading_position.last_sequence < EXCLUDED.last_sequence
"""
READING_SQL = """
INSERT INTO trading_venuereading
  (account_id, taken_at, fill_sequence, positions, open_orders, balances)
VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose lease the gateway writes."""

    account: str
    lease: str
    holder: str
    token: int
    signer: Signer | None = None

    def fence(self) -> Statement:
        """Ends every transaction: it fails when the lease has gone to another."""
        return FENCE_SQL, {"lease": self.lease, "holder": self.holder, "token": self.token}


def _time(wall_ns: int) -> dt.datetime | None:
    return utc_from_ns(wall_ns) if wall_ns else None


def order_values(order: LiveOrder, account: str) -> tuple[Any, ...]:
    """The order's columns in the order of the insert."""
    return (
        order.client_order_id, order.intent_id, order.correlation_id, account,
        order.strategy or None, order.symbol, str(order.side), str(order.order_type),
        str(order.time_in_force), order.quantity, order.limit_price, order.stop_price,
        order.reduce_only, order.post_only, _time(order.expires_ns), order.warrant or None,
        order.reference_price, str(order.state),
        order.filled, order.filled_value, order.fees, order.venue_order_id, order.reason_code,
        order.reason, order.shard, order.shard_token, utc_from_ns(order.tick_time_ns),
        _time(order.not_after_ns), utc_from_ns(order.created_wall_ns), _time(order.sent_wall_ns),
        _time(order.answered_wall_ns), _time(order.ended_wall_ns), order.tick_to_send_us,
        order.send_to_answer_us, order.version, order.life_ns // MS,
    )  # fmt: skip


def statements(row: Row, owner: Owner, wall_ns: int) -> list[Statement]:
    """The statements that write ``row`` and its audit entry."""
    if isinstance(row, StopLossRow):
        return stop_loss_statements(
            row, account=owner.account, actor=f"{owner.lease}#{owner.token}", wall_ns=wall_ns
        )
    if isinstance(row, StepRow):
        assert owner.signer is not None, "a gateway that proves stops has a key to sign with"
        return step_statements(
            hold_id=row.hold_id, name=row.name, part=row.part, account=owner.account,
            wall_ns=wall_ns, facts=row.facts, actor=f"{owner.lease}#{owner.token}",
            signer=owner.signer,
        )  # fmt: skip
    if isinstance(row, OrderRow):
        return [
            (ORDER_SQL, order_values(row.order, owner.account)),
            (AUDIT_SQL, _order_audit(row, owner, wall_ns)),
        ]
    return _fill_statements(row, owner)


def _order_audit(row: OrderRow, owner: Owner, wall_ns: int) -> tuple[Any, ...]:
    order = row.order
    refused = order.state in (OrderState.DENIED, OrderState.REJECTED)
    return entry_row(
        id=entry_id("order", order.client_order_id, order.version),
        action=f"order.{row.event}",
        outcome="denied" if refused else "done",
        actor_kind="process",
        actor=f"{owner.lease}#{owner.token}",
        on_behalf_of=order.strategy,
        object_kind="order",
        object_id=order.client_order_id,
        reason=f"{order.reason_code}: {order.reason}" if order.reason_code else "",
        correlation_id=order.correlation_id,
        happened_at=utc_from_ns(wall_ns),
        after={
            "state": str(order.state), "version": order.version, "symbol": order.symbol,
            "side": str(order.side), "type": str(order.order_type),
            "time_in_force": str(order.time_in_force), "quantity": order.quantity,
            "limit_price": order.limit_price, "filled": order.filled,
            "filled_value": order.filled_value, "fees": order.fees,
            "venue_order_id": order.venue_order_id, "shard": order.shard,
            "shard_token": order.shard_token, "reduce_only": order.reduce_only,
            "stop_price": order.stop_price, "post_only": order.post_only,
            "expires": _time(order.expires_ns), "warrant": order.warrant,
            "life_ms": order.life_ns // MS, **row.facts,
        },
    )  # fmt: skip


def order_entry(order: LiveOrder, event: str, owner: Owner) -> tuple[Any, ...]:
    """The entry of the record that ``event`` made when the order was."""
    return _order_audit(OrderRow(order, event), owner, order.created_wall_ns)


def _fill_statements(row: FillRow, owner: Owner) -> list[Statement]:
    fill, order = row.fill, row.order
    written: list[Statement] = []
    written.append((FILL_SQL, (
        owner.account, fill.venue_fill_id, fill.sequence,
        order.client_order_id if order else None, (order.strategy or None) if order else None,
        fill.symbol, str(fill.side), fill.quantity, fill.price, fill.fee, fill.fee_currency,
        fill.venue_time, utc_from_ns(fill.feed_time_ns),
    )))  # fmt: skip
    if order is not None and row.holding is not None:
        held = row.holding
        written.append((POSITION_SQL, (
            owner.account, order.strategy, order.symbol, held.quantity, held.cost, held.realised,
            held.fees, held.turnover, held.fills, held.last_sequence,
        )))  # fmt: skip
    written.append((AUDIT_SQL, _fill_audit(row, owner, fill)))
    return written


def _fill_audit(row: FillRow, owner: Owner, fill: Filled) -> tuple[Any, ...]:
    order = row.order
    return entry_row(
        id=entry_id("fill", owner.account, fill.sequence),
        action="fill.book",
        outcome="done" if order else "failed",
        reason="" if order else "nobody ordered this fill",
        actor_kind="process",
        actor=f"{owner.lease}#{owner.token}",
        on_behalf_of=order.strategy if order else "",
        object_kind="fill",
        object_id=f"{owner.account}/{fill.sequence}",
        correlation_id=order.correlation_id if order else "",
        happened_at=fill.venue_time,
        after={
            "order": fill.client_order_id, "venue_fill_id": fill.venue_fill_id,
            "symbol": fill.symbol, "side": str(fill.side), "quantity": fill.quantity,
            "price": fill.price, "fee": fill.fee, "fee_currency": fill.fee_currency,
            "position": row.holding.quantity if row.holding else None,
        },
    )  # fmt: skip


def merged(written: Iterable[Statement]) -> list[Statement]:
    """The same effect in fewer statements, for one transaction.

    Of several states of one order or position only the last is written, as it would win anyway;
    all orders go in one statement, and all audit entries. Orders come before the fills that refer
    to them.
    """
    orders: dict[str, tuple[Any, ...]] = {}
    last: dict[tuple[Any, ...], Statement] = {}
    audit: list[tuple[Any, ...]] = []
    for number, (sql, values) in enumerate(written):
        if sql == AUDIT_SQL:
            audit.append(values)
        elif sql == ORDER_SQL:
            orders[values[0]] = values
        elif sql == POSITION_SQL:
            last[sql, *values[:3]] = (sql, values)
        else:
            last[sql, number] = (sql, values)
    moved = [(ORDER_MANY_SQL, (batch_value(ORDER_COLUMNS, orders.values()),))] if orders else []
    entered = [(AUDIT_MANY_SQL, entries_values(audit))] if audit else []
    return [*moved, *last.values(), *entered]
