"""Probes: open, short, and true."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from redis import Redis

from console import health
from console.stores import redis_client
from riskctl.holds import Kind
from riskctl.models import Heartbeat
from tests.console.api.brakes import new_hold
from tests.console.api.conftest import forget, quoted
from trading.health import STAGES, key
from trading.models import VenueAccount

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeats() -> Iterator[None]:
    forget()
    yield
    forget()


def beat(stage: str, instance: str = "one", age_ms: int = 0) -> None:
    fields = {"ts_wall": str(time.time_ns() - age_ms * 1_000_000)}
    redis_client().hset(key(stage, instance), mapping=fields)


def test_alive_asks_nobody(browser: Client, django_assert_num_queries: Any) -> None:
    browser.cookies["sessionid"] = "some-session"
    with django_assert_num_queries(0):
        answer = browser.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("stage", [*STAGES, "workers"])
def test_a_stage_by_its_heartbeat(browser: Client, stage: str) -> None:
    def asked() -> tuple[int, str]:
        answer = browser.get(f"/healthz/{stage}")
        assert answer.json()["stage"] == stage
        return answer.status_code, answer.json()["status"]

    assert asked() == (503, "dead")
    beat(stage)
    assert asked() == (200, "fresh")
    beat(stage, age_ms=3_000)
    assert asked() == (200, "late")
    beat(stage, age_ms=9_000)
    assert asked() == (503, "dead")


def test_a_stage_is_as_good_as_its_worst_instance_but_workers_as_their_best(
    browser: Client,
) -> None:
    for stage in ("signal-generator", "workers"):
        beat(stage, "one")
        beat(stage, "two", age_ms=9_000)
    assert browser.get("/healthz/signal-generator").json()["status"] == "dead"
    assert browser.get("/healthz/workers").json()["status"] == "fresh"


def test_stores_are_asked(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for store in ("database", "redis"):
        answer = browser.get(f"/healthz/{store}/")
        assert (answer.status_code, answer.json()["status"]) == (200, "fresh")
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(health, "redis_client", lambda: nowhere)
    assert browser.get("/healthz/redis").status_code == 503
    assert browser.get("/healthz/feed").status_code == 503


def test_a_stage_that_is_none_is_told_the_others(browser: Client) -> None:
    answer = browser.get("/healthz/no-such")
    assert answer.status_code == 404
    assert "data-ingestor" in answer.json()["detail"]


def test_not_ready_says_what_is_missing(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in STAGES[1:]:
        beat(stage)
    answer = browser.get("/readyz")
    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert (checks["database"], checks["redis"]) == ("ok", "ok")
    assert checks["feed"] == "no heartbeat"
    assert checks["broker"] == "ok"
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(health, "redis_client", lambda: nowhere)
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "does not answer"
    assert "127.0.0.1" not in answer.content.decode(), "addresses are nobody's business"


def test_a_halted_desk_is_ready_and_says_that_it_is_halted(browser: Client) -> None:
    VenueAccount.objects.create(name="paper-1", venue="Paper One", adapter="none", address="x:1")

    def ready() -> tuple[int, str, str]:
        for stage in STAGES:
            beat(stage)
        licensed = {"ts_wall": str(time.time_ns()), "connected": "1", "licence_ms": "200"}
        redis_client().hset(key("broker", "paper-1"), mapping=licensed)
        now = dt.datetime.now(dt.UTC)
        Heartbeat.objects.update_or_create(name="watchdog", defaults={"at": now})
        quoted("EURUSD", "1.1", "1.2")
        answer = browser.get("/readyz")
        checks = answer.json()["checks"]
        assert {name for name, words in checks.items() if not words.startswith("ok")} == set()
        return answer.status_code, answer.json()["status"], checks["holds"]

    assert ready() == (200, "ready", "ok")
    new_hold(Kind.PAUSE, "strategy:mom-eurusd")
    assert ready() == (200, "ready", "ok")
    new_hold(Kind.KILL, "firm")
    status, words, holds = ready()
    assert (status, words) == (200, "ready")
    assert "HALTED" in holds
    assert "ada" not in holds
