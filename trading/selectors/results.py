"""How strategies, instruments, venue accounts or the firm did over a period. One selector for
pages, REST and conditions.

Money is from fills and mids (trading.portfolio.periodline), exact; ratios of it are floats.
*Sharpe* is of what each ``sharpe_step_s`` made, annualised by 252 days of 24 hours; the capital it
would be of is fixed over the period, so it cancels out; it is None while fewer than twenty steps
made or lost anything. Latencies of processes are of all that they measured in the period. None is
unknown, or nothing to judge. Raises django.db.Error.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from riskctl.models import Limit
from riskctl.rules import FIRM, GROSS_NOTIONAL, account_scope, strategy_scope
from trading.engines.budgets import slippage_budgets
from trading.histograms import Percentiles
from trading.messages import Side
from trading.models import Fill
from trading.portfolio.periodline import BookPeriod, changes, deepest_fall, deepest_share, pnl_line
from trading.portfolio.ratios import sharpe
from trading.portfolio.results import Change, Trips, TripsRow
from trading.selectors.execution import (
    Asked,
    By,
    Span,
    execution_times,
    fill_rates,
    slippage,
)
from trading.selectors.homes import Home, Homes
from trading.selectors.latencies import stage_latencies
from trading.selectors.resultbooks import (
    YEAR_S,
    ZERO,
    Book,
    Grid,
    Key,
    books_read,
    given_of,
    grid_of,
    mids_read,
)
from trading.universe import REPORTING_RATE, UNIVERSE

SHARPE_LEAST = 20
"""Steps in which something was made or lost: a year's ratio of fewer is no figure to trust."""


@dataclass(frozen=True, slots=True)
class Money:
    """USD. ``pnl`` is after fees. ``drawdown``: deepest fall from a peak, not above 0;
    ``drawdown_pct``: deepest by equity at the peak, where a gross-notional limit says what its
    capital is. Both None where the line is not known throughout: the deepest may be in a hole."""

    pnl: Decimal | None
    fees: Decimal
    turnover: Decimal
    fills: int
    drawdown: Decimal | None
    drawdown_pct: Decimal | None
    sharpe: float | None
    sharpe_step_s: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """``risk_check``: of a gateway; ``market_data``: a quote's way to the strategy, on a live feed
    from the exchange's time on, else from its publication; each of the slowest that serves it.
    ``in_part``: over a part of what it is named after, which stands against no capital."""

    name: str
    money: Money
    trips: int
    hit_ratio: Decimal | None
    orders: int
    fill_rate: Decimal | None
    slippage_bp: Decimal | None
    budget_bp: Decimal | None
    order_to_fill: Span
    risk_check: Percentiles | None
    market_data: Percentiles | None
    in_part: bool = False

    @property
    def budget_used(self) -> Decimal | None:
        return budget_used(self.slippage_bp, self.budget_bp)


def budget_used(slippage_bp: Decimal | None, budget_bp: Decimal | None) -> Decimal | None:
    """Of 1; none without a budget, or before anything was filled."""
    return None if slippage_bp is None or budget_bp is None else slippage_bp / budget_bp


def results(asked: Asked, *, now: dt.datetime) -> list[Result]:
    """By name, of whatever traded, ordered or held something since ``asked.since``; strategies, the
    accounts they trade on and the firm also where nothing was done."""
    homes = Homes()
    here = homes.asked(asked)
    grid = grid_of((now - asked.since).total_seconds())
    books = books_read(asked, grid)
    mids = mids_read({symbol for _, _, symbol in books}, asked.since, now, grid)
    trips = _trips(asked, books)
    rates = {one.name: one for one in fill_rates(asked)}
    slips = {one.name: one.mean_bp for one in slippage(asked)}
    times = {one.name: one.send_to_fill for one in execution_times(asked)}
    budgets = slippage_budgets() if asked.by is By.STRATEGY else {}
    groups: dict[str, list[Key]] = defaultdict(list)
    for key, book in books.items():
        if book.fills or book.quantity:
            groups[_name(asked.by, key)].append(key)
    names = sorted({*groups, *rates, *_standing(asked, here)})
    served = _Served(asked, {name: groups.get(name, ()) for name in names}, homes, here)
    found = []
    for name in names:
        mine = groups.get(name, [])
        done, rate = trips.get(name), rates.get(name)
        risk_check, market_data = served.of(name)
        in_part = homes.in_part(asked, name)
        capital = None if in_part else _capital(asked.by, name)
        found.append(
            Result(
                name=name,
                money=_money({one: books[one] for one in mine}, mids, grid, capital),
                trips=done.ended if done else 0,
                hit_ratio=Decimal(done.won) / done.ended if done else None,
                orders=rate.orders if rate else 0,
                fill_rate=rate.rate if rate else None,
                slippage_bp=slips.get(name),
                budget_bp=budgets.get(name),
                order_to_fill=times.get(name, Span(0)),
                risk_check=risk_check,
                market_data=market_data,
                in_part=in_part,
            )
        )
    return found


