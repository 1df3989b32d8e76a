"""Quantities in whole lots, prices on the grid, by hand-computed values."""

from decimal import Decimal

import pytest

from trading.messages import Side
from trading.strategies.sizing import Quote, crossing_price, lots_for, resting_price
from trading.universe import UNIVERSE


@pytest.mark.parametrize(
    ("symbol", "size", "mid", "quantity"),
    [
        ("EURUSD", "100000", "1.15", "86000"),  # 86,956 in lots of 1,000
        ("ESZ6", "700000", "6694.50", "2"),  # 334,725 a contract
        ("ESZ6", "300000", "6694.50", "0"),
        ("BTCUSDT", "50000", "91204.50", "0.54821"),
        ("SPY", "50000", "668.40", "74"),
    ],
)
def test_size_in_whole_lots(symbol: str, size: str, mid: str, quantity: str) -> None:
    made = lots_for(Decimal(size), Decimal(mid), UNIVERSE.by_symbol(symbol))
    assert made == Decimal(quantity)


def test_prices_lie_on_the_grid_on_the_side_that_is_meant() -> None:
    spy = UNIVERSE.by_symbol("SPY")
    quote = Quote(Decimal("668.404"), Decimal("668.416"), 0, 0)
    assert crossing_price(Side.BUY, quote, spy, 3) == Decimal("668.45")
    assert crossing_price(Side.SELL, quote, spy, 3) == Decimal("668.37")
    assert resting_price(Side.BUY, quote, spy) == Decimal("668.40")
    assert resting_price(Side.SELL, quote, spy) == Decimal("668.42")


def test_a_price_is_never_below_one_tick() -> None:
    spy = UNIVERSE.by_symbol("SPY")
    quote = Quote(Decimal("0.02"), Decimal("0.03"), 0, 0)
    assert crossing_price(Side.SELL, quote, spy, 3) == Decimal("0.01")
