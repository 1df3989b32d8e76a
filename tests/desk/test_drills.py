"""Long drills, in ``make drill-long``: whole recorded days, and one kill after another."""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.desk.judge import (
    answered_since,
    books_agree,
    database_now,
    hosted,
    nothing_lost_nothing_doubled,
    ready,
)
from tests.support.desk import running_desk
from tests.trading.test_lockstep import DATA, FILES

pytestmark = [pytest.mark.desk, pytest.mark.drill, pytest.mark.timeout(1800)]

KILLS = 60
SPARED = ("supervisor",)


def test_two_whole_recorded_days_at_full_speed(tmp_path: Path) -> None:
    """What the README promises of a replay, on the files as they are."""
    feed = "replay:" + ",".join(str(DATA / name) for name in FILES)
    with running_desk(tmp_path / "home", FEED=feed, REPLAY_SPEED="max") as desk:
        ended = "SELECT state FROM trading_feedsession WHERE ended_at IS NOT NULL"
        desk.wait_for(lambda: desk.sql(ended), 900, "at the end of the replay")
        ((state,),) = desk.sql(ended)
        assert state["read"] == 49_341 + 28_040
        assert state["read"] == state["accepted"] + sum(state["refused"].values())
        nothing_lost_nothing_doubled(desk)
        books_agree(desk)


def test_one_kill_after_another(tmp_path: Path) -> None:
    """Random processes, before the desk has recovered from the last one as well."""
    chance = random.Random(20261121)
    with running_desk(tmp_path / "home", FEED="simulated") as desk:
        for _ in range(KILLS):
            title, pid = chance.choice(sorted(hosted(desk).items()))
            if title in SPARED:
                continue
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if chance.random() < 0.5:
                desk.wait_for(lambda: ready(desk), 90, f"ready after {title}")
        desk.wait_for(lambda: ready(desk), 90, "ready at the end")
        moment = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, moment) > 3, 90, "trading")
        nothing_lost_nothing_doubled(desk)
        books_agree(desk)
