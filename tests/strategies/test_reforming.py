"""Strategies change between two ticks: who did not change loses nothing, who did begins anew."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.strategies.desk import START, Desk, Gateway, orders, quotes, spec
from trading.clock import NS
from trading.messages import Holding, Intent, OrderIntent
from trading.strategies.specs import StrategySpec

D = Decimal
FLAT = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 30)]
MOM: dict[str, Any] = {"fast_s": 2, "slow_s": 8, "warmup_ticks": 10}


def momentum(key: str = "mom", **changes: Any) -> StrategySpec:
    return spec(key, **{**MOM, **changes})


def after(desk: Desk, mids: list[float], symbol: str = "EURUSD") -> list[Intent]:
    """Fed on from where the desk's clock stands."""
    return desk.feed(quotes(symbol, mids, start=desk.now + NS))


def told(intents: list[Intent], key: str) -> list[tuple[Any, ...]]:
    return [
        (one.side, one.quantity, one.limit_price, one.created_boot)
        for one in intents
        if isinstance(one, OrderIntent) and one.strategy == key
    ]


KINDS = [
    momentum("own"),
    spec("own", "mean-reversion", mean_s=8, enter=1.0, leave=0.2, stop=3, warmup_ticks=10),
    spec("own", "market-making", sigma_s=8, warmup_ticks=10),
    spec("own", "arbitrage", symbols=("BTCUSDT", "BTCUSDT-PERP"), mean_s=10, warmup_ticks=10,
         enter=1.0, least_bp=1, fresh_s=5),
]  # fmt: skip


@pytest.mark.parametrize("own", KINDS, ids=lambda one: one.kind)
def test_who_did_not_change_orders_as_if_nobody_had(own: StrategySpec) -> None:
    """The same ticks to two desks; on one of them others come, change and go meanwhile."""
    dice = random.Random(11)
    others = [momentum("zz"), momentum("aa", slow_s=9, symbols=("EURUSD", "BTCUSDT")),
              spec("mm", "market-making", sigma_s=5, warmup_ticks=10)]  # fmt: skip
    alone, among = Desk([own]), Desk([own, others[0]])
    for desk in (alone, among):
        desk.book()
    mids = {symbol: 1.15 if symbol == "EURUSD" else 60_000.0 for symbol in own.symbols}
    made: tuple[list[Intent], list[Intent]] = ([], [])
    gateways = [Gateway(alone), Gateway(among)]
    for turn in range(240):
        symbol = own.symbols[turn % len(own.symbols)]
        mids[symbol] *= 1 + dice.gauss(0, 0.0004)
        tick = quotes(symbol, [mids[symbol]], start=START + turn * NS)
        for desk, gateway, found in zip((alone, among), gateways, made, strict=True):
            sent = desk.batch(tick)
            found.extend(sent)
            gateway.take(sent)
        if turn % 17 == 16:
            among.engine.reform([*dice.sample(others, dice.randrange(4)), own])
            for desk, gateway in zip((alone, among), gateways, strict=True):
                desk.engine.on_gateway(gateway.book())
    assert told(made[0], "own")
    assert told(made[1], "own") == told(made[0], "own")


def test_other_parameters_keep_the_position_and_warm_up_anew() -> None:
    desk = Desk([momentum()])
    desk.book()
    gateway = Gateway(desk)
    gateway.take(desk.feed(quotes("EURUSD", FLAT + RISE))[:1])
    held = gateway.positions["mom", "EURUSD"]
    assert held > 0
    desk.engine.take_signals()
    desk.engine.reform([momentum(slow_s=20, warmup_ticks=15)])
    desk.book(Holding("mom", "EURUSD", held, D(0)))
    fall = [1.1514 - 0.0004 * n for n in range(1, 12)]
    assert after(desk, fall) == []  # it may not have an opinion yet
    assert desk.engine.take_signals() == []
    gateway.take(after(desk, [fall[-1] - 0.0004 * n for n in range(1, 25)]))
    assert gateway.positions["mom", "EURUSD"] < 0
    assert desk.engine.take_signals()


def test_a_new_one_warms_up_before_it_trades_and_begins_at_the_last_price() -> None:
    desk = Desk([])
    assert desk.engine.accounts == []
    desk.engine.reform([momentum("old")])
    desk.book()
    desk.feed(quotes("EURUSD", FLAT))
    desk.engine.reform([momentum("new"), momentum("old")])
    desk.book()
    made = orders(after(desk, [*RISE[:8]]))
    assert {one.strategy for one in made} == {"old"}
    made = orders(after(desk, RISE[8:]))
    assert {one.strategy for one in made} >= {"new"}


def test_an_instrument_that_is_left_out_goes_when_it_is_flat() -> None:
    both, one = momentum(symbols=("EURUSD", "GBPUSD")), momentum(symbols=("GBPUSD",))
    desk = Desk([both])
    desk.book()
    desk.engine.reform([one])
    assert not desk.engine.waits
    desk.book()
    assert desk.feed(quotes("EURUSD", FLAT + RISE)) == []

    desk = Desk([both])
    desk.book()
    gateway = Gateway(desk)
    gateway.take(desk.feed(quotes("EURUSD", FLAT + RISE)))
    held = gateway.positions["mom", "EURUSD"]
    desk.engine.reform([one])
    assert desk.engine.waits
    desk.book(Holding("mom", "EURUSD", held, D(0)))
    assert desk.engine.leave() == []
    sold = after(desk, [1.1514, 1.1515])
    first = orders(sold)[0]
    assert (first.side.sign, first.quantity) == (-1, held)
    gateway.take(sold)
    assert gateway.positions["mom", "EURUSD"] == 0
    desk.engine.leave()
    assert not desk.engine.waits
    desk.book()
    assert after(desk, [1.1515 + 0.0001 * n for n in range(40)]) == []


def test_a_pair_changes_its_legs_only_when_it_is_flat() -> None:
    pair = spec("arb", "arbitrage", symbols=("BTCUSDT", "BTCUSDT-PERP"), mean_s=10, warmup_ticks=10)
    other = spec("arb", "arbitrage", symbols=("ETHUSDT", "BTCUSDT"), mean_s=10, warmup_ticks=10)
    desk = Desk([pair])
    desk.book(Holding("arb", "BTCUSDT-PERP", D(1), D(0)))
    desk.engine.reform([other])
    assert desk.engine.waits
    desk.book()
    desk.engine.leave()
    assert not desk.engine.waits


def test_legs_of_two_accounts_stay_each_at_its_own() -> None:
    made = spec("arb", "arbitrage", symbols=("BTCUSDT", "BTCUSDT-PERP"), warmup_ticks=10)
    pair = replace(made, second_account="paper-2")
    desk = Desk([pair])
    desk.engine.reform([replace(pair, parameters=replace(pair.parameters, warmup_ticks=20))])
    assert sorted(desk.engine.accounts) == ["paper-1", "paper-2"]
    desk.engine.reform([momentum("new", symbols=("BTCUSDT",)), pair])
    assert sorted(desk.engine.accounts) == ["paper-1", "paper-2"]
