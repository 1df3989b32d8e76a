"""Every gain of privilege is seen by whatever path it comes, and what nothing accounts for is
critical until a person has looked at it."""

import datetime as dt
import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, IntegrityError, connection, transaction
from guardian.shortcuts import assign_perm

from console.access.desks import desk_set, membership_set
from console.access.escalation import (
    WATCHING,
    escalation_acknowledge,
    escalations_notice,
    escalations_open,
    escalations_set_up,
    unwatched,
)
from console.access.role_grant import (
    desk_join_request,
    person_enable_request,
    role_grant_request,
)
from console.access.roles import roles_reconcile
from console.access.token_wish import wanted
from console.access.tokens import token_ask, token_collect, token_rotate
from console.models import ApiToken, Escalation
from riskctl.actors import Actor, NotAllowedError, shell_actor, system_actor
from riskctl.approvals import RequestError, approval_approve
from riskctl.models import Approval
from tests.console.conftest import entries, person
from trading.models import Strategy, VenueAccount

pytestmark = pytest.mark.django_db
START = system_actor("desk start")
_numbers = itertools.count(1)


def acting(name: str, *roles: str, age_s: float = 5.0) -> Actor:
    return Actor(
        kind="person", name=name, roles=frozenset(roles), factor_age_s=age_s, source="10.0.0.7"
    )


ADA = acting("ada.nwosu", "administrator")
PIA = acting("pia.berg", "administrator")
RUTH = acting("ruth.adeyemi", "compliance")
RISK = acting("lena.fischer", "risk")


@pytest.fixture(autouse=True)
def _people() -> None:
    roles_reconcile(actor=START)
    for one in (ADA, PIA, RUTH, RISK):
        person(one.name, *one.roles)


@pytest.fixture
def mercy() -> User:
    return person("mercy.okafor", "trader")


@pytest.fixture
def strategy(mercy: User) -> Strategy:
    account = VenueAccount.objects.create(
        name="paper-1", venue="Paper", adapter="a", address="h:1", live=False
    )
    return Strategy.objects.create(
        key="mom-eurusd", kind="momentum", owner="tomas.brandt", account=account,
        symbols=["EURUSD"], size_notional=1, shard=0,
    )  # fmt: skip


def sql(text: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def gained(work: Callable[[], object]) -> list[tuple[str, str, str]]:
    """What the database saw of ``work``: kind, who, what."""
    last = Escalation.objects.order_by("-id").first()
    work()
    rows = Escalation.objects.filter(id__gt=last.id if last else 0).order_by("id")
    return [(row.kind, row.who, row.what) for row in rows]


def approved(asked: Approval, by: Actor) -> Approval:
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=by)


