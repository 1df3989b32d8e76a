"""Reading the books from the database, and writing the line of the day. Nothing is computed here.

One ``BooksReader`` per process, used by one thread. Every error of the database is left to the
caller: the last ``Books`` stays true as of its time.
"""

import datetime as dt
import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef

from riskctl.approvals.rules import State
from riskctl.deadman import deadman_state
from riskctl.glass import glass_broken
from riskctl.models import Approval, Heartbeat, Hold, Lease, ReceiptStep, Stage
from riskctl.selectors import fact_of
from trading.clock import utc_now
from trading.models import (
    Order,
    PnlPoint,
    Position,
    PricePoint,
    Signal,
    Strategy,
    VenueAccount,
)
from trading.orders.states import OPEN
from trading.portfolio.books import (
    AccountRow,
    Books,
    Counting,
    HoldRow,
    LeaseRow,
    PositionRow,
    RungRow,
    SignalRow,
    StrategyRow,
    day_start,
)
from trading.portfolio.line import KEPT, Line, Point
from trading.portfolio.marks import StrategyWorth
from trading.portfolio.points_sql import COUNTED, REAL
from trading.portfolio.results_read import ResultsReader, alerts_read, limits_in_force

WATCHDOG = "watchdog"

#: A signal's row may become visible after a later one's; look back this far again.
_SIGNAL_OVERLAP = dt.timedelta(seconds=10)

_CONTROL_EVERY = dt.timedelta(seconds=0.9)

_LAST_SIGNALS = """
SELECT s.key, l.symbol, l.direction, l.confidence, l.created_at, l.feed_time
FROM trading_strategy s CROSS JOIN LATERAL (
    SELECT symbol, direction, confidence, created_at, feed_time FROM trading_signal
    WHERE strategy_id = s.key ORDER BY created_at DESC, id DESC LIMIT 1
) l
"""
_BASELINES = f"""
SELECT s.key, l.pnl, coalesce(p.paper, 0)
FROM trading_strategy s CROSS JOIN LATERAL (
    SELECT {REAL} AS pnl FROM trading_pnlpoint
    WHERE strategy_id = s.key AND at < %(start)s ORDER BY at DESC LIMIT 1
) l LEFT JOIN LATERAL (
    SELECT paper FROM trading_pnlpoint
    WHERE strategy_id = s.key AND at < %(start)s AND paper IS NOT NULL ORDER BY at DESC LIMIT 1
) p ON true
"""  # noqa: S608 - constants
_LINES = f"""
WITH day AS (
    SELECT min(at) AS first, greatest((%(now)s - min(at)) / %(most)s, interval '1 second') AS step
    FROM trading_pnlpoint WHERE at >= %(start)s
)
SELECT DISTINCT ON (strategy_id, date_bin(day.step, at, day.first))
    strategy_id, at, {COUNTED}, rehearsing
FROM trading_pnlpoint, day WHERE at >= %(start)s
ORDER BY strategy_id, date_bin(day.step, at, day.first), at DESC
"""  # noqa: S608 - constants


def control_read() -> Books:
    """Only who may trade and who is alive, without positions. Raises django.db.Error."""
    as_of, started = utc_now(), time.perf_counter()
    watchdog_at = _watchdog_at()
    read_ms = (time.perf_counter() - started) * 1000
    return Books(
        as_of=as_of,
        read_ms=read_ms,
        accounts=_accounts(),
        strategies=_strategies(),
        leases=_leases(),
        watchdog_at=watchdog_at,
    )


def mark_of(waiting: Iterable[uuid.UUID]) -> str:
    """Another text for every other set of pending requests; empty for none."""
    text = " ".join(str(one) for one in waiting)
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


