"""What a trader of one desk is sent of another's: nothing, by whatever address."""

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.stores import redis_client
from riskctl.holds import TRADER
from tests.approvals.people import hold
from tests.console.access.world import limits, on, two_desks
from tests.console.api.brakes import sent
from tests.console.api.conftest import (
    new_fill,
    new_order,
    new_position,
    new_reading,
    new_signal,
    new_stop_loss,
    quoted,
    with_both_factors,
)
from tests.console.conftest import entries, person
from trading.models import Reconciliation, Strategy
from trading.triggers.publishing import PATH_KEY

pytestmark = pytest.mark.django_db

HIDDEN = ("mom-btc", "btc-shared", "BTCUSDT", "ETHUSDT", "paper-2")


@pytest.fixture
def world() -> None:
    found = two_desks()
    nina = person("nina.fx", TRADER)
    nina.desks.clear()
    on(found.fx, nina)
    for number, one in enumerate(Strategy.objects.order_by("key")):
        order = new_order(one, number, client_order_id=f"o-{one.key}")
        new_fill(order, number, venue_fill_id=f"f-{one.key}")
        new_order(one, number + 50, client_order_id=f"w-{one.key}", state="working")
        new_signal(one, number)
        new_stop_loss(one)
        new_position(one, "10", "11.5")
        new_reading(one, "10", number)
    quoted("EURUSD", "1.2", "1.2")


@pytest.fixture
def nina(world: None) -> Client:
    return with_both_factors(Client(), User.objects.get(username="nina.fx"))


