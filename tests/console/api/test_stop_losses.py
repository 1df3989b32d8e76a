"""/emergency/set-stop-losses and /api/stop-losses."""

import datetime as dt
import time
import uuid
from typing import Any

import msgspec
import pytest

from audit.models import Entry
from riskctl.control import StopLine
from riskctl.models import Hold
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.conftest import START, new_stop_loss
from tests.console.api.test_problems import problem
from tests.console.conftest import entries
from trading.models import Strategy

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/emergency/set-stop-losses"
RESTS = StopLine(
    "mom-eurusd", "EURUSD", "10000", "1.10005", "resting", side="sell", percentage="2",
    mark="1.1", stop_price="1.07800", covered="10000", order="paper-1.stop-1", loss="220.00",
)  # fmt: skip
BARE = StopLine("mr-btcusdt", "BTCUSDT", "0.5", "90000", "refused", why="NO_PRICE: none yet")


def recorded() -> dict[str, Any]:
    """The entry, which is written behind the answer."""
    until = time.monotonic() + 20
    while not Entry.objects.filter(action="stop-losses.set").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    (entry,) = entries("stop-losses.set")
    return entry


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_the_runbooks_call_names_every_position(brakes: BrakesDesk, path: str) -> None:
    brakes.gateway.stops = [RESTS]
    answer = sent(brakes.person("ada"), path, {"percentage": 2.0, "operator": "m.okafor"})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["scope"], body["basis"], body["status"]) == ("firm", "mid", "covered")
    (line,) = body["positions"]
    assert (line["account"], line["state"], line["order"]) == (
        "paper-1", "resting", "paper-1.stop-1",
    )  # fmt: skip
    assert (line["stop_price"], line["covered"], line["loss"]) == ("1.078", "10000", "220")
    for gateway in brakes.gateways.values():
        (asked,) = gateway.stops_asked
        assert (asked.id, asked.percentage, asked.scope) == (body["id"], "2.0", "firm")
        assert (asked.placed_by, asked.dry_run, asked.symbols) == ("ada.nwosu", False, ())
    assert not Hold.objects.exists(), "it stops nothing"
    entry = recorded()
    assert (entry["actor"], entry["on_behalf_of"], entry["outcome"]) == (
        "ada.nwosu", "m.okafor", "done",
    )  # fmt: skip
    assert entry["after"]["positions"]["paper-1"] == {"mom-eurusd/EURUSD": "resting 1.07800"}


def test_what_is_not_covered_and_who_did_not_answer_is_named(brakes: BrakesDesk) -> None:
    brakes.gateway.stops = [RESTS, BARE]
    brakes.gateways["paper-2"].refuses = "its books are not the venue's yet"
    answer = sent(brakes.token("flatten"), PATH, {"percentage": "2"})
    assert (answer.status_code, answer.json()["status"]) == (202, "partly")
    bare = answer.json()["positions"][1]
    assert (bare["state"], bare["why"], bare["stop_price"]) == (
        "refused", "NO_PRICE: none yet", None,
    )  # fmt: skip
    assert answer.json()["unanswered"] == [
        {"account": "paper-2", "why": "its books are not the venue's yet"}
    ]
    assert recorded()["outcome"] == "failed"


@pytest.mark.parametrize(
    "change", [{"not_as_asked": True, "why": "FEED_SILENT"}, {"state": "watched", "blind": True}]
)
def test_what_stands_and_is_not_what_was_asked_is_not_covered(
    brakes: BrakesDesk, change: dict[str, Any]
) -> None:
    brakes.gateway.stops = [msgspec.structs.replace(RESTS, **change)]
    answer = sent(brakes.person("ada"), PATH, {"percentage": "2"})
    assert (answer.status_code, answer.json()["status"]) == (202, "partly")


