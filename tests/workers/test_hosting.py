"""Hosted loops under real workers: what is killed, frozen or cut off, and what becomes of it."""

import itertools
import os
import signal
from collections.abc import Callable

from riskctl.leases import leases_lay, leases_read
from tests.workers.desk import FAILING, STEADY, Desk, Worker, alive, wait_for

RecordProperty = Callable[[str, object], None]
LEASES = ("steady:0", "steady:1")


def hosting(desk: Desk, *names: str) -> list[Worker]:
    """Workers ``names``, started together, once both leases run."""
    workers = [desk.worker(name, STEADY) for name in names]
    for lease in LEASES:
        desk.starts(lease, 1)
    return workers


def holders() -> dict[str, tuple[str, int]]:
    return {one.name: (one.holder, one.token) for one in leases_read()}


def test_a_killed_child_is_back_within_a_second_with_a_new_token(
    desk: Desk, record_property: RecordProperty
) -> None:
    [worker] = hosting(desk, "one")
    first = desk.facts("steady:0")[0]
    os.kill(first["pid"], signal.SIGKILL)
    took = wait_for(lambda: len(desk.facts("steady:0")) == 2, "the child back", 20)
    second = desk.facts("steady:0")[1]
    record_property("child_restart_ms", round(took * 1000))
    assert took < 1
    assert second["token"] == first["token"] + 1
    assert holders()["steady:0"] == (second["holder"], second["token"])
    assert len(desk.facts("steady:1")) == 1
    assert alive(worker.pid)


def test_when_a_worker_is_killed_another_takes_over_and_nothing_is_left(
    desk: Desk, record_property: RecordProperty
) -> None:
    [one] = hosting(desk, "one")
    other = desk.worker("two", STEADY)
    wait_for(lambda: other.log.exists() and other.events("guard.start"), "the other's guard")
    family = one.family()
    assert len(family) == 4  # itself, its nursery, two children
    one.kill()
    took = wait_for(lambda: all(len(desk.facts(n)) == 2 for n in LEASES), "hand-over", 10)
    record_property("hand_over_s", round(took, 2))
    assert took < 5
    wait_for(lambda: not any(alive(pid) for pid in family[1:]), "no orphan", 20)
    for lease in LEASES:
        before, after = desk.facts(lease)
        assert after["token"] > before["token"]
        assert after["holder"] != before["holder"]


def test_a_worker_started_again_takes_back_what_it_held_at_once(desk: Desk) -> None:
    [one] = hosting(desk, "one")
    one.kill()
    one.process.wait()
    again = desk.worker("one", STEADY)
    wait_for(lambda: again.events("guard.start")[1:], "its guard")
    took = wait_for(lambda: all(len(desk.facts(n)) == 2 for n in LEASES), "both again", 20)
    assert took < 1.5


def test_a_frozen_worker_loses_its_children_before_another_is_in_doubt(
    desk: Desk, record_property: RecordProperty
) -> None:
    [one] = hosting(desk, "one")
    two = desk.worker("two", STEADY)
    wait_for(lambda: two.events("guard.start"), "the other's guard")
    old = [desk.facts(lease)[0] for lease in LEASES]
    one.kill(signal.SIGSTOP)
    took = wait_for(lambda: all(len(desk.facts(n)) == 2 for n in LEASES), "hand-over", 10)
    record_property("hand_over_frozen_s", round(took, 2))
    assert took < 5
    wait_for(lambda: not any(alive(fact["pid"]) for fact in old), "the old children dead", 20)
    one.kill(signal.SIGCONT)
    wait_for(lambda: len(one.events("lease.lost")) == 2, "it knows", 20)
    assert [len(desk.facts(lease)) for lease in LEASES] == [2, 2]
    two.kill()
    wait_for(lambda: all(len(desk.facts(n)) == 3 for n in LEASES), "it takes over again", 10)
    assert {desk.facts(n)[2]["holder"] for n in LEASES} == {old[0]["holder"]}


def test_a_worker_that_slept_through_its_lease_kills_its_child_itself(desk: Desk) -> None:
    """Shorter than the nursery's patience, longer than the lease."""
    [one] = hosting(desk, "one")
    two = desk.worker("two", STEADY)
    wait_for(lambda: two.events("guard.start"), "the other's guard")
    old = [desk.facts(lease)[0] for lease in LEASES]
    one.kill(signal.SIGSTOP)
    wait_for(lambda: two.events("lease.claimed"), "one lease taken over", 10)
    one.kill(signal.SIGCONT)
    lost = two.events("lease.claimed")[0]["lease"]
    child = next(fact for lease, fact in zip(LEASES, old, strict=True) if lease == lost)
    wait_for(lambda: not alive(child["pid"]), "its child killed", 20)
    assert one.process.poll() is None


def test_without_its_nursery_a_worker_ends_and_takes_its_children_along(desk: Desk) -> None:
    [worker] = hosting(desk, "one")
    family = worker.family()
    os.kill(worker.nursery(), signal.SIGKILL)
    assert worker.process.wait(5) == 70
    wait_for(lambda: not any(alive(pid) for pid in family), "all dead", 20)


def test_a_frozen_nursery_is_noticed(desk: Desk) -> None:
    [worker] = hosting(desk, "one")
    family = worker.family()
    os.kill(worker.nursery(), signal.SIGSTOP)
    assert worker.process.wait(10) == 70
    wait_for(lambda: not any(alive(pid) for pid in family), "all dead", 20)


def test_sigterm_stops_in_order_and_leaves_neither_process_nor_lease(desk: Desk) -> None:
    [worker] = hosting(desk, "one")
    family = worker.family()
    status, took = worker.terminate()
    assert status == 0
    assert took < 8
    assert not any(alive(pid) for pid in family)
    for reading in leases_read():
        assert (reading.holder, reading.expires_ms <= 0) == ("", True)
        assert len(desk.facts(reading.name, "stop")) == 1


def test_a_loop_that_fails_is_tried_again_with_growing_pauses(desk: Desk) -> None:
    leases_lay(names=["failing:0"])
    worker = desk.worker("one", FAILING)
    starts = desk.starts("failing:0", 5)
    tokens = [fact["token"] for fact in starts]
    assert tokens == sorted(set(tokens))
    pauses = [after["at"] - before["at"] for before, after in itertools.pairwise(starts)]
    assert pauses[0] < 0.5
    assert pauses[-1] > 0.35
    failed = worker.events("process.failed")[0]
    assert "as the test wants it" in failed["exception"]
    assert worker.terminate()[0] == 0


def test_two_workers_share_the_leases_of_a_role(desk: Desk) -> None:
    one, two = hosting(desk, "one", "two")
    shared = {holder for holder, _ in holders().values()}
    # The later one may have come when both were taken; then it stands by.
    assert len(shared) in (1, 2)
    for worker in (one, two):
        assert worker.process.poll() is None
