"""Any order of asking, deciding, changing and waiting: the engine keeps its promises."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.conditions import Condition, PreconditionError
from riskctl.models import Approval, Hold
from tests.approvals import people
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH, SANA, TOKEN, executions, stale

WHO = st.sampled_from([MERCY, RUTH, IVAN, SANA, COLIN, TOKEN, stale(IVAN)])
QUANTITIES = st.sampled_from(["100", "90"])
PLACES = st.integers(0, 9)


class Engine(RuleBasedStateMachine):
    """A model of who asked for what in which state says what every try must do."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Approval] = []
        self.model: list[str] = []
        self.asked_at: list[str] = []
        self.executed = 0
        self.before = executions()
        approvals_expire(now=dt.datetime.max.replace(tzinfo=dt.UTC))  # those of earlier runs
        people.MISSING.clear()
        self.quantity = "100"
        self.set_quantity("100")

    def set_quantity(self, value: str) -> None:
        self.quantity = value
        people.STATE["quantities"] = {"paper-1": {"EURUSD": value}}

    @rule(who=WHO)
    def ask(self, who: Actor) -> None:
        may = who.kind == "person" and bool(who.roles & people.KIND.roles) and who.stepped_up
        try:
            row = approval_request(
                kind=people.WATCHED, subject="thing:1", request={}, actor=who, reason="r"
            )
        except NotAllowedError:
            assert not may
            return
        assert may
        self.rows.append(row)
        self.model.append("pending")
        self.asked_at.append(self.quantity)

    @rule(value=QUANTITIES)
    def trade(self, value: str) -> None:
        self.set_quantity(value)

    @rule(missing=st.booleans())
    def condition(self, missing: bool) -> None:
        people.MISSING[:] = [Condition("c", False, "not yet")] if missing else []

    @rule(at=PLACES, who=WHO)
    def approve(self, at: int, who: Actor) -> None:
        if at >= len(self.rows):
            return
        row = self.rows[at]
        may = (
            self.model[at] == "pending"
            and who in (MERCY, RUTH, IVAN, SANA)
            and who.name != row.requested_by
            and "risk" in who.roles | set(row.requester_roles)
        )
        fresh = self.asked_at[at] == self.quantity
        try:
            approval_approve(approval_id=row.id, digest=row.digest, actor=who)
        except PreconditionError:
            assert may
            assert fresh
            assert people.MISSING
            return
        except NotAllowedError:
            assert not (may and fresh)
            if may:
                self.model[at] = "void"
            return
        assert may
        assert fresh
        assert not people.MISSING
        self.model[at] = "executed"
        self.executed += 1

    @rule(at=PLACES, who=WHO)
    def reject(self, at: int, who: Actor) -> None:
        if at >= len(self.rows):
            return
        try:
            approval_reject(approval_id=self.rows[at].id, actor=who, reason="no")
        except NotAllowedError:
            return
        assert self.model[at] == "pending"
        assert who.kind == "person"
        self.model[at] = "rejected"

    @rule(at=PLACES, who=WHO)
    def withdraw(self, at: int, who: Actor) -> None:
        if at >= len(self.rows):
            return
        mine = self.model[at] == "pending" and who.name == self.rows[at].requested_by
        try:
            approval_withdraw(approval_id=self.rows[at].id, actor=who)
        except NotAllowedError:
            assert not mine
            return
        assert mine
        self.model[at] = "withdrawn"

    @rule(at=PLACES)
    def time_passes(self, at: int) -> None:
        if at >= len(self.rows):
            return
        until = self.rows[at].expires_at + dt.timedelta(microseconds=1)
        due = [
            n
            for n, row in enumerate(self.rows)
            if self.model[n] == "pending" and row.expires_at <= until
        ]
        assert len(approvals_expire(now=until)) == len(due)
        for n in due:
            self.model[n] = "expired"

    @invariant()
    def as_the_model_says(self) -> None:
        ids = [row.id for row in self.rows]
        found = {row.id: row.state for row in Approval.objects.filter(id__in=ids)}
        assert [found[row.id] for row in self.rows] == self.model
        assert executions() - self.before == self.executed
        for row in Approval.objects.filter(id__in=ids, state="executed"):
            assert row.decided_by != row.requested_by
            assert "risk" in row.requester_roles + row.decider_roles


@pytest.mark.django_db
def test_the_engine_keeps_its_promises_in_any_order() -> None:
    assert not Hold.objects.exists()
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
