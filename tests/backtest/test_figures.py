"""Figures of a backtest against numbers worked out by hand."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trading.backtest.figures import DAY_NS, _slippage_bp, figures_of
from trading.backtest.path import Played
from trading.lockstep import Result
from trading.messages import Side
from trading.ticks import empty
from trading.universe import UNIVERSE

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


@pytest.mark.parametrize(
    ("symbol", "a_week"), [("SPY", range(5)), ("EURUSD", range(6)), ("BTCUSDT", range(7))]
)
def test_a_year_is_a_year_in_every_market(symbol: str, a_week: range) -> None:
    """Bought on a Monday, four years of 10 % later the same figures, however many days were quoted
    in between."""
    begin = 20_094  # 2025-01-06
    days = np.array([day for day in range(begin, begin + 1_461) if (day - begin) % 7 in a_week])
    days[-1] = begin + 1_460
    instrument, ticks = UNIVERSE.by_symbol(symbol), empty(len(days))
    ticks["instrument"], ticks["time"] = instrument.id, days * DAY_NS
    mids = 1.1 ** ((days - begin) / 365) * np.where(np.arange(len(days)) % 2, 1.01, 1.0)
    mids[0], mids[-1] = 1.0, 1.1**4
    ticks["bid"] = ticks["ask"] = np.round(mids * 100 * 1e9).astype(np.int64)
    fill = SimpleNamespace(
        symbol=symbol, side=Side.BUY, quantity=D(1), price=D(100), fee=D(0),
        feed_time_ns=begin * DAY_NS,
    )  # fmt: skip
    row: Any = SimpleNamespace(fill=fill, order=SimpleNamespace(strategy="x", reference_price=100))
    found = figures_of(Played(Result(fills=[row]), ticks, 1, {}), capital=D(100), slippage_bp=D(0))
    returns = np.diff(mids, prepend=1.0) / np.concatenate([[1.0], mids[:-1]])
    assert float(found.years) == pytest.approx(4)
    assert found.annual_return == pytest.approx(0.1, abs=1e-6)
    assert found.volatility == pytest.approx(returns.std(ddof=1) * (len(days) / 4) ** 0.5)
    assert found.sharpe == pytest.approx(
        returns.mean() / returns.std(ddof=1) * (len(days) / 4) ** 0.5
    )
