"""Reads for pages, REST and commands. No HTTP here: rows, frozen dataclasses, exact decimals.

Functions that need Redis take a client and raise redis.RedisError; those that read the database
raise django.db.Error. Unknown is None, never 0.
"""

from trading.selectors.books import (
    BrokerPosition,
    PositionsSummary,
    PositionView,
    broker_positions,
    executions,
    orders,
    positions,
    positions_summary,
    signals,
    stop_losses,
)
from trading.selectors.flattening import ClosingPreview, closings_preview
from trading.selectors.prices import (
    DataFreshness,
    LatestPrice,
    SymbolFreshness,
    data_freshness,
    latest_prices,
    sources_out_of_order,
)
from trading.selectors.status import (
    Check,
    LicenceStatus,
    ScopeStatus,
    TradingStatus,
    readiness,
    stage_health,
    trading_status,
)

__all__ = [
    "BrokerPosition",
    "Check",
    "ClosingPreview",
    "DataFreshness",
    "LatestPrice",
    "LicenceStatus",
    "PositionView",
    "PositionsSummary",
    "ScopeStatus",
    "SymbolFreshness",
    "TradingStatus",
    "broker_positions",
    "closings_preview",
    "data_freshness",
    "executions",
    "latest_prices",
    "orders",
    "positions",
    "positions_summary",
    "readiness",
    "signals",
    "sources_out_of_order",
    "stage_health",
    "stop_losses",
    "trading_status",
]