def _standing(asked: Asked, here: Iterable[Home]) -> set[str]:
    """What has a row although nothing was done: its zeros are known."""
    if asked.by is By.INSTRUMENT:
        return set()
    found = {name for one in here for name in one.names(asked.by)}
    return found & {asked.account} if asked.by is By.VENUE and asked.account else found


def _name(by: By, key: Key) -> str:
    account, strategy, symbol = key
    return {
        By.STRATEGY: strategy, By.INSTRUMENT: symbol, By.VENUE: account, By.FIRM: FIRM,
    }[by]  # fmt: skip


def _money(
    books: Mapping[Key, Book], mids: Mapping[str, list[Decimal | None]], grid: Grid,
    capital: Decimal | None,
) -> Money:  # fmt: skip
    periods = []
    for (_, _, symbol), book in books.items():
        one = UNIVERSE.by_symbol(symbol)
        rate = REPORTING_RATE[one.currency]
        periods.append(BookPeriod(book.held, one.multiplier * rate, rate, mids[symbol], book.moved))
    line = pnl_line(periods, grid.steps)
    whole = None not in line
    share = deepest_share(line, capital) if whole and capital is not None else None
    return Money(
        pnl=line[-1],
        fees=sum((one.fees for one in books.values()), ZERO),
        turnover=sum((one.turnover for one in books.values()), ZERO),
        fills=sum(one.fills for one in books.values()),
        drawdown=deepest_fall(line) if whole else None,
        drawdown_pct=None if share is None else share * 100,
        sharpe=_sharpe(line, grid),
        sharpe_step_s=grid.return_s,
    )


def _sharpe(line: list[Decimal | None], grid: Grid) -> float | None:
    step_s = grid.return_s
    if step_s is None:
        return None
    made = changes(line, grid.every)
    if sum(bool(one) and isfinite(one) for one in made) < SHARPE_LEAST:
        return None
    return sharpe(made, YEAR_S // step_s)


def _capital(by: By, name: str) -> Decimal | None:
    scopes = {
        By.STRATEGY: strategy_scope(name), By.VENUE: account_scope(name), By.FIRM: FIRM,
    }  # fmt: skip
    rows = Limit.objects.filter(scope=scopes.get(by, ""), kind=GROSS_NOTIONAL)
    return rows.values_list("value", flat=True).first()


def _trips(asked: Asked, books: Mapping[Key, Book]) -> dict[str, TripsRow]:
    """Round trips that began and ended in the period, by name."""

    def book_of(key: Key) -> tuple[str, str]:
        return _name(asked.by, key), "/".join(key)

    rows = Fill.objects.filter(recorded_at__gt=asked.since, strategy__isnull=False)
    given = given_of(asked)
    for name in ("strategy", "symbol", "account"):
        if given[name]:
            rows = rows.filter(**{name: given[name]})
    if asked.strategies is not None:
        rows = rows.filter(strategy__in=given["strategies"])
    trips = Trips({book_of(key): book.held for key, book in books.items()})
    found = rows.order_by("account", "sequence").values_list(
        "account_id", "strategy_id", "symbol", "side", "quantity", "price", "fee"
    )
    for account, strategy, symbol, side, quantity, price, fee in found:
        if (account, strategy, symbol) in books:
            signed = quantity if side == Side.BUY else -quantity
            value = signed * price * UNIVERSE.by_symbol(symbol).multiplier
            trips.take(Change(book_of((account, strategy, symbol)), signed, value, fee))
    return trips.rows()


class _Served:
    """Which processes serve whom: an account's gateway, a strategy's shard."""

    def __init__(
        self, asked: Asked, groups: Mapping[str, Collection[Key]], homes: Homes,
        here: Iterable[Home],
    ) -> None:  # fmt: skip
        self._accounts: dict[str, set[str]] = {}
        self._shards: dict[str, set[str]] = {}
        for name, keys in groups.items():
            mine = [one for one in here if name in one.names(asked.by)]
            accounts = {one[0] for one in keys}
            if asked.by is By.VENUE:
                accounts.add(name)
            elif asked.by is not By.INSTRUMENT:
                accounts |= {account for one in mine for account in one.accounts}
            traded = homes.of({one[1] for one in keys})
            self._accounts[name] = accounts
            self._shards[name] = {one.shard for one in (*traded, *mine)}
        self._checks = stage_latencies(
            stage="risk-manager", instances=set().union(*self._accounts.values()),
            since=asked.since,
        )  # fmt: skip
        self._data = stage_latencies(
            stage="indicator-engine", instances=set().union(*self._shards.values()),
            since=asked.since,
        )  # fmt: skip

    def of(self, name: str) -> tuple[Percentiles | None, Percentiles | None]:
        """Of the risk check, and of market data."""
        checks = _slowest(self._checks, self._accounts[name])
        return checks, _slowest(self._data, self._shards[name])


def _slowest(found: Mapping[str, Percentiles], names: Collection[str]) -> Percentiles | None:
    mine = [found[one] for one in names if one in found]
    return max(mine, key=lambda one: one.p99_us, default=None)
