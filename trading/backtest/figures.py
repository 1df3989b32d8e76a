"""What a backtest comes to: equity by day, return and risk, and how its orders did. Pure.

Equity is the strategy's capital, its gross-notional limit, plus PnL after all costs, marked at the
last mid of each day (UTC) that was quoted. A year has as many of those as the data has a year, 252
of an exchange and 365 of a market that never closes, so that markets compare. Costs are the venue's
fees, the spread that orders cross, and an extra slippage on every fill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import numpy as np

from trading.backtest.path import Played
from trading.gateway.book import LiveOrder
from trading.gateway.effects import FillRow, OrderRow
from trading.messages import Side
from trading.orders.states import FINAL
from trading.portfolio import ratios
from trading.portfolio.ledger import EMPTY, Holding, apply_fill
from trading.portfolio.results import Change, Trips
from trading.resume import measures
from trading.ticks import Ticks
from trading.universe import REPORTING_RATE, UNIVERSE, Instrument, from_nano
from trading.venues.base import Filled

DAY_NS = 86_400 * 10**9
YEAR_DAYS = Decimal("365.25")
_BP = Decimal(10_000)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayEquity:
    """``day`` counts from 1970-01-01; USD."""

    day: int
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """USD, shares of 1, basis points. None: nothing to judge."""

    days: Sequence[DayEquity]
    capital: Decimal
    pnl: Decimal
    fees: Decimal
    slippage: Decimal
    turnover: Decimal
    turnover_a_year: Decimal | None
    total_return: float | None
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float | None
    calmar: float | None
    orders: int
    denied: int
    fills: int
    fill_rate: Decimal | None
    slippage_bp: Decimal | None
    trips: int
    hit_ratio: Decimal | None
    signals: int
    quotes: int
    refused: Mapping[str, int]

    @property
    def years(self) -> Decimal:
        return years_of(self.days)


def years_of(days: Sequence[DayEquity]) -> Decimal:
    """From the first day to the last, both whole."""
    return Decimal(days[-1].day - days[0].day + 1) / YEAR_DAYS


def figures_of(played: Played, *, capital: Decimal, slippage_bp: Decimal) -> Figures:
    """Exact decimals for money, floats for ratios."""
    fills = [one for one in played.result.fills if one.order is not None]
    books = _Books(slippage_bp)
    days = list(_days(fills, played.ticks, books, capital))
    equity = [capital, *(one.equity for one in days)]
    returns = [
        float(after / before - 1) if before > 0 else float("nan")
        for before, after in pairwise(equity)
    ]
    years = years_of(days) if days else ZERO
    a_year = len(returns) / float(years) if years else ratios.DAYS
    trips = list(books.trips.rows().values())
    ended, won = sum(one.ended for one in trips), sum(one.won for one in trips)
    sent = _last(played.result.orders)
    turnover = sum((one.turnover for one in books.held.values()), ZERO)
    return Figures(
        days=days,
        capital=capital,
        pnl=equity[-1] - capital,
        fees=sum((one.fees for one in books.held.values()), ZERO),
        slippage=books.slippage,
        turnover=turnover,
        turnover_a_year=turnover / capital / years if years else None,
        total_return=ratios.cumulative(returns),
        annual_return=ratios.annual_return(returns, a_year),
        volatility=ratios.volatility(returns, a_year),
        sharpe=ratios.sharpe(returns, a_year),
        sortino=ratios.sortino(returns, a_year),
        max_drawdown=ratios.max_drawdown(returns),
        calmar=ratios.calmar(returns, a_year),
        orders=len(sent),
        denied=sum(one.order.state in ("denied", "rejected") for one in sent),
        fills=len(fills),
        fill_rate=_fill_rate(sent),
        slippage_bp=_slippage_bp(fills, slippage_bp),
        trips=ended,
        hit_ratio=Decimal(won) / ended if ended else None,
        signals=len(played.result.signals),
        quotes=len(played.ticks) + sum(played.refused.values()),
        refused=dict(played.refused),
    )


def drawdowns(days: Sequence[DayEquity], capital: Decimal) -> list[float]:
    """From the peak so far, 0 or below, a day each."""
    peak, found = capital, []
    for one in days:
        peak = max(peak, one.equity)
        found.append(float(one.equity / peak - 1))
    return found


@dataclass(slots=True)
class _Books:
    """Fills in their order, into the ledger's own books."""

    slippage_bp: Decimal
    held: dict[str, Holding] = field(default_factory=dict)
    trips: Trips = field(default_factory=Trips)
    slippage: Decimal = ZERO

    def take(self, row: FillRow, sequence: int) -> None:
        fill, instrument = row.fill, UNIVERSE.by_symbol(row.fill.symbol)
        value = fill.quantity * fill.price * instrument.multiplier
        extra = value * self.slippage_bp / _BP
        self.slippage += extra * REPORTING_RATE[instrument.currency]
        self.held[fill.symbol] = apply_fill(
            self.held.get(fill.symbol, EMPTY), side=fill.side, quantity=fill.quantity,
            price=fill.price, fee=fill.fee, multiplier=instrument.multiplier, sequence=sequence,
        )  # fmt: skip
        sign = 1 if fill.side is Side.BUY else -1
        book = (row.order.strategy if row.order else "", fill.symbol)
        self.trips.take(Change(book, sign * fill.quantity, sign * value, fill.fee + extra))

    def pnl(self, mids: Mapping[str, Decimal]) -> Decimal:
        """USD after fees and slippage."""
        total = -self.slippage
        for symbol, one in self.held.items():
            instrument = UNIVERSE.by_symbol(symbol)
            open_ = one.quantity * mids[symbol] * instrument.multiplier - one.cost
            total += (one.realised - one.fees + open_) * REPORTING_RATE[instrument.currency]
        return total


