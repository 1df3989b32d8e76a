"""The parts of the exchange adapter that need no wire: errors, markets, budget, numbers, setup."""

import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.processes import PROJECT
from tests.venues.kraken_rig import credentials
from trading.messages import OrderType, Side, TimeInForce
from trading.universe import UNIVERSE
from trading.venues.base import Capabilities, KnownFills, NewOrder
from trading.venues.ccxt_asking import offered, tls_for
from trading.venues.ccxt_client import exchange_class
from trading.venues.ccxt_dialect import RawFill
from trading.venues.ccxt_errors import OUTCOMES, Outcome, outcome_of
from trading.venues.ccxt_fills import OVERLAP_NS, FillBook
from trading.venues.ccxt_kraken import KrakenFutures
from trading.venues.ccxt_markets import Markets, MarketSetupError, parse_symbols
from trading.venues.ccxt_rate import Budget, Use
from trading.venues.ccxt_venue import KrakenFuturesVenue
from trading.venues.registry import VenueSetupError, venue_of

ADAPTER = "trading.venues.ccxt_venue.KrakenFuturesVenue"
D = Decimal


def _tree() -> dict[str, type[Exception]]:
    exchange_class("krakenfutures")
    errors = sys.modules["ccxt.base.errors"]
    found: dict[str, type[Exception]] = {}
    rest = [errors.BaseError]
    while rest:
        one = rest.pop()
        found[one.__name__] = one
        rest += [sub for sub in one.__subclasses__() if sub.__module__ == "ccxt.base.errors"]
    return found


def test_every_error_of_ccxt_has_its_meaning_and_a_new_one_is_unknown() -> None:
    tree = _tree()
    assert set(tree) == set(OUTCOMES)
    for name, kind in tree.items():
        assert outcome_of(kind("x")) == OUTCOMES[name]
        newer = type(f"Newer{name}", (kind,), {"__module__": "ccxt.base.errors"})
        assert outcome_of(newer("x"))[0] is Outcome.UNKNOWN
    assert outcome_of(TimeoutError())[0] is Outcome.UNKNOWN
    refused = {name for name, (outcome, _) in OUTCOMES.items() if outcome is not Outcome.UNKNOWN}
    for broad in (
        "BaseError",
        "ExchangeError",
        "OperationFailed",
        "NetworkError",
        "RequestTimeout",
    ):
        assert broad not in refused, "it does not say that nothing was done"


MARKET = {
    "id": "PF_SPYUSD", "symbol": "SPY/USD:USD", "quote": "USD", "active": True, "inverse": False,
    "contractSize": "1", "taker": "0.0005", "maker": "0.0002",
    "precision": {"price": "0.01", "amount": "1"},
}  # fmt: skip
ORDER = NewOrder(
    "c", "SPY", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, D(5), D("500.01"), not_after_ns=1
)


def _markets(**changes: object) -> Markets:
    loaded = {"x": {**MARKET, **changes}}
    return Markets(loaded, {"SPY": "pf_spyusd"}, UNIVERSE)


