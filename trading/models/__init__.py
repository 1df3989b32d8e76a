"""The books: accounts, strategies, signals, orders, fills, positions, and what feeds told us."""

from trading.models.base import Money
from trading.models.desk import Strategy, VenueAccount
from trading.models.engines import BacktestReport, EngineAlert, EngineVersion
from trading.models.feeds import FeedReject, FeedSession
from trading.models.gates import Drill, PaperDay, SignOff, SignOffWithdrawal
from trading.models.orders import Fill, Order, Position, Signal
from trading.models.protection import StopLoss
from trading.models.reconciliation import (
    BooksCheck,
    Break,
    CashMovement,
    Reconciliation,
    VenueReading,
)
from trading.models.series import LatencyHistogram, PnlPoint, PricePoint

__all__ = [
    "BacktestReport",
    "BooksCheck",
    "Break",
    "CashMovement",
    "Drill",
    "EngineAlert",
    "EngineVersion",
    "FeedReject",
    "FeedSession",
    "Fill",
    "LatencyHistogram",
    "Money",
    "Order",
    "PaperDay",
    "PnlPoint",
    "Position",
    "PricePoint",
    "Reconciliation",
    "SignOff",
    "SignOffWithdrawal",
    "Signal",
    "StopLoss",
    "Strategy",
    "VenueAccount",
    "VenueReading",
]
