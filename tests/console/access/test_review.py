"""Access reviews: what they say, who signs them, what makes them void, and when the next is due."""

import datetime as dt
import itertools
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, transaction
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries, Settings

from console.access.escalation import escalations_notice, escalations_set_up
from console.access.review import (
    review_due,
    review_intact,
    review_prepare,
)
from console.access.review_report import access_of, digest_of, material_of, report_read
from console.access.roles import roles_reconcile
from console.models import AccessReview, ApiToken, Authenticator, SessionRecord
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals import (
    ApprovalVoidError,
    RequestError,
    approval_approve,
    approval_reject,
    approval_request,
)
from riskctl.conditions import PreconditionError
from riskctl.models import Approval
from tests.console.conftest import entries, person
from trading.models import Strategy, VenueAccount

pytestmark = pytest.mark.django_db
START = system_actor("desk start")
NOW = dt.datetime.now(dt.UTC)
_numbers = itertools.count(1)


def acting(name: str, *roles: str, age_s: float = 5.0) -> Actor:
    return Actor(
        kind="person", name=name, roles=frozenset(roles), factor_age_s=age_s, source="10.0.0.7"
    )


RUTH = acting("ruth.adeyemi", "compliance")
OTTO = acting("otto.weiss", "compliance")
LENA = acting("lena.fischer", "risk")
PRIYA = acting("priya.raman", "administrator")
MERCY = acting("mercy.okafor", "trader")


@pytest.fixture(autouse=True)
def _people() -> None:
    roles_reconcile(actor=START)
    for one in (RUTH, OTTO, LENA, PRIYA, MERCY):
        person(one.name, *one.roles)
        used(one.name, NOW)
    settled()


def settled() -> None:
    escalations_notice()
    escalations_set_up(actor=START, note="set up")


def used(name: str, at: dt.datetime) -> None:
    user = User.objects.get(username=name)
    User.objects.filter(pk=user.pk).update(last_login=at)
    SessionRecord.objects.create(person=user, started_at=at, seen_at=at, factor_at=at)


def user_of(name: str) -> User:
    return User.objects.get(username=name)


def token(owner: str, *scopes: str, **facts: Any) -> ApiToken:
    facts.setdefault("expires_at", NOW + dt.timedelta(days=90))
    made = ApiToken.objects.create(
        name="script", owner=user_of(owner), digest=next(_numbers).to_bytes(32),
        scopes=list(scopes or ["read"]), **facts,
    )  # fmt: skip
    settled()
    return made


def found(kind: str) -> dict[str, str]:
    """Who -> what is said, of the findings of ``kind``."""
    rows = report_read(dt.datetime.now(dt.UTC))["findings"]
    return {one["who"]: one["text"] for one in rows if one["kind"] == kind}


def prepared() -> tuple[AccessReview, Approval]:
    review = review_prepare(actor=RUTH, reason="the quarter's")
    assert review.approval is not None
    return review, Approval.objects.get(id=review.approval)


def signed(by: Actor = LENA) -> AccessReview:
    review, asked = prepared()
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=by)
    review.refresh_from_db()
    return review


# The report ---------------------------------------------------------------------------------------


def test_it_says_who_can_do_what() -> None:
    account = VenueAccount.objects.create(
        name="paper-1", venue="Paper", adapter="a", address="h:1", live=False
    )
    strategy = Strategy.objects.create(
        key="mom-eurusd", kind="momentum", owner="mercy.okafor", account=account,
        symbols=["EURUSD"], size_notional=1, shard=0,
    )  # fmt: skip
    assign_perm("trading.pause_strategy", user_of("lena.fischer"), strategy)
    made = token("mercy.okafor", "read", "stop", networks=["10.0.0.0/8"])
    report = report_read(NOW)
    people = {one["username"]: one for one in report["people"]}
    assert people["mercy.okafor"]["roles"] == ["trader"]
    assert people["mercy.okafor"]["owns"] == ["mom-eurusd"]
    assert people["mercy.okafor"]["factors"] == 1
    assert people["lena.fischer"]["rights"] == {"pause_strategy": ["mom-eurusd"]}
    (one,) = report["tokens"]
    assert (one["id"], one["owner"], one["scopes"]) == (made.pk, "mercy.okafor", ["read", "stop"])
    assert one["networks"] == ["10.0.0.0/8"]
    assert report["findings"] == [
        {
            "kind": "token-never-used",
            "who": "token script of mercy.okafor",
            "text": f"never used since {made.created_at:%Y-%m-%d}",
        }
    ]


def test_tokens_that_open_nothing_any_more_are_not_in_it() -> None:
    token("mercy.okafor", revoked_at=NOW)
    token("mercy.okafor", expires_at=NOW - dt.timedelta(seconds=1))
    assert report_read(NOW)["tokens"] == []


