"""Sign-ins and denials as entries of the record. No password, code or token ever gets in."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from audit.models import ActorKind, Outcome
from audit.record import record
from console.access.requests import address, request_id, safe_path


def unknown_name(claimed: str) -> str:
    """Stands for a user name nobody has: people type passwords into the wrong field.

    The same claim gives the same mark, so that attempts can be counted; it cannot be turned back
    without the installation's key.
    """
    mark = salted_hmac("console.access.unknown-name", claimed, algorithm="sha256").hexdigest()
    return f"unknown-{mark[:16]}"


def sign_in_recorded(
    request: HttpRequest,
    *,
    action: str,
    user: User | None,
    claimed: str,
    outcome: Outcome = Outcome.DONE,
    reason: str = "",
    after: dict[str, Any] | None = None,
) -> None:
    """One step of signing in or out, of ``user``, or of somebody who claimed to be one."""
    proven = user is not None and outcome == Outcome.DONE
    name = user.get_username() if user else unknown_name(claimed)
    record(
        action=action,
        outcome=outcome.value,
        actor_kind=(ActorKind.PERSON if proven else ActorKind.ANONYMOUS).value,
        actor=name if proven else "anonymous",
        object_kind="user",
        object_id=name,
        reason=reason,
        source=address(request),
        request_id=request_id(request),
        after=after,
    )


def denial_recorded(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    actor: str = "",
    actor_kind: ActorKind = ActorKind.ANONYMOUS,
) -> None:
    """An answer of ``status`` for want of the right to more. ``actor`` is who was claimed."""
    denial(
        method=str(request.method)[:16],
        path=safe_path(request.path),
        status=status,
        code=code,
        actor=actor,
        actor_kind=actor_kind,
        source=address(request),
        request_id=request_id(request),
    )


def denial(
    *,
    method: str,
    path: str,
    status: int,
    code: str,
    actor: str,
    actor_kind: ActorKind,
    source: str,
    request_id: str,
) -> None:
    """As ``denial_recorded``, for callers without a Django request (sockets)."""
    record(
        action="access.deny",
        outcome=Outcome.DENIED.value,
        actor_kind=actor_kind.value,
        actor=actor or "anonymous",
        object_kind="path",
        object_id=path,
        reason=code,
        source=source,
        request_id=request_id,
        after={"method": method, "path": path, "status": status, "code": code},
    )
