"""The record takes no entry, and the rest of PostgreSQL works: the desk's role may not insert.

No order leaves whose entry cannot be written; holds are in force, kept and entered afterwards; no
gateway ends of it, and trading goes on by itself when the record does.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from riskctl.clock import boot_ns
from riskctl.placing import pending_write
from tests.halting.judge import leaks, replayed, sent_twice
from tests.halting.load import ACCOUNTS
from tests.halting.rig import Rig
from tests.workers.desk import wait_for
from workers.services.postgres import APPLICATION

LASTS_S = 2.5
"""Longer than an intent lives: what waited for the record must not leave after it."""


@contextmanager
def unwritable(rig: Rig) -> Iterator[None]:
    rig.postgres.sql(f"REVOKE INSERT ON audit_entry FROM {APPLICATION}")
    try:
        yield
    finally:
        rig.postgres.sql(f"GRANT INSERT ON audit_entry TO {APPLICATION}")


def entries(rig: Rig) -> int:
    return int(rig.postgres.sql("SELECT count(*) FROM audit_entry")[0][0])


@pytest.mark.timeout(180)
def test_nothing_leaves_without_its_entry_and_stops_go_on(rig: Rig) -> None:
    pids = {one: rig.gateway_pid(one) for one in ACCOUNTS}
    ((begun,),) = rig.postgres.sql("SELECT clock_timestamp()")  # after what others set back
    with unwritable(rig):
        wait_for(lambda: not rig.flows(), "no order leaves", 20)
        quiet_ns, before = boot_ns(), entries(rig)
        halts = [rig.halt("firm", cancels=True, patience_s=3), rig.halt("venue:" + ACCOUNTS[0])]
        assert [one.effective for one in halts] == [True, True]
        assert all(one.receipt["not_recorded"] for one in halts)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            pending_write(desk=rig.desk)
        assert rig.lost() == [one.hold for one in halts], "kept on disk, not in the database"
        time.sleep(LASTS_S)
        assert rig.load.accepted_ns("firm") < quiet_ns
        assert {one: rig.gateway_pid(one) for one in ACCOUNTS} == pids, "they wait, and do not end"
        assert entries(rig) == before
    rig.lift_all()
    rig.wait_flow(60)
    log = rig.venue_log()
    assert leaks(rig.halts, log) == []
    assert replayed(rig.halts, log, rig.load.born) == []
    assert sent_twice(log) == []
    for halt in halts:
        rows = rig.postgres.sql(
            "SELECT happened_at = (SELECT placed_at FROM riskctl_hold WHERE id = %s),"
            " recorded_at - happened_at > interval '2 s' FROM audit_entry"
            " WHERE action = 'hold.place' AND object_id = %s",
            halt.hold, halt.hold,
        )  # fmt: skip
        assert rows == [(True, True)]
    unentered = rig.postgres.sql(
        "SELECT client_order_id FROM trading_order o WHERE sent_at > %s AND NOT EXISTS"
        " (SELECT FROM audit_entry WHERE object_id = o.client_order_id"
        "  AND action = 'order.intend')",
        begun,
    )
    assert unentered == []
