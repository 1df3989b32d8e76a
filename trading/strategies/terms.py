"""On what terms a strategy runs now, by its rung of the restart ladder. Pure."""

from dataclasses import dataclass, replace
from decimal import Decimal

from riskctl.rungs import Rung
from trading.strategies.specs import StrategySpec


@dataclass(frozen=True, slots=True)
class Terms:
    """``account`` takes its orders, ``second_account`` those in ``second_symbol`` (arbitrage across
    two accounts). ``why`` it sends none, or empty."""

    account: str
    size_notional: Decimal
    signals: bool = True
    orders: bool = True
    why: str = ""
    second_account: str = ""
    second_symbol: str = ""

    def account_of(self, symbol: str) -> str:
        """The account that takes its orders in ``symbol``."""
        return self.second_account if symbol == self.second_symbol else self.account


def full_terms(spec: StrategySpec) -> Terms:
    """Of a strategy that is live."""
    return _terms(spec, spec.size_notional)


def terms_of(spec: StrategySpec, rung: Rung, factor: Decimal, *rehearsals: str) -> Terms:
    """Of ``spec`` on ``rung``. ``rehearsals``: of each of its accounts, empty for one without."""
    if rung is Rung.LIVE:
        return full_terms(spec)
    if rung is Rung.RAMP:
        return _terms(spec, spec.size_notional * factor)
    if rung is Rung.PAPER and all(rehearsals):
        first, second = rehearsals[0], rehearsals[-1]
        return replace(
            full_terms(spec), account=first, second_account=second if spec.second_account else ""
        )
    why = f"on rung {rung}"
    if rung is Rung.PAPER:
        bare = " and ".join(
            account for account, one in zip(spec.accounts, rehearsals, strict=True) if not one
        )
        why += f", and {bare} has no rehearsal account"
    signals = rung is not Rung.STOPPED
    return replace(full_terms(spec), signals=signals, orders=False, why=why)


def _terms(spec: StrategySpec, size: Decimal) -> Terms:
    return Terms(
        spec.account, size, second_account=spec.second_account, second_symbol=spec.second_symbol
    )
