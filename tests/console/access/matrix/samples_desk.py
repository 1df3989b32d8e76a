"""Requests about the desk: stopping, lifting, asking, deciding, limits, and what reads."""

import datetime as dt
import json
from typing import Any

from console.access.matrix.rows import Caller
from tests.console.access.matrix.sample import WHY, Key, Sample
from tests.console.access.matrix.world import (
    HELD,
    LIMIT_UP,
    OWN,
    OWN_HELD,
    World,
    engine_document,
)

FIRM, STRATEGY = {"scope": "firm"}, {"scope": f"strategy:{OWN}"}
KILL = WHY | {"root_cause": "a bad feed", "rollback": "to the version before"}


def _digest(world: World, _caller: Caller | None) -> dict[str, str]:
    return {"digest": world.digests[world.things["request"]]}


def _own_digest(world: World, caller: Caller | None) -> dict[str, str]:
    return {"digest": world.digests[world.own["request"][caller or Caller.RISK]]}


def _ask(kind: str, subject: str, **request: Any) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "request": request, "reason": "tests"}


def _threshold(value: str) -> dict[str, Any]:
    return {"name": "drawdown", "field": "threshold", "value": value} | WHY


def _lift_kill(world: World, _caller: Caller | None) -> dict[str, Any]:
    hold = world.things["a kill"]
    request = {"hold": hold, "root_cause": "a bad feed", "rollback": "to the version before"}
    return _ask("hold-lift", f"hold:{hold}", **request)


