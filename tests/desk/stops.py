"""Stopping a running desk from outside its processes, as its own processes would."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from audit.signing import signer_at
from riskctl.actors import Actor, shell_actor
from riskctl.brakes_home import BrakesHome
from riskctl.desk import BrakesDesk
from riskctl.holds import Kind
from riskctl.placing import Placing, hold_place
from tests.desk.judge import ACCOUNTS, venue
from tests.support.desk import Desk

RISK = Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk"}))


def brakes_of(desk: Desk) -> BrakesDesk:
    """As the desk's own processes have it."""
    home = BrakesHome(desk.home / "brakes")
    signer = signer_at(desk.home / "signing.pem")
    return BrakesDesk(home, home.control_key(), signer, desk.environment["DATABASE_URL"])


def stop(desk: Desk, scope: str, kind: Kind = Kind.KILL, **how: Any) -> Placing:
    return hold_place(
        scope=scope, kind=kind, actor=shell_actor("test"), desk=brakes_of(desk), **how
    )


def steps(desk: Desk, hold_id: str, name: str) -> list[tuple[str, Any]]:
    """(account, time) of each step of that name on the hold's receipt."""
    return desk.sql(
        "SELECT account, happened_at FROM riskctl_receiptstep WHERE hold = %s AND name = %s"
        " ORDER BY happened_at",
        hold_id,
        name,
    )


@contextmanager
def stopped(desk: Desk, scope: str, kind: Kind = Kind.PAUSE, **how: Any) -> Iterator[Placing]:
    """A stop that ends with the block, whatever happens in it."""
    placing = stop(desk, scope, kind, **how)
    try:
        yield placing
    finally:
        desk.wait_for(lambda: _recorded(desk, placing.hold.id), 30, "recording the hold")
        lift_pause(desk, placing.hold.id)


def _recorded(desk: Desk, hold_id: str) -> bool:
    return bool(desk.sql("SELECT 1 FROM riskctl_hold WHERE id = %s", hold_id))


def lift_pause(desk: Desk, hold_id: str) -> None:
    """As the one who placed it may."""
    desk.sql(
        "INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)"
        " VALUES (%s, 'test', '', 'test') RETURNING 1",
        uuid.UUID(hold_id),
    )


def creates_after(desk: Desk, at_ns: int, strategy: str = "") -> list[str]:
    """Ids of creates that the venue accepted after ``at_ns`` of the wall clock, injected ones
    apart."""
    with venue(desk) as admin:
        late = [
            one["client_order_id"]
            for account in ACCOUNTS
            for one in admin.log(account)
            if one["kind"] == "accepted"
            and one["at_ns"] > at_ns
            and not one["client_order_id"].startswith("manual-")
        ]
    if not strategy:
        return late
    mine = {
        ident
        for (ident,) in desk.sql(
            "SELECT client_order_id FROM trading_order WHERE strategy_id = %s", strategy
        )
    }
    return [one for one in late if one in mine]


def open_at_venue(desk: Desk) -> list[str]:
    with venue(desk) as admin:
        return [
            one["client_order_id"]
            for account in ACCOUNTS
            for one in admin.request("open_orders", account=account)["orders"]
        ]


def held_at_venue(desk: Desk) -> dict[tuple[str, str], str]:
    """Positions that are not zero, as the venue has them: (account, symbol) -> quantity."""
    with venue(desk) as admin:
        return {
            (account, one["symbol"]): one["quantity"]
            for account in ACCOUNTS
            for one in admin.request("positions", account=account)["positions"]
            if float(one["quantity"])
        }


def wall_ns() -> int:
    return time.time_ns()
