"""What the path's benchmarks run: 20 strategies on all of 500 instruments."""

from decimal import Decimal

import numpy as np

from trading import clock
from trading.clock import NS
from trading.feeds import raw
from trading.feeds.raw import RawBatch
from trading.strategies.engine import ShardEngine
from trading.strategies.ids import id_factory
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import Clocks, StrategySpec
from trading.universe import AssetClass, Instrument, Universe

INSTRUMENTS = 500
STRATEGIES = 20
START_NS = 1_700_000_000 * NS
SHARD = "shard:0"
_CENT = 10**7  # nano


def universe() -> Universe:
    """500 shares at about 100 dollars."""
    return Universe(
        Instrument(
            id=number,
            symbol=f"X{number:03}",
            name=f"Share {number}",
            asset_class=AssetClass.EQUITY,
            market="NYSE",
            currency="USD",
            tick_size=Decimal("0.01"),
            lot_size=Decimal(1),
            multiplier=Decimal(1),
            depth=Decimal(1000),
            max_jump=0.05,
            reference_price=Decimal(100),
        )
        for number in range(INSTRUMENTS)
    )


def strategies(known: Universe, slow_s: float) -> list[StrategySpec]:
    """Ten of each kind, all different, on every instrument; time constants from ``slow_s`` up."""
    symbols = tuple(one.symbol for one in known.instruments)
    made = []
    for number in range(STRATEGIES):
        tau = slow_s * (1 + 0.1 * (number // 2))
        if number % 2:
            kind, given = "mean-reversion", {"mean_s": tau, "enter": 2.0}
        else:
            kind, given = "momentum", {"fast_s": tau / 5, "slow_s": tau}
        parameters = read_parameters(kind, given)
        size = Decimal(10_000)
        made.append(StrategySpec(f"s{number:02}", kind, "bench", symbols, parameters, size))
    return made


def engine(specs: list[StrategySpec], known: Universe) -> ShardEngine:
    return ShardEngine(
        specs,
        known,
        shard=SHARD,
        token=1,
        ids=id_factory(SHARD, 1, 0),
        clocks=Clocks(clock.boot_ns, clock.wall_ns, clock.boot_id()),
    )


def batches(
    count: int, size: int, *, rate: float, thin: int = 0, thin_rate: float = 1.0, seed: int = 1
) -> list[RawBatch]:
    """``count`` batches of ``size`` raw quotes, ``rate`` a second of feed time.

    The first ``thin`` of them come at ``thin_rate``: feed time passes faster, to warm up on.

    Each instrument walks by about half a cent a quote (more where quotes are further apart, as a
    walk does); which one quotes is drawn at random.
    """
    random = np.random.default_rng(seed)
    total = count * size
    which = random.integers(0, INSTRUMENTS, total)
    pause = np.where(np.arange(total) < thin * size, NS / thin_rate, NS / rate)
    steps = random.normal(0, 0.5, total) * np.sqrt(pause * (rate / NS))
    price = np.empty(total)
    for instrument in range(INSTRUMENTS):
        mine = which == instrument
        price[mine] = 10_000 + np.cumsum(steps[mine])
    rows = raw.empty(total)
    tick = rows["tick"]
    tick["instrument"] = which
    tick["time"] = START_NS + np.cumsum(pause).astype(np.int64)
    tick["bid"] = np.round(price).astype(np.int64) * _CENT
    tick["ask"] = tick["bid"] + 2 * _CENT
    tick["bid_size"] = tick["ask_size"] = 100 * NS
    rows["clock"] = tick["time"]
    rows["line"] = np.arange(total)
    return [
        RawBatch(rows[at : at + size], int(tick["time"][at + size - 1]))
        for at in range(0, total, size)
    ]


def percentiles_us(latencies_ns: list[int]) -> tuple[float, float]:
    """p50 and p99 in microseconds."""
    found = np.percentile(np.array(latencies_ns), (50, 99)) / 1_000
    return float(found[0]), float(found[1])
