"""The gates: what each asks for, and what it says of the facts it is given. Pure."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from riskctl.actors import SHELL
from riskctl.conditions import Condition

BACKTEST_DAYS = 730
BACKTEST_QUOTED = 480
"""Of those, days that had quotes at all: two years of a market of five days a week, less holidays;
two days two years apart are no backtest of two years."""
BACKTEST_SPREAD_BP, BACKTEST_SLIPPAGE_BP = Decimal(1), Decimal("0.5")
"""The least that a report took for granted, what a backtest does without being told: one without
costs says nothing of money."""
PAPER_DAYS = 30
DRILL_AGE = dt.timedelta(days=90)
"""A quarter: what was rehearsed with other people, another release and another venue proves
little of today's."""

UNKNOWN_MAKER = (
    "a shell made the document, and nobody made it theirs: its trader applies it once more in the"
    " console, with another label where it says the same"
)
FIRST_STEP = Decimal("0.001")
"""Of the firm's gross limit: the most that a strategy begins real trading with."""

DOCUMENT, BACKTEST, PAPER = "document", "backtest", "paper trading"
RISK_GATE, COMPLIANCE_GATE, READY = "risk approval", "compliance sign-off", "drill and readiness"
GATES = (DOCUMENT, BACKTEST, PAPER, RISK_GATE, COMPLIANCE_GATE, READY)
LASTING = GATES[:5]
"""Those that a version which passed once must still have when it comes back after a stop."""


@dataclass(frozen=True, slots=True)
class Report:
    """A backtest that was kept. ``quoted``: its days with quotes, None for an old report, as the
    basis points that it took for granted. ``rests``: what it rests on, in words."""

    digest: str
    first: dt.date
    last: dt.date
    quoted: int | None
    fills: int
    spread_bp: Decimal | None = None
    slippage_bp: Decimal | None = None
    rests: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def lacks(self) -> str:
        """What it lacks to pass, empty when nothing."""
        if self.days < BACKTEST_DAYS:
            return f"it covers {self.days} of {BACKTEST_DAYS} days"
        if self.quoted is None or self.quoted < BACKTEST_QUOTED:
            return f"{self.quoted or 0} of its days have quotes, {BACKTEST_QUOTED} are needed"
        return self._cheap if self.fills else "nothing was traded in it"

    @property
    def _cheap(self) -> str:
        if self.spread_bp is None or self.slippage_bp is None:
            return "what costs it took for granted is not known"
        if self.spread_bp < BACKTEST_SPREAD_BP or self.slippage_bp < BACKTEST_SLIPPAGE_BP:
            return (
                f"it took {self.spread_bp} bp of spread and {self.slippage_bp} bp of slippage for"
                f" granted, {BACKTEST_SPREAD_BP} and {BACKTEST_SLIPPAGE_BP} are the least"
            )
        return ""


@dataclass(frozen=True, slots=True)
class Paper:
    """Paper days of this digest. ``drawdown``: of all of them, None where it is not known."""

    counted: int = 0
    days: int = 0
    drawdown: Decimal | None = None
    pnl: Decimal = Decimal(0)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign-off that stands. ``reports``: digests of the backtests it rests on; ``target_us``: the
    latency that the document asked of itself then."""

    gate: str
    by: str
    digest: str
    reports: Sequence[str]
    at: dt.datetime
    accepts_latency: bool = False
    target_us: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """``drilled``: of the last drill. ``latency_us``: p99 from tick to send, None not measured.
    ``missing``: limits that are not set; ``stale``: symbols without a fresh price."""

    now: dt.datetime
    drilled: dt.datetime | None = None
    drill: str = ""
    target_us: Decimal | None = None
    latency_us: Decimal | None = None
    missing: Sequence[str] = ()
    stale: Sequence[str] = ()
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the gates look at. ``digest`` is empty where there is no document that could be
    read; ``differs`` says why what trades is not what the document says. ``makers``: who first
    wrote it; where that was a shell, which says nothing of who, the people who made it theirs."""

    ready: Readiness
    digest: str = ""
    differs: str = ""
    makers: Sequence[str] = ()
    most: Decimal | None = None
    reports: Sequence[Report] = ()
    paper: Paper = field(default_factory=Paper)
    signed: Sequence[Signed] = ()


def conditions_of(facts: Facts) -> list[Condition]:
    """One a gate, in the order of GATES."""
    return [
        _document(facts),
        _backtest(facts),
        _paper(facts),
        _sign_off(facts, "risk", RISK_GATE),
        _sign_off(facts, "compliance", COMPLIANCE_GATE),
        _ready(facts),
    ]


def _document(facts: Facts) -> Condition:
    if not facts.digest:
        text = "it has no TradingEngine document, so there is nothing that gates could bind to:"
        return _said(DOCUMENT, False, f"{text} apply one", facts)
    text = facts.differs or "what trades is what the document says"
    return _said(DOCUMENT, not facts.differs, text, facts)


def _backtest(facts: Facts) -> Condition:
    passing = passing_reports(facts.reports)
    evidence = {"reports": [one.digest for one in passing]}
    if passing:
        best = max(passing, key=lambda one: one.days)
        text = f"{best.days} days, {best.first} to {best.last}, {best.rests}"
        return _said(BACKTEST, True, text, facts, **evidence)
    lacking = [f"{one.first} to {one.last}: {one.lacks}" for one in facts.reports]
    what = "; ".join(lacking[:3]) or "no backtest of it was kept"
    text = f"{what}: run haltline backtest over at least {BACKTEST_DAYS} days"
    return _said(BACKTEST, False, text, facts, **evidence)


