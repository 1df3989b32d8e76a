"""``haltline throughput-test`` as a shell runs it: judged by the venue, killed, and run again."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from audit.models import Entry
from tests.support.processes import Started, start_python
from tests.support.roles import application_url
from trading.models import VenueAccount
from workers.loadtest.judge import account
from workers.loadtest.load import Load
from workers.loadtest.plan import ACCOUNT, Plan
from workers.loadtest.stores import at
from workers.loadtest.world import load_world

pytestmark = pytest.mark.django_db(transaction=True)


def owner_url() -> str:
    known = connection.settings_dict
    who = f"{known['USER']}:{known['PASSWORD']}@{known['HOST'] or '127.0.0.1'}"
    return f"postgres://{who}:{known['PORT'] or 5432}/{known['NAME']}"


def throughput(home: Path, *arguments: str) -> Started:
    (home / "brakes").mkdir(exist_ok=True)
    environ = {
        **os.environ, "HALTLINE_HOME": str(home), "DATABASE_URL": application_url(),
        "DATABASE_OWNER_URL": owner_url(), "REDIS_URL": str(settings.REDIS_URL),
    }  # fmt: skip
    return start_python(
        "-m", "console.cli", "throughput-test", "--target-tps", "20", *arguments, env=environ,
        read=True,
    )  # fmt: skip


def databases() -> list[str]:
    with psycopg.connect(owner_url()) as owner:
        rows = owner.execute("SELECT datname FROM pg_database WHERE datname LIKE '%%_load'")
        return [name for (name,) in rows.fetchall()]


def numbers_in_use() -> list[int]:
    found = []
    for number in range(1, 16):
        with Redis.from_url(at(str(settings.REDIS_URL), str(number))) as one:
            if one.dbsize():
                found.append(number)
    return found


def until_said(process: Started, words: str) -> str:
    assert process.stdout is not None
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def gone(pids: list[int], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_killed_it_leaves_nothing_at_work_and_the_next_run_clears_up(tmp_path: Path) -> None:
    before = numbers_in_use()
    killed = throughput(tmp_path, "--duration", "600")
    until_said(killed, "answered")
    hosts = [one.pid for one in psutil.Process(killed.pid).children()]
    assert len(hosts) >= 2
    refused = throughput(tmp_path, "--duration", "1")
    assert refused.wait(60) == 4
    assert "a load test is running" in until_said(refused, "already")
    os.kill(killed.pid, signal.SIGKILL)
    assert gone(hosts)
    assert len(databases()) == 1
    again = throughput(tmp_path, "--duration", "4", "-o", "json")
    said = until_said(again, "\n}\n")
    body = json.loads(said[said.index("{\n") :])
    assert again.wait(60) == (0 if body["reached"] else 6)
    assert (body["lost"], body["duplicated"], body["strange"], body["still_held"]) == (0, 0, 0, 0)
    refused_by_us = sum(body["refused"].values())  # a licence may lapse on a busy machine
    assert body["made"] == body["sent"] + refused_by_us >= 60
    assert body["answered"] == body["sent"]
    assert float(body["end_to_end"]["p99_ms"]) >= float(body["made_to_sent"]["p50_ms"]) > 0
    assert (databases(), numbers_in_use()) == ([], before)
    assert not (tmp_path / "load").exists()
    entry = Entry.objects.get(action="test.load")
    assert json.loads(bytes(entry.body))["after"] == body


def test_what_the_venue_took_twice_or_from_nobody_is_counted(tmp_path: Path) -> None:
    given: Any = {
        "database_url": application_url(), "owner_url": owner_url(),
        "redis_url": str(settings.REDIS_URL),
    }  # fmt: skip
    with load_world(tmp_path / "load", **given) as world:
        with Redis.from_url(world.redis_url) as redis:
            load = Load(redis)
            load.run(Plan(20, 2))
            assert load.flatten()
        found = account(world, load.made)
        assert (found.whole, found.made, found.lost) == (True, len(load.made), 0)
        assert found.answered + sum(found.refused.values()) >= 35
        assert account(world, [*load.made, "never-arrived"]).lost == 1
        with world.venue() as venue:
            venue.inject_order(ACCOUNT, "BTCUSDT", "buy", "0.00001", "1")
        assert account(world, load.made).strange == 1


def test_it_is_refused_while_orders_reach_a_real_venue(tmp_path: Path) -> None:
    VenueAccount.objects.create(name="real", venue="Kraken", adapter="x", address="x", live=True)
    refused = throughput(tmp_path)
    assert refused.wait(60) == 4
    assert "halt it first" in until_said(refused, "real venue")
    assert databases() == []
