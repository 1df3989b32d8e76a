"""The rules of the book that the contract does not name."""

from decimal import Decimal

import pytest

from trading.papervenue.fees import FEES, fee
from trading.papervenue.matching import MatchingEngine
from trading.papervenue.money import NANO, text, to_nano
from trading.papervenue.orders import Execution, Order
from trading.ticks import Ticks, empty
from trading.universe import UNIVERSE

NOW = 1_700_000_000 * NANO
ENGINE_SYMBOL = "SPY"


def n(value: str) -> int:
    return to_nano(Decimal(value))


def a_batch(*rows: tuple[str, str, str, str, str]) -> Ticks:
    """Ticks of (symbol, bid, ask, bid size, ask size), one millisecond apart."""
    ticks = empty(len(rows))
    for index, (symbol, *numbers) in enumerate(rows):
        ticks[index]["instrument"] = UNIVERSE.by_symbol(symbol).id
        ticks[index]["time"] = NOW + index * 1_000_000
        for name, number in zip(("bid", "ask", "bid_size", "ask_size"), numbers, strict=True):
            ticks[index][name] = n(number)
    return ticks


def an_order(number: int, quantity: str, limit: str | None, *, side: str = "buy") -> Order:
    kind = "market" if limit is None else "limit"
    price = None if limit is None else n(limit)
    return Order(
        number, "paper-1", f"o-{number}", "SPY", side, kind, "gtc", n(quantity), price, 2 * NOW
    )  # fmt: skip


def fills(outcomes: list[object]) -> list[tuple[int, str, str, bool]]:
    return [
        (one.order.number, text(one.quantity), text(one.price), one.maker)
        for one in outcomes
        if isinstance(one, Execution)
    ]


@pytest.fixture
def engine() -> MatchingEngine:
    made = MatchingEngine()
    assert not list(made.on_ticks(a_batch(("SPY", "500.00", "500.02", "100", "100")), NOW, NOW))
    return made


def test_priority_is_price_then_time(engine: MatchingEngine) -> None:
    for number, limit in enumerate(["499.90", "499.95", "499.95", "499.80"], 1):
        engine.enter(an_order(number, "60", limit), NOW)
    quote = a_batch(("SPY", "499.80", "499.90", "1", "130"))
    assert fills(list(engine.on_ticks(quote, NOW, NOW))) == [
        (2, "60", "499.95", True),
        (3, "60", "499.95", True),
        (1, "10", "499.9", True),
    ]


def test_every_quote_of_a_batch_counts_where_orders_rest(engine: MatchingEngine) -> None:
    engine.enter(an_order(1, "60", "499.95"), NOW)
    batch = a_batch(
        ("SPY", "499.80", "499.90", "1", "20"),
        ("EURUSD", "1.1", "1.2", "0", "0"),
        ("SPY", "499.80", "499.95", "1", "20"),
        ("SPY", "499.80", "500.10", "1", "20"),
    )
    assert fills(list(engine.on_ticks(batch, NOW, NOW))) == [
        (1, "20", "499.95", True),
        (1, "20", "499.95", True),
    ]


def test_an_aggressive_rest_takes_until_it_no_longer_can(engine: MatchingEngine) -> None:
    first = engine.enter(an_order(1, "300", "500.05"), NOW)
    assert fills(list(first)) == [(1, "100", "500.02", False)]
    batch = a_batch(
        ("SPY", "500.00", "500.04", "1", "50"),
        ("SPY", "500.00", "500.06", "1", "50"),
        ("SPY", "500.00", "500.01", "1", "50"),
    )
    assert fills(list(engine.on_ticks(batch, NOW, NOW))) == [
        (1, "50", "500.04", False),
        (1, "50", "500.05", True),  # it had become passive: its own price, as maker
    ]


def test_what_is_no_market_is_passed_over(engine: MatchingEngine) -> None:
    engine.enter(an_order(1, "10", "499.95"), NOW)
    bad = a_batch(
        ("SPY", "499.80", "499.70", "1", "1"),
        ("SPY", "0", "499.70", "1", "1"),
        ("SPY", "-1", "499.70", "1", "1"),
    )
    unknown = empty(2)
    unknown["instrument"] = [-1, 10_000]
    assert not list(engine.on_ticks(bad, NOW, NOW))
    assert not list(engine.on_ticks(unknown, NOW, NOW))
    assert not list(engine.on_ticks(empty(0), NOW, NOW))


def test_only_whole_lots_trade() -> None:
    engine = MatchingEngine()
    batch = a_batch(("EURUSD", "1.1", "1.2", "1500", "999"))
    assert not list(engine.on_ticks(batch, NOW, NOW))
    order = an_order(1, "5000", None, side="sell")
    order.symbol = "EURUSD"
    assert fills(list(engine.enter(order, NOW))) == [(1, "1000", "1.1", False)]
    buy = an_order(2, "5000", None)
    buy.symbol = "EURUSD"
    assert engine.enter(buy, NOW) == []


def test_a_quote_ages_by_the_venues_clock_too(engine: MatchingEngine) -> None:
    late = NOW + 31 * NANO
    refusal = engine.check(an_order(1, "10", None), late)
    assert refusal is not None
    assert refusal.code == "NO_MARKET"
    resting = an_order(2, "10", "501.00")
    assert engine.check(resting, late) is None
    assert engine.enter(resting, late) == []
    fresh = a_batch(("SPY", "500.00", "500.02", "100", "100"))
    assert fills(list(engine.on_ticks(fresh, NOW, late))) == [(2, "10", "501", True)]


def test_a_new_session_forgets_quotes_and_keeps_orders(engine: MatchingEngine) -> None:
    engine.enter(an_order(1, "10", "499.95"), NOW)
    engine.forget_quotes()
    assert engine.check(an_order(2, "10", None), NOW) is not None
    assert [one.number for one in engine.working("paper-1")] == [1]


@pytest.mark.parametrize(
    ("symbol", "price", "quantity", "maker", "expected"),
    [
        ("BTCUSDT", "61837.64", "0.12345", False, "3.81692833"),  # 5 bps of 7633.856658
        ("BTCUSDT", "61837.64", "0.12345", True, "1.52677133"),
        ("ESZ6", "6694.25", "2", False, "13.3885"),
        ("SPY", "500.01", "1", True, "0.0100002"),
    ],
)
def test_fees(symbol: str, price: str, quantity: str, maker: bool, expected: str) -> None:
    charged = fee(UNIVERSE.by_symbol(symbol), n(price), n(quantity), maker=maker, fees=FEES)
    assert text(charged) == expected


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e13", "0.0000000001"])
def test_a_number_that_cannot_be_held_exactly_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must"):
        to_nano(Decimal(value))


@pytest.mark.parametrize("value", ["0", "-0.5", "1000000", "61837.64", "1.000000000"])
def test_numbers_survive_text(value: str) -> None:
    assert Decimal(text(to_nano(Decimal(value)))) == Decimal(value)