def passing_reports(reports: Sequence[Report]) -> list[Report]:
    return [one for one in reports if not one.lacks]


def _paper(facts: Facts) -> Condition:
    paper, most = facts.paper, facts.most
    evidence = {
        "days": paper.counted, "needed": PAPER_DAYS, "pnl": paper.pnl, "most": most,
        "drawdown": paper.drawdown,
    }  # fmt: skip
    counted = f"{paper.counted} of {PAPER_DAYS} days"
    if most is None:
        text = f"{counted}; give the document riskControls.drawdownLimit, which they are judged by"
        return _said(PAPER, False, text, facts, **evidence)
    if paper.counted < PAPER_DAYS:
        text = f"{counted}: let it trade on the rung paper"
        return _said(PAPER, False, text, facts, **evidence)
    if paper.drawdown is None:
        return _said(PAPER, False, f"{counted}; its capital is not known", facts, **evidence)
    text = f"{counted}, deepest fall {paper.drawdown:.2%} of at most {most:.2%}"
    if paper.drawdown > most:
        text += ": the run failed; change how it trades, and begin anew"
    return _said(PAPER, paper.drawdown <= most, text, facts, **evidence)


def _sign_off(facts: Facts, gate: str, name: str) -> Condition:
    found = sign_off(facts, gate)
    if found is not None:
        text = f"{found.by}, {found.at:%Y-%m-%d %H:%M} UTC"
        evidence = {"by": found.by, "reports": list(found.reports)}
        return _said(name, True, text, facts, **evidence)
    text = f"missing: somebody of {gate} who did not make the document signs it off"
    if facts.digest and not maker_known(facts.makers):
        text = f"missing: {UNKNOWN_MAKER}"
    return _said(name, False, text, facts)


def sign_off(facts: Facts, gate: str) -> Signed | None:
    """The newest that is good: for this digest, on a report that passes, by another person than
    the makers and than who signed the other gate. None while no maker is known."""
    if not maker_known(facts.makers):
        return None
    passing = {one.digest for one in passing_reports(facts.reports)}
    return next(
        (
            one
            for one in sorted(facts.signed, key=lambda one: one.at, reverse=True)
            if one.gate == gate
            and facts.digest
            and one.digest == facts.digest
            and passing & set(one.reports)
            and one.by.casefold() not in _others(facts, gate)
        ),
        None,
    )


def _others(facts: Facts, gate: str) -> set[str]:
    """Who may not sign this gate: the makers, and whoever signed the other one."""
    theirs = {
        one.by.casefold() for one in facts.signed if one.gate != gate and one.digest == facts.digest
    }
    return theirs | {one.casefold() for one in facts.makers}


def maker_known(makers: Sequence[str]) -> bool:
    """Whether a person is among them, beside whom somebody else can be told apart."""
    return any(not one.startswith(SHELL) for one in makers)


def _ready(facts: Facts) -> Condition:
    seen = facts.ready
    wrong = [text for text in (_drilled(seen), _latency(facts), _feeds(seen)) if text]
    wrong += [f"not set: {one}" for one in seen.missing]
    evidence = {
        "drill": seen.drill, "drilled_at": seen.drilled, "target_us": seen.target_us,
        "latency_us": seen.latency_us, "stale": list(seen.stale), "missing": list(seen.missing),
    }  # fmt: skip
    text = "; ".join(wrong) or f"drilled, {_quick(seen)}, feeds connected, limits set"
    return _said(READY, not wrong, text, facts, **evidence)


def _drilled(seen: Readiness) -> str:
    if seen.drilled is None:
        return "no kill was rehearsed: kill its rehearsal account, and record the drill"
    age = seen.now - seen.drilled
    if age > DRILL_AGE:
        return f"the last drill is {age.days} days old, at most {DRILL_AGE.days}: rehearse again"
    return ""


def _latency(facts: Facts) -> str:
    seen, risk = facts.ready, sign_off(facts, "risk")
    if risk is not None and risk.accepts_latency:
        return ""
    if seen.target_us is None:
        return "give the document latency.targetLatency, or accept it unmet in the risk approval"
    if seen.latency_us is None:
        return "its latency was not measured: it has sent no order in the time judged"
    # No size and no setting: one person widens it, so it is judged by what risk has signed.
    target = min(seen.target_us, risk.target_us or Decimal(0)) if risk else seen.target_us
    if seen.latency_us > target:
        return (
            f"p99 from tick to send is {seen.latency_us:.0f} µs, its target"
            f" {seen.target_us:.0f}{_signed_target(risk, target, seen.target_us)}: make it quicker,"
            " or have it signed anew, or accepted, in the risk approval that this machine cannot"
        )
    return ""


def _quick(seen: Readiness) -> str:
    if seen.latency_us is None or seen.target_us is None or seen.latency_us > seen.target_us:
        return "latency accepted"
    return f"quick enough ({seen.latency_us:.0f} of {seen.target_us:.0f} µs)"


def _signed_target(risk: Signed | None, target: Decimal, now: Decimal) -> str:
    if risk is None or target == now:
        return ""
    return f" and {target:.0f} when risk signed" if target else " and none when risk signed"


def _feeds(seen: Readiness) -> str:
    if seen.feed:
        return seen.feed
    return f"no fresh price of {', '.join(seen.stale)}" if seen.stale else ""


def _said(name: str, met: bool, text: str, facts: Facts, **evidence: Any) -> Condition:
    said: Mapping[str, Any] = {"digest": facts.digest, **evidence}
    return Condition(name, met, text, said)
