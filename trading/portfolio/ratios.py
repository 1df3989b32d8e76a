"""Return, risk and their ratios of a series of periodic returns. Pure.

Conventions are those of empyrical (Quantopian): sample standard deviation, the start counts as a
peak, returns compound, a missing return is skipped but counts as a period. None where a figure has
no value: too few returns, or nothing to divide by.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

DAYS = 252
"""Periods a year where nothing else is said: days of an exchange."""

Returns = npt.NDArray[np.float64]


def sharpe(returns: Sequence[float], periods: float = DAYS) -> float | None:
    """Mean over standard deviation, annualised; the riskless rate is 0."""
    found = _known(returns)
    if len(found) < 2:
        return None
    return _ratio(float(found.mean()) * periods**0.5, float(found.std(ddof=1)))


def sortino(returns: Sequence[float], periods: float = DAYS) -> float | None:
    """Mean over downside risk, annualised; the target is 0."""
    found = _known(returns)
    if len(found) < 2:
        return None
    return _ratio(float(found.mean()) * periods, downside_risk(returns, periods) or 0.0)


def downside_risk(returns: Sequence[float], periods: float = DAYS) -> float | None:
    """Root of the mean square of what lies below 0, annualised."""
    found = _known(returns)
    if not len(found):
        return None
    below = np.minimum(found, 0.0)
    return float(np.sqrt(np.mean(np.square(below))) * periods**0.5)


def volatility(returns: Sequence[float], periods: float = DAYS) -> float | None:
    found = _known(returns)
    return float(found.std(ddof=1)) * periods**0.5 if len(found) > 1 else None


def cumulative(returns: Sequence[float]) -> float | None:
    found = _known(returns)
    return float(np.prod(found + 1.0)) - 1.0 if len(found) else None


def annual_return(returns: Sequence[float], periods: float = DAYS) -> float | None:
    """Compounded; every return counts as a period, a missing one too."""
    whole = cumulative(returns)
    if whole is None or whole <= -1:
        return whole
    return float((1.0 + whole) ** (periods / len(returns)) - 1.0)


def max_drawdown(returns: Sequence[float]) -> float | None:
    """The deepest fall from a peak, 0 or negative."""
    found = _known(returns)
    if not len(found):
        return None
    equity = np.concatenate([[1.0], np.cumprod(found + 1.0)])
    peak = np.maximum.accumulate(equity)
    return float(np.min(equity / peak - 1.0))


def calmar(returns: Sequence[float], periods: float = DAYS) -> float | None:
    yearly, deepest = annual_return(returns, periods), max_drawdown(returns)
    return None if yearly is None or not deepest else yearly / abs(deepest)


def _known(returns: Sequence[float]) -> Returns:
    found = np.asarray(returns, dtype=np.float64)
    return found[~np.isnan(found)]


def _ratio(above: float, below: float) -> float | None:
    """None where there is no spread at all, but for what rounding leaves of one."""
    return above / below if below > 1e-12 else None
