"""Two people take a break: exactly that one, only while it is what they looked at."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import ApprovalVoidError, approval_approve, approval_request
from riskctl.approvals.kinds import RequestError
from riskctl.holds import RISK, TRADER
from riskctl.models import Approval
from tests.reconciliation.builders import Desk, at, run
from tests.support.people import enrolled
from trading.models import Break
from trading.reconciliation.accepting import break_state
from trading.reconciliation.selectors import breaks_open, reconciled_since
from trading.reconciliation.service import break_accept_execute

Recorded = Callable[[str], list[dict[str, Any]]]


def asked(*breaks: Break) -> Any:
    """An approved request, with the state it was asked in."""
    request = {"breaks": [str(one.pk) for one in breaks]}
    return SimpleNamespace(
        id=uuid.uuid4(), request=request, asked_in=break_state("account:paper-1", request),
        reason="the venue's error, ticket 7", requested_by="rita.moreau", decided_by="sam.reyes",
    )  # fmt: skip


@pytest.fixture
def broken(desk: Desk) -> Desk:
    """1,000 EURUSD more at the venue, and 5 dollars less."""
    desk.says(0)
    run(1)
    desk.says(10, positions={"EURUSD": "1000"}, cash="-5")
    run(11)
    return desk


def found(key: str) -> Break:
    return Break.objects.get(key=key)


def test_exactly_the_breaks_that_were_asked_for(broken: Desk, recorded: Recorded) -> None:
    approval = asked(found("EURUSD"))
    who = Actor(kind="person", name="sam.reyes")
    result = break_accept_execute(approval=approval, actor=who)
    assert result == {"accepted": [str(found("EURUSD").pk)]}
    assert found("EURUSD").accepted == approval.id
    assert found("USD").accepted is None
    (entry,) = recorded("break.accept")
    assert (entry["actor"], entry["on_behalf_of"], entry["object_id"]) == (
        "sam.reyes", "rita.moreau", str(found("EURUSD").pk),
    )  # fmt: skip
    assert (entry["correlation_id"], entry["after"]["difference"]) == (str(approval.id), "1000")


def test_it_stays_accepted_while_the_difference_is_the_same(broken: Desk) -> None:
    break_accept_execute(approval=asked(found("EURUSD")))
    broken.fill("mom-eurusd", "EURUSD", "sell", "5000", "1.2")
    broken.says(20, positions={"EURUSD": "1000"}, cash="-5")
    run(21, mids=lambda: {"EURUSD": Decimal("1.9")})
    assert (found("EURUSD").value, found("EURUSD").ours) == (Decimal(1900), "-3000")
    assert found("EURUSD").accepted is not None


def test_another_difference_is_another_decision(broken: Desk, recorded: Recorded) -> None:
    approval = asked(found("EURUSD"))
    break_accept_execute(approval=approval)
    broken.says(20, positions={"EURUSD": "1001"}, cash="-5")
    run(21)
    assert found("EURUSD").accepted is None
    (entry,) = recorded("break.change")
    assert entry["before"]["accepted"] == str(approval.id)


def test_one_that_changed_since_it_was_asked_for(broken: Desk) -> None:
    approval = asked(found("USD"), found("EURUSD"))
    broken.says(20, positions={"EURUSD": "1001"}, cash="-5")
    run(21)
    with pytest.raises(NotAllowedError, match=r"differed by 1000 .* and by 1001 now") as refused:
        break_accept_execute(approval=approval)
    assert refused.value.code == "break-changed"
    assert not Break.objects.exclude(accepted=None).exists()


def test_one_that_ended_since_it_was_asked_for(broken: Desk) -> None:
    approval = asked(found("EURUSD"), found("USD"))
    broken.says(20, cash="-5")
    run(21)
    with pytest.raises(NotAllowedError, match="ended at 2026-11-21T12:00:21") as refused:
        break_accept_execute(approval=approval)
    assert refused.value.code == "break-ended"
    assert not Break.objects.exclude(accepted=None).exists()
    request = {"breaks": [str(found("EURUSD").pk)]}
    assert break_state("", request) != {"break": {str(found("EURUSD").pk): "1000"}}


def test_a_state_that_does_not_name_the_break(broken: Desk) -> None:
    approval = asked(found("EURUSD"))
    approval.asked_in = {}
    with pytest.raises(NotAllowedError, match="differed by None"):
        break_accept_execute(approval=approval)
    approval.request = {"breaks": [str(uuid.uuid4())]}
    with pytest.raises(NotAllowedError, match="There is no break"):
        break_accept_execute(approval=approval)


@pytest.mark.parametrize(
    "request_", [{}, {"breaks": []}, {"breaks": "all"}, {"breaks": ["x"]}, {"breaks": [7]}]
)
def test_requests_that_are_none(db: None, request_: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"^breaks: ") as refused:
        break_state("", request_)
    assert refused.value.field == "breaks"


def test_a_break_that_is_none(db: None) -> None:
    ident = uuid.uuid4()
    with pytest.raises(RequestError, match=f"breaks: there is no break {ident}"):
        break_state("", {"breaks": [str(ident)]})


def person(name: str, role: str) -> Actor:
    return Actor(kind="person", name=name, roles=frozenset({role}), factor_age_s=5.0)


def test_two_people_through_the_engine(broken: Desk) -> None:
    def ask() -> Approval:
        return approval_request(
            kind="break-accept", subject="account:paper-1",
            request={"breaks": [str(found("EURUSD").pk)]}, actor=person("tomas.brandt", TRADER),
            reason="the venue's error",
        )  # fmt: skip

    first, risk = ask(), person("ada.nwosu", RISK)
    enrolled(risk, person("tomas.brandt", TRADER))
    broken.says(20, positions={"EURUSD": "1001"}, cash="-5")
    run(21)
    with pytest.raises(ApprovalVoidError):
        approval_approve(approval_id=first.id, digest=first.digest, actor=risk)
    assert found("EURUSD").accepted is None
    second = ask()
    done = approval_approve(approval_id=second.id, digest=second.digest, actor=risk)
    assert done.result == {"accepted": [str(found("EURUSD").pk)]}
    assert found("EURUSD").accepted == second.id


# Whether an account is reconciled -----------------------------------------------------------------


def why(account: str = "paper-1", *, since: float = 0, now: float = 12) -> str:
    one = reconciled_since(moment=at(since), now=at(now))[account]
    assert one.ok == (not one.why)
    return one.why


def test_reconciled_is_agreeing_after_the_moment(desk: Desk) -> None:
    assert why() == "never reconciled"
    desk.says(0)
    run(1)
    assert why(since=0) == "not reconciled since 2026-11-21T12:00:00.000000Z"
    assert why(since=-1) == ""
    desk.says(10)
    run(11)
    assert why(since=0) == ""
    assert why("paper-2") == "never reconciled"
    assert reconciled_since(moment=at(0), accounts=["paper-1"], now=at(12)).keys() == {"paper-1"}
    assert reconciled_since(moment=at(0), accounts=["none"])["none"].why == "never reconciled"


def test_reconciled_with_every_open_break_accepted(broken: Desk) -> None:
    assert sorted(why().removeprefix("open breaks: ").split(", ")) == [
        "cash USD", "position EURUSD",
    ]  # fmt: skip
    break_accept_execute(approval=asked(found("EURUSD")))
    assert why() == "open breaks: cash USD"
    break_accept_execute(approval=asked(found("USD")))
    assert why() == ""


def test_not_reconciled_without_a_reading_or_without_runs(desk: Desk) -> None:
    desk.says(10)
    run(11)
    assert why(now=70) == ""
    assert why(now=71) == "not reconciled for 61 s"
    run(45)
    assert why(now=46) == "no reading of the venue for 35 s"


def test_open_breaks_newest_first(broken: Desk) -> None:
    broken.says(20, positions={"EURUSD": "1000", "SPY": "1"})
    run(21)
    assert [one.key for one in breaks_open()] == ["SPY", "EURUSD"]
    assert [one.key for one in breaks_open(since=at(12))] == ["SPY"]
    assert list(breaks_open(accounts=["paper-2"])) == []
    assert breaks_open(accounts=["paper-1"]).count() == 2
