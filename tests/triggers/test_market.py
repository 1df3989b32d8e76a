"""Market triggers: silent in a simulated hour and on recorded days; each fires when it must."""

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.demo import ACCOUNTS as DEMO_ACCOUNTS
from console.demo import FIRM_LIMITS, STRATEGIES, account_limits
from tests.feeds.builders import raw_rows
from tests.triggers.builders import Rig
from trading import ticks as tick_format
from trading.clock import NS, utc_from_ns
from trading.feeds.backed import BackedChecker
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.feeds.replay import Replay
from trading.feeds.simulator import Simulator
from trading.portfolio.books import AccountRow, Books, PositionRow, StrategyRow
from trading.strategies.sizing import lots_for
from trading.ticks import Ticks
from trading.triggers.carried import SessionFact
from trading.triggers.market import BAR_NS, MarketWatch
from trading.triggers.quality import QualityWatch
from trading.universe import UNIVERSE, to_nano

D = Decimal
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
RECORDED = sorted(path.name for path in DATA.glob("*.quotes.csv.gz"))
START_NS = int(dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC).timestamp()) * NS


def demo_limits() -> dict[tuple[str, str], Decimal]:
    found = {("firm", str(kind)): value for kind, value in FIRM_LIMITS.items()}
    for account in DEMO_ACCOUNTS:
        for kind, value in account_limits(account).items():
            found[f"account:{account.name}", str(kind)] = value
    for strategy in STRATEGIES:
        for kind, value in strategy.limits().items():
            found[f"strategy:{strategy.key}", str(kind)] = value
    return found


def demo_books(at_ns: int, *, sign: int = 1) -> Books:
    """Every demo strategy with its whole size on, every other one short: nothing is left out."""
    positions, strategies = [], []
    for number, one in enumerate(STRATEGIES):
        strategies.append(
            StrategyRow(one.key, str(one.kind), one.owner, one.account, "", False, 0, one.symbols)
        )
        for leg, symbol in enumerate(one.symbols):
            instrument = UNIVERSE.by_symbol(symbol)
            mid = instrument.reference_price
            side = sign if number % 2 else -sign
            if leg and one.kind == "arbitrage":
                side = -side
            quantity = lots_for(D(one.size), mid, instrument) * side
            cost = quantity * mid * instrument.multiplier
            positions.append(
                PositionRow(one.account, one.key, symbol, quantity, cost, D(0), D(0), 1)
            )
    return Books(
        as_of=utc_from_ns(at_ns),
        accounts=tuple(AccountRow(one.name, one.venue, live=False) for one in DEMO_ACCOUNTS),
        strategies=tuple(strategies),
        positions=tuple(positions),
    )


