"""Open legs of arbitrage strategies, from the books: the half of the rule that needs no strategy.

An arbitrage holds two positions of the same worth, one long and one short. One that stands alone,
or nearly so, is counted from the moment it is seen. Worth is what they cost: a price that is not
there, or that moved, opens no leg. What lies on rehearsal accounts is judged apart: paper hedges
nothing. Pure.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import OPEN_LEG
from trading.clock import NS
from trading.portfolio.books import Books, PositionRow
from trading.universe import REPORTING_RATE, Universe

ARBITRAGE = "arbitrage"
UNHEDGED = Decimal("0.1")
"""More than this share of what is held, either way, is an open leg; less is lots and prices."""


class LegWatch:
    """Since when each strategy's legs have not matched, on paper and not."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._since: dict[tuple[str, bool], int] = {}

    def readings(self, books: Books, boot_ns: int) -> Iterable[Reading]:
        """Seconds, of every arbitrage strategy; 0 while its legs match."""
        rehearsals = {one.name for one in books.accounts if one.rehearsal}
        for one in books.strategies:
            if one.kind != ARBITRAGE:
                continue
            rows = [row for row in books.positions if row.strategy == one.key and row.quantity]
            paper = rehearsals.difference(one.accounts)
            since, leg = min(
                self._standing(
                    (one.key, on_paper),
                    [row for row in rows if (row.account in paper) is on_paper],
                    boot_ns,
                )
                for on_paper in (False, True)
            )
            seconds = Decimal((boot_ns - since) // (NS // 100)) / 100
            yield Reading(OPEN_LEG, f"strategy:{one.key}", seconds, boot_ns, leg)

    def _standing(
        self, name: tuple[str, bool], rows: Sequence[PositionRow], boot_ns: int
    ) -> tuple[int, str]:
        """Since when a leg is open, and which; now and empty while none is."""
        leg = self._open_leg(rows)
        if not leg:
            self._since.pop(name, None)
            return boot_ns, ""
        return self._since.setdefault(name, boot_ns), leg

    def _open_leg(self, rows: Sequence[PositionRow]) -> str:
        """The larger leg in words where the two do not match; empty when they do."""
        worth = {row: self._cost(row) for row in rows}
        gross = sum((abs(one) for one in worth.values()), Decimal(0))
        net = abs(sum(worth.values(), Decimal(0)))
        if not worth or net <= gross * UNHEDGED:
            return ""
        row = max(worth, key=lambda one: abs(worth[one]))
        return f"leg {row.symbol} {row.quantity.normalize():f} on {row.account} is not hedged"

    def _cost(self, row: PositionRow) -> Decimal:
        """USD, signed."""
        if row.symbol not in self._universe:
            return row.cost
        return row.cost * REPORTING_RATE[self._universe.by_symbol(row.symbol).currency]
