"""A market that makes momentum strategies change their mind as often as is wanted.

Every price jumps between two levels, each instrument at moments of its own; strategies with very
short memories follow. What they are told and allowed is set in the desk's own database.
"""

import datetime as dt
import json
import os
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tests.desk.judge import hosted
from tests.support.desk import Desk
from trading.feeds.lines import HEADER
from trading.universe import UNIVERSE, Instrument

STEP_S = 0.05  # between two quotes of one instrument: what a paced replay publishes at once
START = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
SIZE = 4_000_000  # displayed: no order is larger
JUMP = Decimal("0.0005")  # of the price
LEAST_JUMP = Decimal(20)  # price ticks
PARAMETERS = {
    "fast_s": 0.05, "slow_s": 0.5, "enter": 0.2, "exit": 0.0, "warmup_ticks": 20, "cross_ticks": 3,
}  # fmt: skip
NOTIONAL = 500_000  # one contract of the dearest future, at least
SYMBOLS_EACH = 3
_ENDLESS = 10**12
_SHARD = "shard:"

#: GCZ3 has expired: the desk makes a strategy of its own for a recording that quotes it.
INSTRUMENTS = tuple(one for one in UNIVERSE.instruments if one.symbol != "GCZ3")


def levels(one: Instrument) -> tuple[Decimal, Decimal]:
    """The two bids between which a price jumps."""
    steps = (one.reference_price / one.tick_size).to_integral_value()
    jump = max(LEAST_JUMP, (one.reference_price * JUMP / one.tick_size).to_integral_value())
    return steps * one.tick_size, (steps + jump) * one.tick_size


def write_quotes(path: Path, seconds: float, swing_s: float) -> None:
    """A quotes file of ``seconds``; each price jumps every ``swing_s``.

    Moments of quotes and of jumps are spread over the instruments.
    """
    count = len(INSTRUMENTS)
    both = [levels(one) for one in INSTRUMENTS]
    with path.open("w") as out:
        out.write(HEADER + "\n")
        for step in range(int(seconds / STEP_S)):
            for number, one in enumerate(INSTRUMENTS):
                at = (step + number / count) * STEP_S
                bid = both[number][int(at / swing_s + number / count) % 2]
                ask = bid + one.tick_size
                ts = (START + dt.timedelta(seconds=at)).isoformat(timespec="microseconds")
                out.write(f"{ts},{one.symbol},{bid},{ask},{SIZE},{SIZE}\n")


def symbols_of(number: int) -> list[str]:
    """What strategy ``number`` trades: all instruments in turn, SYMBOLS_EACH at a time."""
    first = number * SYMBOLS_EACH
    return [INSTRUMENTS[(first + at) % len(INSTRUMENTS)].symbol for at in range(SYMBOLS_EACH)]


def give_load(desk: Desk) -> int:
    """Make every strategy one that follows the swings, without limits that would stop it.

    Returns the number of (strategy, symbol) pairs that trade.
    """
    desk.sql(
        "UPDATE riskctl_limit SET value = %s WHERE kind <> 'price-collar' RETURNING 1", _ENDLESS
    )
    keys = [key for (key,) in desk.sql("SELECT key FROM trading_strategy ORDER BY shard, key")]
    for number, key in enumerate(keys):
        desk.sql(
            "UPDATE trading_strategy SET kind = 'momentum', symbols = %s, parameters = %s,"
            " size_notional = %s WHERE key = %s RETURNING 1",
            json.dumps(symbols_of(number)),
            json.dumps(PARAMETERS),
            NOTIONAL,
            key,
        )
    _reload(desk)
    return len(keys) * SYMBOLS_EACH


def take_load(desk: Desk) -> None:
    """Leave no strategy anything to trade."""
    desk.sql("UPDATE trading_strategy SET symbols = '[]' RETURNING 1")
    _reload(desk)


def _reload(desk: Desk) -> None:
    """Strategies are read when a shard starts."""
    old = _shards(desk)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    desk.wait_for(lambda: _started(desk, old), 20, "loading its strategies again")


def _started(desk: Desk, old: Sequence[int]) -> bool:
    new = _shards(desk)
    return len(new) >= len(old) and not set(new) & set(old)


def _shards(desk: Desk) -> list[int]:
    return [pid for title, pid in hosted(desk).items() if title.startswith(_SHARD)]