def _later(_world: World, _caller: Caller | None) -> dict[str, Any]:
    return {"due_at": (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()} | WHY


def _break(world: World, _caller: Caller | None) -> dict[str, Any]:
    return _ask("break-accept", "breaks", breaks=[world.things["break"]])


LATCHED = (200, 202)


def _page_stop(what: str, scope: str, **more: str) -> Sample:
    """The receipt instead of its address is for a stop that was kept before it was recorded."""
    return Sample({"what": what, "scope": scope, "reason": "tests", **more}, (303, *LATCHED))


def _alone(world: World, _caller: Caller | None) -> dict[str, str]:
    return KILL | {"digest": world.digests["alone"]}


LIFT, HOLD_LIFT = "/api/holds/{hold_id}/lift", "/holds/{hold_id}/lift"
ASKS = "/api/approvals"
SIZE = "/api/strategies/{strategy}/size"
API, PAGE = "/api/approvals/{approval_id}/", "/approvals/{approval_id}/"
STAGE, RESUME = "/api/strategies/{strategy}/stage", "/api/strategies/{strategy}/resume"
ANOTHERS, ONES_OWN = "another's request", "one's own request"
HIGHER = {"value": "2000000"}
ASKED = {"approval_id": "request"}

STOPS: dict[Key, Sample] = {
    **{
        ("POST", path, case): Sample(body | WHY, LATCHED)
        for path in ("/trading/halt", "/emergency/stop-trading", "/emergency/freeze",
                     "/emergency/stop-new-positions", "/orders/cancel-all")
        for case, body in (("the firm", FIRM), ("a strategy", STRATEGY))
    },
    **{
        ("POST", "/emergency/set-stop-losses", case): Sample(
            body | WHY | {"percentage": 2.0}, LATCHED)
        for case, body in (("the firm", FIRM), ("a strategy", STRATEGY))
    },
    **{
        ("POST", "/risk/stop-losses/set", case): Sample(body | {"percent": "2"})
        for case, body in (("the firm", FIRM), ("a strategy", STRATEGY))
    },
    ("POST", "/api/strategies/{strategy}/pause", ""): Sample(WHY, LATCHED),
    ("POST", "/api/strategies/{strategy}/kill", ""): Sample(WHY, LATCHED),
    ("POST", "/api/regulatory", ""): Sample(FIRM | WHY, LATCHED),
    ("POST", "/emergency/close-all-positions", "to look"): Sample(FIRM | {"dry_run": True}),
    ("POST", "/emergency/close-all-positions", "the firm"): Sample(FIRM | WHY, LATCHED),
    ("POST", "/stop", "pause the firm"): _page_stop("pause", "firm"),
    ("POST", "/stop", "pause a strategy"): _page_stop("pause", f"strategy:{OWN}"),
    ("POST", "/stop", "kill the firm"): _page_stop("kill", "firm"),
    ("POST", "/stop", "kill a strategy"): _page_stop("kill", f"strategy:{OWN}"),
    ("POST", "/stop", "reduce-only on the firm"): _page_stop("reduce-only", "firm"),
    ("POST", "/stop", "reduce-only on a strategy"): _page_stop("reduce-only", f"strategy:{OWN}"),
    ("POST", "/stop", "freeze the firm"): _page_stop("freeze", "firm"),
    ("POST", "/stop", "kill and close the firm"): _page_stop("kill", "firm", flatten="1"),
}  # fmt: skip

LIFTS: dict[Key, Sample] = {
    ("POST", LIFT, "a kill: asks"): Sample(KILL, (202,), {"hold_id": "a kill"}),
    ("POST", LIFT, "a regulatory hold: asks"): Sample(WHY, (202,),
                                                       {"hold_id": "a regulatory hold"}),
    **{
        ("POST", LIFT, case): Sample(WHY, (200,), {"hold_id": case})
        for case in ("a pause", "one's own pause", "a reduce-only")
    },
    **{  # 409: let in, and the hold's conditions are measured and not met
        ("POST", LIFT, case): Sample(WHY, (200, 409), {"hold_id": case})
        for case in ("a breaker", "the dead man's", "a recovery", "a maintenance")
    },
    ("POST", HOLD_LIFT, "a pause"): Sample(WHY, (303,)),
    ("POST", HOLD_LIFT, "a kill: asks"): Sample(KILL, (303,), {"hold_id": "a kill"}),
    ("POST", RESUME, "a pause"): Sample(WHY, things={"strategy": HELD}),
    ("POST", RESUME, "one's own pause"): Sample(WHY, things={"strategy": OWN_HELD}),
    ("POST", STAGE, "down"): Sample({"to": "stopped"} | WHY),
    ("POST", STAGE, "up: asks"): Sample({"to": "paper"} | WHY, (202,)),
    ("POST", "/strategies/{key}/stage", "down"): Sample({"to": "stopped"} | WHY, (303,)),
    ("POST", "/strategies/{key}/stage", "up: asks"): Sample({"to": "paper"} | WHY, (303,)),
}  # fmt: skip

REQUESTS: dict[Key, Sample] = {
    ("POST", ASKS, "hold-lift"): Sample(_lift_kill, (201,)),
    ("POST", ASKS, "stage-promote"): Sample(
        _ask("stage-promote", f"strategy:{HELD}", strategy=HELD, to="paper", **{"from": "monitor"}),
        (201,)),
    ("POST", ASKS, "limit-raise"): Sample(LIMIT_UP | {"request": HIGHER} | WHY, (201,)),
    ("POST", ASKS, "trigger-relax"): Sample(
        _ask("trigger-relax", "trigger:dead-man", threshold="180"), (201,)),
    ("POST", ASKS, "triggers-shadow"): Sample(_ask("triggers-shadow", "triggers"), (201,)),
    ("POST", ASKS, "break-accept"): Sample(_break, (201,)),
    ("POST", ASKS, "size-raise"): Sample(
        _ask("size-raise", f"strategy:{OWN}", size="900000"), (201, 400)),
    ("POST", ASKS, "engine-apply"): Sample(
        _ask("engine-apply", f"strategy:{OWN}", version=1), (201, 400)),
    ("POST", ASKS, "factor-reset"): Sample(
        _ask("factor-reset", "person:lena.fischer", password=""), (201, 400)),
    ("POST", ASKS, "role-grant"): Sample(
        _ask("role-grant", "person:lena.fischer", grant="role", role="trader"), (201, 400)),
    ("POST", ASKS, "break-glass-enable"): Sample(_ask("break-glass-enable", "x"), (201, 400)),
    ("POST", ASKS, "access-review"): Sample(_ask("access-review", "x"), (201, 400)),
    ("POST", ASKS, "token-issue"): Sample(_ask("token-issue", "token:x"), (201, 400)),
    **{
        ("POST", f"{face}{verb}", case): Sample(body, done, own=ASKED if case == ONES_OWN else {})
        for face, done in ((API, (200,)), (PAGE, (303,)))
        for verb, case, body in (
            ("approve", ANOTHERS, _digest), ("approve", ONES_OWN, _own_digest),
            ("reject", ANOTHERS, WHY), ("withdraw", ANOTHERS, WHY), ("withdraw", ONES_OWN, WHY),
        )
    },
}  # fmt: skip

OTHERS: dict[Key, Sample] = {
    ("GET", "/healthz", ""): Sample(done=(200, 503)),
    ("GET", "/healthz/{stage}", ""): Sample(done=(200, 404, 503)),
    ("GET", "/readyz", ""): Sample(done=(200, 503)),
    ("GET", "/favicon.ico", ""): Sample(done=(204,)),
    ("GET", "/…", ""): Sample(done=(404,)),
    ("POST", "/…", ""): Sample(done=(404,)),
    ("GET", "/api/…", ""): Sample(done=(404,)),
    ("POST", "/api/…", ""): Sample(done=(404,)),
    ("POST", "/deadman/confirm", ""): Sample(done=(303,)),
    ("POST", "/api/deadman", ""): Sample(),
    ("POST", "/api/maintenance", "now"): Sample(FIRM | WHY, LATCHED),
    ("POST", "/api/maintenance", "later"): Sample(_later, (201,)),
    ("POST", "/api/maintenance/{scheduled_id}/withdraw", ""): Sample(),
    ("POST", "/api/reconcile/generate-report", ""): Sample(),
}

# 409: let in, and there is no simulated feed here; 400: no quote, or a token whose owner sees none.
TESTS: dict[Key, Sample] = {
    ("POST", "/test/inject-price", ""): Sample(
        {"symbol": "EURUSD", "bid": 1.0850, "ask": 1.0852}, (409,)),
    ("POST", "/test/generate-signal", ""): Sample({"symbol": "EURUSD"}, (409,)),
    ("POST", "/test/validate-signal", ""): Sample({"symbol": "EURUSD"}, (400,)),
    ("POST", "/test/validate-test-signal", ""): Sample(done=(400,)),
    ("POST", "/test/dry-run-order", ""): Sample(done=(200, 400)),
}  # fmt: skip

LEAVE, USE = "/api/break-glass/{leave_id}/end", "/api/break-glass/uses/{use_id}"
LIMIT, LIMIT_FORM = "/api/limits/{scope}/{kind}", "/risk/limits/change"
TRIGGER, TRIGGER_FORM = "/api/triggers/{trigger}", "/risk/triggers/change"
LIMIT_SAID = {"scope": f"strategy:{OWN}", "kind": "order-notional"} | WHY
GLASS = {"people": ["ada.nwosu"], "scopes": [f"strategy:{HELD}"], "hours": 1} | WHY
GLASS_FORM = {"people": "ada.nwosu", "strategies": HELD, "hours": "1"} | WHY
ON_KILL = {"hold_id": "a kill"}
SIZES: dict[Key, Sample] = {
    ("POST", "/strategies/{key}/size", "less"): Sample({"size": "50000"}, (303,)),
    ("POST", "/strategies/{key}/size", "more, within the limits"): Sample(
        {"size": "110000"}, (303,)),
    ("POST", "/strategies/{key}/size", "beyond the limits: asks"): Sample(
        {"size": "900000"} | WHY, (303,)),
    ("POST", SIZE, "less"): Sample({"size": "50000"}),
    ("POST", SIZE, "more, within the limits"): Sample({"size": "110000"}),
    ("POST", SIZE, "beyond the limits: asks"): Sample({"size": "900000"} | WHY, (202,)),
}  # fmt: skip

LIMITING: dict[Key, Sample] = {
    ("POST", LIMIT, "lower"): Sample({"value": "900000"} | WHY),
    ("POST", LIMIT, "higher: asks"): Sample({"value": "2000000"} | WHY, (202,)),
    ("POST", LIMIT_FORM, "lower"): Sample({"value": "900000"} | LIMIT_SAID, (303,)),
    ("POST", LIMIT_FORM, "higher: asks"): Sample({"value": "2000000"} | LIMIT_SAID, (303,)),
    ("POST", TRIGGER, "tighter"): Sample({"threshold": "4"} | WHY),
    ("POST", TRIGGER, "looser: asks"): Sample({"threshold": "9"} | WHY, (202,)),
    ("POST", TRIGGER_FORM, "tighter"): Sample(_threshold("4"), (303,)),
    ("POST", TRIGGER_FORM, "looser: asks"): Sample(_threshold("9"), (303,)),
    ("POST", "/break-glass/ask", ""): Sample(GLASS_FORM, (303,)),
    ("POST", "/break-glass/{leave_id}/end", ""): Sample(WHY, (303,)),
    ("GET", "/holds/{hold_id}/alone", ""): Sample(things=ON_KILL),
    # 409: let in, and the kill's preconditions are measured and not met
    ("POST", "/holds/{hold_id}/break-glass", ""): Sample(_alone, (303, 409), ON_KILL),
    ("POST", "/break-glass/uses/{use_id}/keep", ""): Sample(WHY, (303,)),
    ("POST", "/break-glass/uses/{use_id}/return", ""): Sample(WHY, (303,)),
    ("POST", "/api/break-glass", ""): Sample(GLASS, (202,)),
    ("POST", LEAVE, ""): Sample(WHY),
    ("GET", "/api/holds/{hold_id}/break-glass", ""): Sample(things=ON_KILL),
    ("POST", "/api/holds/{hold_id}/break-glass", ""): Sample(_alone, (200, 409), ON_KILL),
    ("POST", f"{USE}/keep", ""): Sample(WHY),
    ("POST", f"{USE}/return", ""): Sample(WHY),
}

ENGINE, ENGINE_PAGE = "/api/engines/{engine}", "/engines/{engine}"


def _config(**strategy: str) -> dict[str, str]:
    return {"config": json.dumps(engine_document(**strategy))} | WHY


def _drill(world: World, _caller: Caller | None) -> dict[str, Any]:
    return {"hold": world.things["a kill"]} | WHY


def _patch(**strategy: str) -> dict[str, Any]:
    return {"patch": {"spec": {"strategy": strategy}}} | WHY


ENGINES: dict[Key, Sample] = {
    ("POST", "/api/engine-check", ""): Sample({"config": "a: 1"}),
    ("POST", "/api/engines", "lower"): Sample(_config(riskLimit="4%")),
    ("POST", "/api/engines", "higher: asks"): Sample(_config(riskLimit="6%"), (202,)),
    # the rest of it is no document, so that nobody tries to apply it
    ("POST", "/api/engines", "riskLimit 0%"): Sample(
        _config(riskLimit="0%", frequency="never"), LATCHED),
    ("POST", f"{ENGINE}/ask", ""): Sample(WHY, (202,)),
    # 409: let in, and there is no such evidence
    **{
        ("POST", f"{ENGINE}/sign-off", gate): Sample({"gate": gate, "shown": "0" * 64} | WHY,
                                                     (200, 409))
        for gate in ("risk", "compliance")
    },
    ("POST", f"{ENGINE}/sign-off/withdraw", ""): Sample({"gate": "risk"} | WHY, (200, 409)),
    ("POST", "/api/drills", ""): Sample(_drill, (200, 409)),
    **{
        ("POST", f"{ENGINE_PAGE}/sign-off", gate): Sample({"gate": gate, "shown": "0" * 64} | WHY,
                                                          (303, 409))
        for gate in ("risk", "compliance")
    },
    ("POST", f"{ENGINE_PAGE}/withdraw", ""): Sample({"gate": "risk"} | WHY, (303, 409)),
    ("POST", f"{ENGINE_PAGE}/drill", ""): Sample(_drill, (303, 409)),
    ("POST", f"{ENGINE_PAGE}/ask", ""): Sample(WHY, (303,)),
    ("POST", f"{ENGINE_PAGE}/risk-limit", "higher: asks"): Sample({"risk_limit": "6%"} | WHY,
                                                                  (303,)),
    ("POST", f"{ENGINE}/patch", "lower"): Sample(_patch(maxPositionSize="400k")),
    ("POST", f"{ENGINE}/patch", "higher: asks"): Sample(_patch(riskLimit="6%"), (202,)),
    ("POST", f"{ENGINE}/patch", "riskLimit 0%"): Sample(_patch(riskLimit="0%"), LATCHED),
    ("POST", f"{ENGINE}/patch", "Emergency-Stop"): Sample(
        {"patch": {"status": {"phase": "Emergency-Stop"}}} | WHY, LATCHED),
}  # fmt: skip
