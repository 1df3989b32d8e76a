"""Loss, drawdown, exposure, margin: each fires on what it says, and on nothing else."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.portfolio.builders import packed, position_row, strategy_row
from tests.triggers.builders import Rig
from trading.clock import NS, utc_from_ns
from trading.portfolio.books import AccountRow, Books
from trading.ticks import unpack
from trading.triggers.carried import SessionFact
from trading.triggers.windows import Extreme

D = Decimal
FIRM, STRATEGY, ACCOUNT = "firm", "strategy:mom-eurusd", "venue:paper-1"
LIMITS = {
    ("firm", "gross-notional"): D(1_000_000),
    ("account:paper-1", "gross-notional"): D(800_000),
    ("strategy:mom-eurusd", "gross-notional"): D(500_000),
}


class Book:
    """One strategy long 100,000 EURUSD at 1.10, and prices as a test wants them."""

    def __init__(self, quantity: str = "100000", **changes: Any) -> None:
        self.rig = Rig({**LIMITS, **changes.pop("limits", {})})
        self.session = "s1"
        cost = D(quantity) * D("1.1")
        self.hold(quantity, cost=cost, **changes)

    def hold(self, quantity: str, **changes: Any) -> None:
        self.rig.books = Books(
            as_of=utc_from_ns(self.rig.wall_ns),
            day=utc_from_ns(self.rig.wall_ns).replace(hour=0, minute=0, second=0, microsecond=0),
            accounts=(AccountRow("paper-1", "Paper One", live=False),),
            strategies=(strategy_row(),),
            positions=(position_row(quantity=quantity, **changes),),
        )

    def price(self, mid: str, *, times: int = 1, after_s: float = 0.1) -> list[tuple[str, str]]:
        """``times`` quotes at ``mid``, looked at after each; what has breached so far."""
        for _ in range(times):
            pause_ns = int((after_s - 0.1) * NS)
            self.rig.wall_ns += pause_ns
            self.rig.boot_ns += pause_ns
            self.rig.clock_ns += int(after_s * NS)
            bid, ask = D(mid) - D("0.00001"), D(mid) + D("0.00001")
            ticks = unpack(packed([("EURUSD", str(bid), str(ask), self.rig.clock_ns)]))
            self.rig.ticks(ticks, session=self.session)
            self.rig.look()
        return self.rig.breaches()

    def value(self, trigger: str, scope: str) -> Decimal | None:
        [one] = [
            one for one in self.rig.standings() if (one.trigger, one.scope) == (trigger, scope)
        ]
        return one.value


def test_a_loss_within_a_minute_stops_the_strategy_after_three_quotes() -> None:
    book = Book()
    assert book.price("1.1", times=10) == []
    assert book.price("1.05", times=2) == []
    assert book.price("1.05") == [("strategy-stop-loss", STRATEGY)]
    [firing] = [one for one in book.rig.fired if one.level == "breach"]
    assert firing.value == 1  # 5,000 of 500,000
    assert firing.reason.startswith("Loss within a minute: 1 % of capital, threshold 1")


def test_one_bad_quote_trips_nothing() -> None:
    book = Book()
    book.price("1.1", times=10)
    book.price("0.9")
    assert book.price("1.1", times=100) == []


def test_a_slow_loss_is_no_stop_loss_but_a_drawdown() -> None:
    book = Book("400000")
    book.price("1.1")
    mid = D("1.1")
    while ("drawdown", FIRM) not in book.rig.breaches():
        mid -= D("0.001")
        book.price(str(mid), after_s=20)
    assert D("0.97") <= mid < D("0.98")  # 50,000 of 1,000,000, and two quotes more
    assert ("strategy-stop-loss", STRATEGY) not in book.rig.breaches()
    assert book.value("drawdown", FIRM) >= 5  # type: ignore[operator]


def test_a_gain_too_fast_is_unexpected_as_well() -> None:
    book = Book("400000")
    book.price("1.1", times=3)
    assert set(book.price("1.14", times=3)) == {
        ("pnl-move", FIRM), ("strategy-pnl-move", STRATEGY),
    }  # fmt: skip


def test_the_drawdown_is_of_equity_from_its_peak() -> None:
    book = Book(limits={("firm", "gross-notional"): D(200_000)})
    book.price("1.1")
    for mid in ("1.15", "1.2", "1.15"):
        book.price(mid, times=3, after_s=100)
    # Capital 200,000 and a gain of 10,000 at the peak, of which 5,000 are left.
    assert book.value("drawdown", FIRM) == round(D(5_000) / D(210_000) * 100, 8)
    book.price("1.15", times=3, after_s=90_000)
    assert book.value("drawdown", FIRM) == 0  # the peak lies outside the look-back


@pytest.mark.parametrize(
    ("percents", "deepest"), [([10, -10, 10], 10), ([0, -6, -7, -1, -9, -2, -6, -8, -5], 36.5907)]
)
def test_the_deepest_drawdown_is_the_published_one(percents: list[int], deepest: float) -> None:
    """empyrical's test_stats (40f61b4f); the start counts as a peak."""
    book = Book(limits={("firm", "gross-notional"): D(110_000)})  # what the position cost
    mid, found = D("1.1"), list[Decimal]()
    book.price("1.1", times=3, after_s=100)
    for one in percents:
        mid *= 1 + D(one) / 100
        book.price(f"{mid:.5f}", times=3, after_s=100)
        found.append(book.value("drawdown", FIRM) or D(0))
    assert float(max(found)) == pytest.approx(deepest, abs=1e-3)


