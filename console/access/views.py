"""Sign-in in two steps, and sign-out. Each step changes the session's key and is recorded."""

from typing import Any

from django.contrib import auth, messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.models import Outcome
from console.access import backoff, capability, sessions
from console.access.enrolment import Step, step_of
from console.access.factors import FactorAnswer, factor_check, passkeys, recovery
from console.access.factors.relying import relying_of
from console.access.factors.ways import ways_of
from console.access.forms import FactorForm, PasswordForm
from console.access.passwords import password_check
from console.access.recorded import denial_recorded, sign_in_recorded
from console.access.requests import address
from console.access.revocation import session_revoke
from console.access.rights import page_actor
from console.access.stepup import factor_accepted, kind_words, signed_in

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG_PASSWORD = "User name or password is wrong."  # noqa: S105 - said to the user
WRONG_FACTOR = {
    "code": "The code is wrong or was used before. Wait for the next one.",
    "recovery": "The recovery code is wrong or was used before.",
    "passkey": "The passkey was not accepted: it took too long, or it is not one of yours."
    " Try again.",
}


def _next(request: HttpRequest) -> str:
    there = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        there, {request.get_host()}, require_https=request.is_secure()
    )
    return there if safe else ""


def _page(
    request: HttpRequest,
    template: str,
    error: str = "",
    *,
    status: int = 200,
    wait: int = 0,
    **more: Any,
) -> HttpResponse:
    behind = getattr(request, "haltline_person", None)
    context = {
        "error": error,
        "next": _next(request),
        "username": request.POST.get("username", "")[:150],
        "who": behind.name if behind else "",
        **more,
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
    """First step: the password. Opens nothing but the second step, or enrolment."""
    template = "access/sign_in.html"
    if request.method != "POST":
        return _page(request, template)
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, template, "Give a user name and a password.", status=400)
    claimed = form.cleaned_data["username"]
    keys = backoff.sign_in_keys(claimed, address(request))
    if wait := backoff.wait_s(*keys):
        known = User.objects.filter(username=claimed).first()
        _password_recorded(request, claimed, known, Outcome.DENIED, "back-off")
        return _page(request, template, _waiting(wait), status=429, wait=wait)
    answer = password_check(claimed, form.cleaned_data["password"])
    if answer.user is None:
        backoff.failed(*keys)
        _password_recorded(request, claimed, answer.known, Outcome.FAILED, answer.reason)
        return _page(request, template, WRONG_PASSWORD, status=403)
    with transaction.atomic():
        request.session.flush()  # nothing of an earlier session, least of all its factor
        auth.login(request, answer.user, backend=BACKEND)
        sessions.begin(request.session)
        request.session.save()
        _password_recorded(request, claimed, answer.user, Outcome.DONE, "")
    step = step_of(answer.user)
    there = _next(request)
    query = f"?{urlencode({'next': there})}" if there and step is Step.DONE else ""
    return HttpResponseRedirect(reverse("sign-in-factor" if step is Step.DONE else step) + query)


def _password_recorded(
    request: HttpRequest, claimed: str, known: User | None, outcome: Outcome, reason: str
) -> None:
    """Recorded under the user's name when there is such a user (see ``unknown_name``)."""
    sign_in_recorded(
        request,
        action="sign-in.password",
        user=known,
        claimed=claimed,
        outcome=outcome,
        reason=reason,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_factor(request: HttpRequest) -> HttpResponse:
    """Second step, and step-up: a code, a passkey or a recovery code, of who has factors."""
    user = _person(request)
    step = step_of(user)
    if step is not Step.DONE:
        return HttpResponseRedirect(reverse(step))
    if request.method != "POST":
        return _factor_page(request, user)
    way = next((one for one in ("passkey", "recovery") if one in request.POST), "code")
    with transaction.atomic():
        answer = _checked(request, user, way)
        sign_in_recorded(
            request,
            action="sign-in.factor",
            user=user,
            claimed=user.get_username(),
            outcome=answer.outcome,
            reason=answer.reason,
            after=_facts(user, answer),
        )
        if answer.device is not None:
            factor_accepted(request, answer.device)
    return _factor_answered(request, user, answer, way)


def _checked(request: HttpRequest, user: User, way: str) -> FactorAnswer:
    if way == "passkey":
        given, session_key = request.POST["passkey"], request.session.session_key or ""
        return passkeys.passkey_check(user, given, relying_of(request), session_key)
    if way == "recovery":
        return recovery.recovery_check(user, request.POST["recovery"])
    form = FactorForm(request.POST)
    return factor_check(user, form.cleaned_data["code"] if form.is_valid() else None)


def _facts(user: User, answer: FactorAnswer) -> dict[str, Any] | None:
    if answer.device is None:
        return None
    kind = kind_words(answer.device)
    facts: dict[str, Any] = {"factor": answer.device.persistent_id, "kind": kind}
    return facts | ({"left": recovery.codes_left(user)} if kind == "recovery code" else {})


def _factor_answered(
    request: HttpRequest, user: User, answer: FactorAnswer, way: str
) -> HttpResponse:
    if answer.device is not None:
        if way == "recovery":
            left = recovery.codes_left(user)
            words = f"A recovery code was used: {left} left. It raises no risk; a factor does."
            messages.warning(request, words)
        otherwise = "security" if way == "recovery" else "desk"
        there = _next(request) or resolve_url(otherwise)
        return signed_in(request, user, HttpResponseRedirect(there))
    if answer.wait_s:
        return _factor_page(request, user, _waiting(answer.wait_s), status=429, wait=answer.wait_s)
    return _factor_page(request, user, WRONG_FACTOR[way], status=403)


def _factor_page(
    request: HttpRequest, user: User, error: str = "", **more: Any
) -> HttpResponse:  # fmt: skip
    again = sessions.person(request).standing is sessions.Standing.FACTOR
    ways = ways_of(user, relying_of(request))
    template = "access/sign_in_factor.html"
    return _page(request, template, error, again=again, ways=ways, **more)


@require_POST
def passkey_asked(request: HttpRequest) -> HttpResponse:
    """The question that the person's passkey is to answer, as JSON for the browser."""
    user, relying = _person(request), relying_of(request)
    if not relying.rp_id:
        return JsonResponse({"detail": relying.why}, status=409)
    if not passkeys.passkeys_of(user, relying.rp_id):
        detail = f"You have no passkey for {relying.rp_id}."
        return JsonResponse({"detail": detail}, status=409)
    with transaction.atomic():
        session_key = request.session.session_key or ""
        return JsonResponse(passkeys.give_options(user, relying, session_key))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here and now; sockets opened with it close at their next look."""
    user, listed = _person(request), sessions.record_id(request.session)
    with transaction.atomic():
        sign_in_recorded(request, action="sign-out", user=user, claimed=user.get_username())
        if listed is not None:
            session_revoke(session_id=listed, actor=page_actor(request), reason="signed out")
        auth.logout(request)
    response = HttpResponseRedirect(reverse("sign-in"))
    capability.drop_cookie(response)
    return response


def _person(request: HttpRequest) -> User:
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a session come here"
    return user


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
