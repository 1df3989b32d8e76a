"""/test/broker-connectivity: what each venue's gateway and last reading say."""

import datetime as dt
import time

import pytest
from django.test import Client

from console.stores import redis_client
from tests.support.desks import on_no_desk
from trading.health import key
from trading.models import Strategy, VenueReading

pytestmark = pytest.mark.django_db

PATH = "/test/broker-connectivity"


def beat(account: str, *, ago_s: float = 0, **more: str) -> None:
    at = str(time.time_ns() - int(ago_s * 1e9))
    fields = {"ts_wall": at, "connected": "1", "settled": "1", **more}
    redis_client().hset(key("broker", account), mapping=fields)


def read(account: str, *, ago_s: float = 1) -> None:
    VenueReading.objects.create(
        account_id=account, taken_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=ago_s),
        fill_sequence=0, positions=[], open_orders=[], balances={},
    )  # fmt: skip


def problems(caller: Client) -> dict[str, list[str]]:
    return {one["account"]: one["problems"] for one in caller.get(PATH).json()}


def test_a_venue_that_answers_and_one_whose_gateway_is_not_heard(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    beat("paper-1", stream="silent")
    read("paper-1", ago_s=60)
    read("paper-1")
    one, two = caller.get(PATH).json()
    assert (one["account"], one["venue"], one["live"]) == ("paper-1", "Paper One", False)
    assert (one["connected"], one["settled"], one["problems"]) == (True, True, [])
    assert (one["stream"], two["stream"]) == ("silent", ""), "it can be reached all the same"
    assert 0 <= one["heartbeat_ms"] < 20_000
    assert one["last_reading_at"] is not None
    assert (two["account"], two["connected"], two["heartbeat_ms"]) == ("paper-2", False, None)
    assert two["problems"] == ["GATEWAY_SILENT", "NOT_READ"]


def test_each_thing_that_can_be_wrong_has_its_code(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    beat("paper-1", connected="0", settled="1")
    beat("paper-2", settled="0")
    read("paper-1", ago_s=31)
    read("paper-2")
    assert problems(caller) == {
        "paper-1": ["DISCONNECTED", "NOT_READ"], "paper-2": ["CATCHING_UP"],
    }  # fmt: skip
    beat("paper-2", ago_s=60)
    assert problems(caller)["paper-2"] == ["GATEWAY_SILENT"]


def test_accounts_of_other_desks_are_not_told(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    on_no_desk("mercy.okafor")
    assert set(problems(caller)) == {"paper-1"}
