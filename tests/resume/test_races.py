"""Lifting from several sides at once: one lift, and no hold of another."""

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from riskctl.actors import NotAllowedError
from riskctl.approvals import approval_approve
from riskctl.holds import Kind
from riskctl.lifting import hold_lift, lift_request
from riskctl.models import HoldLift
from tests.approvals.people import IVAN, MERCY, RUTH, hold
from tests.resume.desk import RestartDesk

pytestmark = pytest.mark.django_db(transaction=True)


def together(acts: list[Callable[[], object]]) -> list[str]:
    """What each came to: ``done``, or the code of its refusal."""
    start, found = threading.Barrier(len(acts)), ["?"] * len(acts)

    def run(number: int, act: Callable[[], object]) -> None:
        connection.ensure_connection()
        start.wait(30)
        try:
            act()
            found[number] = "done"
        except NotAllowedError as error:
            found[number] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return sorted(found)


def test_of_eight_lifts_of_one_hold_one_is_done() -> None:
    kept = hold(Kind.PAUSE)
    for _ in range(10):
        row = hold(Kind.PAUSE)

        def lift(ident: uuid.UUID = row.id) -> object:
            return hold_lift(hold_id=ident, actor=RUTH, reason="r")

        assert together([lift] * 8) == ["done", *["hold-already-lifted"] * 7]
    assert not HoldLift.objects.filter(hold=kept).exists()


def test_of_two_approved_requests_for_one_kill_one_is_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    RestartDesk(monkeypatch)
    for _ in range(5):
        row = hold()
        asked = [
            lift_request(hold_id=row.id, actor=MERCY, reason="r", root_cause="c", rollback="v1")
            for _ in range(2)
        ]

        def approve(number: int, asked: list = asked) -> Callable[[], object]:  # type: ignore[type-arg]
            one, who = asked[number], (RUTH, IVAN)[number]
            return lambda: approval_approve(approval_id=one.id, digest=one.digest, actor=who)

        assert together([approve(0), approve(1)]) == ["done", "hold-already-lifted"]
        for one in asked:
            one.refresh_from_db()
        assert sorted(one.state for one in asked) == ["executed", "pending"]
