"""What Kraken Futures says, read without a connection: halts, and numbers that nothing holds."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.feeds.builders import BASE, NS
from trading.feeds.backed import BackedChecker
from trading.feeds.ingestor import Ingestor, IngestResult
from trading.feeds.lines import LARGEST
from trading.feeds.live.heard import Heard, Quote, Taken, Trade, nano
from trading.feeds.live.kraken import KrakenFuturesWords
from trading.feeds.raw import Reason
from trading.universe import UNIVERSE

PERP = UNIVERSE.by_symbol("BTCUSDT-PERP").id
MS = NS // 1_000
BOOK = {"bids": [[61_000, 1]], "asks": [[61_001, 1]]}


@pytest.fixture
def words() -> KrakenFuturesWords:
    found = KrakenFuturesWords({"PF_XBTUSD": PERP})
    found.restart()
    return found


def ticker(*, suspended: bool, second: int = 0) -> dict[str, Any]:
    return {
        "feed": "ticker", "product_id": "PF_XBTUSD", "time": BASE // MS + second * 1_000,
        "suspended": suspended, "post_only": False,
    }  # fmt: skip


def rest(*, suspended: bool, **more: str) -> dict[str, Any]:
    said = str(suspended).lower()
    return {"symbol": "pf_xbtusd", "suspended": said, "postOnly": "false", **more}


def book(seq: int, **more: Any) -> dict[str, Any]:
    feed = "book" if seq > 1 else "book_snapshot"
    said = {"feed": feed, "product_id": "PF_XBTUSD", "seq": seq, "timestamp": BASE // MS}
    return said | more


def client(sides: dict[str, list[list[Any]]]) -> Any:
    return SimpleNamespace(
        orderbooks={"BTC/USD": sides}, safe_market=lambda _: {"symbol": "BTC/USD"}
    )


def halts(said: Iterable[Heard]) -> list[bool]:
    return [one.halted for one in said if isinstance(one, Quote)]


def test_a_market_without_a_book_is_halted_all_the_same(words: KrakenFuturesWords) -> None:
    [quote] = words.read(ticker(suspended=True), None, BASE + 1)
    assert quote == Quote(BASE + 1, PERP, BASE, 0, 0, 0, 0, halted=True)
    assert halts(words.read(ticker(suspended=True, second=1), None, BASE)) == []  # it is known
    words.restart()
    assert halts(words.ticker(rest(suspended=True), BASE, BASE)) == [True]
    assert halts(words.ticker(rest(suspended=True, bid="x", ask="1"), BASE, BASE)) == [True]
    assert halts(words.read(ticker(suspended=True), None, BASE)) == []
    words.repeat()
    assert halts(words.read(ticker(suspended=True), None, BASE)) == [True]
    # Its end is told by the next quote, as there is none to be told again.
    assert halts(words.read(ticker(suspended=False), None, BASE)) == []
    assert halts(words.read(book(1), client(BOOK), BASE)) == [False]


def test_the_end_of_a_halt_is_told_after_a_new_connection_as_well(
    words: KrakenFuturesWords,
) -> None:
    assert halts(words.read(ticker(suspended=True), None, BASE)) == [True]
    words.restart()
    assert halts(words.read(book(1), client(BOOK), BASE)) == [True]
    assert halts(words.read(ticker(suspended=False), None, BASE)) == [False]


def test_a_halt_that_comes_without_a_price_holds_the_backup_back(
    words: KrakenFuturesWords,
) -> None:
    ingestor = Ingestor(backed=BackedChecker(("a", "b"), (0, 1), live=True), live=("a", "b"))
    taking, passed = Taken(2), 0
    for second in range(120):
        now = BASE + second * NS
        told: list[tuple[int, Heard]] = [
            (1, Quote(now, PERP, now, 100 * NS, 101 * NS + second, NS, NS, halted=False))
        ]
        told += [(0, one) for one in words.read(ticker(suspended=True), None, now)]
        result: IngestResult = ingestor.process(taking.batch(told, now, frozenset()))
        passed += len(result.ticks)
    assert passed == 0
    assert ingestor.counters()["refused"] == {"halted": 1}


@pytest.mark.parametrize(
    "said",
    [
        book(1, timestamp=10**16), book(1, timestamp=-1), book(1, timestamp=float("inf")),
        {**ticker(suspended=True), "time": 10**16},
        {"feed": "trade", "product_id": "PF_XBTUSD", "side": "buy", "time": 0, "price": 1,
         "qty": 5e9},
    ],
    ids=["late", "before", "never", "ticker", "trade"],
)  # fmt: skip
def test_what_no_tick_could_hold_makes_no_sense(
    words: KrakenFuturesWords, said: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        list(words.read(said, client(BOOK), BASE))


@pytest.mark.parametrize("sides", [
    {"bids": [[61_000, 1e10]], "asks": [[61_001, 1]]},
    {"bids": [[5e9, 1]], "asks": [[5e9, 1]]},
    {"bids": [[61_000, 1]], "asks": [[61_001, float("inf")]]},
], ids=["size", "price", "endless"])  # fmt: skip
def test_a_book_that_no_tick_could_hold_makes_no_sense(
    words: KrakenFuturesWords, sides: dict[str, list[list[Any]]]
) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        list(words.read(book(1), client(sides), BASE))
    with pytest.raises(ValueError, match="too large"):
        list(words.ticker(rest(suspended=False, bid="5e9", ask="5e9", bidSize="1", askSize="1"),
                          BASE, BASE))  # fmt: skip


def test_the_largest_numbers_there_are_make_a_tick() -> None:
    most = nano("4599999999.999999999")
    assert most == LARGEST - 1
    trades = [Trade(PERP, 1, BASE, NS, most)] * 5
    heard: list[Heard] = [*trades, Quote(BASE, PERP, BASE, most, most, most, most, halted=False)]
    batch = Taken(1).batch(((0, one) for one in heard), BASE + NS, frozenset())
    result = Ingestor(live=("a",)).process(batch)
    assert result.codes.tolist() == [Reason.GOOD]
    assert result.ticks["volume"].tolist() == [LARGEST]