@pytest.fixture
def token(world: None, new_token: Callable[..., str]) -> Client:
    text = new_token("read", owner=User.objects.get(username="nina.fx"))
    return Client(headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def ada(world: None) -> Client:
    return with_both_factors(Client(), person("ada.nwosu", "risk"))


LISTS = {
    "/api/positions": "strategy",
    "/api/orders": "strategy",
    "/orders/open": "strategy",
    "/api/executions": "strategy",
    "/api/signals": "strategy",
    "/api/signals/latest": "strategy",
    "/api/stages": "strategy",
    "/api/stop-losses": "strategy",
}


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_the_strategies_of_own_desks_alone(
    nina: Client, token: Client, ada: Client, path: str
) -> None:
    def keys(client: Client, query: str = "") -> set[str]:
        return {row[LISTS[path]] for row in client.get(path + query).json()}

    mine = {"mom-fx", "mr-fx", "fx-shared"}
    assert keys(nina) == keys(token) == mine
    assert keys(ada) == mine | {"mom-btc", "btc-shared"}
    assert keys(nina, "?strategy=mom-btc") == set()
    assert keys(ada, "?strategy=mom-btc") == {"mom-btc"}


def test_nothing_of_the_other_desk_stands_in_any_answer(nina: Client, token: Client) -> None:
    hold(scope="strategy:mom-btc")
    hold(scope="venue:paper-2")
    for path in (*LISTS, "/api/trading-status", "/api/holds?status=all", "/api/broker-positions",
                 "/api/positions/summary", "/api/reconciliations", "/api/triggers",
                 "/api/maintenance?status=all"):  # fmt: skip
        for client in (nina, token):
            answer = client.get(path)
            assert answer.status_code == 200, path
            text = answer.content.decode()
            if path == "/api/trading-status":  # which accounts do not trade is the firm's state
                text = text.replace(answer.json()["scopes"][0]["why"], "")
            found = [word for word in HIDDEN if word in text]
            assert not found, (path, found)


def test_sums_are_over_what_is_visible(nina: Client, ada: Client) -> None:
    mine, all_of_it = (one.get("/api/positions/summary").json() for one in (nina, ada))
    assert (mine["open_positions"], all_of_it["open_positions"]) == (3, 5)
    assert Decimal(mine["total_fees"]) == Decimal("4.5")
    assert Decimal(all_of_it["total_fees"]) == Decimal("7.5")
    assert mine["unmarked"] == ["XAUUSD"]


def test_an_account_that_others_share_is_told_only_to_who_sees_all(
    nina: Client, ada: Client
) -> None:
    def accounts(client: Client, path: str) -> set[str]:
        return {row["account"] for row in client.get(path).json()}

    for one in ("paper-1", "paper-2", "paper-3"):
        Reconciliation.objects.create(
            account_id=one, at="2026-11-21T09:30:00Z", agrees=True, compared={}, breaks=[],
            asked_by="schedule",
        )  # fmt: skip
    for path in ("/api/broker-positions", "/api/reconciliations"):
        assert accounts(nina, path) == {"paper-1"}
        assert accounts(ada, path) == {"paper-1", "paper-2", "paper-3"}
    refused = sent(nina, "/api/reconcile/generate-report", {"account": "paper-3"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "account-not-yours"


def test_the_trading_status_of_own_scopes_and_the_firms(nina: Client, ada: Client) -> None:
    status = nina.get("/api/trading-status").json()
    assert {one["scope"] for one in status["scopes"]} == {
        "firm", "venue:paper-1", "venue:paper-3", "strategy:mom-fx", "strategy:mr-fx",
        "strategy:fx-shared",
    }  # fmt: skip
    assert {one["account"] for one in status["licences"]} == {"paper-1", "paper-3"}
    assert len(ada.get("/api/trading-status").json()["licences"]) == 3


# Holds -------------------------------------------------------------------------------------------


def test_holds_of_own_scopes_alone(nina: Client, ada: Client) -> None:
    shown = [hold(scope=one) for one in ("firm", "strategy:mom-fx", "venue:paper-3",
                                         "instrument:GBPUSD")]  # fmt: skip
    hidden = [hold(scope=one) for one in ("strategy:mom-btc", "venue:paper-2",
                                          "instrument:ETHUSDT")]  # fmt: skip
    ids = {row["id"] for row in nina.get("/api/holds").json()}
    assert ids == {str(one.id) for one in shown}
    assert len(ada.get("/api/holds").json()) == 7
    assert nina.get("/api/holds?scope=strategy:mom-btc").json() == []
    for one in shown:
        assert nina.get(f"/api/holds/{one.id}").status_code == 200
    for one in hidden:
        answer = nina.get(f"/api/holds/{one.id}")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope-not-yours")
    assert nina.get(f"/api/holds/{uuid.uuid4()}").status_code == 404


def test_one_page_holds_as_many_as_asked_for_of_what_is_visible(nina: Client) -> None:
    for _ in range(3):
        hold(scope="strategy:mom-btc")
    newest = hold(scope="firm", age_s=100)
    oldest = hold(scope="firm", age_s=200)
    answer = nina.get("/api/holds?limit=1")
    assert [row["id"] for row in answer.json()] == [str(newest.id)]
    following = nina.get(answer["Link"].split(">")[0][1:])
    assert [row["id"] for row in following.json()] == [str(oldest.id)]
    assert "Link" not in following


# What is done to a strategy --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/strategies/{}/resume", {"reason": "x"}),
        ("/api/strategies/{}/stage", {"to": "stopped"}),
        ("/api/strategies/{}/size", {"size": "10"}),
    ],
)
def test_another_desks_strategy_and_none_at_all_are_refused_alike(
    nina: Client, path: str, body: dict[str, str]
) -> None:
    answers = [sent(nina, path.format(key), body) for key in ("mom-btc", "not-there")]
    assert [answer.status_code for answer in answers] == [403, 403]
    told = [answer.json() for answer in answers]
    assert {one["code"] for one in told} == {"strategy-not-yours"}
    assert told[0]["detail"].replace("mom-btc", "?") == told[1]["detail"].replace("not-there", "?")
    denied = [one for one in entries("access.deny") if one["actor"] == "nina.fx"]
    assert [one["after"]["code"] for one in denied] == ["strategy-not-yours"] * 2
    assert denied[0]["object_id"] == path.format("mom-btc")


# The stop's door asks by a thread of its own: what it is to find must be committed.
@pytest.mark.django_db(transaction=True)
def test_a_stop_of_what_is_not_there_names_no_other_strategy(nina: Client, ada: Client) -> None:
    told = []
    for client in (nina, ada):
        answer = sent(client, "/api/strategies/not-there/pause")
        assert answer.status_code == 404
        told.append(answer.json()["detail"])
    assert "There are: fx-shared, mom-fx, mr-fx." in told[0]
    assert "mom-btc" in told[1]


def test_ones_own_by_ownership_alone_is_seen_and_sized(world: None) -> None:
    boris = with_both_factors(Client(), person("boris.btc", TRADER))
    limits("mom-btc", order="2400", position="1500", gross="6000")
    assert {row["strategy"] for row in boris.get("/api/stages").json()} == {
        "mom-btc", "btc-shared",
    }  # fmt: skip
    assert sent(boris, "/api/strategies/mom-btc/size", {"size": "900"}).status_code == 200


# Triggers ----------------------------------------------------------------------------------------


@pytest.fixture
def published() -> Iterator[None]:
    rows = [
        {"name": "loss", "scope": scope, "state": "warning", "value": "-41234.5", "share": "0.8",
         "detail": "41234.5 of 50000"}
        for scope in ("firm", "venue:paper-1", "venue:paper-3", "strategy:mom-fx",
                      "strategy:mom-btc")
    ]  # fmt: skip
    redis_client().set(PATH_KEY, msgspec.json.encode({"source": "path", "triggers": rows}), ex=30)
    yield
    redis_client().delete(PATH_KEY)


def test_figures_of_triggers_only_where_they_hold_nothing_of_others(
    nina: Client, ada: Client, published: None
) -> None:
    def values(client: Client) -> dict[str, Any]:
        rows = client.get("/api/triggers").json()["path"]["triggers"]
        return {row["scope"]: (row["state"], row["value"]) for row in rows}

    assert values(nina) == {
        "firm": ("warning", None), "venue:paper-1": ("warning", "-41234.5"),
        "venue:paper-3": ("warning", None), "strategy:mom-fx": ("warning", "-41234.5"),
    }  # fmt: skip
    assert {value for _, value in values(ada).values()} == {"-41234.5"}
    assert len(values(ada)) == 5
