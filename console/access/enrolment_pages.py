"""Enrolment: a password of one's own where it is an administrator's, then the first factor.

Reached with the password alone, and only by who has no factor yet: whoever has one is sent to give
it, and adds more on the security page.
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import adding
from console.access.adding import ENROL, person_at
from console.access.enrolment import Step, password_replace, step_of
from console.access.factors import NotAddedError
from console.access.factors.relying import relying_of
from console.access.forms import NewPasswordForm
from console.access.sessions import Standing, person
from riskctl.actors import NotAllowedError

View = Callable[[HttpRequest], HttpResponse]


def at_step(step: Step) -> Callable[[View], View]:
    """Whoever is not at ``step`` is sent to where they are; refusals are told, not raised."""

    def decorated(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest) -> HttpResponse:
            found = step_of(person_at(request))
            if found is not step:
                return HttpResponseRedirect(reverse(_place_of(request, found)), status=303)
            try:
                return view(request)
            except NotAllowedError as error:
                return adding.refused(request, error, "enrol")

        return inner

    return decorated


def _place_of(request: HttpRequest, step: Step) -> str:
    if step is not Step.DONE:
        return step.value
    return "security" if person(request).standing is Standing.FACTOR else "sign-in-factor"


@require_safe
@at_step(Step.FACTOR)
def enrol(request: HttpRequest) -> HttpResponse:
    return _choices(request)


def _choices(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "error": error,
        "relying": relying_of(request),
        "place": ENROL,
        "who": person(request).name,
    }
    return render(request, "access/enrol.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(Step.PASSWORD)
def enrol_password(request: HttpRequest) -> HttpResponse:
    context = {"action": reverse("enrol-password"), "first": True}
    if request.method != "POST":
        return render(request, "access/password.html", context)
    form, user = NewPasswordForm(request.POST), person_at(request)
    try:
        if not form.is_valid():
            raise ValidationError(list(form.non_field_errors()) or ["Give the new password twice."])
        password_replace(
            user=user, password=form.cleaned_data["password"], actor=ENROL.actor(request)
        )
    except ValidationError as error:
        context["errors"] = error.messages
        return render(request, "access/password.html", context, status=400)
    update_session_auth_hash(request, user)
    return HttpResponseRedirect(reverse("enrol"), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(Step.FACTOR)
def enrol_authenticator(request: HttpRequest) -> HttpResponse:
    return adding.authenticator_step(request, ENROL)


@require_POST
@at_step(Step.FACTOR)
def enrol_passkey(request: HttpRequest) -> HttpResponse:
    try:
        return adding.passkey_step(request, ENROL)
    except (NotAddedError, ValueError) as error:
        return _choices(request, str(error), status=403)


@require_POST
@at_step(Step.FACTOR)
def enrol_passkey_options(request: HttpRequest) -> HttpResponse:
    return adding.passkey_options(request, ENROL)