def state_of(ingestor: Ingestor) -> dict[str, Any]:
    return {"session": "s1", "status": "running", **ingestor.counters()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("minutes", [35, pytest.param(60, marks=pytest.mark.drill)])
def test_simulated_trading_trips_nothing(minutes: int) -> None:
    """Long enough for every trigger to have what it compares with; a whole hour in drill-long."""
    rig = Rig(demo_limits(), wall_ns=START_NS)
    rig.books = demo_books(START_NS)
    simulator, ingestor = Simulator(11, START_NS), Ingestor()
    waiting: list[Ticks] = []
    for step in range(minutes * 60 * 20):
        result = ingestor.process(simulator.step())
        waiting.append(result.ticks)
        if step % 20 == 19:
            rig.clock_ns, rig.wall_ns = simulator.time_ns, simulator.time_ns - NS
            rig.ticks(np.concatenate(waiting))
            waiting.clear()
            rig.feed_state = state_of(ingestor)
            rig.look(after_s=1)
    seen = {one.trigger for one in rig.standings()}
    assert rig.breaches() == []
    assert seen >= {
        "volatility", "spread-widening", "price-velocity", "volume-spike", "volume-drop",
        "data-quality", "drawdown", "strategy-drawdown", "strategy-stop-loss", "pnl-move",
        "intraday-loss", "gross-exposure", "net-exposure", "margin", "position-value",
        "feed-outage",
    }  # fmt: skip
    assert ingestor.counters()["read"] > minutes * 6_600


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_day_at_full_speed_trips_nothing(name: str) -> None:
    """Half a second of ours for every minute of the recording, and silence after its end."""
    rig = Rig(demo_limits(), wall_ns=START_NS)
    rig.books = demo_books(START_NS)  # held since yesterday's simulated prices
    rig.session = SessionFact("s1", differs=True)
    ingestor, feed = Ingestor(), Replay([DATA / name])
    waiting: list[Ticks] = []
    looked_ns = 0
    for batch in feed.batches(rows=500, span_ns=60 * NS):
        result = ingestor.process(batch)
        waiting.append(result.ticks)
        rig.clock_ns = batch.clock_ns
        if batch.clock_ns - looked_ns >= 10 * NS:
            looked_ns = batch.clock_ns
            rig.ticks(np.concatenate(waiting))
            waiting.clear()
            rig.feed_state = state_of(ingestor)
            rig.look(after_s=0.5)
    feed.close()
    assert rig.breaches() == []
    for _ in range(200):
        rig.look(after_s=0.5, phase="ended")
    assert rig.breaches() == []
    known = {one.trigger for one in rig.standings()}
    assert "drawdown" in known
    assert not known & {"volatility", "feed-outage", "data-quality"}


# Constructed markets ------------------------------------------------------------------------------

SPY = UNIVERSE.by_symbol("SPY")


def quotes(clock_ns: int, mids: list[float], *, spread: float = 0.02, volume: int = 100) -> Ticks:
    """SPY, evenly over the five seconds before ``clock_ns``."""
    batch = tick_format.empty(len(mids))
    batch["instrument"] = SPY.id
    cents = np.round(np.array(mids) * 100).astype(np.int64)
    half = max(1, round(spread * 50))
    batch["bid"] = (cents - half) * to_nano(D("0.01"))
    batch["ask"] = (cents + half) * to_nano(D("0.01"))
    batch["time"] = clock_ns - BAR_NS + 1 + np.arange(len(mids)) * (BAR_NS // len(mids))
    batch["volume"] = volume * NS
    return batch


class Tape:
    """A market of one instrument, bar by bar, watched at every bar."""

    def __init__(self) -> None:
        self.rig = Rig(wall_ns=START_NS)
        self.random = np.random.default_rng(5)
        self.mid = 668.0

    def bar(self, *, sigma: float = 0.02, drift: float = 0.0, **more: Any) -> None:
        """Five quotes around a mid that moves by ``sigma`` and ``drift`` dollars a bar."""
        self.mid += drift + float(self.random.normal(0, sigma))
        self.rig.clock_ns += BAR_NS
        self.rig.wall_ns += BAR_NS - NS
        self.rig.boot_ns += BAR_NS - NS
        self.rig.ticks(quotes(self.rig.clock_ns, [self.mid] * 5, **more))
        self.rig.look(after_s=1)

    def hour(self) -> None:
        for _ in range(3_600 // 5):
            self.bar()
        assert self.rig.breaches() == []

    def until(self, trigger: str, bars: int, **more: Any) -> int:
        """Bars until ``trigger`` fires on SPY; it must within ``bars``."""
        for count in range(1, bars + 1):
            self.bar(**more)
            if (trigger, "instrument:SPY") in self.rig.breaches():
                return count
        raise AssertionError(f"{trigger}: {self.rig.standings()}")


def after_an_hour() -> Tape:
    tape = Tape()
    tape.hour()
    return tape


def test_a_burst_of_volatility_fires() -> None:
    tape = after_an_hour()
    bars = tape.until("volatility", 60, sigma=1.5)
    assert bars > 3
    assert tape.rig.breaches()[0] == ("volatility", "instrument:SPY")


def test_one_jump_is_no_volatility() -> None:
    tape = after_an_hour()
    tape.bar(drift=8)
    for _ in range(60):
        tape.bar()
    assert tape.rig.breaches() == []


def test_a_spread_that_widens_fires() -> None:
    assert after_an_hour().until("spread-widening", 120, spread=1.5) > 1


def test_a_fast_price_fires() -> None:
    tape = after_an_hour()
    tape.until("price-velocity", 12, drift=-5.0)


def test_one_wild_quote_is_no_velocity() -> None:
    tape = after_an_hour()
    rig = tape.rig
    rig.clock_ns += BAR_NS
    mids = [tape.mid] * 49 + [tape.mid * 1.049]
    rig.ticks(quotes(rig.clock_ns, mids))
    rig.look(after_s=5)
    for _ in range(15):
        tape.bar()
    assert rig.breaches() == []


def test_a_spike_and_a_drop_of_volume_fire() -> None:
    assert after_an_hour().until("volume-spike", 15, volume=3_000) <= 13
    assert after_an_hour().until("volume-drop", 20, volume=1) > 10


def test_a_feed_without_volumes_has_none_to_judge() -> None:
    tape = Tape()
    for _ in range(3_600 // 5):
        tape.bar(volume=0)
    names = {one.trigger for one in tape.rig.standings()}
    assert "volatility" in names
    assert not names & {"volume-spike", "volume-drop"}


def test_a_gap_of_the_whole_feed_is_no_drop_of_volume() -> None:
    tape = after_an_hour()
    tape.rig.clock_ns += 50 * NS
    for _ in range(30):
        tape.bar()
    assert tape.rig.breaches() == []


def test_a_silent_feed_is_unknown_and_then_an_outage() -> None:
    tape = after_an_hour()
    states = set()
    for _ in range(400):
        tape.rig.look(after_s=0.1)
        states |= {
            (one.trigger, one.state) for one in tape.rig.standings() if one.trigger == "volatility"
        }
    assert ("volatility", "unknown") in states
    assert tape.rig.breaches() == [("feed-outage", "firm")]


def test_bad_quotes_are_bad_quality() -> None:
    rig = Rig(wall_ns=START_NS)
    read = accepted = 0
    for step in range(200):
        read += 100
        accepted += 100 if step < 100 else 60
        rig.feed_state = {"session": "s1", "read": read, "accepted": accepted}
        rig.look()
    assert rig.breaches() == [("data-quality", "firm")]


def test_a_source_that_is_dead_from_the_start_is_no_bad_quality() -> None:
    watch, backed = QualityWatch(), BackedChecker(("first", "second"), (0, 1))
    ingestor, found = Ingestor(backed=backed), []
    for step in range(2_000):
        time = START_NS + step * NS // 200
        rows = raw_rows([("EURUSD", time, 10**9 + step % 2, 10**9 + 10, time)])
        rows["tick"]["source"] = 1
        ingestor.process(RawBatch(rows, time))
        if reading := watch.take({**state_of(ingestor), **backed.state()}):
            found.append(reading.value)
    assert backed.counters()["standby"] > 500  # the first is waited for
    assert set(found) == {1}


def test_another_session_starts_another_count() -> None:
    rig = Rig(wall_ns=START_NS)
    for session in ("s1", "s2"):
        for read in range(0, 1_000, 100):
            accepted = read if session == "s1" else 0
            rig.feed_state = {"session": session, "read": read, "accepted": accepted}
            rig.look()
    [one] = [one for one in rig.fired if one.level == "breach"]
    assert one.value == 0


def test_bars_of_another_session_are_forgotten() -> None:
    watch = MarketWatch(UNIVERSE)
    windows = dict.fromkeys(
        ("volatility", "spread-widening", "price-velocity", "volume-spike", "volume-drop"), 60
    )
    for number in range(1, 20):
        clock = START_NS + number * BAR_NS
        watch.take(quotes(clock, [668.0, 668.1]), clock)
    assert watch.readings(windows)
    watch.restart()
    assert watch.readings(windows) == []


def test_ticks_in_one_batch_or_in_many_make_the_same_bars() -> None:
    windows = dict.fromkeys(
        ("volatility", "spread-widening", "price-velocity", "volume-spike", "volume-drop"), 300
    )
    simulator, ingestor = Simulator(3, START_NS), Ingestor()
    batches = [ingestor.process(simulator.step()) for _ in range(1_200 * 20)]
    one, many = MarketWatch(UNIVERSE), MarketWatch(UNIVERSE)
    for result in batches:
        many.take(result.ticks, result.clock_ns)
    for start in range(0, len(batches), 400):
        part = batches[start : start + 400]
        one.take(np.concatenate([result.ticks for result in part]), part[-1].clock_ns)
    assert one.readings(windows) == many.readings(windows)
    assert {reading.trigger for reading in one.readings(windows)} == set(windows)
