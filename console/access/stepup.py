"""A second factor was given: what that makes of the session, and who is fresh enough for what.

What raises risk wants a factor of the last five minutes, and a recovery code is none for that
(console.access.rights). For one's own factors it is one: it is how a lost one is replaced.
"""

import dataclasses
import time

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device

from console.access import backoff, capability, rights, sessions
from console.access.factors.held import KINDS
from console.access.requests import address
from console.models import RecoverySet
from riskctl.actors import Actor, NotAllowedError

NEEDED = "Give your second factor again: it is over five minutes old."


def factor_accepted(request: HttpRequest, device: Device) -> None:
    """``device`` was right: the session changes its key and is worth something from now on."""
    request.session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    request.session.cycle_key()  # django_otp's login does not
    sessions.factor_given(request.session, kind_words(device))
    request.session.save()
    rotate_token(request)


def signed_in(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """``response`` of whoever gave both factors: nothing waits, and they may stop by themselves."""
    name = user.get_username()
    backoff.cleared(name, address(request))
    capability.give_cookie(
        response, name=name, roles=rights.roles_of(name), owns=rights.owns_of(name)
    )
    return response


def kind_words(device: Device) -> str:
    """``authenticator``, ``passkey`` or ``recovery code``."""
    if isinstance(device, RecoverySet):
        return "recovery code"
    return next(word for model, word in KINDS.items() if isinstance(device, model))


def owner_actor(request: HttpRequest) -> Actor:
    """The person at a page about their own factors. Raises db.Error."""
    return dataclasses.replace(
        rights.page_actor(request), factor_age_s=given_age_s(request.session)
    )


def given_age_s(session: SessionBase) -> float | None:
    """Seconds since a factor of any kind was given, a recovery code too; None for never."""
    at = session.get(sessions.FACTOR_AT)
    if not isinstance(at, int):
        return None
    age = time.time() - at
    return age if age > -1 else float("inf")


def check_stepped_up(actor: Actor) -> None:
    """Raises NotAllowedError."""
    if not actor.stepped_up:
        raise NotAllowedError("security-needs-step-up", NEEDED)
