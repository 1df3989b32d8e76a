"""What open positions add up to."""

from decimal import Decimal

from trading.portfolio.exposure import Holding, exposures

D = Decimal


def held(strategy: str, symbol: str, quantity: str, mark: str | None, on: str = "a") -> Holding:
    return Holding(strategy, on, symbol, D(quantity), None if mark is None else D(mark))


def test_sums_by_everything_that_is_asked_for() -> None:
    found = exposures(
        [
            held("mom", "EURUSD", "100000", "1.2"), held("mr", "EURUSD", "-50000", "1.2", "b"),
            held("mr", "ESZ6", "2", "6000", "b"), held("mr", "BTCUSDT", "-0.5", "90000", "b"),
        ],
        strategies=["mom", "mr", "idle"],
        accounts=["a", "b"],
    )  # fmt: skip
    assert (found.total.long, found.total.short) == (720_000, 105_000)
    by = {one.name: (one.long, one.short, one.gross, one.net) for one in found.strategies}
    assert by == {
        "mr": (600_000, 105_000, 705_000, 495_000), "mom": (120_000, 0, 120_000, 120_000),
        "idle": (0, 0, 0, 0),
    }  # fmt: skip
    assert [one.name for one in found.strategies] == ["mr", "mom", "idle"], "the largest first"
    assert [(one.name, one.net) for one in found.accounts] == [("b", 495_000), ("a", 120_000)]
    eurusd = next(one for one in found.instruments if one.name == "EURUSD")
    assert (eurusd.long, eurusd.short, eurusd.net) == (120_000, 60_000, 60_000)
    # Long the euro is short the dollar; the future and the coin are held in their own currency.
    assert {one.name: one.net for one in found.currencies} == {
        "EUR": 60_000, "USD": 540_000, "USDT": -45_000,
    }  # fmt: skip
    assert found.concentration.largest == "ESZ6"
    assert found.concentration.share == D(600_000) / 825_000
    assert found.concentration.three == 1
    assert found.concentration.effective is not None
    assert 1 < found.concentration.effective < 3


def test_a_position_without_a_price_makes_its_sums_unknown_and_no_others() -> None:
    found = exposures([held("mom", "EURUSD", "1000", None), held("mr", "SPY", "10", "600", "b")])
    assert found.total.gross is None
    assert {one.name: one.gross for one in found.strategies} == {"mom": None, "mr": 6000}
    assert found.strategies[0].name == "mom", "what is not known stands first"
    assert {one.name: one.net for one in found.currencies} == {"EUR": None, "USD": None}
    assert found.concentration.share is None
    assert exposures([]).total.gross == 0
    assert exposures([]).concentration.largest == ""
