"""Which requests somebody sees: their own, and those of their roles on what they see.

What a request is about is a scope; one about people, tokens or triggers is about none, and is for
the roles that decide such.
"""

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from console.access.rights import rights_of, roles_of
from console.access.sessions import Person
from console.access.visible import NotSeenError, Sight, sight_of
from console.models import ApiToken
from riskctl.actors import Actor
from riskctl.approvals.deciding import waiting_for
from riskctl.approvals.kinds import KINDS
from riskctl.models import Approval

SCOPED = frozenset(
    {"hold-lift", "stage-promote", "size-raise", "limit-raise", "break-accept", "engine-apply"}
)
"""Kinds that are about a scope; all others are about none."""


@dataclass(frozen=True, slots=True)
class RequestSight:
    """As much as ``name`` with these ``roles`` sees of requests."""

    name: str
    roles: frozenset[str]
    sight: Sight

    def narrowed(self, rows: QuerySet[Approval]) -> QuerySet[Approval]:
        if self.sight.all:
            return rows
        mine = Q(requested_by=self.name) | Q(decided_by=self.name)
        kinds = sorted(name for name, kind in KINDS.items() if kind.roles & self.roles)
        unscoped = [one for one in kinds if one not in SCOPED]
        scoped = Q(kind__in=kinds) & self._about()
        return rows.filter(mine | Q(kind__in=unscoped) | scoped)

    def check(self, row: Approval) -> None:
        """Raises NotSeenError."""
        if not self.narrowed(Approval.objects.filter(id=row.id)).exists():
            raise NotSeenError(
                "approval-not-yours-to-see",
                "This request is about nothing that you see, and your roles do not decide it.",
            )

    def _about(self) -> Q:
        """Requests whose scope is seen, by the form that their kind's subject has."""
        found = Q(kind="hold-lift", asked_in__scope__in=sorted(self.sight.scopes))
        for scope in sorted(self.sight.scopes):
            kind, _, name = scope.partition(":")
            if kind == "strategy":
                found |= Q(subject=scope)
            if kind in ("firm", "strategy"):
                found |= Q(subject__startswith=f"limit:{scope}/")
            if kind == "venue":
                found |= Q(subject=f"account:{name}")
                found |= Q(subject__startswith=f"limit:account:{name}/")
        return found


def requests_seen(request: HttpRequest, behind: Person | ApiToken) -> RequestSight:
    """Of who stands behind ``request``; a token sees what its owner sees. Raises db.Error."""
    name = behind.owner.get_username() if isinstance(behind, ApiToken) else behind.name
    return RequestSight(name, rights_of(request, name).roles, sight_of(request, behind))


def requests_waiting(actor: Actor, seen: RequestSight) -> list[Approval]:
    """Pending requests that ``actor`` may decide and sees. Raises db.Error."""
    found = waiting_for(actor, roles_of)
    if seen.sight.all or not found:
        return found
    rows = Approval.objects.filter(id__in=[one.id for one in found])
    ids = set(seen.narrowed(rows).values_list("id", flat=True))
    return [one for one in found if one.id in ids]
