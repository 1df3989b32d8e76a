"""Merging statements of a transaction changes how many there are, and nothing else."""

import json

from audit.record import INSERT_MANY_SQL as AUDIT_MANY_SQL
from audit.record import INSERT_SQL as AUDIT_SQL
from audit.record import entries_values
from tests.gateway.builders import Rig
from tests.gateway.test_writer import OWNER
from trading.gateway.effects import Persist
from trading.gateway.store import (
    FILL_SQL,
    ORDER_MANY_SQL,
    POSITION_SQL,
    merged,
    statements,
)
from trading.venues.base import Accepted


def test_last_states_every_fill_and_every_entry() -> None:
    rig = Rig()
    orders = [rig.submit(rig.intent(quantity="10000")) for _ in range(2)]
    for order in orders:
        rig.take(rig.core.on_venue_event(Accepted(order, "v"), rig.now()))
        for part in ("4000", "6000"):
            rig.take(rig.core.on_venue_event(rig.fill(order, part), rig.now()))
    written = [
        one
        for effect in rig.persisted
        if isinstance(effect, Persist)
        for row in effect.rows
        for one in statements(row, OWNER, rig.wall_ns)
    ]
    found = merged(written)
    by_sql = {sql: [values for one, values in found if one == sql] for sql, _ in found}
    ((moved,),) = by_sql[ORDER_MANY_SQL]
    states = {one["client_order_id"]: one["state"] for one in json.loads(moved)}
    assert states == dict.fromkeys(orders, "filled")
    assert [values[2] for values in by_sql[FILL_SQL]] == [1, 2, 3, 4]
    assert [values[3] for values in by_sql[POSITION_SQL]] == [20_000]
    entries = [values for sql, values in written if sql == AUDIT_SQL]
    assert by_sql[AUDIT_MANY_SQL] == [entries_values(entries)]
    names = [sql for sql, _ in found]
    assert names.index(ORDER_MANY_SQL) < names.index(FILL_SQL)
    assert names[-1] == AUDIT_MANY_SQL
    assert merged([]) == []
