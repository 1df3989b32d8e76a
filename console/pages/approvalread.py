"""What a two-person request says: its title, what it rests on, the time left. Words."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from audit.canonical import plain
from console.pages import formats
from riskctl.approvals.kinds import RequestError, kind_of, state_of
from riskctl.models import Approval

TITLES = {
    "hold-lift": "Lift",
    "stage-promote": "Promote",
    "limit-raise": "Raise",
    "trigger-relax": "Relax trigger",
    "triggers-shadow": "Triggers into shadow mode",
    "break-accept": "Accept break",
    "break-glass-enable": "Give leave to break the glass",
    "factor-reset": "Reset factors of",
    "token-issue": "Issue token",
    "role-grant": "Change access of",
    "size-raise": "Raise size of",
    "engine-apply": "Apply document of",
    "access-review": "Sign off access review",
}
PART_WORDS = {
    "quantities": "Position",
    "limits": "Limit",
    "versions": "Version",
    "rung": "Rung",
    "value": "Value",
    "setting": "Setting",
    "settings": "Setting",
    "break": "Break",
    "standing": "Leave",
    "factors": "Factor",
    "owner": "Owner",
    "person": "Person",
    "size": "Size",
    "version": "Version",
    "access": "Access",
}


FIGURES = frozenset({"quantities", "limits", "value", "size"})
"""Parts whose values are numbers."""


@dataclass(frozen=True)
class Rest:
    """One thing that it rests on. A change makes it void."""

    what: str
    asked: str
    now: str

    @property
    def changed(self) -> bool:
        return self.asked != self.now


@dataclass(frozen=True)
class State:
    """The state now; ``why``: it could not be read, or there is no such thing any more."""

    found: Mapping[str, Any]
    why: str = ""


def state_now(row: Approval) -> State:
    """Raises db.Error."""
    try:
        return State(plain(state_of(kind_of(row.kind), row.subject, row.request)))
    except RequestError as error:
        return State({}, str(error))


def title_of(row: Approval) -> str:
    """``Lift kill on mom-eurusd``, ``Promote mom-eurusd to ramp``."""
    head, _, key = row.subject.partition(":")
    if row.kind == "hold-lift":
        scope = str(row.asked_in.get("scope", ""))
        return f"Lift {row.asked_in.get('kind', 'hold')} on {scope.partition(':')[2] or scope}"
    if row.kind == "stage-promote":
        return f"Promote {key} to {row.request.get('to', '')}"
    if row.kind == "limit-raise":
        return f"Raise {key.partition('/')[2].replace('-', ' ')} limit of {key.partition('/')[0]}"
    if row.kind == "break-glass-enable":
        return TITLES[row.kind]
    return f"{TITLES.get(row.kind, row.kind)} {key or head}".strip()


def rests_of(row: Approval, now: State) -> list[Rest]:
    """The parts that bind, as asked and as they are."""
    found: list[Rest] = []
    for part in sorted(kind_of(row.kind).binds):
        asked, is_now = _flat(row.asked_in.get(part)), _flat(now.found.get(part))
        for name in sorted({*asked, *is_now}):
            what = f"{PART_WORDS.get(part, part)} {name}".strip()
            before, after = asked.get(name, "none"), is_now.get(name, "none")
            if part in FIGURES:
                before, after = figure(before), figure(after)
            found.append(Rest(what, before, after))
    return found


def figure(text: str) -> str:
    """``1,000,000.5``; as it stands what is no number."""
    try:
        return f"{Decimal(text):,f}"
    except InvalidOperation:
        return text


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= _flat(inner, f"{path} {key}".strip())
        return found
    return {path: _word(value)}


def _word(value: Any) -> str:
    if value is None:
        return "none"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text


def left_words(row: Approval, now: dt.datetime) -> tuple[str, int]:
    """``11:42``, ``71:03:20`` to decide, and which share of its time is left, percent."""
    whole = (row.expires_at - row.requested_at).total_seconds()
    left = max(0, int((row.expires_at - now).total_seconds()))
    hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return text, round(100 * left / whole) if whole else 0


def moment_words(at: dt.datetime) -> str:
    return f"{formats.day(at)} {formats.clock(at)}"
