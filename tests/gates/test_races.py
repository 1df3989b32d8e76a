"""A sign-off against a new version, a withdrawal against a climb: on a real PostgreSQL, at once."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from riskctl.actors import NotAllowedError
from riskctl.approvals import approval_approve
from riskctl.conditions import PreconditionError
from riskctl.ladder import stage_promote_request
from riskctl.limiting import limit_change, limit_tighten
from riskctl.models import Approval, Limit
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH
from tests.gates.desk import KEY, GateDesk, words
from tests.resume.test_races import together
from trading.engines.service import engine_apply
from trading.engines.versions import version_get
from trading.gates.service import sign_off, sign_off_withdraw
from trading.models import SignOff, Strategy
from trading.strategies.resize import size_raise_request, size_set

SCOPE = f"strategy:{KEY}"
Act = Callable[[], object]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sign_off_is_of_the_version_that_was_shown_or_of_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, ends = GateDesk(monkeypatch), set()
    for turn in range(8):
        text = words().replace("5.0%", f"{4 + turn / 10}%")
        engine_apply(text=text, actor=MERCY, reason="r")
        version = version_get(KEY)
        desk.backtest(version)
        desk.paper(version, 30)
        gates = desk.gates()

        def sign(shown: str = gates.shown) -> object:
            return sign_off(strategy=KEY, gate="risk", shown=shown, actor=RUTH, reason="r")

        def apply(turn: int = turn) -> object:
            text = words().replace("5.0%", f"{3 - turn / 10}%")
            return engine_apply(text=text, actor=MERCY, reason="r")

        ends.add(tuple(together([sign, apply])))
        assert desk.gates().digest != gates.digest
        for row in SignOff.objects.filter(shown=gates.shown):
            assert row.digest == gates.digest
        assert "risk approval" in desk.unmet()
    assert ends <= {("done", "done"), ("done", "sign-off-moved")}


def test_of_a_climb_and_a_withdrawal_nothing_stays_on_real_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = GateDesk(monkeypatch)
    desk.passed()
    for _ in range(6):
        desk.ladder()
        asked = stage_promote_request(strategy=KEY, to="ramp", actor=MERCY, reason="measured")

        def climb(asked: Approval = asked) -> object:
            try:
                return approval_approve(approval_id=asked.id, digest=asked.digest, actor=IVAN)
            except PreconditionError as error:
                raise NotAllowedError("unmet", str(error)) from error

        def withdraw() -> object:
            return sign_off_withdraw(strategy=KEY, gate="compliance", actor=RUTH)

        ends = together([climb, withdraw])
        assert ends in (["done", "done"], ["done", "unmet"])
        assert desk.rung() in ("monitor", "paper")
        desk.sign("compliance", COLIN)


# Lowered while a raise is being carried out ------------------------------------------------------


def elsewhere(act: Act) -> None:
    """Done and committed on a connection of its own, without waiting for this one."""
    broken: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            broken.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=run)
    other.start()
    other.join(60)
    assert not other.is_alive(), "it waits"
    assert broken == []


def after(monkeypatch: pytest.MonkeyPatch, path: str, act: Act) -> None:
    """``act`` happens elsewhere, each time that what is at ``path`` has returned."""
    module, _, name = path.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def watched(*args: object, **more: object) -> object:
        found = real(*args, **more)
        elsewhere(act)
        return found

    monkeypatch.setattr(path, watched)


def lower_limit() -> object:
    return limit_tighten(scope=SCOPE, kind="gross-notional", value="100", actor=RUTH)


def lower_size() -> object:
    return size_set(strategy=KEY, size="10", actor=RUTH)


def in_force() -> tuple[int, int]:
    gross = Limit.objects.get(scope=SCOPE, kind="gross-notional").value
    return int(gross), int(Strategy.objects.get(key=KEY).size_notional)


def limit_asked() -> Approval | None:
    return limit_change(
        scope=SCOPE, kind="gross-notional", value="1000", actor=MERCY, reason="r"
    ).asked


def document_asked() -> Approval | None:
    text = words(riskLimit="0.1%", maxPositionSize="900", targetPosition="900")
    return engine_apply(text=text, actor=MERCY, reason="r").asked


def size_asked() -> Approval | None:
    return size_raise_request(strategy=KEY, size="1000", actor=MERCY, reason="r")


@pytest.mark.parametrize(
    ("asked", "measured", "lower", "left"),
    [
        (limit_asked, "trading.gates.raising.require", lower_limit, (100, 500)),
        (document_asked, "trading.engines.approving.require", lower_limit, (100, 500)),
        (document_asked, "trading.engines.approving.require", lower_size, (500, 10)),
        (size_asked, "trading.strategies.resize.require", lower_limit, (100, 500)),
        (size_asked, "trading.strategies.resize.require", lower_size, (500, 10)),
    ],
)
def test_what_is_lowered_while_a_raise_is_measured_stays_low(
    monkeypatch: pytest.MonkeyPatch, asked: Callable[[], Approval | None], measured: str,
    lower: Act, left: tuple[int, int],
) -> None:  # fmt: skip
    desk = GateDesk(monkeypatch)
    desk.gross("500")
    Strategy.objects.filter(key=KEY).update(size_notional=500)
    row = asked()
    assert row is not None
    after(monkeypatch, measured, lower)
    with pytest.raises(NotAllowedError) as refused:
        approval_approve(approval_id=row.id, digest=row.digest, actor=IVAN)
    assert refused.value.code == "approval-moved"
    row.refresh_from_db()
    assert (in_force(), row.state) == (left, "pending")


def test_a_document_lowers_no_size_that_was_set_lower_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = GateDesk(monkeypatch)
    desk.gross("100000")
    after(monkeypatch, "trading.engines.service.version_store", lower_size)
    text = words(riskLimit="10%", maxPositionSize="100k", targetPosition="40k")
    engine_apply(text=text, actor=MERCY, reason="r")
    assert in_force() == (100_000, 10)
