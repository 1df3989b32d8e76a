"""Positions as they are worth now, and in whose figures they count. Pure."""

from dataclasses import dataclass

from trading.portfolio.books import Books, Counting, PositionRow
from trading.portfolio.market import Market
from trading.portfolio.marks import UNKNOWN, StrategyWorth, Valuation, total, value_position
from trading.universe import Universe


@dataclass(frozen=True)
class Holding:
    """``firm``: it counts in the firm's figures; ``counts``: in its strategy's."""

    row: PositionRow
    worth: Valuation
    firm: bool
    counts: bool


def holdings_of(
    books: Books, market: Market, universe: Universe, counting: Counting
) -> dict[str, list[Holding]]:
    """By strategy."""
    held: dict[str, list[Holding]] = {one.key: [] for one in books.strategies}
    for row in books.positions:
        worth = _value_of(row, market, universe)
        held.setdefault(row.strategy, []).append(
            Holding(row, worth, counting.firm(row), counting.strategy(row))
        )
    return held


def strategy_pnl(books: Books, market: Market, universe: Universe) -> dict[str, StrategyWorth]:
    """Each strategy's valuation now, all its symbols together."""
    counting = Counting(books)
    return {
        key: StrategyWorth(
            worth=total(one.worth for one in held if one.counts),
            paper=total(one.worth for one in held if not one.firm).pnl,
            rehearses=counting.rehearses(key),
        )
        for key, held in holdings_of(books, market, universe, counting).items()
    }


def _value_of(row: PositionRow, market: Market, universe: Universe) -> Valuation:
    """Worth of one stored position at the market's latest quotes."""
    if row.symbol not in universe:
        return UNKNOWN
    quote = market.quote(row.symbol)
    return value_position(
        quantity=row.quantity,
        cost=row.cost,
        realised=row.realised,
        fees=row.fees,
        mark=None if quote is None else quote.mid,
        instrument=universe.by_symbol(row.symbol),
    )