def token(owner: User, *scopes: str, **facts: Any) -> ApiToken:
    facts.setdefault("expires_at", dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    return ApiToken.objects.create(
        name="script", owner=owner, digest=next(_numbers).to_bytes(32), scopes=list(scopes), **facts
    )


# By whatever path ---------------------------------------------------------------------------------


def test_a_role_that_is_given_past_the_services_is_seen(mercy: User) -> None:
    risk = Group.objects.get(name="risk")
    sre = Group.objects.get(name="sre")
    assert gained(lambda: mercy.groups.add(risk)) == [("role", "mercy.okafor", "risk")]
    assert gained(lambda: mercy.groups.remove(risk)) == []
    insert = "INSERT INTO auth_user_groups (user_id, group_id) VALUES (%s, %s)"
    assert gained(lambda: sql(insert, mercy.pk, risk.pk)) == [("role", "mercy.okafor", "risk")]
    update = "UPDATE auth_user_groups SET group_id = %s WHERE user_id = %s AND group_id = %s"
    assert gained(lambda: sql(update, sre.pk, mercy.pk, risk.pk)) == [
        ("role", "mercy.okafor", "sre")
    ]
    assert escalations_open() == Escalation.objects.filter(kind="role").count()


def test_a_role_that_takes_another_name_is_seen() -> None:
    other = Group.objects.create(name="interns")
    sql("UPDATE auth_group SET name = 'risk-2' WHERE id = %s", other.pk)
    row = Escalation.objects.get(kind="role", who="group:interns")
    assert row.what == "all its people are now risk-2"


@pytest.mark.parametrize(("flag", "kind"), [("is_superuser", "superuser"), ("is_staff", "staff")])
def test_a_flag_of_an_account_is_seen(mercy: User, flag: str, kind: str) -> None:
    def by_the_model() -> None:
        setattr(mercy, flag, True)
        mercy.save()

    assert gained(by_the_model) == [(kind, "mercy.okafor", kind)]
    assert gained(mercy.save) == []
    text = f"UPDATE auth_user SET {flag} = NOT {flag} WHERE id = %s"
    assert gained(lambda: sql(text, mercy.pk)) == []
    assert gained(lambda: sql(text, mercy.pk)) == [(kind, "mercy.okafor", kind)]


def test_an_account_made_with_flags_is_seen() -> None:
    kinds = {one[0] for one in gained(lambda: User.objects.create_superuser("root"))}
    assert kinds == {"superuser", "staff"}


def test_an_account_that_is_enabled_again_is_seen(mercy: User) -> None:
    User.objects.filter(pk=mercy.pk).update(is_active=False)
    enable = "UPDATE auth_user SET is_active = true WHERE id = %s"
    assert gained(lambda: sql(enable, mercy.pk)) == [
        ("enabled", "mercy.okafor", "may sign in again")
    ]


def test_an_account_that_takes_another_name_is_seen(mercy: User) -> None:
    rename = "UPDATE auth_user SET username = 'tomas.brandt' WHERE id = %s"
    assert gained(lambda: sql(rename, mercy.pk)) == [
        ("name", "tomas.brandt", "was mercy.okafor: owns what is tomas.brandt's")
    ]


def test_a_permission_on_an_object_is_seen(mercy: User, strategy: Strategy) -> None:
    assert gained(lambda: assign_perm("trading.pause_strategy", mercy, strategy)) == [
        ("permission", "mercy.okafor", "trading.pause_strategy on mom-eurusd")
    ]
    trader = Group.objects.get(name="trader")
    assert gained(lambda: assign_perm("trading.pause_strategy", trader, strategy)) == [
        ("permission", "group:trader", "trading.pause_strategy on mom-eurusd")
    ]
    move = "UPDATE guardian_userobjectpermission SET object_pk = 'all-else' WHERE user_id = %s"
    assert gained(lambda: sql(move, mercy.pk)) == [
        ("permission", "mercy.okafor", "trading.pause_strategy on all-else")
    ]


def test_a_permission_on_everything_is_seen(mercy: User) -> None:
    permission = Permission.objects.get(codename="change_user")
    assert gained(lambda: mercy.user_permissions.add(permission)) == [
        ("permission", "mercy.okafor", "auth.change_user")
    ]
    trader = Group.objects.get(name="trader")
    assert gained(lambda: trader.permissions.add(permission)) == [
        ("role-permission", "group:trader", "auth.change_user")
    ]


def test_a_strategy_that_changes_hands_is_seen(strategy: Strategy) -> None:
    assert gained(lambda: sql("UPDATE trading_strategy SET owner = 'mercy.okafor'")) == [
        ("owner", "mercy.okafor", "owns mom-eurusd, which was tomas.brandt's")
    ]
    assert gained(lambda: sql("UPDATE trading_strategy SET shard = 1")) == []


def test_what_a_token_gains_is_seen(mercy: User) -> None:
    assert gained(lambda: token(mercy, "read")) == []
    assert gained(lambda: token(mercy, "read", "stop")) == [
        ("token", "mercy.okafor", "token script: may stop")
    ]
    one = token(mercy, "read", networks=["10.0.0.0/8"])

    def change(text: str) -> Callable[[], None]:
        return lambda: sql(f"UPDATE console_apitoken SET {text} WHERE id = %s", one.pk)

    for text, what in {
        "scopes = '{read,flatten,export}'": "may flatten, export",
        "expires_at = expires_at + interval '1 day'": "ends later",
        "networks = '{10.0.0.0/8,0.0.0.0/0}'": "from more networks",
        "networks = '{}'": "from more networks",
    }.items():
        assert gained(change(text)) == [("token", "mercy.okafor", f"token script: {what}")], text
    for text in (
        "scopes = '{read}'", "expires_at = expires_at - interval '1 hour'",
        "networks = '{10.1.0.0/16}'", "revoked_at = now()", "last_used_at = now()",
    ):  # fmt: skip
        assert gained(change(text)) == [], text
    assert gained(change("revoked_at = NULL")) == [
        ("token", "mercy.okafor", "token script: no longer revoked")
    ]
    text = "owner_id = (SELECT id FROM auth_user WHERE username = 'lena.fischer')"
    assert gained(change(text)) == [("token", "lena.fischer", "token script: was mercy.okafor's")]


def test_it_says_which_way_it_came(mercy: User) -> None:
    sql("SET LOCAL application_name = 'psql'")
    mercy.groups.add(Group.objects.get(name="risk"))
    row = Escalation.objects.latest("id")
    assert row.path.startswith(f"{connection.settings_dict['USER']} psql")


def test_a_gain_that_is_rolled_back_was_none(mercy: User) -> None:
    before = Escalation.objects.count()
    with transaction.atomic():
        mercy.groups.add(Group.objects.get(name="risk"))
        transaction.set_rollback(True)
    assert Escalation.objects.count() == before


def test_it_is_seen_in_a_session_that_replicates_as_well(mercy: User) -> None:
    sql("SET LOCAL session_replication_role = replica")
    assert gained(lambda: mercy.groups.add(Group.objects.get(name="risk")))


# What accounts for it -----------------------------------------------------------------------------


def latest() -> Escalation:
    return Escalation.objects.latest("id")


def test_a_role_that_two_people_granted_is_accounted_for(mercy: User) -> None:
    asked = role_grant_request(username="mercy.okafor", role="sre", actor=ADA, reason="moves")
    approved(asked, PIA)
    assert (latest().what, latest().approval) == ("sre", asked.id)


def test_a_desk_that_two_people_granted_is_accounted_for(mercy: User, strategy: Strategy) -> None:
    desk_set(key="fx", title="FX", strategies=["mom-eurusd"], actor=START)
    asked = desk_join_request(username="mercy.okafor", desk="fx", actor=ADA, reason="joins")
    approved(asked, PIA)
    assert (latest().kind, latest().approval) == ("permission", asked.id)


def test_coming_back_by_two_people_is_accounted_for(mercy: User) -> None:
    User.objects.filter(pk=mercy.pk).update(is_active=False)
    asked = person_enable_request(username="mercy.okafor", actor=ADA, reason="back from leave")
    approved(asked, PIA)
    assert (latest().kind, latest().approval) == ("enabled", asked.id)


def test_a_token_that_two_people_agreed_to_is_accounted_for_and_its_rotation_gains_nothing(
    mercy: User,
) -> None:
    own = acting("mercy.okafor", "trader")
    wish = wanted(name="stopper", scopes=["read", "stop"], networks=[], days=30)
    asked = token_ask(actor=own, wish=wish, reason="a script that stops")
    approved(asked, RISK)
    assert (latest().kind, latest().approval) == ("token", asked.id)
    made = ApiToken.objects.get(name="stopper")
    assert gained(lambda: token_collect(token_id=made.pk, actor=own)) == []
    assert (
        gained(lambda: token_rotate(token_id=made.pk, actor=own, overlap=dt.timedelta(hours=1)))
        == []
    )


def test_an_approval_accounts_for_nothing_else_in_its_transaction(mercy: User) -> None:
    """The same approval, and more given under its cover."""
    tomas = person("tomas.brandt", "trader")
    asked = role_grant_request(username="mercy.okafor", role="sre", actor=ADA, reason="moves")
    with transaction.atomic():
        approved(asked, PIA)
        risk, sre = Group.objects.get(name="risk"), Group.objects.get(name="sre")
        mercy.groups.add(risk)
        tomas.groups.add(sre)
    found = {(row.who, row.what): row.approval for row in Escalation.objects.order_by("-id")[:3]}
    assert found == {
        ("mercy.okafor", "sre"): asked.id,
        ("mercy.okafor", "risk"): None,
        ("tomas.brandt", "sre"): None,
    }


@pytest.mark.django_db(transaction=True)
def test_an_approval_of_before_accounts_for_nothing_now(mercy: User) -> None:
    asked = role_grant_request(username="mercy.okafor", role="sre", actor=ADA, reason="moves")
    approved(asked, PIA)
    sre = Group.objects.get(name="sre")
    mercy.groups.remove(sre)
    mercy.groups.add(sre)
    assert latest().approval is None


def test_a_token_under_anothers_approval_is_not_accounted_for(mercy: User) -> None:
    own = acting("mercy.okafor", "trader")
    wish = wanted(name="stopper", scopes=["read", "stop"], networks=[], days=30)
    asked = token_ask(actor=own, wish=wish, reason="a script that stops")
    done = approved(asked, RISK)
    for owner, name, scopes in (
        ("tomas", "stopper", ["read", "stop"]),
        ("mercy.okafor", "other", ["read", "stop"]),
        ("mercy.okafor", "stopper", ["read", "stop", "flatten"]),
    ):
        user, _ = User.objects.get_or_create(username=owner)
        ApiToken.objects.create(
            name=name, owner=user, scopes=scopes, approval=done.id,
            expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1),
        )  # fmt: skip
        assert latest().approval is None, (owner, name, scopes)


