"""TradingEngine documents by REST: thin over the services, with the desk's own stops."""

import datetime as dt
from decimal import Decimal
from typing import Any

from riskctl.models import Approval, Hold, Limit
from tests.console.api.brakes import BrakesDesk, sent
from tests.engines.documents import document
from trading.engines.alerting import engine_alerts_keep
from trading.models import BacktestReport, EngineVersion, VenueAccount

KEY = "mom-eurusd"
ONE = f"/api/engines/{KEY}"
OFF = {"spec": {"strategy": {"riskLimit": "0%"}}}


def lay_limits() -> None:
    """What ``said()`` says is in force: 5% of the firm's 10,000,000."""
    for scope, kind, value in (
        ("firm", "gross-notional", 10_000_000), ("firm", "order-notional", 1_000_000),
        (f"strategy:{KEY}", "gross-notional", 500_000),
        (f"strategy:{KEY}", "position-notional", 300_000),
        (f"strategy:{KEY}", "order-notional", 300_000), (f"strategy:{KEY}", "order-rate", 5),
        (f"strategy:{KEY}", "open-orders", 20),
    ):  # fmt: skip
        Limit.objects.create(scope=scope, kind=kind, value=Decimal(value))


def said(**strategy: Any) -> str:
    given = {"riskLimit": "5%", "maxPositionSize": "300k", "targetPosition": "100k"}
    return document(KEY, **{**given, **strategy})


def limit(kind: str) -> Decimal:
    return Limit.objects.get(scope=f"strategy:{KEY}", kind=kind).value


def test_a_document_from_its_errors_to_what_is_in_force(brakes: BrakesDesk) -> None:
    lay_limits()
    script, browser = brakes.token("read"), brakes.person("mercy")
    wrong = sent(script, "/api/engine-check", {"config": said(frequency="never")}).json()
    assert not wrong["valid"]
    assert wrong["problems"][0]["field"] == "spec.strategy.frequency"
    judged = sent(script, "/api/engine-check", {"config": said(riskLimit="6%")}).json()
    assert (judged["valid"], judged["settings"][-1]["way"]) == (True, "raise")
    strict = {"config": said(), "strict": True}
    assert not sent(script, "/api/engine-check", strict).json()["valid"]  # 5% is above the usual
    assert not EngineVersion.objects.exists()

    refused = sent(browser, "/api/engines", {"config": said(frequency="never")})
    assert (refused.status_code, refused.json()["code"]) == (400, "engine-invalid")
    assert refused.json()["problems"][0]["line"] > 1
    assert sent(browser, "/api/engines", {"config": said(), "reason": "as is"}).status_code == 200
    lower = {
        "config": said(maxPositionSize="200k").replace("successRate < 0.95", "totalOrders < 1")
    }
    assert sent(browser, "/api/engines", lower).json()["version"] == 2
    assert limit("position-notional") == 200_000
    answer = sent(browser, f"{ONE}/patch", {"patch": {"spec": {"strategy": {"riskLimit": "6%"}}},
                                            "reason": "more"})  # fmt: skip
    assert answer.status_code == 202, answer.content
    row = Approval.objects.get(id=answer.json()["asked"])
    assert row.request["settings"] == {"gross-notional": "600000"}

    engine_alerts_keep(now=dt.datetime.now(dt.UTC))
    (alert,) = script.get("/api/engine-alerts").json()
    assert (alert["engine"], alert["status"], alert["ended_at"]) == (KEY, "open", None)
    assert script.get("/api/engine-alerts?status=ended").json() == []

    listed = script.get("/api/engines").json()
    assert [(one["engine"], one["version"], one["state"]) for one in listed] == [(KEY, 3, "waits")]
    one = script.get(ONE)
    assert (one["ETag"], one.json()["asked"]) == ('"3"', str(row.id))
    assert [each["version"] for each in script.get(f"{ONE}/versions").json()] == [3, 2, 1]
    kept = BacktestReport.objects.create(
        digest="a" * 64, name=KEY, document=one.json()["digest"], first_day="2019-01-02",
        last_day="2020-12-31", body={"figures": {"sharpe": 0.7}, "bound": {}}, made_by="quant",
    )  # fmt: skip
    tests = script.get(f"{ONE}/backtests?document={kept.document}").json()
    assert [(each["digest"], each["figures"]) for each in tests] == [("a" * 64, {"sharpe": 0.7})]
    assert script.get(f"{ONE}/backtests?document={'b' * 64}").json() == []
    diff = script.get(f"{ONE}/diff?from=1").json()
    assert [each["field"] for each in diff["changes"]] == [
        "spec alerts 1 condition", "spec strategy maxPositionSize", "spec strategy riskLimit",
    ]  # fmt: skip

    ada = brakes.person("ada")
    shown = ada.get(f"/approvals/{row.id}").content.decode()
    assert "Apply document of" in shown
    assert "600,000" in shown
    approve = f"/api/approvals/{row.id}/approve"
    assert sent(ada, approve, {"digest": row.digest}).status_code == 200
    assert limit("gross-notional") == 600_000
    assert script.get(ONE).json()["state"] == "in force"


