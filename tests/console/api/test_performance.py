"""A strategy's performance, /api/risk-metrics/current and utilization."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from console.stores import redis_client
from riskctl.models import Limit
from tests.console.api.brakes import BrakesDesk
from tests.console.api.test_problems import problem
from tests.pages.frames import account_part, desk_frame, keep, rehearsing, strategy_line
from tests.support.desks import on_no_desk
from trading import streams
from trading.models import PnlPoint

pytestmark = pytest.mark.django_db(transaction=True)

OWN = "/api/strategies/mom-eurusd/performance"


@pytest.fixture(autouse=True)
def frame(brakes: BrakesDesk) -> Iterator[None]:
    coin = {"symbol": "BTCUSDT", "quantity": "0.5", "mark": "90000.00"}
    other = {"owner": "tomas", "account": "paper-2", "position": [coin], "gross": "45000"}
    lines = strategy_line(gross="92339.60"), strategy_line("mr-btcusdt", **other)
    keep(redis_client(), desk_frame(*lines))
    Limit.objects.create(scope="strategy:mom-eurusd", kind="gross-notional", value=100_000)
    Limit.objects.create(scope="strategy:mr-btcusdt", kind="gross-notional", value=46_000)
    Limit.objects.create(scope="strategy:mr-btcusdt", kind="order-rate", value=5)
    yield
    redis_client().delete(streams.frame_key("desk"))


def test_a_line_is_read_in_exact_decimals(brakes: BrakesDesk) -> None:
    at = dt.datetime.now(dt.UTC)
    for seconds, pnl in ((7200, "10.5"), (10, "4.25")):
        PnlPoint.objects.create(
            strategy_id="mom-eurusd", at=at - dt.timedelta(seconds=seconds), feed_time=at,
            realised=Decimal(pnl), unrealised=0, fees=0, gross=0, net=-5,
        )  # fmt: skip
    reader = brakes.person("lena")
    found = reader.get(f"{OWN}?period=5d").json()
    assert (found["strategy"], found["period"], found["capital"]) == ("mom-eurusd", "5d", "100000")
    assert [one["pnl"] for one in found["points"]] == ["10.5", "4.25"]
    assert found["points"][0]["drawdown"] == "0"
    assert found["points"][1]["drawdown"].startswith("-0.0062493")
    assert len(reader.get(f"{OWN}?period=5d&points=1").json()["points"]) == 1
    for bad, field in (("period=9y", "period"), ("points=0", "points"), ("points=1e3", "points")):
        assert problem(reader.get(f"{OWN}?{bad}"), 400, "query-invalid")["field"] == field
    problem(reader.get("/api/strategies/none/performance"), 404, "not-found")


def test_exposure_and_use_are_over_what_the_caller_sees(brakes: BrakesDesk) -> None:
    lena, mercy = brakes.person("lena"), brakes.person("mercy")
    on_no_desk("mercy.okafor")
    found = lena.get("/api/risk-metrics/current").json()
    assert found["total"]["gross"] == "137339.6"
    assert [one["name"] for one in found["currencies"]] == ["EUR", "USD", "USDT"]
    assert found["concentration"]["largest"] == "EURUSD"
    theirs = mercy.get("/api/risk-metrics/current").json()
    assert [one["name"] for one in theirs["strategies"]] == ["mom-eurusd"]
    assert theirs["total"]["net"] == "-92339.6"
    used = lena.get("/api/risk-metrics/utilization").json()
    assert [(one["scope"], one["near"]) for one in used] == [
        ("strategy:mr-btcusdt", "breach"), ("strategy:mom-eurusd", "warning"),
        ("strategy:mr-btcusdt", "ok"),
    ]  # fmt: skip
    assert used[1]["share"] == "0.923396"
    seen = mercy.get("/api/risk-metrics/utilization").json()
    assert {one["scope"] for one in seen} == {"strategy:mom-eurusd"}
    problem(mercy.get("/api/strategies/mr-btcusdt/performance"), 403, "strategy-not-yours")


def used(brakes: BrakesDesk, *lines: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """By scope and kind: what is used, and how near that is."""
    keep(redis_client(), desk_frame(*lines))
    found = brakes.person("lena").get("/api/risk-metrics/utilization").json()
    return {f"{one['scope']} {one['kind']}": (one["used"], one["near"]) for one in found}


def test_a_limit_is_used_by_what_its_gateway_knows_of(brakes: BrakesDesk) -> None:
    """Paper adds to nothing real, and the legs of a pair lie on an account each."""
    names = ("paper-1", "paper-2", "rehearsal")
    for name in names:
        for kind, value in (("gross-notional", 1_000_000), ("open-orders", 4)):
            Limit.objects.create(scope=f"account:{name}", kind=kind, value=value)
    Limit.objects.create(scope="strategy:mom-eurusd", kind="open-orders", value=10)
    found = used(brakes, rehearsing())
    assert [found[f"account:{one} gross-notional"] for one in names] == [
        ("1160", "ok"), (None, "ok"), ("1160", "ok"),
    ]  # fmt: skip
    assert found["account:paper-1 open-orders"] == ("0", "ok")
    assert found["account:rehearsal open-orders"] == ("3", "ok")
    assert found["strategy:mom-eurusd gross-notional"] == ("1160", "ok")
    assert found["strategy:mom-eurusd open-orders"] == ("3", "ok")
    legs = [account_part("paper-1", gross="900000", orders_open=1),
            account_part("paper-2", gross="960000", orders_open=3)]  # fmt: skip
    flat = strategy_line("mr-btcusdt", account="paper-2", position=[], gross="0", orders_open=1)
    found = used(brakes, strategy_line(gross="1860000", accounts=legs), flat)
    assert [found[f"account:{one} gross-notional"] for one in names[:2]] == [
        ("900000", "warning"), ("960000", "breach"),
    ]  # fmt: skip
    assert [found[f"account:{one} open-orders"] for one in names[:2]] == [
        ("1", "ok"), ("4", "breach"),
    ]  # fmt: skip
    legs[1]["gross"] = None
    found = used(brakes, strategy_line(gross=None, accounts=legs), flat)
    assert found["account:paper-2 gross-notional"] == (None, "ok"), "a leg without a price"


def test_without_a_frame_nothing_is_known_and_nothing_is_zero(brakes: BrakesDesk) -> None:
    redis_client().delete(streams.frame_key("desk"))
    found = brakes.person("lena").get("/api/risk-metrics/current").json()
    assert (found["as_of"], found["total"], found["strategies"]) == (None, None, [])
