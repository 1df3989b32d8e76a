"""Stops from a shell on a desk of its own, with one part of it frozen or dead; judged by the venue.

Frozen: SIGSTOP, so that connections stay open and nothing ever answers.
"""

import contextlib
import json
import os
import pwd
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

import psutil
import psycopg
import pytest

from audit.canonical import canonical_bytes
from audit.signing import signature_holds, signer_at
from tests.backtest.files import BARS, SAMPLE
from tests.cli.shell import Said, haltline
from tests.desk.judge import ACCOUNTS, answered_since, database_now, hosted, venue
from tests.desk.test_outages import frozen
from tests.engines.documents import document
from tests.support.desk import Desk, running_desk

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

AFTER_S = 1.5
"""For what could still arrive: an intent lives for two seconds, and most are younger."""
BOUND_S = 2.0
LIFT_ALL = """
INSERT INTO riskctl_holdlift (hold_id, lifted_by, second, reason)
SELECT id, 'the test', '', 'next test' FROM riskctl_hold h
WHERE NOT EXISTS (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)
"""
SHELLS = "SELECT count(*) FROM riskctl_hold WHERE source = 'shell'"
WATCHED = """
INSERT INTO riskctl_deadman (id, confirmed_at, confirmed_by, enabled)
VALUES (1, clock_timestamp(), 'the test', true)
ON CONFLICT (id) DO UPDATE SET confirmed_at = EXCLUDED.confirmed_at RETURNING 1
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "home"


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[Desk]:
    with running_desk(home, FEED="simulated") as running:
        running.sql(WATCHED)
        yield running


@pytest.fixture
def trading(desk: Desk) -> Desk:
    """The desk, with every hold of an earlier test gone."""
    trades_on(desk)
    return desk


def trades_on(desk: Desk) -> None:
    """Until it does, holds of anybody are lifted: a journalled one may come late, and on a busy
    machine triggers place their own."""
    moment = database_now(desk)

    def trades() -> bool:
        lift_all(desk)
        return answered_since(desk, moment) > 0

    desk.wait_for(trades, 60, "trading")


def lift_all(desk: Desk) -> None:
    """Without people: the database's own guard of lifts is off for this connection alone."""
    with psycopg.connect(
        desk.owner_url, options="-c session_replication_role=replica"
    ) as connection:
        connection.execute(LIFT_ALL)


def accepted(desk: Desk) -> set[str]:
    """Every create that the venue ever accepted, by its own log."""
    with venue(desk) as admin:
        return {one["client_order_id"] for one in admin.log() if one["kind"] == "accepted"}


def pass_time(desk: Desk) -> None:
    until = time.monotonic() + AFTER_S
    desk.wait_for(lambda: time.monotonic() > until, AFTER_S + 5, "later")


def start_s(home: Path) -> float:
    """What a command takes that asks nobody, on this machine as busy as it is now."""
    return haltline(home, "--help").took_s


@contextlib.contextmanager
def web_killed(desk: Desk) -> Iterator[None]:
    desk.kill("web", signal.SIGKILL)
    yield


def frozen_postgres(desk: Desk) -> AbstractContextManager[None]:
    return frozen(desk, "postgres")


def frozen_redis(desk: Desk) -> AbstractContextManager[None]:
    return frozen(desk, "redis")


FAULTS: dict[str, Callable[[Desk], AbstractContextManager[None]]] = {
    "postgres": frozen_postgres,
    "redis": frozen_redis,
    "web": web_killed,
}


def in_flight(said: Said) -> set[str]:
    return {order["client_order_id"] for one in said.json["gateways"] for order in one["in_flight"]}


def test_the_runbooks_look_at_it(trading: Desk) -> None:
    found: list[Said] = []

    def measured() -> bool:
        trades_on(trading)
        found[:] = [haltline(trading.home, "trading-latency", "--duration", "3", "-o", "json")]
        return found[0].json["firm"] is not None

    trading.wait_for(measured, 120, "trading while it is measured")
    (said,) = found
    assert said.json["firm"]["orders"] > 0
    assert said.code == (0 if said.json["reached"] else 6), said.err
    missed = haltline(
        trading.home, "trading-latency", "--duration", "1", "--target-latency", "0.001ms"
    )
    assert (missed.code, missed.out.splitlines()[-1][:6]) == (6, "MISSED")
    watched = haltline(
        trading.home, "position-alerts", "--threshold", "0", "--every", "1", "--duration", "4",
        "-o", "json",
    )  # fmt: skip
    moves = [json.loads(line) for line in watched.out.splitlines()]
    assert watched.code == (6 if moves else 0), watched.err
    assert all(Decimal(one["by"]) == Decimal(one["now"]) - Decimal(one["was"]) for one in moves)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_halt_is_effective_whatever_is_down(trading: Desk, fault: str) -> None:
    quick = start_s(trading.home)
    with FAULTS[fault](trading):
        said = haltline(trading.home, "halt", "--reason", f"{fault} is down", "-o", "json")
        before = accepted(trading)
        assert (said.code, said.json["status"]) == (0, "effective"), said.err
        assert {one["account"] for one in said.json["gateways"]} >= set(ACCOUNTS)
        assert said.took_s < quick * 2 + BOUND_S
        assert ("not in the database yet" in said.err) == (fault == "postgres")
        pass_time(trading)
        assert accepted(trading) - before <= in_flight(said)
    # What was down is back, and the stop is still one.
    pass_time(trading)
    assert accepted(trading) - before <= in_flight(said)
    hold = said.json["hold"]["id"]
    trading.wait_for(
        lambda: trading.sql("SELECT 1 FROM riskctl_hold WHERE id = %s", hold), 20, "recorded"
    )
    ((placed_by, reason),) = trading.sql(
        "SELECT placed_by, reason FROM riskctl_hold WHERE id = %s", hold
    )
    assert placed_by.startswith("shell:")
    assert reason == f"{fault} is down"


