"""What a receipt lists as in flight: creates that were written and may still be accepted."""

import pytest

from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import Rig
from trading.gateway.stopping import Stopping
from trading.venues.base import Accepted, Disconnected


def kill(mode: Mode = Mode.HALTED) -> HoldFact:
    return HoldFact(
        "h1", "firm", Kind.KILL, mode, True, False, "drill", "ada", "person", 1
    )  # fmt: skip


def listed(rig: Rig, stopping: Stopping, hold: HoldFact) -> list[str]:
    return [one.client_order_id for one in stopping.in_flight(hold, rig.wall_ns)]


@pytest.mark.parametrize("cut", [False, True])
def test_a_create_that_the_hold_itself_cancels_is_listed_until_it_is_answered(*, cut: bool) -> None:
    """Its cancel is written behind it: the venue may accept it first, after the caller's return."""
    rig = Rig()
    stopping = Stopping(rig.core)
    order = rig.submit()
    rig.take(stopping.apply(kill(), rig.now()))
    if cut:
        rig.take(rig.core.on_venue_event(Disconnected("cut"), rig.now()))
    assert listed(rig, stopping, kill()) == [order]
    rig.take(rig.core.on_venue_event(Accepted(order, "v"), rig.now()))
    assert listed(rig, stopping, kill()) == []


def test_past_its_not_after_it_is_in_flight_no_more() -> None:
    rig = Rig()
    stopping = Stopping(rig.core)
    order = rig.submit()
    rig.take(stopping.apply(kill(), rig.now()))
    rig.later(200)
    assert listed(rig, stopping, kill()) == [order]
    rig.later(1)
    assert listed(rig, stopping, kill()) == []