def test_what_is_not_there_or_was_seen_otherwise(brakes: BrakesDesk) -> None:
    lay_limits()
    browser = brakes.person("mercy")
    for path in (ONE, f"{ONE}/versions", f"{ONE}/diff"):
        answer = browser.get(path)
        assert answer.status_code == 404, path
    patch = {"patch": {"spec": {"strategy": {"riskLimit": "4%"}}}}
    assert sent(browser, f"{ONE}/patch", patch).json()["code"] == "engine-unknown"
    sent(browser, "/api/engines", {"config": said()})
    assert browser.get(f"{ONE}/diff").json()["field"] == "from"
    late = sent(browser, f"{ONE}/patch", patch, **{"If-Match": '"7"'})
    assert (late.status_code, late.json()["code"]) == (412, "engine-version")
    assert sent(browser, f"{ONE}/patch", patch, **{"If-Match": '"1"'}).status_code == 200
    first, wrong = {"If-Match": '"1"'}, {"If-Match": "no version"}
    for path, body, headers in (
        ("/api/engines", {"config": said(riskLimit="3%")}, first),
        (f"{ONE}/ask", {}, first),
        (f"{ONE}/ask", {"version": 1}, {}),
    ):
        late = sent(browser, path, body, **headers)
        assert (late.status_code, late.json()["code"]) == (412, "engine-version"), path
        assert sent(browser, path, body, **wrong).json()["field"] == "If-Match", path
    assert sent(browser, f"{ONE}/ask", {"version": 2}, **first).json()["field"] == "version"
    assert EngineVersion.objects.count() == 2
    second = {"If-Match": '"2"'}
    assert sent(browser, f"{ONE}/ask", {"version": 2}, **second).json()["version"] == 2
    done = sent(browser, "/api/engines", {"config": said(riskLimit="3%")}, **second)
    assert done.json()["version"] == 3
    tried = sent(browser, f"{ONE}/patch", {"patch": OFF, "dry_run": True}).json()
    assert (tried["version"], Hold.objects.count()) == (None, 0)


