"""Hosting and queues while the broker or the database is away, silent, and back."""

# Celery is not annotated.
# mypy: disallow-untyped-calls=False

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connection

from riskctl.leases import leases_read
from tests.workers.desk import STEADY, Desk, alive, database_url, wait_for
from tests.workers.relay import Relay
from trading import health
from workers.celery_app import app
from workers.services.binaries import find_redis
from workers.services.ports import free_port
from workers.services.redis import LocalRedis


class Broker:
    """A Redis of the test's own, to stop and start."""

    def __init__(self, folder: Path) -> None:
        program = find_redis()
        assert program is not None, "no redis-server: make up installs one"
        self._server = LocalRedis(program, folder / "redis", free_port(), "test")
        self._log = folder / "redis.log"
        self.url = self._server.url
        self.pid = 0

    def start(self) -> None:
        self.pid = self._server.start(self._log)
        wait_for(self._answers, "Redis answers", 20)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.pid = 0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def relay() -> Iterator[Relay]:
    made = Relay(connection.settings_dict["HOST"], int(connection.settings_dict["PORT"]))
    yield made
    made.close()


def ask_for_a_sign(url: str, queue: str) -> None:
    """Send the task by which a queue's worker shows that it works."""
    with app.connection_for_write(url=url) as to:
        app.send_task("workers.worker_beat", kwargs={"queue": queue}, queue=queue, connection=to)


def beats(url: str) -> dict[str, int]:
    """Tasks run so far, by queue, as the workers have published it."""
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        return {one.instance: one.total for one in health.read_stages(client).get("workers", [])}


def test_hosts_run_without_a_broker_from_the_start(desk: Desk, broker: Broker) -> None:
    desk.redis_url = broker.url
    worker = desk.worker("one", STEADY)
    first = desk.starts("steady:0", 1)[0]
    os.kill(first["pid"], signal.SIGKILL)
    assert wait_for(lambda: len(desk.facts("steady:0")) == 2, "the child back", 5) < 1
    wait_for(lambda: worker.events("broker.down"), "the outage is logged")
    broker.start()
    wait_for(lambda: worker.events("broker.back"), "the broker is noticed", 20)
    status, took = worker.terminate()
    assert status == 0
    assert took < 8


def test_sigterm_ends_a_worker_whose_broker_is_away(desk: Desk, broker: Broker) -> None:
    desk.redis_url = broker.url
    worker = desk.worker("one", STEADY)
    desk.starts("steady:1", 1)
    family = worker.family()
    assert worker.terminate()[1] < 8
    assert not any(alive(pid) for pid in family)
    assert {one.holder for one in leases_read()} == {""}


def test_tasks_flow_again_after_the_broker_was_lost(desk: Desk, broker: Broker) -> None:
    broker.start()
    desk.redis_url = broker.url
    desk.worker("control", queues=("control",))
    host = desk.worker("one", STEADY)
    child = desk.starts("steady:0", 1)[0]
    ask_for_a_sign(broker.url, "control")
    wait_for(lambda: beats(broker.url), "the first task")
    broker.kill()
    wait_for(lambda: host.events("broker.down"), "the outage is noticed", 30)
    broker.start()
    ask_for_a_sign(broker.url, "control")
    wait_for(lambda: beats(broker.url), "a task after the outage", 60)
    assert desk.facts("steady:0") == [child]
    assert alive(child["pid"])


def test_a_worker_of_a_queue_leaves_no_process_however_it_ends(desk: Desk, broker: Broker) -> None:
    broker.start()
    desk.redis_url = broker.url
    killed, ended = (desk.worker(name, queues=("default",)) for name in ("killed", "ended"))
    wait_for(lambda: len(killed.family()) == 2 and len(ended.family()) == 2, "their pools")
    wait_for(lambda: ended.events(f"ended@{os.uname().nodename} ready."), "ready")
    families = killed.family() + ended.family()
    killed.kill()
    status, took = ended.terminate()
    assert (status, took < 8) == (0, True)
    wait_for(lambda: not any(alive(pid) for pid in families[1:]), "no pool child", 20)


