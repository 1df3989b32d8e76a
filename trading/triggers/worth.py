"""What positions are worth together: of the firm, of each account and of each strategy. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.holds import FIRM
from trading.margin import MARGIN_RATE
from trading.portfolio.books import Books, Counting, PositionRow
from trading.portfolio.market import Market
from trading.portfolio.marks import ZERO, Valuation, value_position
from trading.triggers.carried import Carried
from trading.universe import Universe


@dataclass(slots=True)
class Worth:
    """Positions of one scope together, USD. ``at_ns`` differs when the facts do.

    ``rehearses``: of a strategy, what it has on rehearsal accounts is in it.
    """

    pnl: Decimal = ZERO
    gross: Decimal = ZERO
    net: Decimal = ZERO
    margin: Decimal = ZERO
    largest: Decimal = ZERO
    at_ns: int = 0
    rehearses: bool = False
    at_cost: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    @property
    def detail(self) -> str:
        """What cannot be priced, in words."""
        if self.unknown:
            return f"no value for {', '.join(sorted(self.unknown))}"
        return f"at cost: {', '.join(sorted(self.at_cost))}" if self.at_cost else ""


def worth_by_scope(
    books: Books, market: Market, universe: Universe, carried: Carried
) -> dict[str, Worth]:
    """Of the firm, every account and every strategy, also those without a position.

    What lies on rehearsal accounts counts there, and elsewhere as ``Counting`` has it.
    """
    counting, paper = Counting(books), dict[str, str]()
    found: dict[str, Worth] = defaultdict(Worth)
    for scope in _scopes(books):
        found[scope] = Worth()
    read_ns = 0 if books.as_of is None else int(books.as_of.timestamp() * 1e6) * 1000
    for row in books.positions:
        worth, fresh_ns, at_cost = _value(row, market, universe)
        if worth.unrealised is not None:
            rehearsal = not counting.firm(row)
            carried.quoted(row, worth.unrealised, at_cost=at_cost, rehearsal=rehearsal)
        if not counting.firm(row):
            paper[row.strategy] = row.account
        for scope in _counted_in(row, counting):
            _add(found[scope], row, worth, universe, at_cost=at_cost)
            found[scope].at_ns += fresh_ns
    for one in books.strategies:
        for scope in (FIRM, f"venue:{one.account}", f"strategy:{one.key}"):
            found[scope].pnl -= carried.offset(one.key)
        if one.key in paper:
            offset, of_strategy = (
                carried.offset(one.key, rehearsal=True),
                counting.rehearses(one.key),
            )
            found[f"venue:{paper[one.key]}"].pnl -= offset
            found[f"strategy:{one.key}"].rehearses = of_strategy
            found[f"strategy:{one.key}"].pnl -= offset if of_strategy else ZERO
    for total in found.values():
        total.at_ns += read_ns
    carried.valued()
    return dict(found)


def _counted_in(row: PositionRow, counting: Counting) -> Iterator[str]:
    yield f"venue:{row.account}"
    if counting.firm(row):
        yield FIRM
    if counting.strategy(row):
        yield f"strategy:{row.strategy}"


def _scopes(books: Books) -> Iterable[str]:
    yield FIRM
    yield from (f"venue:{one.name}" for one in books.accounts)
    yield from (f"strategy:{one.key}" for one in books.strategies)


def _value(row: PositionRow, market: Market, universe: Universe) -> tuple[Valuation, int, bool]:
    """Its worth, the time of its quote (0: flat or none), and whether it counts at cost."""
    if row.symbol not in universe:
        return Valuation(None, None, None, None, None), 0, False
    instrument = universe.by_symbol(row.symbol)
    quote = market.quote(row.symbol) if row.quantity else None
    at_cost = bool(row.quantity) and quote is None
    mark = None if quote is None else quote.mid
    if at_cost:
        mark = row.cost / (row.quantity * instrument.multiplier)
    worth = value_position(
        quantity=row.quantity,
        cost=row.cost,
        realised=row.realised,
        fees=row.fees,
        mark=mark,
        instrument=instrument,
    )
    return worth, 0 if quote is None else quote.time_ns, at_cost


def _add(
    worth: Worth, row: PositionRow, one: Valuation, universe: Universe, *, at_cost: bool
) -> None:
    if one.pnl is None or one.gross is None or one.net is None:
        worth.unknown.add(row.symbol)
        return
    if at_cost:
        worth.at_cost.add(row.symbol)
    worth.pnl += one.pnl
    worth.gross += one.gross
    worth.net += one.net
    worth.margin += one.gross * MARGIN_RATE[universe.by_symbol(row.symbol).asset_class]
    worth.largest = max(worth.largest, one.gross)
