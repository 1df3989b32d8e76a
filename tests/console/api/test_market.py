"""/api/latest-prices and /api/data-freshness, and /api/trading-status without anybody heard."""

import datetime as dt

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings

from console.stores import redis_client
from tests.console.api.conftest import quoted
from trading import streams
from trading.clock import NS
from trading.models import Strategy

pytestmark = pytest.mark.django_db


def test_prices_as_the_runbook_reads_them(caller: Client) -> None:
    quoted("EURUSD", "1.1530", "1.1532")
    quoted("BTCUSDT", "61000.1", "61000.20")
    newest, older = caller.get("/api/latest-prices").json()
    assert [newest[name] for name in ("symbol", "bid", "ask")] == ["BTCUSDT", "61000.1", "61000.2"]
    assert newest["timestamp"].endswith("Z")
    assert (older["symbol"], older["status"]) == ("EURUSD", "fresh")
    assert [one["symbol"] for one in caller.get("/api/latest-prices?symbol=EURUSD").json()] == [
        "EURUSD"
    ]


def test_freshness_of_what_is_traded(caller: Client, strategy: Strategy, other: Strategy) -> None:
    quoted("EURUSD", "1.1530", "1.1532")
    answer = caller.get("/api/data-freshness").json()
    states = {one["symbol"]: (one["status"], one["age_ms"] is None) for one in answer["symbols"]}
    assert states == {"EURUSD": ("fresh", False), "BTCUSDT": ("dead", True)}
    assert (answer["feed"], answer["status"]) == ("simulated", "dead")


def test_the_source_of_each_price_and_what_is_wrong_with_it(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    quoted("EURUSD", "1.1530", "1.1532")
    choice = {"source": "fxcm", "backup": True, "since": 1, "why": "silent for 5.1 s",
              "withheld": 0, "values": ""}  # fmt: skip
    apart = {**choice, "withheld": 1, "values": "oanda 1.1/1.2, fxcm 1.3/1.4"}
    redis_client().set(
        streams.FEED_STATE,
        msgspec.json.encode(
            {"choices": {"EURUSD": choice, "BTCUSDT": apart}, "skew": {"kraken": -12_300_000}}
        ),
    )
    answer = caller.get("/api/data-freshness").json()
    assert answer["skew_ms"] == {"kraken": -12}
    found = answer["symbols"]
    assert [{name: one[name] for name in ("source", "backup", "withheld", "note")}
            for one in found] == [
        {"source": "fxcm", "backup": True, "withheld": False,
         "note": "backup fxcm: silent for 5.1 s"},
        {"source": "fxcm", "backup": True, "withheld": True,
         "note": "withheld, sources disagree: oanda 1.1/1.2, fxcm 1.3/1.4"},
    ]  # fmt: skip
    ingestor = Client().get("/healthz/data-ingestor").json()
    assert (ingestor["on_backup"], ingestor["withheld"]) == (2, 1)


def test_nothing_is_said_to_be_active_that_was_not_heard(
    caller: Client, strategy: Strategy
) -> None:
    status = caller.get("/api/trading-status").json()
    assert status["mode"] == "UNKNOWN"
    assert status["holds"] == []
    scopes = {one["scope"]: one["mode"] for one in status["scopes"]}
    assert scopes == {
        "firm": "UNKNOWN",
        "venue:paper-1": "UNKNOWN",
        "strategy:mom-eurusd": "UNKNOWN",
    }
    assert [one["valid"] for one in status["licences"]] == [False]


def test_markets_say_their_phase_by_the_feeds_clock(caller: Client, settings: Settings) -> None:
    settings.FEED = "replay:any"
    moment = dt.datetime(2026, 11, 27, 17, 59, tzinfo=dt.UTC)
    quoted("SPY", "600.10", "600.20", clock_ns=int(moment.timestamp()) * NS)
    rows = {one["market"]: one for one in caller.get("/api/markets").json()}
    assert len(rows) == 10
    nyse = rows["NYSE"]
    assert (nyse["phase"], nyse["until"], nyse["opens_at"], nyse["orders"]) == (
        "open", "2026-11-27T18:00:00.000000Z", None, True,
    )  # fmt: skip
    assert nyse["instruments"] == ["SPY"]
    assert nyse["as_of"] == "2026-11-27T17:59:00.000000Z"
    assert (rows["LSE"]["phase"], rows["LSE"]["orders"]) == ("closed", False)
    assert rows["LSE"]["opens_at"] == "2026-11-30T08:00:00.000000Z"
    settings.FEED = "simulated"
    rows = {one["market"]: one for one in caller.get("/api/markets").json()}
    assert (rows["LSE"]["phase"], rows["LSE"]["orders"]) == ("closed", True)
