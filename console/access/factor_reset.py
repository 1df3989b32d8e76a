"""Taking somebody's factors away: two administrators, neither of them the person.

For who lost them all. Factors, recovery codes and sessions end; at the next sign-in the person
enrols anew. ``password`` in the request takes the password too (who lost both, or may have told
it), and only then can an administrator invite them again.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from console.access.enrolment import enrolment_restarted, person_locked
from console.access.factors import factors_of
from console.access.factors.recovery import codes_left
from console.access.revocation import sessions_end
from console.models import Authenticator, Passkey, PasskeyChallenge, RecoverySet
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import recorded
from riskctl.models import Approval

LONGEST_SUBJECT = 120
"""What the column takes."""


def reset_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``person:USERNAME``: the factors that there are. Raises RequestError."""
    user = _person(subject)
    _with_password(request)
    return {
        "factors": {one.id: f"{one.kind} {one.name}" for one in factors_of(user)},
        "recovery_codes": codes_left(user),
    }


def reset_check(subject: str, _request: Mapping[str, Any], who: Actor) -> None:
    """Nobody asks for or approves the reset of their own. Raises NotAllowedError, RequestError."""
    if part_of(subject, "person").casefold() == who.name.casefold():
        raise NotAllowedError("factor-reset-own", "not your own: ask two other administrators")


def factor_reset_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Raises RequestError when the person is gone."""
    user = _person(approval.subject)
    password = _with_password(approval.request)
    person_locked(user)
    taken = {one.id: f"{one.kind} {one.name}" for one in factors_of(user)}
    for model in (Authenticator, Passkey, RecoverySet, PasskeyChallenge):
        model.objects.filter(user=user).delete()
    if password:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    enrolment_restarted(user=user, password=password)
    name = user.get_username()
    ended = sessions_end(username=name, actor=actor, reason="factors reset")
    after = {"approval": approval.id, "asked_by": approval.requested_by, "password": password}
    recorded(
        "factor.reset",
        actor,
        ("user", name),
        reason=approval.reason,
        correlation_id=str(approval.id),
        before={"factors": taken},
        after=after,
    )
    return {"person": name, "factors": taken, "password": password, "sessions_ended": ended}


def _person(subject: str) -> User:
    name = part_of(subject, "person")
    if len(subject) > LONGEST_SUBJECT:
        raise RequestError("subject", f"longer than {LONGEST_SUBJECT} characters")
    user = User.objects.filter(username=name).first()
    if user is None:
        raise RequestError("subject", f"there is no person {name!r}")
    return user


def _with_password(request: Mapping[str, Any]) -> bool:
    given = request.get("password", False)
    if not isinstance(given, bool):
        raise RequestError("password", f"must be true or false, not {given!r}")
    return given
