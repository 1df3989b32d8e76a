"""How orders at the present step were filled: beside budgets, the least, and what alerts say.

Each version that stood at the step counts, not the latest alone: whoever takes a budget or an alert
away, or widens it, before it speaks has raised nothing. Alerts count by what they rang, and by what
their conditions say of all orders of the step.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from riskctl.conditions import Condition
from trading.engines.conditions import NAMES, ConditionError, holds, names_in, parse
from trading.engines.reading import Alert
from trading.engines.units import UnitError, basis_points
from trading.gates.facts import config_of
from trading.models import EngineAlert, EngineVersion, Strategy
from trading.selectors.execution import Asked, Intended, filled_as_intended, slippage
from trading.selectors.results import budget_used

FILL_RATE = Decimal("0.95")
FILLS = frozenset({"tradingStats.successRate", "tradingStats.fillRate"})
SLIPPAGE = frozenset({"tradingStats.avgSlippage", "tradingStats.slippageBudgetUsed"})


@dataclass(frozen=True, slots=True)
class _Step:
    """``versions``: those that stood at it, newest first. ``slippage_bp`` None: nothing filled."""

    key: str
    since: dt.datetime
    versions: Sequence[EngineVersion]
    orders: Intended
    slippage_bp: Decimal | None

    def budget(self) -> Decimal | None:
        """The smallest that a version gave, basis points."""
        return min((one for one in map(budget_of, self.versions) if one is not None), default=None)

    def named(self, names: frozenset[str]) -> list[tuple[EngineVersion, Alert]]:
        """Alerts whose condition names one of ``names``."""
        found = ((one, config_of(one.text)) for one in self.versions)
        return [
            (one, alert)
            for one, config in found
            for alert in (config.alerts if config else ())
            if names & names_in(alert.condition)
        ]

    def against(self, names: frozenset[str]) -> list[str]:
        """What alerts on ``names`` said of the step: those that rang, by their name in the latest
        document or by what they named then; and those that are true of all its orders."""
        latest = {one.name for version, one in self.named(names) if version == self.versions[0]}
        rows = EngineAlert.objects.filter(engine=self.key).exclude(ended_at__lt=self.since)
        rang = [one for one in rows if one.alert in latest or names & _names(one)]
        said = {f"{one.alert} rang at {one.began_at:%Y-%m-%d %H:%M}" for one in rang}
        said |= {
            f"{alert.name} of version {version.number} is true of the step"
            for version, alert in self.named(names)
            if holds(alert.condition, self._values(version))
        }
        return sorted(said)

    def _values(self, version: EngineVersion) -> Mapping[str, Decimal | None]:
        """Of the step. What a condition names besides is not known."""
        orders = self.orders
        success = Decimal(orders.filled) / orders.ended if orders.ended else None
        return {
            "tradingStats.successRate": success,
            "tradingStats.fillRate": orders.rate,
            "tradingStats.avgSlippage": self.slippage_bp,
            "tradingStats.slippageBudgetUsed": budget_used(self.slippage_bp, budget_of(version)),
            "tradingStats.totalOrders": Decimal(orders.orders),
        }


def fill_conditions(strategy: Strategy, since: dt.datetime) -> Iterator[Condition]:
    """Of a raise, on orders made since ``since``. Raises db.Error."""
    rows = EngineVersion.objects.filter(name=strategy.key).order_by("-number")
    versions = [*rows.filter(made_at__gt=since), *rows.filter(made_at__lte=since)[:1]]
    # Of its real account; of two accounts all of its orders are looked at.
    alone = strategy.account_id if len(strategy.account_ids) == 1 else ""
    asked = Asked(since=since, strategy=strategy.key, account=alone)
    orders, slips = filled_as_intended(asked), slippage(asked)
    step = _Step(
        strategy.key, since, versions, orders[0] if orders else Intended(strategy.key),
        slips[0].mean_bp if slips else None,
    )  # fmt: skip
    yield _slippage(step)
    yield _fill_rate(step)


def _slippage(step: _Step) -> Condition:
    found, budget, against = step.slippage_bp, step.budget(), step.against(SLIPPAGE)
    said = ["no fill to measure it on" if found is None else f"{found:.2f} bp"]
    evidence = {"slippage_bp": found, "budget_bp": budget}
    if budget is None and not against and not step.named(SLIPPAGE):
        text = f"{said[0]}; no budget and no alert bounds it"
        return Condition("slippage", True, text, evidence)
    said += [] if budget is None else [f"its budget is {budget.normalize():f} bp"]
    within = found is not None and (budget is None or found <= budget)
    said += against or ([] if budget is not None else ["its alert was quiet"])
    return Condition("slippage", within and not against, "; ".join(said), evidence)


def _fill_rate(step: _Step) -> Condition:
    """Of what was to fill as it arrived. Quotes, and entries that wait at the own touch, are mostly
    taken back: whose orders all rest shows that they fill, on either side. An alert of the document
    may ask for more than the least, never for less."""
    found = step.orders
    rate, rested = found.at_once, {"bought": found.bought, "sold": found.sold}
    if rate is None:
        met = found.bought > 0 and found.sold > 0
        seen = f"no order was to fill at once; of those that rested {found.bought} bought and"
        seen += f" {found.sold} sold, of either at least one"
    else:
        met = rate >= FILL_RATE
        seen = f"{rate:.1%} filled of what was to fill at once, at least {FILL_RATE:.0%}"
    against = step.against(FILLS)
    evidence = {"fill_rate": rate, "least": FILL_RATE, **rested}
    return Condition("fill rate", met and not against, "; ".join([seen, *against]), evidence)


def budget_of(version: EngineVersion) -> Decimal | None:
    """What its fills may cost, basis points; None where it says nothing that can be read."""
    spec = version.document.get("spec") or {}
    text = (spec.get("execution") or {}).get("slippageBudget")
    try:
        return basis_points(text) if text else None
    except UnitError:
        return None


def _names(row: EngineAlert) -> frozenset[str]:
    """What its condition named; all there is where that is none that is read today."""
    try:
        return names_in(parse(row.condition))
    except ConditionError:
        return frozenset(NAMES)
