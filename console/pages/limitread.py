"""Limits with what is used of each, from the live frame. Unknown is None, never 0."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from console.access.visible import Sight
from console.pages.frames import AccountPart, DeskFrame, Held, StrategyLine
from riskctl.models import Limit, Stage
from riskctl.rules import (
    FIRM,
    GROSS_NOTIONAL,
    OPEN_ORDERS,
    POSITION_NOTIONAL,
    SCALED,
    account_scope,
    strategy_scope,
)
from trading.universe import REPORTING_RATE, UNIVERSE


@dataclass(frozen=True)
class LimitLine:
    """One limit. ``in_force``: as gateways judge by, ``used``: None where it is not known or where
    each order is judged for itself."""

    scope: str
    kind: str
    value: Decimal
    in_force: Decimal
    used: Decimal | None
    version: int
    changed_by: str
    changed_at: dt.datetime

    @property
    def share(self) -> Decimal | None:
        """Of 1; more where a limit was lowered below what is held."""
        if self.used is None:
            return None
        if not self.in_force:
            return Decimal(0) if not self.used else Decimal(1)
        return self.used / self.in_force


def limit_lines(limits: Iterable[Limit], frame: DeskFrame | None, sight: Sight) -> list[LimitLine]:
    """Those on the firm and on what ``sight`` sees; sums only where they hold nothing of others.

    Raises django.db.Error.
    """
    factors = dict(Stage.objects.values_list("strategy", "size_factor"))
    return [
        _line(one, factors, frame, sight)
        for one in limits
        if one.scope == FIRM or sight.sees_scope(_as_hold(one.scope))
    ]


def _line(
    one: Limit, factors: dict[str, Decimal], frame: DeskFrame | None, sight: Sight
) -> LimitLine:
    kind, _, key = one.scope.partition(":")
    factor = Decimal(1)
    if kind == "strategy" and one.kind in SCALED:
        factor = factors.get(key, Decimal(1))
    used = None
    if frame is not None and sight.sums(_as_hold(one.scope)):
        used = used_of(one.scope, one.kind, frame)
    return LimitLine(
        one.scope, one.kind, one.value, one.value * factor, used, one.version, one.changed_by,
        one.changed_at,
    )  # fmt: skip


def used_of(scope: str, kind: str, frame: DeskFrame) -> Decimal | None:
    """How much of such a limit is taken: of an account's by what lies on it."""
    if scope == FIRM:
        return frame.totals.gross if kind == GROSS_NOTIONAL else None
    own = next((one for one in frame.strategies if scope == strategy_scope(one.key)), None)
    if own is not None:
        return _used_by(own, kind)
    parts = [part for one in frame.strategies for part in one.accounts]
    theirs = [part for part in parts if scope == account_scope(part.account)]
    if kind == GROSS_NOTIONAL and theirs:
        return _sum(part.gross for part in theirs)
    return _orders(theirs) if kind == OPEN_ORDERS and theirs else None


def _used_by(one: StrategyLine, kind: str) -> Decimal | None:
    """Gateways of real accounts know of nothing on paper, nor the other way round: where a strategy
    has both, what more is used of."""
    if kind == POSITION_NOTIONAL:
        return _largest(one)
    if kind == GROSS_NOTIONAL:
        every, real = one.gross, one.real.gross
        return None if every is None or real is None else max(real, every - real)
    if kind != OPEN_ORDERS or not one.accounts:
        return None
    apart = [
        _orders(part for part in one.accounts if part.rehearsal is paper) for paper in (False, True)
    ]
    known = [used for used in apart if used is not None]
    return max(known) if len(known) == len(apart) else None


def _orders(parts: Iterable[AccountPart]) -> Decimal | None:
    return _sum(None if one.orders_open is None else Decimal(one.orders_open) for one in parts)


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _largest(one: StrategyLine) -> Decimal | None:
    """Its largest position by value at the mid, USD; None when one has no price."""
    if one.position is None:
        return None
    values = [_value(held) for held in one.position]
    known = [value for value in values if value is not None]
    return max(known, default=Decimal(0)) if len(known) == len(values) else None


def _value(held: Held) -> Decimal | None:
    if held.mark is None or held.symbol not in UNIVERSE:
        return None
    instrument = UNIVERSE.by_symbol(held.symbol)
    rate = REPORTING_RATE[instrument.currency]
    return abs(held.quantity) * held.mark * instrument.multiplier * rate


def _as_hold(scope: str) -> str:
    """A limit's scope as holds name it."""
    return scope.replace("account:", "venue:", 1)
