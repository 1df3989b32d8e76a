"""The services of people, factors, sessions, tokens and views, and signing in and out."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit.models import ActorKind
from console.access.desks import desk_set
from console.access.enrolment import password_replace, person_invite
from console.access.escalation import (
    escalation_acknowledge,
    escalations_notice,
    escalations_set_up,
)
from console.access.people import desk_leave, person_create, person_disable, role_revoke
from console.access.recorded import denial
from console.access.review import review_prepare
from console.access.revocation import session_revoke, sessions_revoke
from console.access.role_grant import (
    desk_join_request,
    person_enable_request,
    role_grant_request,
)
from console.access.roles import roles_reconcile
from console.access.saved_views import view_delete, view_save
from console.access.security import (
    factor_add,
    factor_remove,
    factor_rename,
    password_change,
    recovery_renew,
)
from console.access.token_wish import Wanted
from console.access.tokens import (
    token_ask,
    token_collect,
    token_make,
    token_revoke,
    token_rotate,
)
from console.models import ApiToken, Authenticator, Escalation, SessionRecord
from riskctl.actors import Actor
from riskctl.approvals import approval_approve, approval_request
from riskctl.models import Approval
from tests.audit.walk.brakes import CASES, Call, case
from tests.console.access.authenticator import SecurityKey, registered
from tests.console.access.world import SETUP, actor, on, somebody, two_desks
from tests.console.conftest import PASSWORD, code_of, give_password, person, signed_in

PRIYA = actor("priya.admin", "administrator")
OTTO = actor("otto.admin", "administrator")
RUTH = actor("ruth.law", "compliance")
LENA = actor("lena.risk", "risk")
MERCY = actor("mercy.okafor", "trader")
STOPS = Wanted("script", ("read", "stop"), (), 30)
READS = Wanted("script", ("read",), (), 30)
NEW = "a-brand-new-password-8"


def people() -> User:
    """One of each, and Mercy with an authenticator; the gains that this was are accounted for."""
    with transaction.atomic():
        roles_reconcile(actor=SETUP)
        for one in (PRIYA, OTTO, RUTH, LENA):
            person(one.name, *one.roles)
        mercy = person(MERCY.name, "trader")
        escalations_notice()
        escalations_set_up(actor=SETUP, note="set up")
    return mercy


def person_case(*names: str) -> Callable[[Callable[[User], Call]], Callable[[User], Call]]:
    """As ``case``, with the people there."""

    def keep(arrange: Callable[[User], Call]) -> Callable[[User], Call]:
        case(*names)(lambda _patch: arrange(people()))
        return arrange

    return keep


def approved(row: Approval, who: Actor, roles: frozenset[str]) -> Call:
    return lambda: approval_approve(
        approval_id=row.id, digest=row.digest, actor=who, reason="known to me",
        requester_roles=roles,
    )  # fmt: skip


def session(user: User) -> SessionRecord:
    now = timezone.now()
    return SessionRecord.objects.create(
        person=user, session_key="k" * 32, started_at=now, seen_at=now, factor_at=now
    )


@person_case("console.access.people.person_create")
def _(_mercy: User) -> Call:
    return lambda: person_create(
        username="nina.new", first_name="Nina", last_name="New", actor=PRIYA
    )


@person_case("console.access.people.person_disable", "console.access.tokens.tokens_end")
def _(mercy: User) -> Call:
    token_make(actor=MERCY, wish=READS)
    session(mercy)
    return lambda: person_disable(username=mercy.username, actor=PRIYA, reason="left")


@person_case("console.access.people.role_revoke", "console.access.revocation.roles_changed")
def _(mercy: User) -> Call:
    return lambda: role_revoke(username=mercy.username, role="trader", actor=PRIYA, reason="moved")


@person_case("console.access.people.desk_leave")
def _(mercy: User) -> Call:
    on(two_desks().fx, mercy)
    return lambda: desk_leave(username=mercy.username, desk="fx", actor=PRIYA, reason="moved")


@case("console.access.desks.desk_set", "console.access.desks.permissions_follow")
def _(_patch: pytest.MonkeyPatch) -> Call:
    two_desks()
    return lambda: desk_set(
        key="fx", title="FX", strategies=["mom-fx"], rights=("view",), actor=SETUP, reason="fewer"
    )


@person_case("console.access.enrolment.person_invite")
def _(_mercy: User) -> Call:
    nina = somebody("nina.new")
    return lambda: person_invite(user=nina, actor=PRIYA)


@person_case("console.access.enrolment.password_replace")
def _(_mercy: User) -> Call:
    nina = somebody("nina.new")
    person_invite(user=nina, actor=PRIYA)
    return lambda: password_replace(
        user=User.objects.get(pk=nina.pk), password=NEW, actor=actor("nina.new")
    )


@person_case("console.access.role_grant.role_grant_request")
def _(_mercy: User) -> Call:
    return lambda: role_grant_request(
        username=MERCY.name, role="risk", actor=PRIYA, reason="joins the desk"
    )


@person_case("console.access.role_grant.desk_join_request")
def _(_mercy: User) -> Call:
    two_desks()
    return lambda: desk_join_request(username=MERCY.name, desk="fx", actor=PRIYA, reason="joins")


@person_case("console.access.role_grant.person_enable_request")
def _(mercy: User) -> Call:
    User.objects.filter(pk=mercy.pk).update(is_active=False)
    return lambda: person_enable_request(username=MERCY.name, actor=PRIYA, reason="is back")


@person_case("console.access.role_grant.role_grant_execute")
def _(_mercy: User) -> Call:
    row = role_grant_request(username=MERCY.name, role="sre", actor=PRIYA, reason="joins")
    return approved(row, OTTO, PRIYA.roles)


@case("console.access.roles.roles_reconcile")
def _(_patch: pytest.MonkeyPatch) -> Call:
    return lambda: roles_reconcile(actor=SETUP)


@person_case("console.access.factor_reset.factor_reset_execute",
             "console.access.enrolment.enrolment_restarted")  # fmt: skip
def _(_mercy: User) -> Call:
    row = approval_request(
        kind="factor-reset", subject=f"person:{MERCY.name}", request={}, actor=PRIYA,
        reason="lost the phone",
    )  # fmt: skip
    return approved(row, OTTO, PRIYA.roles)


@person_case("console.access.review.review_prepare")
def _(_mercy: User) -> Call:
    return lambda: review_prepare(actor=RUTH, reason="the quarter's")


@person_case("console.access.review.review_sign_execute")
def _(_mercy: User) -> Call:
    review_prepare(actor=RUTH, reason="the quarter's")
    row = Approval.objects.get()
    return approved(row, LENA, RUTH.roles)


def gain(mercy: User) -> Escalation:
    """Superuser by a hand in the database."""
    User.objects.filter(pk=mercy.pk).update(is_superuser=True)
    return Escalation.objects.latest("id")


@person_case("console.access.escalation.escalations_notice")
def _(mercy: User) -> Call:
    gain(mercy)
    return escalations_notice


@person_case("console.access.escalation.escalation_acknowledge")
def _(mercy: User) -> Call:
    row = gain(mercy)
    escalations_notice()
    return lambda: escalation_acknowledge(escalation_id=row.pk, actor=PRIYA, note="taken back")


@case("console.access.escalation.escalations_set_up")
def _(_patch: pytest.MonkeyPatch) -> Call:
    roles_reconcile(actor=SETUP)

    def set_up() -> None:
        """It speaks of the gains of its own transaction."""
        with transaction.atomic():
            person("nina.new", "trader")
            escalations_set_up(actor=SETUP, note="the demo's own people")

    return set_up


@person_case("console.access.revocation.session_revoke")
def _(mercy: User) -> Call:
    row = session(mercy)
    return lambda: session_revoke(session_id=row.id, actor=MERCY, reason="lost laptop")


@person_case("console.access.revocation.sessions_revoke",
             "console.access.revocation.sessions_end")  # fmt: skip
def _(mercy: User) -> Call:
    session(mercy)
    return lambda: sessions_revoke(username=mercy.username, actor=PRIYA, reason="gone")


@person_case("console.access.saved_views.view_save")
def _(_mercy: User) -> Call:
    return lambda: view_save(name="mine", query="q=hold", actor=MERCY)


@person_case("console.access.saved_views.view_delete")
def _(_mercy: User) -> Call:
    row = view_save(name="mine", query="q=hold", actor=MERCY)
    return lambda: view_delete(view_id=row.pk, actor=MERCY)


@person_case("console.access.security.factor_add")
def _(mercy: User) -> Call:
    def add() -> Authenticator:
        made: Authenticator = Authenticator.objects.create(user=mercy, name="phone", confirmed=True)
        return made

    return lambda: factor_add(user=mercy, actor=MERCY, keep=None, add=add)


def first_factor(mercy: User) -> str:
    return str(Authenticator.objects.filter(user=mercy)[0].persistent_id)


@person_case("console.access.security.factor_rename")
def _(mercy: User) -> Call:
    return lambda: factor_rename(
        user=mercy, ident=first_factor(mercy), name="old phone", actor=MERCY
    )


@person_case("console.access.security.factor_remove")
def _(mercy: User) -> Call:
    registered(mercy, SecurityKey())
    return lambda: factor_remove(user=mercy, ident=first_factor(mercy), actor=MERCY, keep=None)


@person_case("console.access.security.recovery_renew")
def _(mercy: User) -> Call:
    return lambda: recovery_renew(user=mercy, actor=MERCY, keep=None)


@person_case("console.access.security.password_change")
def _(mercy: User) -> Call:
    return lambda: password_change(
        user=User.objects.get(pk=mercy.pk), current=PASSWORD, password=NEW, actor=MERCY, keep=None
    )


@person_case("console.access.tokens.token_make")
def _(_mercy: User) -> Call:
    return lambda: token_make(actor=MERCY, wish=READS)


@person_case("console.access.tokens.token_ask")
def _(_mercy: User) -> Call:
    return lambda: token_ask(actor=MERCY, wish=STOPS, reason="stops at the close")


@person_case("console.access.token_issue.token_issue_execute")
def _(_mercy: User) -> Call:
    return approved(token_ask(actor=MERCY, wish=STOPS, reason="stops"), LENA, MERCY.roles)


def agreed() -> ApiToken:
    approved(token_ask(actor=MERCY, wish=STOPS, reason="stops"), LENA, MERCY.roles)()
    return ApiToken.objects.get()


@person_case("console.access.tokens.token_collect")
def _(_mercy: User) -> Call:
    row = agreed()
    return lambda: token_collect(token_id=row.pk, actor=MERCY)


@person_case("console.access.tokens.token_rotate")
def _(_mercy: User) -> Call:
    token_make(actor=MERCY, wish=READS)
    row = ApiToken.objects.get()
    return lambda: token_rotate(token_id=row.pk, actor=MERCY, overlap=dt.timedelta(0))


@person_case("console.access.tokens.token_revoke")
def _(_mercy: User) -> Call:
    token_make(actor=MERCY, wish=READS)
    row = ApiToken.objects.get()
    return lambda: token_revoke(token_id=row.pk, actor=MERCY, reason="leaked")


@case("console.access.recorded.denial")
def _(_patch: pytest.MonkeyPatch) -> Call:
    return lambda: denial(
        method="GET", path="/risk", status=403, code="forbidden", actor="mercy.okafor",
        actor_kind=ActorKind.PERSON, source="10.0.0.7", request_id="r-1",
    )  # fmt: skip


# Faces that do it themselves ----------------------------------------------------------------------


def answered(client: Client, ask: Callable[[], Any]) -> Any:
    """What the client's request answers; what failed is raised, as services raise it."""
    client.raise_request_exception = True
    return ask()


@person_case("console.access.views.sign_in")
def _(mercy: User) -> Call:
    client = Client()
    return lambda: answered(client, lambda: give_password(client, mercy))


@person_case("console.access.views.sign_in_factor")
def _(mercy: User) -> Call:
    client = Client()
    give_password(client, mercy)
    return lambda: answered(
        client, lambda: client.post("/sign-in/factor", {"code": code_of(mercy)})
    )


@person_case("console.access.views.sign_out")
def _(mercy: User) -> Call:
    client = signed_in(Client(), mercy)
    return lambda: answered(client, lambda: client.post("/sign-out"))


__all__ = ["CASES"]
