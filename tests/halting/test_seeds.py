"""Defects put in on purpose, each with the scene in which it shows. The judges see every one.

Each scene runs twice: as the code is, and nothing is found; with the defect, and it is. So a judge
that sees nothing, or a scene that could not fail, fails here.
"""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from riskctl import licence, proof
from riskctl.control import HoldTaken
from riskctl.journal import Journal, open_journal
from riskctl.licence import Reading
from riskctl.proof import Evidence, Proof
from tests.gateway.builders import ACCOUNT, Rig
from tests.halting.judge import leaks, replayed, sent_twice
from tests.halting.world import MS, NOT_AFTER, World
from tests.venues.rigs import CREDENTIALS, VenueProcess, redis_url
from trading.gateway.admission import Now
from trading.gateway.brakes import Brakes
from trading.gateway.holdbook import HoldBook, Learnt
from trading.gateway.stopping import Stopping
from trading.gateway.store import Owner
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import NewOrder, VenueEvent
from trading.venues.paper import PaperVenue

Seed = Callable[[pytest.MonkeyPatch], None]
Scene = Callable[[], list[object]]
"""What the judge found."""
CASES: list[tuple[Scene, Seed]] = []


def seed(scene: Scene) -> Callable[[Seed], Seed]:
    def keep(made: Seed) -> Seed:
        CASES.append((scene, made))
        return made

    return keep


def found(world: World) -> list[object]:
    world.later(1_000)
    return [*leaks(world.halts, world.log), *replayed(world.halts, world.log, world.born)]


# Scenes and what is wrong in them ----------------------------------------------------------------


def frozen_between_check_and_write() -> list[object]:
    """The licence is just running out; it wakes as soon as the caller believes in the stop."""
    world = World(told=False)
    world.later(249)
    checked = world.check(world.intend())
    world.later(1)
    world.halt()
    world.write(checked)
    return found(world)


@seed(frozen_between_check_and_write)
def expired_licence_taken_for_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof, "EXPIRED_NS", 1)


@seed(frozen_between_check_and_write)
def licence_without_not_after_taken_for_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof, "EXPIRED_NS", licence.LICENCE_NS - 100 * MS)


def killed_with_bytes_on_their_way() -> list[object]:
    world = World(travel_ms=150)
    world.order()
    world.dead_ns = world.rig.boot_ns
    world.halt()
    return found(world)


@seed(killed_with_bytes_on_their_way)
def death_taken_for_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof, "DEAD_NS", -1)


def wall_clock_set_back_while_nothing_is_read() -> list[object]:
    """An order written down before the hold, its commit known late."""
    world = World(told=False)
    order = world.intend()
    world.stepped_ns = -3_600 * 1_000 * MS
    world.halt()
    world.write(world.check(order))
    return found(world)


@seed(wall_clock_set_back_while_nothing_is_read)
def wall_clock_for_boot_clock(patch: pytest.MonkeyPatch) -> None:
    def denial(self: licence.Licence, now_ns: int) -> object:
        reading = self.reading
        assert reading is not None
        return None if World_NOW[0].wall_ns - READ_WALL[0] < licence.LICENCE_NS else "over"

    world_now, read = World.now, World.read

    def now(self: World) -> Now:
        World_NOW[0] = world_now(self)
        return World_NOW[0]

    def reading(self: World) -> None:
        read(self)
        READ_WALL[0] = now(self).wall_ns

    patch.setattr(World, "now", now)
    patch.setattr(World, "read", reading)
    patch.setattr(licence.Licence, "denial", denial)


World_NOW = [Now(0, 0, "")]
READ_WALL = [0]


def nothing_read_since_the_hold() -> list[object]:
    world = World(told=False)
    world.halt()
    world.order()
    return found(world)


@seed(nothing_read_since_the_hold)
def missing_reading_is_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(licence, "LICENCE_NS", 2**62)


def told_while_a_create_is_on_its_way() -> list[object]:
    world = World(travel_ms=100)
    world.order()
    world.halt()
    return found(world)