def test_permissions_of_roles_that_the_code_names_are_accounted_for_by_it() -> None:
    named = Escalation.objects.filter(kind="role-permission")
    assert named.exists()
    escalations_notice()
    assert set(named.values_list("account", flat=True)) == {"the table of roles"}
    Group.objects.get(name="trader").permissions.add(Permission.objects.get(codename="add_user"))
    escalations_notice()
    assert not latest().explained


# Noticed ------------------------------------------------------------------------------------------


def settled() -> None:
    """Nothing waits: what the set-up of this test gave is looked after."""
    escalations_notice()
    escalations_set_up(actor=START, note="set up")


def test_what_nothing_accounts_for_is_logged_as_critical_and_recorded_once(mercy: User) -> None:
    settled()
    mercy.groups.add(Group.objects.get(name="risk"))
    with structlog.testing.capture_logs() as logs:
        assert escalations_notice() == 1
        assert escalations_notice() == 0
    (said,) = [one for one in logs if one["event"] == "escalation.unexplained"]
    assert said["log_level"] == logging.getLevelName(logging.CRITICAL).lower()
    assert (said["who"], said["what"]) == ("mercy.okafor", "risk")
    entry = entries("escalation.unexplained")[-1]
    assert entry["object_id"] == "mercy.okafor"
    assert entry["after"]["what"] == "risk"


