"""Where strategies trade: of which of them a question over the books is, and whether that is all.

Raises django.db.Error.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from riskctl.rules import FIRM
from trading.models import Strategy
from trading.selectors.execution import Asked, By


@dataclass(frozen=True, slots=True)
class Home:
    """``rehearsals``: accounts where it trades while it stands on paper."""

    key: str
    accounts: frozenset[str]
    rehearsals: frozenset[str]
    symbols: frozenset[str]
    shard: str

    def names(self, by: By) -> frozenset[str]:
        """In which rows it has a place, though it holds nothing there."""
        return {
            By.STRATEGY: frozenset({self.key}), By.INSTRUMENT: self.symbols,
            By.VENUE: self.accounts, By.FIRM: frozenset({FIRM}),
        }[by]  # fmt: skip


class Homes:
    """Of all strategies, read once."""

    def __init__(self) -> None:
        rows = Strategy.objects.order_by("key").values_list(
            "key", "account_id", "second_account_id", "account__rehearsal_id",
            "second_account__rehearsal_id", "symbols", "shard",
        )  # fmt: skip
        self._all = {
            key: Home(
                key, _known(first, second), _known(paper, second_paper),
                frozenset(str(one) for one in symbols), f"shard:{shard}",
            )
            for key, first, second, paper, second_paper, symbols, shard in rows
        }  # fmt: skip

    def of(self, keys: Iterable[str]) -> list[Home]:
        return [self._all[one] for one in keys if one in self._all]

    def asked(self, asked: Asked) -> list[Home]:
        """Those that a row of ``asked`` may be about."""
        return [
            one
            for one in self._all.values()
            if (asked.strategies is None or one.key in asked.strategies)
            and asked.strategy in ("", one.key)
            and (not asked.symbol or asked.symbol in one.symbols)
            and (not asked.account or asked.account in one.accounts)
        ]

    def in_part(self, asked: Asked, name: str) -> bool:
        """Whether the row ``name`` leaves out something of what it is named after: by what was
        asked for, or because strategies trade there that may not be seen."""
        named = {By.STRATEGY: asked.strategy, By.INSTRUMENT: asked.symbol, By.VENUE: asked.account}
        if any(one for by, one in named.items() if by is not asked.by):
            return True
        if asked.strategies is None or asked.by is By.STRATEGY:
            return False
        unseen = (one for key, one in self._all.items() if key not in asked.strategies)
        return any(
            name in one.names(asked.by) or (asked.by is By.VENUE and name in one.rehearsals)
            for one in unseen
        )


def _known(*names: str | None) -> frozenset[str]:
    return frozenset(one for one in names if one)
