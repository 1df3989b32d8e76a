"""What ``throughput-test`` and ``trading-load`` do; exit codes."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from redis import RedisError

from console.cli.bounded import why
from console.cli.codes import Code, EndError
from console.cli.desk import actor_here, desk_here, service
from console.cli.output import Form, show, show_json, show_table, tell
from workers.loadtest.load import Seen
from workers.loadtest.plan import Plan
from workers.loadtest.run import Outcome, load_run
from workers.loadtest.stores import BusyError, StoresError
from workers.loadtest.world import WorldError, load_world
from workers.services.postgres import USER

LOADS = "trading.testcalls.loads"
PROGRESS_S = 10
_COUNTED = ("made", "sent", "answered", "lost", "duplicated", "strange", "still_held")


def load_tested(rate: float, duration: int, ramp_s: int, limit_ms: float, output: Form) -> Code:
    desk_here()
    home = Path(os.environ["HALTLINE_HOME"])
    database, redis = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if not database or not redis:
        raise EndError(Code.UNREACHABLE, "the desk's database and Redis are not known: start it")
    _check_nothing_real()
    plan = Plan(rate, float(duration), float(ramp_s))
    tell(f"{rate:g} orders/s for {duration} s, in a database and at a venue of their own")
    try:
        with load_world(
            home / "load", database_url=database, owner_url=_owner(home, database), redis_url=redis
        ) as world:
            done = load_run(world, plan, limit_ms=limit_ms, tell=_progress(duration))
    except BusyError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    except (StoresError, WorldError, psycopg.Error, RedisError, OSError) as error:
        raise EndError(Code.UNREACHABLE, why(error)) from error
    except KeyboardInterrupt:
        raise EndError(Code.MISSED, "ended before anything was measured") from None
    _record(done)
    _show(done, output)
    return Code.DONE if done.reached else Code.MISSED


def _check_nothing_real() -> None:
    """It takes a machine's time away: not while orders reach a real venue. Raises EndError."""
    away = service("django.db").Error
    try:
        in_the_way = service(LOADS).load_in_the_way()
    except away as error:
        text = f"the desk's database does not answer: {why(error)}"
        raise EndError(Code.UNREACHABLE, text) from error
    if in_the_way:
        raise EndError(
            Code.REFUSED,
            "orders reach a real venue from this desk: halt it first (haltline halt). The load"
            " takes processor and disk from it",
        )


def _owner(home: Path, database: str) -> str:
    """Who may make databases: as given, or of the desk's own PostgreSQL, or whoever works there."""
    given = os.environ.get("DATABASE_OWNER_URL", "")
    services = home / "services.json"
    if given or not services.exists():
        return given or database
    own: dict[str, Any] = json.loads(services.read_text()).get("postgres", {})
    there = urlsplit(database)
    if not own or there.port != own["port"]:
        return database
    place = f"{USER}:{own['password']}@{there.hostname}:{there.port}"
    return urlunsplit(there._replace(netloc=place))


def _progress(duration: int) -> Callable[[Seen], None]:
    every = min(PROGRESS_S, max(1, duration // 5))

    def said(seen: Seen) -> None:
        if round(duration - seen.left_s) % every:
            return
        p99 = "–" if seen.p99_ms is None else f"{seen.p99_ms:.1f} ms"
        tell(
            f"{seen.made} orders, {seen.answered} answered, {seen.rate:.1f}/s so far,"
            f" p99 {p99}, {seen.left_s:.0f} s left"
        )

    return said


def _record(done: Outcome) -> None:
    """In the desk's record, as of whoever is at the shell; what was measured is shown anyway."""
    away = service("django.db").Error
    try:
        service(LOADS).load_recorded(figures=done.body(), reached=done.reached, actor=actor_here())
    except away as error:
        tell(f"not in the record: the desk's database does not answer: {why(error)}")


def _show(done: Outcome, output: Form) -> None:
    body = done.body()
    if output is Form.JSON:
        show_json(body)
        return
    spans = [
        (name.replace("_", " "), *(body[name][one] for one in ("p50_ms", "p95_ms", "p99_ms")))
        for name in ("made_to_sent", "end_to_end")
    ]
    show_table(("span", ">p50, ms", ">p95, ms", ">p99, ms"), spans)
    show_table(("orders", ">count"), [(name.replace("_", " "), body[name]) for name in _COUNTED])
    for code, count in body["refused"].items():
        show(f"refused  {count} {code}")
    word = "REACHED" if done.reached else "CUT" if done.cut else "MISSED"
    show(
        f"{word}  {body['tps']} of {body['target_tps']} orders/s, p99"
        f" {body['end_to_end']['p99_ms'] or '–'} ms, the limit is {body['limit_ms']} ms"
    )
