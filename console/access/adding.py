"""Adding a factor, step by step: the same at enrolment and on the security page."""

import dataclasses
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from audit.models import ActorKind
from console.access import sessions
from console.access.enrolment import check_may_add
from console.access.factors import NotAddedError, passkeys, totp
from console.access.factors.relying import relying_of
from console.access.forms import FactorForm
from console.access.recorded import denial_recorded
from console.access.rights import page_actor
from console.access.security import Added, authenticator_begin, factor_add, free_name, named
from console.access.stepup import factor_accepted, owner_actor, signed_in
from console.models import Authenticator, Passkey
from riskctl.actors import Actor, NotAllowedError


@dataclass(frozen=True)
class Place:
    """Where it happens, as names of addresses."""

    authenticator: str
    passkey: str
    options: str
    back: str
    first: bool

    def actor(self, request: HttpRequest) -> Actor:
        """At enrolment nobody counts as having given a factor, whatever their session says."""
        if self.first:
            return dataclasses.replace(page_actor(request), factor_age_s=None)
        return owner_actor(request)


ENROL = Place("enrol-authenticator", "enrol-passkey", "enrol-passkey-options", "enrol", True)
SECURITY = Place(
    "security-authenticator", "security-passkey", "security-passkey-options", "security", False
)


def authenticator_step(request: HttpRequest, place: Place) -> HttpResponse:
    """Begin (a POST without a code), show the key, and confirm it by a code."""
    user, actor = person_at(request), place.actor(request)
    if request.method == "POST" and "code" not in request.POST:
        authenticator_begin(user=user, actor=actor)
        return HttpResponseRedirect(reverse(place.authenticator), status=303)
    if request.method == "POST":
        return _authenticator_confirmed(request, user, actor, place)
    return _authenticator_page(request, user, actor, place)


def _authenticator_confirmed(
    request: HttpRequest, user: User, actor: Actor, place: Place
) -> HttpResponse:
    form = FactorForm(request.POST)
    code = form.cleaned_data["code"] if form.is_valid() else None

    def add() -> Authenticator:
        return totp.pending_confirm(user, code)

    try:
        added = factor_add(user=user, actor=actor, keep=_kept(request), add=add)
    except NotAddedError as error:
        return _authenticator_page(request, user, actor, place, str(error))
    return _added(request, user, added, place)


def _authenticator_page(
    request: HttpRequest, user: User, actor: Actor, place: Place, error: str = ""
) -> HttpResponse:
    with transaction.atomic():
        check_may_add(user=user, actor=actor)  # a key is shown to nobody who could not add it
        device = totp.pending_of(user)
    if device is None:
        return HttpResponseRedirect(reverse(place.back), status=303)
    context = {
        "error": error,
        "place": place,
        "key": totp.key_words(device),
        "picture": totp.key_picture(device),
        "address": totp.key_address(device),
    }
    return render(request, "access/authenticator.html", context, status=403 if error else 200)


def passkey_step(request: HttpRequest, place: Place) -> HttpResponse:
    """Keep the passkey that the browser made. Raises NotAllowedError, NotAddedError, ValueError."""
    user, actor = person_at(request), place.actor(request)
    given, wanted = request.POST.get("passkey", ""), request.POST.get("name", "")
    name = named(wanted) if wanted.strip() else free_name(user, "Passkey")
    relying, session_key = relying_of(request), request.session.session_key or ""

    def add() -> Passkey:
        return passkeys.passkey_add(user, given, name, relying, session_key)

    added = factor_add(user=user, actor=actor, keep=_kept(request), add=add)
    return _added(request, user, added, place)


def passkey_options(request: HttpRequest, place: Place) -> HttpResponse:
    """What the browser is to make, as JSON."""
    user, relying = person_at(request), relying_of(request)
    if not relying.rp_id:
        return JsonResponse({"detail": relying.why}, status=409)
    try:
        with transaction.atomic():
            check_may_add(user=user, actor=place.actor(request))
            session_key = request.session.session_key or ""
            return JsonResponse(passkeys.add_options(user, relying, session_key))
    except NotAllowedError as error:
        denial_recorded(
            request, status=403, code=error.code, actor=user.username, actor_kind=ActorKind.PERSON
        )
        return JsonResponse({"detail": str(error)}, status=403)


def _added(request: HttpRequest, user: User, added: Added, place: Place) -> HttpResponse:
    """The person's first factor signs them in, once; new recovery codes are shown, once."""
    if place.first:
        with transaction.atomic():
            factor_accepted(request, added.device)
    else:
        messages.success(request, f"Added: {added.device.name}. Your other sessions have ended.")
    if added.codes:
        response: HttpResponse = codes_page(request, added.codes, first=place.first)
    else:
        response = HttpResponseRedirect(reverse("security"), status=303)
    return signed_in(request, user, response) if place.first else response


def codes_page(request: HttpRequest, codes: list[str], *, first: bool = False) -> HttpResponse:
    return render(request, "access/codes.html", {"codes": codes, "first": first})


def refused(request: HttpRequest, error: NotAllowedError, back: str) -> HttpResponse:
    """Whoever lacks no more than a fresh factor is sent to give it; nothing was done. Recorded."""
    fresh = error.code == "security-needs-step-up"
    denial_recorded(
        request, status=303 if fresh else 403, code=error.code, actor=person_at(request).username,
        actor_kind=ActorKind.PERSON,
    )  # fmt: skip
    if fresh:
        messages.error(request, f"Not done. {error}")
        query = urlencode({"next": reverse(back)})
        return HttpResponseRedirect(f"{reverse('sign-in-factor')}?{query}", status=303)
    context: dict[str, Any] = {"title": "Not done", "detail": str(error), "back": reverse(back)}
    return render(request, "access/problem.html", context, status=403)


def person_at(request: HttpRequest) -> User:
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a session come here"
    return user


def _kept(request: HttpRequest) -> UUID | None:
    return sessions.record_id(request.session)
