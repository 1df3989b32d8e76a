"""Housekeeping, the schedule, holders' names and the command line."""

import datetime as dt
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import redis
from django.contrib.sessions.models import Session
from pytest_django import Settings

from audit.models import Entry
from trading import health
from trading.calendars import CALENDARS
from trading.calendarwatch import calendars_check
from trading.clock import utc_now
from trading.housekeeping import housekeeping_run
from trading.models import (
    BooksCheck,
    FeedReject,
    FeedSession,
    LatencyHistogram,
    PnlPoint,
    PricePoint,
    Reconciliation,
    Signal,
    Strategy,
    VenueAccount,
    VenueReading,
)
from workers.celery_app import app
from workers.hosting.holders import is_gone, own_holder
from workers.schedule import SCHEDULE
from workers.tasks import engine_alerts, housekeeping

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OLD = NOW - dt.timedelta(days=100)


def fill(strategy: Strategy, at: dt.datetime) -> None:
    """One row of each kind that housekeeping knows, of time ``at``."""
    Signal.objects.create(
        id=uuid.uuid4().hex, strategy=strategy, symbol="EURUSD", direction=1, score=1,
        confidence=1, horizon_s=1, price=1, feed_time=at, created_at=at, latency_us=1,
    )  # fmt: skip
    PnlPoint.objects.create(
        strategy=strategy, at=at, feed_time=at, realised=0, unrealised=0, fees=0, gross=0, net=0
    )
    VenueReading.objects.create(
        account=strategy.account, taken_at=at, fill_sequence=1,
        positions=[], open_orders=[], balances=[],
    )  # fmt: skip
    PricePoint.objects.create(symbol="EURUSD", at=at, mid=1)
    session = FeedSession.objects.create(id=uuid.uuid4(), spec="x", started_at=at, ended_at=at)
    FeedReject.objects.create(session=session, source="x", line=1, reason="gap", detail="")
    BooksCheck.objects.create(at=at, agrees=True, fills=1)
    LatencyHistogram.objects.create(
        stage="risk-manager", instance="x", began_at=at, ended_at=at, counts={}, total=0
    )
    Reconciliation.objects.create(
        account=strategy.account, at=at, agrees=True, compared={}, asked_by="schedule"
    )


@pytest.fixture
def strategy(db: None) -> Strategy:
    account = VenueAccount.objects.create(name="paper-1", venue="V", adapter="x", address="x:1")
    return Strategy.objects.create(
        key="mom-1", kind="momentum", owner="t", account=account, symbols=[], size_notional=1
    )


def test_housekeeping_removes_what_is_old_and_only_that(strategy: Strategy) -> None:
    fill(strategy, OLD)
    fill(strategy, NOW)
    removed = housekeeping_run(now=NOW)
    assert removed == dict.fromkeys(removed, 1)
    assert len(removed) == 8
    for model in (
        Signal,
        PnlPoint,
        PricePoint,
        VenueReading,
        FeedReject,
        BooksCheck,
        Reconciliation,
        LatencyHistogram,
    ):
        assert model._default_manager.count() == 1
    assert housekeeping_run(now=NOW) == dict.fromkeys(removed, 0)


@pytest.mark.django_db
def test_prices_of_days_ago_are_left_one_a_minute() -> None:
    for days in (0, 3):
        for second in range(0, 125, 5):
            at = NOW.replace(second=0) - dt.timedelta(days=days, seconds=-second)
            PricePoint.objects.create(symbol="EURUSD", at=at, mid=second + 1)
    assert housekeeping_run(now=NOW + dt.timedelta(minutes=5))["price_points"] == 22
    old = PricePoint.objects.filter(at__lt=NOW - dt.timedelta(days=1)).order_by("at")
    assert [int(one.mid) for one in old] == [56, 116, 121], "the last of each minute"
    assert PricePoint.objects.count() == 25 + 3


def test_the_last_reading_and_the_last_check_stay_however_old(strategy: Strategy) -> None:
    fill(strategy, OLD - dt.timedelta(days=1))
    fill(strategy, OLD)
    removed = housekeeping_run(now=NOW)
    assert (removed["venue_readings"], removed["books_checks"]) == (1, 1)
    assert VenueReading.objects.get().taken_at == OLD
    assert BooksCheck.objects.get().at == OLD


@pytest.mark.django_db
def test_who_stops_recording_keeps_what_was_recorded(tmp_path: Path, settings: Settings) -> None:
    day = tmp_path / "20200101"
    day.mkdir()
    (day / "SHA256SUMS").touch()
    settings.RECORDED = tmp_path
    settings.RECORD_DAYS = 0
    housekeeping()
    assert day.exists()
    settings.RECORD_DAYS = 30
    housekeeping()
    assert not day.exists()


@pytest.mark.django_db
def test_evaluating_alerts_is_heard_of(settings: Settings) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        engine_alerts()
        (heard,) = health.read_stages(client)["alerts"]
        client.delete(health.key("alerts", heard.instance))
    assert (heard.instance, heard.status, heard.errors_5m) == ("documents", "fresh", 0)


@pytest.mark.django_db
def test_sessions_that_ended_are_removed() -> None:
    for key, days in (("a", -1), ("b", 1)):
        ends = utc_now() + dt.timedelta(days=days)
        Session.objects.create(session_key=key, session_data="", expire_date=ends)
    housekeeping()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["b"]


def test_everything_scheduled_exists_and_has_a_queue_of_ours() -> None:
    app.loader.import_default_modules()
    queues = {queue.name for queue in app.conf.task_queues}
    for entry in SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["queue"] in queues
        assert entry["options"]["expires"] > 0


def test_a_holder_is_gone_only_when_its_process_has_ended_here() -> None:
    assert not is_gone(own_holder())
    place, pid, start = own_holder().split(":")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_gone(f"{place}:{ended.pid}:{start}")
    assert is_gone(f"{place}:{pid}:{int(start) + 1}")  # the number was given to another
    assert not is_gone(f"elsewhere:{ended.pid}:{start}")
    for odd in ("", "x", "a:b", f"{place}:x:y"):
        assert not is_gone(odd)


def test_an_unreaped_holder_is_gone() -> None:
    child = subprocess.Popen(["sleep", "60"])
    holder = own_holder().split(":")[0]
    with open(f"/proc/{child.pid}/stat") as stat:
        start = stat.read().rpartition(")")[2].split()[19]
    assert not is_gone(f"{holder}:{child.pid}:{start}")
    os.kill(child.pid, 9)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(f"{holder}:{child.pid}:{start}")
    child.wait()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["worker", "--name", "x"], "say what the worker is for"),
        (["worker", "--name", "x", "--roles", "fed"], "--roles: 'fed' is none of feed, gateway"),
        (["worker", "--name", "x", "--queues", "a"], "--queues: 'a' is none of control, default"),
        (["worker", "--roles", "feed"], "--name"),
        ([], "command"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "workers.celery_main", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert said in ran.stderr.splitlines()[-1]


@pytest.mark.django_db
def test_the_end_of_exchanges_hours_is_recorded_thirty_days_before() -> None:
    end = dt.datetime.combine(CALENDARS.until, dt.time(12), dt.UTC)
    assert calendars_check(now=end - dt.timedelta(days=30)) == "ok"
    assert not Entry.objects.filter(action="calendars.ending").exists()
    assert "make calendars" in calendars_check(now=end - dt.timedelta(days=29))
    calendars_check(now=end + dt.timedelta(days=1))
    rows = Entry.objects.filter(action="calendars.ending").order_by("recorded_at")
    assert [one.outcome for one in rows] == ["done", "failed"]
