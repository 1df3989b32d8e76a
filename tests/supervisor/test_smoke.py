"""``make up`` as a new user would: ready in time, people can sign in, Ctrl-C leaves nothing."""

import os
import signal
from pathlib import Path

import pytest

from scripts.totp import current_code
from tests.supervisor.conftest import eventually
from tests.support.desk import Desk, still_alive

EXPECTED = {
    "postgres", "redis", "papervenue", "web", "pipeline-1", "pipeline-2", "gateway-1", "gateway-2",
    "watchdog", "control", "default", "beat",
}  # fmt: skip
pytestmark = pytest.mark.desk


def test_cold_start_stop_and_warm_start_with_the_same_data(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    cold = desk.start()
    try:
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
        before = desk.sql("SELECT username, password FROM auth_user ORDER BY 1")
        everything = desk.descendants()
    finally:
        code = desk.stop(signal.SIGINT)
    assert code == 0
    assert still_alive(everything) == []

    first_demo = desk.demo
    warm = desk.start()
    try:
        print(f"cold {cold:.1f} s, warm {warm:.1f} s")
        assert desk.demo == first_demo
        assert desk.sql("SELECT username, password FROM auth_user ORDER BY 1") == before
    finally:
        assert desk.stop(signal.SIGTERM) == 0


def test_kill_9_of_the_supervisor_leaves_nothing_and_the_next_start_carries_on(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path / "home")
    desk.start()
    everything = desk.descendants()
    assert len(everything) > len(EXPECTED)
    desk.stop(signal.SIGKILL)
    eventually(lambda: still_alive(everything) == [], 10)
    desk.start()
    assert desk.stop() == 0


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
