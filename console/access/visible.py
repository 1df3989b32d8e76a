"""What somebody may see: everything, or the strategies of own desks. Nothing else is sent.

The firm's own state is for everybody who is signed in. Of an account, an instrument or a venue
that a strategy of theirs trades, holds are shown; its sums only where every strategy on it is
theirs. A token sees what its owner sees.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from console.access.capability import Capability
from console.access.desks import VIEW, Held
from console.access.rights import Rights, rights_of, rights_read
from console.access.roles import sees_all
from console.access.sessions import Person
from console.models import ApiToken
from riskctl.actors import NotAllowedError
from riskctl.holds import FIRM, TRADER, slug

M = TypeVar("M", bound=Model)

WHO = "its desk, risk, SRE and compliance"


class NotSeenError(NotAllowedError, PermissionDenied):
    """The same for what is not theirs to see and for what is not there."""


@dataclass(frozen=True, slots=True)
class Sight:
    """``strategies`` None: all there is, and then the rest says nothing.

    ``everything``: there is no strategy that is not visible; ``accounts``: on which visible ones
    trade; ``whole``: on which no other does; ``scopes``: of holds that are shown.
    """

    strategies: frozenset[str] | None = None
    everything: bool = False
    accounts: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    @property
    def all(self) -> bool:
        return self.strategies is None

    def sees(self, strategy: str | None) -> bool:
        """``None`` stands for what is nobody's: only who sees all of it does."""
        return self.strategies is None or strategy in self.strategies

    def sees_scope(self, scope: str) -> bool:
        return self.all or scope in self.scopes

    def sees_account(self, account: str) -> bool:
        return self.all or account in self.accounts

    def sees_whole(self, account: str) -> bool:
        """Whether sums over the account hold nothing of others."""
        return self.all or account in self.whole

    def sums(self, scope: str) -> bool:
        """Whether figures over ``scope`` hold nothing of others."""
        kind, _, name = scope.partition(":")
        if self.all or kind == FIRM:
            return self.all or self.everything
        return name in self.whole if kind == "venue" else scope in self.scopes

    def narrowed(self, rows: QuerySet[M], field: str = "strategy") -> QuerySet[M]:
        """Rows of visible strategies."""
        if self.strategies is None:
            return rows
        return rows.filter(**{f"{field}__in": sorted(self.strategies)})

    def narrowed_scopes(self, rows: QuerySet[M], field: str = "scope") -> QuerySet[M]:
        """Rows on visible scopes."""
        return rows if self.all else rows.filter(**{f"{field}__in": sorted(self.scopes)})

    def narrowed_accounts(self, rows: QuerySet[M], field: str = "account") -> QuerySet[M]:
        """Rows about whole accounts."""
        return rows if self.all else rows.filter(**{f"{field}__in": sorted(self.whole)})

    def check(self, strategy: str) -> None:
        """Raises NotSeenError."""
        if not self.sees(strategy):
            raise NotSeenError(
                "strategy-not-yours",
                f"{strategy[:60]} is on no desk of yours: {WHO} see it. Ask an administrator for a"
                " place on its desk.",
            )

    def check_scope(self, scope: str) -> None:
        """As ``check``, for what lies on ``scope``."""
        if not self.sees_scope(scope):
            raise NotSeenError(
                "scope-not-yours",
                f"{scope} has to do with no strategy of your desks: {WHO} see it. Ask an"
                " administrator for a place on its desk.",
            )


ALL = Sight()
NOTHING = Sight(frozenset(), scopes=frozenset({FIRM}))
"""Of people who see no strategy: the firm's state alone."""


def sight_of(request: HttpRequest, behind: Person | ApiToken | Capability) -> Sight:
    """Of who stands behind ``request``. Raises db.Error unless it is a capability."""
    if isinstance(behind, Capability):
        return _carried(behind)
    return sight_in(rights_of(request, _name(behind)))


def sight_read(username: str) -> Sight:
    """Of this person now: two statements at most. Raises db.Error."""
    return sight_in(rights_read(username))


def sight_in(rights: Rights) -> Sight:
    if sees_all(rights.roles):
        return ALL
    if TRADER not in rights.roles:
        return NOTHING
    return _over(rights.held)


def _over(held: Iterable[Held]) -> Sight:
    known = list(held)
    mine = [one for one in known if VIEW in one.rights]
    others = {name for one in known if VIEW not in one.rights for name, _, _ in one.places}
    places = [place for one in mine for place in one.places]
    accounts = {name for name, _, _ in places}
    scopes = {FIRM}
    for one in mine:
        scopes |= {f"strategy:{one.key}", *(f"instrument:{symbol}" for symbol in one.symbols)}
    for name, _, venue in places:
        scopes |= {f"venue:{name}", f"venue:{slug(venue)}"}
    rehearsals = {rehearsal for _, rehearsal, _ in places if rehearsal}
    return Sight(
        strategies=frozenset(one.key for one in mine),
        everything=not others,
        accounts=frozenset(accounts | rehearsals),
        whole=frozenset(accounts - others),
        scopes=frozenset(scopes | {f"venue:{one}" for one in rehearsals}),
    )


def _name(behind: Person | ApiToken) -> str:
    return behind.owner.get_username() if isinstance(behind, ApiToken) else behind.name


def _carried(behind: Capability) -> Sight:
    """The database is away, and nothing is read but what there is to stop."""
    if sees_all(behind.scopes):
        return ALL
    own = frozenset(behind.owns)
    return Sight(own, scopes=frozenset({FIRM, *(f"strategy:{one}" for one in own)}))


def trigger_shown(row: Mapping[str, Any], sight: Sight) -> Mapping[str, Any] | None:
    """A trigger's row as published; without its figures where they hold those of others, None where
    its scope is not theirs to see."""
    scope = str(row.get("scope"))
    if not sight.sees_scope(scope):
        return None
    return row if sight.sums(scope) else {**row, "value": None, "share": None, "detail": ""}


def seen_only(rows: Iterable[Any], sight: Sight) -> list[Any]:
    """Rows in memory that have a ``strategy``."""
    return [one for one in rows if sight.sees(one.strategy)]
