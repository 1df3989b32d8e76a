"""A desk of real parts for drills: PostgreSQL, Redis, paper venue, hosted gateways, a heartbeat.

The test process is the caller of ``hold_place`` and the load; everything else is processes that
can be frozen, killed and cut. What it saw is judged afterwards (tests.halting.judge).
"""

import json
import os
import signal
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg

from audit.signing import signer_at
from riskctl.actors import Actor
from riskctl.brakes_home import BrakesHome
from riskctl.desk import BrakesDesk
from riskctl.holds import RISK, SRE, Kind, Mode
from riskctl.placing import hold_place, pending_write
from tests.halting.judge import LIFE_NS, Entry, Halt
from tests.halting.load import ACCOUNTS, STRATEGIES, Load
from tests.halting.records import records
from tests.halting.services import RigPostgres, RigRedis, thaw
from tests.venues.rigs import CREDENTIALS, VenueProcess
from tests.workers.desk import Desk, Worker, alive, wait_for
from trading import clock, streams

GATEWAYS = ("gw-a", "gw-b")
GATEWAY = {"gateway": "tests.halting.hosts.gateway"}
HEARTBEAT = {"watchdog": "tests.halting.hosts.heartbeat"}
RISK_MANAGER = Actor("person", "risk.one", roles=frozenset({RISK, SRE}))
FLOWING_NS = 250_000_000
BRAKES_KB = 6_000
"""Two journals of 2 MiB, and the small files beside them."""
PROJECT = Path(__file__).resolve().parents[2]