def test_what_two_people_agreed_to_is_recorded_and_not_critical(mercy: User) -> None:
    settled()
    asked = role_grant_request(username="mercy.okafor", role="sre", actor=ADA, reason="moves")
    approved(asked, PIA)
    with structlog.testing.capture_logs() as logs:
        escalations_notice()
    assert [one for one in logs if one["log_level"] == "critical"] == []
    assert entries("escalation.explained")[-1]["after"]["approval"] == str(asked.id)
    assert escalations_open() == 0


# Acknowledged -------------------------------------------------------------------------------------


@pytest.fixture
def alert(mercy: User) -> Escalation:
    settled()
    mercy.groups.add(Group.objects.get(name="risk"))
    return latest()


@pytest.mark.parametrize("who", [ADA, RUTH])
def test_an_administrator_or_compliance_acknowledges_it(alert: Escalation, who: Actor) -> None:
    assert escalations_open() == 1
    done = escalation_acknowledge(escalation_id=alert.pk, actor=who, note="a mistake, taken back")
    assert (done.acknowledged_by, done.note) == (who.name, "a mistake, taken back")
    assert escalations_open() == 0
    assert entries("escalation.acknowledge")[-1]["reason"] == "a mistake, taken back"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (acting("mercy.okafor", "trader"), "escalation-not-your-role"),
        (RISK, "escalation-not-your-role"),
        (shell_actor("root"), "escalation-not-your-role"),
        (acting("mercy.okafor", "compliance"), "escalation-own"),
    ],
)
def test_nobody_else_does_and_not_who_gained(alert: Escalation, who: Actor, code: str) -> None:
    with pytest.raises(NotAllowedError) as refused:
        escalation_acknowledge(escalation_id=alert.pk, actor=who, note="fine")
    assert refused.value.code == code
    assert escalations_open() == 1
    assert entries("escalation.acknowledge")[-1]["outcome"] == "denied"


def test_it_is_acknowledged_once_with_a_note(alert: Escalation) -> None:
    with pytest.raises(RequestError, match="note"):
        escalation_acknowledge(escalation_id=alert.pk, actor=ADA, note=" ")
    escalation_acknowledge(escalation_id=alert.pk, actor=ADA, note="seen")
    with pytest.raises(NotAllowedError, match="already"):
        escalation_acknowledge(escalation_id=alert.pk, actor=RUTH, note="seen")
    with pytest.raises(NotAllowedError, match="no alert"):
        escalation_acknowledge(escalation_id=0, actor=RUTH, note="seen")


def test_the_database_keeps_what_it_saw(alert: Escalation) -> None:
    for text in (
        "DELETE FROM console_escalation WHERE id = %s",
        "UPDATE console_escalation SET who = 'x' WHERE id = %s",
        "UPDATE console_escalation SET approval = gen_random_uuid() WHERE id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(text, alert.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("TRUNCATE console_escalation")
    with pytest.raises(IntegrityError, match="seen_by_another"), transaction.atomic():
        sql(
            "UPDATE console_escalation SET acknowledged_at = now(),"
            " acknowledged_by = 'mercy.okafor' WHERE id = %s",
            alert.pk,
        )
    escalation_acknowledge(escalation_id=alert.pk, actor=ADA, note="seen")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("UPDATE console_escalation SET acknowledged_at = NULL WHERE id = %s", alert.pk)


# The watch itself ---------------------------------------------------------------------------------


def test_every_table_is_watched() -> None:
    assert unwatched() == []


@pytest.mark.parametrize(("trigger", "table"), WATCHING.items())
def test_a_watch_that_is_switched_off_or_gone_is_said(trigger: str, table: str) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    assert unwatched() == [table]
    sql(f"DROP TRIGGER {trigger} ON {table}")
    assert unwatched() == [table]


def test_setting_a_demo_up_leaves_nothing_to_acknowledge(mercy: User, strategy: Strategy) -> None:
    with transaction.atomic():
        desk = desk_set(key="fx", title="FX", strategies=["mom-eurusd"], actor=START)
        membership_set(mercy, desk, member=True)
        assert escalations_set_up(actor=START, note="the demo's own people") > 0
    escalations_notice()
    assert escalations_open() == 0
