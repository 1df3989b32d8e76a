"""What the gates look at, read from the database and from what data tell now."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import takewhile

from django.db import connection

from audit.canonical import canonical_bytes
from riskctl.actors import SHELL
from riskctl.approvals.recording import database_now
from riskctl.models import Approval, Limit
from riskctl.rules import missing_limits
from trading.backtest.resting import assumed_of, rests_words
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import EngineConfig, read_engine
from trading.engines.versions import APPROVAL
from trading.gates.money import PaperMoney, run_drawdown
from trading.gates.rules import Facts, Paper, Readiness, Report, Signed, passing_reports
from trading.gates.trades import desk_digest, trades_digest
from trading.models import BacktestReport, Drill, EngineVersion, PaperDay, SignOff, Strategy
from trading.resume.vitals import Vitals
from trading.strategies.parameters import ParameterError

LATENCY_SPAN = dt.timedelta(days=7)
_MICROSECONDS = 1_000_000
_LATENCY = """
SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY tick_to_send_us) FROM (
    SELECT tick_to_send_us FROM trading_order
    WHERE strategy_id = %s AND created_at >= %s AND warrant IS NULL AND tick_to_send_us IS NOT NULL
    ORDER BY created_at DESC LIMIT 10000
) AS latest
"""


@lru_cache(maxsize=512)
def config_of(text: str) -> EngineConfig | None:
    """A version's document; None where the code of today cannot read it."""
    try:
        return read_engine(text)
    except EngineInvalidError:
        return None


@lru_cache(maxsize=512)
def trades_of(text: str) -> str:
    """A version's digest; empty where it cannot be read, or is of a kind not run here."""
    config = config_of(text)
    return trades_digest(config) if config is not None and config.read is not None else ""


def facts_read(strategy: Strategy, vitals: Vitals | None = None) -> Facts:
    """``vitals`` None: without what readiness looks at. Raises db.Error."""
    versions = list(EngineVersion.objects.filter(name=strategy.key).order_by("-number"))
    now = database_now()
    config = config_of(versions[0].text) if versions else None
    digest = trades_of(versions[0].text) if versions else ""
    if config is None or not digest:
        return Facts(Readiness(now))
    same = [one for one in versions if trades_of(one.text) == digest]
    target = None if config.target_latency is None else config.target_latency * _MICROSECONDS
    most = config.drawdown.share if config.drawdown and config.drawdown.enabled else None
    return Facts(
        Readiness(now, target_us=target)
        if vitals is None
        else _readiness(strategy, target, vitals, now),
        digest=digest,
        differs=_differs(strategy, config, digest),
        makers=_makers(strategy.key, same[::-1]),
        most=most,
        reports=_reports(strategy.key, [one.digest for one in same]),
        paper=paper_of(strategy.key, digest),
        signed=_signed(strategy.key),
    )


def _makers(key: str, versions: Sequence[EngineVersion]) -> list[str]:
    """``versions``: of one digest, oldest first. Later ones change its size at most, so whoever
    wrote those has not made it."""
    shells = list(takewhile(lambda one: one.made_by.startswith(SHELL), versions))
    first = versions[len(shells) :][:1]
    asked = Approval.objects.filter(
        kind=APPROVAL, subject=f"strategy:{key}",
        request__version__in=[one.number for one in shells],
    ).values_list("requested_by", flat=True) if shells else []  # fmt: skip
    return list(dict.fromkeys([*(one.made_by for one in (*shells, *first)), *asked]))


def _differs(strategy: Strategy, config: EngineConfig, digest: str) -> str:
    """Compared in whole, parameters with their defaults: a document that leaves out what the desk
    has says nothing about it."""
    try:
        theirs = desk_digest(strategy.kind, strategy.symbols, strategy.parameters, config)
    except ParameterError as error:
        return f"what trades has parameters that cannot be read: {error}"
    if theirs == digest:
        return ""
    return (
        "the latest document does not say what trades now: bring it into force, with its"
        " instruments and parameters written out"
    )


