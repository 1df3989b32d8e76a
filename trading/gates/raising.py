"""Raising a riskLimit on real money: in steps, each after what the step before has shown.

The guide goes from 0.1 % to 1.0 % of the firm's gross limit. Measured since the gross-notional
limit in force was set, of the last 25 days at most: prices, also of what they began with, are
kept for 37.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from riskctl.actors import Actor
from riskctl.approvals import limits
from riskctl.approvals.kinds import part_of
from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition, require
from riskctl.models import Approval, Limit
from riskctl.rules import FIRM, GROSS_NOTIONAL, strategy_scope
from trading.engines.reading import EngineConfig
from trading.engines.units import shown_percent
from trading.gates.facts import config_of
from trading.gates.fills import fill_conditions
from trading.gates.money import UnpricedError
from trading.gates.paper import CAUGHT_UP, holds_against, money_of
from trading.gates.rules import FIRST_STEP
from trading.models import EngineVersion, Order, Strategy, VenueAccount
from trading.resume.evidence import REFUSED

TENFOLD = 10
TRADED_DAYS = 5
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
    yield from fill_conditions(strategy, since)


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
