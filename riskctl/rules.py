"""Pre-trade rules: pure arithmetic over facts that the gateway has in memory.

A rule answers with a Denial or with nothing. A limit that is not there denies: unknown means
closed. An order that only makes the worst case smaller passes the exposure limits, because it is
the way out of a breach; one that only brings its strategy's position nearer to zero passes the
strategy's own order limit, which shrinks with its size and would else keep it where it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

ORDER_NOTIONAL = "order-notional"
POSITION_NOTIONAL = "position-notional"
GROSS_NOTIONAL = "gross-notional"
OPEN_ORDERS = "open-orders"
ORDER_RATE = "order-rate"
PRICE_COLLAR = "price-collar"

FIRM = "firm"

#: Limits that must be in force on each scope before anything of it may be sent.
REQUIRED: dict[str, tuple[str, ...]] = {
    "firm": (ORDER_NOTIONAL, GROSS_NOTIONAL, PRICE_COLLAR),
    "account": (GROSS_NOTIONAL, ORDER_RATE),
    "strategy": (ORDER_NOTIONAL, POSITION_NOTIONAL, GROSS_NOTIONAL, OPEN_ORDERS, ORDER_RATE),
}

#: Limits that may stand on each scope. Others would be promises that nobody keeps.
ENFORCED: dict[str, tuple[str, ...]] = {
    "firm": REQUIRED["firm"],
    "account": (*REQUIRED["account"], ORDER_NOTIONAL, PRICE_COLLAR, OPEN_ORDERS),
    "strategy": (*REQUIRED["strategy"], PRICE_COLLAR),
}

Limits = Mapping[tuple[str, str], Decimal]
"""(scope, kind) -> value, as riskctl.models.Limit holds them."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an order must not leave: a stable code and one sentence for a person."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """Worst case in USD if every open order on one side filled, before and after the new order."""

    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules judge. Notionals in USD, rates in orders of the last second.

    ``reduces``: with all that is open beside it, it brings the strategy's position nearer to zero
    and never through it.
    """

    account: str
    strategy: str
    notional: Decimal
    distance_bp: Decimal
    position: Exposure
    strategy_gross: Exposure
    account_gross: Exposure
    open_orders: int
    account_open_orders: int
    strategy_rate: int
    account_rate: int
    reduces: bool = False


def account_scope(account: str) -> str:
    return f"account:{account}"


def strategy_scope(strategy: str) -> str:
    return f"strategy:{strategy}"


def account_budget(limits: Limits, account: str) -> Decimal | None:
    """The account's share of gross: its own limit, scaled so that all shares fit the firm's.

    A limit that spans venues reaches each gateway as a budget; the sum of the budgets never
    exceeds the firm's limit, so no gateway needs to ask another. None when a limit is missing.
    """
    firm = limits.get((FIRM, GROSS_NOTIONAL))
    own = limits.get((account_scope(account), GROSS_NOTIONAL))
    if firm is None or own is None:
        return None
    total = sum(
        (
            value
            for (scope, kind), value in limits.items()
            if kind == GROSS_NOTIONAL and scope.startswith("account:")
        ),
        Decimal(0),
    )
    return own if total <= firm else own * firm / total


def missing_limits(limits: Limits, account: str, strategy: str) -> Denial | None:
    """A Denial naming the first limit that should be in force and is not."""
    scopes = (
        (FIRM, "firm"),
        (account_scope(account), "account"),
        (strategy_scope(strategy), "strategy"),
    )
    for scope, level in scopes:
        for kind in REQUIRED[level]:
            if (scope, kind) not in limits:
                return Denial("LIMIT_MISSING", f"{kind} is not set on {scope}: set it to trade")
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit against one order: what was measured, and what it may be at most.

    ``lowers``: an exposure that the order makes no larger, or the value of an order that only
    reduces; it passes whatever the limit is.
    """

    code: str
    what: str
    scope: str
    measured: Decimal
    limit: Decimal
    lowers: bool = False

    @property
    def denial(self) -> Denial | None:
        if self.lowers or self.measured <= self.limit:
            return None
        text = f"{self.what} {self.measured:.2f} is over the {self.limit:.2f} of {self.scope}"
        return Denial(self.code, text)


