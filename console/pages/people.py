"""People and roles: the list, one person, inviting, taking away at once, asking to give."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access.enrolment import Invitation, person_invite
from console.access.people import (
    PersonFacts,
    desk_leave,
    people_read,
    person_create,
    person_disable,
    person_read,
    role_revoke,
)
from console.access.rights import page_actor
from console.access.role_grant import (
    APPROVAL,
    ENABLE,
    desk_join_request,
    person_enable_request,
    role_grant_request,
    seconds,
)
from console.access.roles import CONFLICTS, ROLES, SECOND, reads_people
from console.access.visible import NotSeenError
from console.models import Desk
from console.pages import formats
from console.pages.framing import Framed, framed
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError
from riskctl.holds import ADMIN
from riskctl.models import Approval

Done = str | Approval
"""What was done, in words; or the request for the other person."""


@require_http_methods(["GET", "HEAD", "POST"])
def people_page(request: HttpRequest) -> HttpResponse:
    """Everybody, the roles and the desks; POST invites somebody."""
    page = _framed(request)
    if request.method != "POST":
        return _people(request, page)
    said = request.POST
    try:
        invited = person_create(
            username=said.get("username", ""),
            first_name=said.get("first_name", ""),
            last_name=said.get("last_name", ""),
            email=said.get("email", ""),
            actor=page.actor,
        )
    except RequestError as error:
        return _people(request, page, error=error, status=400)
    except NotAllowedError as error:
        return _people(request, page, error=error, status=403)
    return _people(request, page, invited=invited, status=201)


@require_safe
def person_page(request: HttpRequest, username: str) -> HttpResponse:
    return _person(request, username)


@require_POST
def person_changed(request: HttpRequest, username: str, verb: str) -> HttpResponse:
    """One of ``VERBS`` (console.pages.urls_people)."""
    actor = page_actor(request)
    try:
        done = VERBS[verb](username, request.POST, actor)
    except RequestError as error:
        return _person(request, username, error=error, status=400)
    except NotAllowedError as error:
        return _person(request, username, error=error, status=403)
    if isinstance(done, Approval):
        return HttpResponseRedirect(reverse("approval", args=[done.id]), status=303)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("person", args=[username]), status=303)


@require_POST
def person_invited(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody who never came in is given another initial password, shown once."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise Http404
    try:
        invited = person_invite(user=user, actor=page_actor(request))
    except NotAllowedError as error:
        return _person(request, username, error=error, status=403)
    return _person(request, username, invited=invited)


def _disable(username: str, said: Any, actor: Actor) -> Done:
    person_disable(username=username, actor=actor, reason=said.get("reason", ""))
    return f"{username} is disabled: nothing opens to them any more."


def _enable(username: str, said: Any, actor: Actor) -> Done:
    return person_enable_request(username=username, actor=actor, reason=said.get("reason", ""))


def _grant(username: str, said: Any, actor: Actor) -> Done:
    return role_grant_request(
        username=username, role=said.get("role", ""), actor=actor, reason=said.get("reason", "")
    )


def _join(username: str, said: Any, actor: Actor) -> Done:
    return desk_join_request(
        username=username, desk=said.get("desk", ""), actor=actor, reason=said.get("reason", "")
    )


def _revoke(username: str, said: Any, actor: Actor) -> Done:
    role = said.get("role", "")
    role_revoke(username=username, role=role, actor=actor, reason=said.get("reason", ""))
    return f"{username} is no longer {role}."


def _leave(username: str, said: Any, actor: Actor) -> Done:
    desk = said.get("desk", "")
    desk_leave(username=username, desk=desk, actor=actor, reason=said.get("reason", ""))
    return f"{username} has left {desk}."


VERBS: dict[str, Callable[[str, Any, Actor], Done]] = {
    "disable": _disable,
    "enable": _enable,
    "grant": _grant,
    "join": _join,
    "revoke": _revoke,
    "leave": _leave,
}


def _framed(request: HttpRequest) -> Framed:
    """Raises NotSeenError: people are not for everybody."""
    page = framed(request, "people")
    if not reads_people(page.actor.roles):
        raise NotSeenError(
            "people-not-your-role",
            "People are shown to administrators, risk and compliance. Ask one of them.",
        )
    return page


def _people(
    request: HttpRequest,
    page: Framed,
    *,
    invited: Invitation | None = None,
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    found = people_read()
    context = {
        **page.context,
        "people": [_row(one) for one in found],
        "active": sum(one.active for one in found),
        "roles": [
            {"role": one, "second": _second_words(one.name), "count": _count(found, one.name)}
            for one in ROLES.values()
        ],
        "conflicts": [
            (" and ".join(_lower(name) for name in sorted(one.roles)), one.why) for one in CONFLICTS
        ],
        "desks": Desk.objects.prefetch_related("strategies", "people"),
        "may": ADMIN in page.actor.roles,
        "step_up": not page.actor.stepped_up,
        "invited": invited,
        "error": error,
        "said": request.POST if error else {},
    }
    return render(request, "pages/people.html", context, status=status)


def _row(one: PersonFacts) -> dict[str, Any]:
    at = one.last_sign_in
    return {
        "who": one,
        "roles": ", ".join(ROLES[name].title for name in one.roles) or "none",
        "desks": ", ".join(one.desks) or "none",
        "factors": ", ".join(one.factors) or "none",
        "at": f"{formats.day(at)} {formats.clock(at)[:5]}" if at else "never",
        "state": "active" if one.active else "disabled",
        "warnings": [
            f"{' and '.join(sorted(it.roles))}: {it.why}" for it in one.conflicts
        ],
    }  # fmt: skip


def _count(people: list[PersonFacts], role: str) -> int:
    return sum(one.active and role in one.roles for one in people)


def _second_words(role: str) -> str:
    """Who may be the other person beside an administrator."""
    return _others_words(SECOND[role])


def _others_words(roles: Iterable[str]) -> str:
    others = sorted(_lower(one) for one in set(roles) - {ADMIN})
    return " or ".join(["another administrator", *others])


def _lower(role: str) -> str:
    """The role's title inside a sentence: ``risk manager``, ``SRE``."""
    title = ROLES[role].title
    return title if title.isupper() else title.lower()