def test_a_dry_run_does_nothing_and_leaves_nothing(brakes: BrakesDesk) -> None:
    body = {
        "percentage": 1.25, "dry_run": True, "scope": "strategy:mom-eurusd", "symbols": ["EURUSD"],
    }  # fmt: skip
    answer = sent(brakes.person("mercy"), PATH, body)
    assert (answer.status_code, answer.json()["status"]) == (200, "preview")
    (asked,) = brakes.gateway.stops_asked
    assert (asked.dry_run, asked.symbols, asked.percentage) == (True, ("EURUSD",), "1.25")
    assert not Entry.objects.filter(action="stop-losses.set").exists()


def test_the_same_key_is_the_same_request(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    ids = [
        sent(ada, PATH, {"percentage": percentage}, **{"Idempotency-Key": "k"}).json()["id"]
        for percentage in (2, 2, 3)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_who_may_not(brakes: BrakesDesk) -> None:
    firm: dict[str, Any] = {"percentage": 2}
    for who, body in (
        ("mercy", firm), ("mercy", firm | {"scope": "strategy:mr-btcusdt"}), ("jonas", firm),
        ("ruth", firm), ("priya", firm),
    ):  # fmt: skip
        for dry in (True, False):
            said = sent(brakes.person(who), PATH, body | {"dry_run": dry})
            problem(said, 403, "stop-losses-not-yours")
    for scope in ("read", "stop", "trade-test", "export"):
        problem(sent(brakes.token(scope), PATH, firm), 403, "scope-missing")
    assert not brakes.gateway.stops_asked


def test_those_that_stand_are_read_also_where_no_order_does(brakes: BrakesDesk) -> None:
    """Risk looks whether stops are in place: one that is watched here is no order to be found."""
    momentum, reversion = Strategy.objects.order_by("key")
    new_stop_loss(momentum, order_id="paper-1.stop-1", reason="fed")
    new_stop_loss(
        reversion, state="watched", orders=0, why="the venue has no stops",
        set_at=START + dt.timedelta(seconds=1),
    )  # fmt: skip
    new_stop_loss(momentum, symbol="GBPUSD", state="ended")
    watched, resting = brakes.token("read").get("/api/stop-losses").json()
    assert resting.pop("set_at") == "2026-11-21T09:30:00.000000Z"
    assert resting.pop("updated_at")
    assert (watched["strategy"], watched["state"], watched["why"], watched["order_id"]) == (
        "mr-btcusdt", "watched", "the venue has no stops", "",
    )  # fmt: skip
    assert resting == {
        "account": "paper-1", "strategy": "mom-eurusd", "symbol": "EURUSD", "side": "sell",
        "percentage": "2", "mark": "1.1", "stop_price": "1.078", "quantity": "10000",
        "state": "resting", "order_id": "paper-1.stop-1", "orders": 1, "why": "",
        "placed_by": "ada.nwosu", "reason": "fed", "request": str(uuid.UUID(int=1)),
    }  # fmt: skip
    for query in ("?account=paper-2", "?strategy=mr-btcusdt", "?symbol=BTCUSDT", "?limit=1"):
        assert brakes.person("ada").get(f"/api/stop-losses{query}").json() == [watched]


def test_its_body_is_read_strictly(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "percentage"), ({"percentage": 0}, "percentage"), ({"percentage": 51}, "percentage"),
        ({"percentage": "2 %"}, "percentage"), ({"percentage": True}, "percentage"),
        ({"percentage": 2.001}, "percentage"), ({"percentage": "NaN"}, "percentage"),
        ({"percentage": 2, "symbols": ["NOPE"]}, "symbols"), ({"percentage": 2, "x": 1}, "x"),
        ({"percentage": 2, "scope": "all"}, "scope"),
    ]  # fmt: skip
    for body, field in wrong:
        assert problem(sent(ada, PATH, body), 400, "body-invalid")["field"] == field
    problem(sent(ada, PATH, {"percentage": 2, "scope": "strategy:x"}), 404, "not-found")
    assert not brakes.gateway.stops_asked
