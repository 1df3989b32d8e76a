"""The restart ladder: its rungs, the measured condition of each, and when one falls. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from riskctl.conditions import Condition


class Rung(StrEnum):
    """From the ground up."""

    STOPPED = "stopped"  # nothing
    MONITOR = "monitor"  # signals, no orders
    PAPER = "paper"  # orders on the account's rehearsal account
    RAMP = "ramp"  # orders at a share of size and limits
    LIVE = "live"

    @property
    def height(self) -> int:
        return _HEIGHTS[self]


_UP = (Rung.STOPPED, Rung.MONITOR, Rung.PAPER, Rung.RAMP, Rung.LIVE)
_HEIGHTS = {rung: height for height, rung in enumerate(_UP)}


def next_up(rung: Rung) -> Rung | None:
    """The one rung above, None at the top."""
    return None if rung is Rung.LIVE else _UP[rung.height + 1]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What must be measured on a rung. Shares are of 1; slippage in basis points."""

    minutes: Decimal
    signals: int = 0
    fills: int = 0
    rejections: Decimal = Decimal("0.10")
    """Of its orders, refused by the gate or the venue."""
    drawdown: Decimal = Decimal("0.02")
    """Of the strategy's full size over all its symbols."""
    slippage_bp: Decimal = Decimal(10)


BOUNDS: Mapping[Rung, Bounds] = {
    Rung.STOPPED: Bounds(minutes=Decimal(0)),
    Rung.MONITOR: Bounds(minutes=Decimal(5), signals=1),
    Rung.PAPER: Bounds(minutes=Decimal(15), fills=1),
    Rung.RAMP: Bounds(minutes=Decimal(30), fills=1),
}
"""What it takes to leave each rung upwards."""

RAMP_FACTOR = Decimal("0.25")
DATA_TRIGGERS = ("feed-outage", "feed-divergence", "data-quality")
JUDGED_ORDERS = 20
"""A share of fewer orders than this says nothing that would take a strategy down."""