def _exposure(code: str, what: str, scope: str, exposure: Exposure, limit: Decimal) -> Rule:
    return Rule(code, what, scope, exposure.after, limit, exposure.after <= exposure.before)


#: A strategy's limits that shrink with its size on the ladder.
SCALED = (ORDER_NOTIONAL, POSITION_NOTIONAL, GROSS_NOTIONAL)
WHOLE = (GROSS_NOTIONAL, OPEN_ORDERS, ORDER_RATE)
"""What binds all that a strategy does, on whichever account."""


def scaled(limits: Limits, strategy: str, factor: Decimal) -> Limits:
    """``limits`` with the strategy's own notionals times ``factor``."""
    if factor == 1:
        return limits
    scope = strategy_scope(strategy)
    return {
        (one, kind): value * factor if one == scope and kind in SCALED else value
        for (one, kind), value in limits.items()
    }


def halved(limits: Limits, strategy: str) -> Limits:
    """``limits`` for one of the two accounts that the strategy trades on: half of what its whole
    is bound by, so that the two together cannot exceed it. What binds one order or one symbol
    stays."""
    scope = strategy_scope(strategy)
    return {
        (one, kind): value / 2 if one == scope and kind in WHOLE else value
        for (one, kind), value in limits.items()
    }


def _rules(facts: OrderFacts, limits: Limits, budget: Decimal) -> Iterable[Rule]:
    account, strategy = account_scope(facts.account), strategy_scope(facts.strategy)
    everywhere = (
        ("ORDER_NOTIONAL", ORDER_NOTIONAL, "order value", facts.notional),
        ("PRICE_COLLAR", PRICE_COLLAR, "distance from the mid in bp", facts.distance_bp),
    )
    for code, kind, what, value in everywhere:
        for scope in (FIRM, account, strategy):
            if (scope, kind) in limits:
                own_exit = kind == ORDER_NOTIONAL and scope == strategy and facts.reduces
                yield Rule(code, what, scope, value, limits[scope, kind], own_exit)
    yield _exposure(
        "POSITION_NOTIONAL", "position value", strategy, facts.position,
        limits[strategy, POSITION_NOTIONAL],
    )  # fmt: skip
    yield _exposure(
        "GROSS_NOTIONAL", "gross exposure", strategy, facts.strategy_gross,
        limits[strategy, GROSS_NOTIONAL],
    )  # fmt: skip
    yield _exposure("GROSS_NOTIONAL", "gross exposure", account, facts.account_gross, budget)
    counted = (
        ("OPEN_ORDERS", OPEN_ORDERS, "open orders", strategy, facts.open_orders),
        ("OPEN_ORDERS", OPEN_ORDERS, "open orders", account, facts.account_open_orders),
        ("ORDER_RATE", ORDER_RATE, "orders a second", strategy, facts.strategy_rate),
        ("ORDER_RATE", ORDER_RATE, "orders a second", account, facts.account_rate),
    )
    for code, kind, what, scope, count in counted:
        if (scope, kind) in limits:
            yield Rule(code, what, scope, Decimal(count + 1), limits[scope, kind])


def order_rules(
    facts: OrderFacts, limits: Limits, size_factor: Decimal = Decimal(1)
) -> Iterable[Rule] | Denial:
    """Every rule that there is for the order, in their order; a Denial where a limit is missing."""
    limits = scaled(limits, facts.strategy, size_factor)
    missing = missing_limits(limits, facts.account, facts.strategy)
    budget = account_budget(limits, facts.account)
    if missing is not None or budget is None:
        return missing or Denial("LIMIT_MISSING", "gross-notional is not set: set it to trade")
    return _rules(facts, limits, budget)


def order_denial(
    facts: OrderFacts, limits: Limits, size_factor: Decimal = Decimal(1)
) -> Denial | None:
    """The first rule the order breaks, or None when it may be sent."""
    rules = order_rules(facts, limits, size_factor)
    if isinstance(rules, Denial):
        return rules
    return next((denial for one in rules if (denial := one.denial)), None)
