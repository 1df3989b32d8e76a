"""Worth of positions: exact, in USD, and unknown where it is not known."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.portfolio.builders import decimals
from trading.portfolio.marks import UNKNOWN, Valuation, add, average_price, total, value_position
from trading.universe import REPORTING_RATE, UNIVERSE

MONEY = st.decimals("-1e20", "1e20", places=12)


def value(symbol: str, quantity: str, cost: str, mark: str | None) -> Valuation:
    return value_position(
        quantity=Decimal(quantity),
        cost=Decimal(cost),
        realised=Decimal(7),
        fees=Decimal(2),
        mark=None if mark is None else Decimal(mark),
        instrument=UNIVERSE.by_symbol(symbol),
    )


def test_long_short_and_future() -> None:
    long = value("EURUSD", "1000", "1152.40", "1.16")
    assert (long.unrealised, long.gross, long.net) == decimals("7.60", 1160, 1160)
    assert long.pnl == Decimal("12.60")
    short = value("EURUSD", "-1000", "-1152.40", "1.16")
    assert (short.unrealised, short.gross, short.net) == decimals("-7.60", 1160, -1160)
    future = value("ESZ6", "2", "669450", "6700.5")
    assert (future.unrealised, future.gross) == (Decimal(600), Decimal(670_050))


def test_without_a_mark_nothing_is_known_and_never_zero() -> None:
    worth = value("EURUSD", "1000", "1152.40", None)
    assert (worth.unrealised, worth.gross, worth.net, worth.pnl) == (None, None, None, None)
    assert (worth.realised, worth.fees) == decimals(7, 2)
    assert total([worth, value("SPY", "1", "600", "668")]).unrealised is None


def test_flat_needs_no_mark() -> None:
    worth = value("EURUSD", "0", "0", None)
    assert (worth.unrealised, worth.gross, worth.net, worth.pnl) == decimals(0, 0, 0, 5)


def test_no_rate_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(REPORTING_RATE, "USDT")
    assert value("BTCUSDT", "1", "1", "2") == UNKNOWN


@given(st.lists(MONEY, max_size=30))
def test_sums_are_exact(figures: list[Decimal]) -> None:
    found = add(figures)
    assert found is not None
    assert Fraction(found) == sum(map(Fraction, figures), Fraction(0))
    assert add([*figures, None]) is None


def test_average_price_to_a_hundredth_of_a_tick() -> None:
    eurusd = UNIVERSE.by_symbol("EURUSD")
    assert average_price(Decimal(0), Decimal(0), eurusd) is None
    assert average_price(Decimal(3), Decimal("3.5"), eurusd) == Decimal("1.1666667")
    gold = UNIVERSE.by_symbol("GCZ3")
    assert average_price(Decimal(-2), Decimal(-257320), gold) == Decimal("1286.600")