def test_prices_and_quantities_are_exact_or_refused() -> None:
    markets = _markets()
    assert markets.refusal(ORDER) is None
    assert (markets.symbol("pf_spyusd"), markets.symbol("pf_xrpusd")) == ("SPY", "PF_XRPUSD")
    for changes, code, field in (
        ({"quantity": D("5.5")}, "LOT_SIZE", "quantity"),
        ({"quantity": D(0)}, "LOT_SIZE", "quantity"),
        ({"quantity": D("NaN")}, "BAD_REQUEST", "quantity"),
        ({"limit_price": D("500.001")}, "TICK_SIZE", "limit_price"),
        ({"limit_price": D(-1)}, "TICK_SIZE", "limit_price"),
        ({"limit_price": None}, "BAD_REQUEST", "limit_price"),
        ({"stop_price": D(1)}, "BAD_REQUEST", "stop_price"),
        ({"symbol": "AAPL"}, "UNKNOWN_SYMBOL", "AAPL"),
    ):
        refusal = markets.refusal(replace(ORDER, **changes))
        assert refusal is not None, changes
        assert refusal[0] == code
        assert field in refusal[1]
    bounded = _markets(
        limits={
            "amount": {"min": "2", "max": "100"}, "price": {"min": "1", "max": None},
            "cost": {"min": "2000", "max": "40000"},
        }
    )  # fmt: skip
    for quantity, price, code in (
        ("1", "500", "QUANTITY_LIMIT"), ("101", "10", "QUANTITY_LIMIT"),
        ("5", "0.99", "PRICE_LIMIT"), ("3", "500", "NOTIONAL_LIMIT"),
        ("81", "500", "NOTIONAL_LIMIT"), ("80", "500", ""), ("4", "500", ""),
    ):  # fmt: skip
        refusal = bounded.refusal(replace(ORDER, quantity=D(quantity), limit_price=D(price)))
        assert (refusal[0] if refusal else "") == code, (quantity, price)
    finer = _markets(precision={"price": "0.05", "amount": "10"})
    assert finer.refusal(replace(ORDER, quantity=D(10)))[0] == "TICK_SIZE"  # type: ignore[index]


def test_a_market_that_is_not_the_desks_instrument_is_not_traded() -> None:
    for changes, said in (
        ({"active": False}, "not open"), ({"inverse": True}, "inverse"),
        ({"contractSize": "10"}, "10, the desk counts 1"), ({"id": "PF_OTHER"}, "no market"),
    ):  # fmt: skip
        with pytest.raises(MarketSetupError, match=said):
            _markets(**changes)
    with pytest.raises(MarketSetupError, match="no such instrument"):
        Markets({"x": MARKET}, {"NOPE": "PF_SPYUSD"}, UNIVERSE)
    assert parse_symbols(" SPY=A, AAPL=B ,") == {"SPY": "A", "AAPL": "B"}
    for text in ("", "SPY", "SPY=", "=A", "SPY=A,SPY=B", "SPY=A,AAPL=A"):
        with pytest.raises(MarketSetupError, match="symbols"):
            parse_symbols(text)


def test_the_budget_keeps_a_reserve_for_what_stops() -> None:
    def taken(use: Use, at: float) -> int:
        count = 0
        while budget.take("send", use, at):
            count += 1
        return count

    budget = Budget(size=100, window_s=10, reserve=20, costs={"send": 10})
    assert [taken(use, 0) for use in (Use.READ, Use.CREATE, Use.REDUCE)] == [6, 2, 2]
    budget.force("send", 0)
    assert not budget.take("send", Use.REDUCE, 1.9)
    assert budget.take("send", Use.REDUCE, 2)
    assert budget.wait_s("send", Use.CREATE, 2) == pytest.approx(3)
    budget.emptied(2)
    assert budget.wait_s("other", Use.READ, 2) == pytest.approx(4.1)
    assert budget.wait_s("other", Use.READ, 100) == 0
    budget.emptied(100)
    assert budget.wait_s("other", Use.PROVE, 100) == pytest.approx(0.5), "closings come first"
    assert budget.wait_s("send", Use.NOW, 100) == 0


def _raw(ident: str, at_ns: int) -> RawFill:
    return RawFill(ident, "c", "v", "SPY", Side.BUY, D(1), D(500), D("0.1"), "USD", False, at_ns)


