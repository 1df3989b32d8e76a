"""A recorded day at full speed through the real processes: every quote and every cent accounted."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.judge import books_agree, nothing_lost_nothing_doubled
from tests.support.desk import Desk, running_desk
from tests.trading.test_lockstep import DATA

pytestmark = [pytest.mark.desk, pytest.mark.timeout(500)]

LINES = 6_000


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The first lines of two recorded files, with some damage, replayed to the end."""
    folder = tmp_path_factory.mktemp("replay")
    names = ("eurusd-oanda-20140502", "btcusdt-spot-20240808")
    files = [_shortened(folder, name) for name in names]
    feed = "replay:" + ",".join(files)
    with running_desk(folder / "home", FEED=feed, REPLAY_SPEED="max") as desk:
        ended = "SELECT 1 FROM trading_feedsession WHERE ended_at IS NOT NULL"
        desk.wait_for(lambda: desk.sql(ended), 300, "at the end of the replay")
        open_orders = "SELECT 1 FROM trading_order WHERE ended_at IS NULL AND state = 'pending'"
        desk.wait_for(lambda: not desk.sql(open_orders), 30, "settled")
        yield desk


def _shortened(folder: Path, name: str) -> str:
    """The first LINES of a file, plain, with one line of each kind of damage in it."""
    with gzip.open(DATA / f"{name}.quotes.csv.gz", "rt") as lines:
        kept = [next(lines) for _ in range(LINES)]
    ts, symbol, bid, ask, *sizes = kept[2000].rstrip("\n").split(",")
    damage = [
        "not a line\n",
        f"{ts},{symbol},{ask}9,{bid},{','.join(sizes)}\n",
        f"{ts},{symbol},0,{ask},{','.join(sizes)}\n",
        f"{ts},NOSUCH,{bid},{ask},{','.join(sizes)}\n",
    ]
    path = folder / f"{name}.csv"
    path.write_text("".join([*kept[:2001], *damage, *kept[2001:]]))
    return str(path)


def test_orders_fills_and_pnl_appear(replayed: Desk) -> None:
    for symbol in ("EURUSD", "BTCUSDT"):
        ((fills,),) = replayed.sql("SELECT count(*) FROM trading_fill WHERE symbol = %s", symbol)
        assert fills > 0, f"nothing traded in {symbol}"
    assert replayed.api("/api/positions/summary")["total_realized_pnl"] != "0"


def test_the_books_agree_with_positions_and_venue(replayed: Desk) -> None:
    nothing_lost_nothing_doubled(replayed)
    books_agree(replayed)


def test_every_bad_quote_is_accounted_for(replayed: Desk) -> None:
    ((state,),) = replayed.sql("SELECT state FROM trading_feedsession")
    assert state["read"] == 2 * (LINES - 1 + 4)
    assert state["read"] == state["accepted"] + sum(state["refused"].values())
    assert state["refused"]["malformed"] == 4
    assert state["refused"]["non-positive"] == 2
    assert state["refused"]["crossed"] == 2
    malformed = replayed.sql(
        "SELECT source, line, detail FROM trading_feedreject WHERE reason = 'malformed'"
        " ORDER BY source, line"
    )
    assert [line for _, line, _ in malformed] == [2002, 2005, 2002, 2005]


def test_no_order_rests_on_a_quote_that_was_refused(replayed: Desk) -> None:
    """The refused prices are far from the market: no fill is near them."""
    ((low, high),) = replayed.sql(
        "SELECT min(price), max(price) FROM trading_fill WHERE symbol='EURUSD'"
    )
    assert 1.38 < low <= high < 1.40
