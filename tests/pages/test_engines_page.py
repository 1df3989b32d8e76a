"""Documents, their gates and reports as each person sees them, and what the forms do."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from console.access.sessions import FACTOR_AT
from riskctl.holds import RULES, Kind
from riskctl.models import Approval, Hold, Limit
from tests.pages.conftest import open_session
from tests.pages.engine import KEY, engine_laid
from trading.gates.standing import gates_read
from trading.models import Drill, SignOff, Strategy, VenueAccount

PAGE = f"/engines/{KEY}"


@pytest.fixture
def seen(staff: dict[str, User], books: list[Strategy], settings: Settings) -> Any:
    """Everything that the page shows; a client of each role."""
    engine_laid()

    def client(role: str) -> Client:
        found = Client()
        found.cookies[settings.SESSION_COOKIE_NAME] = open_session(staff[role])
        return found

    return client


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
        "quiet", "yes 5 +1.50 −0.50", "The next step, at most 10,000.00 USD, takes:",
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
    older = words(client.get(f"{PAGE}?version=1&report=nothing"))
    assert "What version" not in older
    assert "Report" in older
    assert client.get("/engines/no-such").status_code == 404


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
