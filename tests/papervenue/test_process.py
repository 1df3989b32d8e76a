"""The process: killed, stopped, started twice, and without Redis."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.papervenue.raw import RawClient
from tests.papervenue.test_wire import CREATE as RESTING
from tests.support.services import end, local_redis, wait_for_redis
from tests.venues.rigs import VenueProcess, a_tick, redis_url

CREATE = {**RESTING, "limit_price": "1.1"}


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[VenueProcess]:
    process = VenueProcess(tmp_path, redis_url())
    yield process
    process.close()


def quote(venue: VenueProcess, bid: str = "1.10000", ask: str = "1.10000") -> None:
    venue.clock += 100_000_000
    venue.acknowledged(venue.publish(a_tick("EURUSD", venue.clock, bid, ask, "0", "0")))


def test_whatever_was_told_before_a_kill_is_true_after_it(venue: VenueProcess) -> None:
    quote(venue)
    told: list[dict[str, object]] = []
    for round_number in range(3):
        with RawClient(venue.address) as client:
            client.login()
            for number in range(300):
                ident = f"k-{round_number}-{number}"
                client.write(json.dumps({**CREATE, "client_order_id": ident}).encode() + b"\n")
                if number == 100:
                    told += [client.read() for _ in range(20)]
            venue.kill()
            try:
                while True:
                    told.append(client.read())
            except (EOFError, ConnectionResetError):
                pass
        venue.restart()
    with venue.admin() as admin:
        fills = admin.fills("paper-1")
        log = admin.log("paper-1")
        (held,) = admin.positions("paper-1")
    assert [one["sequence"] for one in fills] == list(range(1, len(fills) + 1))
    accepted = [one["client_order_id"] for one in log if one["kind"] == "accepted"]
    assert len(accepted) == len(set(accepted))
    stored = {one["venue_fill_id"]: one for one in fills}
    for said in told:
        if said.get("event") == "accepted":
            assert said["client_order_id"] in accepted
        if said.get("event") == "fill":
            assert stored[str(said["venue_fill_id"])]["client_order_id"] == said["client_order_id"]
    assert held["quantity"] == str(1000 * len(fills))
    assert told


def test_a_locked_entry_is_acknowledged_even_when_the_venue_was_down(venue: VenueProcess) -> None:
    quote(venue)
    venue.kill()
    venue.clock += 1_000_000
    ident = venue.publish(a_tick("EURUSD", venue.clock, "1.2", "1.2", "0", "0"))
    venue.restart()
    venue.acknowledged(ident)
    with RawClient(venue.address) as client:
        client.login()
        client.say(**{**CREATE, "limit_price": "1.3"})
        assert [client.read()["event"], client.read()["price"]] == ["accepted", "1.2"]


def test_an_entry_matched_before_a_kill_is_not_matched_again(venue: VenueProcess) -> None:
    with RawClient(venue.address) as client:
        client.login()
        quote(venue, "1.2", "1.2")
        client.say(**{**CREATE, "quantity": "3000000", "limit_price": "1.1"})
        assert client.read()["event"] == "accepted"
        quote(venue, "1.0", "1.0")
        assert client.read()["quantity"] == "1000000"  # the depth of EURUSD
    venue.kill()
    venue.restart()
    quote(venue, "1.2", "1.2")
    with venue.admin() as admin:
        assert [one["quantity"] for one in admin.fills("paper-1")] == ["1000000"]


def test_a_malformed_entry_and_a_new_session_do_not_stop_it(venue: VenueProcess) -> None:
    quote(venue)
    venue.redis.xadd(venue.stream, {"d": b"short", "clk": "x", "lock": 1})
    venue.session = "two"
    venue.clock -= 10**18  # a replay of years ago
    quote(venue, "1.3", "1.3")
    with RawClient(venue.address) as client:
        client.login()
        client.say(**{**CREATE, "limit_price": "1.4"})
        assert [client.read()["event"], client.read()["price"]] == ["accepted", "1.3"]


def test_without_redis_it_answers_and_with_redis_again_it_goes_on(tmp_path: Path) -> None:
    server = local_redis(tmp_path)
    log = tmp_path / "redis.log"
    pid = server.start(log)
    wait_for_redis(server, pid, log)
    venue = VenueProcess(tmp_path, server.url)
    try:
        quote(venue)
        end(pid)
        with RawClient(venue.address) as client:
            client.login()
            client.say(**CREATE)
            assert [client.read()["event"], client.read()["event"]] == ["accepted", "fill"]
        pid = server.start(log)
        wait_for_redis(server, pid, log)
        quote(venue, "1.2", "1.2")
    finally:
        venue.close()
        end(pid)


def test_a_switch_that_ran_out_while_the_venue_was_down_fires_before_anyone_can_ask(
    venue: VenueProcess,
) -> None:
    with RawClient(venue.address) as client:
        client.login()
        client.say(**{**CREATE, "limit_price": "1.0"})
        assert client.read()["event"] == "accepted"
        assert client.ask(op="cancel_all_after", id=1, timeout_ms=1_500)["trigger_time_ns"]
        venue.kill()
    time.sleep(1.6)
    with sqlite3.connect(venue.storage) as books:
        assert books.execute("SELECT state FROM orders").fetchall() == [("working",)]
    venue.restart()
    with venue.admin() as admin:
        assert admin.request("open_orders", account="paper-1")["orders"] == []
        kinds = [one["kind"] for one in admin.log() if one["account"] in ("paper-1", "admin")]
    assert kinds.index("deadman") < kinds.index("login", kinds.index("accepted"))


def test_sigterm_ends_it_in_order(venue: VenueProcess) -> None:
    with RawClient(venue.address) as client:
        client.login()
        client.say(**{**CREATE, "limit_price": "1.0"})
        assert client.read()["event"] == "accepted"
        venue.process.send_signal(signal.SIGTERM)
        assert venue.process.wait(5) == 0
        with pytest.raises((EOFError, ConnectionResetError)):
            client.read()
    with sqlite3.connect(venue.storage) as books:
        assert books.execute("SELECT state FROM orders").fetchall() == [("working",)]


@pytest.mark.parametrize(
    ("other_storage", "expected"), [(False, "another one runs on"), (True, "cannot listen on")]
)
def test_a_second_venue_is_refused_in_one_line(
    venue: VenueProcess, tmp_path: Path, other_storage: bool, expected: str
) -> None:
    command = [sys.executable, *venue.command]
    if other_storage:
        command[command.index("--storage") + 1] = str(tmp_path / "other.sqlite3")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("paper venue: ")
    assert expected in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_storage_that_cannot_be_written_ends_it_and_nothing_false_is_said(
    venue: VenueProcess,
) -> None:
    with RawClient(venue.address) as client:
        client.login()
        with sqlite3.connect(venue.storage) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody else can write now
            client.say(**{**CREATE, "limit_price": "1.0"})
            with pytest.raises((EOFError, ConnectionResetError, TimeoutError)):
                client.read()
            _wait(lambda: venue.process.poll() is not None)
            other.rollback()
    assert venue.process.returncode == 1
    venue.restart()
    with venue.admin() as admin:
        said = admin.request("order_status", account="paper-1", client_order_id="w-1")
    assert said["order"] is None


def _wait(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