def bounds_with(minutes: Mapping[str, Decimal]) -> dict[Rung, Bounds]:
    """``BOUNDS`` with other times. Raises ValueError naming an unknown rung or a bad time."""
    made = dict(BOUNDS)
    for name, value in minutes.items():
        if name not in {str(rung) for rung in BOUNDS} - {Rung.STOPPED}:
            raise ValueError(f"ladder minutes: {name!r} is none of monitor, paper, ramp")
        if not 0 < value <= 10_080:
            raise ValueError(f"ladder minutes: {name} must be above 0 and at most a week")
        made[Rung(name)] = replace(made[Rung(name)], minutes=value)
    return made


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured of one strategy on one rung since it came there (or since a hold).

    ``drawdown`` is a share as in Bounds; it and ``slippage_bp`` are None while there are no fills.
    ``stale``: symbols without a fresh price. ``errors``: of its shard, in the last five minutes,
    None when it was not heard. ``warnings``: triggers that warned or were in breach on any scope
    over it in the time judged; ``alarms``: those that were in breach, or warned of itself.
    ``rehearsal``: the account for the rung paper, empty when there is none.
    """

    minutes: Decimal
    signals: int = 0
    stale: tuple[str, ...] = ()
    errors: int | None = 0
    orders: int = 0
    refused: int = 0
    fills: int = 0
    drawdown: Decimal | None = None
    slippage_bp: Decimal | None = None
    warnings: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    rehearsal: str = ""

    @property
    def rejections(self) -> Decimal:
        return Decimal(self.refused) / self.orders if self.orders else Decimal(0)


def conditions_of(rung: Rung, seen: Evidence, bounds: Bounds) -> list[Condition]:
    """Every condition of leaving ``rung`` upwards."""
    if rung is Rung.STOPPED or rung is Rung.LIVE:
        return []
    found = [_time(rung, seen, bounds)]
    if rung is Rung.MONITOR:
        return [*found, _signals(seen, bounds), _data(seen), _errors(seen)]
    if rung is Rung.PAPER:
        return [
            _rehearsal(seen), *found, _fills(seen, bounds), _rejections(seen, bounds),
            _drawdown(seen, bounds),
        ]  # fmt: skip
    return [
        *found, _fills(seen, bounds), _warnings(seen), _rejections(seen, bounds),
        _slippage(seen, bounds),
    ]  # fmt: skip


def _time(rung: Rung, seen: Evidence, bounds: Bounds) -> Condition:
    text = f"{seen.minutes:.1f} of {bounds.minutes.normalize():f} min on {rung}"
    evidence = {"minutes": seen.minutes, "needed": bounds.minutes}
    return Condition("time", seen.minutes >= bounds.minutes, text, evidence)


def _signals(seen: Evidence, bounds: Bounds) -> Condition:
    text = f"{seen.signals} signals, at least {bounds.signals} needed"
    return Condition("signals", seen.signals >= bounds.signals, text, {"signals": seen.signals})


def _data(seen: Evidence) -> Condition:
    """Fresh now, and no trigger was against the data in the time measured."""
    against = [one for one in seen.warnings if one in DATA_TRIGGERS]
    said = [f"no fresh price of {', '.join(seen.stale)}"] if seen.stale else []
    text = "; ".join([*said, *against]) or "prices are fresh"
    evidence = {"stale": list(seen.stale), "triggers": against}
    return Condition("data", not (seen.stale or against), text, evidence)


def _errors(seen: Evidence) -> Condition:
    if seen.errors is None:
        return Condition("errors", False, "its shard was not heard", {})
    text = f"{seen.errors} errors of its shard in five minutes"
    return Condition("errors", seen.errors == 0, text, {"errors": seen.errors})


def _rehearsal(seen: Evidence) -> Condition:
    text = seen.rehearsal or "its account has no rehearsal account: name one to climb past paper"
    return Condition("rehearsal", bool(seen.rehearsal), text, {"account": seen.rehearsal})


def _fills(seen: Evidence, bounds: Bounds) -> Condition:
    text = f"{seen.fills} fills, at least {bounds.fills} needed"
    return Condition("fills", seen.fills >= bounds.fills, text, {"fills": seen.fills})


def _rejections(seen: Evidence, bounds: Bounds) -> Condition:
    text = f"{seen.refused} of {seen.orders} orders refused, at most {bounds.rejections:.0%}"
    evidence = {"orders": seen.orders, "refused": seen.refused, "most": bounds.rejections}
    return Condition("rejections", seen.rejections <= bounds.rejections, text, evidence)


def _drawdown(seen: Evidence, bounds: Bounds) -> Condition:
    if seen.drawdown is None:
        return Condition("drawdown", False, "no fills to measure it on", {})
    text = f"{seen.drawdown:.2%} of its size, at most {bounds.drawdown:.2%}"
    evidence = {"drawdown": seen.drawdown, "most": bounds.drawdown}
    return Condition("drawdown", seen.drawdown <= bounds.drawdown, text, evidence)


def _warnings(seen: Evidence) -> Condition:
    text = ", ".join(seen.warnings) or "no trigger warned"
    return Condition("warnings", not seen.warnings, text, {"warnings": list(seen.warnings)})


def _alarms(seen: Evidence) -> Condition:
    text = ", ".join(seen.alarms) or "no trigger is against it"
    return Condition("alarms", not seen.alarms, text, {"alarms": list(seen.alarms)})


def _slippage(seen: Evidence, bounds: Bounds) -> Condition:
    if seen.slippage_bp is None:
        return Condition("slippage", False, "no fills to measure it on", {})
    text = f"{seen.slippage_bp:.2f} bp on average, at most {bounds.slippage_bp.normalize():f}"
    evidence = {"slippage_bp": seen.slippage_bp, "most": bounds.slippage_bp}
    return Condition("slippage", seen.slippage_bp <= bounds.slippage_bp, text, evidence)


@dataclass(frozen=True, slots=True)
class Fall:
    """Down from a rung, at once, and why."""

    to: Rung
    why: str


def fall_of(rung: Rung, seen: Evidence, bounds: Bounds) -> Fall | None:
    """Whether what was measured takes a strategy down: from live to ramp, else to monitor.

    A warning alone takes nobody off live: a breach places a hold there.
    """
    if rung.height <= Rung.MONITOR.height:
        return None
    conditions = [_rejections(seen, bounds)] if seen.orders >= JUDGED_ORDERS else []
    if rung is Rung.PAPER and seen.drawdown is not None:
        conditions.append(_drawdown(seen, bounds))
    if rung is Rung.RAMP:
        conditions.append(_alarms(seen))
    if rung is not Rung.PAPER and seen.fills >= JUDGED_ORDERS:
        conditions.append(_slippage(seen, bounds))
    broken = [one for one in conditions if not one.met]
    if not broken:
        return None
    to = Rung.RAMP if rung is Rung.LIVE else Rung.MONITOR
    return Fall(to, "; ".join(f"{one.name}: {one.text}" for one in broken))


def reentry(
    *, stands: Rung, moved_under_hold: bool, monitor_met: bool, paper_met: bool, highest: Rung
) -> Rung:
    """Where a strategy stands after a lift: the highest rung whose conditions are met.

    Never above ``highest``, and never above where it stood when it was stopped: only one that
    came to its rung under the hold, to climb again, may be raised by the lift.
    """
    if stands is Rung.STOPPED:
        return stands
    met = Rung.MONITOR
    if monitor_met:
        met = Rung.RAMP if paper_met else Rung.PAPER
    ceiling = Rung.LIVE if moved_under_hold else stands
    return min((met, ceiling, highest), key=lambda one: one.height)
