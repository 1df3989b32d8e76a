"""The supervisor's loop over toy programs: restarts, orderly stop, kill -9."""

import os
import signal
import time
from collections.abc import Callable

from tests.supervisor.conftest import ToyDesk, ended, eventually

Start = Callable[..., ToyDesk]


def test_a_killed_program_comes_back_and_the_others_stay(toy: Start) -> None:
    desk = toy("a=sleep", "b=sleep")
    first, other = desk.pid("a"), desk.pid("b")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: desk.entries()["a"]["pid"] not in {first, None})
    assert desk.entries()["a"]["restarts"] == 1
    assert desk.entries()["b"] == {**desk.entries()["b"], "pid": other, "restarts": 0}
    said = desk.stop()
    assert "a ended by SIGKILL after 0 s, starts again in 0.2 s" in said


def test_restarts_do_not_wait_for_each_other(toy: Start) -> None:
    desk = toy("broken=exit", "good=sleep")
    eventually(lambda: desk.entries().get("broken", {}).get("restarts", 0) >= 3)  # rests 1.6 s now
    first = desk.pid("good")
    killed = time.monotonic()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: desk.entries()["good"]["pid"] not in {first, None})
    assert time.monotonic() - killed < 1.0
    said = desk.stop()
    assert "broken ended with code 3 after 0 s, starts again in 0.4 s" in said


def test_stop_goes_by_tiers_and_ends_with_zero(toy: Start) -> None:
    desk = toy("database=sleep@2", "broker=sleep@1", "app=sleep@0")
    pids = [desk.pid(name) for name in ("database", "broker", "app")]
    desk.stop()
    assert all(ended(pid) for pid in pids)
    times = [float((desk.root / name).read_text()) for name in ("app", "broker", "database")]
    assert times == sorted(times)


def test_what_does_not_end_is_killed_after_its_patience(toy: Start) -> None:
    desk = toy("deaf=deaf", "good=sleep")
    pid = desk.pid("deaf")
    desk.pid("good")
    begun = time.monotonic()
    said = desk.stop()
    assert 0.9 < time.monotonic() - begun < 5
    assert ended(pid)
    assert "deaf did not end in 1 s" in said


def test_a_dead_program_takes_its_own_children_with_it(toy: Start) -> None:
    desk = toy("a=child")
    first, grandchild = desk.pid("a"), desk.child_of("a")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: ended(grandchild))
    desk.stop()


def test_a_stop_leaves_no_stray_behind(toy: Start) -> None:
    desk = toy("a=stray")
    desk.pid("a")
    stray = desk.child_of("a")
    desk.stop()
    assert ended(stray)


def test_kill_9_of_the_supervisor_takes_its_programs(toy: Start) -> None:
    desk = toy("a=sleep", "b=deaf")
    pids = [desk.pid("a"), desk.pid("b")]
    desk.process.kill()
    desk.process.wait()
    eventually(lambda: all(ended(pid) for pid in pids))


def test_ctrl_c_reaches_the_supervisor_alone(toy: Start) -> None:
    desk = toy("a=sleep")
    pid = desk.pid("a")
    assert os.getpgid(pid) != os.getpgid(desk.process.pid)
    desk.stop()
