"""A strategy's performance, /api/risk-metrics/current and utilization."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest

from console.stores import redis_client
from riskctl.models import Limit
from tests.console.api.brakes import BrakesDesk
from tests.console.api.test_problems import problem
from tests.pages.frames import desk_frame, keep, strategy_line
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


def test_without_a_frame_nothing_is_known_and_nothing_is_zero(brakes: BrakesDesk) -> None:
    redis_client().delete(streams.frame_key("desk"))
    found = brakes.person("lena").get("/api/risk-metrics/current").json()
    assert (found["as_of"], found["total"], found["strategies"]) == (None, None, [])
