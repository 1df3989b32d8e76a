"""Raising a riskLimit on real money: in steps, each after what the step before has shown.

The guide goes from 0.1 % to 1.0 % of the firm's gross limit. Measured since the gross-notional
limit in force was set, of the last 25 days at most, as prices are kept for thirty.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q

from riskctl.actors import Actor
from riskctl.approvals import limits
from riskctl.approvals.kinds import part_of
from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition, require
from riskctl.models import Approval, Limit
from riskctl.rules import FIRM, GROSS_NOTIONAL, strategy_scope
from trading.engines.conditions import NAMES, ConditionError, names_in, parse
from trading.engines.reading import EngineConfig
from trading.engines.units import shown_percent
from trading.gates.facts import config_of
from trading.gates.money import UnpricedError
from trading.gates.paper import CAUGHT_UP, holds_against, money_of
from trading.gates.rules import FIRST_STEP
from trading.models import EngineAlert, EngineVersion, Order, Strategy, VenueAccount
from trading.resume.evidence import REFUSED
from trading.selectors.execution import Asked, Intended, filled_as_intended, slippage

TENFOLD = 10
TRADED_DAYS = 5
FILL_RATE = Decimal("0.95")
FILLS = ("tradingStats.successRate", "tradingStats.fillRate")
SLIPPAGE = ("tradingStats.avgSlippage", "tradingStats.slippageBudgetUsed")
ZERO = Decimal(0)


def raise_conditions(key: str, accounts: Sequence[str], wanted: Decimal) -> list[Condition]:
    """Of a gross-notional limit of ``wanted`` USD for strategy ``key``; none where it is no raise,
    or where no real money is traded. Raises db.Error."""
    if not VenueAccount.objects.filter(name__in=accounts, live=True).exists():
        return []
    firm = Limit.objects.filter(scope=FIRM, kind=GROSS_NOTIONAL).first()
    now = Limit.objects.filter(scope=strategy_scope(key), kind=GROSS_NOTIONAL).first()
    if now is not None and wanted <= now.value:
        return []
    whole = firm.value if firm else ZERO
    found = [_step(wanted, now.value if now else ZERO, whole)]
    strategy = Strategy.objects.select_related("account").filter(key=key).first()
    if wanted > FIRST_STEP * whole and strategy is not None and now is not None:
        found += _measured(strategy, now)
    return found


def step_most(key: str) -> Decimal | None:
    """The most that one step raises its gross limit to, USD; None where no limit of the firm is."""
    firm = Limit.objects.filter(scope=FIRM, kind=GROSS_NOTIONAL).first()
    now = Limit.objects.filter(scope=strategy_scope(key), kind=GROSS_NOTIONAL).first()
    return None if firm is None else _most(now.value if now else ZERO, firm.value)


def _most(now: Decimal, whole: Decimal) -> Decimal:
    return min(now * TENFOLD, whole) if now else FIRST_STEP * whole


def _step(wanted: Decimal, now: Decimal, whole: Decimal) -> Condition:
    most = _most(now, whole)
    text = f"{_share(wanted, whole)} of the firm's gross limit, from {_share(now, whole)}: at most "
    text += f"{_share(most, whole)} in this step"
    evidence = {"wanted": wanted, "now": now, "most": most}
    return Condition("step", ZERO < wanted <= most, text, evidence)


def _share(value: Decimal, whole: Decimal) -> str:
    return shown_percent((value / whole).quantize(Decimal("0.000001"))) if whole else "–"


def _measured(strategy: Strategy, limit: Limit) -> Iterator[Condition]:
    now = database_now()
    since = max(limit.changed_at, now - CAUGHT_UP)
    version = EngineVersion.objects.filter(name=strategy.key).order_by("-number").first()
    config = config_of(version.text) if version else None
    yield _days(strategy, since)
    yield _holds(strategy, since, now)
    yield _drawdown(strategy, config, limit.value, since, now)
    yield _slippage(strategy, config, since)
    yield _fill_rate(strategy, config, since)


def _days(strategy: Strategy, since: dt.datetime) -> Condition:
    orders = Order.objects.filter(
        strategy=strategy, account__in=strategy.account_ids, created_at__gte=since, warrant=None
    ).exclude(state__in=REFUSED)
    days = len(set(orders.values_list("created_at__date", flat=True).distinct()))
    text = f"{days} of {TRADED_DAYS} days with orders at the present step"
    return Condition("days at the step", days >= TRADED_DAYS, text, {"days": days, "since": since})


def _holds(strategy: Strategy, since: dt.datetime, until: dt.datetime) -> Condition:
    against = list(holds_against(strategy, since, until))
    text = "; ".join(against) or "no kill and no hold of a trigger since"
    return Condition("no stop since", not against, text, {"holds": against})


def _drawdown(
    strategy: Strategy, config: EngineConfig | None, capital: Decimal, since: dt.datetime,
    until: dt.datetime,
) -> Condition:  # fmt: skip
    name = "drawdown at the step"
    bound = config.drawdown if config else None
    if bound is None or not bound.enabled:
        return Condition(name, False, "give the document riskControls.drawdownLimit", {})
    try:
        fall = money_of(strategy, strategy.account_ids, since, until).drawdown
    except UnpricedError as error:
        return Condition(name, False, str(error), {"most": bound.share})
    share = fall / capital if capital else None
    evidence = {"drawdown": share, "most": bound.share}
    if share is None:
        return Condition(name, False, "its gross limit is 0: there is no capital", evidence)
    text = f"{share:.2%} of its gross limit, at most {bound.share:.2%}"
    return Condition(name, share <= bound.share, text, evidence)


def _slippage(strategy: Strategy, config: EngineConfig | None, since: dt.datetime) -> Condition:
    """Its budget is what an alert of the document says of it."""
    rows = slippage(_asked(strategy, since))
    seen = f"{rows[0].mean_bp:.2f} bp" if rows else "no fill to measure it on"
    evidence = {"slippage_bp": rows[0].mean_bp if rows else None}
    named, rang = _alerts(strategy.key, config, SLIPPAGE, since)
    if not named and not rang:
        return Condition("slippage", True, f"{seen}; no alert sets a budget", evidence)
    text = f"{seen}; {'; '.join(rang) or 'its alert was quiet'}"
    return Condition("slippage", bool(rows) and not rang, text, evidence)


def _fill_rate(strategy: Strategy, config: EngineConfig | None, since: dt.datetime) -> Condition:
    """Of what was to fill as it arrived. Quotes, and entries that wait at the own touch, are mostly
    taken back: whose orders all rest shows that they fill, on either side. An alert of the document
    may ask for more than the least, never for less."""
    rows = filled_as_intended(_asked(strategy, since))
    found = rows[0] if rows else Intended(strategy.key)
    rate, rested = found.at_once, {"bought": found.bought, "sold": found.sold}
    if rate is None:
        met = found.bought > 0 and found.sold > 0
        seen = f"no order was to fill at once; of those that rested {found.bought} bought and"
        seen += f" {found.sold} sold, of either at least one"
    else:
        met = rate >= FILL_RATE
        seen = f"{rate:.1%} filled of what was to fill at once, at least {FILL_RATE:.0%}"
    _, rang = _alerts(strategy.key, config, FILLS, since)
    evidence = {"fill_rate": rate, "least": FILL_RATE, **rested}
    return Condition("fill rate", met and not rang, "; ".join([seen, *rang]), evidence)


def _asked(strategy: Strategy, since: dt.datetime) -> Asked:
    """Of its real account; of two accounts all of its orders are looked at."""
    alone = strategy.account_id if len(strategy.account_ids) == 1 else ""
    return Asked(since=since, strategy=strategy.key, account=alone)


def _alerts(
    key: str, config: EngineConfig | None, names: tuple[str, ...], since: dt.datetime
) -> tuple[list[str], list[str]]:
    """Alerts of the document that name one of ``names``; and what rang since, of those and of any
    that named one when it rang: a newer document that renames or drops one unsays nothing."""
    wanted = set(names)
    named = [
        one.name for one in (config.alerts if config else ()) if wanted & names_in(one.condition)
    ]
    rows = EngineAlert.objects.filter(Q(ended_at=None) | Q(ended_at__gte=since), engine=key)
    rang = [one for one in rows if one.alert in named or wanted & _names(one)]
    return named, sorted({f"{one.alert} rang at {one.began_at:%Y-%m-%d %H:%M}" for one in rang})


def _names(row: EngineAlert) -> frozenset[str]:
    """What its condition named; all there is where that is none that is read today."""
    try:
        return names_in(parse(row.condition))
    except ConditionError:
        return frozenset(NAMES)


# The kind limit-raise ----------------------------------------------------------------------------


def limit_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """As riskctl's, with the conditions where they are asked. Raises RequestError."""
    state = limits.limit_state(subject, request)
    conditions = _of_limit(subject, request)
    return {**state, "conditions": [one.body() for one in conditions]} if conditions else state


def limit_raise_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """As riskctl's, each condition measured now. Raises PreconditionError, RequestError."""
    require(_of_limit(approval.subject, approval.request))
    return limits.limit_raise_execute(approval=approval, actor=actor)


def _of_limit(subject: str, request: Mapping[str, Any]) -> list[Condition]:
    scope, _, kind = part_of(subject, "limit").partition("/")
    key = scope.removeprefix("strategy:")
    strategy = Strategy.objects.filter(key=key).first() if key != scope else None
    if strategy is None or kind != GROSS_NOTIONAL:
        return []
    wanted = limits.value_of(kind, request.get("value"))
    return raise_conditions(key, strategy.account_ids, wanted)
