"""The risk page as the server draws it: exposure, limits' heat, kills, and whose they are."""

import datetime as dt
import json
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.pages.limitbars import figure, near_of
from riskctl.holds import Kind
from riskctl.models import Approval, Hold, Limit, TriggerFiring, TriggerSetting
from riskctl.triggers.specs import SPECS
from tests.pages.conftest import open_session
from tests.pages.frames import desk_frame, keep, strategy_line
from tests.support.desks import on_no_desk
from trading.models import Strategy
from trading.triggers.publishing import PATH_KEY


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def desk(books: list[Strategy], redis: Redis) -> None:
    """Mercy is short euros, Tomas long half a coin; both have limits, one was killed."""
    coin = {"symbol": "BTCUSDT", "quantity": "0.5", "average_price": "90000", "mark": "90000.00",
            "unrealised": "0.00", "mark_age_ms": 1}  # fmt: skip
    keep(redis, desk_frame(
        strategy_line(gross="92339.60", net="-92339.60"),
        strategy_line("mr-btcusdt", owner="tomas.brandt", account="paper-2", position=[coin],
                      gross="45000.00", net="45000.00"),
    ))  # fmt: skip
    Limit.objects.create(scope="strategy:mom-eurusd", kind="gross-notional", value=100_000)
    Limit.objects.create(scope="strategy:mr-btcusdt", kind="gross-notional", value=46_000)
    Limit.objects.create(scope="strategy:mr-btcusdt", kind="order-rate", value=5)
    Hold.objects.create(
        id="0b8f2c1e-5a77-4a51-9c0e-3f2a1d4c5b6a", scope="strategy:mr-btcusdt", kind=Kind.KILL,
        mode="HALTED", cancels=True, reason="quotes crossing", placed_by="tomas.brandt",
        actor_kind="person", placed_at=dt.datetime.now(dt.UTC),
    )  # fmt: skip


def reader(who: User, settings: Settings) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(who)
    return client


def test_risk_sees_all_exposure_and_how_full_limits_are(
    desk: None, ada: User, settings: Settings
) -> None:
    text = text_of(reader(ada, settings).get("/risk").content.decode())
    assert "gross 137.3 k, net −47.3 k" in text
    assert "mom-eurusd 0.0 92.3 −92.3 92.3 67.2" in text
    assert "paper-2 45.0 0.0 +45.0 45.0 32.8" in text
    assert "EUR 0.0 92.3 −92.3 92.3" in text
    assert "USDT 45.0 0.0 +45.0 45.0" in text
    assert "Largest instrument 67.2 % EURUSD" in text
    assert "Strategy mr-btcusdt 98 % Strategy mom-eurusd 92 %" in text, "the fullest first"
    assert "quotes crossing · tomas.brandt" in text


def test_a_trader_sees_what_is_theirs(desk: None, mercy: User, settings: Settings) -> None:
    on_no_desk(mercy.username)
    client = reader(mercy, settings)
    for path in ("/risk", "/risk/exposure"):
        html = client.get(path).content.decode()
        assert "mom-eurusd" in html
        assert "gross 92.3 k" in text_of(html), "sums are over what is theirs"
        for others in ("mr-btcusdt", "BTCUSDT", "USDT", "quotes crossing"):
            assert others not in html, (path, others)


def test_without_a_frame_exposure_is_not_known(
    books: list[Strategy], redis: Redis, ada: User, settings: Settings
) -> None:
    text = text_of(reader(ada, settings).get("/risk").content.decode())
    assert "Exposure is not known" in text


def test_a_trigger_says_when_it_fired_last(
    desk: None, redis: Redis, ada: User, settings: Settings
) -> None:
    row = {"name": "strategy-drawdown", "what": "Drawdown", "unit": "%", "state": "warning",
           "scope": "strategy:mom-eurusd", "value": "8.5", "threshold": "10", "share": "0.85",
           "kind": "kill", "mode": "HALTED", "formula": "f", "detail": ""}  # fmt: skip
    said = {"source": "path", "as_of": "2026-11-26T19:04:33Z", "triggers": [row]}
    redis.set(PATH_KEY, json.dumps(said), ex=60)
    TriggerFiring.objects.create(
        id="1b8f2c1e-5a77-4a51-9c0e-3f2a1d4c5b6a", trigger="strategy-drawdown",
        scope="strategy:mom-eurusd", level="breach", value=11, threshold=10, source="path",
        shadow=False, happened_at=dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC),
    )  # fmt: skip
    client = reader(ada, settings)
    text = text_of(client.get("/risk/triggers").content.decode())
    assert (
        "warning Drawdown Strategy mom-eurusd 8.50 10 % 85 % kill, HALTED Fri 20 Nov 14:05" in text
    )
    page = text_of(client.get("/strategies/mom-eurusd").content.decode())
    assert "Drawdown −1.25 % stop at −10 %" in page
    assert "Drawdown this strategy 8.50 10 %" in page
    redis.delete(PATH_KEY)


def test_figures_beside_bars_are_short() -> None:
    shown = [figure(Decimal(one), "USD") for one in ("0", "999", "9999", "92339.6", "1340000")]
    assert shown == ["0", "999", "9,999", "92.3 k", "1.34 M"]
    assert figure(Decimal("27.5"), "orders") == "27.5"
    assert [near_of(Decimal(one)) for one in ("0.79", "0.8", "0.95")] == ["ok", "warning", "breach"]
    assert near_of(None) == "ok"


def test_a_trigger_is_tightened_at_once_and_loosened_by_request(
    desk: None, ada: User, mercy: User, settings: Settings
) -> None:
    client, form = reader(ada, settings), {"name": "strategy-drawdown", "reason": "thin book"}
    html = client.get("/risk/triggers/settings").content.decode()
    assert html.count('action="/risk/triggers/change"') == sum(
        not one.fixed for one in SPECS.values()
    )
    assert 'aria-current="true">Risk<' in html, "the page that it lies under"
    assert "/risk/triggers/settings" in client.get("/risk").content.decode()
    now = SPECS["strategy-drawdown"].threshold
    tighter = form | {"field": "threshold", "value": f"{now - 1:f}"}
    assert client.post("/risk/triggers/change", tighter).status_code == 303
    assert TriggerSetting.objects.get().threshold == now - 1
    assert "A. Nwosu" in client.get("/risk/triggers/settings").content.decode()
    looser = form | {"field": "confirmations", "value": "900"}
    assert client.post("/risk/triggers/change", looser).status_code == 303
    asked = Approval.objects.get()
    assert (asked.kind, asked.request) == ("trigger-relax", {"confirmations": "900"})
    bad = client.post("/risk/triggers/change", form | {"field": "warn_at", "value": "much"})
    assert bad.status_code == 400
    assert "Warns at, share of strategy-drawdown: warn_at" in bad.content.decode()
    unknown = client.post("/risk/triggers/change", form | {"field": "shadow", "value": "true"})
    assert unknown.status_code == 404
    others = reader(mercy, settings)
    assert "/risk/triggers/change" not in others.get("/risk/triggers/settings").content.decode()
    assert others.post("/risk/triggers/change", tighter).status_code == 403
