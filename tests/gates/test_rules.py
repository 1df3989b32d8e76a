"""What gates and money say of the facts alone: nothing here touches a database."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.documents import document
from trading.engines.reading import read_engine
from trading.gates.money import DayMoney, Mark, PaperMoney, UnpricedError, day_money, run_drawdown
from trading.gates.rules import (
    BACKTEST,
    COMPLIANCE_GATE,
    DOCUMENT,
    PAPER,
    READY,
    RISK_GATE,
    Facts,
    Paper,
    Readiness,
    Report,
    Signed,
    conditions_of,
)
from trading.gates.trades import desk_digest, trades_digest
from trading.resume.measures import Traded

D = Decimal
NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
REPORT = Report(
    "r" * 64, dt.date(2019, 1, 1), dt.date(2020, 12, 30), 504, 40, D(1), D("0.5"), "on it"
)  # fmt: skip
GOOD = Facts(
    ready=Readiness(NOW, drilled=NOW - dt.timedelta(days=90), drill="d", target_us=D(900),
                    latency_us=D(900)),
    digest="a" * 64, makers=["mercy.okafor"], most=D("0.05"), reports=[REPORT],
    paper=Paper(counted=30, days=31, drawdown=D("0.05")),
    signed=[
        Signed("risk", "ruth.adeyemi", "a" * 64, [REPORT.digest], NOW, target_us=D(900)),
        Signed("compliance", "colin.hart", "a" * 64, [REPORT.digest], NOW),
    ],
)  # fmt: skip
RISK, COMPLIANCE = GOOD.signed
SIGNED = (RISK_GATE, COMPLIANCE_GATE)


def unmet(facts: Facts) -> list[str]:
    return [one.name for one in conditions_of(facts) if not one.met]


def ready(**changes: object) -> Facts:
    return replace(GOOD, ready=replace(GOOD.ready, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "closed"),
    [
        (GOOD, ()),
        (replace(GOOD, differs="other parameters"), (DOCUMENT,)),
        (replace(GOOD, reports=[replace(REPORT, last=dt.date(2020, 12, 29))]),
         (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, quoted=479)]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, quoted=None)]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, fills=0)]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, slippage_bp=D("0.4"))]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, spread_bp=D(0))]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, spread_bp=None)]), (BACKTEST, *SIGNED)),
        (replace(GOOD, reports=[replace(REPORT, digest="x" * 64)]), SIGNED),
        (replace(GOOD, paper=replace(GOOD.paper, counted=29)), (PAPER,)),
        (replace(GOOD, paper=replace(GOOD.paper, drawdown=D("0.0501"))), (PAPER,)),
        (replace(GOOD, paper=replace(GOOD.paper, drawdown=None)), (PAPER,)),
        (replace(GOOD, most=None), (PAPER,)),
        (replace(GOOD, signed=[RISK]), (COMPLIANCE_GATE,)),
        (replace(GOOD, signed=[replace(RISK, digest="b" * 64), COMPLIANCE]), (RISK_GATE,)),
        (replace(GOOD, signed=[replace(RISK, by="Mercy.Okafor"), COMPLIANCE]), (RISK_GATE,)),
        (replace(GOOD, signed=[RISK, replace(COMPLIANCE, by="RUTH.adeyemi")]), SIGNED),
        (replace(GOOD, makers=["mercy.okafor", "ruth.adeyemi"]), (RISK_GATE,)),
        (replace(GOOD, makers=["shell:mercy.okafor"]), SIGNED),
        (replace(GOOD, makers=["shell:root", "mercy.okafor"]), ()),
        (ready(drilled=None), (READY,)),
        (ready(drilled=NOW - dt.timedelta(days=90, seconds=1)), (READY,)),
        (ready(latency_us=D(901)), (READY,)),
        (ready(latency_us=None), (READY,)),
        (ready(target_us=None), (READY,)),
        (ready(target_us=D(2_000), latency_us=D(901)), (READY,)),
        (replace(GOOD, signed=[replace(RISK, target_us=None), COMPLIANCE]), (READY,)),
        (replace(GOOD, signed=[replace(RISK, target_us=D(2_000)), COMPLIANCE]), ()),
        (replace(ready(latency_us=None), signed=[replace(RISK, accepts_latency=True), COMPLIANCE]),
         ()),
        (replace(ready(latency_us=None), signed=[RISK, replace(COMPLIANCE, accepts_latency=True)]),
         (READY,)),
        (ready(stale=("EURUSD",)), (READY,)),
        (ready(feed="the feed is dead"), (READY,)),
        (ready(missing=("no limit",)), (READY,)),
        (Facts(Readiness(NOW)), (DOCUMENT, BACKTEST, PAPER, *SIGNED, READY)),
    ],
)  # fmt: skip
def test_each_fact_alone_closes_its_gate(facts: Facts, closed: tuple[str, ...]) -> None:
    assert unmet(facts) == list(closed)


def test_what_trades_is_in_the_digest_and_its_size_and_names_are_not() -> None:
    base = trades_digest(read_engine(document(instruments=["EURUSD"])))
    for same in (
        {"riskLimit": "1%"}, {"maxPositionSize": "9k"}, {"targetPosition": "5k"},
        {"frequency": "low"}, {"phase": "Active"}, {"parameters": {"fast_s": 3.0}},
    ):  # fmt: skip
        text = document(instruments=["EURUSD"], **same).replace("0.95", "0.5")
        assert trades_digest(read_engine(text)) == base, same
    text = document(instruments=["EURUSD"])
    for other in (
        document(instruments=["EURUSD", "GBPUSD"]),
        document(instruments=["EURUSD"], parameters={"fast_s": 2.0}),
        document(instruments=["EURUSD"], type="mean-reversion"),
        text.replace("5.0%", "6.0%"), text.replace("1.0%", "0.9%"), text.replace("1m", "2m"),
        text.replace("enabled: true", "enabled: false", 1),
    ):  # fmt: skip
        assert trades_digest(read_engine(other)) != base, other
    assert desk_digest("momentum", ["EURUSD"], {}, read_engine(text)) == base


# Money ------------------------------------------------------------------------------------------


def fill(quantity: str, price: str) -> Traded:
    held = D(quantity)
    return Traded("EURUSD", 1 if held > 0 else -1, abs(held), D(price), D(0), D(1), None)


def test_a_day_is_marked_between_its_fills() -> None:
    """A fall that no fill saw is a fall; what was held before counts from the day's beginning."""
    events: list[tuple[dt.datetime, Traded | Mark]] = [
        (NOW, Mark("EURUSD", D(110))), (NOW, Mark("EURUSD", D(80))), (NOW, fill("-10", "105")),
        (NOW, Mark("EURUSD", D(50))),
    ]  # fmt: skip
    found = day_money({"EURUSD": (D(10), D(100))}, events, {"EURUSD": D(1)})
    assert found == DayMoney(D(50), D(100), D(-200), D(300))
    with pytest.raises(UnpricedError, match="EURUSD"):
        day_money({"EURUSD": (D(10), None)}, events, {"EURUSD": D(1)})


