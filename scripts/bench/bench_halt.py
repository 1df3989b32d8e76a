"""Stopping under load: from the decision to the proof, on a whole desk.

Swinging prices make the desk trade at half the rate it sustains (scripts.bench.swings). Holds are
placed on one strategy after the other, each lifted at once, in process and by REST; the floor is
what no stop can do without: one round trip on a control socket, and one fdatasync on the same disk.
Then orders rest, and a hold cancels them all until the venue's readings prove that none is open.
"""

import datetime as dt
import http.client
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg

from riskctl.actors import shell_actor
from riskctl.control import AskStanding, ControlLink, Standing
from riskctl.desk import BrakesDesk
from riskctl.holds import Kind
from riskctl.placing import Placing, hold_place
from riskctl.registered import on_disk
from scripts.bench.report import Figure, write_report
from scripts.bench.swings import give_load, take_load, write_quotes
from tests.desk.judge import ACCOUNTS, database_now
from tests.desk.stops import brakes_of
from tests.support.desk import Desk, running_desk
from tests.support.resting import rest_orders

SWING_S = 0.72  # 36 pairs change sides once in this: half of what the desk sustains
FILE_S = 1_500.0
HALTS = 200
BY_REST = 100
RESTING = 500
CANCELS = 5
BREACHES = 8
LICENCE_S = float(os.environ.get("BENCH_LICENCE_S", "600"))
FLOOR_IS = "one control-socket round trip and one fdatasync"
PATIENCE_S = 60.0


