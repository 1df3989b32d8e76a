"""What a hold's scope covers: strategies, and the accounts they trade on."""

from collections.abc import Sequence
from dataclasses import dataclass

from riskctl.holds import FIRM, HoldFact, slug
from riskctl.selectors import open_holds
from trading.models import Strategy, VenueAccount
from trading.rehearsals import rehearsal_accounts


@dataclass(frozen=True, slots=True)
class Covered:
    """``accounts`` without those that only others rehearse on: a paper run there goes on."""

    strategies: Sequence[Strategy]
    accounts: Sequence[VenueAccount]

    @property
    def symbols(self) -> list[str]:
        return sorted({symbol for one in self.strategies for symbol in one.symbols})


def covered(scope: str) -> Covered:
    """Strategies by key, accounts by name."""
    kind, _, name = scope.partition(":")
    strategies = [
        one
        for one in Strategy.objects.select_related("account", "second_account").order_by("key")
        if _covers(kind, name, one)
    ]
    if kind in (FIRM, "venue"):
        accounts = [
            one
            for one in VenueAccount.objects.order_by("name")
            if kind == FIRM or name in (one.name, slug(one.venue))
        ]
        rehearsals = rehearsal_accounts()
        accounts = [one for one in accounts if one.name not in rehearsals or one.name == name]
    else:
        theirs = {account for one in strategies for account in one.accounts}
        accounts = sorted(theirs, key=lambda one: one.name)
    return Covered(strategies, accounts)


def _covers(kind: str, name: str, one: Strategy) -> bool:
    if kind == FIRM:
        return True
    if kind == "venue":
        return any(name in (account.name, slug(account.venue)) for account in one.accounts)
    return name == one.key if kind == "strategy" else name in one.symbols


def scopes_over(strategy: Strategy) -> set[str]:
    """Every scope that a hold on this strategy's orders may lie on."""
    return {
        FIRM,
        *(f"venue:{one.name}" for one in strategy.accounts),
        *(f"venue:{slug(one.venue)}" for one in strategy.accounts),
        f"strategy:{strategy.key}",
        *(f"instrument:{symbol}" for symbol in strategy.symbols),
    }


def holds_over(strategies: Sequence[Strategy], scope: str) -> list[HoldFact]:
    """Open holds on ``scope`` or on anything that applies to one of ``strategies``."""
    scopes = {FIRM, scope}.union(*(scopes_over(one) for one in strategies))
    return open_holds(scopes)
