"""The triggers: one table that says what each measures, when it breaches and which hold follows.

Pure. Defaults that emergency-procedures.md names come from its configuration; the others are ours,
chosen so that neither the simulator nor the recorded days trip them (tests/triggers).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from riskctl.holds import RULES, Kind, Mode
from riskctl.triggers.config import figure

D = Decimal
_WARN_AT = D("0.8")
_COOLDOWN_S = int(figure("circuit_breaker", "recovery_time_minutes")) * 60


class Level(StrEnum):
    """What a reading is of: the form of its scope, which is also that of the hold."""

    FIRM = "firm"
    ACCOUNT = "account"  # scope venue:ACCOUNT
    STRATEGY = "strategy"
    INSTRUMENT = "instrument"


class Direction(StrEnum):
    ABOVE = "above"  # breaches at the threshold and above
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """One trigger.

    ``confirmations``: breaching readings in a row, each on newer facts, that it takes.
    ``warn_at``: share of the threshold from which it warns. ``window_s``: over how long it is
    measured, or looks back. ``seen_by``: the trigger that sees it when its input is unknown;
    empty for those that measure just that, in seconds. ``fixed``: set by the document that it comes
    from, and by nobody here.
    """

    name: str
    what: str
    unit: str
    level: Level
    threshold: Decimal
    confirmations: int
    kind: Kind
    formula: str
    source: str
    direction: Direction = Direction.ABOVE
    cooldown_s: int = _COOLDOWN_S
    warn_at: Decimal = _WARN_AT
    window_s: int = 0
    seen_by: str = "component-down"
    shadowable: bool = True
    fixed: bool = False

    @property
    def mode(self) -> Mode:
        return RULES[self.kind].mode

    @property
    def cancels(self) -> bool:
        return RULES[self.kind].cancels


_FIRM, _ACCOUNT, _STRATEGY, _INSTRUMENT = Level
_KILL, _BREAKER = Kind.KILL, Kind.BREAKER
_LW, _EP, _EG = "live-trading-workflows", "emergency-procedures", "engine-operations-guide"
_RB = "incident-response-runbook"
_CAPITAL = "capital = gross-notional limit of the scope"
_PNL = "PnL = realised + unrealised at the mid - fees; a symbol without any quote counts at cost"
_FEED = "feed-outage"

COMPONENT_DOWN, FEED_OUTAGE, DEAD_MAN = "component-down", _FEED, "dead-man"
FEED_DIVERGENCE, CLOCK_SKEW = "feed-divergence", "clock-skew"
SIGNALS_SILENT, SIGNALS_ZERO = "signals-silent", "signals-zero"
SIGNAL_LATENCY, OPEN_LEG = "signal-latency", "open-leg"
DOCUMENT_LOSS, DOCUMENT_DRAWDOWN = "document-stop-loss", "document-drawdown"

_LOSSES = (
    TriggerSpec(
        "intraday-loss", "Loss of the day", "% of capital", _FIRM, D(5), 3, _KILL,
        f"-(PnL now - PnL at 00:00 UTC) / capital * 100; {_PNL}; {_CAPITAL}", _LW,
    ),
    TriggerSpec(
        "strategy-intraday-loss", "Loss of the day", "% of capital", _STRATEGY, D(10), 3, _KILL,
        f"-(PnL now - PnL at 00:00 UTC) / capital * 100; {_PNL}; {_CAPITAL}", _LW,
    ),
    TriggerSpec(
        "strategy-stop-loss", "Loss within a minute", "% of capital", _STRATEGY, D(1), 3, _KILL,
        f"(highest PnL in the window - PnL now) / capital * 100, on the feed's clock; {_PNL};"
        f" {_CAPITAL}", _EG, window_s=60,
    ),
    TriggerSpec(
        "drawdown", "Drawdown", "%", _FIRM, figure("auto_triggers", "max_drawdown_percent"), 3,
        _KILL, f"(peak equity in the look-back - equity) / peak equity * 100;"
        f" equity = capital + PnL; {_PNL}; {_CAPITAL}", _EP, window_s=86_400,
    ),
    TriggerSpec(
        "strategy-drawdown", "Drawdown", "%", _STRATEGY, D(10), 3, _KILL,
        f"(peak equity in the look-back - equity) / peak equity * 100; equity = capital + PnL;"
        f" {_PNL}; {_CAPITAL}", _EG, window_s=86_400,
    ),
    TriggerSpec(
        "pnl-move", "Unexpected PnL move", "% of capital", _FIRM, D(1), 3, _KILL,
        f"largest |PnL now - PnL| in the window / capital * 100, either way, on the feed's clock;"
        f" {_PNL}; {_CAPITAL}", _LW, window_s=60,
    ),
    TriggerSpec(
        "strategy-pnl-move", "Unexpected PnL move", "% of capital", _STRATEGY, D(2), 3, _KILL,
        f"largest |PnL now - PnL| in the window / capital * 100, either way, on the feed's clock;"
        f" {_PNL}; {_CAPITAL}", _LW, window_s=60,
    ),
    TriggerSpec(
        DOCUMENT_LOSS, "Stop-loss of its document", "% of its threshold", _STRATEGY, D(100), 3,
        _KILL, "(highest PnL in stopLoss.timeWindow - PnL now) / capital, on the feed's clock, by"
        f" stopLoss.threshold * 100; {_PNL}; {_CAPITAL}", _EG, shadowable=False, fixed=True,
    ),
    TriggerSpec(
        DOCUMENT_DRAWDOWN, "Drawdown limit of its document", "% of its threshold", _STRATEGY,
        D(100), 3, _KILL, "(peak equity in drawdownLimit.lookbackPeriod - equity) / peak equity, by"
        f" drawdownLimit.maxDrawdown * 100; equity = capital + PnL; {_PNL}; {_CAPITAL}", _EG,
        shadowable=False, fixed=True,
    ),
)  # fmt: skip

_EXPOSURES = (
    TriggerSpec(
        "gross-exposure", "Gross exposure", "% of limit", _FIRM, D(100), 3, _KILL,
        "sum of |position * mid| / gross-notional limit * 100", _LW, warn_at=D("0.9"),
    ),
    TriggerSpec(
        "account-gross-exposure", "Gross exposure", "% of limit", _ACCOUNT, D(100), 3, _KILL,
        "sum of |position * mid| / gross-notional limit * 100", _LW, warn_at=D("0.9"),
    ),
    TriggerSpec(
        "strategy-gross-exposure", "Gross exposure", "% of limit", _STRATEGY, D(100), 3, _KILL,
        "sum of |position * mid| / gross-notional limit * 100", _LW, warn_at=D("0.9"),
    ),
    TriggerSpec(
        "net-exposure", "Net exposure", "% of limit", _FIRM, D(80), 3, _KILL,
        "|sum of position * mid| / gross-notional limit * 100", _LW,
    ),
    TriggerSpec(
        "margin", "Margin used", "% of equity", _ACCOUNT, D(80), 3, _KILL,
        "sum of |position * mid| * margin rate of its class / (capital + PnL) * 100; rates: fx"
        f" 3.33 %, equity 50 %, future 10 %, crypto 50 %; {_PNL}; {_CAPITAL}", _LW,
    ),
    TriggerSpec(
        "position-value", "Largest position", "USD", _STRATEGY, D(2_000_000), 3, _KILL,
        "largest |position * mid| of the strategy in one instrument", _EP, warn_at=D("0.9"),
    ),
    TriggerSpec(
        OPEN_LEG, "Open leg", "s", _STRATEGY, D("3.5"), 2, Kind.REDUCE_ONLY,
        "seconds for which the two legs of an arbitrage have differed by more than a tenth of what"
        " is held; so that within 5 s a hold names the leg, which may still be given back",
        "docs/strategies.md", warn_at=D("0.6"),
    ),
)  # fmt: skip

_MARKET = (
    TriggerSpec(
        "volatility", "Volatility spike", "times normal", _INSTRUMENT,
        figure("auto_triggers", "volatility_threshold"), 3, _BREAKER,
        "volatility in the window / normal volatility; by bipower variation of 5 s returns, which"
        " one jump does not move (Barndorff-Nielsen and Shephard 2004); normal = the hour before,"
        " at least 15 % a year for fx, 25 % equity, 30 % future, 80 % crypto", _EP,
        warn_at=D("0.9"), window_s=900, seen_by=_FEED,
    ),
    TriggerSpec(
        "spread-widening", "Spread widening", "times normal", _INSTRUMENT,
        figure("circuit_breaker", "spread_widening_factor"), 3, _BREAKER,
        "mean spread in the window / mean spread of the hour before, which counts as at least 1 bp"
        " for fx, 2 bp for others", _EP, warn_at=D("0.9"), window_s=600, seen_by=_FEED,
    ),
    TriggerSpec(
        "price-velocity", "Price velocity", "%", _INSTRUMENT,
        figure("circuit_breaker", "price_velocity_threshold"), 3, _BREAKER,
        "largest |mean mid of these 5 s / mean mid of any 5 s in the window - 1| * 100", _EP,
        window_s=60, seen_by=_FEED,
    ),
    TriggerSpec(
        "volume-spike", "Volume spike", "times normal", _INSTRUMENT, D(8), 3, _BREAKER,
        "traded volume in the window / that of the hour before, per second; only where the feed"
        " gives volumes", _EP, window_s=60, seen_by=_FEED,
    ),
    TriggerSpec(
        "volume-drop", "Volume drop", "times normal", _INSTRUMENT, D("0.05"), 3, _BREAKER,
        "traded volume in the window / that of the hour before, per second; only where the feed"
        " gives volumes", _EP, direction=Direction.BELOW, window_s=60, seen_by=_FEED,
    ),
    TriggerSpec(
        "data-quality", "Data quality", "share good", _FIRM,
        figure("auto_triggers", "data_quality_threshold"), 3, _BREAKER,
        "accepted / read of the feed's last 10,000 quotes", _EP, direction=Direction.BELOW,
        warn_at=D("0.9"), seen_by=_FEED,
    ),
    TriggerSpec(
        FEED_DIVERGENCE, "Sources of a price disagree", "s", _INSTRUMENT, D(30), 3, _BREAKER,
        "seconds for which the instrument's quotes have been withheld because its sources disagree,"
        " on the feed's clock; only where a feed has a backup", _LW, warn_at=D("0.05"),
        seen_by=_FEED,
    ),
    TriggerSpec(
        CLOCK_SKEW, "Clock of a source", "s", _FIRM, D(1), 3, _BREAKER,
        "|least time from a quote's own time to its arrival in the last minute|, of the live source"
        " furthest from zero", _LW, warn_at=D("0.5"), seen_by=_FEED,
    ),
    TriggerSpec(
        _FEED, "Feed outage", "s", _FIRM, D(30), 3, _BREAKER,
        "seconds since the feed's last sign of life, unless its recording has ended", _RB,
        warn_at=D("0.5"), seen_by="",
    ),
)  # fmt: skip

_SYSTEM = (
    TriggerSpec(
        "order-latency", "Order latency over SLO", "ms p95", _ACCOUNT, D(500), 5, _BREAKER,
        "95th percentile of order written to venue's answer, of the window's orders, at least 50",
        _RB, window_s=300,
    ),
    TriggerSpec(
        "execution-delay", "Execution delay", "ms", _ACCOUNT,
        figure("auto_triggers", "execution_delay_ms"), 20, _BREAKER,
        "age of the oldest order or cancel that the venue has not answered", _EP,
    ),
    TriggerSpec(
        "error-burst", "Errors at the venue", "count", _ACCOUNT,
        figure("auto_triggers", "api_error_count"), 2, _BREAKER,
        "orders rejected by the venue or left without an answer, in the window", _EP, window_s=60,
    ),
    TriggerSpec(
        "rejection-burst", "Rejections", "share", _ACCOUNT, D("0.5"), 3, _BREAKER,
        "rejected / answered orders in the window, of at least 10", _RB, window_s=60,
    ),
    TriggerSpec(
        "all-denied", "All signals rejected", "share", _ACCOUNT, D(1), 3, _BREAKER,
        "orders denied by risk rules / all judged in the window, of at least 20; denials by holds,"
        " stages and licences do not count", _RB, warn_at=D("0.9"), window_s=300,
    ),
    TriggerSpec(
        "sized-zero", "Signals without any order", "share", _STRATEGY, D(1), 3, _BREAKER,
        "1 - orders / signals in the window, of at least 10 signals; not under a hold or below the"
        " rung ramp", _RB, warn_at=D("0.95"), window_s=900,
    ),
    TriggerSpec(
        SIGNALS_SILENT, "No signals", "s", _FIRM, D(900), 3, _BREAKER,
        "seconds since the latest signal of any strategy that may signal, counted while an"
        " instrument of such a one is quoted (a quote under 30 s old by the feed's clock): pauses"
        " of its market do not count", _RB, warn_at=D("0.66"),
    ),
    TriggerSpec(
        SIGNALS_ZERO, "Confidence zero", "share", _STRATEGY, D(1), 3, _BREAKER,
        "signals of confidence 0 / all signals in the window, of at least 10", _RB,
        warn_at=D("0.9"), window_s=900,
    ),
    TriggerSpec(
        SIGNAL_LATENCY, "Signal generation slow", "s", _STRATEGY, D(10), 3, _BREAKER,
        "95th percentile of tick published to signal made, of the window's signals, at least 5",
        _RB, warn_at=D("0.5"), window_s=300,
    ),
    TriggerSpec(
        "queue-backlog", "Queue backlog", "messages", _FIRM, D(5_000), 5, _BREAKER,
        "longest queue of any stage, or of Celery tasks", _EP, warn_at=D("0.5"),
    ),
    TriggerSpec(
        "database-slow", "Database slow", "ms", _FIRM, D(1_000), 5, _BREAKER,
        "time of the last reading of the books; one that is not answered is unknown", _EP,
        warn_at=D("0.5"),
    ),
    TriggerSpec(
        "gateway-down", "Gateway down", "s", _ACCOUNT, D(60), 3, _BREAKER,
        "seconds since the last sign of life of the account's gateway", _EP, warn_at=D("0.5"),
        seen_by="",
    ),
    TriggerSpec(
        COMPONENT_DOWN, "Component down", "s", _FIRM, D(60), 3, _BREAKER,
        "seconds since the last sign of life of the most silent of feed, ingestor, shards,"
        " portfolio, watchdog, database; and for how long any trigger's input has been unknown",
        _EP, warn_at=D("0.5"), seen_by="",
    ),
)  # fmt: skip

_DEAD_MAN = TriggerSpec(
    DEAD_MAN, "Dead man's switch", "min", _FIRM, figure("dead_mans_switch", "timeout_minutes"), 1,
    Kind.DEAD_MAN, "minutes since a person with a second factor last confirmed, by the database's"
    " clock", _EP, warn_at=1 - figure("dead_mans_switch", "warning_minutes")
    / figure("dead_mans_switch", "timeout_minutes"), cooldown_s=60, shadowable=False,
)  # fmt: skip

SPECS: dict[str, TriggerSpec] = {
    one.name: one for one in (*_LOSSES, *_EXPOSURES, *_MARKET, *_SYSTEM, _DEAD_MAN)
}
