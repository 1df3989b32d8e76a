"""A desk is stopped and started again: nothing is left running, everything is still there."""

import signal
from pathlib import Path

import pytest

from tests.desk.judge import (
    answered_since,
    books_agree,
    database_now,
    nothing_lost_nothing_doubled,
)
from tests.support.desk import Desk, still_alive

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]


def test_stop_leaves_nothing_and_the_next_start_trades_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    desk.start()
    try:
        begun = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, begun) > 3, 60, "trading")
        people = desk.demo["users"]
        below = desk.descendants()
        assert len(below) > 15
        assert desk.stop(signal.SIGTERM) == 0
        assert still_alive(below) == []
        desk.start()
        assert desk.demo["users"] == people
        assert answered_since(desk, begun) > 3
        again = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, again) > 0, 60, "trading again")
        nothing_lost_nothing_doubled(desk)
        books_agree(desk)
    finally:
        desk.stop()
