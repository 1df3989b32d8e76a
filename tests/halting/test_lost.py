"""No hold is lost: whatever of database, gateways and caller fails around it, and over a restart.

A hold is not lost when it is in the database and in its record with the time of the decision, and
in force until its own lift.
"""

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from riskctl.brakes_home import BrakesHome
from riskctl.desk import BrakesDesk
from riskctl.holds import Kind
from riskctl.licence import NOT_AFTER_MS
from riskctl.placing import Placing, hold_place, pending_write
from tests.halting.judge import Halt, leaks
from tests.halting.load import ACCOUNTS, STRATEGIES
from tests.halting.rig import GATEWAYS, RISK_MANAGER, Rig
from tests.halting.services import freeze, thaw
from tests.workers.desk import wait_for
from trading import clock

NOT_AFTER_NS = NOT_AFTER_MS * 1_000_000
PARTS = ("database", "gateway", "caller")
LOSSES = [set(one) for count in range(4) for one in itertools.combinations(PARTS, count)]
SCOPE, OTHER = f"strategy:{STRATEGIES[0]}", f"strategy:{STRATEGIES[1]}"


def elsewhere(rig: Rig, folder: Path) -> BrakesDesk:
    """A caller with a disk of its own, which nobody will read again."""
    home = BrakesHome(folder)
    home.create()
    for path in rig.desk.home.gateways.glob("*.json"):
        shutil.copy(path, home.gateways)
    shutil.copy(rig.desk.home.accounts, home.accounts)
    return replace(rig.desk, home=home, connections=[])


def place(rig: Rig, desk: BrakesDesk, scope: str = SCOPE, patience_s: float = 3.0) -> Placing:
    placing = hold_place(
        scope=scope, kind=Kind.PAUSE, actor=RISK_MANAGER, reason="drill", desk=desk,
        patience_s=patience_s,
    )  # fmt: skip
    returned = clock.wall_ns()
    rig.halts.append(
        Halt(
            placing.hold.id, scope, placing.hold.placed_wall_ns, returned, placing.effective,
            frozenset(),
        )
    )  # fmt: skip
    return placing


def gateways(rig: Rig) -> list[int]:
    for account in ACCOUNTS:
        wait_for(lambda one=account: rig.gateway_pid(one), f"a gateway of {account}", 30)  # type: ignore[misc]
    return [rig.gateway_pid(one) for one in ACCOUNTS]


def in_force_until_its_lift(rig: Rig, halt: Halt) -> None:
    """Others trade, it does not; its lift ends it."""
    rig.wait_flow(60, [OTHER])
    wait_for(lambda: rig.lost() == [], "the hold is in the database", 30)
    assert leaks([halt], rig.venue_log()) == []
    rig.lift(halt)
    rig.wait_flow(60, [SCOPE])


@pytest.mark.parametrize("lost", LOSSES, ids=lambda lost: "+".join(sorted(lost)) or "nothing")
@pytest.mark.timeout(300)
def test_a_hold_that_was_effective_outlives_the_loss_of(
    rig: Rig, tmp_path: Path, lost: set[str]
) -> None:
    caller = elsewhere(rig, tmp_path / "caller") if "caller" in lost else rig.desk
    before = gateways(rig)
    if "database" in lost:
        rig.postgres.stop()
    placing = place(rig, caller)
    assert placing.effective
    if "database" in lost:
        assert placing.body()["not_recorded"] != ""
    if "caller" in lost:
        placing.placement.end()
    if "gateway" in lost:
        for pid in before:
            rig.kill(pid)
    if "database" in lost:
        rig.postgres.start()
    if "caller" not in lost:
        wait_for(lambda: pending_write(desk=rig.desk) == 0, "what was kept is written up", 10)
    in_force_until_its_lift(rig, rig.halts[0])


