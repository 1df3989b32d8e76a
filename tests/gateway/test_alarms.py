"""Stuck orders and rising rejections are seen, and seen to end."""

from tests.gateway.builders import Rig
from trading.gateway.alarms import OrderWatch
from trading.venues.base import Accepted


def codes(watch: OrderWatch, rig: Rig) -> list[str]:
    return [one.code for one in watch.alarms(rig.core.book, rig.boot_ns)]


def test_an_unanswered_order_is_stuck_after_five_seconds_until_it_is_answered() -> None:
    rig, watch = Rig(), OrderWatch()
    order = rig.submit()
    rig.later(4_900)
    rig.take(rig.core.on_time(rig.now()))
    assert codes(watch, rig) == []
    rig.later(200)
    assert codes(watch, rig) == ["ORDERS_STUCK"]
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    assert codes(watch, rig) == []


def answers(watch: OrderWatch, start_ns: int, good: int, bad: int) -> None:
    for number in range(good + bad):
        watch.answered(start_ns + number, rejected=number < bad)


def test_rejections_on_the_rise() -> None:
    rig, watch = Rig(), OrderWatch()
    answers(watch, rig.boot_ns, good=16, bad=4)
    assert codes(watch, rig) == []  # four are few
    answers(watch, rig.boot_ns, good=0, bad=1)
    assert codes(watch, rig) == ["REJECTIONS_RISING"]
    rig.later(61_000)
    assert codes(watch, rig) == []


def test_many_rejections_that_are_no_more_than_before_or_rare_are_no_alarm() -> None:
    rig, watch = Rig(), OrderWatch()
    answers(watch, rig.boot_ns, good=10, bad=10)
    rig.later(70_000)
    answers(watch, rig.boot_ns, good=10, bad=10)
    assert codes(watch, rig) == []
    other = OrderWatch()
    answers(other, rig.boot_ns, good=100, bad=10)
    assert codes(other, rig) == []
