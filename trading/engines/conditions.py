"""Conditions of alerts, read into a tree of our own and never evaluated as code. Pure.

``tradingStats.successRate < 0.95 and not (riskMetrics.drawdown >= 5%)``: comparisons of the names
below with numbers or with each other, joined by ``and``, ``or``, ``not`` and parentheses (``&&``,
``||`` and ``!`` mean the same). A value that is not known makes neither true nor false of what
rests on it (Kleene's three-valued logic).
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

MOST_LENGTH = 300
MOST_DEPTH = 10

NAMES: Mapping[str, str] = {
    "tradingStats.successRate": "share of today's ended orders that filled at all, 0 to 1",
    "tradingStats.fillRate": "how much of each order that ended was filled, on average, 0 to 1",
    "tradingStats.rejectionRate": "share of today's orders refused by us or by the venue, 0 to 1",
    "tradingStats.avgSlippage": "what today's fills cost beyond the mid seen, basis points",
    "tradingStats.slippageBudgetUsed": "avgSlippage by the document's slippageBudget, of 1",
    "tradingStats.hitRatio": "share of today's round trips that made money after fees, 0 to 1",
    "tradingStats.totalOrders": "orders today",
    "tradingStats.totalTrades": "fills today",
    "riskMetrics.pnl": "today's PnL after fees, USD",
    "riskMetrics.drawdown": "from the peak of today's equity, 0 to 1",
    "riskMetrics.grossExposure": "USD",
    "riskMetrics.netExposure": "USD",
    "riskMetrics.utilization": "gross exposure by its limit, 0 to 1",
    "latency.orderToAnswer": "send to the venue's answer, p99 of today, milliseconds",
}
"""What a condition may name, and what it is of the engine's strategy."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?%?)|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|(?P<sign><=|>=|==|!=|<|>|&&|\|\||!|\(|\)|-))"
)
_COMPARED: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_WORDS = {"&&": "and", "||": "or", "!": "not"}

Values = Mapping[str, Decimal | None]


class ConditionError(ValueError):
    """The text is no condition; the message says what is wrong and what there is."""


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


Term = Name | Number


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Term
    sign: str
    right: Term


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class Both:
    left: "Condition"
    right: "Condition"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Condition"
    right: "Condition"


Condition = Comparison | Not | Both | Either


def parse(text: str) -> Condition:
    """Raises ConditionError."""
    if len(text) > MOST_LENGTH:
        raise ConditionError(f"it has {len(text)} characters: {MOST_LENGTH} at most")
    return _Parser(_tokens(text)).whole()


def holds(condition: Condition, values: Values) -> bool | None:
    """Whether it is so by ``values``; None: not known."""
    if isinstance(condition, Comparison):
        left, right = (_value(one, values) for one in (condition.left, condition.right))
        known = left is not None and right is not None
        return compared(condition.sign, left, right) if known else None  # type: ignore[arg-type]
    if isinstance(condition, Not):
        inner = holds(condition.of, values)
        return None if inner is None else not inner
    left_, right_ = holds(condition.left, values), holds(condition.right, values)
    decides = isinstance(condition, Either)  # the value of one side that settles it
    if left_ is decides or right_ is decides:
        return decides
    return None if left_ is None or right_ is None else not decides


def compared(sign: str, left: Decimal, right: Decimal) -> bool:
    return _COMPARED[sign](left, right)


def names_in(condition: Condition) -> frozenset[str]:
    if isinstance(condition, Comparison):
        both = (condition.left, condition.right)
        return frozenset(one.name for one in both if isinstance(one, Name))
    if isinstance(condition, Not):
        return names_in(condition.of)
    return names_in(condition.left) | names_in(condition.right)


def _value(term: Term, values: Values) -> Decimal | None:
    return term.value if isinstance(term, Number) else values.get(term.name)


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(
                f"{text[at:].strip()[:20]!r} is nothing that a condition has: write comparisons"
                " such as tradingStats.successRate < 0.95, joined by and, or, not"
            )
        found.append(_WORDS.get(match[0].strip(), match[0].strip()))
        at = match.end()
    return found


class _Parser:
    """By recursive descent: or, and, not, comparison."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._either()
        if self._at < len(self._tokens):
            raise ConditionError(f"{self._next!r} is too much: join comparisons by and or or")
        return found

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        found = self._next
        self._at += 1
        return found

    def _either(self) -> Condition:
        found = self._both()
        while self._next == "or":
            self._take()
            found = Either(found, self._both())
        return found

    def _both(self) -> Condition:
        found = self._one()
        while self._next == "and":
            self._take()
            found = Both(found, self._one())
        return found

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ConditionError(f"it goes deeper than {MOST_DEPTH} levels: write it flatter")
        try:
            if self._next == "not":
                self._take()
                return Not(self._one())
            if self._next == "(":
                return self._bracketed()
            return self._comparison()
        finally:
            self._depth -= 1

    def _bracketed(self) -> Condition:
        self._take()
        found = self._either()
        if self._take() != ")":
            raise ConditionError("a parenthesis is not closed: add )")
        return found

    def _comparison(self) -> Condition:
        left = self._term()
        sign = self._take()
        if sign not in _COMPARED:
            shown = repr(sign) if sign else "nothing"
            raise ConditionError(f"after a value stands one of {' '.join(_COMPARED)}, not {shown}")
        return Comparison(left, sign, self._term())

    def _term(self) -> Term:
        token = self._take()
        if token == "-":  # noqa: S105 - a sign
            found = self._number(self._take())
            return Number(-found)
        if token[:1].isdigit():
            return Number(self._number(token))
        if token in NAMES:
            return Name(token)
        raise ConditionError(_unknown(token))

    @staticmethod
    def _number(token: str) -> Decimal:
        if not token[:1].isdigit():
            raise ConditionError(f"after - stands a number, not {token!r}")
        return Decimal(token[:-1]) / 100 if token.endswith("%") else Decimal(token)


def _unknown(token: str) -> str:
    known = ", ".join(NAMES)
    shown = repr(token) if token else "nothing"
    return f"{shown} stands where a number or a name is wanted; the names are {known}"