@pytest.mark.timeout(300)
def test_a_hold_that_only_its_caller_knows_is_kept_and_written_up(rig: Rig) -> None:
    """The gateways stand still and the database is away: it is latched, and says so."""
    pids = gateways(rig)
    freeze(*pids)
    rig.postgres.stop()
    placing = place(rig, rig.desk, patience_s=0.5)
    placing.placement.end()
    thaw(*pids)
    body = placing.body()
    assert body["status"] == "latched"
    assert {one["account"] for one in body["unproven"]} == set(ACCOUNTS)
    assert body["latched_at"] is not None
    kept = rig.desk.home.pending / f"{placing.hold.id}.json"
    assert kept.exists()
    rig.postgres.start()
    wait_for(lambda: pending_write(desk=rig.desk) == 0, "it is written up", 20)
    assert not kept.exists()
    in_force_until_its_lift(rig, rig.halts[0])


@pytest.mark.timeout(300)
def test_holds_outlive_a_restart_of_everything_and_end_one_by_one(rig: Rig) -> None:
    first, second = (place(rig, rig.desk) for _ in range(2))
    assert first.effective
    assert second.effective
    for name in (*GATEWAYS, "watchdog"):
        rig.workers[name].kill()
        rig.workers[name].process.wait(5)
    rig.postgres.stop()
    rig.venue.kill()
    rig.redis.kill()
    rig.redis.start()
    rig.venue.restart()
    rig.postgres.start()
    for name in (*GATEWAYS, "watchdog"):
        rig.launch(name)
    rig.wait_flow(90, [OTHER])
    one, other = rig.halts
    rig.lift(one)
    rig.wait_flow(60, [OTHER])
    assert leaks([other], rig.venue_log()) == [], "lifting one hold lifted another"
    in_force_until_its_lift(rig, other)


@pytest.mark.timeout(300)
def test_a_database_set_back_behind_a_hold_closes_the_desk_until_risk_lifts_it(rig: Rig) -> None:
    """The copy knows neither the hold nor what else happened: recovery, on every account."""
    rig.postgres.copy()
    copied = _beat(rig)
    rig.wait_flow(60)
    assert place(rig, rig.desk).effective
    # The watchdog beats on in the copy: one that is younger than a beat looks like no copy.
    wait_for(lambda: _beat(rig) >= copied + 4, "the database is ahead of its copy", 30)
    rig.postgres.restore()
    wait_for(lambda: len(_recoveries(rig)) == len(ACCOUNTS), "a recovery hold on each account", 30)
    closed = clock.wall_ns()
    wait_for(lambda: rig.lost() == [], "the gateways have written the lost hold up", 30)
    wait_for(lambda: clock.wall_ns() > closed + 2 * NOT_AFTER_NS, "what was on its way arrived", 5)
    late = [one for one in rig.venue_log() if one["at_ns"] > closed + NOT_AFTER_NS]
    assert [one for one in late if one["kind"] == "accepted"] == []
    for ident in _recoveries(rig):
        rig.postgres.sql(
            "INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)"
            " VALUES (%s, 'risk.one', '', 'reconciled')",
            ident,
        )
    in_force_until_its_lift(rig, rig.halts[0])


@pytest.mark.timeout(300)
def test_a_gateway_that_began_with_facts_of_before_begins_anew_with_those_of_now(rig: Rig) -> None:
    """Killed while the database was silent, it was sent to where its venue no longer is."""
    gateways(rig)
    kept = rig.desk.home.root / "accounts" / f"{ACCOUNTS[0]}.json"
    right = kept.read_text()
    kept.write_text(json.dumps({**json.loads(right), "address": "127.0.0.1:1"}))
    rig.postgres.freeze()
    before = rig.gateway_pid(ACCOUNTS[0])
    rig.kill(before)
    wait_for(lambda: rig.gateway_pid(ACCOUNTS[0]) not in (0, before), "it is back", 30)
    rig.postgres.thaw()
    rig.wait_flow(90)
    assert json.loads(kept.read_text()) == json.loads(right)


def _beat(rig: Rig) -> int:
    ((beat,),) = rig.postgres.sql("SELECT beat FROM riskctl_heartbeat WHERE name = 'watchdog'")
    return int(beat)


def _recoveries(rig: Rig) -> list[str]:
    rows = rig.postgres.sql(
        "SELECT h.id::text FROM riskctl_hold h WHERE kind = 'recovery' AND NOT EXISTS"
        " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)"
    )
    return [ident for (ident,) in rows]