def test_beat_sends_what_the_queues_workers_do(desk: Desk, broker: Broker) -> None:
    broker.start()
    desk.redis_url = broker.url
    for queue in ("control", "default"):
        desk.worker(queue, queues=(queue,))
    beat = desk.beat()
    wait_for(lambda: set(beats(broker.url)) == {"control", "default"}, "both live", 60)
    with redis.Redis.from_url(broker.url) as client:
        assert {one.status for one in health.read_stages(client)["workers"]} == {"fresh"}
    beat.kill(signal.SIGTERM)
    assert beat.process.wait(5) == 0
    assert list((desk.folder / "run").glob("beat-schedule*"))


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_children_outlive_an_outage_of_the_database(desk: Desk, relay: Relay, how: str) -> None:
    desk.database_url = database_url(relay.port)
    worker = desk.worker("one", STEADY)
    first, other = (desk.starts(lease, 1)[0] for lease in ("steady:0", "steady:1"))
    getattr(relay, how)()
    wait_for(lambda: worker.events("guard.database-down"), "the outage is noticed", 20)
    wait_for(lambda: all(one.expires_ms < -1_500 for one in leases_read()), "leases run out", 10)
    os.kill(first["pid"], signal.SIGKILL)
    again = desk.starts("steady:0", 2)[1]
    assert again["token"] == first["token"]  # nobody could give it a new one
    assert alive(other["pid"])
    relay.mend()
    back = wait_for(lambda: worker.events("guard.database-back"), "the database back", 20)
    assert back < 3
    wait_for(lambda: all(one.expires_ms > 0 for one in leases_read()), "leases renewed", 20)
    assert len(desk.facts("steady:1")) == 1
    assert alive(again["pid"])
    assert worker.terminate()[0] == 0


def test_after_an_outage_a_lease_stays_with_whom_it_was(desk: Desk, relay: Relay) -> None:
    """Everything has run out then; a bystander does not take what its holder will renew."""
    desk.database_url = database_url(relay.port)
    one = desk.worker("one", STEADY)
    first = [desk.starts(lease, 1)[0] for lease in ("steady:0", "steady:1")]
    two = desk.worker("two", STEADY)
    wait_for(lambda: two.events("guard.start"), "the bystander")
    relay.cut()
    for worker in (one, two):
        wait_for(lambda w=worker: w.events("guard.database-down"), "noticed", 20)  # type: ignore[misc]
    wait_for(lambda: all(r.expires_ms < -500 for r in leases_read()), "leases run out", 10)
    relay.mend()
    wait_for(lambda: all(r.expires_ms > 0 for r in leases_read()), "leases renewed", 20)
    settled = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > settled, "a bystander's patience")
    assert [desk.facts(lease) for lease in ("steady:0", "steady:1")] == [[f] for f in first]


def test_starts_and_ends_are_recorded_also_those_of_an_outage(desk: Desk, relay: Relay) -> None:
    desk.database_url = database_url(relay.port)
    worker = desk.worker("one", STEADY)
    first = desk.starts("steady:0", 1)[0]
    desk.starts("steady:1", 1)
    relay.cut()
    wait_for(lambda: worker.events("guard.database-down"), "the outage is noticed", 20)
    os.kill(first["pid"], signal.SIGKILL)
    desk.starts("steady:0", 2)
    relay.mend()
    wait_for(lambda: worker.events("guard.database-back"), "the database back", 20)
    assert worker.terminate()[0] == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, outcome, reason, actor FROM audit_entry"
            " WHERE object_id = 'steady:0' ORDER BY happened_at"
        )
        rows = cursor.fetchall()
    assert [row[:3] for row in rows] == [
        ("process.start", "done", ""),
        ("process.end", "failed", "killed by SIGKILL"),
        ("process.start", "done", ""),
        ("process.end", "done", "exited with 0"),
    ]
    assert {row[3] for row in rows} == {first["holder"]}


def test_sigterm_ends_workers_whose_broker_is_silent(desk: Desk, broker: Broker) -> None:
    broker.start()
    desk.redis_url = broker.url
    workers = [desk.worker("one", STEADY), desk.worker("control", queues=("control",))]
    desk.starts("steady:1", 1)
    for worker in workers:
        ready = f"{worker.name}@{os.uname().nodename} ready."
        wait_for(lambda w=worker, r=ready: w.events(r), "ready")  # type: ignore[misc]
    families = [pid for worker in workers for pid in worker.family()]
    os.kill(broker.pid, signal.SIGSTOP)
    for worker in workers:
        worker.kill(signal.SIGTERM)
    for worker in workers:
        worker.process.wait(8)
    wait_for(lambda: not any(alive(pid) for pid in families), "all dead", 20)
    assert {one.holder for one in leases_read()} == {""}