def test_the_loss_of_the_day_begins_at_its_baseline() -> None:
    book = Book(realised=D(-90_000))
    assert ("strategy-intraday-loss", STRATEGY) in book.price("1.1", times=3)
    book = Book(realised=D(-90_000))
    book.rig.books = replace(book.rig.books, baselines={"mom-eurusd": D(-90_000)})
    assert book.price("1.1", times=10) == []
    assert book.value("strategy-intraday-loss", STRATEGY) == 0


@pytest.mark.parametrize(
    ("limits", "breach"),
    [
        ({("firm", "gross-notional"): D(110_000)}, ("gross-exposure", FIRM)),
        ({("account:paper-1", "gross-notional"): D(110_000)}, ("account-gross-exposure", ACCOUNT)),
        (
            {("strategy:mom-eurusd", "gross-notional"): D(110_000)},
            ("strategy-gross-exposure", STRATEGY),
        ),
        ({("firm", "gross-notional"): D(137_500)}, ("net-exposure", FIRM)),
    ],
)
def test_exposure_at_its_limit_fires(
    limits: dict[tuple[str, str], Decimal], breach: tuple[str, str]
) -> None:
    assert breach in Book(limits=limits).price("1.1", times=3)
    wider = {key: value * 2 for key, value in limits.items()}
    assert Book(limits=wider).price("1.1", times=10) == []


def test_margin_over_equity_fires() -> None:
    # 100,000 EUR at 30:1 takes 3,667 of an equity of 4,000.
    limits = {("account:paper-1", "gross-notional"): D(4_000)}
    assert ("margin", ACCOUNT) in Book(limits=limits).price("1.1", times=3)


def test_a_position_of_too_much_value_fires() -> None:
    wide = dict.fromkeys(LIMITS, D(100_000_000))
    assert Book("1900000", limits=wide).price("1.1", times=3) == [("position-value", STRATEGY)]
    assert Book("1700000", limits=wide).price("1.1", times=3) == []


def test_without_capital_there_is_no_reading() -> None:
    book = Book()
    book.rig.keeper.known = replace(book.rig.keeper.known, limits={})
    book.price("0.5", times=5)
    assert {one.trigger for one in book.rig.standings()}.isdisjoint(
        {"drawdown", "gross-exposure", "margin"}
    )


def test_books_that_were_never_read_are_unknown_until_component_down() -> None:
    rig = Rig(LIMITS)
    rig.books = Books()
    for _ in range(650):
        rig.look(phase="ended")
    assert rig.breaches() == [("component-down", FIRM)]


def test_a_symbol_without_a_quote_counts_at_cost_and_says_so() -> None:
    book = Book()
    book.hold("3", symbol="GCZ3", cost=D(386_000))
    book.price("1.1", times=5)
    assert book.value("gross-exposure", FIRM) == D("38.6")
    [one] = [one for one in book.rig.standings() if one.trigger == "drawdown"]
    assert (one.value, one.detail) == (D(0), "at cost: GCZ3")


def test_what_another_feed_makes_of_a_position_is_no_loss() -> None:
    book = Book()
    book.rig.session = SessionFact("s1", differs=True)
    assert book.price("0.5", times=10) == []
    assert book.value("strategy-intraday-loss", STRATEGY) == 0
    assert ("strategy-stop-loss", STRATEGY) in book.price("0.44", times=3)


def test_the_same_feed_continued_is_the_same_market() -> None:
    assert ("strategy-intraday-loss", STRATEGY) in Book().price("0.5", times=3)


def test_a_process_that_came_late_takes_the_stored_revaluation() -> None:
    book = Book()
    book.rig.session = SessionFact("s1", True, late=True, offsets={"mom-eurusd": D(-60_000)})
    assert book.price("0.5", times=10) == []
    assert book.value("strategy-intraday-loss", STRATEGY) == 0


def test_a_session_nobody_names_is_waited_for_and_then_taken_as_it_is() -> None:
    book = Book()
    book.rig.session = None
    assert book.price("0.5", times=40) == []
    assert ("strategy-intraday-loss", STRATEGY) in book.price("0.5", times=20)


samples = st.lists(st.tuples(st.integers(1, 40), st.integers(-50, 50)), min_size=1, max_size=60)


@given(samples, st.integers(1, 100), st.sampled_from([1, -1]))
def test_an_extreme_is_that_of_the_step_function(
    steps: list[tuple[int, int]], window: int, sign: int
) -> None:
    extreme, at, history = Extreme(sign), 0, list[tuple[int, int]]()
    for pause, value in steps:
        at += pause
        history.append((at, value))
        # Values that held at any time of the window, the one that held at its start included.
        start = at - window
        ends = [*(when for when, _ in history[1:]), at + 1]
        held = [one for (_, one), end in zip(history, ends, strict=True) if end > start]
        expected = max(held) if sign > 0 else min(held)
        assert extreme.add(at, D(value), window) == expected


def test_a_day_of_tenths_of_a_second_is_kept_in_few_steps() -> None:
    extreme = Extreme(1)
    day = 86_400 * NS
    for step in range(100_000):
        extreme.add(step * NS // 10, D(-step), day)
    assert len(extreme._kept) <= 1_100
