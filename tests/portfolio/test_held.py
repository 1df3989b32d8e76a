"""What open holds, rungs, the dead man and triggers look like in the desk's frame."""

import dataclasses
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from riskctl.deadman import deadman_prepare
from riskctl.holds import RULES, Kind, Mode
from riskctl.models import Hold, HoldLift, ReceiptStep, Stage
from tests.portfolio.builders import NOON, Desk, alive, books, hold_row, reading, strategy_row
from tests.portfolio.test_frames import desk, only
from trading.health import Status
from trading.models import EngineAlert, VenueAccount
from trading.portfolio.books import AlertRow, RungRow
from trading.portfolio.held import triggers_body
from trading.portfolio.reader import BooksReader
from trading.portfolio.text import moment

BOTH = (strategy_row(), strategy_row("mr-spy", "SPY", "GCZ3", account="paper-1"))


def states(frame: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["state"] for one in frame["strategies"]}


def test_a_strategys_own_hold_is_said_with_who_and_when() -> None:
    frame = desk(books=books(holds=(hold_row(kind=Kind.KILL),)))
    strategy = only(frame)
    assert (strategy["state"], strategy["mode"], strategy["own"]) == ("HALTED", "HALTED", True)
    assert strategy["holds"] == [
        {
            "id": "hold-strategy:mom-eurusd-kill", "scope": "strategy:mom-eurusd", "kind": "kill",
            "mode": "HALTED", "own": True, "reason": "quotes crossing", "by": "ada.nwosu",
            "by_person": True, "since": "2026-11-21T11:59:00.000000Z",
            "effective_at": "2026-11-21T11:59:00.002000Z",
        }
    ]  # fmt: skip
    assert (frame["firm"]["state"], frame["firm"]["holds"], frame["firm"]["on"]) == ("ACTIVE", 1, 1)
    assert (frame["totals"]["active"], frame["totals"]["held"]) == (0, 1)


def test_a_firm_hold_halts_all_and_is_inherited() -> None:
    frame = desk(books=books(strategies=BOTH, holds=(hold_row("firm", Kind.KILL),)))
    assert frame["firm"]["state"] == "HALTED"
    assert frame["firm"]["hold"]["kind"] == "kill"
    assert states(frame) == {"mom-eurusd": "HALTED", "mr-spy": "HALTED"}
    assert [one["own"] for one in frame["strategies"]] == [False, False]


@pytest.mark.parametrize("scope", ["venue:paper-1", "venue:paper-one"])
def test_a_venue_hold_reaches_its_strategies_by_account_and_by_name(scope: str) -> None:
    other = strategy_row("mom-btc", "EURUSD", account="paper-2", venue="Paper Two")
    frame = desk(books=books(strategies=(strategy_row(), other), holds=(hold_row(scope),)))
    assert [one["mode"] for one in frame["strategies"]] == ["HALTED", "ACTIVE"]
    assert frame["firm"]["mode"] == "ACTIVE"


def test_a_hold_on_the_account_of_one_leg_shows_and_leaves_the_mode() -> None:
    pair = strategy_row(
        "arb", "EURUSD", "GCZ3", kind="arbitrage", second_account="paper-2",
        second_venue="Paper Two",
    )  # fmt: skip
    for scope, modes in (("venue:paper-2", "ACTIVE"), ("venue:paper-two", "ACTIVE"),
                         ("strategy:arb", "HALTED")):  # fmt: skip
        (line,) = desk(books=books(strategies=(pair,), holds=(hold_row(scope),)))["strategies"]
        assert ([one["scope"] for one in line["holds"]], line["mode"]) == ([scope], modes)


def test_a_hold_on_one_of_two_symbols_shows_and_leaves_the_mode() -> None:
    one = hold_row("instrument:SPY")
    frame = desk(books=books(strategies=BOTH, holds=(one,)))
    spy = frame["strategies"][1]
    assert (spy["mode"], len(spy["holds"])) == ("ACTIVE", 1)
    both = (one, hold_row("instrument:GCZ3", Kind.REDUCE_ONLY))
    spy = desk(books=books(strategies=BOTH, holds=both))["strategies"][1]
    assert (spy["mode"], [hold["kind"] for hold in spy["holds"]]) == (
        "REDUCE-ONLY",
        ["pause", "reduce-only"],
    )


def test_the_strictest_comes_first_and_decides() -> None:
    holds = (
        hold_row(kind=Kind.REDUCE_ONLY, age_s=90),
        hold_row("firm", Kind.PAUSE, age_s=10),
        hold_row("venue:paper-1", Kind.KILL, mode=Mode.FROZEN),
    )
    strategy = only(desk(books=books(holds=holds)))
    assert (strategy["state"], strategy["own"]) == ("FROZEN", False)
    assert [one["mode"] for one in strategy["holds"]] == ["FROZEN", "HALTED", "REDUCE-ONLY"]


def test_a_halt_is_known_though_nothing_else_is() -> None:
    late = NOON + dt.timedelta(seconds=60)
    strategy = only(desk(stages={}, now=late, books=books(holds=(hold_row(kind=Kind.KILL),))))
    assert strategy["state"] == "HALTED"
    assert "gateway paper-1 sent no heartbeat" in strategy["why"]


def test_reduce_only_is_said_only_when_trading_is_known_of() -> None:
    held = books(holds=(hold_row(kind=Kind.REDUCE_ONLY),))
    assert only(desk(books=held))["state"] == "REDUCE-ONLY"
    assert only(desk(books=held, stages=alive(licence_ms="0")))["state"] == "UNKNOWN"


