"""Judging a running desk from outside: its database, the venue's own log, the other arithmetic."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.support.desk import PROJECT, Desk
from trading.papervenue.admin import AdminClient

ACCOUNTS = ("paper-1", "paper-2", "rehearsal")
TRADING = ("paper-1", "paper-2")
"""Accounts on which strategies are live; holds of the firm leave the rehearsal account alone."""


def venue(desk: Desk) -> AdminClient:
    """The venue's admin connection."""
    credentials = json.loads((desk.home / "papervenue" / "accounts.json").read_text())
    return AdminClient(desk.environment["HALTLINE_PAPER_VENUE"], credentials["admin"])


def connect_redis(desk: Desk) -> redis.Redis:
    return redis.Redis.from_url(desk.environment["REDIS_URL"], socket_timeout=2)


def ready(desk: Desk) -> bool:
    return desk.get("/readyz")[0] == 200


def answered_since(desk: Desk, moment: Any, account: str | None = None) -> int:
    """Orders made after ``moment`` that the venue has answered."""
    ((count,),) = desk.sql(
        "SELECT count(*) FROM trading_order WHERE created_at > %s AND answered_at IS NOT NULL"
        " AND (%s::text IS NULL OR account_id = %s)",
        moment,
        account,
        account,
    )
    return int(count)


def database_now(desk: Desk) -> Any:
    ((now,),) = desk.sql("SELECT clock_timestamp()")
    return now


def hosted(desk: Desk) -> dict[str, int]:
    """Every process of the desk by its title: ``haltline: shard:0`` is ``shard:0``."""
    found = {}
    for pid in desk.descendants():
        try:
            words = psutil.Process(pid).cmdline()
        except psutil.Error:
            continue
        if words and words[0].startswith("haltline: "):
            found[words[0].removeprefix("haltline: ").strip()] = pid
    return found


def recompute(desk: Desk) -> dict[str, Any]:
    """What ``recompute_books`` says of the desk's books now."""
    found = _RECOMPUTING.get(desk.home)
    if found is None or found.poll() is not None:
        found = _RECOMPUTING[desk.home] = desk.kept.enter_context(_recomputing(desk))
    assert found.stdin is not None
    assert found.stdout is not None
    found.stdin.write("now\n")
    found.stdin.flush()
    return dict(json.loads(found.stdout.readline()))


_RECOMPUTING: dict[Path, subprocess.Popen[str]] = {}
_COMMAND_AGAIN_AND_AGAIN = """
import sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
for _ in sys.stdin:
    try:
        call_command("recompute_books", output="json")
    except SystemExit:
        pass
    sys.stdout.flush()
    connection.close()
"""


@contextmanager
def _recomputing(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """The command in a process that is started once a desk: starting takes longer than the work."""
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND_AGAIN_AND_AGAIN],
        cwd=PROJECT,
        env={**os.environ, **desk.environment, "DJANGO_SETTINGS_MODULE": "console.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def books_agree(desk: Desk) -> None:
    """Recomputed books = positions = the venue's, once no fill is on its way."""
    said: dict[str, Any] = {}

    def agrees() -> bool:
        nonlocal said
        said = recompute(desk)
        return bool(said["agrees"])

    try:
        desk.wait_for(agrees, 30, "agreeing")
    except AssertionError as error:
        raise AssertionError(f"{said['differences']}") from error


def nothing_lost_nothing_doubled(desk: Desk) -> None:
    """Every create reached the venue at most once, and every fill of the venue is in our books."""
    accepted = 0
    with venue(desk) as admin:
        for account in ACCOUNTS:
            log = admin.log(account)
            creates = Counter(one["client_order_id"] for one in log if one["kind"] == "accepted")
            accepted += len(creates)
            assert set(creates.values()) <= {1}, creates.most_common(3)
            ours = {
                ident
                for (ident,) in desk.sql(
                    "SELECT client_order_id FROM trading_order WHERE account_id = %s", account
                )
            }
            assert set(creates) <= ours, set(creates) - ours
            duplicates = [one for one in log if "DUPLICATE_ID" in str(one["detail"])]
            assert duplicates == []
            _fills_match(desk, admin, account)
    assert accepted, "the venue accepted nothing: this judged nothing"


def open_orders_match(desk: Desk) -> None:
    """Every order open in our books is open at the venue, however its end was hidden from us."""

    def match() -> bool:
        with venue(desk) as admin:
            theirs = {
                one["client_order_id"]
                for account in ACCOUNTS
                for one in admin.request("open_orders", account=account)["orders"]
            }
        rows = desk.sql(
            "SELECT client_order_id FROM trading_order WHERE ended_at IS NULL"
            " AND created_at < clock_timestamp() - interval '3 seconds'"
        )
        return {ident for (ident,) in rows} <= theirs

    desk.wait_for(match, 40, "agreeing with the venue on what is open")


def _fills_match(desk: Desk, admin: AdminClient, account: str) -> None:
    theirs: list[tuple[int, str]] = []

    def caught_up() -> bool:
        nonlocal theirs
        theirs = [(one["sequence"], one["venue_fill_id"]) for one in admin.fills(account)]
        rows = desk.sql(
            "SELECT sequence, venue_fill_id FROM trading_fill WHERE account_id = %s"
            " ORDER BY sequence",
            account,
        )
        return rows[: len(theirs)] == theirs

    desk.wait_for(caught_up, 15, f"every fill of {account} in the books")
    assert [number for number, _ in theirs] == list(range(1, len(theirs) + 1))
    stray = desk.sql(
        "SELECT sequence FROM trading_fill WHERE account_id = %s AND order_id IS NULL", account
    )
    assert stray == []
