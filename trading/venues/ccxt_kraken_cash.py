"""Kraken Futures' words for cash: what executions cost, what else moved it, open positions."""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from trading.venues.ccxt_dialect import LogLine
from trading.venues.ccxt_markets import Markets

Line = Mapping[str, Any]
FUNDING = "funding"
KIND = 40
"""So much of its word for a movement is kept."""


def fees_of(lines: Iterable[Line]) -> dict[str, Decimal]:
    """Execution -> fee. A trade has a line for its position and one for its cash, in any order;
    the fee is cash's, and of the position's line only where there is no other."""
    fees: dict[str, Decimal] = {}
    for one in sorted(lines, key=_of_cash):
        if one.get("execution") and one.get("fee") is not None:
            fees[str(one["execution"])] = Decimal(one["fee"])
    return fees


def _of_cash(line: Line) -> bool:
    return str(line["asset"]) != str(line.get("contract") or line["asset"])


def log_lines(lines: Iterable[Line], markets: Markets) -> list[LogLine]:
    return [_line(one, markets) for one in lines]


def _line(one: Line, markets: Markets) -> LogLine:
    contract, fee = str(one.get("contract") or ""), one.get("fee")
    of_position = contract == str(one["asset"])
    execution = str(one.get("execution") or "")
    if of_position:
        amount = Decimal(0)
    elif execution:  # what it moved itself is the fill's; what it paid of funding is not
        amount = Decimal(one.get("realized_funding") or 0)
    else:
        amount = Decimal(one["new_balance"] or 0) - Decimal(one["old_balance"] or 0)
    funding = execution or str(one["info"]).startswith("funding")
    return LogLine(
        log_id=int(one["id"]),
        at=dt.datetime.fromisoformat(str(one["date"])),
        kind=FUNDING if funding else str(one["info"])[:KIND],
        currency=str(one["asset"]).upper(),
        amount=amount,
        symbol=markets.symbol(contract) if contract else "",
        execution=execution,
        fee=None if of_position or fee is None else Decimal(fee),
    )


def entered(position: Line, markets: Markets, sign: int) -> Decimal | None:
    """At what signed value an open position was entered, in its instrument's currency; None when
    the exchange does not say, or the market is none of ours."""
    market, price = markets.of(markets.symbol(str(position["symbol"]))), position.get("price")
    if market is None or not price:
        return None
    return Decimal(position["size"]) * Decimal(price) * market.multiplier * sign