def test_a_strategy_on_no_rung_may_not_trade() -> None:
    strategy = only(desk(books=books(rungs={})))
    assert (strategy["state"], strategy["stage"]) == ("UNKNOWN", None)
    assert strategy["why"] == "it stands on no rung of the ladder"
    ramp = RungRow("ramp", Decimal("0.2500"), NOON)
    assert only(desk(books=books(rungs={"mom-eurusd": ramp})))["stage"] == {
        "rung": "ramp", "factor": "0.25", "since": "2026-11-21T12:00:00.000000Z",
    }  # fmt: skip


def test_an_unproven_hold_says_so() -> None:
    held = dataclasses.replace(hold_row(), effective_at=None)
    assert only(desk(books=books(holds=(held,))))["holds"][0]["effective_at"] is None


def test_the_dead_mans_switch_and_requests_that_wait() -> None:
    said = {"state": "warning", "enabled": True, "confirmed_at": NOON, "confirmed_by": "ada",
            "warns_at": NOON, "expires_at": None, "remaining_s": 1200}  # fmt: skip
    broken = {"id": "u", "scope": "strategy:a", "by": "ada", "used_at": NOON, "until": NOON}
    frame = desk(books=books(dead_man=said, waiting=2, waiting_mark="abc", glass=(broken,)))
    assert (frame["dead_man"]["state"], frame["dead_man"]["remaining_s"]) == ("warning", 1200)
    assert frame["dead_man"]["confirmed_at"] == "2026-11-21T12:00:00.000000Z"
    assert frame["dead_man"]["expires_at"] is None
    assert (frame["waiting"], frame["waiting_mark"]) == (2, "abc")
    assert frame["glass"] == [{**broken, "used_at": moment(NOON), "until": moment(NOON)}]


def test_triggers_are_counted_and_the_near_ones_named() -> None:
    rows = [{"name": f"t{n}", "scope": "firm", "state": state, "share": "0.9", "what": "x"}
            for n, state in enumerate(["ok", "ok", "warning", "breach", "unknown"])]  # fmt: skip
    body = triggers_body({"as_of": "t", "shadow": False, "triggers": rows})
    assert body is not None
    assert [body[state] for state in ("ok", "warning", "breach", "unknown")] == [2, 1, 1, 1]
    assert [one["name"] for one in body["near"]] == ["t2", "t3"]
    assert triggers_body(None) is None


def test_alerts_that_ring_and_whether_anybody_evaluates_them() -> None:
    rows = (AlertRow("Fills", "critical", NOON), AlertRow("Slow", "info", NOON))
    frame = desk(books=books(strategies=BOTH, alerts={"mom-eurusd": rows}))
    assert [one["alerts"] for one in frame["strategies"]] == [
        [{"name": one.name, "severity": one.severity, "since": moment(NOON)} for one in rows], [],
    ]  # fmt: skip
    statuses: tuple[Status, ...] = ("dead", "fresh", "late")
    for heard, said in ((statuses, "fresh"), (("dead", "late"), "late"), (("dead",), "dead")):
        stages = {"alerts": [reading("alerts", one, one) for one in heard]}
        assert desk(stages={**alive(), **stages})["alerting"] == said


@pytest.mark.django_db
def test_holds_rungs_and_the_switch_are_read_with_the_books() -> None:
    Desk()
    Stage.objects.filter(strategy="mom-btc").update(rung="ramp", size_factor=Decimal("0.25"))
    reader = BooksReader()
    assert reader.read().holds == ()
    kept, gone = (
        Hold.objects.create(
            id=uuid.UUID(int=n), scope="firm", kind="pause", mode="HALTED",
            cancels=RULES[Kind.PAUSE].cancels, reason="r", placed_by="ada", actor_kind="person",
            placed_at=NOON,
        )
        for n in (1, 2)
    )  # fmt: skip
    HoldLift.objects.create(hold=gone, lifted_by="ada", reason="over")
    ReceiptStep.objects.create(id=kept.id, hold=kept.id, name="effective", happened_at=NOON,
                               body=b"", signature=b"", key_id="k")  # fmt: skip
    deadman_prepare(confirmed_by="desk")
    for number, severity in enumerate(("info", "critical", "grave", "warning")):
        for ended_at in (None, NOON):
            EngineAlert.objects.create(
                id=uuid.uuid4(), engine="mom-btc", alert=str(number), severity=severity,
                condition="c", version=1, values={}, began_at=NOON, ended_at=ended_at,
            )  # fmt: skip
    books_read = BooksReader().read()
    (row,) = books_read.holds
    assert row.fact.id == str(kept.id)
    assert row.effective_at == NOON
    assert books_read.rungs["mom-btc"].rung == "ramp"
    alerts = books_read.alerts["mom-btc"]
    assert [one.severity for one in alerts] == ["grave", "critical", "warning", "info"]
    assert alerts[1] == AlertRow("1", "critical", NOON)
    assert books_read.dead_man is not None
    assert books_read.dead_man["state"] == "armed"


@pytest.mark.django_db
def test_accounts_that_others_rehearse_on_are_read_as_such() -> None:
    Desk()
    first, second = VenueAccount.objects.order_by("name")[:2]
    first.rehearsal = second
    first.save()
    found = {one.name: one.rehearsal for one in BooksReader().read().accounts}
    assert {name for name, rehearsal in found.items() if rehearsal} == {second.name}