def _reports(key: str, documents: Sequence[str]) -> list[Report]:
    rows = BacktestReport.objects.filter(name=key, document__in=documents)
    return [
        Report(
            one.digest, one.first_day, one.last_day, one.body.get("quoted_days"),
            int(one.body.get("figures", {}).get("fills") or 0),
            assumed_of(one.body, "spread_bp"), assumed_of(one.body, "slippage_bp"),
            rests_words(one.body),
        )
        for one in rows.order_by("-made_at", "-id")
    ]  # fmt: skip


def paper_of(key: str, digest: str) -> Paper:
    """Days of this digest: those that do not count lose money all the same."""
    rows = list(PaperDay.objects.filter(name=key, digest=digest).order_by("day"))
    if not rows:
        return Paper()
    money = [
        PaperMoney(one.pnl, one.high, one.low, one.drawdown, one.capital, one.orders)
        for one in rows
    ]
    said = [[one.day.isoformat(), one.counts, f"{one.pnl.normalize():f}"] for one in rows]
    return Paper(
        counted=sum(one.counts for one in rows),
        days=len(rows),
        drawdown=run_drawdown(money),
        pnl=sum((one.pnl for one in rows), Decimal(0)),
        digest=hashlib.sha256(canonical_bytes({"days": said})).hexdigest(),
    )


def _signed(key: str) -> list[Signed]:
    rows = SignOff.objects.filter(name=key, withdrawal=None)
    return [
        Signed(
            one.gate, one.signed_by, one.digest, tuple(one.evidence["reports"]), one.signed_at,
            one.accepts_latency, _target(one.evidence.get("target_us")),
        )
        for one in rows
    ]  # fmt: skip


def _target(said: str | None) -> Decimal | None:
    return None if said is None else Decimal(said)


def _readiness(
    strategy: Strategy, target: Decimal | None, vitals: Vitals, now: dt.datetime
) -> Readiness:
    drill = _drill(strategy)
    limits = {(row.scope, row.kind): row.value for row in Limit.objects.all()}
    missing = [missing_limits(limits, one, strategy.key) for one in strategy.account_ids]
    running = vitals.phase == "running"
    return Readiness(
        now,
        drilled=drill.happened_at if drill else None,
        drill=drill.digest if drill else "",
        target_us=target,
        latency_us=_latency_us(strategy.key, now),
        missing=tuple(dict.fromkeys(one.text for one in missing if one is not None)),
        stale=tuple(vitals.stale(strategy.symbols)),
        feed=vitals.why or ("" if running else f"the feed is {vitals.phase}"),
    )


def _drill(strategy: Strategy) -> Drill | None:
    """The last of its rehearsal account; of two accounts the older of both; None without one."""
    last = [
        Drill.objects.filter(account=one.rehearsal_id).order_by("-happened_at").first()
        for one in strategy.accounts
    ]
    return (
        min((one for one in last if one is not None), key=lambda one: one.happened_at)
        if all(last)
        else None
    )


def _latency_us(key: str, now: dt.datetime) -> Decimal | None:
    with connection.cursor() as cursor:
        cursor.execute(_LATENCY, [key, now - LATENCY_SPAN])
        (found,) = cursor.fetchone()
    return None if found is None else Decimal(str(found))


def shown_digest(facts: Facts) -> str:
    """SHA-256 of what a sign-off rests on: how it trades, its reports that pass and what they took
    for granted, the latency it asks of itself, its paper days."""
    return hashlib.sha256(canonical_bytes(evidence_of(facts))).hexdigest()


def evidence_of(facts: Facts) -> dict[str, object]:
    passing, target = passing_reports(facts.reports), facts.ready.target_us
    return {
        "digest": facts.digest,
        "reports": sorted(one.digest for one in passing),
        "rests": {one.digest: one.rests for one in passing},
        "target_us": None if target is None else f"{target.normalize():f}",
        "paper": facts.paper.digest,
        "paper_days": facts.paper.counted,
    }