class Rig:
    """Use ``running`` (conftest) or call ``close``."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self.home / "run").mkdir(parents=True)
        self.small_disk = _small_disk(self.home / "brakes", BRAKES_KB)
        self.postgres = RigPostgres(folder)
        self.redis = RigRedis(folder)
        self.venue = VenueProcess(
            self.home, self.redis.url, "--ticks-stream", streams.TICKS, "--acks-stream",
            streams.ACKS,
        )  # fmt: skip
        self._prepare()
        self._workers = Desk(self.home, self.redis.url, self.postgres.url)
        brakes = BrakesHome(self.home / "brakes")
        self.desk = BrakesDesk(
            brakes, brakes.control_key(), signer_at(self.home / "signing.pem"), self.postgres.url
        )
        self.workers: dict[str, Worker] = {}
        self.halts: list[Halt] = []
        self.late: list[str] = []  # orders that came from a frozen gateway, and were refused
        self._log: list[Entry] = []
        self._lock = threading.Lock()
        self._lifter = threading.local()
        self.load = Load(self.redis.url)
        for name in (*GATEWAYS, "watchdog"):
            self.launch(name)
        self.load.start()
        try:
            self.wait_flow(120)
        except AssertionError:
            self.close()
            raise

    def _prepare(self) -> None:
        (self.home / "venue-credentials.json").write_text(json.dumps(CREDENTIALS))
        (self.home / "offset").write_bytes(bytes(8))
        self.postgres.prepare()
        with psycopg.connect(self.postgres.url) as connection:
            for sql, rows in records(self.venue.address):
                connection.cursor().executemany(sql.encode(), rows)

    def launch(self, name: str) -> None:
        """Start a worker (again)."""
        self.workers[name] = self._workers.worker(
            name, HEARTBEAT if name == "watchdog" else GATEWAY
        )

    def relaunch_ended(self) -> list[str]:
        """Start workers again that are no more, as a supervisor would; their names."""
        ended = [name for name, one in self.workers.items() if one.process.poll() is not None]
        for name in ended:
            self.launch(name)
        return ended

    def close(self) -> None:
        self.load.stop()
        for worker in self.workers.values():
            if alive(worker.pid):
                thaw(*worker.family())
        self._workers.close()
        self.desk.close()
        self.venue.close()
        self.redis.close()
        self.postgres.close()
        if self.small_disk:
            subprocess.run(["umount", "-l", self.home / "brakes"], check=True)

    # Processes -------------------------------------------------------------------------------

    def gateway_pid(self, account: str) -> int:
        """Pid of the living process that hosts the account, 0 while there is none."""
        return self.hosted(f"gateway:{account}")[1]

    def hosted(self, lease: str) -> tuple[str, int]:
        """Worker and pid that host ``lease``; empty and 0 when none does."""
        for name, worker in self.workers.items():
            for pid in worker.family() if alive(worker.pid) else []:
                if _title(pid) == f"haltline: {lease}":
                    return name, pid
        return "", 0

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), f"{pid} is dead", 20)

    def step_clock(self, seconds: float) -> None:
        """The gateways' wall clocks are off by so much from now on."""
        with (self.home / "offset").open("r+b") as file:
            file.write(struct.pack("q", int(seconds * 1e9)))

    # Load ------------------------------------------------------------------------------------

    def flows(self, scope: str = "firm", since_ns: int = 0) -> bool:
        """Orders in ``scope`` are being accepted, and were after ``since_ns`` (boot)."""
        last = self.load.accepted_ns(scope)
        return last > since_ns and clock.boot_ns() - last < FLOWING_NS

    def wait_flow(self, within_s: float = 20.0, scopes: Sequence[str] = ()) -> None:
        """Orders of every strategy (or of every scope) flow."""
        wanted = scopes or [f"strategy:{one}" for one in STRATEGIES]
        since, before = clock.boot_ns(), Counter(self.load.refused)
        wait_for(
            lambda: all(self.flows(one, since) for one in wanted),
            lambda: (
                f"load on {[one for one in wanted if not self.flows(one, since)]};"
                f" {self._gateways_now(Counter(self.load.refused) - before)}"
            ),
            within_s,
        )

    def _gateways_now(self, refused: Mapping[str, int]) -> str:
        """For the message of a failure: what was refused meanwhile, and what the gateways say."""
        told = [self.hosted(f"gateway:{one}") for one in ACCOUNTS]
        logs = "\n".join(
            one.log.read_text(errors="replace")[-3_000:] for one in self.workers.values()
        )
        holds = self.postgres.sql(
            "SELECT scope, kind, mode, placed_by, reason FROM riskctl_hold h WHERE NOT EXISTS"
            " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)"
        )
        return f"refused {dict(refused)}, hosted by {told}, open holds {holds}, logs:\n{logs}"

    # Halting ---------------------------------------------------------------------------------

    def halt(
        self, scope: str, *, cancels: bool = False, mode: Mode | None = None,
        kind: Kind = Kind.PAUSE, patience_s: float = 0.7,
    ) -> Halt:  # fmt: skip
        """Place a hold as a caller does, and note what the caller was told and when."""
        decided = time.time_ns()
        placing = hold_place(
            scope=scope, kind=kind, actor=RISK_MANAGER, reason="drill", mode=mode,
            cancels=cancels, desk=self.desk, patience_s=patience_s,
        )  # fmt: skip
        effective = placing.effective
        returned = time.time_ns()
        body = placing.body()
        halt = Halt(
            hold=placing.hold.id, scope=scope, decided_ns=decided, returned_ns=returned,
            effective=effective, receipt=body,
            in_flight=frozenset(
                one["client_order_id"] for row in body["gateways"] for one in row["in_flight"]
            ),
        )  # fmt: skip
        with self._lock:
            self.halts.append(halt)
        return halt

    def halt_all(self, scopes: Iterable[str], **how: Any) -> list[Halt]:
        """Several callers at once."""
        wanted = list(scopes)
        with ThreadPoolExecutor(len(wanted)) as callers:
            return list(callers.map(lambda scope: self.halt(scope, **how), wanted))

    def lift(self, halt: Halt) -> None:
        """Lift one hold. What lifts in the desk is a service with rules; the row is what counts."""
        halt.lifted_ns = time.time_ns()
        # A hold may be effective before its commit is done: on disk, and in every gateway.
        wait_for(
            lambda: self._lift_sql("SELECT id FROM riskctl_hold WHERE id = %s", halt.hold),
            f"{halt.hold} is in the database",
        )

    def lift_all(self) -> None:
        """Lift whatever is open, once every hold of ours is in the database."""
        wait_for(self._written_up, "every hold is in the database", 20)
        now = time.time_ns()
        for halt in self.halts:
            halt.lifted_ns = min(halt.lifted_ns, now)
        wait_for(self._all_lifted, "everything is lifted", 20)

    def _lift_sql(self, which: str, *values: Any) -> int:
        sql = (
            "INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)"
            f" SELECT one.id, 'risk.one', '', 'drill' FROM ({which}) AS one (id)"
            " ON CONFLICT DO NOTHING"
        )
        connection = getattr(self._lifter, "connection", None)
        try:
            if connection is None:
                connection = psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=5)
            count = connection.execute(sql.encode(), values).rowcount
        except psycopg.OperationalError:  # of before a restart: try again
            self._lifter.connection = None
            return 0
        self._lifter.connection = connection
        return int(count)

    def _all_lifted(self) -> bool:
        self._lift_sql("SELECT id FROM riskctl_hold")
        ((left,),) = self.postgres.sql(
            "SELECT count(*) FROM riskctl_hold h WHERE NOT EXISTS"
            " (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)"
        )
        return not left

    def _written_up(self) -> bool:
        try:
            pending_write(desk=self.desk)
            return not self.lost()
        except psycopg.Error:
            return False

    # Looking ---------------------------------------------------------------------------------

    def lost(self) -> list[str]:
        """Holds of which the database, or its record, knows nothing or another time."""
        rows = self.postgres.sql(
            "SELECT h.id::text, h.placed_at = e.happened_at FROM riskctl_hold h"
            " JOIN audit_entry e ON e.object_kind = 'hold' AND e.object_id = h.id::text"
            " AND e.action = 'hold.place'"
        )
        known = {ident for ident, right in rows if right}
        return [halt.hold for halt in self.halts if halt.hold not in known]

    def answer_ms(self, orders: Iterable[str]) -> dict[str, float]:
        """How long the venue took to answer each, by the gateway's own record."""
        rows = self.postgres.sql(
            "SELECT client_order_id, send_to_answer_us / 1000.0 FROM trading_order"
            " WHERE client_order_id = ANY(%s)",
            list(orders),
        )
        return {ident: float(took or 0) for ident, took in rows}

    def venue_log(self) -> list[Entry]:
        """What the venue wrote since this account of halts began, and shortly before, by its times.

        Read on from where the last reading ended: the venue tells nothing that it could take back.
        """
        with self.venue.admin() as admin:
            self._log += admin.log(after=int(self._log[-1]["id"]) if self._log else 0)
        return sorted(self._log, key=lambda entry: int(entry["at_ns"]))

    def fresh_halts(self) -> list[Halt]:
        """Begin a new account of halts; the old one."""
        early = time.time_ns() - LIFE_NS
        self._log = [one for one in self.venue_log() if one["at_ns"] > early] or self._log[-1:]
        with self._lock:
            before, self.halts = self.halts, []
        return before


def _small_disk(folder: Path, kilobytes: int) -> bool:
    """``folder`` on a file system of its own; whether this machine lets us."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _title(pid: int) -> str:
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return ""
    return words[0].strip() if words else ""
