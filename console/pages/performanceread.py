"""Strategies, instruments, venue accounts or the firm beside each other over a period, in words.

``?by=venue&period=7d&sort=-slippage``, and ``strategy``, ``symbol`` or ``account`` of which alone;
what the address asks wrongly is as if it were not there. What is unknown comes last either way.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from console.pages import formats
from console.pages.resultread import (
    budget_text,
    fall_of,
    hit_text,
    latency_text,
    percent,
    ratio_text,
    span_text,
)
from riskctl.models import Stage
from riskctl.rungs import Rung
from trading.models import Strategy, VenueAccount
from trading.selectors.execution import Asked, By
from trading.selectors.results import Result, results

PERIODS = {
    "1h": ("1 h", dt.timedelta(hours=1)), "24h": ("24 h", dt.timedelta(days=1)),
    "7d": ("7 d", dt.timedelta(days=7)), "30d": ("30 d", dt.timedelta(days=30)),
}  # fmt: skip
WORDS = {
    By.STRATEGY: "Strategy", By.INSTRUMENT: "Instrument", By.VENUE: "Venue account",
    By.FIRM: "Firm",
}  # fmt: skip
NAME = "name"
ONLY = ("strategy", "symbol", "account")
_PLAIN = {"by": str(By.STRATEGY), "period": "24h", "sort": NAME}
_LONGEST = 60
_SHARES = "p50 · p95 · p99"


@dataclass(frozen=True)
class Column:
    """A measure: what it is sorted by, of ``of`` alone where it is not of all."""

    label: str
    unit: str
    value: Callable[[Result], Any]
    text: Callable[[Result], str]
    of: Collection[By] = tuple(By)


def _fallen(one: Result) -> Decimal | None:
    return None if one.money.drawdown is None else -one.money.drawdown


COLUMNS: dict[str, Column] = {
    "pnl": Column(
        "PnL after fees", "USD", lambda one: one.money.pnl,
        lambda one: formats.number(one.money.pnl, 2, plus=True),
    ),
    "fall": Column(
        "Drawdown", "USD", _fallen,
        lambda one: formats.number(_fallen(one), 2),
    ),
    "drawdown": Column(
        "Drawdown", "% of equity", fall_of,
        lambda one: formats.number(fall_of(one), 2), (By.STRATEGY, By.VENUE, By.FIRM),
    ),
    "sharpe": Column(
        "Sharpe", "annualised", lambda one: one.money.sharpe,
        lambda one: ratio_text(one.money.sharpe),
    ),
    "turnover": Column(
        "Turnover", "USD", lambda one: one.money.turnover,
        lambda one: formats.number(one.money.turnover, 0),
    ),
    "hit": Column("Hit ratio", "% of round trips", lambda one: one.hit_ratio, hit_text),
    "orders": Column("Orders", "made", lambda one: one.orders, lambda one: f"{one.orders:,}"),
    "filled": Column(
        "Fill rate", "%", lambda one: one.fill_rate,
        lambda one: formats.number(percent(one.fill_rate), 1),
    ),
    "slippage": Column(
        "Slippage", "bp of arrival", lambda one: one.slippage_bp,
        lambda one: formats.number(one.slippage_bp, 2),
    ),
    "budget": Column(
        "Slippage", "% of budget", lambda one: one.budget_used, budget_text, (By.STRATEGY,)
    ),
    "fill-time": Column(
        "Order to fill", f"ms, {_SHARES}", lambda one: one.order_to_fill.p99_ms,
        lambda one: span_text(one.order_to_fill),
    ),
    "risk-check": Column(
        "Risk check", f"µs, {_SHARES}", lambda one: one.risk_check and one.risk_check.p99_us,
        lambda one: latency_text(one.risk_check),
    ),
    "market-data": Column(
        "Market data", f"µs, {_SHARES}",
        lambda one: one.market_data and one.market_data.p99_us,
        lambda one: latency_text(one.market_data),
    ),
}  # fmt: skip


def columns_of(by: By) -> dict[str, Column]:
    return {name: one for name, one in COLUMNS.items() if by in one.of}


@dataclass(frozen=True)
class Chosen:
    """``sort``: a column of its, or NAME; ``only``: of one strategy, symbol or account, by ONLY."""

    by: By
    period: str
    sort: str
    down: bool
    only: Mapping[str, str]

    def address(self, **changes: Any) -> str:
        """The query that says this with ``changes``; ``?`` for the plain."""
        values: dict[str, Any] = {
            "by": self.by, "period": self.period, "sort": self.sort, "down": self.down,
            "only": self.only,
        } | changes  # fmt: skip
        said = {
            "by": str(values["by"]), "period": values["period"],
            "sort": f"{'-' if values['down'] else ''}{values['sort']}",
        }  # fmt: skip
        kept = {name: one for name, one in said.items() if one != _PLAIN[name]}
        return "?" + urlencode(kept | dict(values["only"]))


def chosen(query: Mapping[str, str]) -> Chosen:
    by = query.get("by", "")
    chosen_by = By(by) if by in set(By) else By.STRATEGY
    period, sort = query.get("period", ""), query.get("sort", "")
    name = sort.removeprefix("-")
    known = name == NAME or name in columns_of(chosen_by)
    return Chosen(
        by=chosen_by,
        period=period if period in PERIODS else _PLAIN["period"],
        sort=name if known else NAME,
        down=known and sort.startswith("-"),
        only={one: query[one][:_LONGEST] for one in ONLY if query.get(one)},
    )


@dataclass(frozen=True)
class Row:
    """``href``: of the strategy, or of what narrows to this; ``money``: that it is not real;
    ``in_part``: not over all that ``name`` stands for."""

    name: str
    href: str
    money: str
    in_part: bool
    tone: str
    pnl: str
    cells: list[str]


def performance_rows(
    view: Chosen, now: dt.datetime, strategies: Collection[str] | None
) -> list[Row]:
    """Over ``strategies`` alone where given. Raises django.db.Error."""
    since = now - PERIODS[view.period][1]
    found = results(Asked(since, view.by, strategies=strategies, **view.only), now=now)
    money = _not_real(view.by, [one.name for one in found])
    columns = columns_of(view.by)
    return [
        Row(
            name=one.name,
            href=_leads_to(view, one.name),
            money=money.get(one.name, ""),
            in_part=one.in_part,
            tone=formats.tone(one.money.pnl),
            pnl=columns["pnl"].text(one),
            cells=[column.text(one) for name, column in columns.items() if name != "pnl"],
        )
        for one in _sorted(view, found)
    ]


def _sorted(view: Chosen, found: Iterable[Result]) -> list[Result]:
    value = (lambda one: one.name) if view.sort == NAME else COLUMNS[view.sort].value
    every = sorted(found, key=lambda one: one.name)
    known = [one for one in every if value(one) is not None]
    known.sort(key=value, reverse=view.down)
    return known + [one for one in every if value(one) is None]


def _leads_to(view: Chosen, name: str) -> str:
    if view.by is By.STRATEGY:
        return f"{reverse('strategy', args=[name])}#performance"
    field = {By.INSTRUMENT: "symbol", By.VENUE: "account"}.get(view.by)
    if field is None:
        return ""
    return view.address(by=By.STRATEGY, sort=NAME, down=False, only={**view.only, field: name})


def _not_real(by: By, names: Collection[str]) -> dict[str, str]:
    """By name, in words, where its money is not real, or not all of it.

    None where the frame says of the whole desk that it is simulated.
    """
    if not VenueAccount.objects.filter(live=True).exists():
        return {}
    if by is By.VENUE:
        simulated = VenueAccount.objects.filter(name__in=names, live=False)
        return dict.fromkeys(simulated.values_list("name", flat=True), "simulated")
    if by is not By.STRATEGY:
        return {}
    rows = Strategy.objects.select_related("account", "second_account").filter(key__in=names)
    real = set(
        Stage.objects.filter(rung__in=(Rung.RAMP, Rung.LIVE)).values_list("strategy", flat=True)
    )
    said = {}
    for one in rows:
        if not any(account.live for account in one.accounts):
            said[one.key] = "simulated"
        elif one.rehearsal_ids and one.key not in real:
            said[one.key] = "with paper money"
    return said