def test_people_without_a_factor_are_found() -> None:
    assert found("no-factor") == {}
    Authenticator.objects.filter(user__username="mercy.okafor").update(confirmed=False)
    assert set(found("no-factor")) == {"mercy.okafor"}
    User.objects.filter(username="mercy.okafor").update(is_active=False)
    assert found("no-factor") == {}


def test_the_dormant_are_found(settings: Settings) -> None:
    settings.ACCESS_DORMANT_DAYS = 30
    for name, days in (("mercy.okafor", 31), ("lena.fischer", 29)):
        SessionRecord.objects.filter(person__username=name).delete()
        used(name, NOW - dt.timedelta(days=days))
    assert found("dormant") == {"mercy.okafor": "not used for over 30 days"}


def test_who_never_came_is_found() -> None:
    person("new.person", "sre")
    assert set(found("never-used")) == {"new.person"}


def test_a_password_alone_is_no_use() -> None:
    """Somebody who has the password and not the factor did not use the account."""
    user = person("half.way", "sre")
    SessionRecord.objects.create(person=user, started_at=NOW, seen_at=NOW)
    assert set(found("never-used")) == {"half.way"}


def test_roles_that_do_not_go_together_are_found() -> None:
    user_of("mercy.okafor").groups.add(Group.objects.get(name="risk"))
    assert found("conflict") == {
        "mercy.okafor": "risk and trader: who takes risk would also approve it"
    }


def test_flags_strange_groups_and_what_the_disabled_hold_are_found() -> None:
    User.objects.filter(username="otto.weiss").update(is_superuser=True, is_staff=True)
    user_of("lena.fischer").groups.add(Group.objects.create(name="wizards"))
    User.objects.filter(username="mercy.okafor").update(is_active=False)
    assert found("flag") == {"otto.weiss": "is superuser and staff, which no role needs"}
    assert found("role") == {"lena.fischer": "is in wizards, which is no role of the table"}
    assert found("disabled") == {"mercy.okafor": "is disabled and still holds trader, floor"}


def test_tokens_to_look_at_are_found() -> None:
    token("mercy.okafor", expires_at=NOW + dt.timedelta(days=13), last_used_at=NOW)
    token("lena.fischer", last_used_at=NOW - dt.timedelta(days=91))
    token("otto.weiss")
    User.objects.filter(username="otto.weiss").update(is_active=False)
    assert set(found("token-ends")) == {"token script of mercy.okafor"}
    assert set(found("token-dormant")) == {"token script of lena.fischer"}
    assert set(found("token-never-used")) == {"token script of otto.weiss"}
    assert set(found("token-owner")) == {"token script of otto.weiss"}


def test_it_reads_as_little_for_many_as_for_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(5):
        person(f"one-{number}", "trader")
    with django_assert_num_queries(9):
        report_read(NOW)
    for number in range(20):
        person(f"more-{number}", "trader")
    with django_assert_num_queries(9):
        report_read(NOW)


# What it rests on ---------------------------------------------------------------------------------


def test_times_of_use_are_not_material_and_everything_else_is() -> None:
    before = report_read(NOW)
    used("mercy.okafor", NOW + dt.timedelta(hours=1))
    after = report_read(NOW + dt.timedelta(hours=2))
    assert digest_of(before) != digest_of(after)
    assert material_of(before) == material_of(after)
    for change in (
        lambda: user_of("mercy.okafor").groups.add(Group.objects.get(name="sre")),
        lambda: User.objects.filter(username="mercy.okafor").update(is_active=False),
        lambda: User.objects.filter(username="otto.weiss").update(is_staff=True),
        lambda: Authenticator.objects.filter(user__username="otto.weiss").delete(),
        lambda: token("lena.fischer", "read"),
        lambda: ApiToken.objects.update(scopes=["read", "stop"]),
        lambda: ApiToken.objects.update(networks=["10.0.0.0/8"]),
    ):
        before = report_read(NOW)
        change()
        assert material_of(report_read(NOW)) != material_of(before)


# Signing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [LENA, PRIYA])
def test_compliance_prepares_it_and_risk_or_an_administrator_signs(by: Actor) -> None:
    review = signed(by)
    assert (review.prepared_by, review.signed_by) == ("ruth.adeyemi", by.name)
    assert review_intact(review)
    assert entries("review.sign")[-1]["after"]["digest"] == review.digest
    assert not review_due(dt.datetime.now(dt.UTC)).overdue


@pytest.mark.parametrize("who", [LENA, PRIYA, MERCY])
def test_nobody_else_prepares_it(who: Actor) -> None:
    with pytest.raises(NotAllowedError, match="compliance prepares"):
        review_prepare(actor=who, reason="the quarter's")
    assert not AccessReview.objects.exists()
    assert entries("review.prepare")[-1]["outcome"] == "denied"


