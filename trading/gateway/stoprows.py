"""Stop-losses in PostgreSQL, and their entries in the record."""

from typing import Any

from audit.record import INSERT_SQL as AUDIT_SQL
from audit.record import entry_id, entry_row
from trading.clock import ns_from_utc, utc_from_ns
from trading.gateway.effects import StopLossRow
from trading.gateway.stoploss import StopLoss, StopState
from trading.messages import Side

_COLUMNS = (
    "account_id", "strategy_id", "symbol", "request", "side", "percentage", "mark", "stop_price",
    "quantity", "state", "order_id", "orders", "why", "placed_by", "reason", "set_at", "version",
)  # fmt: skip
# Names of columns are constants of this module; values are always parameters.
STOP_LOSS_SQL = (
    f"INSERT INTO trading_stoploss ({', '.join(_COLUMNS)}, updated_at) "  # noqa: S608
    f"VALUES ({', '.join(['%s'] * len(_COLUMNS))}, clock_timestamp()) "
    "ON CONFLICT (account_id, strategy_id, symbol) DO UPDATE SET "
    f"{', '.join(f'{name} = EXCLUDED.{name}' for name in (*_COLUMNS[3:], 'updated_at'))} "
    "WHERE trading_stoploss.version < EXCLUDED.version"
)
LOAD_SQL = "SELECT * FROM trading_stoploss WHERE account_id = %s"


def stop_loss_statements(
    row: StopLossRow, *, account: str, actor: str, wall_ns: int
) -> list[tuple[str, Any]]:
    one = row.stop
    values = (
        account, one.strategy, one.symbol, one.id, str(one.side), one.percentage, one.mark,
        one.stop_price, one.quantity, str(one.state), one.order, one.orders, one.why,
        one.placed_by, one.reason, utc_from_ns(one.set_wall_ns), one.version,
    )  # fmt: skip
    entry = entry_row(
        id=entry_id("stop-loss", account, one.strategy, one.symbol, one.version),
        action=f"stop-loss.{row.event}",
        outcome="done",
        actor_kind="process",
        actor=actor,
        on_behalf_of=one.placed_by,
        object_kind="position",
        object_id=f"{account}/{one.strategy}/{one.symbol}",
        reason=one.why or one.reason,
        correlation_id=one.id,
        happened_at=utc_from_ns(wall_ns),
        after={
            "strategy": one.strategy, "symbol": one.symbol, "side": str(one.side),
            "percentage": one.percentage, "mark": one.mark, "stop_price": one.stop_price,
            "quantity": one.quantity, "order": one.order, "version": one.version,
        },
    )  # fmt: skip
    return [(STOP_LOSS_SQL, values), (AUDIT_SQL, entry)]


def stop_loss_from(row: dict[str, Any]) -> StopLoss:
    """As its row says."""
    return StopLoss(
        id=str(row["request"]),
        strategy=row["strategy_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        percentage=row["percentage"],
        mark=row["mark"],
        stop_price=row["stop_price"],
        quantity=row["quantity"],
        placed_by=row["placed_by"],
        reason=row["reason"],
        set_wall_ns=ns_from_utc(row["set_at"]),
        state=StopState(row["state"]),
        why=row["why"],
        order=row["order_id"],
        orders=row["orders"],
        version=row["version"],
    )
