"""Documents, their gates and reports as each person sees them, and what the forms do."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access.sessions import FACTOR_AT
from riskctl.actors import system_actor
from riskctl.holds import RULES, Kind
from riskctl.models import Approval, Hold, Limit
from tests.engines.documents import document
from tests.pages.conftest import EVALUATED, open_session
from tests.pages.engine import KEY, engine_laid
from trading.engines.reading import EngineConfig, read_engine
from trading.engines.versions import version_store
from trading.gates.standing import gates_read
from trading.gates.trades import trades_digest
from trading.health import StageMeter
from trading.models import (
    BacktestReport,
    Drill,
    EngineAlert,
    EngineVersion,
    PaperDay,
    SignOff,
    Strategy,
    VenueAccount,
)

PAGE = f"/engines/{KEY}"


@pytest.fixture
def seen(staff: dict[str, User], books: list[Strategy], redis: Redis, settings: Settings) -> Any:
    """Everything that the page shows; a client of each role."""
    engine_laid()

    def client(role: str) -> Client:
        found = Client()
        found.cookies[settings.SESSION_COOKIE_NAME] = open_session(staff[role])
        return found

    return client


def stored(text: str) -> EngineConfig:
    config = read_engine(text)
    version_store(config=config, text=text, actor=system_actor("test"), reason="")
    return config


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def shown() -> str:
    return gates_read(Strategy.objects.select_related("account").get(key=KEY)).shown


def test_the_list_and_one_document_in_full(seen: Any) -> None:
    client = seen("risk")
    listed = client.get("/engines")
    assert "mom-eurusd differs 2 M. Okafor" in words(listed)
    assert f'href="{PAGE}"' in client.get(f"/strategies/{KEY}").content.decode()
    answer = client.get(PAGE)
    said = words(answer)
    for text in (
        "differs · version 2 by M. Okafor", "Gates 3 of 6 passed, measured now",
        "they hold it back from ramp and live", "731 days", "30 of 30 days",
        "missing: somebody of compliance who did not make the document signs it off",
        "no kill was rehearsed", "gross-notional spec.strategy.riskLimit 1000",
        "What version 2 changed", "spec strategy riskLimit 0.1% 0.2%", "trades as the latest",
        "Sharpe ratio 0.70", "PnL after costs, USD 1,234.50", "Fills tradingStats.successRate",
        "not known: tradingStats.successRate", "owner M. Okafor · not evaluated for 30 s or more",
        "yes trades as the latest 5 +1.50 −0.50", "The next step, at most 10,000.00 USD, takes:",
        "0 of 5 days with orders at the present step", "none recorded",
        "on two-years.csv 555555555555; assumed: spread of bars, bp 1; extra slippage, bp 0.5",
        "What it rests on Data: two-years.csv 17,520 lines, sha256 555555555555",
        "Assumed: gross limit of the firm, USD 5,000,000 Code cccccccccccc, of another release",
    ):  # fmt: skip
        assert text in said, text
    html = answer.content.decode()
    assert html.count("<polyline") == 2
    assert "Risk approval: what you looked at" in said
    assert 'name="gate" value="compliance"' not in html
    older = client.get(f"{PAGE}?version=1&report=nothing")
    assert "What version" not in words(older)
    assert "No report nothing is kept of this engine." in words(older)
    assert "<polyline" not in older.content.decode()
    assert client.get("/engines/no-such").status_code == 404


def test_evidence_says_of_which_document_it_is(seen: Any) -> None:
    client = seen("risk")
    kept = BacktestReport.objects.get()
    assert "trades otherwise" not in words(client.get(PAGE)).partition("Backtests")[2]
    config = stored(document(KEY, instruments=["EURUSD"], parameters={"fast_s": 4}))
    for sharpe, shown in ((None, "–"), (-0.75, "−0.75")):
        figures = {**kept.body["figures"], "sharpe": sharpe}
        BacktestReport.objects.create(
            digest=uuid.uuid4().hex * 2, name=KEY, document="0" * 64, made_by="quant",
            first_day=kept.first_day, last_day=kept.last_day, body={"figures": figures},
        )  # fmt: skip
        assert f"+1,234.50 {shown} 9 of no version" in words(client.get(PAGE))
    said = words(client.get(f"{PAGE}?report={kept.digest}"))
    assert "+1,234.50 0.70 9 trades otherwise" in said
    assert f"Report {kept.digest[:12]}" in said
    days = said.partition("Days on paper")[2].partition("Alerts of the latest")[0]
    assert days.count("not for the latest trades otherwise") == 30
    assert " yes " not in days
    today = dt.datetime.now(dt.UTC).date()
    PaperDay.objects.create(
        name=KEY, day=today, digest=trades_digest(config), counts=True, orders=5, pnl=1, high=1,
        low=0, drawdown=0, capital=1,
    )  # fmt: skip
    assert words(client.get(PAGE)).count(" yes trades as the latest ") == 1


CONDITIONS = {
    "True": "tradingStats.totalOrders < 1", "False": "tradingStats.totalOrders > 1",
    "Unknown": "tradingStats.successRate < 0.95 or tradingStats.totalOrders > 1",
}  # fmt: skip


def test_an_alert_rings_is_quiet_or_is_not_known(seen: Any, redis: Redis) -> None:
    client, began = seen("trader"), dt.datetime(2026, 11, 26, 10, 12, tzinfo=dt.UTC)
    names = [f"{rings} {name}" for rings in ("rings", "silent") for name in CONDITIONS]
    whole = yaml.safe_load(EngineVersion.objects.get(name=KEY, number=2).text)
    whole["spec"]["alerts"] = [
        {"name": one, "condition": CONDITIONS[one.split()[1]], "severity": "critical"}
        for one in names
    ]
    stored(yaml.safe_dump(whole))
    for name in (*names[:3], "dropped"):
        EngineAlert.objects.create(
            id=uuid.uuid4(), engine=KEY, alert=name, severity="info" if name == "dropped" else
            "critical", condition="c", version=1, values={}, began_at=began,
        )  # fmt: skip
    meter = StageMeter("alerts", "documents", every_s=10)
    redis.hset(EVALUATED, mapping=dict(meter.fields()))

    def shown() -> dict[str, tuple[str, str]]:
        table = client.get(PAGE).content.decode().partition('<caption class="sr">Alerts<')[2]
        row = r'<th scope="row">(.*?)</th>.*?data-near="(\w+)">(.*?)</span></td></tr>'
        return {name: (near, now) for name, near, now in re.findall(row, table)}

    since, lacking = "since Thu 26 Nov 10:12 UTC", "tradingStats.successRate"
    assert shown() == {
        "rings True": ("breach", since),
        "rings False": ("breach", f"{since}, ends when evaluated next"),
        "rings Unknown": ("breach", f"{since}, not known now: {lacking}"),
        "silent True": ("breach", "true, begins when evaluated next"),
        "silent False": ("ok", "quiet"),
        "silent Unknown": ("unknown", f"not known: {lacking}"),
        "dropped": ("info", f"{since}, not in the latest document: ends when evaluated next"),
    }
    assert re.search(r"last evaluated \d\d:\d\d:\d\d UTC, [\d.]+ s before", words(client.get(PAGE)))
    redis.delete(EVALUATED)
    assert "not evaluated for 30 s or more: nobody evaluates them now" in words(client.get(PAGE))
    EngineVersion.objects.create(
        name=KEY, number=4, text="a: 1", document={}, digest="d" * 64, made_by="x", made_at=began
    )
    assert shown()["rings False"] == ("breach", f"{since}, not known now")
    assert "whether its alerts are true is not known" in words(client.get(PAGE))


def test_sign_offs_and_withdrawals(seen: Any) -> None:
    risk, compliance, trader = seen("risk"), seen("compliance"), seen("trader")
    given = {"gate": "risk", "shown": shown(), "reason": "looked", "accepts_latency": "1"}
    assert trader.post(f"{PAGE}/sign-off", given).status_code == 403
    session = risk.session
    fresh, session[FACTOR_AT] = session[FACTOR_AT], session[FACTOR_AT] - 3_600
    session.save()
    old = risk.post(f"{PAGE}/sign-off", given)
    assert (old.status_code, "Confirm it is you" in words(old)) == (403, True)
    session[FACTOR_AT] = fresh
    session.save()
    late = risk.post(f"{PAGE}/sign-off", {**given, "shown": "0" * 64})
    assert (late.status_code, "not what was shown" in words(late)) == (409, True)
    assert risk.post(f"{PAGE}/sign-off", {**given, "reason": ""}).status_code == 400
    done = risk.post(f"{PAGE}/sign-off", given)
    assert (done.status_code, done["Location"]) == (303, PAGE)
    row = SignOff.objects.get()
    assert (row.signed_by, row.accepts_latency) == ("ada.nwosu", True)
    assert compliance.post(f"{PAGE}/sign-off", {**given, "gate": "compliance"}).status_code == 400
    said = {"gate": "compliance", "shown": shown(), "reason": "reviewed"}
    assert compliance.post(f"{PAGE}/sign-off", said).status_code == 303
    told = words(trader.get(PAGE))
    assert "Risk approval A. Nwosu" in told
    assert "looked · accepts the latency" in told
    assert "Gates 5 of 6 passed" in told
    assert trader.post(f"{PAGE}/withdraw", {"gate": "risk", "reason": "no"}).status_code == 303
    assert SignOff.objects.get(withdrawal=None).gate == "compliance"
    assert trader.post(f"{PAGE}/withdraw", {"gate": "risk"}).status_code == 409


def test_what_a_document_raises_is_asked_for_on_its_page(seen: Any) -> None:
    risk, sre, given = seen("risk"), seen("sre"), {"reason": "as backtested", "version": "2"}
    assert f'action="{PAGE}/ask"' not in sre.get(PAGE).content.decode()
    assert sre.post(f"{PAGE}/ask", given).status_code == 403
    assert risk.post(f"{PAGE}/ask", {**given, "version": "1"}).status_code == 412
    assert f'action="{PAGE}/ask"' in risk.get(PAGE).content.decode()
    VenueAccount.objects.filter(name="paper-1").update(live=False)
    asked = risk.post(f"{PAGE}/ask", given)
    assert (asked.status_code, asked["Location"][:11]) == (303, "/approvals/"), words(asked)
    assert Approval.objects.get().request["version"] == 2
    page = risk.get(PAGE).content.decode()
    assert "A request waits" in page
    assert f'action="{PAGE}/ask"' not in page


def test_the_risk_limit_goes_by_its_rule(seen: Any) -> None:
    trader, sre = seen("trader"), seen("sre")

    def sent(value: str, client: Client = trader) -> Any:
        return client.post(f"{PAGE}/risk-limit", {"risk_limit": value, "reason": "step"})

    assert sent("0.05%", sre).status_code == 403
    for wrong, text in (("0%", "0% is a stop"), ("much", "must be a percentage")):
        answer = sent(wrong)
        assert (answer.status_code, text in words(answer)) == (400, True), wrong
    refused = sent("0.5%")
    assert refused.status_code == 409
    assert "Days at the step 0 of 5 days with orders" in words(refused)
    assert not Approval.objects.exists()
    assert sent("0.05%").status_code == 303
    gross = Limit.objects.get(scope=f"strategy:{KEY}", kind="gross-notional")
    assert gross.value == 500
    asked = sent("0.1%")
    assert asked["Location"].startswith("/approvals/")
    page = words(trader.get(asked["Location"]))
    assert "Step 0.1% of the firm's gross limit, from 0.05%" in page.replace("&#x27;", "'")
    stale = trader.post(f"{PAGE}/risk-limit", {"risk_limit": "0.02%", "reason": "r",
                                               "version": "1"})  # fmt: skip
    assert stale.status_code == 412


def test_a_drill_is_recorded_and_what_is_not_seen_is_not_there(seen: Any) -> None:
    sre = seen("sre")
    rule = RULES[Kind.KILL]
    hold = Hold.objects.create(
        id=uuid.uuid4(), scope="venue:paper-2", kind=Kind.KILL, mode=rule.mode, reason="drill",
        cancels=rule.cancels, placed_by="jonas.lindqvist", actor_kind="person",
        placed_at=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    assert str(hold.id) in sre.get(PAGE).content.decode()
    flawed = sre.post(f"{PAGE}/drill", {"hold": str(hold.id)})
    assert (flawed.status_code, "never proven effective" in words(flawed)) == (409, True)
    assert sre.post(f"{PAGE}/drill", {"hold": "x"}).status_code == 400
    Drill.objects.create(
        kind="kill", digest="d" * 64, account=VenueAccount.objects.get(name="paper-2"), body={},
        happened_at=hold.placed_at, made_by="jonas.lindqvist",
    )  # fmt: skip
    assert "Kill, " in words(sre.get(PAGE))
    assert seen("administrator").get(PAGE).status_code == 403
    assert "None No TradingEngine document" in words(seen("administrator").get("/engines"))
