"""The simulated market: the same every time, alive at every hour, and sometimes dirty."""

import msgspec
import numpy as np
import pytest

from tests.feeds.builders import NS
from trading.feeds.ingestor import Ingestor
from trading.feeds.market import DAY_NS, PROFILES, QUIETEST, activity
from trading.feeds.raw import RawRows
from trading.feeds.simulator import Simulator
from trading.universe import UNIVERSE, AssetClass, to_nano

START = 1_794_000_000 * NS


def run(simulator: Simulator, steps: int) -> RawRows:
    return np.concatenate([simulator.step().rows for _ in range(steps)])


def test_seed_start_and_steps_decide_everything() -> None:
    one, other = run(Simulator(7, START), 400), run(Simulator(7, START), 400)
    assert one.tobytes() == other.tobytes()
    assert run(Simulator(8, START), 400).tobytes() != one.tobytes()


def test_it_goes_on_from_its_state() -> None:
    first = Simulator(7, START)
    run(first, 200)
    saved = msgspec.json.decode(msgspec.json.encode(first.state()))
    second = Simulator(1, 0)
    second.restore(saved)
    assert run(second, 200).tobytes() == run(first, 200).tobytes()


def test_after_a_pause_prices_go_on_where_they_were() -> None:
    simulator = Simulator(7, START)
    before = Ingestor()
    for _ in range(200):
        before.process(simulator.step())
    simulator.skip_to(simulator.time_ns + 3_600 * NS)
    for _ in range(200):
        before.process(simulator.step())
    assert before.counters()["refused"].get("jump", 0) <= 2
    assert before.counters()["gaps"] >= 10


def test_current_instruments_quote_about_a_hundred_times_a_second() -> None:
    rows = run(Simulator(7, START), 20 * 60)
    symbols = {UNIVERSE.by_id(ident).symbol for ident in np.unique(rows["tick"]["instrument"])}
    assert symbols == {one.symbol for one in UNIVERSE.instruments} - {"GCZ3"}
    assert 80 <= len(rows) / 60 <= 170
    assert {kind for one in PROFILES for kind in [one.instrument.asset_class]} == set(AssetClass)


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_no_hour_is_silent(hour: int) -> None:
    midnight = START - START % DAY_NS
    rows = run(Simulator(3, midnight + hour * 3_600 * NS), 20 * 20)
    assert len(np.unique(rows["tick"]["instrument"])) == len(PROFILES)
    for kind in AssetClass:
        assert QUIETEST <= activity(kind, midnight + hour * 3_600 * NS) <= 1


def test_activity_has_no_steps_in_a_day() -> None:
    for kind in AssetClass:
        values = np.array([activity(kind, minute * 60 * NS) for minute in range(2 * 24 * 60)])
        assert np.abs(np.diff(values)).max() < 0.02


def test_prices_and_sizes_are_whole_ticks_and_lots() -> None:
    tick = run(Simulator(7, START), 1200)["tick"]
    for one in UNIVERSE.instruments:
        mine = tick[tick["instrument"] == one.id]
        for name, unit in (("bid", one.tick_size), ("ask", one.tick_size), ("volume", one.lot_size),
                           ("bid_size", one.lot_size), ("ask_size", one.lot_size)):  # fmt: skip
            assert not (mine[name] % to_nano(unit)).any()
    assert (tick["bid_size"] > 0).all()


@pytest.fixture(scope="module")
def some_minutes() -> tuple[Ingestor, dict[str, list[float]]]:
    """What passes the checks in twelve minutes; mids sampled every second."""
    simulator, ingestor = Simulator(11, START), Ingestor()
    mids: dict[str, list[float]] = {one.instrument.symbol: [] for one in PROFILES}
    last: dict[str, float] = {}
    for step in range(12 * 60 * 20):
        for tick in ingestor.process(simulator.step()).ticks:
            symbol = UNIVERSE.by_id(int(tick["instrument"])).symbol
            last[symbol] = (int(tick["bid"]) + int(tick["ask"])) / 2e9
        if step % 20 == 0:
            for symbol, price in last.items():
                mids[symbol].append(price)
    return ingestor, mids


def test_bad_quotes_are_rare_and_all_caught(
    some_minutes: tuple[Ingestor, dict[str, list[float]]],
) -> None:
    ingestor, mids = some_minutes
    counters = ingestor.counters()
    refused = counters["refused"]
    assert {"crossed", "non-positive", "jump", "out-of-order"} <= set(refused)
    assert 1e-5 < sum(refused.values()) / counters["read"] < 2e-3
    assert counters["read"] == counters["accepted"] + sum(refused.values())
    for symbol, prices in mids.items():
        assert np.abs(np.diff(np.log(prices))).max() < UNIVERSE.by_symbol(symbol).max_jump


def test_it_moves_enough_to_trade(
    some_minutes: tuple[Ingestor, dict[str, list[float]]],
) -> None:
    for prices in some_minutes[1].values():
        assert np.ptp(np.log(prices)) > 1e-3


def test_the_perpetual_follows_its_spot(
    some_minutes: tuple[Ingestor, dict[str, list[float]]],
) -> None:
    mids = some_minutes[1]
    size = min(len(mids["BTCUSDT"]), len(mids["BTCUSDT-PERP"]))
    basis = np.log(mids["BTCUSDT"][-size:]) - np.log(mids["BTCUSDT-PERP"][-size:])
    assert np.abs(basis).max() < 5e-3
