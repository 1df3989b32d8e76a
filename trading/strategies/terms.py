"""On what terms a strategy runs now, by its rung of the restart ladder. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from riskctl.rungs import Rung
from trading.strategies.specs import StrategySpec


@dataclass(frozen=True, slots=True)
class Terms:
    """``account`` takes its orders. ``why`` it sends none, or empty."""

    account: str
    size_notional: Decimal
    signals: bool = True
    orders: bool = True
    why: str = ""


def full_terms(spec: StrategySpec) -> Terms:
    """Of a strategy that is live."""
    return Terms(spec.account, spec.size_notional)


def terms_of(spec: StrategySpec, rung: Rung, factor: Decimal, rehearsal: str) -> Terms:
    """Of ``spec`` on ``rung``. ``rehearsal``: its account's rehearsal account, or empty."""
    if rung is Rung.LIVE:
        return full_terms(spec)
    if rung is Rung.RAMP:
        return Terms(spec.account, spec.size_notional * factor)
    if rung is Rung.PAPER and rehearsal:
        return Terms(rehearsal, spec.size_notional)
    why = f"on rung {rung}"
    if rung is Rung.PAPER:
        why += f", and {spec.account} has no rehearsal account"
    signals = rung is not Rung.STOPPED
    return Terms(spec.account, spec.size_notional, signals=signals, orders=False, why=why)