@seed(told_while_a_create_is_on_its_way)
def acknowledged_before_the_write_is_finished(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stopping, "in_flight", lambda self, hold, venue_now_ns: [])


def the_database_does_not_know_the_hold() -> list[object]:
    world = World()
    world.halt(recorded=False)
    world.later(50)
    world.read()
    world.order()
    return found(world)


@seed(the_database_does_not_know_the_hold)
def hold_dropped_without_its_lift(patch: pytest.MonkeyPatch) -> None:
    right = HoldBook.on_reading

    def on_reading(self: HoldBook, reading: Reading, now_boot_ns: int) -> Learnt:
        learnt = right(self, reading, now_boot_ns)
        for one in learnt.unwritten:
            del self.open[one.id]
        return learnt

    patch.setattr(HoldBook, "on_reading", on_reading)


@seed(the_database_does_not_know_the_hold)
def told_and_not_applied(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stopping, "apply", lambda self, hold, now: [])


def lifted_with_a_wish_from_before() -> list[object]:
    """Written down before the hold, its commit known after the lift."""
    world = World()
    order = world.intend()
    world.later(1)
    halt = world.halt()
    world.later(100)
    world.lift(halt)
    world.read()
    world.write(world.check(order))
    return found(world)


@seed(lifted_with_a_wish_from_before)
def backlog_replayed_after_a_lift(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HoldBook, "stale_denial", lambda self, order: None)


def told_by_a_gateway_that_was_replaced() -> list[object]:
    """What answers holds an older token: its successor, which trades, was never told."""
    world = World(told=False)
    evidence = Evidence(ACCOUNT, token=5, same_place=True)
    evidence.taken = HoldTaken(ACCOUNT, 4, True, True, [], 0, 0, 1)
    claim = evidence.proof(world.rig.boot_ns, 0, kept=True)
    halt = world.halt(recorded=False)
    halt.effective, halt.returned_ns = claim is not None, world.venue_ns
    world.read()
    world.order()
    return found(world)


@seed(told_by_a_gateway_that_was_replaced)
def any_token_believed(patch: pytest.MonkeyPatch) -> None:
    right = Evidence.proof

    def believing(
        self: Evidence, now_boot_ns: int, committed_boot_ns: int, *, kept: bool
    ) -> Proof | None:
        self.token = 0
        return right(self, now_boot_ns, committed_boot_ns, kept=kept)

    patch.setattr(Evidence, "proof", believing)


@pytest.mark.parametrize(("scene", "defect"), CASES, ids=[one.__name__ for _, one in CASES])
def test_a_defect_is_seen_and_its_absence_too(
    scene: Scene, defect: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene() == []
    defect(monkeypatch)
    assert scene() != []


# The journal: acknowledged, killed, started again ------------------------------------------------


def brakes(journal: Journal, world: World) -> Brakes:
    return Brakes(
        owner=Owner(ACCOUNT, f"gateway:{ACCOUNT}", "here", 4), stopping=world.stopping,
        journal=journal, perform=world.write, write=lambda statements: None, wake=lambda: None,
    )  # fmt: skip


def killed_after_it_acknowledged(path: Path) -> list[object]:
    """No database: what the successor knows, it has from the journal."""
    world = World()
    journal = open_journal(path)
    first = brakes(journal, world)
    taken = Stopping.apply

    def told(self: Stopping, hold: object, now: Now) -> list[object]:
        assert first.take(hold, now)  # type: ignore[arg-type]
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.stopping, "apply", taken.__get__(world.stopping))
        patch.setattr(World, "write", lambda self, effects: None)
        patch.setattr(
            "tests.halting.world.Stopping.apply", taken
        )
        halt = world.halt(recorded=False)
        first.take(_hold_of(world, halt.hold), world.now())
    journal.close()
    world.rig = Rig(boot_ns=world.rig.boot_ns, wall_ns=world.rig.wall_ns)
    world.stopping = Stopping(world.rig.core)
    again = open_journal(path)
    brakes(again, world).begin([], world.now())
    world.later(10)
    world.read()
    world.order()
    again.close()
    return found(world)
