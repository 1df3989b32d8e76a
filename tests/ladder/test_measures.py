"""Drawdown and slippage of a run, from its fills."""

from decimal import Decimal

from trading.resume.measures import Traded, drawdown_usd, slippage_bp

D = Decimal


def traded(sign: int, quantity: str, price: str, **more: object) -> Traded:
    given = {"symbol": "A", "fee": D(0), "unit": D(1), "reference": D(100), **more}
    return Traded(sign=sign, quantity=D(quantity), price=D(price), **given)  # type: ignore[arg-type]


def test_the_deepest_fall_below_the_highest_so_far() -> None:
    fills = [traded(1, "10", "100"), traded(-1, "5", "110"), traded(-1, "5", "90")]
    # equity: 0, then 100 at 110, then 5 x 10 - 5 x 10 = 0 at 90
    assert drawdown_usd(fills, {}) == D(100)
    assert drawdown_usd(fills[:2], {"A": D(80)}) == D(150)  # marked at 80: 100 falls to -50
    assert drawdown_usd(fills[:2], {"B": D(1)}) == D(0)
    assert drawdown_usd([], {"A": D(1)}) == D(0)


def test_fees_units_and_short_positions_count() -> None:
    assert drawdown_usd([traded(1, "1", "100", fee=D("2.5"))], {}) == D("2.5")
    short = [traded(-1, "2", "100", unit=D(50))]
    assert drawdown_usd(short, {"A": D(101)}) == D(100)
    assert drawdown_usd(short, {"A": D(99)}) == D(0)


def test_slippage_is_by_value_and_against_the_mid_each_order_saw() -> None:
    assert slippage_bp([]) is None
    assert slippage_bp([traded(1, "1", "101", reference=None)]) is None
    assert slippage_bp([traded(1, "1", "100.1")]) == D(10)
    assert slippage_bp([traded(-1, "1", "100.1")]) == D(-10)
    assert slippage_bp([traded(1, "1", "100.2"), traded(-1, "3", "100")]) == D(5)
