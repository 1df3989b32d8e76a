"""What a two-person request says: what changes, what it rests on, and who may decide. Words."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.canonical import plain
from console.pages import formats, words
from riskctl.approvals.kinds import RequestError, kind_of, state_of
from riskctl.models import Approval, Hold
from riskctl.rungs import Rung

TITLES = {
    "hold-lift": "Lift",
    "stage-promote": "Promote",
    "limit-raise": "Raise",
    "trigger-relax": "Relax trigger",
    "triggers-shadow": "Triggers into shadow mode",
    "break-accept": "Accept break",
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
}


@dataclass(frozen=True)
class Effect:
    """One thing that the request changes. ``way``: up raises risk, down lowers it."""

    what: str
    now: str
    after: str
    note: str = ""
    way: str = "up"


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
    return f"{TITLES.get(row.kind, row.kind)} {key or head}".strip()


def effects_of(row: Approval, names: Mapping[str, str]) -> list[Effect]:
    """What will be done."""
    if row.kind == "hold-lift":
        return _lift(row, names)
    asked = row.asked_in
    if row.kind == "stage-promote":
        found = [Effect("Rung", str(row.request.get("from")), str(row.request.get("to")))]
        if "size_factor" in row.request:
            found.append(Effect("Size factor", "", str(row.request["size_factor"]), way="down"))
        return found
    if row.kind == "limit-raise":
        return [Effect("Limit", str(asked.get("value")), str(row.request.get("value")))]
    before = asked.get("setting") or {}
    return [
        Effect(str(name).replace("_", " ").capitalize(), _word(before.get(name, "default")),
               _word(value))
        for name, value in row.request.items()
    ]  # fmt: skip


def _lift(row: Approval, names: Mapping[str, str]) -> list[Effect]:
    asked = row.asked_in
    hold = Hold.objects.filter(id=str(row.request.get("hold", ""))).first()
    by = f"by {words.who_words(hold.placed_by, names)}: {hold.reason}" if hold else ""
    found = [Effect(f"Hold on {asked.get('scope')}", f"{asked.get('kind')}, open", "lifted", by)]
    stages = asked.get("stages", {})
    for key, rung in asked.get("reenters", {}).items():
        stood = stages.get(key, {}).get("rung", "–")
        lower = stood in set(Rung) and Rung(rung).height < Rung(stood).height
        same = stood == rung
        note = "where its conditions put it; live only by gates"
        found.append(Effect(f"Rung of {key}", stood, rung, note, _way(lower=lower, same=same)))
    return found


def _way(*, lower: bool, same: bool) -> str:
    return "same" if same else "down" if lower else "up"


def rests_of(row: Approval, now: State) -> list[Rest]:
    """The parts that bind, as asked and as they are."""
    found: list[Rest] = []
    for part in sorted(kind_of(row.kind).binds):
        asked, is_now = _flat(row.asked_in.get(part)), _flat(now.found.get(part))
        for name in sorted({*asked, *is_now}):
            what = f"{PART_WORDS.get(part, part)} {name}".strip()
            found.append(Rest(what, asked.get(name, "none"), is_now.get(name, "none")))
    return found


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
    """``11:42`` to decide, and which share of its time is left, percent."""
    whole = (row.expires_at - row.requested_at).total_seconds()
    left = max(0, int((row.expires_at - now).total_seconds()))
    return f"{left // 60}:{left % 60:02d}", round(100 * left / whole) if whole else 0


def moment_words(at: dt.datetime) -> str:
    return f"{formats.day(at)} {formats.clock(at)}"
