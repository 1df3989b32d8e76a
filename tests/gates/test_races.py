"""A sign-off against a new version, a withdrawal against a climb: on a real PostgreSQL, at once."""

import pytest

from riskctl.actors import NotAllowedError
from riskctl.approvals import approval_approve
from riskctl.conditions import PreconditionError
from riskctl.ladder import stage_promote_request
from riskctl.models import Approval
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH
from tests.gates.desk import KEY, GateDesk, words
from tests.resume.test_races import together
from trading.engines.service import engine_apply
from trading.engines.versions import version_get
from trading.gates.service import sign_off, sign_off_withdraw
from trading.models import SignOff

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sign_off_is_of_the_version_that_was_shown_or_of_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, ends = GateDesk(monkeypatch), set()
    for turn in range(8):
        text = words().replace("5.0%", f"{4 + turn / 10}%")
        engine_apply(text=text, actor=MERCY, reason="r")
        version = version_get(KEY)
        desk.backtest(version)
        desk.paper(version, 30)
        gates = desk.gates()

        def sign(shown: str = gates.shown) -> object:
            return sign_off(strategy=KEY, gate="risk", shown=shown, actor=RUTH, reason="r")

        def apply(turn: int = turn) -> object:
            text = words().replace("5.0%", f"{3 - turn / 10}%")
            return engine_apply(text=text, actor=MERCY, reason="r")

        ends.add(tuple(together([sign, apply])))
        assert desk.gates().digest != gates.digest
        for row in SignOff.objects.filter(shown=gates.shown):
            assert row.digest == gates.digest
        assert "risk approval" in desk.unmet()
    assert ends <= {("done", "done"), ("done", "sign-off-moved")}


def test_of_a_climb_and_a_withdrawal_nothing_stays_on_real_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = GateDesk(monkeypatch)
    desk.passed()
    for _ in range(6):
        desk.ladder()
        asked = stage_promote_request(strategy=KEY, to="ramp", actor=MERCY, reason="measured")

        def climb(asked: Approval = asked) -> object:
            try:
                return approval_approve(approval_id=asked.id, digest=asked.digest, actor=IVAN)
            except PreconditionError as error:
                raise NotAllowedError("unmet", str(error)) from error

        def withdraw() -> object:
            return sign_off_withdraw(strategy=KEY, gate="compliance", actor=RUTH)

        ends = together([climb, withdraw])
        assert ends in (["done", "done"], ["done", "unmet"])
        assert desk.rung() in ("monitor", "paper")
        desk.sign("compliance", COLIN)
