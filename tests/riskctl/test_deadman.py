"""The dead man's switch: confirmed by people only, by the database's clock; it warns and ends."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError, shell_actor, system_actor
from riskctl.deadman import deadman_confirm, deadman_prepare, deadman_state, judged
from riskctl.models import DeadMan, Hold
from riskctl.triggers.config import read_environment
from riskctl.triggers.keeper import known_read
from riskctl.triggers.settings import database_now, trigger_tighten

PERSON = Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk"}), factor_age_s=7_000)
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def age(minutes: float) -> None:
    """As if the last confirmation lay ``minutes`` back."""
    DeadMan.objects.update(confirmed_at=database_now() - dt.timedelta(minutes=minutes))


@pytest.mark.django_db
def test_without_a_confirmation_it_was_never_armed() -> None:
    assert deadman_state().state == "never"


@pytest.mark.django_db
def test_a_confirmation_arms_it_for_two_hours() -> None:
    state = deadman_confirm(actor=PERSON)
    assert (state.state, state.confirmed_by) == ("armed", "ada.nwosu")
    assert state.confirmed_at is not None
    assert state.expires_at == state.confirmed_at + dt.timedelta(minutes=120)
    assert state.warns_at == state.confirmed_at + dt.timedelta(minutes=90)
    for minutes, expected in ((89, "armed"), (91, "warning"), (119, "warning"), (121, "expired")):
        age(minutes)
        assert deadman_state().state == expected
    age(121)
    assert deadman_state().remaining_s == 0
    assert deadman_confirm(actor=PERSON).state == "armed"
    assert not Hold.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "actor",
    [
        system_actor("watchdog"),
        Actor(kind="token", name="script", token_scopes=frozenset({"stop"}), factor_age_s=1),
        shell_actor("root"),
        Actor(kind="person", name="no.factor", roles=frozenset({"risk"})),
    ],
)
def test_only_a_person_with_a_second_factor_confirms(actor: Actor) -> None:
    deadman_prepare(confirmed_by="desk start")
    age(100)
    with pytest.raises(NotAllowedError) as caught:
        deadman_confirm(actor=actor)
    assert caught.value.code == "deadman-needs-person"
    assert deadman_state().state == "warning"
    assert deadman_state().confirmed_by == "desk start"


@pytest.mark.django_db
def test_every_confirmation_is_recorded_with_the_one_before() -> None:
    deadman_prepare(confirmed_by="desk start")
    deadman_confirm(actor=PERSON)
    rows = Entry.objects.filter(action="deadman.confirm").order_by("recorded_at", "happened_at")
    first, second = (json.loads(bytes(row.body)) for row in rows)
    assert (first["actor_kind"], first["before"]) == ("process", None)
    assert (second["actor"], second["before"]["confirmed_by"]) == ("ada.nwosu", "desk start")


@pytest.mark.django_db
def test_preparing_again_confirms_again_and_keeps_it_switched_off_if_it_was() -> None:
    deadman_prepare(confirmed_by="desk start")
    DeadMan.objects.update(enabled=False)
    assert deadman_prepare(confirmed_by="desk start").state == "off"


@pytest.mark.django_db
def test_a_shorter_time_is_in_force_here_as_well() -> None:
    deadman_prepare(confirmed_by="desk start")
    age(61)
    trigger_tighten(name="dead-man", actor=PERSON, threshold="60")
    assert deadman_state().state == "expired"


@pytest.mark.django_db
def test_the_watchdog_reads_minutes_by_the_databases_clock() -> None:
    deadman_prepare(confirmed_by="desk start")
    age(119.5)
    fact = known_read(read_environment({})).dead_man
    assert fact is not None
    assert Decimal(119) < fact.minutes < Decimal(120)


@given(st.integers(0, 20_000), st.integers(1, 600))
def test_it_warns_before_it_expires_and_never_after(seconds: int, timeout: int) -> None:
    now = NOON + dt.timedelta(seconds=seconds)
    state = judged(
        confirmed_at=NOON, confirmed_by="a", enabled=True, now=now,
        timeout_min=Decimal(timeout), warn_at=Decimal("0.75"),
    )  # fmt: skip
    expected = (
        "expired" if seconds >= timeout * 60 else
        "warning" if seconds >= timeout * 45 else "armed"
    )  # fmt: skip
    assert state.state == expected
    assert state.remaining_s == max(0, timeout * 60 - seconds)
