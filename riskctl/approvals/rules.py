"""What a two-person request is: its states, its digest, and what makes it void. Pure."""

import hashlib
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from audit.canonical import canonical_bytes

TTL_S = 1_800.0
"""A request that nobody decided on in half an hour was asked in another market."""


class State(StrEnum):
    PENDING = "pending"
    EXECUTED = "executed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"


class Event(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    VOID = "void"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.APPROVE): State.EXECUTED,
    (State.PENDING, Event.REJECT): State.REJECTED,
    (State.PENDING, Event.WITHDRAW): State.WITHDRAWN,
    (State.PENDING, Event.EXPIRE): State.EXPIRED,
    (State.PENDING, Event.VOID): State.VOID,
}
"""All there are: a request is decided once."""


def next_state(state: State, event: Event) -> State | None:
    """Where ``event`` leads from ``state``, None where it cannot happen."""
    return TRANSITIONS.get((state, event))


def digest_of(
    *, kind: str, subject: str, request: Mapping[str, Any], asked_in: Mapping[str, Any]
) -> str:
    """SHA-256, in hex, of exactly what will be done and the state it was asked in.

    Raises audit.canonical.NotCanonicalError when a value has no exact form.
    """
    body = {"kind": kind, "subject": subject, "request": request, "asked_in": asked_in}
    return hashlib.sha256(canonical_bytes(body)).hexdigest()


def changes(
    asked_in: Mapping[str, Any], found: Mapping[str, Any], binds: Collection[str]
) -> list[str]:
    """What differs now in those parts of the state that the request rests on, in words."""
    said: list[str] = []
    for part in sorted(binds):
        _differences(part, asked_in.get(part), found.get(part), said)
    return said


def _differences(path: str, before: Any, after: Any, said: list[str]) -> None:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            _differences(f"{path} {key}", before.get(key), after.get(key), said)
        return
    said.append(f"{path} was {_word(before)}, is {_word(after)}")


def _word(value: Any) -> str:
    return "not there" if value is None else str(value)
