"""What a kill stopped comes back by two people, with proof at the moment of execution."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from audit.models import Entry
from riskctl.actors import NotAllowedError
from riskctl.approvals import ApprovalVoidError, approval_approve, approval_request
from riskctl.conditions import PreconditionError
from riskctl.holds import Kind, Mode
from riskctl.lifting import lift_request
from riskctl.models import Approval, GatewayRegister, Heartbeat, Hold, HoldLift, Lease, Limit, Stage
from riskctl.selectors import fact_of, open_holds
from tests.approvals.people import IVAN, MERCY, RUTH, SANA, hold
from tests.resume.desk import RestartDesk, ago, healthy, now
from trading.models import Break, Reconciliation, Strategy
from trading.resume.reentry import plan
from trading.resume.vitals import Vitals


def ask(row: Hold, **more: object) -> Approval:
    given = {"reason": "restart", "root_cause": "the feed lagged", "rollback": "mom v3", **more}
    return lift_request(hold_id=row.id, actor=MERCY, **given)  # type: ignore[arg-type]


def approve(asked: Approval) -> Approval:
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH, reason="checked")


def result_of(done: Approval) -> dict[str, Any]:
    result: dict[str, Any] = done.result or {}
    return result


def missing(asked: Approval) -> list[str]:
    with pytest.raises(PreconditionError) as error:
        approve(asked)
    asked.refresh_from_db()
    assert asked.state == "pending"
    assert not HoldLift.objects.exists()
    return [one.name for one in error.value.items]


def test_two_people_and_every_proof_lift_it_and_the_strategy_starts_low(desk: RestartDesk) -> None:
    row, other = hold(), hold(Kind.PAUSE)
    asked = ask(row)
    assert all(one["met"] for one in asked.asked_in["conditions"])
    names = [one["name"] for one in asked.asked_in["conditions"]]
    assert names == [
        "feeds", "reconciled", "limits", "limits approved", "version pinned", "rollback",
        "root cause", "not frozen", "gateways licensed",
    ]  # fmt: skip
    done = approve(asked)
    lift = HoldLift.objects.get(hold=row)
    assert (lift.lifted_by, lift.second, lift.approval) == (RUTH.name, MERCY.name, asked.id)
    assert result_of(done)["rungs"] == {"mom-one": "monitor"}
    assert Stage.objects.get(strategy="mom-one").rung == "monitor"
    assert Stage.objects.get(strategy="rev-two").rung == "live"
    assert [one.id for one in open_holds()] == [str(other.id)]
    story = Entry.objects.filter(correlation_id=str(asked.id)).values_list("action", flat=True)
    assert sorted(story) == ["approval.execute", "approval.request", "hold.lift", "stage.enter"]


def stale_feed(desk: RestartDesk) -> None:
    desk.vitals(healthy(ages={"EURUSD": "stale"}))


def dead_feed(desk: RestartDesk) -> None:
    desk.vitals(healthy(phase="dead"))


def no_redis(desk: RestartDesk) -> None:
    desk.vitals(Vitals(why="Redis does not answer"))


def not_reconciled(_desk: RestartDesk) -> None:
    Reconciliation.objects.update(at=ago(120))


def open_break(_desk: RestartDesk) -> None:
    Break.objects.create(
        id=uuid.uuid4(), account_id="paper-1", what="position", key="EURUSD", ours="1",
        theirs="2", first_seen=now(), last_seen=now(),
    )  # fmt: skip


def frozen(_desk: RestartDesk) -> None:
    hold(Kind.PAUSE, "instrument:EURUSD", mode=Mode.FROZEN)


def no_lease(_desk: RestartDesk) -> None:
    Lease.objects.filter(name="gateway:paper-1").update(expires_at=ago(1))


def older_gateway(_desk: RestartDesk) -> None:
    GatewayRegister.objects.update(token=2)


def no_watchdog(_desk: RestartDesk) -> None:
    Heartbeat.objects.update(at=ago(4))


@pytest.mark.parametrize(
    ("breaks", "name"),
    [
        (stale_feed, "feeds"),
        (dead_feed, "feeds"),
        (no_redis, "feeds"),
        (not_reconciled, "reconciled"),
        (open_break, "reconciled"),
        (frozen, "not frozen"),
        (no_lease, "gateways licensed"),
        (older_gateway, "gateways licensed"),
        (no_watchdog, "gateways licensed"),
    ],
)
def test_each_precondition_is_measured_when_it_is_carried_out(
    desk: RestartDesk, breaks: Callable[[RestartDesk], None], name: str
) -> None:
    asked = ask(hold())
    breaks(desk)
    assert missing(asked) == [name]
    failed = Entry.objects.get(action="approval.approve", outcome="failed")
    assert name.encode() in bytes(failed.body)


def test_an_accepted_break_and_a_mended_desk_let_it_pass(desk: RestartDesk) -> None:
    asked = ask(hold())
    open_break(desk)
    assert missing(asked) == ["reconciled"]
    Break.objects.update(accepted=uuid.uuid4())
    assert approve(asked).state == "executed"


def test_a_limit_that_is_missing_is_named(desk: RestartDesk) -> None:
    Limit.objects.filter(scope="strategy:mom-one", kind="open-orders").delete()
    asked = ask(hold())
    assert missing(asked) == ["limits"]


def test_limits_named_as_changed_must_have_been_approved(desk: RestartDesk) -> None:
    asked = ask(hold(), limits_approval=uuid.uuid4())
    assert missing(asked) == ["limits approved"]


def test_a_request_past_the_face_without_cause_or_rollback_stays_pending(
    desk: RestartDesk,
) -> None:
    row = hold()
    asked = approval_request(
        kind="hold-lift", subject=f"hold:{row.id}", request={}, actor=MERCY, reason="r"
    )
    assert missing(asked) == ["rollback", "root cause"]


def changed_limit() -> None:
    Limit.objects.filter(scope="firm", kind="gross-notional").update(value=2_000_000)


def changed_version() -> None:
    Strategy.objects.filter(key="mom-one").update(parameters={"fast_s": 2.5})


def test_a_change_of_quantities_limits_or_version_makes_it_void(desk: RestartDesk) -> None:
    row = hold()
    desk.hold_position("mom-one", "100")
    tries: list[tuple[Callable[[], object], str]] = [
        (lambda: desk.hold_position("mom-one", "90"), "quantities paper-1 EURUSD was 100, is 90"),
        (changed_limit, "limits firm gross-notional was 1000000, is 2000000"),
        (changed_version, "versions mom-one was "),
    ]
    for change, words in tries:
        asked = ask(row)
        change()
        with pytest.raises(ApprovalVoidError, match=words):
            approve(asked)
        asked.refresh_from_db()
        assert asked.state == "void"
    assert not HoldLift.objects.exists()


def test_what_others_do_on_the_same_account_does_not_make_a_strategys_request_void(
    desk: RestartDesk,
) -> None:
    asked = ask(hold())
    desk.hold_position("rev-two", "5000")
    desk.reading("paper-1", {"EURUSD": "5000"})
    assert approve(asked).state == "executed"


def test_a_firms_request_rests_on_the_venues_quantities(desk: RestartDesk) -> None:
    row = hold(scope="firm")
    asked = ask(row)
    desk.reading("paper-1", {"EURUSD": "1000.00"})
    with pytest.raises(ApprovalVoidError, match=r"EURUSD was not there, is 1000$"):
        approve(asked)
    again = ask(row)
    desk.reading("paper-1", {"EURUSD": "1000"})  # the same in other words
    assert result_of(approve(again))["rungs"] == {"mom-one": "monitor", "rev-two": "monitor"}


def test_one_of_the_two_is_risk(desk: RestartDesk) -> None:
    asked = ask(hold())
    with pytest.raises(NotAllowedError) as error:
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=SANA)
    assert error.value.code == "approval-needs-role"
    assert not HoldLift.objects.exists()


def test_of_two_requests_for_one_hold_the_second_finds_it_lifted(desk: RestartDesk) -> None:
    row = hold()
    first, second = ask(row), ask(row)
    approve(first)
    with pytest.raises(NotAllowedError) as error:
        approval_approve(approval_id=second.id, digest=second.digest, actor=IVAN)
    assert error.value.code == "hold-already-lifted"


# Where it comes back to ---------------------------------------------------------------------------


def rung_after(row: Hold) -> str:
    done = approve(ask(row))
    return str(result_of(done)["rungs"]["mom-one"])


def test_signals_for_long_enough_under_the_hold_let_it_enter_paper(desk: RestartDesk) -> None:
    row = hold(age_s=400)
    desk.signal("mom-one", at=ago(100))
    assert rung_after(row) == "paper"


def test_paper_climbed_under_the_hold_lets_it_enter_ramp_at_a_share_of_its_size(
    desk: RestartDesk,
) -> None:
    desk.rehearse()
    row = hold(age_s=3_600)
    desk.on("mom-one", "paper", since_s=1_000)
    desk.signal("mom-one", at=ago(100))
    desk.fill("mom-one", "paper-r")
    assert rung_after(row) == "ramp"
    assert str(Stage.objects.get(strategy="mom-one").size_factor) == "0.2500"


def test_a_lift_raises_nothing_that_stood_lower_before_the_stop(desk: RestartDesk) -> None:
    row = hold(age_s=400)
    desk.signal("mom-one", at=ago(100))
    desk.on("mom-one", "stopped", since_s=5_000)
    assert plan(fact_of(row)) == {"mom-one": "stopped"}
    desk.on("mom-one", "monitor", since_s=5_000)
    assert rung_after(row) == "monitor"


def test_evidence_that_grew_since_the_request_lifts_no_higher_than_was_shown(
    desk: RestartDesk,
) -> None:
    row = hold(age_s=400)
    asked = ask(row)
    assert asked.asked_in["reenters"] == {"mom-one": "monitor"}
    desk.signal("mom-one", at=ago(100))
    assert plan(fact_of(row)) == {"mom-one": "paper"}
    assert result_of(approve(asked))["rungs"] == {"mom-one": "monitor"}


def test_evidence_that_went_bad_since_the_request_counts(desk: RestartDesk) -> None:
    row = hold(age_s=400)
    desk.signal("mom-one", at=ago(100))
    asked = ask(row)
    assert asked.asked_in["reenters"] == {"mom-one": "paper"}
    desk.vitals(healthy(errors={0: 3}))
    assert result_of(approve(asked))["rungs"] == {"mom-one": "monitor"}
