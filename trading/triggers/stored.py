"""What triggers need of the books' database beyond what frames are built from. Raises db.Error."""

import datetime as dt
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from riskctl.holds import FIRM
from riskctl.triggers.specs import SIGNAL_LATENCY, SIGNALS_ZERO
from trading.clock import NS
from trading.models import FeedSession
from trading.portfolio.points_sql import REAL
from trading.triggers.carried import SessionFact
from trading.triggers.money import REHEARSED
from trading.triggers.played import Lately, Session, Stretch, lately
from trading.triggers.tally import RISK_DENIALS, AccountOrders, Happening
from trading.triggers.windows import RESOLUTION

_PEAKS = f"""
SELECT 'strategy:' || strategy_id, (extract(epoch FROM max(at)) * 1000000)::bigint,
       max({REAL}), max({REAL} + paper)
FROM trading_pnlpoint WHERE at > clock_timestamp() - make_interval(secs => %(window_s)s)
GROUP BY strategy_id, date_bin('5 minutes', at, '2000-01-01Z') ORDER BY 2
"""  # noqa: S608 - constants
# Only moments at which every strategy's worth was known: a sum without one is no peak.
_FIRM_PEAKS = f"""
SELECT (extract(epoch FROM max(at)) * 1000000)::bigint, max(pnl)
FROM (
    SELECT at, sum({REAL}) AS pnl FROM trading_pnlpoint
    WHERE at > clock_timestamp() - make_interval(secs => %(window_s)s)
    GROUP BY at HAVING count(*) = (SELECT count(*) FROM trading_strategy)
) AS whole
GROUP BY date_bin('5 minutes', at, '2000-01-01Z') ORDER BY 1
"""  # noqa: S608 - constants
_SIGNALS = """
SELECT strategy_id,
       count(*) FILTER (WHERE direction <> 0 AND age <= %(sized-zero)s),
       count(*) FILTER (WHERE age <= %(signals-zero)s),
       count(*) FILTER (WHERE age <= %(signals-zero)s AND confidence = 0),
       count(*) FILTER (WHERE age <= %(signal-latency)s),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_us)
           FILTER (WHERE age <= %(signal-latency)s),
       (extract(epoch FROM max(created_at)) * 1000000)::bigint
FROM (
    SELECT *, extract(epoch FROM clock_timestamp() - created_at) AS age FROM trading_signal
    WHERE created_at > clock_timestamp() - make_interval(secs => %(longest)s)
) AS recent
GROUP BY strategy_id
"""
_ORDERED = """
SELECT strategy_id, count(*) FROM trading_order
WHERE created_at > clock_timestamp() - make_interval(secs => %(window_s)s)
GROUP BY strategy_id
"""
_ORDERS = """
SELECT account_id, state, reason_code, sent_at IS NOT NULL, answered_at IS NOT NULL,
       (extract(epoch FROM clock_timestamp() - created_at) * 1000)::bigint,
       (extract(epoch FROM answered_at - created_at) * 1000)::numeric
FROM trading_order
WHERE created_at > clock_timestamp() - make_interval(secs => %(window_s)s)
ORDER BY created_at DESC LIMIT %(most)s
"""
_UNANSWERED = """
SELECT account_id, (extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::bigint
FROM trading_order
WHERE state IN ('pending', 'unknown') AND answered_at IS NULL AND sent_at IS NOT NULL
GROUP BY account_id
"""
_OFFSETS = f"""
SELECT s.key, after.pnl - before.pnl, coalesce(after.paper - before.paper, 0)
FROM trading_strategy s
CROSS JOIN LATERAL (
    SELECT {REAL} AS pnl, paper FROM trading_pnlpoint
    WHERE strategy_id = s.key AND at < %(started)s ORDER BY at DESC LIMIT 1
) before
CROSS JOIN LATERAL (
    SELECT {REAL} AS pnl, paper FROM trading_pnlpoint
    WHERE strategy_id = s.key AND at >= %(started)s ORDER BY at LIMIT 1
) after
"""  # noqa: S608 - constants


