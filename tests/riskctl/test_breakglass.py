"""One person awake: by leave of two, at reduced size, seen by all, and back unless reviewed."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from structlog.testing import capture_logs

from riskctl import breakglass
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError, approval_approve, approval_request
from riskctl.breakglass import (
    breakglass_keep,
    breakglass_return,
    breakglass_returns,
    breakglass_shown,
    breakglass_use,
)
from riskctl.conditions import PreconditionError
from riskctl.glass import glass_broken, glass_conditions, leaves_standing
from riskctl.glass_leave import leave_ask, leave_end
from riskctl.holds import Kind, Mode
from riskctl.ladder import stage_promote_request
from riskctl.lifting import Glass, hold_lift
from riskctl.models import Approval, BreakGlass, BreakGlassUse, Hold, HoldLift, Stage
from tests.approvals.people import (
    ADA,
    COLIN,
    EVERYBODY,
    IVAN,
    MERCY,
    NIA,
    RUTH,
    SANA,
    SHELL,
    TOKEN,
    TOMAS,
    hold,
    stale,
)
from tests.console.conftest import entries
from tests.resume.desk import RestartDesk, ago, healthy, now
from tests.support.people import enrolled

MOM = "strategy:mom-one"


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> RestartDesk:
    enrolled(*EVERYBODY)
    return RestartDesk(monkeypatch)


def leave(people: tuple[Actor, ...] = (RUTH,), hours: int = 8, **more: Any) -> BreakGlass:
    """Given by Ruth and Ivan."""
    asked = leave_ask(
        people=[one.name for one in people], scopes=more.get("scopes", [MOM]), hours=hours,
        actor=RUTH, reason="the night shift is one",
    )  # fmt: skip
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=IVAN, reason="agreed")
    return BreakGlass.objects.get(approval=asked.id)


def use(row: Hold, who: Actor = RUTH, **more: Any) -> BreakGlassUse:
    digest = more.pop("digest", None) or breakglass_shown(hold_id=row.id, actor=who).digest
    given = {"reason": "alone", "root_cause": "the feed lagged", "rollback": "v3", **more}
    return breakglass_use(hold_id=row.id, digest=digest, actor=who, **given)


def refused(row: Hold, who: Actor = RUTH, **more: Any) -> str:
    with pytest.raises(NotAllowedError) as error:
        use(row, who, **more)
    assert not HoldLift.objects.exists()
    assert not BreakGlassUse.objects.exists()
    return error.value.code


def placed(**facts: Any) -> None:
    """In place of hold_place: the row alone, once."""
    if Hold.objects.filter(id=facts["hold_id"]).exists():
        return
    Hold.objects.create(
        id=facts["hold_id"], scope=facts["scope"], kind=facts["kind"], mode=Mode.HALTED,
        cancels=True, reason=facts["reason"], placed_by=facts["actor"].name,
        actor_kind=facts["actor"].kind, placed_at=now(),
    )  # fmt: skip


def on_ramp(desk: RestartDesk) -> Hold:
    """A killed strategy that has climbed to where a lift lets it stand on ramp."""
    desk.rehearse()
    row = hold(age_s=7200)
    desk.on("mom-one", "paper", since_s=3600)
    desk.signal("mom-one", at=ago(1800))
    desk.fill("mom-one", "paper-r")
    return row


# Off unless two people gave leave ---------------------------------------------------------------


def test_it_is_off_unless_two_people_gave_leave(desk: RestartDesk) -> None:
    row = hold()
    assert refused(row) == "break-glass-off"
    asked = leave_ask(people=[RUTH.name], scopes=[MOM], hours=8, actor=RUTH, reason="night")
    assert refused(row) == "break-glass-off"
    with pytest.raises(NotAllowedError, match="who asked cannot approve"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)
    assert not BreakGlass.objects.exists()
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=COLIN)
    given = BreakGlass.objects.get()
    assert (given.people, given.scopes) == ([RUTH.name], [MOM])
    assert given.until - given.since == dt.timedelta(hours=8)
    (entry,) = entries("break-glass.enable")
    assert (entry["actor"], entry["after"]["asked_by"]) == (COLIN.name, RUTH.name)
    use(row)


def test_leave_takes_risk_among_the_two(desk: RestartDesk) -> None:
    asked = leave_ask(people=[RUTH.name], scopes=[MOM], hours=1, actor=COLIN, reason="r")
    with pytest.raises(NotAllowedError) as error:
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=ADA)
    assert error.value.code == "approval-needs-role"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("hours", {"hours": 13}),
        ("hours", {"hours": 0}),
        ("hours", {"hours": True}),
        ("scopes", {"scopes": ["firm"]}),
        ("scopes", {"scopes": ["venue:paper-1"]}),
        ("scopes", {"scopes": ["instrument:EURUSD"]}),
        ("scopes", {"scopes": [MOM, "firm"]}),
        ("scopes", {"scopes": []}),
        ("people", {"people": []}),
        ("people", {"people": [RUTH.name, RUTH.name]}),
        ("people", {"people": [SANA.name]}),
        ("people", {"people": ["nobody"]}),
        ("people", {"people": RUTH.name}),
    ],
)
def test_leave_that_cannot_be_given_names_its_field(
    desk: RestartDesk, field: str, change: dict[str, Any]
) -> None:
    request = {"people": [RUTH.name], "scopes": [MOM], "hours": 8, **change}
    with pytest.raises(RequestError) as error:
        approval_request(
            kind="break-glass-enable", subject="break-glass", request=request, actor=RUTH,
            reason="r",
        )  # fmt: skip
    assert error.value.field == field
    assert not Approval.objects.exists()


def test_leave_ends_by_itself_and_by_anyone_who_watches(desk: RestartDesk) -> None:
    given, row = leave(), hold()
    assert leaves_standing(given.until - dt.timedelta(seconds=1)) == [given]
    assert leaves_standing(given.until) == []
    for who in (MERCY, TOKEN):
        with pytest.raises(NotAllowedError, match="end it"):
            leave_end(leave_id=given.id, actor=who)
    ended = leave_end(leave_id=given.id, actor=stale(SANA), reason="all are in")
    assert ended.ended_by == SANA.name
    assert refused(row) == "break-glass-off"
    with pytest.raises(NotAllowedError, match="has ended it already"):
        leave_end(leave_id=given.id, actor=RUTH)
    (entry,) = [one for one in entries("break-glass.end") if one["outcome"] == "done"]
    assert (entry["before"]["ended_by"], entry["after"]["ended_by"]) == ("", SANA.name)


# Using it -----------------------------------------------------------------------------------------


def test_it_lifts_one_kill_alone_low_and_loudly(desk: RestartDesk) -> None:
    leave()
    row, other = on_ramp(desk), hold(Kind.PAUSE)
    with override_settings(LADDER_RAMP_FACTOR="0.5"), capture_logs() as logs:
        used = use(row)
    lift = HoldLift.objects.get()
    assert (lift.hold_id, lift.lifted_by, lift.second, lift.approval) == (
        row.id, RUTH.name, "", None,
    )  # fmt: skip
    stage = Stage.objects.get(strategy="mom-one")
    assert (stage.rung, stage.size_factor) == ("ramp", Decimal("0.25"))
    assert Stage.objects.get(strategy="rev-two").size_factor == 1
    assert used.until - used.used_at == dt.timedelta(hours=4)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["break-glass.used"]
    (entry,) = entries("break-glass.use")
    assert entry["after"]["rungs"] == {"mom-one": "ramp"}
    assert {one["action"] for one in story(used)} == {"break-glass.use", "stage.reduce"}
    assert [one.scope for one in glass_broken()] == [MOM]
    assert not hasattr(Hold.objects.get(id=other.id), "lift")


def story(used: BreakGlassUse) -> list[dict[str, Any]]:
    return [
        one
        for action in ("break-glass.use", "stage.reduce", "break-glass.keep", "break-glass.return")
        for one in entries(action)
        if one["correlation_id"] == str(used.id)
    ]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (stale(RUTH), "break-glass-needs-step-up"),
        (IVAN, "break-glass-off"),  # of risk, and not named
        (MERCY, "break-glass-not-your-role"),
        (SANA, "break-glass-not-your-role"),
        (TOKEN, "break-glass-tokens-cannot"),
        (SHELL, "break-glass-shells-cannot"),
    ],
)
def test_who_cannot_use_it(desk: RestartDesk, who: Actor, code: str) -> None:
    leave()
    row = hold()
    assert refused(row, who) == code
    (denied,) = entries("break-glass.use")
    assert (denied["outcome"], denied["actor"]) == ("denied", who.name)


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (Kind.KILL, "firm"),
        (Kind.KILL, "venue:paper-1"),
        (Kind.KILL, "instrument:EURUSD"),
        (Kind.REGULATORY, MOM),
    ],
)
def test_never_for_anything_wider_and_never_a_regulatory_hold(
    desk: RestartDesk, kind: Kind, scope: str
) -> None:
    leave()
    assert refused(hold(kind, scope), digest="0" * 64) == "break-glass-scope"


def test_another_strategy_is_not_covered(desk: RestartDesk) -> None:
    leave()
    assert refused(hold(scope="strategy:rev-two")) == "break-glass-off"


def stale_feed(desk: RestartDesk) -> None:
    desk.vitals(healthy(ages={"EURUSD": "stale"}))


def frozen(_desk: RestartDesk) -> None:
    hold(Kind.KILL, "firm", mode=Mode.FROZEN)


@pytest.mark.parametrize(("breaks", "name"), [(stale_feed, "feeds"), (frozen, "not frozen")])
def test_every_precondition_but_the_second_person_is_asked(
    desk: RestartDesk, breaks: Callable[[RestartDesk], None], name: str
) -> None:
    leave()
    row = hold()
    breaks(desk)
    with pytest.raises(PreconditionError) as missing:
        use(row)
    assert [one.name for one in missing.value.items] == [name]
    assert not HoldLift.objects.exists()
    assert not BreakGlassUse.objects.exists()


@pytest.mark.parametrize("field", ["reason", "root_cause", "rollback"])
def test_what_must_be_written_down(desk: RestartDesk, field: str) -> None:
    leave()
    with pytest.raises(RequestError) as error:
        use(hold(), RUTH, **{field: " "})
    assert error.value.field == field


def test_what_was_shown_is_what_is_lifted(desk: RestartDesk) -> None:
    leave()
    row = hold()
    digest = breakglass_shown(hold_id=row.id, actor=RUTH).digest
    desk.hold_position("mom-one", "500")
    assert refused(row, digest=digest) == "break-glass-changed"
    use(row)


def test_a_lifted_kill_is_not_lifted_again(desk: RestartDesk) -> None:
    leave()
    row = hold()
    use(row)
    with pytest.raises(NotAllowedError, match="has lifted it already"):
        use(row)


def test_a_use_of_another_lifts_nothing(desk: RestartDesk) -> None:
    leave((RUTH, IVAN))
    used, other = use(hold()), hold()
    for row, who in ((other, RUTH), (other, IVAN)):
        with pytest.raises(NotAllowedError) as error:
            hold_lift(hold_id=row.id, actor=who, reason="r", glass=Glass(used.id, {}, {}))
        assert error.value.code == "lift-needs-two"


# Reviewing ----------------------------------------------------------------------------------------


def test_another_person_keeps_it_lifted(desk: RestartDesk) -> None:
    leave()
    used = use(hold())
    for who, code in (
        (RUTH, "break-glass-own"),
        (stale(IVAN), "break-glass-needs-step-up"),
        (MERCY, "break-glass-not-your-role"),
        (TOKEN, "break-glass-tokens-cannot"),
    ):
        with pytest.raises(NotAllowedError) as error:
            breakglass_keep(use_id=used.id, actor=who, reason="looked")
        assert error.value.code == code
    kept = breakglass_keep(use_id=used.id, actor=COLIN, reason="receipts and books are right")
    assert (kept.verdict, kept.reviewed_by, kept.returned) == ("kept", COLIN.name, None)
    assert breakglass_returns(now=used.until, place=placed) == []
    assert glass_broken() == []
    with pytest.raises(NotAllowedError, match="has reviewed it already"):
        breakglass_return(use_id=used.id, actor=IVAN, place=placed)


def test_unless_it_is_reviewed_in_time_the_hold_returns_once(desk: RestartDesk) -> None:
    leave()
    used = use(hold())
    assert breakglass_returns(now=used.until - dt.timedelta(seconds=1), place=placed) == []
    with capture_logs() as logs:
        assert breakglass_returns(now=used.until, place=placed) == [used.id]
    assert breakglass_returns(now=used.until, place=placed) == []
    back = Hold.objects.get(lift=None, kind="kill")
    assert (back.scope, back.placed_by) == (MOM, "break-glass")
    used.refresh_from_db()
    assert (used.verdict, used.returned) == ("returned", back.id)
    assert [one["event"] for one in logs] == ["break-glass.returned"]


def test_a_return_that_was_cut_off_goes_on_with_the_same_hold(desk: RestartDesk) -> None:
    leave()
    used = use(hold())

    def cut_off(**facts: Any) -> None:
        placed(**facts)
        raise ConnectionError("cut off")

    with pytest.raises(ConnectionError):
        breakglass_returns(now=used.until, place=cut_off)
    used.refresh_from_db()
    assert used.verdict == ""
    assert breakglass_returns(now=used.until, place=placed) == [used.id]
    assert Hold.objects.filter(lift=None, kind="kill").count() == 1


def test_whoever_reviews_may_hold_it_again_at_once(desk: RestartDesk) -> None:
    leave()
    used = use(hold())
    done = breakglass_return(use_id=used.id, actor=stale(SANA), reason="odd", place=placed)
    assert (done.verdict, done.reviewed_by) == ("returned", SANA.name)
    assert Hold.objects.get(lift=None, kind="kill").placed_by == SANA.name


def test_too_late_to_keep(desk: RestartDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    leave()
    used = use(hold())
    monkeypatch.setattr(breakglass, "database_now", lambda: used.until)
    with pytest.raises(NotAllowedError) as error:
        breakglass_keep(use_id=used.id, actor=IVAN, reason="looked")
    assert error.value.code == "break-glass-over"


def test_what_waits_for_a_review_climbs_no_further(desk: RestartDesk) -> None:
    leave()
    used = use(on_ramp(desk))
    assert [one.met for one in glass_conditions("mom-one")] == [False]
    asked = stage_promote_request(strategy="mom-one", to="live", actor=MERCY, reason="well")
    with pytest.raises(PreconditionError) as missing:
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=IVAN)
    assert "break-glass reviewed" in [one.name for one in missing.value.items]
    breakglass_keep(use_id=used.id, actor=IVAN, reason="looked")
    assert glass_conditions("mom-one") == []


# The database's own rule --------------------------------------------------------------------------


def row_of(given: BreakGlass, row: Hold, **more: Any) -> BreakGlassUse:
    facts: dict[str, Any] = {
        "id": uuid.uuid4(), "leave": given, "hold": row, "person": RUTH.name, "reason": "r",
        "root_cause": "c", "rollback": "v", "size_factor": "0.25", "used_at": now(),
        "until": now() + dt.timedelta(hours=1), **more,
    }  # fmt: skip
    with transaction.atomic():
        return BreakGlassUse.objects.create(**facts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person": IVAN.name}, "not given to"),
        ({"size_factor": "0.2501"}, "quarter of the size"),
        ({"until": now() + dt.timedelta(hours=5)}, "four hours"),
        ({"verdict": "kept"}, "four hours"),
    ],
)
def test_the_database_refuses_a_use_that_was_not_given(
    desk: RestartDesk, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(DatabaseError, match=words):
        row_of(leave(), hold(), **change)


def test_the_database_knows_scope_kind_and_end(desk: RestartDesk) -> None:
    given = leave()
    for kind, scope in ((Kind.KILL, "firm"), (Kind.KILL, "strategy:rev-two")):
        with pytest.raises(DatabaseError, match="not given to"):
            row_of(given, hold(kind, scope))
    with pytest.raises(DatabaseError, match="kill of one strategy"):
        row_of(given, hold(Kind.REGULATORY))
    leave_end(leave_id=given.id, actor=RUTH)
    with pytest.raises(DatabaseError, match="not given to"):
        row_of(given, hold())


def test_the_database_knows_who_is_of_risk_now(desk: RestartDesk) -> None:
    given, row = leave(), hold()
    User.objects.get(username=RUTH.name).groups.clear()
    with pytest.raises(DatabaseError, match="does not hold the role risk"):
        row_of(given, row)
    assert refused(row) == "approval-role-lost"


def test_the_database_lifts_no_kill_without_glass_or_approval(desk: RestartDesk) -> None:
    given, row, other = leave((RUTH, NIA)), hold(), hold()
    row_of(given, row)

    def lift(of: Hold, by: Actor) -> None:
        with transaction.atomic():
            HoldLift.objects.create(hold=of, lifted_by=by.name, second="", reason="r")

    for of, by in ((other, RUTH), (row, NIA), (row, TOMAS)):
        with pytest.raises(DatabaseError, match="two people"):
            lift(of, by)
    lift(row, RUTH)


def test_the_database_keeps_leave_and_review(desk: RestartDesk) -> None:
    given = leave()
    used = use(hold())

    def update(rows: Any, **changes: Any) -> None:
        with transaction.atomic():
            rows.filter().update(**changes)

    leaves, uses = BreakGlass.objects, BreakGlassUse.objects
    tries: list[tuple[Any, dict[str, Any], str]] = [
        (leaves, {"until": given.until + dt.timedelta(hours=1)}, "only be ended"),
        (leaves, {"people": [IVAN.name]}, "only be ended"),
        (uses, {"until": used.until + dt.timedelta(hours=1)}, "nothing else changes"),
        (uses, {"verdict": "kept", "reviewed_by": "RUTH.adeyemi"}, "another person"),
        (uses, {"verdict": "kept", "reviewed_by": ""}, "another person"),
        (uses, {"verdict": "kept", "reviewed_by": MERCY.name}, "holds no role to review"),
        (uses, {"verdict": "returned", "reviewed_by": IVAN.name}, "what returned is named"),
    ]
    for rows, changes, words in tries:
        with pytest.raises(DatabaseError, match=words):
            update(rows, **changes)
    for table in ("riskctl_breakglassuse", "riskctl_breakglass"):
        with (
            pytest.raises(DatabaseError, match="kept"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")
    update(uses, verdict="kept", reviewed_by=IVAN.name)
    with pytest.raises(DatabaseError, match="reviewed once"):
        update(uses, verdict="")


def test_leave_is_no_row_that_anybody_writes(desk: RestartDesk) -> None:
    given = leave()
    facts = {"people": given.people, "scopes": given.scopes, "since": now()}
    for change in (
        {"approval": uuid.uuid4(), "until": now() + dt.timedelta(hours=1)},
        {"approval": given.approval, "until": now() + dt.timedelta(hours=1), "people": ["x"]},
    ):
        with pytest.raises(DatabaseError, match="two people give it"), transaction.atomic():
            BreakGlass.objects.create(id=uuid.uuid4(), **{**facts, **change})
