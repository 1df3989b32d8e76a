"""kill -9 of any one process loses no fill and doubles no order, and trading goes on by itself."""

import datetime as dt
import os
import signal

import pytest

from tests.desk.judge import (
    answered_since,
    books_agree,
    database_now,
    hosted,
    nothing_lost_nothing_doubled,
    ready,
)
from tests.support.desk import Desk, gone

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

BACK_S = 30
"""Within this the desk must be ready again, whatever was killed, however busy the machine."""

SUPERVISED = (
    "web", "pipeline-1", "pipeline-2", "gateway-1", "gateway-2", "watchdog", "control", "default",
    "beat", "papervenue", "postgres", "redis",
)  # fmt: skip
HOSTED = (
    "feed:main", "shard:0", "shard:1", "portfolio:main", "watchdog:main", "gateway:paper-1",
    "gateway:paper-2", "gateway:rehearsal", "sequencer:main",
)  # fmt: skip


LATELY = dt.timedelta(seconds=60)


def wait_until_trading(desk: Desk) -> None:
    """It is ready, and has traded lately: what came before ended with an order."""
    desk.wait_for(lambda: ready(desk), 60, "ready")
    desk.wait_for(lambda: answered_since(desk, database_now(desk) - LATELY) > 0, 60, "trading")


def check_recovery(desk: Desk, pid: int) -> None:
    desk.wait_for(lambda: gone(pid), 20, f"rid of {pid}")
    desk.wait_for(lambda: ready(desk), BACK_S, "ready again")
    moment = database_now(desk)
    desk.wait_for(lambda: answered_since(desk, moment) > 0, 60, "trading again")
    nothing_lost_nothing_doubled(desk)
    books_agree(desk)


@pytest.mark.parametrize("name", SUPERVISED)
def test_kill_9_of_a_supervised_process(desk: Desk, name: str) -> None:
    wait_until_trading(desk)
    before = desk.processes()[name]["restarts"]
    pid = desk.kill(name, signal.SIGKILL)
    check_recovery(desk, pid)
    assert desk.processes()[name]["restarts"] == before + 1


@pytest.mark.parametrize("title", HOSTED)
def test_kill_9_of_a_hosted_process(desk: Desk, title: str) -> None:
    wait_until_trading(desk)
    pid = hosted(desk)[title]
    os.kill(pid, signal.SIGKILL)
    check_recovery(desk, pid)
    assert hosted(desk)[title] != pid


def test_kill_9_of_every_nursery(desk: Desk) -> None:
    wait_until_trading(desk)
    nurseries = {title: pid for title, pid in hosted(desk).items() if "nursery" in title}
    assert len(nurseries) == 5
    for pid in nurseries.values():
        os.kill(pid, signal.SIGKILL)
    desk.wait_for(lambda: all(map(gone, nurseries.values())), 20, "rid of them")
    desk.wait_for(lambda: ready(desk), 2 * BACK_S, "ready again")
    check_recovery(desk, nurseries.popitem()[1])
