"""What closing the positions in a scope would trade, from the venue's newest readings.

A preview: nothing is ordered. The gateway plans anew, from a reading of its own, before each order.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from redis import Redis, RedisError

from riskctl.holds import FIRM, check_scope, slug
from trading.messages import Side
from trading.models import Position
from trading.portfolio.market import Market
from trading.portfolio.marks import value_position
from trading.selectors.books import BrokerPosition, broker_positions
from trading.selectors.prices import market_now
from trading.universe import UNIVERSE, Universe

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ClosingPreview:
    """One closing order, in up to ``tranches`` parts. ``value`` in USD at the latest mid.

    ``quantity`` is what would be traded on ``side``; ``at_venue`` the venue's signed position as
    of ``taken_at``. ``value`` and ``tranches`` are None where there is no price. ``why``: why no
    order can close it, else empty.
    """

    account: str
    symbol: str
    side: Side
    quantity: Decimal
    at_venue: Decimal
    value: Decimal | None
    tranches: int | None
    taken_at: dt.datetime
    why: str


def closings_preview(
    redis: Redis,
    *,
    scope: str,
    tranche_value: Decimal,
    max_tranches: int,
    universe: Universe = UNIVERSE,
) -> list[ClosingPreview]:
    """By account and symbol. Raises riskctl.holds.ScopeError, db.Error."""
    check_scope(scope)
    try:
        market = market_now(redis, universe)
    except RedisError:
        market = Market(universe)
    found = [_one(row, quantity, market, universe) for row, quantity in _wanted(scope)]
    return [_cut(one, tranche_value, max_tranches) for one in found]


def _cut(one: ClosingPreview, tranche_value: Decimal, most: int) -> ClosingPreview:
    if one.value is None:
        return one
    return replace(one, tranches=tranches(one.value, tranche_value, most))


def _wanted(scope: str) -> Iterable[tuple[BrokerPosition, Decimal]]:
    """Positions at the venue, each with the signed quantity of it that lies in the scope."""
    kind, _, name = scope.partition(":")
    own = _own(name) if kind == "strategy" else {}
    for row in broker_positions():
        if kind == "strategy":
            quantity = own.get((row.account, row.symbol), ZERO)
        elif _covers(kind, name, row):
            quantity = row.quantity
        else:
            quantity = ZERO
        if quantity:
            yield row, quantity


def _covers(kind: str, name: str, row: BrokerPosition) -> bool:
    if kind == FIRM:
        return True
    return name == row.symbol if kind == "instrument" else name in (row.account, slug(row.venue))


def _own(strategy: str) -> dict[tuple[str, str], Decimal]:
    rows = Position.objects.filter(strategy=strategy)
    return {(row.account_id, row.symbol): row.quantity for row in rows}


def _one(
    row: BrokerPosition, quantity: Decimal, market: Market, universe: Universe
) -> ClosingPreview:
    value, why = None, "not an instrument of this desk"
    if row.symbol in universe:
        instrument, quote = universe.by_symbol(row.symbol), market.quote(row.symbol)
        odd = quantity % instrument.lot_size
        why = f"no whole number of lots of {instrument.lot_size:f}" if odd else ""
        net = value_position(
            quantity=quantity, cost=ZERO, realised=ZERO, fees=ZERO,
            mark=None if quote is None else quote.mid, instrument=instrument,
        ).net  # fmt: skip
        value = None if net is None else abs(net)
    return ClosingPreview(
        account=row.account,
        symbol=row.symbol,
        side=Side.SELL if quantity > 0 else Side.BUY,
        quantity=abs(quantity),
        at_venue=row.quantity,
        value=value,
        tranches=None,
        taken_at=row.taken_at,
        why=why,
    )


def tranches(value: Decimal, above: Decimal, most: int) -> int:
    """Into how many parts a closing of ``value`` is cut (trading.gateway.flattening.tranche)."""
    parts = max(1, int((value / above).to_integral_value(ROUND_CEILING)))
    return min(most, parts)