def _lately_sql(pnl: str) -> str:
    """Width buckets of sessions: an odd number is of the first seconds of one, 0 of before the
    first."""
    return f"""
SELECT width_bucket(at, %(bounds)s::timestamptz[]),
       (extract(epoch FROM max(feed_time)) * 1000000)::bigint, max(pnl),
       (array_agg(pnl ORDER BY at))[1], (array_agg(pnl ORDER BY at DESC))[1]
FROM (
    SELECT at, feed_time, {pnl} AS pnl FROM trading_pnlpoint
    WHERE strategy_id = %(key)s ORDER BY at DESC LIMIT %(most)s
) AS newest
WHERE pnl IS NOT NULL
GROUP BY 1, date_bin(make_interval(secs => %(grain_s)s), feed_time, '2000-01-01Z')
ORDER BY max(at)
"""  # noqa: S608 - constants


_LATELY = {"": _lately_sql(REAL), REHEARSED: _lately_sql(f"({REAL} + paper)")}
ORDERS_MOST = 5_000
"""The newest so many of a window are judged: at more orders a second, of a shorter one."""

LATE_S = 10

POINT_S = 5
"""A point of the line of PnL is written so often, while anything moves."""

SESSIONS_MOST = 1_000

Peaks = Mapping[str, list[tuple[int, Decimal]]]


