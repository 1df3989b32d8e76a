"""Reading holds and their receipts for pages."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError

from audit.record import entry_id
from console.access.seen_receipts import receipt_seen
from console.access.visible import Sight
from console.pages import desk, formats, words
from console.pages.preview import orders_going, positions_open
from console.pages.receipt import Known, StepFact, Unproven, receipt_of
from riskctl.desk import brakes_desk
from riskctl.holdrows import utc_of
from riskctl.models import Hold
from riskctl.placing import Placing
from riskctl.receipts import Receipt, effective_at, receipt_read, steps_unsound
from trading.models import Order

_AWAY = (DatabaseError, InterfaceError)
HISTORY = 100


@dataclass(frozen=True)
class HoldText:
    """One hold as lists show it."""

    id: str
    scope: str
    scope_words: str
    kind: str
    kind_words: str
    glyph: str
    mode: str
    reason: str
    by: str
    since: str
    day: str
    age: str
    open: bool
    effective: str
    lifted: str


def placing_view(placing: Placing, *, flatten: bool) -> dict[str, Any]:
    """The receipt straight from the stop, though the database may not have it yet."""
    hold, body = placing.hold, placing.body()
    placed_at = utc_of(hold.placed_wall_ns)
    steps = [
        StepFact(step.name, step.account, utc_of(step.wall_ns), step.facts)
        for step in placing.placement.steps("")
    ]
    latched = placing.placement.latched_wall_ns
    recorded = None if body["not_recorded"] or not latched else utc_of(latched)
    away = bool(body["not_recorded"])  # then it is not asked for anything else
    open_orders, left = (
        (None, None) if away else _counts(hold.scope, protective_too=hold.protective_too)
    )
    known = Known(
        hold=hold,
        placed_at=placed_at,
        recorded_at=recorded,
        steps=steps,
        accounts=sorted(placing.placement.evidence),
        open_orders=open_orders,
        unproven=[_unproven(one) for one in body["unproven"]],
        flatten_ordered=flatten,
        positions_open=left,
    )
    return {"hold": hold, "receipt": receipt_of(known), "head": _head(hold.kind, hold.scope),
            "placed_at": placed_at, "flatten": flatten, "key_id": body["key_id"],
            "not_recorded": body["not_recorded"]}  # fmt: skip


def receipt_view(
    hold_id: uuid.UUID, *, sight: Sight, flatten: bool = False
) -> dict[str, Any] | None:
    """The receipt as recorded and as ``sight`` allows, None when there is no such hold.

    Raises NotSeenError, db.Error.
    """
    whole = receipt_read(hold_id)
    if whole is None:
        return None
    sight.check_scope(whole.hold.scope)
    found = receipt_seen(whole, sight)
    hold, names = found.hold, desk.owner_names()
    open_orders, left = _counts(hold.scope, protective_too=hold.protective_too)
    known = Known(
        hold=hold,
        placed_at=found.row.placed_at,
        recorded_at=found.row.recorded_at,
        steps=[
            StepFact(one.row.name, one.row.account, one.row.happened_at, one.facts, one.row.key_id)
            for one in found.steps
        ],
        accounts=found.accounts,
        open_orders=open_orders,
        flatten_ordered=flatten or _flatten_ordered(hold_id),
        positions_open=left,
        by=_by(found.row, names),
        lifted=found.lift is not None,
    )
    return {
        "hold": hold,
        "row": found.row,
        "lift": found.lift,
        "lift_words": lift_words(found.row, names),
        "receipt": receipt_of(known),
        "head": _head(hold.kind, hold.scope),
        "placed_at": found.row.placed_at,
        "by": _by(found.row, names),
        "flatten": known.flatten_ordered,
        "not_recorded": "",
        "found": found,
        "key_id": found.steps[-1].row.key_id if found.steps else "",
    }


def steps_view(found: Receipt) -> list[dict[str, Any]]:
    """Every signed step for the receipt's page; ``sound``: its signature fits its bytes."""
    desk_key = brakes_desk().signer
    unsound = set(steps_unsound(found, desk_key.public_pem))
    return [
        {
            "at": formats.precise(one.row.happened_at),
            "after": f"+{formats.latency(_us(found, one.row.happened_at))}",
            "name": one.row.name,
            "account": one.row.account or "all",
            "facts": facts_words(one.facts),
            "signature": bytes(one.row.signature).hex()[:16],
            "sound": one.row.id not in unsound,
            "other_key": one.row.key_id != desk_key.key_id,
        }
        for one in found.steps
    ]


