"""Maintenance holds for a later time: by SRE, placed once when due, withdrawn before that."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import Kind, ScopeError
from riskctl.models import ScheduledHold
from riskctl.schedule import (
    ScheduleError,
    maintenance_place_due,
    maintenance_schedule,
    maintenance_withdraw,
)
from riskctl.triggers.settings import database_now

SRE = Actor(kind="person", name="jonas.lindqvist", roles=frozenset({"sre"}))
RISK = Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk"}))
TOKEN = Actor(kind="token", name="script", roles=frozenset({"sre"}))

pytestmark = pytest.mark.django_db


class Places:
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fails = False

    def __call__(self, **asked: Any) -> None:
        if self.fails:
            raise ConnectionError("no gateway")
        self.calls.append(asked)


def later(seconds: float = 3_600) -> dt.datetime:
    return database_now() + dt.timedelta(seconds=seconds)


def schedule(**changes: Any) -> ScheduledHold:
    values: dict[str, Any] = {
        "scope": "venue:paper-1",
        "due_at": later(),
        "reason": "new switch",
        "actor": SRE,
    }
    return maintenance_schedule(**{**values, **changes})


def make_due(row: ScheduledHold) -> None:
    ScheduledHold.objects.filter(id=row.id).update(due_at=database_now())


def test_what_is_due_is_placed_once_in_the_name_of_who_asked() -> None:
    early, due = schedule(), schedule(scope="firm")
    places = Places()
    assert maintenance_place_due(place=places) == []
    make_due(due)
    [ident] = maintenance_place_due(place=places)
    assert maintenance_place_due(place=places) == []
    [asked] = places.calls
    assert (asked["scope"], asked["kind"], asked["hold_id"]) == ("firm", Kind.MAINTENANCE, ident)
    assert (asked["actor"].name, asked["actor"].roles) == ("jonas.lindqvist", {"sre"})
    assert "new switch" in asked["reason"]
    assert ScheduledHold.objects.get(id=due.id).placed == ident
    assert ScheduledHold.objects.get(id=early.id).placed is None
    names = sorted(Entry.objects.values_list("action", flat=True))
    assert names == ["maintenance.place", "maintenance.schedule", "maintenance.schedule"]


def test_one_that_failed_is_tried_again_under_the_same_id() -> None:
    row = schedule()
    make_due(row)
    places = Places()
    places.fails = True
    with pytest.raises(ConnectionError):
        maintenance_place_due(place=places)
    assert ScheduledHold.objects.get(id=row.id).placed is None
    places.fails = False
    [first] = maintenance_place_due(place=places)
    ScheduledHold.objects.filter(id=row.id).update(placed=None)  # it died before it was noted
    assert maintenance_place_due(place=places) == [first]


def test_what_was_withdrawn_is_never_placed() -> None:
    row = schedule()
    maintenance_withdraw(scheduled_id=row.id, actor=SRE)
    make_due(row)
    assert maintenance_place_due(place=Places()) == []
    [body] = (json.loads(bytes(one.body)) for one in Entry.objects.filter(
        action="maintenance.withdraw"
    ))  # fmt: skip
    assert (body["before"]["withdrawn_by"], body["after"]["withdrawn_by"]) == ("", SRE.name)


def test_what_is_over_cannot_be_withdrawn() -> None:
    placed, withdrawn = schedule(), schedule()
    make_due(placed)
    maintenance_place_due(place=Places())
    maintenance_withdraw(scheduled_id=withdrawn.id, actor=SRE)
    for ident, text in (
        (placed.id, "lift that"), (withdrawn.id, "already"), (uuid.uuid4(), "no maintenance"),
    ):  # fmt: skip
        with pytest.raises(ScheduleError, match=text):
            maintenance_withdraw(scheduled_id=ident, actor=SRE)


@pytest.mark.parametrize("actor", [RISK, TOKEN])
def test_only_sre_schedules_and_withdraws(actor: Actor) -> None:
    row = schedule()
    with pytest.raises(NotAllowedError):
        schedule(actor=actor)
    with pytest.raises(NotAllowedError):
        maintenance_withdraw(scheduled_id=row.id, actor=actor)
    assert ScheduledHold.objects.count() == 1


def test_a_time_or_scope_that_cannot_be_is_named() -> None:
    for due_at in (later(-1), later(400 * 86_400), dt.datetime(2099, 1, 1)):  # noqa: DTZ001
        with pytest.raises(ScheduleError, match=r"^due_at: "):
            schedule(due_at=due_at)
    with pytest.raises(ScopeError):
        schedule(scope="everything")
    assert not ScheduledHold.objects.exists()