def test_the_receipt_is_signed_by_the_desk(trading: Desk) -> None:
    body = haltline(trading.home, "halt", "-o", "json").json
    signature, _ = bytes.fromhex(body.pop("signature")), body.pop("key_id")
    public = signer_at(trading.home / "signing.pem").public_pem
    assert signature_holds(public, canonical_bytes(body), signature)
    assert not signature_holds(public, canonical_bytes({**body, "status": "latched"}), signature)
    assert pwd.getpwuid(os.getuid()).pw_name in body["hold"]["placed_by"]


def test_a_gateway_that_cannot_be_proven_is_named(trading: Desk) -> None:
    """Frozen between two steps, and no database to date its last licence by."""
    gateway = psutil.Process(hosted(trading)["gateway:paper-1"])
    with frozen(trading, "postgres"):
        gateway.suspend()
        try:
            said = haltline(trading.home, "halt", "-o", "json")
        finally:
            gateway.resume()
    assert (said.code, said.json["status"]) == (3, "latched")
    assert [one["account"] for one in said.json["unproven"]] == ["paper-1"]
    assert "paper-1: not proven yet" in said.err
    proven = {one["account"] for one in said.json["gateways"]}
    assert "paper-2" in proven
    assert "paper-1" not in proven


def test_a_kill_is_followed_to_its_end(trading: Desk) -> None:
    said = haltline(trading.home, "kill", "--scope", "venue:paper-2", "--follow", "-o", "json")
    assert said.code == 0, said.err
    receipt, *steps = (json.loads(line) for line in said.out.splitlines())
    assert {"effective", "none-open"} <= {one["step"] for one in steps}
    assert all(one["signed"] for one in steps)
    assert {one["account"] for one in steps if one["step"] == "none-open"} >= set(ACCOUNTS)
    shown = haltline(trading.home, "receipt", receipt["hold"]["id"], "-o", "json")
    assert (shown.code, shown.json["hold"]) == (0, receipt["hold"])
    # Followed as they come in, shown as they happened.
    assert [one for one in steps if one not in shown.json["steps"]] == []


def test_positions_are_closed_and_followed_until_flat(trading: Desk) -> None:
    said = haltline(trading.home, "flatten", "--scope", "firm", "--yes", "--follow", "-o", "json")
    assert said.code == 0, said.err
    receipt, *steps = (json.loads(line) for line in said.out.splitlines())
    assert set(receipt["flatten"]["closing"]) >= set(ACCOUNTS)
    assert {one["account"] for one in steps if one["step"] == "flat"} >= set(ACCOUNTS)
    with venue(trading) as admin:
        held = [
            one
            for account in ACCOUNTS
            for one in admin.positions(account)
            if float(one["quantity"])
        ]
    assert held == []


def test_a_freeze_and_a_reduce_only_are_what_they_say(trading: Desk) -> None:
    mode = {}
    for command in ("freeze", "reduce-only"):
        said = haltline(trading.home, command, "-s", "strategy:mom-fx", "-o", "json")
        assert said.code == 0, said.err
        mode[command] = (said.json["hold"]["kind"], said.json["hold"]["mode"])
    assert mode == {"freeze": ("kill", "FROZEN"), "reduce-only": ("reduce-only", "REDUCE-ONLY")}
    status = haltline(trading.home, "status", "-o", "json")
    assert status.code == 0, status.err
    modes = {one["key"]: one["mode"] for one in status.json["strategies"]}
    assert modes["mom-fx"] == "FROZEN"
    assert modes["mr-gold"] != "FROZEN"
    known = {one["scope"]: set(one["known_to"]) for one in status.json["holds"]}
    assert known["strategy:mom-fx"] >= {"database", *ACCOUNTS}


def test_status_without_the_database_is_the_gateways_own(trading: Desk) -> None:
    quick = start_s(trading.home)
    with frozen(trading, "postgres"):
        said = haltline(trading.home, "status", "-o", "json")
    assert said.code == 3
    assert {one["account"] for one in said.json["gateways"]} >= set(ACCOUNTS)
    assert "the database could not be asked" in said.err
    assert said.took_s < quick * 2 + BOUND_S


