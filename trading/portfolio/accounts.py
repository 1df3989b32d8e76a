"""A strategy's figures by venue account: what accounts' limits and lists are made of. Pure."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from trading.portfolio.books import Books, Counting, StrategyRow
from trading.portfolio.holdings import Holding
from trading.portfolio.marks import less, total
from trading.portfolio.text import money

ZERO = Decimal(0)


def accounts_body(
    row: StrategyRow, held: Sequence[Holding], books: Books, counting: Counting
) -> list[dict[str, Any]]:
    """Its own accounts, then others where it holds something or traded today.

    ``held``: all its books, with those that do not count for it: they do for their account.
    """
    venues = {one.name: one.venue for one in books.accounts}
    moved = {one.row.account for one in held if _moved(one, books.day)}
    paper = [one for one in held if not one.firm]
    pnl = {
        **_pnl([one for one in held if one.firm], books.day, books.baselines.get(row.key, ZERO)),
        **_pnl(paper, books.day, books.rehearsed.get(row.key, ZERO)),
    }
    found = []
    for account in (*row.accounts, *sorted(moved.difference(row.accounts))):
        worth = total(one.worth for one in held if one.row.account == account)
        found.append(
            {
                "account": account,
                "venue": venues.get(account, ""),
                "rehearsal": not counting.real(account),
                "pnl": money(pnl.get(account, ZERO)),
                "gross": money(worth.gross),
                "net": money(worth.net),
                "orders_open": books.orders_open.get((row.key, account), 0),
            }
        )
    return found


def used_apart(
    row: StrategyRow, held: Sequence[Holding], books: Books, counting: Counting
) -> tuple[Decimal | None, int]:
    """Gross exposure and open orders as its limits are judged: gateways of real accounts know of
    nothing on paper, nor the other way round, so it is what more of is used."""
    gross = [total(one.worth for one in held if one.firm is real).gross for real in (True, False)]
    orders = {True: 0, False: 0}
    for (strategy, account), count in books.orders_open.items():
        if strategy == row.key:
            orders[counting.real(account)] += count
    known = [one for one in gross if one is not None]
    return (max(known) if len(known) == len(gross) else None), max(orders.values())


def _pnl(
    held: Sequence[Holding], day: dt.datetime | None, base: Decimal
) -> Mapping[str, Decimal | None]:
    """PnL today by account. What the day began with is kept for all of them together, so it can
    be said while one alone has moved since; of several it is unknown."""
    names = {one.row.account for one in held if _moved(one, day)}
    names = names or {one.row.account for one in held}
    if len(names) > 1:
        return dict.fromkeys(names)
    return dict.fromkeys(names, less(total(one.worth for one in held).pnl, base))


def _moved(one: Holding, day: dt.datetime | None) -> bool:
    """Whether it may have made or lost something today."""
    at = one.row.updated_at
    return bool(one.row.quantity) or day is None or at is None or at >= day
