"""A stepped wall clock is entered once, with how far and from when; nothing else is one."""

import datetime as dt

import pytest
from django.db import DatabaseError

from riskctl.clock import MS, NS
from riskctl.clockwatch import LEAST_NS, ClockWatch
from tests.console.conftest import entries
from tests.support.closed import record_closed

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 1_795_694_400 * NS


class Clocks:
    """Both, moved by hand."""

    def __init__(self) -> None:
        self.boot, self.wall = 5 * NS, NOON
        self.watch = ClockWatch(lambda: self.boot, lambda: self.wall)

    def passes(self, seconds: float, *, stepped_ns: int = 0) -> int:
        self.boot += int(seconds * NS)
        self.wall += int(seconds * NS) + stepped_ns
        return self.watch.look()


@pytest.mark.parametrize("by_ms", [90_000, -90_000, 250])
def test_a_step_is_entered_with_what_the_clock_said_and_would_have_said(by_ms: int) -> None:
    clocks = Clocks()
    assert clocks.passes(0.5) == 0
    assert clocks.passes(0.5, stepped_ns=by_ms * MS) == 1
    assert clocks.passes(0.5) == 0
    (entry,) = entries("clock.step")
    before, after = (dt.datetime.fromisoformat(entry[one]["clock"]) for one in ("before", "after"))
    assert (after - before) / dt.timedelta(milliseconds=1) == by_ms == entry["after"]["by_ms"]
    assert entry["happened_at"] == entry["after"]["clock"]
    assert ("forward" if by_ms > 0 else "back") in entry["reason"]


def test_sleep_slew_and_long_pauses_are_no_step() -> None:
    clocks = Clocks()
    for seconds, slewed in ((3_600.0, 0), (0.5, MS // 4), (0.5, -MS), (60.0, LEAST_NS - 1)):
        assert clocks.passes(seconds, stepped_ns=slewed) == 0
    assert entries("clock.step") == []


def test_it_waits_for_the_record_and_is_entered_once() -> None:
    clocks = Clocks()
    with record_closed():
        for _ in range(2):
            with pytest.raises(DatabaseError):
                clocks.passes(0.5, stepped_ns=NS)
    assert clocks.passes(0.5) == 2
    assert [one["after"]["by_ms"] for one in entries("clock.step")] == [1_000, 1_000]
