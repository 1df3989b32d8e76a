"""From a breach to a hold: one of it, never in shadow, again after a lift, and never waited for."""

import threading
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from riskctl.actors import NotAllowedError
from riskctl.clock import boot_ns
from riskctl.holds import Kind
from riskctl.triggers.evaluate import Reading
from riskctl.triggers.ids import hold_id
from riskctl.triggers.keeper import Known
from tests.triggers.builders import FakePlacing, Rig, plain_settings

D = Decimal


class Breaching:
    """A rig that is over one threshold, on new facts at every look."""

    def __init__(self, rig: Rig, trigger: str = "drawdown", scope: str = "firm") -> None:
        self.rig, self.trigger, self.scope, self.facts = rig, trigger, scope, 0

    def look(self, times: int = 1, value: str = "9") -> None:
        for _ in range(times):
            self.facts += 1
            one = Reading(self.trigger, self.scope, D(value), self.facts)
            self.rig.look(phase="ended", others=[one])


def test_a_breach_becomes_a_hold_of_its_kind_and_scope() -> None:
    for trigger, scope, kind in (
        ("strategy-drawdown", "strategy:mom", Kind.KILL),
        ("volatility", "instrument:SPY", Kind.BREAKER),
        ("gateway-down", "venue:paper-1", Kind.BREAKER),
        ("dead-man", "firm", Kind.DEAD_MAN),
    ):
        rig = Rig()
        Breaching(rig, trigger, scope).look(5, "500")
        [written] = rig.keeper.wait(1)
        [asked] = rig.places.calls
        assert (asked["scope"], asked["kind"]) == (scope, kind)
        assert (asked["actor"].kind, asked["actor"].name) == ("trigger", trigger)
        assert asked["reason"] == written.firing.reason
        assert written.hold == asked["hold_id"] == hold_id(trigger, scope)
        assert written.outcome.startswith("hold effective after ")


def test_two_that_see_it_place_one_hold() -> None:
    ids = set()
    for _ in range(2):
        rig = Rig()
        Breaching(rig).look(3)
        rig.keeper.wait(1)
        ids |= set(rig.places.ids)
    assert len(ids) == 1


def test_a_lift_makes_it_another_hold() -> None:
    rig = Rig()
    breach = Breaching(rig)
    breach.look(10)
    rig.keeper.wait(1)
    first = rig.places.ids[0]
    rig.keeper.known = replace(rig.keeper.known, lifted={("drawdown", "firm"): str(first)})
    breach.look(3)
    rig.keeper.wait(2)
    assert rig.places.ids == [first, hold_id("drawdown", "firm", str(first))]
    assert first != rig.places.ids[1]
    breach.look(30)
    assert len(rig.places.calls) == 2


def test_the_lift_of_another_triggers_hold_changes_nothing() -> None:
    rig = Rig()
    breach = Breaching(rig)
    breach.look(3)
    rig.keeper.wait(1)
    other = {("drawdown", "strategy:x"): str(uuid.uuid4()), ("margin", "firm"): "x"}
    rig.keeper.known = replace(rig.keeper.known, lifted=other)
    breach.look(30)
    assert len(rig.fired) == 1


def test_without_the_database_the_hold_never_has_the_id_of_a_lifted_one() -> None:
    rig = Rig()
    rig.keeper.is_fresh = False
    Breaching(rig).look(3)
    rig.keeper.wait(1)
    assert rig.places.ids == [hold_id("drawdown", "firm", unread=True)]
    assert rig.places.ids[0] != hold_id("drawdown", "firm")


def test_a_word_of_a_moment_ago_will_do_and_a_lift_since_then_is_seen_with_the_next() -> None:
    rig = Rig()
    rig.keeper.is_fresh = False
    rig.keeper.known = replace(rig.keeper.known, read_boot_ns=boot_ns())
    breach = Breaching(rig)
    breach.look(3)
    rig.keeper.wait(1)
    first = rig.places.ids[0]
    assert first == hold_id("drawdown", "firm")
    # It had been placed and lifted already: this id stops nothing.
    known = replace(rig.keeper.known, lifted={("drawdown", "firm"): str(first)})
    rig.keeper.known = replace(known, read_boot_ns=boot_ns())
    breach.look(3)
    rig.keeper.wait(2)
    assert rig.places.ids[1] == hold_id("drawdown", "firm", str(first))


def test_what_fired_before_anything_was_read_fires_again_if_its_hold_was_lifted() -> None:
    """Without the database an id of before is taken, which an earlier outage may have used up."""
    rig = Rig()
    known = rig.keeper.known
    rig.keeper.known = cast(Known, None)
    rig.keeper.is_fresh = False
    breach = Breaching(rig)
    breach.look(3)
    rig.keeper.wait(1)
    first = rig.places.ids[0]
    lifted = {("drawdown", "firm"): str(first)}
    rig.keeper.known = replace(known, lifted=lifted, read_boot_ns=boot_ns())
    breach.look(3)
    rig.keeper.wait(2)
    assert rig.places.ids == [first, hold_id("drawdown", "firm", str(first))]


def test_in_shadow_it_is_written_down_and_nothing_is_held() -> None:
    rig = Rig(found=plain_settings(shadow=True))
    Breaching(rig).look(10)
    [written] = rig.keeper.wait(1)
    assert written.firing.shadow
    assert (written.hold, rig.places.calls) == (None, [])


def test_a_warning_is_written_down_and_nothing_is_held() -> None:
    rig = Rig()
    Breaching(rig).look(10, "4.5")
    [written] = rig.keeper.wait(1)
    assert (written.firing.level, written.hold, rig.places.calls) == ("warning", None, [])


def test_a_hold_that_is_refused_is_recorded_as_failed() -> None:
    rig = Rig()
    rig.places.fails = [NotAllowedError("hold-not-yours", "a kill is placed by others")]
    Breaching(rig).look(30)
    [written] = rig.keeper.wait(1)
    assert (written.hold, written.failed) == (None, "a kill is placed by others")


def test_a_hold_that_could_not_be_placed_is_tried_again() -> None:
    rig = Rig()
    rig.places.fails = [ConnectionError("no such socket")]
    seen = threading.Event()
    before, threading.excepthook = threading.excepthook, lambda _args: seen.set()
    try:
        breach = Breaching(rig)
        breach.look(3)
        assert seen.wait(5)
        breach.look(4)
    finally:
        threading.excepthook = before
    rig.keeper.wait(1)
    assert rig.places.ids == [hold_id("drawdown", "firm")]


def test_the_evaluation_never_waits_for_a_hold() -> None:
    rig = Rig()
    released = threading.Event()

    def place(**asked: Any) -> FakePlacing:
        released.wait(10)
        return FakePlacing(asked)

    rig.desk._firer._place = place
    started = time.monotonic()
    Breaching(rig).look(20)
    assert time.monotonic() - started < 5
    assert len(rig.fired) == 1
    assert rig.keeper.written == []
    released.set()
    rig.keeper.wait(1)
