"""Triggers as pages show them: live value, threshold, distance, and when each fired last."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from redis.exceptions import RedisError

from console.access.visible import Sight, trigger_shown
from console.pages import formats, words
from console.stores import redis_client
from riskctl.models import TriggerFiring
from trading.triggers.publishing import triggers_now

ORDER = {"breach": 0, "warning": 1, "unknown": 2, "ok": 3}
NEAREST = 16
SCALE = 100
FIRINGS = 12


@dataclass(frozen=True)
class TriggerText:
    """One trigger on one scope. ``pointer``: where it is now, 0 to 100, the breach at 100."""

    name: str
    what: str
    scope: str
    state: str
    value: str
    unit: str
    threshold: str
    pointer: str
    share: str
    then: str
    seen_by: str
    title: str
    shadow: bool
    fired: str
    scope_key: str


@dataclass(frozen=True)
class Heard:
    """Rows, the nearest to their threshold first; ``why`` says why there is none."""

    rows: list[TriggerText]
    path: str = "silent"
    watchdog: str = "silent"
    shadow: bool = False
    warnings: tuple[str, ...] = ()
    why: str = ""
    answers: bool = True


def triggers_heard(sight: Sight, scopes: Collection[str] | None = None) -> Heard:
    """As the path and the watchdog evaluate them; of ``scopes`` alone where they are named.

    Raises django.db.Error.
    """
    try:
        said = triggers_now(redis_client())
    except RedisError:
        why = "Redis does not answer: triggers go on being evaluated, only their values cannot be"
        return Heard([], why=f"{why} shown.", answers=False)
    rows = _merged(said, sight, scopes)
    rows.sort(key=lambda one: (ORDER.get(one.state, 2), -float(one.pointer), one.what))
    heard = [one for one in said.values() if one]
    return Heard(
        rows,
        path=_as_of(said["path"]),
        watchdog=_as_of(said["watchdog"]),
        shadow=any(one.get("shadow") for one in heard),
        warnings=tuple(text for one in heard for text in one.get("warnings", [])),
        why="" if rows else "Nobody evaluates triggers: neither the path nor the watchdog.",
    )


def triggers_read(sight: Sight) -> dict[str, Any]:
    """For the table of all of them."""
    heard = triggers_heard(sight)
    return {
        "near": heard.rows[:NEAREST],
        "far": heard.rows[NEAREST:],
        "triggers_why": heard.why,
        "heard": heard if heard.answers else None,
    }


def firings_read(sight: Sight) -> list[dict[str, Any]]:
    """The latest breaches and warnings. Raises django.db.Error."""
    found = sight.narrowed_scopes(TriggerFiring.objects.order_by("-happened_at"))[:FIRINGS]
    return [_firing(one, figures=sight.sums(one.scope)) for one in found]


def _as_of(said: Mapping[str, Any] | None) -> str:
    return str(said["as_of"])[11:19] if said else "silent"


def _merged(
    said: Mapping[str, Mapping[str, Any] | None], sight: Sight, scopes: Collection[str] | None
) -> list[TriggerText]:
    """One row for each trigger and scope; the worse of the two who look decides."""
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for source, body in said.items():
        for one in (body or {}).get("triggers", []):
            shown = trigger_shown(one, sight)
            if shown is not None and (scopes is None or one["scope"] in scopes):
                found.setdefault((one["name"], one["scope"]), []).append((source, shown))
    last = _last_fired() if found else {}
    return [_text(rows, last.get(key, "")) for key, rows in found.items()]


def _last_fired() -> dict[tuple[str, str], str]:
    """When each trigger was breached last on each scope."""
    rows = TriggerFiring.objects.filter(level="breach").order_by("trigger", "scope", "-happened_at")
    found = rows.distinct("trigger", "scope").values_list("trigger", "scope", "happened_at")
    return {
        (trigger, on): f"{formats.day(at)} {formats.clock(at)[:5]}" for trigger, on, at in found
    }


def _text(rows: list[tuple[str, Mapping[str, Any]]], fired: str) -> TriggerText:
    _, one = min(rows, key=lambda row: ORDER.get(str(row[1].get("state")), 2))
    share = _decimal(one.get("share"))
    pointer = 0.0 if share is None else min(max(float(share), 0.0), 1.0) * SCALE
    return TriggerText(
        name=str(one["name"]),
        what=str(one["what"]),
        scope=words.scope_words(str(one["scope"])),
        state=str(one["state"]),
        value=figure(_decimal(one.get("value"))),
        unit=str(one["unit"]),
        threshold=figure(_decimal(one.get("threshold"))),
        pointer=f"{pointer:.1f}",
        share=formats.UNKNOWN if share is None else f"{formats.number(share * 100, 0)} %",
        then=f"{one['kind']}, {one['mode']}",
        seen_by="both" if len(rows) > 1 else rows[0][0],
        title=f"{one['formula']}. {one.get('detail') or ''}".strip(),
        shadow=bool(one.get("shadow")),
        fired=fired or "never",
        scope_key=str(one["scope"]),
    )


def figure(value: Decimal | None) -> str:
    """Two decimals where it is small, none where it is large."""
    if value is None:
        return formats.UNKNOWN
    return formats.number(value, 0 if abs(value) >= 1000 or value == value.to_integral() else 2)


def _decimal(text: Any) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None


def _firing(one: TriggerFiring, *, figures: bool) -> dict[str, Any]:
    return {
        "at": formats.clock(one.happened_at),
        "day": formats.day(one.happened_at),
        "what": one.trigger.replace("-", " "),
        "scope": words.scope_words(one.scope),
        "level": one.level,
        "value": figure(one.value if figures else None),
        "threshold": figure(one.threshold),
        "hold": one.hold,
        "shadow": one.shadow,
    }
