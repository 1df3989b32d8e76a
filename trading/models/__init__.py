"""The books: accounts, strategies, signals, orders, fills, positions, and what feeds told us."""

from trading.models.base import Money
from trading.models.desk import Strategy, VenueAccount
from trading.models.engines import BacktestReport, EngineAlert, EngineVersion
from trading.models.feeds import FeedReject, FeedSession
from trading.models.orders import Fill, Order, Position, Signal
from trading.models.protection import StopLoss
from trading.models.reconciliation import BooksCheck, Break, Reconciliation, VenueReading
from trading.models.series import PnlPoint, PricePoint

__all__ = [
    "BacktestReport",
    "BooksCheck",
    "Break",
    "EngineAlert",
    "EngineVersion",
    "FeedReject",
    "FeedSession",
    "Fill",
    "Money",
    "Order",
    "PnlPoint",
    "Position",
    "PricePoint",
    "Reconciliation",
    "Signal",
    "StopLoss",
    "Strategy",
    "VenueAccount",
    "VenueReading",
]