def test_what_comes_with_a_stop_is_done_or_said_not_to_be(brakes: BrakesDesk) -> None:
    """On a real account, where a riskLimit goes up by steps."""
    lay_limits()
    mercy, lower = brakes.person("mercy"), {"phase": "Paused", "riskLimit": "3%"}
    sent(mercy, "/api/engines", {"config": said()})
    done = sent(mercy, f"{ONE}/patch", {"patch": {"spec": {"strategy": lower}}}).json()
    assert (done["hold"]["kind"], done["applied"]["version"]) == ("pause", 2)
    assert limit("gross-notional") == 300_000
    VenueAccount.objects.filter(strategy__key=KEY).update(live=True)
    higher = {"phase": "Paused", "riskLimit": "5%"}
    text = said(riskLimit="5%", phase="Paused")
    for answer in (
        sent(mercy, f"{ONE}/patch", {"patch": {"spec": {"strategy": higher}}}),
        sent(mercy, "/api/engines", {"config": text}),
    ):
        assert answer.status_code == 200, answer.content
        held = answer.json()
        assert Hold.objects.get(id=held["hold"]["id"]).kind == "pause"
        assert "days at the step" in held["not_applied"]
        assert "applied" not in held
    assert limit("gross-notional") == 300_000


def test_a_stop_in_a_document_is_placed_whatever_else_the_request_says(brakes: BrakesDesk) -> None:
    lay_limits()
    script, mercy = brakes.token("stop"), brakes.person("mercy")
    text = said(riskLimit="0%")
    odd = {"config": f"{text}---\n", "why": "because", "reason": 7}
    for client in (script, mercy):
        answer = sent(client, "/api/engines", odd)
        assert answer.status_code == 200, answer.content
        assert (answer.json()["hold"]["kind"], answer.json()["hold"]["scope"]) == (
            "kill", f"strategy:{KEY}",
        )  # fmt: skip
        assert "(ignored: " in answer.json()["hold"]["reason"]
        assert "a second document" in answer.json()["not_applied"]
    refused = sent(script, "/api/engines", {"config": said()})
    assert (refused.status_code, refused.json()["code"]) == (403, "engine-tokens-cannot")
    assert sent(mercy, "/api/engines", {"config": said(), "why": "x"}).status_code == 400
    assert script.get("/api/engines").json()["code"] == "scope-missing"
    assert mercy.get("/api/engines", headers={"accept": "text/html"}).status_code == 406
    assert len(brakes.told()) == 2


def test_stops_are_holds_whatever_else_is_said_and_by_a_token_too(brakes: BrakesDesk) -> None:
    lay_limits()
    script = brakes.token("stop")
    for patch, kind in ((OFF, "kill"), ({"status": {"phase": "Paused"}}, "pause")):
        answer = sent(script, f"{ONE}/patch", {"patch": patch})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["status"], answer.json()["hold"]["kind"]) == ("effective", kind)
        assert answer.json()["hold"]["scope"] == f"strategy:{KEY}"
    mixed = {"spec": {"strategy": {"riskLimit": "0%", "leverage": 9}}}
    late = {"If-Match": "no version"}
    answer = sent(script, f"{ONE}/patch", {"patch": mixed}, **late).json()
    assert answer["hold"]["kind"] == "kill"
    assert answer["not_applied"]
    more = sent(script, f"{ONE}/patch", {"patch": {"spec": {"strategy": {"riskLimit": "1%"}}}})
    assert more.json()["code"] in {"engine-tokens-cannot", "engine-unknown"}
    odd = {"patch": OFF, "why": "because", "reason": 7}
    answer = sent(script, f"{ONE}/patch", odd).json()
    assert "(ignored: " in answer["hold"]["reason"]
    assert sent(script, f"{ONE}/patch", {"patch": {}, "why": "x"}).json()["code"] == "body-invalid"
    again = [
        sent(script, f"{ONE}/patch", {"patch": OFF}, **{"Idempotency-Key": "k-1"}).json()["hold"]
        for _ in range(2)
    ]
    assert again[0]["id"] == again[1]["id"]
    mercy = brakes.person("mercy")
    applied = sent(mercy, "/api/engines", {"config": said(riskLimit="0%")}).json()
    assert (applied["hold"]["kind"], applied["applied"]["version"]) == ("kill", 1)
    assert limit("gross-notional") == 500_000
    assert Hold.objects.count() == 6
    assert len(brakes.told()) == 6
