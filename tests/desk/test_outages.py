"""Redis or PostgreSQL frozen, the venue at fault: trading stops, nothing else does, and goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.desk.judge import (
    answered_since,
    books_agree,
    database_now,
    nothing_lost_nothing_doubled,
    open_orders_match,
    ready,
    venue,
)
from tests.desk.test_kill import wait_until_trading
from tests.support.desk import Desk

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

FROZEN_S = 5


@contextmanager
def frozen(desk: Desk, name: str) -> Iterator[None]:
    """The whole service: PostgreSQL's sessions are processes of their own."""
    first = psutil.Process(desk.processes()[name]["pid"])
    held = [first, *first.children(recursive=True)]
    for one in held:
        one.suspend()
    try:
        yield
    finally:
        for one in held:
            with suppress(psutil.NoSuchProcess):
                one.resume()


def venue_creates(desk: Desk) -> int:
    """Creates in the venue's own log."""
    with venue(desk) as admin:
        return sum(one["kind"] == "accepted" for one in admin.log())


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_frozen_store_stops_trading_and_nothing_else(desk: Desk, name: str) -> None:
    wait_until_trading(desk)
    pids = {one: facts["pid"] for one, facts in desk.processes().items()}
    with frozen(desk, name):
        # Two seconds: an intent's life. After it nothing made before can be sent.
        deadline = time.monotonic() + 2
        desk.wait_for(lambda: time.monotonic() > deadline, 20, "later")
        before = venue_creates(desk)
        deadline = time.monotonic() + FROZEN_S
        desk.wait_for(lambda: time.monotonic() > deadline, FROZEN_S + 5, "later")
        assert venue_creates(desk) == before
        assert desk.get("/healthz")[0] == 200
        assert desk.get("/readyz")[0] == 503
    desk.wait_for(lambda: ready(desk), 20, "ready again")
    assert {one: facts["pid"] for one, facts in desk.processes().items()} == pids
    wait_until_trading(desk)
    nothing_lost_nothing_doubled(desk)
    books_agree(desk)


@pytest.mark.parametrize(
    "fault",
    [
        {"reject": 3},
        {"delay_ms": 400},
        {"drop_answers": 3},
        {"disconnect_after": 5},
        {"stall_s": 3},
        {"fill_fraction": 0.3},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_a_venue_at_fault_leaves_nothing_unaccounted(desk: Desk, fault: dict[str, object]) -> None:
    wait_until_trading(desk)
    with venue(desk) as admin:
        for account in ("paper-1", "paper-2"):
            admin.fault(account, **fault)
        moment = database_now(desk)
        try:
            desk.wait_for(
                lambda: desk.sql(
                    "SELECT 1 FROM trading_order WHERE created_at > %s AND sent_at IS NOT NULL"
                    " OFFSET 5",
                    moment,
                ),
                60,
                "sending into the fault",
            )
        finally:
            admin.clear_faults()
    wait_until_trading(desk)
    unsure = "SELECT client_order_id FROM trading_order WHERE state = 'unknown'"
    desk.wait_for(lambda: not desk.sql(unsure), 30, "sure of every order")
    open_orders_match(desk)
    nothing_lost_nothing_doubled(desk)
    books_agree(desk)
    assert answered_since(desk, moment) > 0
