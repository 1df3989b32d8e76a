"""The whole path in lock-step: the same file gives the same orders, and every book agrees."""

import hashlib
import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading.feeds.replay import Replay
from trading.lockstep import Lockstep, Result
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import StrategySpec
from trading.universe import UNIVERSE

D = Decimal
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
FILES = ("eurusd-oanda-20140502.quotes.csv.gz", "btcusdt-spot-20240808.quotes.csv.gz")

STRATEGIES = [
    StrategySpec(
        key=f"{kind[:3]}-{symbol.lower()}",
        kind=kind,
        account="paper-1" if symbol == "EURUSD" else "paper-2",
        symbols=(symbol,),
        parameters=read_parameters(kind, {}),
        size_notional=D(50_000),
    )
    for symbol in ("EURUSD", "BTCUSDT")
    for kind in ("momentum", "mean-reversion")
]


def limits() -> dict[tuple[str, str], Decimal]:
    wide = D(10_000_000)
    found = {("firm", kind): wide for kind in ("order-notional", "gross-notional")}
    found["firm", "price-collar"] = D(100)
    for account in ("paper-1", "paper-2"):
        found[f"account:{account}", "gross-notional"] = wide / 2
        found[f"account:{account}", "order-rate"] = D(1000)
    for one in STRATEGIES:
        scope = f"strategy:{one.key}"
        for kind in ("order-notional", "position-notional", "gross-notional"):
            found[scope, kind] = D(200_000)
        found[scope, "open-orders"], found[scope, "order-rate"] = D(20), D(1000)
    return found


def replay(rows: int, most: int | None = None) -> tuple[Lockstep, Result]:
    """Both files, ``rows`` quotes a batch, at most ``most`` batches."""
    path = Lockstep(STRATEGIES, limits())
    feed = Replay([DATA / name for name in FILES])
    try:
        for number, batch in enumerate(feed.batches(rows=rows, span_ns=2_000_000_000)):
            if most is not None and number >= most:
                break
            path.step(batch)
    finally:
        feed.close()
    return path, path.result


def fingerprint(result: Result) -> str:
    lines = [
        f"{row.order.client_order_id} {row.event} {row.order.side} {row.order.quantity:f}"
        f" {row.order.limit_price} {row.order.filled:f} {row.order.created_wall_ns}"
        for row in result.orders
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def both_days() -> tuple[Lockstep, Result]:
    return replay(rows=64)


def test_the_same_files_give_the_same_orders(both_days: tuple[Lockstep, Result]) -> None:
    _, again = replay(rows=64)
    assert fingerprint(again) == fingerprint(both_days[1])


def test_every_strategy_trades_and_every_fill_was_ordered(
    both_days: tuple[Lockstep, Result],
) -> None:
    _, result = both_days
    traded = {row.order.strategy for row in result.fills if row.order}
    assert traded == {one.key for one in STRATEGIES}
    assert all(row.order is not None for row in result.fills)
    sent = [row.order.client_order_id for row in result.orders if row.event == "intend"]
    assert len(sent) == len(set(sent))
    assert result.signals


def test_our_books_and_the_venues_agree_to_the_last_digit(
    both_days: tuple[Lockstep, Result],
) -> None:
    path, _ = both_days
    for account, core in path.cores.items():
        venue: Any = path.exchange.exchange.positions(account)["positions"]
        theirs = {one["symbol"]: one for one in venue}
        quantity: dict[str, Decimal] = defaultdict(Decimal)
        cash: dict[str, Decimal] = defaultdict(Decimal)
        fees: dict[str, Decimal] = defaultdict(Decimal)
        for (_, symbol), held in core.book.holdings.items():
            quantity[symbol] += held.quantity
            cash[symbol] += held.realised - held.cost
            fees[symbol] += held.fees
        assert set(theirs) == set(quantity)
        for symbol, one in theirs.items():
            assert D(one["quantity"]) == quantity[symbol]
            assert D(one["cash_flow"]) == cash[symbol]
            assert D(one["fees"]) == fees[symbol]


def test_orders_never_rest_on_a_refused_quote(both_days: tuple[Lockstep, Result]) -> None:
    path, result = both_days
    counters = path.ingestor.counters()
    assert counters["read"] == counters["accepted"] + sum(counters["refused"].values())
    assert counters["accepted"] == result.ticks
    for row in result.fills:
        tick = UNIVERSE.by_symbol(row.fill.symbol).tick_size
        assert row.fill.price % tick == 0
