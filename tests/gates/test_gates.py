"""From paper to real money: what opens the gates, what closes them, and who may say so."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, transaction

from riskctl.actors import Actor, NotAllowedError, shell_actor
from riskctl.approvals import RequestError, approval_approve
from riskctl.conditions import PreconditionError
from riskctl.lifting import lift_request
from riskctl.models import HoldLift, Stage
from riskctl.rungs import Rung
from riskctl.selectors import fact_of
from tests.approvals.people import COLIN, IVAN, MERCY, NIA, RUTH, SANA, SHELL, TOKEN, hold, stale
from tests.console.conftest import entries
from tests.engines.documents import BOUND
from tests.gates.desk import KEY, GateDesk, words
from tests.resume.desk import ago
from trading.engines.service import engine_apply
from trading.gates.rules import BACKTEST, COMPLIANCE_GATE, DOCUMENT, GATES, PAPER, READY, RISK_GATE
from trading.gates.service import sign_off_withdraw
from trading.models import Drill, PaperDay, SignOff, Strategy, VenueAccount
from trading.resume.promotion import stages_fall
from trading.resume.reentry import plan


def withdraw(gate: str = "risk", who: Actor = MERCY) -> list[SignOff]:
    return sign_off_withdraw(strategy=KEY, gate=gate, actor=who, reason="second thoughts")


def lacking(desk: GateDesk, to: str = "ramp") -> list[str]:
    with pytest.raises(PreconditionError) as error:
        desk.climb(to)
    return [one.name for one in error.value.items]


def test_every_gate_one_after_another_and_then_real_money(desk: GateDesk) -> None:
    desk.ladder()
    assert lacking(desk) == list(GATES)
    no_document = desk.gates().one(DOCUMENT).text
    assert "no TradingEngine document" in no_document
    version = desk.version()
    assert lacking(desk) == list(GATES[1:])
    desk.backtest(version, days=729)
    with pytest.raises(PreconditionError, match="it covers 729 of 730 days"):
        desk.sign("risk", RUTH)
    free = {**BOUND, "assumed": {**BOUND["assumed"], "slippage_bp": "0"}}
    desk.backtest(version, bound=free)
    assert "and 0 bp of slippage for granted" in desk.gates().one(BACKTEST).text
    passing = desk.backtest(version, days=730)
    desk.paper(version, 29)
    desk.paper(version, 1, counts=False, why="it sent no order")
    assert lacking(desk) == list(GATES[2:])
    desk.paper(version, 1)
    assert lacking(desk) == list(GATES[3:])
    desk.sign("compliance", COLIN)
    desk.sign("risk", RUTH)
    assert lacking(desk) == [READY]
    desk.drill()
    assert "its latency was not measured" in desk.gates().one(READY).text
    desk.fill(KEY, "paper-r", tick_to_send_us=9_000)
    assert desk.gates().open
    desk.climb()
    assert desk.rung() == "ramp"
    assert stages_fall() == []
    desk.on(KEY, "ramp", since_s=1_801)
    desk.fill(KEY, "paper-1", "1.1001")
    desk.climb("live")
    signed, other = [one for one in entries("engine.sign-off") if one["outcome"] == "done"]
    assert {signed["actor"], other["actor"]} == {COLIN.name, RUTH.name}
    assert other["after"]["paper_days"] == 30
    (rests,) = SignOff.objects.get(gate="risk").evidence["rests"].items()
    assert rests[0] == passing.digest
    assert "two-years.csv 555555555555; assumed" in rests[1]


def test_nobody_widens_the_latency_alone(desk: GateDesk) -> None:
    version = desk.version(words().replace("10ms", "5ms"))
    desk.backtest(version)
    desk.paper(version)
    desk.drill()
    desk.fill(KEY, "paper-r", tick_to_send_us=9_000)
    desk.sign("risk", RUTH)
    desk.sign("compliance", COLIN)
    assert desk.unmet() == [READY]
    wider = words().replace("10ms", "1s")
    assert engine_apply(text=wider, actor=MERCY, reason="quick enough").asked is None
    assert desk.unmet() == [READY]
    text = desk.gates().one(READY).text
    assert "9000 µs, its target 1000000 and 5000 when risk signed" in text
    desk.sign("risk", RUTH)
    assert desk.unmet() == []
    assert "quick enough (9000 of 1000000 µs)" in desk.gates().one(READY).text


def test_simulated_accounts_are_as_they_were(desk: GateDesk) -> None:
    VenueAccount.objects.filter(name="paper-1").update(live=False)
    desk.ladder()
    desk.climb()
    assert (desk.rung(), stages_fall()) == ("ramp", [])


@pytest.mark.parametrize(
    ("who", "gate", "code"),
    [
        (MERCY, "risk", "sign-off-not-your-role"), (COLIN, "risk", "sign-off-not-your-role"),
        (SANA, "compliance", "sign-off-not-your-role"), (TOKEN, "risk", "sign-off-tokens-cannot"),
        (SHELL, "risk", "sign-off-shells-cannot"), (stale(RUTH), "risk", "sign-off-needs-step-up"),
        (IVAN, "risk", "sign-off-own-document"), (NIA, "compliance", "sign-off-other-gate"),
        (shell_actor("ruth.adeyemi"), "risk", "sign-off-shells-cannot"),
    ],
    ids=lambda one: one.name if isinstance(one, Actor) else str(one),
)  # fmt: skip
def test_who_cannot_sign(desk: GateDesk, who: Actor, gate: str, code: str) -> None:
    version = desk.version(by=IVAN)
    desk.backtest(version)
    desk.paper(version)
    if code == "sign-off-other-gate":
        desk.sign("risk", NIA)
    with pytest.raises(NotAllowedError) as error:
        desk.sign(gate, who)
    assert error.value.code == code
    assert entries("engine.sign-off")[-1]["outcome"] == "denied"


def test_what_a_shell_made_is_of_whoever_asks_for_it_and_of_nobody_before(desk: GateDesk) -> None:
    """Ruth writes it at a shell and asks for it in the console: she made it."""
    text = words(maxPositionSize="200k")
    shell = engine_apply(text=text, actor=shell_actor("rt"), reason="r").version
    assert shell is not None
    desk.backtest(shell)
    desk.paper(shell)
    assert "a shell made the document" in desk.gates().one(RISK_GATE).text
    with pytest.raises(NotAllowedError) as unknown:
        desk.sign("risk", IVAN)
    assert unknown.value.code == "sign-off-maker-unknown"
    assert engine_apply(text=text, actor=RUTH, reason="it is good").asked is not None
    engine_apply(text=words(riskLimit="0.05%"), actor=NIA, reason="smaller")
    assert desk.gates().makers == ("shell:rt", NIA.name, RUTH.name)
    with pytest.raises(NotAllowedError) as own:
        desk.sign("risk", RUTH)
    assert own.value.code == "sign-off-own-document"
    desk.sign("risk", IVAN)
    assert desk.gates().one(RISK_GATE).met


def test_what_is_signed_is_what_was_shown(desk: GateDesk) -> None:
    version = desk.version()
    desk.backtest(version)
    desk.paper(version)
    shown = desk.gates().shown
    desk.paper(version, 1)
    for wrong in (shown, "0" * 64):
        with pytest.raises(NotAllowedError, match="not what was shown"):
            desk.sign("risk", RUTH, shown=wrong)
    for more, field in (
        ({"reason": " "}, "reason"),
        ({"accepts_latency": True}, "accepts_latency"),
    ):
        with pytest.raises(RequestError) as error:
            desk.sign("compliance", COLIN, **more)
        assert error.value.field == field
    with pytest.raises(RequestError, match="risk, compliance"):
        desk.sign("legal", COLIN)


def test_the_database_looks_at_the_signers_itself(desk: GateDesk) -> None:
    desk.passed()
    row = SignOff.objects.get(gate="risk")

    def again(**changes: Any) -> None:
        for name, value in {"id": uuid.uuid4(), **changes}.items():
            setattr(row, name, value)
        with transaction.atomic():
            row.save(force_insert=True)

    again()
    with pytest.raises(DatabaseError, match="does not hold the role risk"):
        again(signed_by=MERCY.name)
    User.objects.get(username=RUTH.name).groups.add(Group.objects.get(name="compliance"))
    with pytest.raises(DatabaseError, match="signed the other gate"):
        again(signed_by=RUTH.name, gate="compliance")
    for rows in (SignOff.objects.all(), PaperDay.objects.all(), Drill.objects.all()):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            rows.delete()


def test_withdrawing_takes_it_down_at_once(desk: GateDesk) -> None:
    desk.passed()
    desk.ladder()
    desk.climb()
    withdraw(who=stale(MERCY))
    assert desk.rung() == "monitor"
    assert Stage.objects.get(strategy=KEY).reason.startswith("gates closed: risk approval")
    assert desk.unmet() == [RISK_GATE, READY]  # her word on the latency went with it
    with pytest.raises(NotAllowedError) as none:
        withdraw()
    assert none.value.code == "sign-off-none"
    for who, code in ((TOKEN, "sign-off-tokens-cannot"), (SHELL, "sign-off-shells-cannot"),
                      (Actor("person", "ada", frozenset({"administrator"})),
                       "sign-off-not-yours")):  # fmt: skip
        with pytest.raises(NotAllowedError) as error:
            withdraw("compliance", who)
        assert error.value.code == code


def test_another_way_to_trade_takes_it_down_and_a_size_does_not(desk: GateDesk) -> None:
    desk.passed()
    desk.ladder()
    desk.climb()
    engine_apply(text=words(riskLimit="0.05%"), actor=MERCY, reason="smaller")
    assert (desk.rung(), desk.unmet()) == ("ramp", [])
    engine_apply(text=words().replace("5.0%", "4.0%"), actor=MERCY, reason="tighter")
    assert desk.rung() == "monitor"
    assert desk.unmet() == [BACKTEST, PAPER, RISK_GATE, COMPLIANCE_GATE, READY]
    engine_apply(text=words(), actor=MERCY, reason="back")
    assert desk.unmet() == []


def test_what_the_desk_has_otherwise_is_no_document_in_force(desk: GateDesk) -> None:
    desk.passed()
    desk.ladder()
    desk.climb()
    Strategy.objects.filter(key=KEY).update(parameters={"fast_s": 3.0})
    assert desk.unmet() == [DOCUMENT]
    (fallen,) = stages_fall()
    assert (fallen.was, fallen.fall.to) == (Rung.RAMP, Rung.MONITOR)
    assert desk.rung() == "monitor"


def test_nobody_stands_on_real_money_who_never_passed(desk: GateDesk) -> None:
    """A row that was set up there, or put there by other ways than the ladder's."""
    desk.passed()
    assert desk.rung() == "live"
    (fallen,) = stages_fall()
    assert "never taken up" in fallen.fall.why


