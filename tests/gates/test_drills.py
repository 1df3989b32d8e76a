"""A rehearsed kill is evidence when it was proven, left nothing open, and the books agree."""

import datetime as dt
from typing import Any

import pytest

from riskctl.actors import Actor, NotAllowedError
from riskctl.conditions import PreconditionError
from tests.approvals.people import COLIN, MERCY, RUTH, SANA, SHELL, TOKEN
from tests.console.conftest import entries
from tests.gates.desk import GateDesk
from trading.gates.drills import drill_record
from trading.models import Drill, Reconciliation


def test_a_kill_without_a_flaw_is_kept_once(desk: GateDesk) -> None:
    desk.version()
    first = desk.drill()
    hold_id = first.body["hold"]
    assert drill_record(hold_id=hold_id, actor=RUTH) == first
    assert (first.account_id, first.made_by, Drill.objects.count()) == ("paper-r", SANA.name, 1)
    assert first.body["proofs"] == ["acknowledged"]
    (entry,) = entries("engine.drill")
    assert entry["after"]["digest"] == first.digest
    assert desk.gates().one("drill and readiness").evidence["drill"] == first.digest


@pytest.mark.parametrize(
    ("facts", "flaws"),
    [
        ({"names": ("acknowledged", "none-open")}, ["effective", "reconciled"]),
        ({"names": ("effective", "none-open")}, ["proven"]),
        ({"names": ("acknowledged", "effective")}, ["none open"]),
        ({"names": ("acknowledged", "effective", "still-open", "none-open")}, ["none open"]),
        ({"in_flight": ("o1",)}, ["nothing in flight"]),
        ({"took_s": 5.1, "age_s": 60.0}, ["effective"]),
    ],
)
def test_each_flaw_is_named(desk: GateDesk, facts: dict[str, Any], flaws: list[str]) -> None:
    with pytest.raises(PreconditionError) as error:
        desk.drill(**facts)
    assert [one.name for one in error.value.items] == flaws
    assert not Drill.objects.exists()


def test_books_that_did_not_agree_first_are_a_flaw(desk: GateDesk) -> None:
    row = desk.killed()
    Reconciliation.objects.create(
        account_id="paper-r", at=row.placed_at + dt.timedelta(seconds=2), agrees=False, compared={},
        asked_by="schedule",
    )  # fmt: skip
    with pytest.raises(PreconditionError, match="reconciled"):
        drill_record(hold_id=row.id, actor=SANA)


@pytest.mark.parametrize(
    ("who", "code"),
    [(MERCY, "drill-not-your-role"), (COLIN, "drill-not-your-role"),
     (TOKEN, "drill-tokens-cannot"), (SHELL, "drill-shells-cannot")],
    ids=lambda one: one.name if isinstance(one, Actor) else str(one),
)  # fmt: skip
def test_who_cannot_record_one(desk: GateDesk, who: Actor, code: str) -> None:
    with pytest.raises(NotAllowedError) as error:
        drill_record(hold_id=desk.killed().id, actor=who)
    assert error.value.code == code


@pytest.mark.parametrize("scope", ["venue:paper-1", "strategy:mom-one", "firm"])
def test_only_of_a_rehearsal_account(desk: GateDesk, scope: str) -> None:
    with pytest.raises(NotAllowedError) as error:
        drill_record(hold_id=desk.killed(scope=scope).id, actor=SANA)
    assert error.value.code == "drill-not-rehearsal"
