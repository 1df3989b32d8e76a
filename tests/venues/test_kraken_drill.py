"""Hosted gateways trade at the stand-in; one is killed, answers are lost, all is stopped and made
flat: nothing is unaccounted.

Judged from the exchange's own storage against the desk's database.
"""

import json
import os
import signal
import sqlite3
import time
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from audit.signing import signer_at
from riskctl.brakes_home import BrakesHome
from riskctl.control import ControlLink, TellWarrant, Warrant, WarrantTaken
from riskctl.desk import BrakesDesk
from riskctl.holds import Kind
from riskctl.placing import hold_place
from riskctl.registered import on_disk
from riskctl.stoplosses import stop_losses_set
from tests.halting.judge import Halt, leaks
from tests.halting.load import ACCOUNTS, Load
from tests.halting.records import records
from tests.halting.rig import HEARTBEAT, RISK_MANAGER
from tests.halting.services import RigPostgres, RigRedis
from tests.support.processes import start_python
from tests.venues.kraken_rig import credentials
from tests.venues.rigs import free_port
from tests.workers.desk import Desk, alive, wait_for
from trading.venues.ccxt_venue import KrakenFuturesVenue

ADAPTER = f"{KrakenFuturesVenue.__module__}.{KrakenFuturesVenue.__name__}"
PAUSE_NS = 500_000_000
STATES = {"working": {"working", "partially-filled"}}
"""The venue's word for an order -> ours, where they differ."""