def main() -> list[Figure]:
    """Takes ``BENCH_LICENCE_S`` seconds (600) and some three minutes; ``bench/halt.json``."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        quotes = folder / "swings.csv"
        write_quotes(quotes, FILE_S, SWING_S)
        with running_desk(folder / "home", FEED=f"replay:{quotes}", REPLAY_SPEED="1") as desk:
            give_load(desk)  # its limits let orders rest
            take_load(desk)
            figures = _cancels(desk)
            give_load(desk)
            desk.wait_for(lambda: _rate(desk) > 25, PATIENCE_S, "trading at half its rate")
            for part in (partial(_stops, folder=folder), _triggers, _licences):
                figures += part(desk)
                _report(figures, load)  # what is measured is kept, whatever comes after
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _report(figures: list[Figure], load: float) -> None:
    notes = f"{HALTS} holds in process, {BY_REST} by REST, two venue accounts"
    write_report("halt", figures, notes=notes, load_before=load)


def _rate(desk: Desk) -> float:
    """Orders a second that the venue answered, over the last three."""
    ((count,),) = desk.sql(
        "SELECT count(*) FROM trading_order WHERE answered_at > clock_timestamp() - interval '3 s'"
    )
    return float(count) / 3


@contextmanager
def lifted_after(desk: Desk) -> Iterator[list[str]]:
    """Ids put into the list are lifted at the end, as the one who placed them may."""
    ids: list[str] = []
    yield ids
    for one in ids:
        desk.sql(
            "INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)"
            " VALUES (%s, 'bench', '', 'bench') RETURNING 1",
            one,
        )


def _stops(desk: Desk, folder: Path) -> list[Figure]:
    brakes = brakes_of(desk)
    keys = [key for (key,) in desk.sql("SELECT key FROM trading_strategy ORDER BY key")]
    floor = [_floor(brakes, folder) for _ in range(HALTS)]
    since, rates = time.perf_counter(), []
    in_process, in_flight = [], 0
    for number in range(HALTS):
        placing, took = _timed(partial(_pause, brakes, keys[number % len(keys)]))
        assert placing.effective, placing.body()["unproven"]
        in_flight += sum(len(one.in_flight) for one in placing.placement.proofs.values())
        in_process.append(took)
        with lifted_after(desk) as ids:
            ids.append(placing.hold.id)
        if number % 20 == 19:
            rates.append(_rate(desk))
        _wait_until(since + (number + 1) * 0.15)
    by_rest = [_by_rest(desk, keys[number % len(keys)]) for number in range(BY_REST)]
    return [
        *_pair("hold placed and effective, in process", in_process, floor, 5.0, 25.0),
        *_pair("hold placed and effective, by REST", by_rest, floor, None, 75.0),
        Figure("orders a second meanwhile", float(np.mean(rates)), "orders/s"),
        Figure("orders named as in flight", in_flight, "orders", wanted="0", met=in_flight == 0),
    ]


def _pause(brakes: BrakesDesk, key: str) -> Placing:
    return hold_place(
        scope=f"strategy:{key}", kind=Kind.PAUSE, actor=shell_actor("bench"), desk=brakes
    )


def _by_rest(desk: Desk, key: str) -> float:
    token = json.loads((desk.home / "demo.json").read_text())["tokens"]["stop"]
    body = json.dumps({"scope": f"strategy:{key}", "reason": "bench"})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    link = http.client.HTTPConnection(urlsplit(desk.url).netloc, timeout=5)
    started = time.perf_counter()
    link.request("POST", "/trading/halt", body, headers)
    answer = json.loads(link.getresponse().read())
    took = (time.perf_counter() - started) * 1e3
    link.close()
    assert answer["status"] == "effective", answer
    with lifted_after(desk) as ids:
        ids.append(answer["hold"]["id"])
    return took


def _floor(brakes: BrakesDesk, folder: Path) -> float:
    """Milliseconds of the least a stop must do, for the account that is slowest."""
    started = time.perf_counter()
    for one in list(on_disk(brakes.home).values())[:1]:
        with ControlLink(one.address, brakes.key, timeout_s=1) as link:
            link.ask(AskStanding(), Standing)
    fd = os.open(folder / "floor", os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, b"x" * 4096, 0)
    os.fdatasync(fd)
    os.close(fd)
    return (time.perf_counter() - started) * 1e3


def _timed(work: Callable[[], Placing]) -> tuple[Placing, float]:
    started = time.perf_counter()
    done = work()
    return done, (time.perf_counter() - started) * 1e3


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.perf_counter()))  # the pace of the measurement


def _pair(
    name: str, values: list[float], floor: list[float], want50: float | None, want99: float
) -> list[Figure]:
    p50, p99 = np.percentile(values, [50, 99])
    floor50, floor99 = np.percentile(floor, [50, 99])
    return [
        Figure(
            f"{name} p50", float(p50), "ms", float(floor50), FLOOR_IS,
            f"< {want50:.0f} ms" if want50 else "", None if want50 is None else bool(p50 < want50),
        ),
        Figure(
            f"{name} p99", float(p99), "ms", float(floor99), FLOOR_IS, f"< {want99:.0f} ms",
            bool(p99 < want99),
        ),
    ]  # fmt: skip


def _licences(desk: Desk) -> list[Figure]:
    """Orders denied for want of a licence while the desk trades on."""
    since = database_now(desk)
    time.sleep(LICENCE_S)  # the stretch that is measured
    ((denied, orders),) = desk.sql(
        "SELECT count(*) FILTER (WHERE reason_code = 'NO_LICENCE'), count(*) FROM trading_order"
        " WHERE created_at > %s",
        since,
    )
    return [
        Figure(
            "orders denied for want of a licence", denied, "orders", wanted="0", met=denied == 0
        ),
        Figure("in seconds", LICENCE_S, "s"),
        Figure("at orders a second", orders / LICENCE_S, "orders/s"),
    ]


def _triggers(desk: Desk) -> list[Figure]:
    """From a confirmed breach to its hold's proof: a threshold is put below what the firm holds,
    and each hold it places is lifted (with the guard of lifts off) so that it trips again."""
    desk.sql(
        "INSERT INTO riskctl_triggersetting (name, threshold, confirmations, cooldown_s, warn_at,"
        " shadow, window_s, version, changed_by, changed_at) VALUES"
        " ('gross-exposure', 0.000001, 3, 1, 0.8, false, 0, 1, 'bench', now()) RETURNING 1"
    )
    found = (
        "SELECT extract(epoch FROM min(s.happened_at) - min(f.happened_at))"
        " FROM riskctl_triggerfiring f"
        " JOIN riskctl_receiptstep s ON s.hold = f.hold AND s.name = 'effective'"
        " WHERE f.trigger = 'gross-exposure' AND f.level = 'breach' GROUP BY f.hold"
    )
    for count in range(1, BREACHES + 1):
        desk.wait_for(partial(_has, desk, found, count), PATIENCE_S, f"stopped {count} times")
        _lift_all(desk)
    took = [float(seconds) * 1e3 for (seconds,) in desk.sql(found)]
    desk.sql("DELETE FROM riskctl_triggersetting WHERE name = 'gross-exposure' RETURNING 1")
    desk.wait_for(partial(_lifted_all, desk), PATIENCE_S, "rid of holds")
    p50, p99 = np.percentile(took, [50, 99])
    return [
        Figure("trigger breach to effective p50", float(p50), "ms"),
        Figure(
            "trigger breach to effective p99", float(p99), "ms", wanted="< 500 ms",
            met=bool(p99 < 500),
        ),
        Figure("breaches", len(took), "breaches"),
    ]  # fmt: skip


def _has(desk: Desk, query: str, count: int) -> bool:
    return len(desk.sql(query)) >= count


def _lift_all(desk: Desk) -> int:
    """How many holds were lifted."""
    with psycopg.connect(desk.owner_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        return connection.execute(
            "INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)"
            " SELECT id, 'bench', '', 'bench' FROM riskctl_hold h WHERE NOT EXISTS"
            " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)"
        ).rowcount


def _lifted_all(desk: Desk) -> bool:
    """Lift everything, as often as it takes until nothing new is placed."""
    count = _lift_all(desk)
    time.sleep(2.0)  # longer than a trigger takes to be read anew
    return count == 0 and _rate(desk) > 0


def _cancels(desk: Desk) -> list[Figure]:
    took = [_cancel_all(desk) for _ in range(CANCELS)]
    worst = max(took)
    name = f"{RESTING} resting orders cancelled and proven none open"
    return [
        Figure(f"{name} p50", float(np.median(took)), "s"),
        Figure(f"{name} worst of {CANCELS}", worst, "s", wanted="< 2 s", met=worst < 2),
    ]


def _cancel_all(desk: Desk) -> float:
    """Seconds from the decision to the last account's proof."""
    rest_orders(desk, RESTING)
    hold_id = uuid.uuid4()
    with lifted_after(desk) as ids:
        ids.append(str(hold_id))
        hold_place(
            scope="firm", kind=Kind.PAUSE, actor=shell_actor("bench"), cancels=True,
            hold_id=hold_id, desk=brakes_of(desk),
        )  # fmt: skip
        proven = (
            "SELECT max(happened_at) FROM riskctl_receiptstep WHERE hold = %s"
            " AND name = 'none-open' HAVING count(*) = %s"
        )
        desk.wait_for(lambda: desk.sql(proven, hold_id, len(ACCOUNTS)), 30, "proven")
        ((last,),) = desk.sql(proven, hold_id, len(ACCOUNTS))
        ((placed,),) = desk.sql("SELECT placed_at FROM riskctl_hold WHERE id = %s", hold_id)
        ((confirmed,),) = desk.sql(
            "SELECT count(*) FROM riskctl_receiptstep"
            " WHERE hold = %s AND name = 'cancel-confirmed'",
            hold_id,
        )
    assert confirmed == RESTING, f"{confirmed} of {RESTING} cancels confirmed"
    taken: dt.timedelta = last - placed
    return taken.total_seconds()
