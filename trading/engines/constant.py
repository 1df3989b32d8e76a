"""Comparisons of a condition that say the same whatever happens, so that no alert can rest on them.

``riskMetrics.drawdown > 5`` where 5% is meant can never be so. Pure.
"""

from collections.abc import Iterator
from decimal import Decimal

from trading.engines.conditions import (
    Comparison,
    Condition,
    Name,
    Not,
    Number,
    Term,
    compared,
)

_ONE, _NOTHING = Decimal(1), Decimal(0)
SHARES = frozenset(
    f"tradingStats.{one}" for one in ("successRate", "fillRate", "rejectionRate", "hitRatio")
) | {"riskMetrics.drawdown"}
"""0 to 1."""
RATIOS = frozenset({"tradingStats.slippageBudgetUsed", "riskMetrics.utilization"})
"""1 is all of it, and more is possible."""
COUNTS = frozenset(
    {
        "tradingStats.totalOrders", "tradingStats.totalTrades", "riskMetrics.grossExposure",
        "latency.orderToAnswer",
    }
)  # fmt: skip
"""0 and more."""
BUDGET_USED = "tradingStats.slippageBudgetUsed"
_MOST_OF_RATIO = Decimal(10)
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_REMEDY = "a share is written as 5% or 0.05"


def comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.of)
    else:
        yield from comparisons(condition.left)
        yield from comparisons(condition.right)


def constants(condition: Condition) -> Iterator[str]:
    """What is wrong with each comparison that is always so or never, and what to do."""
    for one in comparisons(condition):
        text = _constant(one)
        if text:
            yield f"{_shown(one.left)} {one.sign} {_shown(one.right)} {text}"


def _constant(one: Comparison) -> str:
    left, right = one.left, one.right
    if isinstance(left, Number) and isinstance(right, Number):
        so = _word(so=compared(one.sign, left.value, right.value))
        return f"is {so} so, whatever happens: compare a name"
    if isinstance(left, Name) and isinstance(right, Name):
        return "compares a name with itself: compare it with a number" if left == right else ""
    if isinstance(left, Name) and isinstance(right, Number):
        return _of(left.name, one.sign, right.value)
    if isinstance(left, Number) and isinstance(right, Name):
        return _of(right.name, _TURNED[one.sign], left.value)
    return ""


def _of(name: str, sign: str, value: Decimal) -> str:
    if name in RATIOS and value > _MOST_OF_RATIO:
        return f"is hardly meant, since {name} is 1 where all is used: {_REMEDY}"
    if name not in SHARES | COUNTS:
        return ""
    most = _ONE if name in SHARES else None
    so = _always(sign, value, most)
    if so is None:
        return ""
    between = "0 to 1" if most else "0 or more"
    more = f": {_REMEDY}" if most else ": compare it with a number that it can pass"
    return f"is {_word(so=so)} so, since {name} is {between}{more}"


def _always(sign: str, value: Decimal, most: Decimal | None) -> bool | None:
    """Of every number from 0 to ``most``: all, none, or (None) some of them compare so."""
    if sign in ("==", "!="):
        within = value >= _NOTHING and (most is None or value <= most)
        return None if within else sign == "!="
    least = compared(sign, _NOTHING, value)
    largest = sign in (">", ">=") if most is None else compared(sign, most, value)
    return least if least is largest else None


def _word(*, so: bool) -> str:
    return "always" if so else "never"


def _shown(term: Term) -> str:
    return term.name if isinstance(term, Name) else f"{term.value.normalize():f}"
