"""The record takes no entry, and all else works: what lowers risk goes on, the rest fails clearly.

Real gateways meet the same in tests/halting/test_record.py.
"""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DataError
from django.test import Client

from audit.models import Entry
from audit.record import RecordUnwritableError, record
from console.access.sessions import FACTOR_AT
from riskctl.actors import shell_actor, system_actor
from riskctl.cancelling import orders_cancel
from riskctl.desk import brakes_desk
from riskctl.following import receipts_follow
from riskctl.holds import Kind
from riskctl.models import Approval, Hold, HoldLift, Limit
from riskctl.pending import pending_read
from riskctl.placing import hold_place
from tests.console.api.brakes import BrakesDesk, new_hold, sent, steps_of
from tests.console.api.test_approvals import asking  # noqa: F401 - a fixture
from tests.console.api.test_problems import problem
from tests.console.conftest import PASSWORD, entries
from tests.support.closed import record_closed

pytestmark = pytest.mark.django_db(transaction=True)

KILL, CANCEL = "/emergency/stop-trading", "/orders/cancel-all"


def test_stops_are_in_force_and_entered_afterwards(brakes: BrakesDesk) -> None:
    """By REST, from a shell, by a trigger: each told, proven, kept; later in the record, with the
    time at which it was decided. Cancelling everything as well."""
    client = brakes.token("stop")
    with record_closed():
        began = dt.datetime.now(dt.UTC)
        answer = sent(client, KILL, {"reason": "unexpected orders"})
        assert (answer.status_code, answer.json()["status"]) == (200, "effective"), answer.content
        assert "closed" in answer.json()["not_recorded"]
        placed = [answer.json()["hold"]["id"]]
        for actor, scope in (
            (shell_actor("ops"), "venue:paper-1"),
            (system_actor("gross-exposure", kind="trigger"), "strategy:mom-eurusd"),
        ):
            placing = hold_place(scope=scope, kind=Kind.KILL, actor=actor, desk=brakes_desk())
            assert placing.effective
            placed.append(placing.hold.id)
        assert sent(client, CANCEL, {"reason": "all of it"}).status_code == 200
        assert brakes.told() == set(placed)
        done = orders_cancel(scope="firm", actor=shell_actor("ops"), desk=brakes_desk())
        assert (done.recorded.result(5), done.complete) == (False, True)
        ended = dt.datetime.now(dt.UTC)
        assert not Hold.objects.exists()
        assert not Entry.objects.exists()
        assert {one.hold.id for one in pending_read(brakes.home)} == set(placed)
        assert receipts_follow() == 0, "it still takes none, and the watchdog goes on"
    while pending_read(brakes.home) or any(brakes.home.entries.iterdir()):
        receipts_follow()
    found = [*entries("hold.place"), *entries("orders.cancel")]
    assert sorted(one["action"] for one in found) == ["hold.place"] * 3 + ["orders.cancel"] * 2
    assert {one["object_id"] for one in entries("hold.place")} == set(placed)
    for one in found:
        assert began <= dt.datetime.fromisoformat(one["happened_at"]) <= ended
    assert all(ended < one.recorded_at for one in Entry.objects.all())
    for hold_id in placed:
        steps_of(hold_id, "effective")
    assert Hold.objects.count() == 3


def refusals(brakes: BrakesDesk, asking: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    """What raises risk, or lets somebody in: address and who asks."""
    waiting = sent(brakes.person("ada"), "/api/approvals", asking).json()
    pause = new_hold()
    ada, lena = brakes.person("ada"), brakes.person("lena")
    return {
        "lift": (ada, f"/api/holds/{pause.id}/lift", {"reason": "over"}),
        "request": (ada, "/api/approvals", {**asking, "request": {"value": "300"}}),
        "approve": (lena, f"/api/approvals/{waiting['id']}/approve", {"digest": waiting["digest"]}),
        "reject": (lena, f"/api/approvals/{waiting['id']}/reject", {"reason": "no"}),
        "confirm": (lena, "/api/deadman", {}),
        "not leave": (brakes.token("read"), f"/api/holds/{pause.id}/lift", {"reason": "over"}),
    }


def state() -> list[object]:
    return [
        list(HoldLift.objects.values()), list(Approval.objects.order_by("id").values()),
        list(Limit.objects.values()), Entry.objects.count(), User.objects.count(),
    ]  # fmt: skip


def test_what_raises_risk_fails_clearly_and_leaves_nothing(
    brakes: BrakesDesk, asking: dict[str, Any]  # noqa: F811
) -> None:  # fmt: skip
    wanted = refusals(brakes, asking)
    before = state()
    with record_closed():
        for name, (client, path, body) in wanted.items():
            answer = sent(client, path, body)
            said = problem(answer, 503, "record-unwritable")
            assert said["detail"].startswith("Nothing was changed"), name
            assert answer["Retry-After"]
            assert state() == before, name
    client, path, body = wanted["approve"]
    assert sent(client, path, body).status_code == 200, "afterwards it is as if nothing had been"


def test_nobody_is_signed_in_and_nobody_is_counted_as_wrong(browser: Client, mercy: User) -> None:
    with record_closed():
        for password in (PASSWORD, "not-" + PASSWORD):
            answer = browser.post("/sign-in", {"username": mercy.username, "password": password})
            assert answer.status_code == 503
            assert b"The record cannot be written" in answer.content
            assert FACTOR_AT not in browser.session
            assert "_auth_user_id" not in browser.session
    assert (
        browser.post("/sign-in", {"username": mercy.username, "password": PASSWORD}).status_code
        == 302
    )


def test_the_error_is_of_the_record_and_not_of_what_was_to_be_recorded() -> None:
    facts: dict[str, Any] = {
        "action": "limit.change", "actor_kind": "person", "actor": "ada.nwosu",
        "object_kind": "limit", "object_id": "x",
    }  # fmt: skip
    with record_closed(), pytest.raises(RecordUnwritableError, match="takes no entry"):
        record(**facts)
    with pytest.raises(DataError):  # a defect stays one
        record(**facts, id="no-id")
