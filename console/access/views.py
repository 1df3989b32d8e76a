"""Sign-in in two steps, and sign-out. Each step changes the session's key and is recorded."""

from django.contrib import auth
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.models import Outcome
from console.access import backoff, capability, rights, sessions
from console.access.factors import FactorAnswer, factor_check, has_factor
from console.access.forms import FactorForm, PasswordForm
from console.access.recorded import denial_recorded, sign_in_recorded
from console.access.requests import address

WRONG_PASSWORD = "User name or password is wrong."  # noqa: S105 - said to the user
WRONG_CODE = "The code is wrong or was used before. Wait for the next one."
NO_FACTOR = "No second factor is set up for you. Ask an administrator."


def _next(request: HttpRequest) -> str:
    there = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        there, {request.get_host()}, require_https=request.is_secure()
    )
    return there if safe else ""


def _page(
    request: HttpRequest, template: str, error: str = "", *, status: int = 200, wait: int = 0
) -> HttpResponse:
    behind = getattr(request, "haltline_person", None)
    context = {
        "error": error,
        "next": _next(request),
        "username": request.POST.get("username", "")[:150],
        "person": behind.name if behind else "",
    }
    response = render(request, template, context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


def _waiting(wait: int) -> str:
    unit = "second" if wait == 1 else "seconds"
    return f"Too many attempts. Try again in {wait} {unit}."


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """First step: the password. Opens nothing but the second step."""
    template = "access/sign_in.html"
    if request.method != "POST":
        return _page(request, template)
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, template, "Give a user name and a password.", status=400)
    claimed = form.cleaned_data["username"]
    keys = backoff.sign_in_keys(claimed, address(request))
    if wait := backoff.wait_s(*keys):
        _password_refused(request, claimed, Outcome.DENIED, "back-off")
        return _page(request, template, _waiting(wait), status=429, wait=wait)
    user = auth.authenticate(request, username=claimed, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        backoff.failed(*keys)
        _password_refused(request, claimed, Outcome.FAILED, "wrong user name or password")
        return _page(request, template, WRONG_PASSWORD, status=403)
    with transaction.atomic():
        request.session.flush()  # nothing of an earlier session, least of all its factor
        auth.login(request, user)
        sessions.begin(request.session)
        request.session.save()
        sign_in_recorded(request, action="sign-in.password", user=user, claimed=claimed)
    there = _next(request)
    query = f"?{urlencode({'next': there})}" if there else ""
    return HttpResponseRedirect(reverse("sign-in-factor") + query)


def _password_refused(request: HttpRequest, claimed: str, outcome: Outcome, reason: str) -> None:
    """Recorded under the user's name when there is such a user (see ``unknown_name``)."""
    sign_in_recorded(
        request,
        action="sign-in.password",
        user=User.objects.filter(username=claimed).first(),
        claimed=claimed,
        outcome=outcome,
        reason=reason,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_factor(request: HttpRequest) -> HttpResponse:
    """Second step: the code of the authenticator. Also asked of who has given one already."""
    template = "access/sign_in_factor.html"
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a session come here"
    if request.method != "POST":
        error = "" if has_factor(user) else NO_FACTOR
        return _page(request, template, error, status=200 if not error else 403)
    form = FactorForm(request.POST)
    with transaction.atomic():
        answer = factor_check(user, form.cleaned_data["code"] if form.is_valid() else None)
        sign_in_recorded(
            request,
            action="sign-in.factor",
            user=user,
            claimed=user.get_username(),
            outcome=answer.outcome,
            reason=answer.reason,
            after={"factor": answer.device.persistent_id} if answer.device else None,
        )
        if answer.device is not None:
            request.session["otp_device_id"] = answer.device.persistent_id
            request.session.cycle_key()  # django_otp's login does not
            sessions.factor_given(request.session)
            request.session.save()
            rotate_token(request)
    return _factor_answered(request, user, answer)


def _factor_answered(request: HttpRequest, user: User, answer: FactorAnswer) -> HttpResponse:
    template = "access/sign_in_factor.html"
    if answer.device is not None:
        backoff.cleared(user.get_username(), address(request))
        response = HttpResponseRedirect(_next(request) or resolve_url("desk"))
        name = user.get_username()
        capability.give_cookie(
            response, name=name, roles=rights.roles_of(name), owns=rights.owns_of(name)
        )
        return response
    if answer.wait_s:
        wait = answer.wait_s
        return _page(request, template, _waiting(wait), status=429, wait=wait)
    error = WRONG_CODE if has_factor(user) else NO_FACTOR
    return _page(request, template, error, status=403)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here and now; sockets opened with it close at their next look."""
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a session come here"
    with transaction.atomic():
        sign_in_recorded(request, action="sign-out", user=user, claimed=user.get_username())
        auth.logout(request)
    response = HttpResponseRedirect(reverse("sign-in"))
    capability.drop_cookie(response)
    return response


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask by themselves, signed in or not; pages name their own icon."""
    return HttpResponse(status=204)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Every address that is none. An address like any other, so that the door comes first."""
    raise Http404


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from our own page. Django calls this."""
    behind = sessions.person(request)
    denial_recorded(request, status=403, code="csrf-failed", actor=behind.name)
    return render(
        request,
        "access/problem.html",
        {
            "title": "Not done",
            "detail": "The form was too old or did not come from this console. "
            "Open the page again and repeat.",
            "step": reverse("sign-in"),
        },
        status=403,
    )
