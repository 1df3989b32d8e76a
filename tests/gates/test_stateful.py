"""Any order of evidence, sign-offs, withdrawals, versions: open means all of it, for one digest."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from riskctl.actors import Actor, NotAllowedError
from riskctl.conditions import PreconditionError
from tests.approvals.people import COLIN, IVAN, MERCY, NIA, RUTH, SHELL, TOKEN, stale
from tests.gates.desk import KEY, GateDesk, words
from trading.gates.service import sign_off_withdraw
from trading.models import EngineVersion, Strategy
from trading.resume.promotion import stages_fall

FASTS = (2.0, 3.0)
WHO = st.sampled_from([MERCY, RUTH, IVAN, COLIN, NIA, TOKEN, SHELL, stale(RUTH)])
FAST = st.sampled_from(FASTS)
GATE = st.sampled_from(["risk", "compliance"])
MAY = {"risk": (RUTH, IVAN, NIA), "compliance": (COLIN, NIA)}


class Engine(RuleBasedStateMachine):
    """The model: evidence, standing sign-offs and who first wrote it, for each way to trade."""

    desk: GateDesk

    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.savepoint()
        self.says: float | None = None
        self.trades = 2.0
        self.maker: dict[float, str] = {}
        self.tested: set[float] = set()
        self.papered: set[float] = set()
        self.signed: dict[tuple[float, str], set[str]] = {}
        self.versions: dict[float, EngineVersion] = {}
        self.drilled = False
        self.climbed: set[float] = set()

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.point)

    def standing(self, fast: float, gate: str) -> set[str]:
        return self.signed.get((fast, gate), set())

    @rule(fast=FAST, who=st.sampled_from([MERCY, RUTH]))
    def write(self, fast: float, who: Actor) -> None:
        text = words(parameters={"fast_s": fast})
        self.versions[fast] = self.desk.version(text, by=who)
        self.maker.setdefault(fast, who.name)
        self.says = fast

    @rule(fast=FAST)
    def bring(self, fast: float) -> None:
        Strategy.objects.filter(key=KEY).update(parameters={"fast_s": fast})
        self.trades = fast

    @rule(fast=FAST, days=st.sampled_from([729, 730]))
    def test(self, fast: float, days: int) -> None:
        if fast in self.versions:
            self.desk.backtest(self.versions[fast], days=days)
            if days == 730:
                self.tested.add(fast)

    @rule(fast=FAST)
    def paper(self, fast: float) -> None:
        if fast in self.versions and fast not in self.papered:
            self.desk.paper(self.versions[fast])
            self.papered.add(fast)

    @rule()
    def drill(self) -> None:
        if not self.drilled:
            self.desk.drill()
            self.drilled = True

    @rule(gate=GATE, who=WHO)
    def sign(self, gate: str, who: Actor) -> None:
        now = self.says
        other = "compliance" if gate == "risk" else "risk"
        may = (
            now is not None and who in MAY[gate] and now == self.trades and now in self.tested
            and now in self.papered and who.name != self.maker[now]
            and who.name not in self.standing(now, other)
        )  # fmt: skip
        try:
            self.desk.sign(gate, who, accepts_latency=gate == "risk")
        except (NotAllowedError, PreconditionError):
            assert not may
            return
        assert may
        assert now is not None
        self.signed.setdefault((now, gate), set()).add(who.name)

    @rule(gate=GATE)
    def withdraw(self, gate: str) -> None:
        there = any(names for (_, of), names in self.signed.items() if of == gate)
        try:
            sign_off_withdraw(strategy=KEY, gate=gate, actor=stale(RUTH))
        except NotAllowedError:
            assert not there
            return
        assert there
        for fast in FASTS:
            self.signed.pop((fast, gate), None)

    @rule(fast=FAST)
    def everything(self, fast: float) -> None:
        """The way that leads there, which chance alone would seldom find."""
        self.write(fast, MERCY)
        self.bring(fast)
        self.test(fast, 730)
        self.paper(fast)
        self.drill()
        self.sign("risk", IVAN)
        self.sign("compliance", COLIN)

    def lasting(self) -> bool:
        now = self.says
        return (
            now is not None and now == self.trades and now in self.tested and now in self.papered
            and bool(self.standing(now, "risk")) and bool(self.standing(now, "compliance"))
        )  # fmt: skip

    @rule()
    def climb(self) -> None:
        self.desk.ladder()
        try:
            self.desk.climb()
        except PreconditionError:
            assert not (self.lasting() and self.drilled)
            return
        assert self.lasting()
        assert self.drilled
        assert self.says is not None
        self.climbed.add(self.says)

    @invariant()
    def open_means_everything(self) -> None:
        assert self.desk.gates().open == (self.lasting() and self.drilled)

    @invariant()
    def nobody_stays_where_the_gates_are_closed(self) -> None:
        if self.desk.rung() in ("ramp", "live"):
            stages_fall()
            stays = self.lasting() and self.says in self.climbed
            assert (self.desk.rung() in ("ramp", "live")) == stays


@pytest.fixture
def machine(desk: GateDesk) -> Iterator[type[Engine]]:
    desk.on(KEY, "stopped", since_s=10)
    Engine.desk = desk
    yield Engine
    del Engine.desk


def test_no_order_of_anything_opens_the_gates_but_everything(machine: type[Engine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    steps = machine()
    steps.everything(3.0)
    steps.climb()
    assert steps.desk.rung() == "ramp"
