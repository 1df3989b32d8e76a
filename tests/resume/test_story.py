"""What services write themselves hangs together: from the kill to the fills after the return."""

import datetime as dt
import uuid

import pytest
from django.db import connection

from audit.models import Entry
from audit.story import Story, followed_read, story_read, strategies_resumed
from console.access.record_links import asked_about
from riskctl.actors import NotAllowedError
from riskctl.approvals import approval_approve, approval_reject
from riskctl.holdrows import hold_statements
from riskctl.holds import HoldFact, Kind
from riskctl.lifting import hold_lift, lift_request
from riskctl.models import Approval, Hold
from riskctl.selectors import fact_of
from tests.approvals.people import MERCY, RUTH, hold
from tests.audit.entries import NOON, new_entry
from tests.resume.desk import RestartDesk


def placed() -> HoldFact:
    """A kill with its entry, as whoever places one writes it."""
    fact = fact_of(hold())
    for sql, values in hold_statements(fact):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
    return fact


def ask(ident: uuid.UUID) -> Approval:
    return lift_request(
        hold_id=ident, actor=MERCY, reason="restart", root_cause="the feed lagged",
        rollback="mom v3",
    )  # fmt: skip


@pytest.fixture
def story_of(desk: RestartDesk) -> tuple[HoldFact, Approval, Approval]:
    """A kill, a lift that was tried alone, a request that was rejected, and one carried out."""
    kill = placed()
    ident = uuid.UUID(kill.id)
    with pytest.raises(NotAllowedError):
        hold_lift(hold_id=ident, actor=RUTH, reason="alone")
    rejected = ask(ident)
    approval_reject(approval_id=rejected.id, actor=RUTH, reason="not yet")
    asked = ask(ident)
    with pytest.raises(NotAllowedError):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=MERCY)
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH, reason="checked")
    other = fact_of(hold(Kind.PAUSE, "strategy:rev-two"))
    for sql, values in hold_statements(other):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
    return kill, rejected, asked


def told(found: Story) -> list[tuple[str, str]]:
    return [(one.action, one.outcome) for one in found.entries]


EXPECTED = [
    ("hold.place", "done"), ("hold.lift", "denied"), ("approval.request", "done"),
    ("approval.reject", "done"), ("approval.request", "done"), ("approval.approve", "denied"),
    ("stage.enter", "done"), ("hold.lift", "done"), ("approval.execute", "done"),
]  # fmt: skip


@pytest.mark.parametrize("start", [0, 1, 2], ids=["the hold", "the rejected", "the executed"])
def test_it_is_told_whole_from_wherever_it_is_entered(
    story_of: tuple[HoldFact, Approval, Approval], start: int
) -> None:
    found = story_read(str(story_of[start].id), elsewhere=asked_about)
    assert told(found) == EXPECTED
    assert found.whole
    resumed = next(one for one in found.entries if one.action == "approval.execute")
    assert (resumed.actor, resumed.reason) == (RUTH.name, "checked")


def test_who_resumed_it_leads_on_to_its_fills(
    story_of: tuple[HoldFact, Approval, Approval],
) -> None:
    kill, _, _ = story_of
    assert Hold.objects.filter(lift=None).count() == 1
    later = (dt.datetime.now(dt.UTC) - NOON).total_seconds() + 10
    for number, strategy in enumerate(("mom-one", "rev-two")):
        new_entry("fill.book", later, actor_kind="process", actor="gateway:paper-1#3",
                  object_kind="fill", object_id=f"paper-1/{number}", on_behalf_of=strategy,
                  correlation_id=f"sig-{number}")  # fmt: skip
    back = strategies_resumed(story_read(kill.id, elsewhere=asked_about))
    assert set(back) == {"mom-one"}
    fills = followed_read(back, min(back.values()))
    assert [one.object_id for one in fills] == ["paper-1/0"]
    assert Entry.objects.filter(action="fill.book").count() == 2