@pytest.mark.parametrize("spoiled", ["nothing", "withdrawn", "drawdown", "drill is old"])
def test_after_a_kill_a_version_that_passed_comes_back_without_new_gates(
    desk: GateDesk, spoiled: str
) -> None:
    version = desk.passed()
    desk.ladder()
    desk.climb()
    row = hold(age_s=1_200)
    desk.on(KEY, "paper", since_s=1_000)  # climbed again under the hold
    desk.signal(KEY, at=ago(900))
    desk.fill(KEY, "paper-r")
    if spoiled == "withdrawn":
        withdraw()
    elif spoiled == "drawdown":
        desk.paper(version, 1, drawdown=6_000)
    elif spoiled == "drill is old":
        # Asked for on the way up alone.
        desk.monkeypatch.setattr("trading.gates.rules.DRILL_AGE", dt.timedelta())
    back = Rung.RAMP if spoiled in ("nothing", "drill is old") else Rung.PAPER
    assert plan(fact_of(row)) == {KEY: back}
    asked = lift_request(hold_id=row.id, actor=MERCY, reason="r", root_cause="c", rollback="v")
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)
    assert (HoldLift.objects.count(), desk.rung()) == (1, str(back))


def test_of_two_accounts_either_is_real_money_and_both_are_rehearsed(desk: GateDesk) -> None:
    second = desk.account("paper-2", live=True)
    desk.rehearse("paper-2", "paper-s")
    VenueAccount.objects.filter(name="paper-1").update(live=False)
    assert not desk.gates().live
    Strategy.objects.filter(key=KEY).update(
        kind="arbitrage", parameters={}, symbols=["BTCUSDT", "BTCUSDT-PERP"], second_account=second
    )
    text = words(type="arbitrage", parameters=None, instruments=["BTCUSDT", "BTCUSDT-PERP"])
    desk.version(text)
    assert desk.gates().live
    for scope, seen in (("venue:paper-r", ""), ("venue:paper-s", None)):
        drill = desk.drill(scope=scope)
        found = desk.gates().one(READY).evidence["drill"]
        assert found == seen if seen is not None else found != ""
        assert drill.account_id == scope.partition(":")[2]
