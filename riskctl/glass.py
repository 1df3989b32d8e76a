"""Reads of the glass that one person may break, and what it means for others."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition
from riskctl.models import BreakGlass, BreakGlassUse, Hold

WAITED_FOR = BreakGlassUse.Verdict.WAITED_FOR


@dataclass(frozen=True, slots=True)
class Broken:
    """A use that nobody has reviewed: ``until`` is when its hold returns."""

    id: str
    scope: str
    by: str
    used_at: dt.datetime
    until: dt.datetime

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "scope": self.scope,
            "by": self.by,
            "used_at": self.used_at,
            "until": self.until,
        }


def glass_broken() -> list[Broken]:
    """What waits for a review, the first to return first. Raises django.db.Error."""
    rows = BreakGlassUse.objects.filter(verdict=WAITED_FOR).select_related("hold")
    return [
        Broken(str(row.id), row.hold.scope, row.person, row.used_at, row.until)
        for row in rows.order_by("until", "id")
    ]


def leaves_standing(now: dt.datetime | None = None) -> list[BreakGlass]:
    """Leave that can be used now. Raises django.db.Error."""
    moment = now or database_now()
    rows = BreakGlass.objects.filter(ended_at=None, since__lte=moment, until__gt=moment)
    return list(rows.order_by("until", "id"))


def leave_for(person: str, scope: str) -> BreakGlass | None:
    """The leave that lets ``person`` lift a kill on ``scope`` alone now; the last to end."""
    fitting = [one for one in leaves_standing() if person in one.people and scope in one.scopes]
    return fitting[-1] if fitting else None


def glass_conditions(strategy: str) -> list[Condition]:
    """What glass broken for ``strategy`` asks before it may climb; none while there is none."""
    holds = Hold.objects.filter(scope=f"strategy:{strategy}").values("id")
    rows = BreakGlassUse.objects.filter(verdict=WAITED_FOR, hold__in=holds).order_by("until")
    return [
        Condition(
            "break-glass reviewed",
            False,
            f"{row.person} lifted its kill alone at {row.used_at:%H:%M:%S} UTC: review that first",
            {"use": str(row.id), "until": row.until},
        )
        for row in rows
    ]
