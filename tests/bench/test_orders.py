"""The arithmetic of the orders and memory benchmarks, and the market they run on."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from scripts.bench.bench_load import _figures as load_figures
from scripts.bench.bench_load import _most
from scripts.bench.bench_memory import Memory, figures_of, read_memory
from scripts.bench.bench_orders import Timing, Window, timing
from scripts.bench.bench_orders import figures_of as order_figures
from scripts.bench.chain import pace_for
from scripts.bench.swings import INSTRUMENTS, PARAMETERS, SIZE, levels, symbols_of, write_quotes
from tests.loadtest.test_plan import GOOD
from trading.feeds.lines import parse_lines
from trading.strategies.parameters import read_parameters
from trading.ticks import SCALE

CREATED = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
SENT = CREATED + dt.timedelta(milliseconds=4)
SENT_NS = int(SENT.timestamp()) * 10**9 + 4_000_000

ROLLUP = """55d0c5a00000-7ffc0a1fe000 ---p 00000000 00:00 0                          [rollup]
Rss:              102400 kB
Pss:               51200 kB
Shared_Clean:       4096 kB
Private_Clean:      1024 kB
Private_Dirty:     30720 kB

"""


def test_an_orders_way_is_cut_where_its_stamps_are() -> None:
    row = ("id", 9_000, CREATED, SENT, 2_000, "filled", "")
    assert timing(row, SENT_NS + 500_000) == Timing(2_000, 5_000, 9_000, 9_500)


@pytest.mark.parametrize("latency", [None, 6_000])
def test_a_signal_of_another_tick_is_no_part_of_the_way(latency: int | None) -> None:
    assert timing(("id", 9_000, CREATED, SENT, latency, "filled", ""), SENT_NS).signal is None


def test_figures_stand_beside_their_floor() -> None:
    found = [Timing(2_000, 5_000, 9_000, 10_000.0)] * 60
    window = Window(CREATED, CREATED + dt.timedelta(seconds=30), {"web": 3.0, "beat": 0.1})
    figures = {one.name: one for one in order_figures(found, [5_000_000] * 10, window)}
    whole = figures["tick to order at the venue p99"]
    assert (whole.value, whole.floor, whole.ratio, whole.met) == (10_000, 5_000, 2, True)
    assert figures["signal to intent admitted p50"].value == 3_000
    assert figures["orders a second"].value == 2
    assert figures["processor time of web"].value == 10
    assert "processor time of beat" not in figures


def test_no_orders_is_an_error_and_not_a_figure() -> None:
    with pytest.raises(RuntimeError, match="accepted no order"):
        order_figures([], [1], Window(CREATED, SENT, {}))


def test_memory_is_read_in_mebibytes() -> None:
    assert read_memory(ROLLUP) == Memory(rss=100, pss=50, uss=31)


def test_the_desks_memory_is_the_sum_of_what_is_shared_out() -> None:
    figures = figures_of(
        {"web": Memory(100, 40, 20), "redis": Memory(12, 10, 9)}, Memory(80, 79, 78)
    )
    assert (figures[0].value, figures[0].ratio) == (50, 0.625)
    by_name = {one.name: one for one in figures}
    assert by_name["web, RSS"].ratio == 1.25
    assert by_name["redis, RSS"].ratio is None


def test_the_floor_keeps_the_desks_rate() -> None:
    pace = pace_for(102.0, 0.05, 10)
    assert pace.orders == 5
    assert pace.orders / pace.every_s == pytest.approx(102)
    assert pace.entries * pace.every_s == pytest.approx(10, rel=0.01)


def test_prices_swing_between_two_levels_and_are_believed(tmp_path: Path) -> None:
    path = tmp_path / "swings.csv"
    write_quotes(path, seconds=2, swing_s=0.36)
    rows, faults = parse_lines(path.read_bytes().partition(b"\n")[2], 2, 0)
    assert not faults
    ticks = rows["tick"]
    assert len(ticks) == 40 * len(INSTRUMENTS)
    assert (ticks["time"][1:] >= ticks["time"][:-1]).all()
    for one in INSTRUMENTS:
        mine = ticks[ticks["instrument"] == one.id]
        seen = {Decimal(str(round(bid * SCALE, 9))) for bid in mine["bid"].tolist()}
        low, high = levels(one)
        assert seen == {low, high}
        assert float((high - low) / low) < one.max_jump
        assert (mine["ask_size"] == SIZE * 10**9).all()
        assert (mine["bid"][1:] != mine["bid"][:-1]).sum() in (5, 6)


def test_strategies_are_told_what_they_may_be_told() -> None:
    read_parameters("momentum", PARAMETERS)
    traded = [symbol for number in range(12) for symbol in symbols_of(number)]
    assert set(traded) == {one.symbol for one in INSTRUMENTS}


def test_the_load_s_figures_say_what_was_missed() -> None:
    figures = {one.name: one for one in load_figures(GOOD, (5_000.0, 10_000.0))}
    assert figures["orders lost, doubled or nobody's"].met
    p99 = figures["order due to the venue's answer p99"]
    assert (p99.value, p99.floor, p99.ratio, p99.met) == (20.0, 10.0, 2.0, True)
    assert (_most(499.0, 5_000.0).met, _most(500.0, 5_000.0).ratio) == (False, 0.1)