def _back_words(one: PersonFacts) -> str:
    """Who may be the other person when somebody comes back."""
    user = User.objects.get(username=one.username)
    return _others_words(seconds({"grant": ENABLE}, user))


def _person(
    request: HttpRequest,
    username: str,
    *,
    invited: Invitation | None = None,
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    page = _framed(request)
    try:
        one = person_read(username)
    except NotAllowedError as missing:
        raise NotSeenError(missing.code, str(missing)) from missing
    pending = Approval.objects.filter(
        kind=APPROVAL, subject=f"person:{username}", state=Approval.State.PENDING
    )
    desks = list(Desk.objects.order_by("key"))
    oneself = username.casefold() == page.actor.name.casefold()
    context = {
        **page.context,
        **_row(one),
        "held": [{"role": ROLES[name], "name": name} for name in one.roles],
        "on": [desk for desk in desks if desk.key in one.desks],
        "grantable": [
            {"name": name, "title": role.title, "second": _second_words(name)}
            for name, role in ROLES.items()
            if name not in one.roles
        ],
        "joinable": [desk for desk in desks if desk.key not in one.desks],
        "back": _back_words(one),
        "invitable": one.active and not one.factors,
        "pending": list(pending),
        "oneself": oneself,
        "may": ADMIN in page.actor.roles and not oneself and not one.superuser,
        "step_up": not page.actor.stepped_up,
        "here": reverse("person", args=[username]),
        "invited": invited,
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/person.html", context, status=status)
