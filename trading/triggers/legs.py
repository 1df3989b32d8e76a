"""Open legs of arbitrage strategies, from the books: the half of the rule that needs no strategy.

An arbitrage holds two positions of the same worth, one long and one short. One that stands alone,
or nearly so, is counted from the moment it is seen. Pure.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import OPEN_LEG
from trading.clock import NS
from trading.portfolio.books import Books, PositionRow
from trading.portfolio.market import Market
from trading.universe import REPORTING_RATE, Universe

ARBITRAGE = "arbitrage"
UNHEDGED = Decimal("0.1")
"""More than this share of what is held, either way, is an open leg; less is lots and prices."""


class LegWatch:
    """Since when each strategy's legs have not matched."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._since: dict[str, int] = {}

    def readings(self, books: Books, market: Market, boot_ns: int) -> Iterable[Reading]:
        """Seconds, of every arbitrage strategy; 0 while its legs match."""
        for one in books.strategies:
            if one.kind != ARBITRAGE:
                continue
            rows = [row for row in books.positions if row.strategy == one.key and row.quantity]
            leg = self._open_leg(rows, market)
            if not leg:
                self._since.pop(one.key, None)
            since = self._since.setdefault(one.key, boot_ns) if leg else boot_ns
            seconds = Decimal((boot_ns - since) // (NS // 100)) / 100
            yield Reading(OPEN_LEG, f"strategy:{one.key}", seconds, boot_ns, leg)

    def _open_leg(self, rows: Sequence[PositionRow], market: Market) -> str:
        """The larger leg in words where the two do not match; empty when they do."""
        worth = {row: self._worth(row, market) for row in rows}
        gross = sum((abs(one) for one in worth.values()), Decimal(0))
        net = abs(sum(worth.values(), Decimal(0)))
        if not worth or net <= gross * UNHEDGED:
            return ""
        row = max(worth, key=lambda one: abs(worth[one]))
        return f"leg {row.symbol} {row.quantity.normalize():f} on {row.account} is not hedged"

    def _worth(self, row: PositionRow, market: Market) -> Decimal:
        """USD, signed; at what it cost where this feed has no price."""
        if row.symbol not in self._universe:
            return row.cost
        instrument = self._universe.by_symbol(row.symbol)
        quote = market.quote(row.symbol)
        rate = REPORTING_RATE[instrument.currency]
        if quote is None:
            return row.cost * rate
        return row.quantity * quote.mid * instrument.multiplier * rate
