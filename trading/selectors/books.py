"""Positions, orders, executions and signals, as kept; positions marked at the latest quotes."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from django.db.models import Model, QuerySet
from redis import Redis, RedisError

from trading.clock import utc_now
from trading.gateway.stoploss import StopState
from trading.models import Fill, Order, Position, Signal, StopLoss, VenueReading
from trading.orders.states import OPEN, OrderState
from trading.portfolio.market import Market
from trading.portfolio.marks import UNKNOWN, Valuation, add, average_price, total, value_position
from trading.rehearsals import rehearsal_accounts
from trading.selectors.prices import market_now
from trading.universe import UNIVERSE, Universe

M = TypeVar("M", bound=Model)

#: What may stand where an order's state is asked for, beside each state itself.
ORDER_STATUS_OPEN = "open"


@dataclass(frozen=True, slots=True)
class PositionView:
    """One strategy in one symbol. Prices in ``currency``; PnL, fees and notional in USD.

    ``entry_price`` is None when flat; ``mark_price``, ``unrealized_pnl`` and ``notional`` are None
    where there is no price. ``realized_pnl`` is before fees.
    """

    strategy: str
    account: str
    symbol: str
    currency: str
    quantity: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    unrealized_pnl: Decimal | None
    realized_pnl: Decimal | None
    fees: Decimal | None
    notional: Decimal | None
    fills: int
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PositionsSummary:
    """All positions together, USD. A total is None when a part of it is unknown.

    ``unmarked`` names the symbols of open positions without a price; ``marked_unrealized_pnl`` is
    the sum over the others.
    """

    total_unrealized_pnl: Decimal | None
    total_realized_pnl: Decimal | None
    total_fees: Decimal | None
    total_pnl: Decimal | None
    gross_exposure: Decimal | None
    net_exposure: Decimal | None
    marked_unrealized_pnl: Decimal | None
    unmarked: tuple[str, ...]
    open_positions: int
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """One symbol of one account as its venue said. Instrument currency."""

    account: str
    venue: str
    symbol: str
    quantity: Decimal
    cash_flow: Decimal | None
    fees: Decimal | None
    fill_sequence: int
    taken_at: dt.datetime


def positions(
    redis: Redis, *, open_only: bool = False, universe: Universe = UNIVERSE
) -> list[PositionView]:
    """By strategy and symbol. Without Redis there are no prices: positions come unmarked."""
    return [view for view, _ in _marked(redis, universe) if view.quantity or not open_only]


def positions_summary(
    redis: Redis,
    *,
    strategies: Collection[str] | None = None,
    universe: Universe = UNIVERSE,
) -> PositionsSummary:
    """Of ``strategies`` alone if given; what lies on rehearsal accounts is in no sum."""
    paper = rehearsal_accounts()
    rows = [
        (view, one)
        for view, one in _marked(redis, universe)
        if view.account not in paper and (strategies is None or view.strategy in strategies)
    ]
    worth = total(one for _, one in rows)
    known = [one.unrealised for _, one in rows if one.unrealised is not None]
    unmarked = {view.symbol for view, one in rows if one.unrealised is None}
    return PositionsSummary(
        total_unrealized_pnl=worth.unrealised,
        total_realized_pnl=worth.realised,
        total_fees=worth.fees,
        total_pnl=worth.pnl,
        gross_exposure=worth.gross,
        net_exposure=worth.net,
        marked_unrealized_pnl=add(known),
        unmarked=tuple(sorted(unmarked)),
        open_positions=sum(view.quantity != 0 for view, _ in rows),
        as_of=utc_now(),
    )


def _said(amount: str | None) -> Decimal | None:
    """Not every venue says what flowed."""
    return None if amount is None else Decimal(amount)


def broker_positions(*, account: str = "") -> list[BrokerPosition]:
    """Of the newest reading of each account, by account and symbol; flat symbols too."""
    readings = VenueReading.objects.select_related("account")
    if account:
        readings = readings.filter(account=account)
    newest = readings.order_by("account_id", "-taken_at", "-id").distinct("account_id")
    return [
        BrokerPosition(
            account=reading.account_id,
            venue=reading.account.venue,
            symbol=one["symbol"],
            quantity=Decimal(one["quantity"]),
            cash_flow=_said(one["cash_flow"]),
            fees=_said(one["fees"]),
            fill_sequence=reading.fill_sequence,
            taken_at=reading.taken_at,
        )
        for reading in newest
        for one in sorted(reading.positions, key=lambda one: str(one["symbol"]))
    ]


def order_states(status: str) -> list[str]:
    """States that ``status`` stands for: one state, or ``open`` for all that are not final.

    Raises ValueError for any other word.
    """
    if status == ORDER_STATUS_OPEN:
        return sorted(OPEN)
    return [str(OrderState(status))]


def orders(
    *, status: str = "", strategy: str = "", account: str = "", symbol: str = "", side: str = ""
) -> QuerySet[Order]:
    """Newest first: by ``created_at``, then ``client_order_id``. Raises ValueError (status)."""
    found = Order.objects.order_by("-created_at", "-client_order_id")
    if status:
        found = found.filter(state__in=order_states(status))
    return _narrowed(found, strategy=strategy, account=account, symbol=symbol, side=side)


def stop_losses(*, strategy: str = "", account: str = "", symbol: str = "") -> QuerySet[StopLoss]:
    """Those that stand, by account, strategy and symbol."""
    found = StopLoss.objects.exclude(state=StopState.ENDED)
    found = found.order_by("account", "strategy", "symbol")
    return _narrowed(found, strategy=strategy, account=account, symbol=symbol)


def executions(
    *, strategy: str = "", account: str = "", symbol: str = "", order: str = ""
) -> QuerySet[Fill]:
    """Fills with their order, newest first: by ``recorded_at``, then ``id``."""
    found = Fill.objects.select_related("order").order_by("-recorded_at", "-id")
    return _narrowed(found, strategy=strategy, account=account, symbol=symbol, order=order)


def signals(
    *, strategy: str = "", symbol: str = "", since: dt.datetime | None = None
) -> QuerySet[Signal]:
    """Newest first: by ``created_at``, then ``id``."""
    found = Signal.objects.order_by("-created_at", "-id")
    if since is not None:
        found = found.filter(created_at__gte=since)
    return _narrowed(found, strategy=strategy, symbol=symbol)


def _narrowed(found: QuerySet[M], **fields: str) -> QuerySet[M]:
    return found.filter(**{name: value for name, value in fields.items() if value})


def _marked(redis: Redis, universe: Universe) -> Sequence[tuple[PositionView, Valuation]]:
    market = _market(redis, universe)
    rows = Position.objects.order_by("strategy_id", "symbol", "account_id")
    return [_view(row, market, universe) for row in rows]


def _market(redis: Redis, universe: Universe) -> Market:
    try:
        return market_now(redis, universe)
    except RedisError:
        return Market(universe)


def _view(row: Position, market: Market, universe: Universe) -> tuple[PositionView, Valuation]:
    if row.symbol not in universe:
        worth, currency, entry, mark = UNKNOWN, "", None, None
    else:
        instrument = universe.by_symbol(row.symbol)
        quote = market.quote(row.symbol)
        mark = None if quote is None else quote.mid
        currency, entry = instrument.currency, average_price(row.quantity, row.cost, instrument)
        worth = value_position(
            quantity=row.quantity,
            cost=row.cost,
            realised=row.realised,
            fees=row.fees,
            mark=mark,
            instrument=instrument,
        )
    view = PositionView(
        strategy=row.strategy_id,
        account=row.account_id,
        symbol=row.symbol,
        currency=currency,
        quantity=row.quantity,
        entry_price=entry,
        mark_price=mark,
        unrealized_pnl=worth.unrealised,
        realized_pnl=worth.realised,
        fees=worth.fees,
        notional=worth.net,
        fills=row.fills,
        updated_at=row.updated_at,
    )
    return view, worth
