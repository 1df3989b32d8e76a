"""The security page: factors, recovery codes, password; and for administrators, resets."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import adding, backoff, security, sessions, stepup
from console.access.adding import SECURITY, person_at
from console.access.factors import NotAddedError, factors_of
from console.access.factors.recovery import HOW_MANY, codes_left
from console.access.factors.relying import relying_of
from console.access.factors.ways import ways_among
from console.access.forms import NewPasswordForm, ResetForm
from console.access.requests import address
from console.access.rights import page_actor
from console.pages.framing import framed
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError, approval_request
from riskctl.holds import ADMIN

View = Callable[[HttpRequest], HttpResponse]


def told(view: View) -> View:
    """Refusals are told, not raised: who lacks a fresh factor is sent to give it."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except NotAllowedError as error:
            return adding.refused(request, error, "security")

    return inner


@require_safe
def security_page(request: HttpRequest) -> HttpResponse:
    return _security(request)


def _security(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    user, page = person_at(request), framed(request, "security")
    factors, left, relying = factors_of(user), codes_left(user), relying_of(request)
    age = stepup.given_age_s(request.session)
    context = {
        **page.context,
        "factors": factors,
        "current": request.session.get("otp_device_id", ""),
        "left": left,
        "how_many": HOW_MANY,
        "ways": ways_among(factors, relying, left),
        "place": SECURITY,
        "step_up": not stepup.owner_actor(request).stepped_up,
        "recovered": age is not None and page.actor.factor_age_s == float("inf"),
        "administrator": ADMIN in page.actor.roles,
        "error": error,
    }
    return render(request, "access/security.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@told
def authenticator_page(request: HttpRequest) -> HttpResponse:
    return adding.authenticator_step(request, SECURITY)


@require_POST
@told
def passkey_page(request: HttpRequest) -> HttpResponse:
    try:
        return adding.passkey_step(request, SECURITY)
    except (NotAddedError, ValueError) as error:
        return _security(request, str(error), status=403)


@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    return adding.passkey_options(request, SECURITY)


@require_POST
@told
def factor_renamed(request: HttpRequest) -> HttpResponse:
    said = request.POST
    try:
        security.factor_rename(
            user=person_at(request), ident=said.get("factor", ""), name=said.get("name", ""),
            actor=stepup.owner_actor(request),
        )  # fmt: skip
    except ValueError as error:
        return _security(request, str(error), status=400)
    return _done(request, "Renamed.")


@require_POST
@told
def factor_removed(request: HttpRequest) -> HttpResponse:
    security.factor_remove(
        user=person_at(request), ident=request.POST.get("factor", ""),
        actor=stepup.owner_actor(request), keep=sessions.record_id(request.session),
    )  # fmt: skip
    return _done(request, "Removed. Your other sessions have ended.")


@require_POST
@told
def codes_made(request: HttpRequest) -> HttpResponse:
    codes = security.recovery_renew(
        user=person_at(request),
        actor=stepup.owner_actor(request),
        keep=sessions.record_id(request.session),
    )
    return adding.codes_page(request, codes)


@require_http_methods(["GET", "HEAD", "POST"])
@told
def password_page(request: HttpRequest) -> HttpResponse:
    """A new password for the current one; guessing that waits as at sign-in."""
    actor, user = stepup.owner_actor(request), person_at(request)
    stepup.check_stepped_up(actor)
    if request.method != "POST":
        return _password(request)
    keys = backoff.sign_in_keys(user.get_username(), address(request))
    if wait := backoff.wait_s(*keys):
        return _password(request, [f"Too many attempts. Try again in {wait} s."], 429)
    form = NewPasswordForm(request.POST)
    if not form.is_valid():
        said = [str(one) for one in form.non_field_errors()]
        return _password(request, said or ["Give every field."], 400)
    try:
        security.password_change(
            user=user, current=form.cleaned_data["current"],
            password=form.cleaned_data["password"], actor=actor,
            keep=sessions.record_id(request.session),
        )  # fmt: skip
    except ValidationError as error:
        return _password(request, error.messages, 400)
    except NotAllowedError as error:
        if error.code != "password-wrong":
            raise
        backoff.failed(*keys)
        return _password(request, [str(error)], 403)
    update_session_auth_hash(request, user)
    return _done(request, "The password is changed. Your other sessions have ended.")


def _password(
    request: HttpRequest, errors: list[str] | None = None, status: int = 200
) -> HttpResponse:
    context = {"action": reverse("security-password"), "first": False, "errors": errors}
    return render(request, "access/password.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@told
def factor_reset_page(request: HttpRequest) -> HttpResponse:
    """Ask another administrator to let somebody's factors be reset."""
    actor = page_actor(request)
    if ADMIN not in actor.roles:
        raise NotAllowedError("factor-reset-role", "Factors are reset by two administrators.")
    if request.method != "POST":
        return _reset(request, {"person": request.GET.get("person", "")})
    form = ResetForm(request.POST)
    if not form.is_valid():
        return _reset(request, request.POST, "Say whose factors, and why.", 400)
    said = form.cleaned_data
    try:
        asked = approval_request(
            kind="factor-reset", subject=f"person:{said['person']}",
            request={"password": said["password"]}, actor=actor, reason=said["reason"],
        )  # fmt: skip
    except RequestError as error:
        return _reset(request, request.POST, str(error), 400)
    except NotAllowedError as error:
        return _reset(request, request.POST, str(error), 403)
    return HttpResponseRedirect(reverse("approval", args=[asked.id]), status=303)


def _reset(request: HttpRequest, said: Any, error: str = "", status: int = 200) -> HttpResponse:
    page = framed(request, "security")
    others = User.objects.filter(is_active=True).exclude(username=page.actor.name)
    context = {
        **page.context,
        "people": others.order_by("username"),
        "said": said,
        "error": error,
        "step_up": not page.actor.stepped_up,
    }
    return render(request, "access/reset.html", context, status=status)


def _done(request: HttpRequest, words: str) -> HttpResponse:
    messages.success(request, words)
    return HttpResponseRedirect(reverse("security"), status=303)
