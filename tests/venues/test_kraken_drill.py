"""Hosted gateways trade at the stand-in; one is killed, answers are lost: nothing is unaccounted.

Judged from the exchange's own storage against the desk's database.
"""

import json
import os
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.halting.load import ACCOUNTS, Load
from tests.halting.records import records
from tests.halting.rig import HEARTBEAT
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
        home = folder / "home"
        home.mkdir()
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

    def count(self, account: str) -> int:
        sql = "SELECT count(*) FROM orders WHERE account = ? AND state <> 'rejected'"
        return int(self.at_venue(sql, account)[0][0])

    def grows(self, account: str, by: int) -> None:
        before = self.count(account)
        wait_for(lambda: self.count(account) >= before + by, self._state, 60)

    def _state(self) -> str:
        log = self.worker.log.read_text(errors="replace")[-3_000:]
        return f"orders at the venue; refused {self.load.refused}, {log}"

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
    drill.grows(ACCOUNTS[1], 5)
    drill.grows(ACCOUNTS[0], 5)
    assert drill.gateway_pid(ACCOUNTS[0]) not in (0, before)
    drill.load.stop()
    wait_for(drill.settled, drill._state, 60)

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
    assert drill.postgres.sql("SELECT count(*) FROM riskctl_hold") == [(0,)], "no stranger's fill"
