"""``make up`` as a new user would: it is ready, people can sign in, Ctrl-C leaves nothing.

The next start carries on, after a kill of everything as well: trading, and with the same data.
"""

import json
import os
import signal
import stat
from pathlib import Path

import psycopg
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
from workers.services.postgres import APPLICATION, USER

EXPECTED = {
    "postgres", "redis", "papervenue", "web", "pipeline-1", "pipeline-2", "gateway-1", "gateway-2",
    "watchdog", "control", "default", "beat",
}  # fmt: skip
pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]


def connects_as_who_owns_nothing(desk: Desk) -> None:
    """Every process of a running desk, by the database's own word."""
    with psycopg.connect(desk.owner_url) as own:
        rows = own.execute(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1"
        ).fetchall()
        assert [role for role, _ in rows] == [APPLICATION]
        assert rows[0][1] >= len(EXPECTED) - 4  # not PostgreSQL, Redis, the venue and beat
        owners = own.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        )
        assert owners.fetchall() == [(USER,)]
    assert desk.environment["DATABASE_URL"].startswith(f"postgres://{APPLICATION}:")
    assert "DATABASE_OWNER_URL" not in desk.environment
    logs = "".join(one.read_text(errors="replace") for one in (desk.home / "log").glob("*.log"))
    assert "permission denied" not in logs, "what it does needs no more rights than it has"
    assert stat.S_IMODE((desk.home / "services.json").stat().st_mode) == 0o600


def entered(desk: Desk, action: str) -> set[str]:
    """The processes of which the record says so."""
    rows = desk.sql(
        "SELECT object_id FROM audit_entry WHERE object_kind = 'process' AND action = %s", action
    )
    return {name for (name,) in rows}


def a_home_of_before_the_role(desk: Desk) -> None:
    """It knows no password of the application's role: the next start makes one."""
    file = desk.home / "services.json"
    known = json.loads(file.read_text())
    del known["postgres"]["application_password"]
    file.write_text(json.dumps(known))


def test_one_home_through_starts_an_orderly_stop_and_a_kill(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home", anew=True)
    cold = desk.start()
    try:
        said_at_the_first_start(desk)
        first_demo = desk.demo
        before = desk.sql("SELECT username, password FROM auth_user ORDER BY 1")
        begun = database_now(desk)
        desk.wait_for(lambda: answered_since(desk, begun) > 3, 60, "trading")
        connects_as_who_owns_nothing(desk)
        eventually(lambda: entered(desk, "process.start") == EXPECTED, 30)
        everything = desk.descendants()
        assert len(everything) > len(EXPECTED)
        assert desk.stop(signal.SIGINT) == 0
        assert still_alive(everything) == []

        a_home_of_before_the_role(desk)
        warm = desk.start()
        print(f"cold {cold:.1f} s, warm {warm:.1f} s")
        assert desk.demo == first_demo
        assert desk.sql("SELECT username, password FROM auth_user ORDER BY 1") == before
        assert answered_since(desk, begun) > 3
        connects_as_who_owns_nothing(desk)
        eventually(lambda: entered(desk, "process.end") == EXPECTED, 30)  # of the run before
        everything = desk.descendants()
        desk.stop(signal.SIGKILL)
        eventually(lambda: still_alive(everything) == [], 30)

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
