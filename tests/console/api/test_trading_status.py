"""/api/trading-status: modes by the open holds, and UNKNOWN where no hold explains a silence."""

import time
from typing import Any

import pytest
from django.test import Client
from redis import Redis

from console.api import views
from console.stores import redis_client
from riskctl.holds import Kind, Mode
from riskctl.models import Lease, Stage
from tests.console.api.brakes import lifted, new_hold
from tests.console.api.conftest import START, quoted
from trading.health import key
from trading.models import Strategy

pytestmark = pytest.mark.django_db

PATH = "/api/trading-status"


def beats(*accounts: str, licence_ms: int = 200) -> None:
    now = str(time.time_ns())
    for account in accounts:
        fields = {"ts_wall": now, "connected": "1", "licence_ms": str(licence_ms)}
        redis_client().hset(key("broker", account), mapping=fields)
    redis_client().hset(key("signal-generator", "shard:0"), mapping={"ts_wall": now})


@pytest.fixture
def live(strategy: Strategy, other: Strategy) -> None:
    """Both accounts licensed, prices fresh, strategies on the top rung."""
    beats("paper-1", "paper-2")
    quoted("EURUSD", "1.1", "1.2")
    quoted("BTCUSDT", "60000", "60001")
    for one in (strategy, other):
        Stage.objects.create(strategy=one.key, rung="live", since=START, entered_by="test")


def modes(caller: Client) -> dict[str, str]:
    status = caller.get(PATH).json()
    found = {one["scope"]: one["mode"] for one in status["scopes"]}
    assert status["mode"] == found["firm"]
    return found


def why(caller: Client, scope: str) -> str:
    (found,) = [one for one in caller.get(PATH).json()["scopes"] if one["scope"] == scope]
    return str(found["why"])


def test_active_without_a_hold(caller: Client, live: None) -> None:
    assert modes(caller) == {
        "firm": "ACTIVE", "venue:paper-1": "ACTIVE", "venue:paper-2": "ACTIVE",
        "strategy:mom-eurusd": "ACTIVE", "strategy:mr-btcusdt": "ACTIVE",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ("firm", {"firm", "venue:paper-1", "venue:paper-2", "strategy:mom-eurusd",
                  "strategy:mr-btcusdt"}),
        ("venue:paper-1", {"venue:paper-1", "strategy:mom-eurusd"}),
        ("venue:paper-one", {"venue:paper-1", "strategy:mom-eurusd"}),
        ("strategy:mom-eurusd", {"strategy:mom-eurusd"}),
        ("instrument:EURUSD", {"instrument:EURUSD", "strategy:mom-eurusd"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", [Mode.REDUCE_ONLY, Mode.HALTED, Mode.FROZEN])
def test_a_hold_closes_what_lies_under_it(
    caller: Client, live: None, scope: str, closed: set[str], mode: Mode
) -> None:
    hold = new_hold(Kind.PAUSE, scope, mode=mode)
    found = modes(caller)
    assert {one for one, is_now in found.items() if is_now == mode} == closed
    assert {is_now for one, is_now in found.items() if one not in closed} <= {"ACTIVE"}
    assert f"pause on {scope} by ada.nwosu: because" in why(caller, max(closed))
    lifted(hold.id)
    assert set(modes(caller).values()) == {"ACTIVE"}


def test_the_strictest_wins_and_lifting_one_leaves_the_others(caller: Client, live: None) -> None:
    kill = new_hold(Kind.KILL, "firm", mode=Mode.FROZEN)
    pause = new_hold(Kind.PAUSE, "strategy:mom-eurusd")
    reduce = new_hold(Kind.REDUCE_ONLY, "venue:paper-1")
    assert modes(caller)["strategy:mom-eurusd"] == "FROZEN"
    lifted(kill.id)
    assert modes(caller)["strategy:mom-eurusd"] == "HALTED"
    assert modes(caller)["firm"] == "ACTIVE"
    lifted(pause.id)
    assert modes(caller)["strategy:mom-eurusd"] == "REDUCE-ONLY"
    lifted(reduce.id)
    assert modes(caller)["strategy:mom-eurusd"] == "ACTIVE"


def test_what_is_not_licensed_is_unknown_unless_it_is_closed(caller: Client, live: None) -> None:
    beats("paper-1", licence_ms=0)
    new_hold(Kind.REDUCE_ONLY, "venue:paper-1")
    found = modes(caller)
    assert (found["firm"], found["venue:paper-1"]) == ("UNKNOWN", "UNKNOWN")
    assert (found["strategy:mom-eurusd"], found["venue:paper-2"]) == ("UNKNOWN", "ACTIVE")
    assert "has no licence" in why(caller, "venue:paper-1")
    assert "reduce-only on venue:paper-1" in why(caller, "venue:paper-1")
    new_hold(Kind.KILL, "firm")
    found = modes(caller)
    assert set(found.values()) == {"HALTED"}
    assert "has no licence" in why(caller, "venue:paper-1")


def test_redis_gone_hides_no_halt(
    caller: Client, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(views, "redis_client", lambda: nowhere)
    assert set(modes(caller).values()) == {"UNKNOWN"}
    new_hold(Kind.KILL, "firm")
    assert set(modes(caller).values()) == {"HALTED"}


def test_a_strategy_on_no_rung_is_not_said_to_be_active(caller: Client, live: None) -> None:
    Stage.objects.filter(strategy="mom-eurusd").delete()
    assert modes(caller)["strategy:mom-eurusd"] == "UNKNOWN"
    assert "rung" in why(caller, "strategy:mom-eurusd")


def test_open_holds_and_an_epoch_that_grows(caller: Client, live: None) -> None:
    def status() -> dict[str, Any]:
        found: dict[str, Any] = caller.get(PATH).json()
        return found

    epochs = [status()["epoch"]]
    hold = new_hold(Kind.KILL, "firm")
    (shown,) = status()["holds"]
    assert {name: shown[name] for name in ("id", "scope", "kind", "mode", "placed_by")} == {
        "id": str(hold.id), "scope": "firm", "kind": "kill", "mode": "HALTED",
        "placed_by": "ada.nwosu",
    }  # fmt: skip
    assert shown["effective_at"] is None
    epochs.append(status()["epoch"])
    lifted(hold.id)
    epochs.append(status()["epoch"])
    Lease.objects.create(
        name="gateway:paper-1", role="gateway", token=1, expires_at=START, renewed_at=START
    )
    epochs.append(status()["epoch"])
    assert epochs == sorted(set(epochs))
    assert status()["holds"] == []
