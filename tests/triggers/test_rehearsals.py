"""Paper money is in no sum of the firm's, and in a strategy's only while it rehearses."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.portfolio.builders import NOON, packed, position_row, strategy_row
from tests.triggers.builders import Rig
from trading.clock import NS, utc_from_ns
from trading.portfolio.books import AccountRow, Books, RungRow
from trading.ticks import unpack
from trading.triggers.carried import SessionFact
from trading.triggers.money import REHEARSED

D = Decimal
FIRM, STRATEGY, PAPER = "firm", "strategy:mom-spy", "venue:rehearsal"
LIMITS = {
    ("firm", "gross-notional"): D(100_000),
    ("account:real", "gross-notional"): D(100_000),
    ("account:rehearsal", "gross-notional"): D(100_000),
    (STRATEGY, "gross-notional"): D(100_000),
}
ACCOUNTS = (
    AccountRow("real", "Venue", live=True),
    AccountRow("rehearsal", "Paper", live=False, rehearsal=True),
)


class Book:
    """100 SPY bought at 600 on the real account, and 100 sold at 600 on the rehearsal account."""

    def __init__(self, rung: str, *rehearsed: str) -> None:
        self.rig = Rig(LIMITS)
        real = position_row("mom-spy", "SPY", "100", account="real", cost=D(60_000))
        paper = [
            position_row("mom-spy", "SPY", one, account="rehearsal", cost=D(one) * 600)
            for one in rehearsed
        ]
        self.rig.books = Books(
            as_of=utc_from_ns(self.rig.wall_ns),
            accounts=ACCOUNTS,
            strategies=(strategy_row("mom-spy", "SPY", account="real"),),
            positions=(real, *paper),
        )
        self.climb(rung)

    def climb(self, rung: str) -> None:
        rungs = {"mom-spy": RungRow(rung, D(1), NOON)}
        self.rig.books = replace(self.rig.books, rungs=rungs)

    def price(self, mid: str, *, times: int = 3) -> list[tuple[str, str]]:
        for _ in range(times):
            self.rig.clock_ns += NS // 10
            bid, ask = D(mid) - D("0.01"), D(mid) + D("0.01")
            self.rig.ticks(unpack(packed([("SPY", str(bid), str(ask), self.rig.clock_ns)])))
            self.rig.look()
        return self.rig.breaches()

    def value(self, trigger: str, scope: str) -> Decimal | None:
        [one] = [
            one for one in self.rig.standings() if (one.trigger, one.scope) == (trigger, scope)
        ]
        return one.value


@pytest.mark.parametrize("rung", ["ramp", "live"])
def test_what_is_made_on_paper_hides_no_real_loss(rung: str) -> None:
    book = Book(rung, "-100")
    book.price("600")
    breaches = book.price("450")
    assert {
        ("intraday-loss", FIRM), ("strategy-intraday-loss", STRATEGY),
        ("strategy-stop-loss", STRATEGY), ("drawdown", FIRM), ("strategy-drawdown", STRATEGY),
    } <= set(breaches)  # fmt: skip
    assert book.value("intraday-loss", FIRM) == 15
    assert book.value("net-exposure", FIRM) == book.value("gross-exposure", FIRM) == 45
    assert book.value("account-gross-exposure", PAPER) == 45


def test_while_it_rehearses_its_own_triggers_see_it_and_the_firm_s_do_not() -> None:
    book = Book("paper", "200")
    book.price("600")
    book.price("599")
    assert book.value("strategy-intraday-loss", STRATEGY) == D("0.3")
    assert book.value("intraday-loss", FIRM) == D("0.1")


def test_a_promotion_is_no_loss() -> None:
    """What paper made is gone from the figures: from one past to another, not along one."""
    book = Book("paper", "200")
    book.price("600")
    book.price("640")  # 4,000 real, 8,000 paper
    book.rig.books = replace(book.rig.books, baselines={"mom-spy": D(4_000)})
    before = book.rig.breaches()
    book.climb("ramp")
    assert book.price("640", times=5) == before
    assert book.value("strategy-drawdown", STRATEGY) == 0
    assert book.value("strategy-pnl-move", STRATEGY) == 0
    assert book.value("strategy-intraday-loss", STRATEGY) == 0


def test_the_day_of_one_who_rehearses_begins_at_what_paper_had_made() -> None:
    book = Book("paper", "200")
    book.rig.books = replace(
        book.rig.books, baselines={"mom-spy": D(4_000)}, rehearsed={"mom-spy": D(8_000)}
    )
    book.price("639")
    assert book.value("strategy-intraday-loss", STRATEGY) == D("0.3")
    assert book.value("intraday-loss", FIRM) == D("0.1")


def test_the_peak_on_the_own_accounts_is_remembered_while_it_rehearses() -> None:
    book = Book("live", "-100")
    book.price("600")
    book.price("604")
    book.climb("paper")
    book.price("604")
    book.climb("ramp")
    book.price("601")
    assert book.value("strategy-drawdown", STRATEGY) == round(D(300) / D(100_400) * 100, 8)


def test_stored_peaks_are_of_either_past() -> None:
    book = Book("paper", "200")
    money = book.rig.desk._money
    money.recall(STRATEGY, [(book.rig.wall_ns, D(0))], 86_400, 0)
    money.recall(f"{STRATEGY}{REHEARSED}", [(book.rig.wall_ns, D(1_000))], 86_400, 0)
    book.price("600")
    assert book.value("strategy-drawdown", STRATEGY) == round(D(1_000) / D(101_000) * 100, 8)


def test_what_another_feed_makes_of_paper_is_kept_out_of_paper_alone() -> None:
    book = Book("live", "-100")
    book.rig.session = SessionFact("s1", differs=True)
    book.price("500")
    assert book.value("intraday-loss", FIRM) == 0
    assert book.value("strategy-intraday-loss", STRATEGY) == 0
    book = Book("paper", "-100")
    book.rig.session = SessionFact(
        "s1", True, late=True, offsets={"mom-spy": D(-10_000)}, rehearsed={"mom-spy": D(10_000)}
    )
    book.price("500")
    assert book.value("intraday-loss", FIRM) == 0
    assert book.value("strategy-intraday-loss", STRATEGY) == 0
