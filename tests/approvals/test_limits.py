"""Raising a limit by two people, one of them risk."""

from decimal import Decimal
from typing import Any

import pytest

from audit.models import Entry
from riskctl.approvals import ApprovalVoidError, RequestError, approval_approve, approval_request
from riskctl.models import Approval, Limit
from tests.approvals.people import MERCY, RUTH

pytestmark = pytest.mark.django_db

SUBJECT = "limit:strategy:mom-one/gross-notional"


@pytest.fixture(autouse=True)
def _limit() -> None:
    Limit.objects.create(scope="strategy:mom-one", kind="gross-notional", value=1000)


def ask(value: Any = "2500.50", subject: str = SUBJECT) -> Approval:
    return approval_request(
        kind="limit-raise", subject=subject, request={"value": value}, actor=MERCY, reason="room"
    )


def value() -> Decimal:
    return Limit.objects.get(scope="strategy:mom-one").value


def test_it_is_raised_once_approved_with_both_names_in_the_record() -> None:
    asked = ask()
    assert value() == 1000
    done = approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)
    assert value() == Decimal("2500.50")
    assert (done.result or {})["before"] == "1000"
    body = bytes(Entry.objects.get(action="limit.raise").body)
    assert MERCY.name.encode() in body
    assert RUTH.name.encode() in body


def test_it_is_void_when_somebody_changed_the_limit_meanwhile() -> None:
    asked = ask()
    Limit.objects.update(value=500)
    with pytest.raises(ApprovalVoidError, match="value was 1000, is 500"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)
    assert value() == 500


@pytest.mark.parametrize("bad", ["x", "-1", "NaN", "Infinity", "1e30", 5, None, ""])
def test_a_value_that_cannot_be_is_refused_when_asked(bad: Any) -> None:
    with pytest.raises(RequestError, match="value: must be a decimal number"):
        ask(bad)


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("limit:firm", "subject"),
        ("limit:firm/moon", "subject"),
        ("gross:firm/x", "subject"),
        ("limit:firm/open-orders", "kind"),
        ("limit:planet:x/gross-notional", "scope"),
    ],
)
def test_a_limit_that_nobody_keeps_is_refused_when_asked(subject: str, field: str) -> None:
    with pytest.raises(RequestError) as refused:
        ask(subject=subject)
    assert refused.value.field == field
