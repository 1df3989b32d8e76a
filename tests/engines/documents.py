"""A sound document, and how to say it otherwise."""

from typing import Any

import yaml

from trading.universe import UNIVERSE

BASE: dict[str, Any] = {
    "apiVersion": "trading.fintech.io/v1",
    "kind": "TradingEngine",
    "metadata": {"name": "mom-fx"},
    "spec": {
        "strategy": {
            "type": "momentum", "riskLimit": "2.5%", "maxPositionSize": "30k",
            "frequency": "medium",
        },
        "markets": ["FOREX"],
        "latency": {"targetLatency": "10ms"},
        "riskControls": {
            "stopLoss": {"enabled": True, "threshold": "1.0%", "timeWindow": "1m"},
            "drawdownLimit": {"enabled": True, "maxDrawdown": "5.0%", "lookbackPeriod": "1d"},
        },
        "compliance": {"regulations": ["SOX"]},
        "alerts": [
            {"name": "Fills", "condition": "tradingStats.successRate < 0.95",
             "severity": "warning"},
        ],
    },
}  # fmt: skip


BOUND: dict[str, Any] = {
    "data": [{"name": "two-years.csv", "sha256": "5" * 64, "lines": 17_520}], "code": "c" * 64,
    "assumed": {"book": "5000000", "spread_bp": "1", "slippage_bp": "0.5"},
}  # fmt: skip
"""What a kept backtest rests on, with enough costs."""


def document(name: str = "mom-fx", **strategy: Any) -> str:
    """YAML of ``BASE`` with these fields of its strategy; None leaves one out.

    Its markets are those of its instruments.
    """
    fields = {**BASE["spec"]["strategy"], **strategy}
    kept = {key: value for key, value in fields.items() if value is not None}
    traded = {UNIVERSE.by_symbol(one).market for one in kept.get("instruments", ())
              if one in UNIVERSE}  # fmt: skip
    spec = {**BASE["spec"], "strategy": kept, "markets": sorted(traded) or ["FOREX"]}
    whole = {**BASE, "metadata": {"name": name}, "spec": spec}
    return yaml.safe_dump(whole, sort_keys=False)


def line_of(text: str, part: str) -> int:
    """The number of the first line that has ``part``."""
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)