@dataclass(frozen=True, slots=True)
class Past:
    """What was before: of each scope peaks on the wall clock, of strategies whose document has a
    stop-loss their PnL on the feed's."""

    peaks: Peaks = field(default_factory=dict)
    lately: Mapping[str, Lately] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """A strategy's recent signals: how many, how many of confidence 0; how many there are for
    ``latency_us`` (95th percentile); ``newest_us``: wall microseconds of the latest."""

    count: int
    zero: int
    timed: int
    latency_us: int
    newest_us: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Signals that want a position, orders of whatever state and all signals, by strategy.

    ``read_ns``: boot time of the reading; 0 before the first.
    """

    signals: Mapping[str, int] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, SignalFacts] = field(default_factory=dict)
    read_ns: int = 0


def peaks_read(window_s: int) -> Peaks:
    """Highest PnL of every strategy and of the firm in steps of five minutes: (wall ns, PnL)."""
    found: dict[str, list[tuple[int, Decimal]]] = {FIRM: []}
    with connection.cursor() as cursor:
        cursor.execute(_PEAKS, {"window_s": window_s})
        for scope, at_us, real, whole in cursor.fetchall():
            found.setdefault(scope, []).append((at_us * 1000, real))
            if whole is not None:
                found.setdefault(f"{scope}{REHEARSED}", []).append((at_us * 1000, whole))
        cursor.execute(_FIRM_PEAKS, {"window_s": window_s})
        found[FIRM] = [(at_us * 1000, pnl) for at_us, pnl in cursor.fetchall()]
    return found


def lately_read(seconds: Mapping[str, Decimal]) -> dict[str, Lately]:
    """PnL of strategies by scope, over so many seconds of each as the feed was played, to a
    thousandth; that with what is on rehearsal accounts is of the scope and ``REHEARSED``.

    As many points as there can be in that time at the feed's own pace.
    """
    bounds, sessions = _sessions()
    found: dict[str, Lately] = {}
    with connection.cursor() as cursor:
        for key, window_s in seconds.items():
            asked: dict[str, Any] = {
                "key": key, "bounds": bounds, "most": int(window_s / POINT_S) + 2,
                "grain_s": max(float(window_s) / RESOLUTION, 0.001),
            }  # fmt: skip
            for of, sql in _LATELY.items():
                cursor.execute(sql, asked)
                stretches = [
                    Stretch(sessions[place], place % 2 == 0, feed_us * 1000, best, first, last)
                    for place, feed_us, best, first, last in cursor.fetchall()
                ]
                one = lately(stretches)
                if one is not None:
                    found[f"strategy:{key}{of}"] = one
    return found


def _sessions() -> tuple[list[dt.datetime], list[Session | None]]:
    """When each began and was settled, oldest first; and of which session each bucket is."""
    rows = FeedSession.objects.order_by("-started_at").values_list("id", "spec", "started_at")
    bounds: list[dt.datetime] = []
    of: list[Session | None] = [None]
    for ident, spec, started in reversed(rows[:SESSIONS_MOST]):
        if bounds and bounds[-1] > started:
            bounds[-1] = started  # it did not last so long as to be settled
        bounds += [started, started + dt.timedelta(seconds=LATE_S)]
        of += [Session(str(ident), spec)] * 2
    return bounds, of


def session_read(known: SessionFact | None) -> SessionFact | None:
    """The feed session that runs; ``known`` again while it is the same, None before the first."""
    rows = list(FeedSession.objects.order_by("-started_at")[:2].values("id", "spec", "started_at"))
    if not rows:
        return None
    if known is not None and known.session == str(rows[0]["id"]):
        return known
    differs = len(rows) > 1 and rows[0]["spec"] != rows[1]["spec"]
    started = rows[0]["started_at"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp() - %s > make_interval(secs => %s)", [started, LATE_S]
        )
        late = bool(cursor.fetchone()[0])
        made: list[tuple[str, Decimal, Decimal]] = []
        if differs and late:
            cursor.execute(_OFFSETS, {"started": started})
            made = cursor.fetchall()
    return SessionFact(
        str(rows[0]["id"]), differs, late,
        offsets={key: real for key, real, _ in made},
        rehearsed={key: paper for key, _, paper in made},
    )  # fmt: skip


def activity_read(windows: Mapping[str, int], now_ns: int) -> Activity:
    """``windows``: seconds of each trigger, nothing before they are known."""
    names = ("sized-zero", SIGNALS_ZERO, SIGNAL_LATENCY)
    asked = {name: windows.get(name, 0) for name in names}
    with connection.cursor() as cursor:
        cursor.execute(_SIGNALS, {**asked, "longest": max(asked.values())})
        rows = cursor.fetchall()
        cursor.execute(_ORDERED, {"window_s": asked["sized-zero"]})
        ordered = dict(cursor.fetchall())
    made = {
        key: SignalFacts(count, zero, timed, round(latency or 0), newest)
        for key, _, count, zero, timed, latency, newest in rows
    }
    return Activity({row[0]: row[1] for row in rows}, ordered, made, now_ns)


def orders_read(window_s: int, now_ns: int) -> dict[str, AccountOrders]:
    """Orders of the window by account, as trading.triggers.tally sees them in messages."""
    found: dict[str, AccountOrders] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, {"window_s": window_s, "most": ORDERS_MOST})
        for account, state, code, sent, answered, age_ms, latency_ms in cursor.fetchall():
            one = found.setdefault(account, AccountOrders(deque()))
            at_ns = now_ns - age_ms * (NS // 1_000)
            for what in _what(state, code, sent=sent, answered=answered):
                latency = latency_ms if what == "answered" else None
                one.happenings.appendleft(Happening(at_ns, what, latency))
        cursor.execute(_UNANSWERED)
        for account, age_ms in cursor.fetchall():
            one = found.setdefault(account, AccountOrders(deque()))
            one.oldest_unanswered_ms = Decimal(age_ms)
    for one in found.values():
        one.at_ns = now_ns
    return found


def _what(state: str, code: str, *, sent: bool, answered: bool) -> list[str]:
    if state == "denied" and not sent:
        return ["denied"] if code in RISK_DENIALS else []
    if state == "rejected" or (state == "unknown" and not answered):
        return ["admitted", "error"]
    return ["admitted", "answered"] if answered else ["admitted"]
