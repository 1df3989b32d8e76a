"""The quote checks: each rule, and the vectorised checker against one written plainly."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds.builders import BASE, NS, raw_rows
from trading.feeds.checks import QuoteChecker
from trading.feeds.raw import RawRows, Reason
from trading.universe import UNIVERSE

PRICE = 1_386_260_000
Row = tuple[str, int, int, int, int]


def quote(second: float, bid: int = PRICE, ask: int | None = None, clock: float = 0) -> Row:
    time = BASE + int(second * NS)
    return "EURUSD", time, bid, bid + 10_000 if ask is None else ask, time + int(clock * NS)


def judge(*quotes: Row) -> list[str]:
    codes = QuoteChecker().check(raw_rows(quotes)).codes
    return [Reason(int(code)).code for code in codes]


def test_a_locked_quote_is_good_a_crossed_one_is_not() -> None:
    assert judge(quote(0, ask=PRICE), quote(1, ask=PRICE - 1)) == ["good", "crossed"]


@pytest.mark.parametrize(("bid", "ask"), [(0, 5), (5, 0), (-1, 5), (0, 0), (-5, -6)])
def test_prices_must_be_positive(bid: int, ask: int) -> None:
    assert judge(quote(0, bid, ask)) == ["non-positive"]


def test_a_quote_older_than_30_s_is_stale() -> None:
    assert judge(quote(0, clock=30), quote(1, clock=30.1)) == ["good", "stale"]


def test_a_quote_from_the_future_is_out_of_order() -> None:
    assert judge(quote(0, clock=-30), quote(0, clock=-30.1)) == ["good", "out-of-order"]


def test_a_quote_older_than_the_last_good_one_is_out_of_order() -> None:
    assert judge(quote(5), quote(4), quote(5), quote(6, 0), quote(5.5)) == [
        "good", "out-of-order", "good", "non-positive", "good",
    ]  # fmt: skip


def test_three_that_agree_make_a_new_level() -> None:
    high = PRICE * 2
    assert judge(quote(0), quote(1, high), quote(2, high + 5), quote(3, high), quote(4, high)) == [
        "good", "jump", "jump", "good", "good",
    ]  # fmt: skip


def test_jumps_that_disagree_are_never_believed() -> None:
    wild = [quote(second, PRICE * (second + 1)) for second in range(1, 8)]
    assert judge(quote(0), *wild) == ["good"] + ["jump"] * 7


def test_a_good_quote_between_ends_the_new_level() -> None:
    high = PRICE * 2
    assert judge(
        quote(0), quote(1, high), quote(2, high), quote(3), quote(4, high), quote(5, high)
    ) == ["good", "jump", "jump", "good", "jump", "jump"]


def test_a_gap_is_counted_and_good() -> None:
    checker = QuoteChecker()
    checked = checker.check(raw_rows([quote(0), quote(30), quote(60.5)]))
    assert checked.good.all()
    assert checked.gaps == 1
    assert checker.by_symbol()["EURUSD"] == {
        "read": 3, "accepted": 3, "standby": 0, "gap": 1, "refused": {},
    }  # fmt: skip


def test_what_could_not_be_published_counts_as_stale() -> None:
    checker = QuoteChecker()
    rows = raw_rows([quote(0), quote(1, 0), quote(2)])
    checker.unpublish(rows, checker.check(rows).codes)
    assert checker.by_symbol()["EURUSD"]["refused"] == {"non-positive": 1, "stale": 2}
    assert checker.counters()["read"] == 3
    assert checker.accepted == 0


@dataclass
class Plain:
    """The rules of the checker's docstring, one quote at a time, written without numpy."""

    last: dict[int, tuple[int, int]] = field(default_factory=dict)
    level: dict[int, list[int]] = field(default_factory=dict)
    gaps: int = 0

    def judge(self, row: Any) -> Reason:
        tick, clock = row["tick"], int(row["clock"])
        ident, time = int(tick["instrument"]), int(tick["time"])
        bid, ask = int(tick["bid"]), int(tick["ask"])
        if row["malformed"]:
            return Reason.MALFORMED
        if bid <= 0 or ask <= 0:
            return Reason.NON_POSITIVE
        if bid > ask:
            return Reason.CROSSED
        if clock - time > 30 * NS:
            return Reason.STALE
        if time - clock > 30 * NS:
            return Reason.OUT_OF_ORDER
        return self.in_sequence(ident, time, bid + ask)

    def in_sequence(self, ident: int, time: int, mid2: int) -> Reason:
        one = UNIVERSE.by_id(ident)
        if ident in self.last:
            last_mid2, last_time = self.last[ident]
            if time < last_time:
                return Reason.OUT_OF_ORDER
            if abs(mid2 - last_mid2) > one.max_jump * last_mid2:
                level = [*self.level.get(ident, []), mid2]
                if max(level) - min(level) > one.max_jump * min(level):
                    level = [mid2]
                self.level[ident] = level
                if len(level) < 3:
                    return Reason.JUMP
            if time - last_time > (90 if one.asset_class == "future" else 30) * NS:
                self.gaps += 1
        self.level.pop(ident, None)
        self.last[ident] = (mid2, time)
        return Reason.GOOD


# Few levels and few times, so that rules are often broken, agreed upon and broken again.
LEVELS = st.sampled_from([-1, 0, 1_000, 1_009, 1_010, 1_011, 1_050, 2_000, 2_010, 3_000])
ROWS = st.builds(
    lambda symbol, second, bid, width, lag: (
        symbol, BASE + second * NS // 2, bid * 10**6, (bid + width) * 10**6,
        BASE + (second * NS) // 2 + lag * NS,
    ),
    st.sampled_from(["EURUSD", "ESZ6", "BTCUSDT"]), st.integers(0, 400), LEVELS,
    st.integers(-1, 1), st.sampled_from([0, 0, 0, 0, 29, 31, -29, -31]),
)  # fmt: skip


def ordered(rows: RawRows, share: float) -> RawRows:
    """``rows`` with most of them in the order of time, so that not all are refused."""
    order = np.argsort(rows["tick"]["time"], kind="stable")
    keep = int(len(rows) * share)
    return np.concatenate([rows[order[:keep]], rows[order[keep:]][::-1]])


@given(
    st.lists(ROWS, max_size=60),
    st.floats(0, 1),
    st.lists(st.integers(0, 60), max_size=6),
    st.sets(st.integers(0, 59), max_size=4),
)
def test_batches_are_judged_as_one_by_one(
    quotes: list[Row], share: float, cuts: list[int], malformed: set[int]
) -> None:
    rows = ordered(raw_rows(quotes), share)
    for at in malformed & set(range(len(rows))):
        rows["malformed"][at] = True
        rows["tick"]["instrument"][at] = -1
    plain = Plain()
    expected = [plain.judge(row) for row in rows]
    checker = QuoteChecker()
    found: list[int] = []
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in pairwise(edges):
        found += checker.check(rows[begin:end]).codes.tolist()
        again = QuoteChecker()
        again.restore(checker.state())
        assert again.state() == checker.state()
        checker = again
    assert found == expected
    assert checker.gaps.sum() == plain.gaps
    assert checker.counters()["read"] == len(rows)
    assert len(rows) == checker.accepted + sum(checker.refused().values())
    for counted in checker.by_symbol().values():
        assert counted["read"] == counted["accepted"] + sum(counted["refused"].values())