def test_fills_are_numbered_once_in_their_time_and_go_on_after_the_books() -> None:
    book, fees = FillBook(), dict.fromkeys(("a", "b", "late", "y"), Decimal("0.1"))
    fresh = book.fresh([_raw("b", 20), _raw("a", 10), _raw("b", 20)])
    assert [one.sequence for one in book.add(fresh, fees)] == [1, 2]
    assert [one.venue_fill_id for one in book.since(0)] == ["a", "b"]
    assert book.fresh([_raw("a", 10)]) == []
    late = book.add(book.fresh([_raw("late", 15)]), fees)
    assert [one.sequence for one in late] == [3], "a number that was told is told to no other"
    book.resume(KnownFills(7, {"x": 7}, newest_ns=2 * OVERLAP_NS))
    assert book.fresh([_raw("x", 2 * OVERLAP_NS), _raw("old", 5)]) == []
    more = book.add(book.fresh([_raw("y", 2 * OVERLAP_NS - 1)]), fees)
    assert [one.sequence for one in more] == [8]
    assert [one.sequence for one in book.since(7)] == [8]
    with pytest.raises(LookupError):
        book.since(6)
    assert FillBook(since_ns=100).fresh([_raw("before", 99)]) == []


def test_live_needs_what_the_proofs_of_a_stop_rest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*, live: bool, **changes: str) -> object:
        return venue_of(
            adapter=ADAPTER, account="kraken-1", address="127.0.0.1:1",
            credentials={**credentials(), **changes}, live=live,
        )  # fmt: skip

    assert isinstance(made(live=True), KrakenFuturesVenue)
    with pytest.raises(VenueSetupError, match="kraken-1: symbols"):
        made(live=False, symbols="")
    for lacking in ("cancel_all", "not_after", "reduce_only"):
        less = replace(KrakenFutures.capabilities, **{lacking: False})
        monkeypatch.setattr(KrakenFutures, "capabilities", less)
        assert made(live=False)
        with pytest.raises(VenueSetupError, match=f"kraken-1 is live.*{lacking}"):
            made(live=True)
        monkeypatch.undo()
    has = dict.fromkeys(("fetchOpenOrders", "cancelOrder", "cancelAllOrders"), True)
    assert offered(Capabilities(), has).cancel_all
    for gone in has:
        assert offered(Capabilities(), {**has, gone: None}).missing_for_live()
    monkeypatch.setattr(KrakenFutures, "exchange", "nosuchexchange")
    with pytest.raises(VenueSetupError, match="HALTLINE_VENUES=ccxt"):
        made(live=False)


def test_in_the_clear_to_this_machine_only() -> None:
    assert tls_for("127.0.0.1:80") is None
    assert tls_for("[::1]:80") is None
    for address in ("futures.kraken.com:443", "10.0.0.1:80", "localhost:80"):
        context = tls_for(address)
        assert context is not None
        assert context.check_hostname


def test_what_a_venue_lacks_refuses_the_order_and_no_other() -> None:
    orders = {
        "reduce_only": replace(ORDER, reduce_only=True),
        "stop": replace(ORDER, order_type=OrderType.STOP),
        "post_only": replace(ORDER, post_only=True),
        "good_till_date": replace(ORDER, time_in_force=TimeInForce.GTD),
    }
    for lacking, order in orders.items():
        less = replace(Capabilities(), **{lacking: False})
        refusal = less.refusal(order)
        assert refusal is not None
        assert refusal[0] == "NOT_SUPPORTED"
        assert less.refusal(ORDER) is None
        assert Capabilities().refusal(order) is None


def test_ccxt_is_loaded_by_the_gateway_that_needs_it_and_by_nobody_else() -> None:
    """One exchange of it, and nowhere at import: the supervisor forks everything it imported."""
    named = [
        path
        for room in ("console", "workers", "trading", "riskctl", "audit")
        for path in (PROJECT / room).rglob("*.py")
        if re.search(r"^\s*(import|from) ccxt\b", path.read_text(), re.MULTILINE)
    ]
    assert named == []
    code = (
        "import sys; from trading.venues.ccxt_client import exchange_class;"
        "before = any(n.split('.')[0] in ('ccxt', 'aiohttp') for n in sys.modules);"
        "exchange_class('krakenfutures');"
        "print(before, sum(n.startswith('ccxt.async_support.') and n.count('.') == 2"
        " for n in sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    before, loaded = said.stdout.split()
    assert before == "False"
    assert int(loaded) <= 2, "not the two hundred others"
