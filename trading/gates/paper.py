"""Days on paper, judged the day after from what the database holds, each once.

A day (UTC) counts when the strategy stood on the rung paper through all of it with one document in
force, sent an order, and nothing spoke against it: no kill or trigger's hold, no break of its
rehearsal account that nobody explained. A day without an order says nothing, so it does not count;
nor does one on a simulator's prices, or a recording's, where the account is at a real exchange.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet, Sum

from riskctl.actors import system_actor
from riskctl.approvals.recording import recorded
from riskctl.holds import Kind
from riskctl.models import Hold
from riskctl.rungs import Rung
from trading.gates.facts import config_of, trades_of
from trading.gates.history import (
    Move,
    capital_in,
    document_at,
    moves_of,
    not_its_market,
    paper_between,
)
from trading.gates.money import DayMoney, Mark, UnpricedError, day_money
from trading.gates.trades import desk_digest
from trading.messages import Side
from trading.models import Break, EngineVersion, Fill, Order, PaperDay, PricePoint, Strategy
from trading.portfolio.books import day_start
from trading.resume.evidence import REFUSED, accounts_of
from trading.resume.measures import Traded
from trading.resume.scope import scopes_over
from trading.strategies.parameters import ParameterError
from trading.universe import REPORTING_RATE, UNIVERSE

log = structlog.get_logger("haltline.gates")

CAUGHT_UP = dt.timedelta(days=25)
"""How late a day is still judged: prices, also of what it began with, are kept for 37."""
DAY = dt.timedelta(days=1)
_ACTOR = system_actor("paper-days")
_NOTHING = DayMoney(*[Decimal(0)] * 4)
_PRICES = """
SELECT DISTINCT ON (symbol, date_bin('1 minute', at, '2000-01-01Z')) at, symbol, mid
FROM trading_pricepoint WHERE symbol = ANY(%s) AND at >= %s AND at < %s
ORDER BY symbol, date_bin('1 minute', at, '2000-01-01Z'), at DESC
"""


def paper_days_record(*, now: dt.datetime) -> list[PaperDay]:
    """Judge every whole day on paper that was not judged yet. Raises db.Error."""
    named = EngineVersion.objects.values_list("name", flat=True).distinct()
    rows = Strategy.objects.select_related("account").filter(key__in=named)
    found: list[PaperDay] = []
    for strategy in (one for one in rows if one.rehearsal_ids):
        moves = moves_of(strategy.key)
        for day in _due(strategy.key, moves, now):
            found += _kept(strategy, moves, day)
    return found


def _due(key: str, moves: Sequence[Move], now: dt.datetime) -> Iterator[dt.date]:
    today = day_start(now)
    judged = set(PaperDay.objects.filter(name=key).values_list("day", flat=True))
    start = today - CAUGHT_UP
    while start < today:
        if start.date() not in judged and paper_between(moves, start, start + DAY)[0]:
            yield start.date()
        start += DAY


def _kept(strategy: Strategy, moves: Sequence[Move], day: dt.date) -> list[PaperDay]:
    row = _judged(strategy, moves, day)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            recorded(
                "engine.paper-day", _ACTOR, ("engine", strategy.key), reason=row.why,
                after={
                    "day": row.day.isoformat(), "digest": row.digest, "counts": row.counts,
                    "orders": row.orders, "pnl": row.pnl, "drawdown": row.drawdown,
                    "capital": row.capital,
                },
            )  # fmt: skip
    except IntegrityError:  # another worker judged it meanwhile
        return []
    log.info("paper day", strategy=strategy.key, day=str(day), counts=row.counts, why=row.why)
    return [row]


def _judged(strategy: Strategy, moves: Sequence[Move], day: dt.date) -> PaperDay:
    since = dt.datetime.combine(day, dt.time(), dt.UTC)
    until = since + DAY
    rehearsals = accounts_of(strategy, Rung.PAPER)
    text, unsure = document_at(strategy.key, since, until)
    orders = Order.objects.filter(
        strategy=strategy, account__in=rehearsals, warrant=None, created_at__gte=since,
        created_at__lt=until,
    ).exclude(state__in=REFUSED).count()  # fmt: skip
    money, unpriced = _NOTHING, ""
    try:
        money = money_of(strategy, rehearsals, since, until)
    except UnpricedError as error:
        unpriced = str(error)
    capital = capital_in(strategy.key, since, until)
    whys = [
        "" if paper_between(moves, since, until)[1] else "it was not on paper all day",
        unsure or _other(strategy, text),
        "" if orders else "it sent no order",
        *_against(strategy, since, until),
        unpriced,
        not_its_market(strategy, since, until),
        "" if capital is not None else "its gross-notional limit was not set",
    ]
    why = "; ".join(one for one in whys if one)
    return PaperDay(
        name=strategy.key, day=day, digest=trades_of(text), counts=not why, why=why, orders=orders,
        pnl=money.pnl, high=money.high, low=money.low, drawdown=money.drawdown,
        capital=capital,
    )  # fmt: skip


def _other(strategy: Strategy, text: str) -> str:
    """Nothing was brought into force since, so the desk trades as it did then."""
    config = config_of(text)
    try:
        same = config is not None and trades_of(text) == desk_digest(
            strategy.kind, strategy.symbols, strategy.parameters, config
        )
    except ParameterError:
        same = False
    return "" if same else "what traded was not what its document says"


def _against(strategy: Strategy, since: dt.datetime, until: dt.datetime) -> Iterator[str]:
    rehearsals = accounts_of(strategy, Rung.PAPER)
    yield from holds_against(strategy, since, until, *(f"venue:{one}" for one in rehearsals))
    breaks = Break.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=since), account__in=rehearsals,
        accepted=None, first_seen__lt=until,
    )  # fmt: skip
    yield from (f"break of {one.what} {one.key} on {one.account_id}" for one in breaks)


def holds_against(
    strategy: Strategy, since: dt.datetime, until: dt.datetime, *more: str
) -> Iterator[str]:
    """Kills, breakers and what a trigger placed, over it between the two, also on ``more``."""
    holds = Hold.objects.filter(
        Q(lift=None) | Q(lift__lifted_at__gte=since),
        Q(kind__in=[Kind.KILL, Kind.BREAKER]) | Q(actor_kind="trigger"),
        scope__in=scopes_over(strategy) | set(more), placed_at__lt=until,
    )  # fmt: skip
    yield from (f"{one.kind} on {one.scope}" for one in holds)


# Money ------------------------------------------------------------------------------------------


def money_of(
    strategy: Strategy, accounts: Sequence[str], since: dt.datetime, until: dt.datetime
) -> DayMoney:
    """Of these accounts, marked each minute and at every fill. Raises UnpricedError."""
    fills = Fill.objects.filter(strategy=strategy, account__in=accounts)
    held = _held(fills.filter(recorded_at__lt=since))
    today = fills.filter(recorded_at__gte=since, recorded_at__lt=until)
    traded = [(one.recorded_at, _traded(one)) for one in today if one.symbol in UNIVERSE]
    symbols = {*held, *strategy.symbols, *(one.symbol for _, one in traded)}
    opening = {one: (held.get(one, Decimal(0)), _mid(one, since)) for one in symbols}
    events: list[tuple[dt.datetime, Traded | Mark]] = [*traded]
    with connection.cursor() as cursor:
        cursor.execute(_PRICES, [sorted(opening), since, until])
        events += [(at, Mark(symbol, mid)) for at, symbol, mid in cursor.fetchall()]
    units = {symbol: _unit(symbol) for symbol in opening}
    return day_money(opening, sorted(events, key=lambda one: one[0]), units)


def _held(fills: QuerySet[Fill]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    rows = fills.order_by().values_list("symbol", "side").annotate(whole=Sum("quantity"))
    for symbol, side, whole in rows:
        found[symbol] = found.get(symbol, Decimal(0)) + Side(side).sign * whole
    return {symbol: held for symbol, held in found.items() if symbol in UNIVERSE}


def _mid(symbol: str, at: dt.datetime) -> Decimal | None:
    row = PricePoint.objects.filter(symbol=symbol, at__lt=at).order_by("-at").first()
    return row.mid if row else None


def _unit(symbol: str) -> Decimal:
    instrument = UNIVERSE.by_symbol(symbol)
    return instrument.multiplier * REPORTING_RATE[instrument.currency]


def _traded(row: Fill) -> Traded:
    return Traded(
        symbol=row.symbol, sign=Side(row.side).sign, quantity=row.quantity, price=row.price,
        fee=row.fee * REPORTING_RATE.get(row.fee_currency, Decimal(1)), unit=_unit(row.symbol),
        reference=None,
    )  # fmt: skip
