"""Defects put in on purpose, each with the scene in which it shows. The judges see every one.

Each scene runs twice: as the code is, and nothing is found; with the defect, and it is. So a judge
that sees nothing, or a scene that could not fail, fails here.
"""

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

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
from trading.venues.base import NewOrder, VenueDisconnectedError, VenueEvent
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
    world.stepped_ns = -700 * MS
    world.halt()
    world.write(world.check(order))
    return found(world)


@seed(wall_clock_set_back_while_nothing_is_read)
def wall_clock_for_boot_clock(patch: pytest.MonkeyPatch) -> None:
    right = World.now

    def now(self: World) -> Now:
        moment = right(self)
        return Now(moment.wall_ns, moment.wall_ns, moment.boot_id)

    patch.setattr(World, "now", now)


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


def acknowledged_and_killed(path: Path) -> list[object]:
    """No database knows the hold: what the successor knows, it has from the journal."""
    path.unlink(missing_ok=True)
    first = World()
    journal = open_journal(path)
    halt = first.halt(recorded=False)
    told = next(iter(first.rig.core.holds.open.values()))
    halt.effective = brakes(journal, first).take(told, first.now())
    journal.close()
    second = World(rig=Rig(boot_ns=first.rig.boot_ns, wall_ns=first.rig.wall_ns), halts=[halt])
    journal = open_journal(path)
    brakes(journal, second).begin([], second.now())
    journal.close()
    second.later(10)
    second.read()
    second.order()
    return found(second)


def brakes(journal: Journal, world: World) -> Brakes:
    return Brakes(
        owner=Owner(ACCOUNT, f"gateway:{ACCOUNT}", "here", 4), stopping=world.stopping,
        journal=journal, perform=world.write, write=lambda statements: None, wake=lambda: None,
    )  # fmt: skip


def test_a_hold_acknowledged_before_it_is_on_disk_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert acknowledged_and_killed(tmp_path / "holds") == []
    monkeypatch.setattr(Journal, "put", lambda self, kind, ident, body: None)
    assert acknowledged_and_killed(tmp_path / "holds") != []


# A client that tries again -----------------------------------------------------------------------


class Retrying(PaperVenue):
    """As a library would that re-sends what was not answered when it is connected again."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._unanswered: list[NewOrder] = []

    def send_create(self, order: NewOrder) -> None:
        self._unanswered.append(order)
        super().send_create(order)

    async def connect(self, on_event: Callable[[VenueEvent], None]) -> None:
        await super().connect(on_event)
        for order in self._unanswered:
            super().send_create(order)


async def cut_before_the_answer(process: VenueProcess, kind: type[PaperVenue], ident: str) -> None:
    venue = kind("paper-1", process.address, CREDENTIALS["paper-1"])
    await venue.connect(lambda event: None)
    with process.admin() as admin:
        admin.fault("paper-1", disconnect_after=1)
    venue.send_create(
        NewOrder(
            ident, "EURUSD", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal(1000),
            Decimal("1.0"), venue.not_after(NOT_AFTER // MS * 50),
        )
    )  # fmt: skip
    with contextlib.suppress(VenueDisconnectedError):
        await venue.ping()
    await venue.connect(lambda event: None)
    await venue.ping()
    await venue.close()


def test_a_client_that_sends_again_is_seen(tmp_path: Path) -> None:
    process = VenueProcess(tmp_path, redis_url())
    try:
        for kind, seen in ((PaperVenue, []), (Retrying, ["twice.Retrying"])):
            asyncio.run(cut_before_the_answer(process, kind, f"twice.{kind.__name__}"))
            with process.admin() as admin:
                assert sent_twice(admin.log("paper-1")) == seen
    finally:
        process.close()