class BooksReader:
    """Reads ``Books`` again and again, cheaply: what only grows is read from where it grew."""

    def __init__(self) -> None:
        self._control: Books | None = None
        self._day: dt.datetime | None = None
        self._baselines: dict[str, Decimal] = {}
        self._rehearsed: dict[str, Decimal] = {}
        self._lines: dict[str, Line] = {}
        self._mids: dict[str, Decimal] = {}
        self._signals: dict[str, SignalRow] = {}
        self._signals_since: dt.datetime | None = None
        self._results: ResultsReader | None = None

    def read(self) -> Books:
        """The books now. Raises django.db.Error."""
        as_of, started = utc_now(), time.perf_counter()
        with transaction.atomic():
            orders_open = _orders_open()
            read_ms = (time.perf_counter() - started) * 1000
            if self._day != day_start(as_of):
                self._begin_day(as_of)
            self._read_signals()
            control = self._control_read(as_of)
            # Last: a hold or a fill that comes meanwhile need not wait for the next reading.
            holds, positions = _holds(), _positions()
            return Books(
                as_of=as_of,
                read_ms=read_ms,
                day=day_start(as_of),
                accounts=control.accounts,
                strategies=control.strategies,
                positions=positions,
                orders_open=orders_open,
                signals=dict(self._signals),
                leases=control.leases,
                watchdog_at=control.watchdog_at,
                baselines=dict(self._baselines),
                rehearsed=dict(self._rehearsed),
                lines={key: line.shown() for key, line in self._lines.items()},
                holds=holds,
                rungs=control.rungs,
                dead_man=control.dead_man,
                waiting=control.waiting,
                waiting_mark=control.waiting_mark,
                glass=control.glass,
                limits=control.limits,
                trips=control.trips,
                orders=control.orders,
                alerts=control.alerts,
            )

    def save_points(
        self,
        at: dt.datetime,
        feed_time: dt.datetime,
        worth: Mapping[str, StrategyWorth],
        mids: Mapping[str, Decimal],
    ) -> int:
        """Write a point of the line for each strategy whose worth is known; how many were.

        And one for each mid that is not the last that was written of its symbol.
        """
        known = {key: (one, one.worth.pnl) for key, one in worth.items()}
        points = [
            _point(key, at, feed_time, one) for key, (one, pnl) in known.items() if pnl is not None
        ]
        moved = {one: mid for one, mid in mids.items() if self._mids.get(one) != mid}
        with transaction.atomic():
            PnlPoint.objects.bulk_create(points)
            PricePoint.objects.bulk_create(
                PricePoint(symbol=symbol, at=at, mid=mid) for symbol, mid in moved.items()
            )
        self._mids.update(moved)
        for key, (one, pnl) in known.items():
            if pnl is not None:
                line = self._lines.setdefault(key, Line())
                line.add(at, pnl - self._base(key, rehearsing=one.rehearses))
        return len(points)

    def _control_read(self, now: dt.datetime) -> Books:
        """Who may trade, read once a second however often positions are."""
        known = self._control
        if known is None or known.as_of is None or now - known.as_of >= _CONTROL_EVERY:
            pending = Approval.objects.filter(state=State.PENDING).order_by("id")
            waiting = list(pending.values_list("id", flat=True))
            rungs = _rungs()
            results = self._results or ResultsReader(day_start(now))
            self._results = results
            control = replace(control_read(), rungs=rungs)
            self._control = known = replace(
                control,
                limits=limits_in_force({key: one.factor for key, one in rungs.items()}),
                trips=results.trips(Counting(control)),
                orders=results.orders(),
                alerts=alerts_read(),
                dead_man=deadman_state().body(),
                waiting=len(waiting),
                waiting_mark=mark_of(waiting),
                glass=tuple(one.body() for one in glass_broken()),
            )
        return known

    def _begin_day(self, now: dt.datetime) -> None:
        start = day_start(now)
        with connection.cursor() as cursor:
            cursor.execute(_BASELINES, {"start": start})
            rows = cursor.fetchall()
            self._baselines = {key: real for key, real, _ in rows}
            self._rehearsed = {key: paper for key, _, paper in rows}
            cursor.execute(_LINES, {"now": now, "start": start, "most": KEPT // 2})
            points: dict[str, list[Point]] = {}
            for key, at, pnl, rehearsing in cursor.fetchall():
                made = pnl - self._base(key, rehearsing=rehearsing)
                points.setdefault(key, []).append((at, made))
        self._day, self._results = start, None
        self._lines = {key: Line(line) for key, line in points.items()}

    def _base(self, key: str, *, rehearsing: bool) -> Decimal:
        base = self._baselines.get(key, Decimal(0))
        return base + self._rehearsed.get(key, Decimal(0)) if rehearsing else base

    def _read_signals(self) -> None:
        if self._signals_since is None:
            with connection.cursor() as cursor:
                cursor.execute(_LAST_SIGNALS)
                self._signals = {key: SignalRow(*rest) for key, *rest in cursor.fetchall()}
        else:
            rows = Signal.objects.filter(created_at__gte=self._signals_since)
            for row in rows.order_by("created_at", "id"):
                self._signals[row.strategy_id] = SignalRow(
                    row.symbol, row.direction, row.confidence, row.created_at, row.feed_time
                )
        newest = max((one.created_at for one in self._signals.values()), default=None)
        self._signals_since = None if newest is None else newest - _SIGNAL_OVERLAP


def _point(key: str, at: dt.datetime, feed_time: dt.datetime, one: StrategyWorth) -> PnlPoint:
    return PnlPoint(
        strategy_id=key, at=at, feed_time=feed_time, paper=one.paper, rehearsing=one.rehearses,
        **asdict(one.worth),
    )  # fmt: skip


def _positions() -> tuple[PositionRow, ...]:
    rows = Position.objects.order_by("strategy_id", "symbol").values_list(
        "account_id", "strategy_id", "symbol", "quantity", "cost", "realised", "fees", "fills",
        "updated_at",
    )  # fmt: skip
    return tuple(PositionRow(*row) for row in rows)


def _accounts() -> tuple[AccountRow, ...]:
    rehearsed_on = VenueAccount.objects.filter(rehearsal=OuterRef("name"))
    rows = VenueAccount.objects.order_by("name").values_list(
        "name", "venue", "live", Exists(rehearsed_on)
    )
    return tuple(AccountRow(*row) for row in rows)


def _strategies() -> tuple[StrategyRow, ...]:
    return tuple(
        StrategyRow(
            key=row.key,
            kind=row.kind,
            owner=row.owner,
            account=row.account_id,
            venue=row.account.venue,
            live=row.account.live,
            shard=row.shard,
            symbols=_symbols(row.symbols),
            second_account=row.second_account_id or "",
            second_venue=row.second_account.venue if row.second_account else "",
        )
        for row in Strategy.objects.select_related("account", "second_account").order_by("key")
    )


def _symbols(value: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(one) for one in value)


def _orders_open() -> dict[tuple[str, str], int]:
    rows = Order.objects.filter(state__in=sorted(OPEN)).values_list("strategy_id", "account_id")
    counted = rows.annotate(Count("client_order_id")).order_by()
    return {(strategy, account): count for strategy, account, count in counted}


def _holds() -> tuple[HoldRow, ...]:
    """Open holds, newest first; read with every reading, for a stop must show at once."""
    rows = list(Hold.objects.filter(lift=None).order_by("-placed_at", "id"))
    steps = ReceiptStep.objects.filter(hold__in=[row.id for row in rows], name="effective")
    proven = dict(steps.values_list("hold", "happened_at")) if rows else {}
    return tuple(HoldRow(fact_of(row), row.placed_at, proven.get(row.id)) for row in rows)


def _rungs() -> dict[str, RungRow]:
    rows = Stage.objects.values_list("strategy", "rung", "size_factor", "since")
    return {key: RungRow(rung, factor, since) for key, rung, factor, since in rows}


def _leases() -> tuple[LeaseRow, ...]:
    rows = Lease.objects.order_by("name")
    return tuple(
        LeaseRow(*row) for row in rows.values_list("name", "role", "holder", "token", "expires_at")
    )


def _watchdog_at() -> dt.datetime | None:
    return Heartbeat.objects.filter(name=WATCHDOG).values_list("at", flat=True).first()
