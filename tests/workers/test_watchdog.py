"""The watchdog's heartbeat: only under its own lease, and whatever Redis does."""

import os
import threading
import time
from typing import cast

import pytest
from django.db import connection
from redis import Redis

from riskctl.leases import lease_claim, lease_release, leases_lay
from riskctl.models import Heartbeat
from riskctl.watchdog import LeaseLostError, Sides, SideTask, heartbeat_write, watchdog_run
from tests.workers.desk import Desk, wait_for
from trading import health
from trading.triggers.publishing import WATCHDOG_KEY
from workers.hosts import ROLES
from workers.services.ports import free_port

LEASE = "watchdog:main"


def age_s() -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - at)::float8 FROM riskctl_heartbeat"
        )
        row = cursor.fetchone()
    return float(row[0]) if row else float("inf")


@pytest.mark.django_db
def test_only_the_leases_own_token_may_write() -> None:
    leases_lay(names=[LEASE])
    assert not heartbeat_write(lease=LEASE, holder="one:1:1", token=0)
    token = lease_claim(name=LEASE, holder="one:1:1")
    assert token is not None
    assert heartbeat_write(lease=LEASE, holder="one:1:1", token=token)
    lease_release(name=LEASE, holder="one:1:1", token=token)
    newer = lease_claim(name=LEASE, holder="two:2:2")
    assert newer is not None
    assert not heartbeat_write(lease=LEASE, holder="one:1:1", token=token)
    assert heartbeat_write(lease=LEASE, holder="two:2:2", token=newer)
    assert Heartbeat.objects.get(name="watchdog").token == newer


@pytest.mark.django_db
def test_the_loop_ends_with_its_lease() -> None:
    leases_lay(names=[LEASE])
    token = lease_claim(name=LEASE, holder="one:1:1", ttl_s=60)
    assert token is not None
    beats: list[bool] = []

    def stopping(_seconds: float) -> bool:
        if len(beats) == 2:
            lease_claim(name=LEASE, holder="two:2:2", gone=["one:1:1"])
        return False

    with pytest.raises(LeaseLostError):
        watchdog_run(
            lease=LEASE, holder="one:1:1", token=token, stopping=stopping, beaten=beats.append
        )
    assert beats == [True, True]


def test_it_beats_hosted_without_redis_and_again_after_kill_9(desk: Desk) -> None:
    leases_lay(names=[LEASE])
    desk.redis_url = f"redis://127.0.0.1:{free_port()}/0"
    worker = desk.worker("watchdog", {"watchdog": ROLES["watchdog"]})
    wait_for(lambda: age_s() < 1, "a heartbeat")
    [child] = (pid for pid in worker.family() if pid not in (worker.pid, worker.nursery()))
    os.kill(child, 9)
    token = Heartbeat.objects.get(name="watchdog").token
    wait_for(lambda: Heartbeat.objects.get(name="watchdog").token > token, "its successor's", 20)
    worst = 0.0
    pause = threading.Event()
    for _ in range(30):
        worst = max(worst, age_s())
        pause.wait(0.1)
    assert worst < 1.5
    assert worker.terminate()[0] == 0


def test_a_side_task_that_hangs_or_fails_delays_neither_heartbeat_nor_others() -> None:
    hung, done, failed = threading.Event(), threading.Event(), threading.Event()
    released = threading.Event()

    def hang() -> None:
        hung.set()
        released.wait(30)

    def fail() -> None:
        if failed.is_set():
            done.set()
        failed.set()
        raise ConnectionError("no such service")

    sides = Sides([SideTask("hangs", hang), SideTask("fails", fail)], every_s=0.01)
    sides.start()
    assert hung.wait(5)
    assert done.wait(5)
    began = time.monotonic()
    wait_for(lambda: sides.ages_s()["hangs"] > 0.2, "its age to be shown")
    sides.stop(0.1)
    assert time.monotonic() - began < 3
    released.set()


def test_a_side_task_that_breaks_is_logged_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def broken() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise KeyError("a defect")

    closed = threading.Event()
    sides = Sides([SideTask("breaks", broken, closed.set)], every_s=0.01)
    sides.start()
    wait_for(lambda: len(runs) > 3, "it to run again")
    sides.stop(5)
    assert closed.is_set()
    assert any("side_failed" in str(one.msg) for one in caplog.records)
    assert sides.ages_s()["breaks"] < 5


def test_the_hosted_watchdog_evaluates_and_shows_it(desk: Desk) -> None:
    leases_lay(names=[LEASE])
    redis = Redis.from_url(desk.redis_url)
    redis.delete(WATCHDOG_KEY)
    worker = desk.worker("watchdog", {"watchdog": ROLES["watchdog"]})
    wait_for(lambda: redis.get(WATCHDOG_KEY), "its evaluation to be published")
    key = health.key("watchdog", "main")
    wait_for(lambda: redis.hexists(key, "maintenance_s"), "the age of its side tasks")
    assert float(cast("bytes", redis.hget(key, "triggers_s"))) < 5
    assert worker.terminate()[0] == 0
    redis.close()
