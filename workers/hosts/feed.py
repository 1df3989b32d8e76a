"""Role ``feed``: hosts the market feed and its ingestor."""

from trading.feeds.hosted import run

__all__ = ["run"]