class Drill:
    """PostgreSQL, Redis, the stand-in, two gateways of one worker, a heartbeat, a load."""

    def __init__(self, folder: Path) -> None:
        self.home = home = folder / "home"
        (home / "run").mkdir(parents=True)
        self.postgres, self.redis = RigPostgres(folder), RigRedis(folder)
        self.storage = folder / "kraken.sqlite3"
        keys = {one: credentials(one) for one in ACCOUNTS}
        (home / "venue-credentials.json").write_text(json.dumps(keys))
        self.address = f"127.0.0.1:{free_port()}"
        self._log = (folder / "kraken.log").open("ab")
        self.standin = start_python(
            "-m", "tests.krakenfutures", "--port", self.address.split(":")[1],
            "--storage", str(self.storage), "--credentials", str(home / "venue-credentials.json"),
            "--redis-url", self.redis.url, env=os.environ, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self.postgres.prepare()
        with psycopg.connect(self.postgres.url) as connection:
            for sql, rows in records(self.address):
                ours = [[ADAPTER if "PaperVenue" in str(v) else v for v in row] for row in rows]
                connection.cursor().executemany(sql.encode(), ours)
        self.desk = Desk(home, self.redis.url, self.postgres.url)
        self.desk.worker("watchdog", HEARTBEAT)
        self.worker = self.desk.worker("gateways", {"gateway": "workers.hosts.gateway.run"})
        self.load = Load(self.redis.url, pause_ns=PAUSE_NS)
        self.load.start()

    def close(self) -> None:
        self.load.stop()
        self.desk.close()
        self.standin.send_signal(signal.SIGKILL)
        self.standin.wait(10)
        self._log.close()
        self.redis.close()
        self.postgres.close()

    def gateway_pid(self, account: str) -> int:
        for pid in self.worker.family():
            if alive(pid) and psutil.Process(pid).cmdline()[:1] == [f"haltline: gateway:{account}"]:
                return pid
        return 0

    def lose(self, what: str) -> None:
        url = f"http://{self.address}/standin?lose={what}"
        with urllib.request.urlopen(url, timeout=20) as said:
            assert said.read() == b"set"

    def at_venue(self, sql: str, *values: object) -> list[Any]:
        file = sqlite3.connect(f"file:{self.storage}?mode=ro", uri=True)
        with closing(file):
            return file.execute(sql, values).fetchall()

    def brakes(self) -> BrakesDesk:
        home = BrakesHome(self.home / "brakes")
        return BrakesDesk(
            home, home.control_key(), signer_at(self.home / "signing.pem"), self.postgres.url
        )

    def protect(self) -> set[str]:
        """A stop-loss under every position there is; which are at the exchange then."""
        desk = self.brakes()
        done = stop_losses_set(
            scope="firm", percentage=Decimal(2), actor=RISK_MANAGER, reason="drill", desk=desk
        )
        assert done.in_record(20)
        desk.close()
        return self.stops_sent()

    def stops_sent(self) -> set[str]:
        rows = self.at_venue(
            "SELECT client_order_id FROM orders WHERE client_order_id LIKE '%.stop-%'"
        )
        return {ident for (ident,) in rows}

    def kill_all(self) -> Halt:
        """A kill of everything, and leave to make it flat, as a risk manager gives them."""
        desk = self.brakes()
        decided = time.time_ns()
        placing = hold_place(
            scope="firm", kind=Kind.KILL, actor=RISK_MANAGER, reason="drill", desk=desk,
            patience_s=3.0,
        )  # fmt: skip
        returned = time.time_ns()
        warrant = Warrant(
            id=str(uuid.uuid4()), hold_id=placing.hold.id, scope="firm", placed_by="test",
            reason="drill", issued_wall_ns=returned, expires_wall_ns=returned + 60 * 10**9,
        )  # fmt: skip
        for one in on_disk(desk.home).values():
            with ControlLink(one.address, desk.key, timeout_s=20) as link:
                assert link.ask(TellWarrant(warrant), WarrantTaken).refused == ""
        flying = [
            one["client_order_id"] for row in placing.body()["gateways"] for one in row["in_flight"]
        ]
        desk.close()
        return Halt(
            placing.hold.id, "firm", decided, returned, placing.effective, frozenset(flying)
        )

    def proven(self, hold: str) -> set[str]:
        """Steps that every account has proven."""
        rows = self.postgres.sql(
            "SELECT name, count(DISTINCT account) FROM riskctl_receiptstep"
            f" WHERE hold = '{hold}' GROUP BY name"
        )
        return {name for name, count in rows if count == len(ACCOUNTS)}

    def creates(self) -> list[dict[str, Any]]:
        """The exchange's own log of the load's orders; those under a warrant are no strategy's."""
        names = ("at_ns", "kind", "client_order_id")
        rows = self.at_venue("SELECT at_ns, kind, client_order_id FROM log")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [one for one in found if one["client_order_id"].count(".") == 3]

    def held(self) -> dict[str, Decimal]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for account, symbol, side, quantity in self.at_venue(
            "SELECT account, symbol, side, quantity FROM fills"
        ):
            held[f"{account} {symbol}"] += Decimal(quantity) * (1 if side == "buy" else -1)
        return held

    def count(self, account: str) -> int:
        sql = "SELECT count(*) FROM orders WHERE account = ? AND state <> 'rejected'"
        return int(self.at_venue(sql, account)[0][0])

    def grows(self, account: str, by: int) -> None:
        before = self.count(account)
        wait_for(lambda: self.count(account) >= before + by, self._state, 60)

    def _state(self) -> str:
        log = self.worker.log.read_text(errors="replace")[-3_000:]
        closing = self.postgres.sql(
            "SELECT client_order_id, symbol, side, quantity, state, reason_code, reason"
            " FROM trading_order WHERE warrant IS NOT NULL ORDER BY created_at LIMIT 12"
        )
        return (
            f"orders at the venue; refused {self.load.refused}, closing {closing},"
            f" held {dict(self.held())}, {log}"
        )

    def settled(self) -> bool:
        """Everything sent is answered or resolved, and every fill of the venue is booked."""
        ((doubtful,),) = self.postgres.sql(
            "SELECT count(*) FROM trading_order"
            " WHERE state IN ('pending', 'unknown', 'cancel-pending')"
        )
        ((ours,),) = self.postgres.sql("SELECT count(*) FROM trading_fill")
        return not doubtful and ours == self.at_venue("SELECT count(*) FROM fills")[0][0]


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    made = Drill(tmp_path)
    yield made
    made.close()


@pytest.mark.timeout(240)
def test_a_killed_gateway_and_lost_answers_leave_nothing_unaccounted(drill: Drill) -> None:
    for account in ACCOUNTS:
        wait_for(lambda one=account: drill.count(one) > 5, drill._state, 90)  # type: ignore[misc]
    drill.lose("sendorder:4,cancelorder:2,fills:2")
    before = drill.gateway_pid(ACCOUNTS[0])
    drill.grows(ACCOUNTS[0], 2)
    os.kill(before, signal.SIGKILL)
    drill.lose("sendorder:2,openorders:2,orders/status:1")
    protected = drill.protect()
    os.kill(drill.gateway_pid(ACCOUNTS[1]), signal.SIGKILL)
    drill.grows(ACCOUNTS[1], 5)
    drill.grows(ACCOUNTS[0], 5)
    drill.protect()
    assert drill.gateway_pid(ACCOUNTS[0]) not in (0, before)
    halt = drill.kill_all()
    wait_for(lambda: drill.proven(halt.hold) >= {"none-open", "flat"}, drill._state, 60)
    drill.load.stop()
    wait_for(drill.settled, drill._state, 60)
    assert halt.effective
    assert protected | drill.stops_sent(), "not one stop reached the exchange"
    assert drill.postgres.sql("SELECT count(*) FROM trading_stoploss WHERE state <> 'ended'") == [
        (0,)
    ]
    assert leaks([halt], drill.creates()) == []
    assert drill.at_venue("SELECT count(*) FROM orders WHERE state = 'working'") == [(0,)]
    assert set(drill.held().values()) == {0}, "flat, by its own fills"

    ours = {
        ident: (state, filled, sent, code)
        for ident, state, filled, sent, code in drill.postgres.sql(
            "SELECT client_order_id, state, filled, sent_at IS NOT NULL, reason_code"
            " FROM trading_order"
        )
    }
    theirs = {
        ident: (state, Decimal(filled))
        for ident, state, filled in drill.at_venue(
            "SELECT client_order_id, state, filled FROM orders"
        )
    }
    assert set(theirs) <= set(ours), "nothing is there that was not written down before"
    for ident, (state, filled) in theirs.items():
        assert ours[ident][0] in STATES.get(state, {state}), ident
        assert (ours[ident][1], ours[ident][2]) == (filled, True), ident
    ((lost,),) = drill.postgres.sql("SELECT count(*) FROM audit_entry WHERE action = 'order.lose'")
    assert lost > 0, "no answer was lost, so nothing was shown"
    never = {ident: one for ident, one in ours.items() if ident not in theirs and one[2]}
    assert {one[0] for one in never.values()} <= {"rejected"}
    assert {one[3] for one in never.values()} <= {"NOT_RECEIVED", "RATE_LIMIT"}
    for account in ACCOUNTS:
        booked = drill.postgres.sql(
            "SELECT sequence, venue_fill_id, order_id, quantity, price, fee FROM trading_fill"
            f" WHERE account_id = '{account}' ORDER BY sequence"
        )
        assert [row[0] for row in booked] == list(range(1, len(booked) + 1))
        done = drill.at_venue(
            "SELECT account || '-' || sequence, client_order_id, quantity, price, fee FROM fills"
            " WHERE account = ?",
            account,
        )
        assert {row[1:] for row in booked} == {
            (ident, order, *map(Decimal, numbers)) for ident, order, *numbers in done
        }
    assert sum(len(drill.at_venue("SELECT 1 FROM fills WHERE account = ?", a)) for a in ACCOUNTS)
    assert drill.postgres.sql("SELECT count(*) FROM riskctl_hold") == [(1,)], "no stranger's fill"
