"""What the tick stream is taken to say."""

from decimal import Decimal

from tests.portfolio.builders import FEED_NOON_NS, NOON_NS, entry
from trading.clock import NS
from trading.portfolio.market import Entry, Market
from trading.portfolio.marks import Quote
from trading.universe import UNIVERSE

T = FEED_NOON_NS


def market(*entries: Entry) -> Market:
    one = Market(UNIVERSE)
    one.on_entries(entries)
    return one


def test_the_latest_quote_of_each_symbol_is_kept_exactly() -> None:
    one = market(
        entry([("EURUSD", "1.38672", "1.38687", T), ("XAUUSD", "1282.511", "1282.9", T)]),
        entry([("EURUSD", "1.3", "1.4", T + 1), ("EURUSD", "1.38671", "1.38686", T + 2)]),
    )
    assert one.quote("EURUSD") == Quote(Decimal("1.38671"), Decimal("1.38686"), T + 2)
    assert one.quote("XAUUSD") == Quote(Decimal("1282.511"), Decimal("1282.9"), T)
    assert one.quote("SPY") is None
    assert one.quote("NOSUCH") is None
    assert one.symbols() == ["EURUSD", "XAUUSD"]
    mid = one.quote("EURUSD")
    assert mid is not None
    assert mid.mid == Decimal("1.386785")


def test_a_quote_read_before_is_replaced() -> None:
    one = market(entry([("EURUSD", "1.1", "1.2", T)]))
    assert one.quote("EURUSD") is not None
    one.on_entries([entry([("EURUSD", "1.2", "1.3", T + 1)])])
    assert one.quote("EURUSD") == Quote(Decimal("1.2"), Decimal("1.3"), T + 1)


def test_prices_of_another_session_are_forgotten() -> None:
    one = market(
        entry([("EURUSD", "1.1", "1.2", T), ("SPY", "668", "669", T)], session="a"),
        entry([("EURUSD", "1.3", "1.4", T)], session="b"),
    )
    assert one.symbols() == ["EURUSD"]
    assert one.quote("EURUSD") == Quote(Decimal("1.3"), Decimal("1.4"), T)
    assert one.session == "b"


def test_an_entry_without_ticks_moves_the_clock_only() -> None:
    one = market(entry([("EURUSD", "1.1", "1.2", T)]), entry([], clock=T + 7 * NS))
    assert one.clock_ns == T + 7 * NS
    assert one.age("EURUSD", NOON_NS).status == "late"


def test_age_is_the_feed_s_and_runs_on_when_nothing_comes() -> None:
    one = market(
        entry([("EURUSD", "1.1", "1.2", T)]), entry([("XAUUSD", "1282", "1283", T + 4 * NS)])
    )
    ages = [one.age("EURUSD", NOON_NS + seconds * NS) for seconds in (0, 2, 26, 31)]
    assert [age.status for age in ages] == ["fresh", "late", "stale", "dead"]
    assert [age.age_ms for age in ages] == [4_000, 6_000, 30_000, 35_000]
    assert one.age("SPY", NOON_NS).status == "dead"
    assert one.age("SPY", NOON_NS).age_ms is None


def test_phases_of_the_feed() -> None:
    assert Market(UNIVERSE).phase("", NOON_NS) == "waiting"
    one = market(entry([("EURUSD", "1.1", "1.2", T)]))
    assert one.phase("running", NOON_NS + NS) == "running"
    assert one.phase("waiting", NOON_NS + NS) == "waiting"
    assert one.phase("running", NOON_NS + 31 * NS) == "dead"
    assert market(entry([], end="1")).phase("running", NOON_NS) == "ended"


def test_a_kept_quote_starts_the_market() -> None:
    one = Market(UNIVERSE)
    kept = Quote(Decimal("1.1"), Decimal("1.2"), T)
    one.seed("a", {"EURUSD": kept, "GONE": kept})
    one.on_entries([entry([("SPY", "668", "669", T + NS)], session="a")])
    assert one.quote("EURUSD") == kept
    assert one.symbols() == ["EURUSD", "SPY"]