def _days(
    fills: Sequence[FillRow], ticks: Ticks, books: _Books, capital: Decimal
) -> Iterable[DayEquity]:
    mids: dict[str, Decimal] = {}
    taken = 0
    for day, closing in _closing(ticks):
        while taken < len(fills) and fills[taken].fill.feed_time_ns // DAY_NS <= day:
            books.take(fills[taken], taken + 1)
            taken += 1
        mids |= closing
        yield DayEquity(day, capital + books.pnl(mids))


def _closing(ticks: Ticks) -> Iterable[tuple[int, dict[str, Decimal]]]:
    """Of each day the last mid of each instrument that was quoted."""
    days = ticks["time"] // DAY_NS
    keys = days * len(UNIVERSE) + ticks["instrument"]
    unique, backwards = np.unique(keys[::-1], return_index=True)
    last = len(keys) - 1 - backwards
    found: dict[int, dict[str, Decimal]] = {}
    for key, at in zip(unique.tolist(), last.tolist(), strict=True):
        day, ident = divmod(int(key), len(UNIVERSE))
        instrument: Instrument = UNIVERSE.by_id(ident)
        mid = from_nano(int(ticks["bid"][at]) + int(ticks["ask"][at])) / 2
        found.setdefault(day, {})[instrument.symbol] = mid
    return sorted(found.items())


def _last(rows: Iterable[OrderRow]) -> list[OrderRow]:
    """Each order as it last stood."""
    return list({one.order.client_order_id: one for one in rows}.values())


def _fill_rate(sent: Sequence[OrderRow]) -> Decimal | None:
    shares = [
        one.order.filled / one.order.quantity
        for one in sent
        if one.order.state in FINAL and one.order.state not in ("denied", "rejected")
    ]
    return sum(shares, ZERO) / len(shares) if shares else None


def _slippage_bp(fills: Sequence[FillRow], extra: Decimal) -> Decimal | None:
    """Against the mid that the strategy saw, by value, with what is charged on top."""
    found = measures.slippage_bp([_traded(one.fill, one.order) for one in fills if one.order])
    return None if found is None else found + extra


def _traded(fill: Filled, order: LiveOrder) -> measures.Traded:
    return measures.Traded(
        symbol=fill.symbol, sign=fill.side.sign, quantity=fill.quantity, price=fill.price,
        fee=fill.fee, unit=UNIVERSE.by_symbol(fill.symbol).unit, reference=order.reference_price,
    )  # fmt: skip