def test_cancelling_holds_nothing(trading: Desk) -> None:
    before = trading.sql(SHELLS)
    said = haltline(trading.home, "cancel-all", "--reason", "a try", "-o", "json")
    assert said.code == (0 if said.json["accounts_known"] else 3), said.err
    assert set(said.json["cancelling"]) >= set(ACCOUNTS)
    assert "not in the record" not in said.err
    ((actor, reason),) = trading.sql(
        "SELECT actor, reason FROM audit_entry WHERE action = 'orders.cancel'"
    )
    assert (actor[:6], reason) == ("shell:", "a try")
    assert trading.sql(SHELLS) == before
    trades_on(trading)


def test_stop_losses_are_shown_before_they_are_set(trading: Desk) -> None:
    shown = haltline(trading.home, "set-stop-losses", "--percent", "3", "--dry-run", "-o", "json")
    assert shown.code == (0 if shown.json["accounts_known"] else 3), shown.err
    assert {one["state"] for one in shown.json["positions"]} <= {
        "would-rest", "would-watch", "refused",
    }  # fmt: skip
    assert trading.sql("SELECT count(*) FROM trading_stoploss") == [(0,)]
    said = haltline(trading.home, "set-stop-losses", "--percent", "3", "-s", "strategy:none")
    assert said.code == 0, said.err
    assert "no position is open in strategy:none" in said.err
    assert "nothing is called strategy:none: no position is in it. There are:" in said.err
    # Of a recording alone: no strategy of this desk trades it.
    one = haltline(trading.home, "set-stop-losses", "-p", "3", "--symbol", "GCZ3", "--dry-run")
    assert "no position of GCZ3 is open in firm" in one.err
    entry = "SELECT actor FROM audit_entry WHERE action = 'stop-losses.set'"
    assert [actor[:6] for (actor,) in trading.sql(entry)] == ["shell:"]


def test_a_scope_that_names_nothing_is_said(trading: Desk) -> None:
    said = haltline(trading.home, "kill", "--scope", "strategy:mom-fy")
    assert said.code == 0
    assert "nothing is called strategy:mom-fy: this stops no order" in said.err
    assert "mom-fx" in said.err


def test_a_shell_asks_and_lifts_nothing(trading: Desk) -> None:
    """Neither what one person lifts nor what two do, whoever has the shell."""
    holds = [
        haltline(trading.home, command, "-o", "json").json["hold"]["id"]
        for command in ("halt", "kill")
    ]
    before = accepted(trading)
    for hold in holds:
        said = haltline(
            trading.home, "lift", hold, "--reason", "done", "--root-cause", "x", "--rollback", "y"
        )
        assert said.code == 0
        assert f"http://127.0.0.1:{trading.port}/holds/{hold}" in said.err.replace("\n", "")
    lifted = trading.sql("SELECT 1 FROM riskctl_holdlift WHERE hold_id = ANY(%s::uuid[])", holds)
    assert lifted == []
    asked = "SELECT hold FROM riskctl_receiptstep WHERE name = 'lift-asked'"
    assert {str(one) for (one,) in trading.sql(asked)} == set(holds)
    assert trading.sql("SELECT 1 FROM riskctl_approval") == []
    pass_time(trading)
    assert accepted(trading) == before


def test_a_document_is_compared_lowered_and_stopped_from_a_shell(
    home: Path, trading: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "mr-spy.yaml"
    file.write_text(
        document("mr-spy", type="mean-reversion", riskLimit="2%", maxPositionSize="40k")
    )
    judged = haltline(home, "risk-validator", "--config", str(file), "-o", "json")
    assert (judged.code, judged.json["not_compared"]) == (0, ""), judged.err
    ways = {one["name"]: one["way"] for one in judged.json["settings"]}
    assert (ways["gross-notional"], ways["position-notional"]) == ("lower", "lower")
    tried = haltline(home, "apply", "-f", str(file), "--dry-run", "-o", "json")
    assert (tried.code, tried.json["version"]) == (0, None)
    done = haltline(home, "apply", "-f", str(file), "--reason", "a wild day", "-o", "json")
    assert (done.code, done.json["version"]) == (0, 1), done.err
    asked = "SELECT value FROM riskctl_limit WHERE scope = 'strategy:mr-spy' AND kind = %s"
    for kind, value in (("gross-notional", 100_000), ("position-notional", 40_000)):
        assert trading.sql(asked, kind) == [(value,)]
    span = ("--data", str(BARS), "--from", "2019-01-01", "--to", "2019-02-01")
    tested = haltline(home, "backtest", "--config", str(SAMPLE), *span, "-o", "json")
    assert (tested.code, tested.json["kept"]) == (0, True), tested.err
    more = '{"spec":{"strategy":{"riskLimit":"2.5%"}}}'
    waits = haltline(home, "patch", "tradingengine", "mr-spy", "-p", more)
    assert waits.code == 3
    assert "no shell raises anything" in waits.err
    off = '{"status":{"phase":"Emergency-Stop"}}'
    said = haltline(home, "patch", "tradingengine", "mr-spy", "-p", off, "-o", "json")
    assert (said.code, said.json["status"]) == (0, "effective"), said.err
    assert (said.json["hold"]["kind"], said.json["hold"]["scope"]) == ("kill", "strategy:mr-spy")
