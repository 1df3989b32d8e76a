"""Figures of a backtest against numbers worked out by hand."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from trading.backtest.figures import _slippage_bp
from trading.messages import Side

D = Decimal


def bought(symbol: str, quantity: int, mid: str, bp: int) -> Any:
    price = D(mid) * (1 + D(bp) / 10_000)
    fill = SimpleNamespace(
        symbol=symbol, side=Side.BUY, quantity=D(quantity), price=price, fee=D(0)
    )
    return SimpleNamespace(fill=fill, order=SimpleNamespace(reference_price=D(mid)))


def test_slippage_is_by_value_also_where_a_contract_is_of_many_units() -> None:
    fills = [bought("SPY", 100, "668.40", 1), bought("ESZ6", 1, "6694.50", 10)]
    # 66,840 at 1 bp and 334,725 at 10.
    found = _slippage_bp(fills, D("0.5"))
    assert found is not None
    assert round(found, 4) == D("9.0020")
    assert _slippage_bp([], D("0.5")) is None