@given(st.lists(st.lists(st.integers(-500, 500), min_size=1, max_size=5), max_size=6))
def test_the_fall_of_a_run_is_never_told_smaller_than_it_was(days: list[list[int]]) -> None:
    """Against the same run as one line: days are kept without their inner order."""
    line, kept = [0], []
    for moves in days:
        start, path = line[-1], [0]
        for one in moves:
            path.append(path[-1] + one)
        line += [start + one for one in path]
        fall = max(max(path[: at + 1]) - one for at, one in enumerate(path))
        kept.append(PaperMoney(D(path[-1]), D(max(path)), D(min(path)), D(fall), D(1_000)))
    deepest = max(max(line[: at + 1]) - one for at, one in enumerate(line))
    found = run_drawdown(kept)
    if not days:
        assert found is None
        return
    assert found is not None
    assert found >= D(deepest) / 1_000
    ends = max(max(line) - min(line), 0)
    assert found <= D(ends) / 1_000


def test_a_run_whose_capital_is_not_known_has_no_fall_that_is() -> None:
    day = PaperMoney(D(1), D(1), D(0), D(0), D(1_000))
    unknown = replace(day, capital=None)
    assert run_drawdown([day, unknown]) is None
    still = PaperMoney(D(0), D(0), D(0), D(0), None, orders=0)
    assert run_drawdown([still, day]) == 0, "before its first limit it could not trade"
    assert run_drawdown([still]) is None
    assert run_drawdown([day, replace(still, orders=1)]) is None
    assert run_drawdown([day, replace(still, low=D(-1))]) is None
    assert run_drawdown([]) is None
