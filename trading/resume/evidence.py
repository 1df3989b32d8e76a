"""What was measured of a strategy on a rung: from its signals, orders, fills and triggers."""

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

from riskctl.models import TriggerFiring
from riskctl.rungs import Bounds, Evidence, Rung
from trading.messages import Side
from trading.models import Fill, Order, Signal, Strategy
from trading.resume.measures import Traded, drawdown_usd, slippage_bp
from trading.resume.scope import scopes_over
from trading.resume.vitals import Vitals
from trading.universe import REPORTING_RATE, UNIVERSE

REFUSED = ("denied", "rejected")

NOT_ITS_FAULT = (
    "HELD", "BEFORE_HOLD", "STAGE", "NO_LICENCE", "REDUCE_ONLY", "READING_DUE", "NOT_CONFIRMED",
    "POSITION_MOVED", "VENUE_DISCONNECTED", "CANCELLED_BEFORE_SEND", "FENCED_SHARD",
    "UNKNOWN_SHARD",
)  # fmt: skip
"""Denials that say something about holds, licences and hand-overs, not about the strategy."""

_EXACT = Decimal("0.000001")


def accounts_of(strategy: Strategy, rung: Rung) -> list[str]:
    """Where its orders go on ``rung``; nowhere on the others."""
    if rung is Rung.PAPER:
        return strategy.rehearsal_ids
    return strategy.account_ids if rung in (Rung.RAMP, Rung.LIVE) else []


def measure(
    strategy: Strategy,
    rung: Rung,
    *,
    since: dt.datetime,
    now: dt.datetime,
    bounds: Bounds,
    vitals: Vitals,
) -> Evidence:
    """Of ``strategy`` on ``rung`` since ``since``; orders and warnings of the rung's time only."""
    window = since
    if rung in (Rung.RAMP, Rung.LIVE):
        window = max(since, now - dt.timedelta(minutes=float(bounds.minutes)))
    accounts = accounts_of(strategy, rung)
    fills = _traded(strategy, accounts, window)
    orders = Order.objects.filter(
        strategy=strategy, account__in=accounts, created_at__gte=window, warrant=None
    ).exclude(state__in=REFUSED, reason_code__in=NOT_ITS_FAULT)
    size = strategy.size_notional * len(strategy.symbols)
    drawdown = drawdown_usd(fills, vitals.mids) / size if fills and size else None
    slippage = slippage_bp(fills)
    firings = _firings(strategy, window)
    return Evidence(
        minutes=_minutes(now - since),
        signals=Signal.objects.filter(strategy=strategy, created_at__gte=since).count(),
        stale=tuple(vitals.stale(strategy.symbols)),
        errors=vitals.errors.get(strategy.shard),
        orders=orders.count(),
        refused=orders.filter(state__in=REFUSED).count(),
        fills=len(fills),
        drawdown=None if drawdown is None else drawdown.quantize(_EXACT),
        slippage_bp=None if slippage is None else slippage.quantize(_EXACT),
        warnings=tuple(dict.fromkeys(one.trigger for one in firings)),
        alarms=tuple(
            dict.fromkeys(
                one.trigger
                for one in firings
                if one.level == "breach" or one.scope == f"strategy:{strategy.key}"
            )
        ),
        rehearsal=", ".join(strategy.rehearsal_ids),
    )


def _minutes(span: dt.timedelta) -> Decimal:
    """Rounded down, so that nothing is met early."""
    seconds = Decimal(max(0, int(span.total_seconds())))
    return (seconds / 60).quantize(Decimal("0.01"), ROUND_DOWN)


def _firings(strategy: Strategy, since: dt.datetime) -> Sequence[TriggerFiring]:
    scopes = scopes_over(strategy)
    return list(
        TriggerFiring.objects.filter(
            scope__in=scopes, happened_at__gt=since, shadow=False
        ).order_by("happened_at")
    )


def _traded(strategy: Strategy, accounts: list[str], since: dt.datetime) -> list[Traded]:
    if not accounts:
        return []
    rows = (
        Fill.objects.filter(
            strategy=strategy, account__in=accounts, recorded_at__gte=since, order__warrant=None
        )
        .order_by("recorded_at", "account", "sequence")
        # Plain rows: there may be many thousands, and they are looked at every few seconds.
        .values_list(*_FACTS, named=True)
    )
    return [_one(row) for row in rows if row.symbol in UNIVERSE]


_FACTS = ("symbol", "side", "quantity", "price", "fee", "fee_currency", "order__reference_price")


def _one(row: Any) -> Traded:
    """``row`` has what ``_FACTS`` names."""
    return Traded(
        symbol=row.symbol,
        sign=Side(row.side).sign,
        quantity=row.quantity,
        price=row.price,
        fee=row.fee * REPORTING_RATE.get(row.fee_currency, Decimal(1)),
        unit=UNIVERSE.by_symbol(row.symbol).unit,
        reference=row.order__reference_price,
    )