def test_preparing_takes_a_fresh_factor_and_a_reason() -> None:
    with pytest.raises(NotAllowedError, match="second factor"):
        review_prepare(actor=acting("ruth.adeyemi", "compliance", age_s=600), reason="q")
    with pytest.raises(RequestError, match="reason"):
        review_prepare(actor=RUTH, reason="")
    assert not AccessReview.objects.exists()


@pytest.mark.parametrize(
    ("who", "text"),
    [
        (RUTH, "another person"),
        (OTTO, "risk or an administrator signs"),
        (MERCY, "takes one of"),
    ],
)
def test_nobody_else_signs_it(who: Actor, text: str) -> None:
    review, asked = prepared()
    with pytest.raises(NotAllowedError, match=text):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=who)
    review.refresh_from_db()
    assert review.signed_at is None


def test_it_is_void_when_anybody_can_do_anything_else_meanwhile() -> None:
    review, asked = prepared()
    user_of("mercy.okafor").groups.add(Group.objects.get(name="sre"))
    with pytest.raises(ApprovalVoidError, match=r"mercy\.okafor was active; trader; factor;"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)
    review.refresh_from_db()
    assert review.signed_at is None


def test_use_alone_does_not_make_it_void() -> None:
    _, asked = prepared()
    used("mercy.okafor", dt.datetime.now(dt.UTC))
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)
    assert AccessReview.objects.get().signed_at is not None


def test_it_is_not_signed_over_a_gain_that_nothing_accounts_for() -> None:
    user_of("mercy.okafor").groups.add(Group.objects.get(name="sre"))
    review, asked = prepared()
    with pytest.raises(PreconditionError, match="1 gains that nothing accounts for"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)
    settled()
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)
    review.refresh_from_db()
    assert review.signed_by == "lena.fischer"


def test_it_is_not_signed_while_the_watch_is_off() -> None:
    _, asked = prepared()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE auth_user_groups DISABLE TRIGGER watch_membership")
    with pytest.raises(PreconditionError, match="not watched in auth_user_groups"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)


def test_nobody_asks_for_the_sign_off_of_a_review_that_is_not_theirs() -> None:
    review, asked = prepared()
    approval_reject(approval_id=asked.id, actor=LENA, reason="look at mercy again")
    request = {"report": review.digest, "findings": 0}
    again = approval_request(
        kind="access-review", subject=f"access-review:{review.id}", request=request,
        actor=LENA, reason="my own",
    )  # fmt: skip
    with pytest.raises(NotAllowedError):
        approval_approve(approval_id=again.id, digest=again.digest, actor=RUTH)
    review.refresh_from_db()
    assert review.signed_at is None


@pytest.mark.parametrize(
    ("subject", "request_", "field"),
    [
        ("access-review:nonsense", {}, "subject"),
        ("access-review:00000000-0000-0000-0000-000000000000", {}, "subject"),
        ("strategy:x", {}, "subject"),
        ("", {"report": "0" * 64}, "report"),
    ],
)
def test_a_sign_off_of_nothing_is_refused(
    subject: str, request_: dict[str, Any], field: str
) -> None:
    review, _ = prepared()
    with pytest.raises(RequestError, match=f"^{field}: "):
        approval_request(
            kind="access-review", subject=subject or f"access-review:{review.id}",
            request=request_, actor=RUTH, reason="why",
        )  # fmt: skip


def test_what_a_review_says_never_changes() -> None:
    review = signed()
    for text in (
        "DELETE FROM console_accessreview WHERE id = %s",
        "UPDATE console_accessreview SET report = '{}' WHERE id = %s",
        "UPDATE console_accessreview SET signed_by = 'x' WHERE id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(text, [review.pk])
    other, _ = prepared()
    with (
        pytest.raises(DatabaseError, match="review_signed_by_two"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE console_accessreview SET signed_at = now(), signed_by = prepared_by"
            " WHERE id = %s",
            [other.pk],
        )
    assert review_intact(AccessReview.objects.get(pk=review.pk))


def test_the_next_is_due_after_ninety_days(settings: Settings) -> None:
    assert review_due(NOW).overdue
    assert review_due(NOW).last is None
    review = signed()
    assert review.signed_at is not None
    due = review_due(review.signed_at + dt.timedelta(days=89))
    assert not due.overdue
    assert due.by == ("ruth.adeyemi", "lena.fischer")
    assert review_due(review.signed_at + dt.timedelta(days=90)).overdue
    settings.ACCESS_REVIEW_DAYS = 30
    assert review_due(review.signed_at + dt.timedelta(days=30)).overdue


def test_lines_tell_apart_what_is_too_long_to_print() -> None:
    lines = access_of(report_read(NOW))
    assert lines["mercy.okafor"].startswith("active; trader; factor")