def facts_words(facts: Mapping[str, Any]) -> str:
    """``order a.1, state cancelled``: a step's facts in one line."""
    said = []
    for name, value in facts.items():
        text = _fact(value)
        if text:
            said.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(said)


def _fact(value: Any) -> str:
    if isinstance(value, list):
        shown = [_fact(one) for one in value[:3]]
        more = f" and {len(value) - 3} more" if len(value) > 3 else ""
        return (", ".join(shown) or "none") + more
    if isinstance(value, Mapping):
        return " ".join(_fact(one) for one in value.values())
    return str(value)


def holds_read(sight: Sight, *, names: Mapping[str, str], open_only: bool) -> list[HoldText]:
    """Open holds that may be seen, or the newest lifted ones. Raises db.Error."""
    rows = Hold.objects.select_related("lift").filter(lift__isnull=open_only)
    rows = sight.narrowed_scopes(rows)
    found = list(rows.order_by("-placed_at", "id")[:HISTORY])
    return holds_text(found, names)


def holds_text(rows: list[Hold], names: Mapping[str, str]) -> list[HoldText]:
    proven = effective_at([row.id for row in rows])
    now = dt.datetime.now(dt.UTC)
    return [_text(row, names, proven.get(row.id), now) for row in rows]


def _text(
    row: Hold, names: Mapping[str, str], proven: dt.datetime | None, now: dt.datetime
) -> HoldText:
    lift = getattr(row, "lift", None)
    until = lift.lifted_at if lift else now
    ms = (until - row.placed_at) // dt.timedelta(milliseconds=1)
    took = "latched, not proven"
    if proven is not None:
        us = max(0, (proven - row.placed_at) // dt.timedelta(microseconds=1))
        took = f"effective in {formats.latency(us)}"
    return HoldText(
        id=str(row.id),
        scope=row.scope,
        scope_words=words.scope_words(row.scope),
        kind=row.kind,
        kind_words=words.KIND_WORDS[row.kind],
        glyph=words.GLYPHS[row.kind],
        mode=row.mode,
        reason=row.reason,
        by=_by(row, names),
        since=formats.clock(row.placed_at),
        day=formats.day(row.placed_at),
        age=formats.age(ms, whole=True),
        open=lift is None,
        effective=took,
        lifted=lift_words(row, names),
    )


def lift_words(row: Hold, names: Mapping[str, str]) -> str:
    """``M. Okafor and A. Nwosu``; empty while it is open."""
    lift = getattr(row, "lift", None)
    if lift is None:
        return ""
    people = [words.who_words(one, names) for one in (lift.second, lift.lifted_by) if one]
    return " and ".join(people)


def _by(row: Hold, names: Mapping[str, str]) -> str:
    behalf = f" for {row.on_behalf_of}" if row.on_behalf_of else ""
    return words.who_words(row.placed_by, names) + behalf


def _head(kind: str, scope: str) -> str:
    return f"{words.KIND_WORDS[str(kind)]} on {scope.partition(':')[2] or scope}"


def _counts(scope: str, *, protective_too: bool) -> tuple[int | None, int | None]:
    """Open orders that must go and open positions now; unknown while the database is away."""
    try:
        return orders_going(scope, protective_too=protective_too), positions_open(scope)
    except _AWAY:
        return None, None


def _flatten_ordered(hold_id: uuid.UUID) -> bool:
    """The warrant's id follows from the hold's (trading.liquidation.service)."""
    warrant = entry_id("warrant", str(hold_id))
    return Order.objects.filter(warrant=warrant).exists()


def _unproven(one: Mapping[str, Any]) -> Unproven:
    left = one.get("deadline_ms")
    deadline = "" if left is None else f"proven at the latest in {formats.latency(left * 1000)}"
    return Unproven(str(one["account"]), str(one["why"]), deadline)


def _us(found: Receipt, at: dt.datetime) -> int:
    return max(0, (at - found.row.placed_at) // dt.timedelta(microseconds=1))
