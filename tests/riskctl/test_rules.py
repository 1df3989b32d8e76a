"""Pre-trade rules: what each limit refuses, and that a missing one refuses everything."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import demo
from riskctl.rules import (
    ENFORCED,
    REQUIRED,
    Exposure,
    Limits,
    OrderFacts,
    account_budget,
    order_denial,
)

D = Decimal

LIMITS: Limits = {
    ("firm", "order-notional"): D(500_000),
    ("firm", "gross-notional"): D(1_000_000),
    ("firm", "price-collar"): D(100),
    ("account:paper-1", "gross-notional"): D(600_000),
    ("account:paper-1", "order-rate"): D(100),
    ("strategy:mom", "order-notional"): D(100_000),
    ("strategy:mom", "position-notional"): D(150_000),
    ("strategy:mom", "gross-notional"): D(300_000),
    ("strategy:mom", "open-orders"): D(3),
    ("strategy:mom", "order-rate"): D(5),
}
FACTS = OrderFacts(
    account="paper-1",
    strategy="mom",
    notional=D(50_000),
    distance_bp=D(2),
    position=Exposure(D(0), D(50_000)),
    strategy_gross=Exposure(D(0), D(50_000)),
    account_gross=Exposure(D(0), D(50_000)),
    open_orders=0,
    account_open_orders=0,
    strategy_rate=0,
    account_rate=0,
)


def code(facts: OrderFacts, limits: Limits = LIMITS) -> str | None:
    denial = order_denial(facts, limits)
    return denial.code if denial else None


def test_an_order_within_every_limit_passes() -> None:
    assert code(FACTS) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"notional": D(100_001)}, "ORDER_NOTIONAL"),
        ({"distance_bp": D("100.01")}, "PRICE_COLLAR"),
        ({"position": Exposure(D(0), D(150_001))}, "POSITION_NOTIONAL"),
        ({"strategy_gross": Exposure(D(1), D(300_001))}, "GROSS_NOTIONAL"),
        ({"account_gross": Exposure(D(1), D(600_001))}, "GROSS_NOTIONAL"),
        ({"open_orders": 3}, "OPEN_ORDERS"),
        ({"strategy_rate": 5}, "ORDER_RATE"),
        ({"account_rate": 100}, "ORDER_RATE"),
    ],
)
def test_each_limit_refuses_what_is_over_it(change: dict[str, Any], expected: str) -> None:
    assert code(replace(FACTS, **change)) == expected


@pytest.mark.parametrize(
    ("scope", "kind", "change", "expected"),
    [
        ("account:paper-1", "order-notional", {"notional": D(2)}, "ORDER_NOTIONAL"),
        ("account:paper-1", "price-collar", {}, "PRICE_COLLAR"),
        ("account:paper-1", "open-orders", {"account_open_orders": 1}, "OPEN_ORDERS"),
        ("strategy:mom", "price-collar", {}, "PRICE_COLLAR"),
    ],
)
def test_a_limit_that_need_not_be_there_holds_when_it_is(
    scope: str, kind: str, change: dict[str, Any], expected: str
) -> None:
    assert code(replace(FACTS, **change), {**LIMITS, (scope, kind): D(1)}) == expected


def test_exactly_at_the_limit_passes() -> None:
    assert code(replace(FACTS, notional=D(100_000), open_orders=2, strategy_rate=4)) is None


@pytest.mark.parametrize("key", sorted(LIMITS))
def test_any_missing_limit_closes(key: tuple[str, str]) -> None:
    limits = {one: value for one, value in LIMITS.items() if one != key}
    assert code(FACTS, limits) == "LIMIT_MISSING"


def test_every_required_limit_is_in_this_test() -> None:
    named = {(scope.split(":")[0], kind) for scope, kind in LIMITS}
    assert named == {(level, kind) for level, kinds in REQUIRED.items() for kind in kinds}


def test_an_order_that_only_reduces_passes_a_breached_exposure_limit() -> None:
    breached = replace(
        FACTS,
        position=Exposure(D(900_000), D(850_000)),
        strategy_gross=Exposure(D(900_000), D(850_000)),
        account_gross=Exposure(D(900_000), D(850_000)),
    )
    assert code(breached) is None


def test_an_exit_passes_its_strategys_order_limit_and_no_other() -> None:
    over = replace(FACTS, notional=D(140_000), position=Exposure(D(140_000), D(140_000)))
    assert code(over) == "ORDER_NOTIONAL"
    assert code(replace(over, reduces=True)) is None
    assert code(replace(over, reduces=True, notional=D(500_001))) == "ORDER_NOTIONAL"
    accounts = {**LIMITS, ("account:paper-1", "order-notional"): D(139_999)}
    assert code(replace(over, reduces=True), accounts) == "ORDER_NOTIONAL"


money = st.decimals(min_value=1, max_value=10**9, places=2)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), money, min_size=1), money)
def test_budgets_never_add_up_to_more_than_the_firm_allows(
    accounts: dict[str, Decimal], firm: Decimal
) -> None:
    limits: dict[tuple[str, str], Decimal] = {("firm", "gross-notional"): firm}
    limits |= {(f"account:{name}", "gross-notional"): value for name, value in accounts.items()}
    budgets = [account_budget(limits, name) for name in accounts]
    assert all(one is not None for one in budgets)
    assert sum(one for one in budgets if one is not None) <= firm * (1 + D("1e-20"))
    for name, budget in zip(accounts, budgets, strict=True):
        assert budget is not None
        assert budget <= accounts[name]


def test_the_demo_desk_promises_no_limit_that_nobody_keeps() -> None:
    assert set(demo.FIRM_LIMITS) <= set(ENFORCED["firm"])
    for account in demo.ACCOUNTS:
        assert set(demo.account_limits(account)) <= set(ENFORCED["account"])
    for strategy in demo.STRATEGIES:
        assert set(strategy.limits()) <= set(ENFORCED["strategy"])
