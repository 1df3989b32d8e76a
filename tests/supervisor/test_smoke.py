"""``make up`` as a new user would: it is ready, people can sign in, Ctrl-C leaves nothing.

The next start carries on, after a kill of everything as well: trading, and with the same data.
"""

import os
import signal
from pathlib import Path

import pytest

from scripts.totp import current_code
from tests.desk.judge import (
    answered_since,
    books_agree,
    database_now,
    nothing_lost_nothing_doubled,
)
from tests.supervisor.conftest import eventually
from tests.support.desk import Desk, still_alive

EXPECTED = {
    "postgres", "redis", "papervenue", "web", "pipeline-1", "pipeline-2", "gateway-1", "gateway-2",
    "watchdog", "control", "default", "beat",
}  # fmt: skip
pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]


def test_one_home_through_starts_an_orderly_stop_and_a_kill(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    cold = desk.start()
    try:
        said_at_the_first_start(desk)
        first_demo = desk.demo
        before = desk.sql("SELECT username, password FROM auth_user ORDER BY 1")
        begun = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, begun) > 3, 60, "trading")
        everything = desk.descendants()
        assert len(everything) > len(EXPECTED)
        assert desk.stop(signal.SIGINT) == 0
        assert still_alive(everything) == []

        warm = desk.start()
        print(f"cold {cold:.1f} s, warm {warm:.1f} s")
        assert desk.demo == first_demo
        assert desk.sql("SELECT username, password FROM auth_user ORDER BY 1") == before
        assert answered_since(desk, begun) > 3
        everything = desk.descendants()
        desk.stop(signal.SIGKILL)
        eventually(lambda: still_alive(everything) == [], 10)

        desk.start()
        again = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, again) > 0, 60, "trading again")
        nothing_lost_nothing_doubled(desk)
        books_agree(desk)
    finally:
        assert desk.stop(signal.SIGTERM) == 0


def said_at_the_first_start(desk: Desk) -> None:
    assert set(desk.processes()) == EXPECTED
    assert all(one["pid"] and not one["restarts"] for one in desk.processes().values())
    eventually(lambda: "Haltline is ready after" in desk.output.read_text())
    said = desk.output.read_text()
    assert f"http://localhost:{desk.port}/" in said
    for person in desk.demo["users"]:
        assert person["username"] in said
        assert person["password"] in said
        assert person["totp_secret"] not in said
    assert len(current_code(desk.home, "mercy.okafor").split()[0]) == 6


def test_an_ordinary_user_can_run_it(tmp_path: Path) -> None:
    """Where the tests run as root, in a user namespace that makes root an ordinary user."""
    prefix = ["unshare", "--user", "--map-user=1000", "--"] if os.geteuid() == 0 else []
    desk = Desk(tmp_path / "home", prefix=prefix)
    try:
        desk.start()
        status = Path(f"/proc/{desk.pid}/status").read_text().splitlines()
        powers = next(line for line in status if line.startswith("CapEff:"))
        assert int(powers.split()[1], 16) == 0
    finally:
        assert desk.stop() == 0
