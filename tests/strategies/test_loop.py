"""What a shard measures of each entry of the tick stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from redis import Redis

from tests.strategies.desk import Desk, quotes, spec
from trading import clock, histograms, streams
from trading.clock import NS
from trading.feeds.reading import TickEntry
from trading.health import HISTOGRAMS
from trading.histograms import Percentiles, percentiles
from trading.strategies.loop import ShardLoop
from trading.strategies.specs import OutcomeMade, SignalMade
from trading.ticks import no_trades

LATE_NS = 2 * NS


@dataclass
class Kept:
    """Where signals go here."""

    made: list[SignalMade | OutcomeMade] = field(default_factory=list)
    dropped = failures = depth = 0

    def put(self, made: Sequence[SignalMade | OutcomeMade]) -> None:
        self.made += made


def counted(*, live: bool, same_boot: bool = True, symbol: str = "EURUSD") -> Percentiles | None:
    """Of one entry whose quotes are two seconds old when they are published, at once."""
    desk = Desk([spec()])
    loop = ShardLoop(
        "shard:0", desk.engine, redis=Redis.from_url(streams.redis_url()), writer=Kept(),
        stopping=lambda _: True, boot_id="here", live=live,
    )  # fmt: skip
    now = clock.wall_ns()
    ticks = quotes(symbol, [1.1, 1.1], start=now - LATE_NS, step_s=0)
    desk.now = clock.boot_ns()  # the engine's clock: when its indicators were done
    loop._process(
        TickEntry(
            b"1-1",
            ticks,
            now,
            desk.now,
            now,
            "here" if same_boot else "there",
            "s",
            lock=False,
            end=False,
            trades=no_trades(),
        )
    )
    found = histograms.read(loop._indicators.fields()[HISTOGRAMS])
    return percentiles(histograms.added(one.counts for one in found))


@pytest.mark.parametrize("same_boot", [True, False], ids=["one host", "two"])
def test_market_data_of_a_live_feed_is_as_old_as_the_exchange_says(same_boot: bool) -> None:
    found = counted(live=True, same_boot=same_boot)
    assert found is not None
    assert found.p50_us >= LATE_NS / 1_000


def test_of_a_recording_it_begins_with_the_publication_here() -> None:
    found = counted(live=False)
    assert found is not None
    assert found.p99_us < LATE_NS / 1_000
    assert counted(live=False, same_boot=False) is None


def test_what_nobody_trades_here_is_no_market_data() -> None:
    assert counted(live=True, symbol="GBPUSD") is None
