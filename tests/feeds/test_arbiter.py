"""Two sources of one price: agreement, switching, and what may never be passed on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.builders import BASE, NS, raw_rows
from trading.feeds.backed import BackedChecker
from trading.feeds.choices import Turn
from trading.feeds.raw import RawRows, Reason

PRICE = 1_386_260_000
Said = tuple[int, float, int]
"""Source, second, and how many 1e-5 its bid is above PRICE."""


def rows_of(quotes: Sequence[Said], width: int = 1) -> RawRows:
    rows = raw_rows(
        [
            ("EURUSD", BASE + int(at * NS), bid, bid + width * 10_000, BASE + int(at * NS))
            for _, at, up in quotes
            for bid in (PRICE + up * 10_000,)
        ]
    )
    rows["tick"]["source"] = [source for source, _, _ in quotes]
    return rows


@dataclass
class Feed:
    """A checker of two sources, fed with what a test says; ``down``: which are disconnected."""

    checker: BackedChecker = field(
        default_factory=lambda: BackedChecker(["first", "second"], (0, 1))
    )
    turns: list[Turn] = field(default_factory=list)

    def say(self, *quotes: Said, down: Sequence[int] = ()) -> list[str]:
        self.checker.arbiter.connected(down)
        codes = self.checker.check(rows_of(quotes)).codes
        self.turns += self.checker.turns()
        return [Reason(int(code)).code for code in codes]

    def both(self, start: float, end: float, apart: int = 0) -> list[str]:
        """Both twice a second, the second one ``apart`` above the first."""
        halves = range(int(start * 2), int(end * 2))
        said = [
            (source, half / 2 + source / 10, half % 2 + source * apart)
            for half in halves
            for source in (0, 1)
        ]
        return self.say(*said)

    def moves(self, source: int, start: float, end: float) -> list[str]:
        """One source alone, moving five times a second."""
        steps = range(int(start * 5), int(end * 5))
        return self.say(*((source, step / 5, step % 2) for step in steps))

    @property
    def words(self) -> list[str]:
        return [f"{one.kind} {(one.clock - BASE) / NS:g} {one.words}" for one in self.turns]


@pytest.fixture
def feed() -> Feed:
    return Feed()


def test_the_first_source_is_passed_on_and_the_other_stands_by(feed: Feed) -> None:
    assert feed.both(0, 20) == ["good", "standby"] * 40
    assert feed.turns == []
    assert feed.checker.counters() == {
        "read": 80, "accepted": 40, "standby": 40, "refused": {}, "gaps": 0,
    }  # fmt: skip


def test_sources_that_disagree_are_withheld_until_they_agree(feed: Feed) -> None:
    feed.both(0, 10)
    codes = feed.both(10, 20, apart=50)  # 3.6 bp
    # Apart from 10.1 on, when the second first said so; withheld when that is 3 s ago.
    assert codes == ["good", "standby"] * 6 + ["good", "standby", *["diverging", "standby"] * 13]
    assert feed.both(20, 30) == ["diverging", "standby"] * 11 + ["good", "standby"] * 9
    assert feed.words == [
        "diverge 13.1 first 1.38626/1.38627, second 1.38676/1.38677",
        "agree 25.1 withheld for 12.0 s",
    ]


def test_a_disagreement_of_a_moment_or_within_the_bounds_is_none(feed: Feed) -> None:
    feed.both(0, 10)
    feed.both(10, 12.5, apart=50)
    feed.both(12.5, 15)
    feed.both(15, 60, apart=27)  # 1.9 bp
    assert feed.turns == []


def test_that_one_goes_silent_settles_no_disagreement(feed: Feed) -> None:
    feed.both(0, 10)
    feed.both(10, 14, apart=50)
    assert set(feed.moves(1, 14, 60)) == {"standby"}
    assert set(feed.moves(0, 60, 80)) == {"diverging"}
    assert [one.kind for one in feed.turns] == ["diverge"]
    assert feed.checker.state()["choices"]["EURUSD"]["withheld"] == BASE + 13.1 * NS


def test_a_disagreement_that_nobody_repeats_is_none(feed: Feed) -> None:
    feed.both(0, 10)
    # The first moves; the second was heard at 9.6 for the last time, so until 11.6 it is compared.
    assert set(feed.say(*((0, 10 + n / 10, 50 + n % 2) for n in range(80)))) == {"good"}
    assert feed.say((1, 18, 50), (0, 18.1, 50)) == ["standby", "good"]
    assert feed.turns == []


def test_a_slow_source_disagrees_when_it_is_heard_again(feed: Feed) -> None:
    feed.both(0, 10)
    slow = [(1, 10 + 4 * n + 0.05, 50) for n in range(2)]
    quick = [(0, 10 + n / 5, n % 2) for n in range(60)]
    codes = feed.say(*sorted([*slow, *quick], key=lambda one: one[1]))
    assert feed.words == ["diverge 14.05 first 1.38626/1.38627, second 1.38676/1.38677"]
    assert codes[-1] == "diverging"


def test_after_a_pause_a_disagreement_begins_anew(feed: Feed) -> None:
    feed.both(0, 10)
    feed.both(10, 11, apart=50)
    feed.moves(0, 11, 20)
    feed.both(20, 25, apart=50)
    assert [(one.kind, one.clock) for one in feed.turns] == [("diverge", BASE + 231 * NS // 10)]


def test_a_silent_source_is_replaced_and_comes_back_when_it_has_been_well(feed: Feed) -> None:
    feed.both(0, 10)
    codes = feed.moves(1, 10, 20)
    first = codes.index("good")
    assert codes == ["standby"] * first + ["good"] * (50 - first)
    assert 10 + first / 5 == 14.6  # 5 s after 9.5, and more than twenty moves
    codes = feed.both(20, 60)
    assert feed.words == [
        "switch 14.6 first to second: silent for 5.1 s",
        "switch 50 second to first: well again",
    ]
    assert codes == ["standby", "good"] * 60 + ["good", "standby"] * 20


def test_a_market_that_rests_fails_nobody(feed: Feed) -> None:
    feed.both(0, 10)
    said = [(1, 10 + step, 0) for step in range(25)]
    assert set(feed.say(*said)) == {"standby"}


def test_a_source_that_is_stale_is_replaced_at_the_others_first_move(feed: Feed) -> None:
    feed.both(0, 10)
    assert feed.say((1, 45, 2)) == ["good"]
    assert feed.words == ["switch 45 first to second: silent for 35.5 s"]


def test_a_source_that_is_disconnected_is_replaced_at_once(feed: Feed) -> None:
    feed.both(0, 10)
    assert feed.say((1, 10, 0), down=[0]) == ["good"]
    assert feed.words == ["switch 10 first to second: disconnected"]
    # It must be well for as long as any, and what the two say is compared anew.
    assert feed.say((0, 10.1, 0), (0, 40, 0), (0, 40.2, 0)) == ["standby", "standby", "good"]


def test_a_source_of_which_half_is_refused_is_replaced(feed: Feed) -> None:
    feed.both(0, 10)
    crossed = rows_of([(0, 10 + n / 100, 0) for n in range(80)], width=-1)
    feed.checker.check(crossed)
    assert feed.say((1, 11, 0)) == ["good"]
    assert feed.turns[0].words == "first to second: 55% of its quotes refused"


@pytest.mark.parametrize(("bid", "width"), [(PRICE, 1), (PRICE, -1), (0, 0)],
                         ids=["quoted", "crossed", "empty"])  # fmt: skip
def test_a_halt_where_we_would_trade_is_not_got_round(feed: Feed, bid: int, width: int) -> None:
    feed.both(0, 10)
    halted = rows_of([(0, 10, 0)])
    halted["halted"] = True
    halted["tick"]["bid"], halted["tick"]["ask"] = bid, bid + width
    assert [Reason(int(code)) for code in feed.checker.check(halted).codes] == [Reason.HALTED]
    assert set(feed.moves(1, 10, 60)) == {"standby"}
    assert feed.say((1, 60, 2), down=[0]) == ["standby"]
    assert feed.both(61, 62) == ["good", "standby"] * 2


def test_a_source_that_is_halted_is_waited_for_by_no_other() -> None:
    feed = Feed(BackedChecker(["first", "second", "third"], (0, 1, 2)))
    feed.say((0, 0, 0), (1, 0.1, 0), (2, 0.2, 0))
    assert feed.say((2, 1, 0), down=[0]) == ["standby"]  # the second is better
    halted = rows_of([(1, 1.1, 0)])
    halted["halted"] = True
    feed.checker.check(halted)
    assert feed.say((2, 1.2, 0), down=[0]) == ["good"]


def test_no_backup_is_taken_on_a_price_far_from_the_last(feed: Feed) -> None:
    feed.say(*((0, n / 2, 0) for n in range(20)))
    far = [(1, 10 + n / 5, 2_000 + n % 2) for n in range(40)]  # 1.4 %, more than EURUSD may jump
    assert "good" not in feed.say(*far)
    assert [one.kind for one in feed.turns] == ["diverge"]


def test_nothing_goes_back_in_time_at_a_switch(feed: Feed) -> None:
    feed.both(0, 10)
    late = rows_of([(1, 9.2, 0), (1, 10, 0)])
    late["clock"] = BASE + 10 * NS
    feed.checker.arbiter.connected([0])
    assert [Reason(int(code)).code for code in feed.checker.check(late).codes] == [
        "out-of-order", "good",
    ]  # fmt: skip


def test_the_quality_of_a_backup_counts_when_it_is_in_use(feed: Feed) -> None:
    feed.both(0, 10)
    feed.checker.check(rows_of([(1, 10, 0)] * 30, width=-1))
    assert feed.checker.state()["judged"] == 20
    assert feed.checker.counters()["refused"] == {"crossed": 30}


QUOTES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 1, 2]),  # source
        st.sampled_from([0.1, 0.1, 0.3, 1, 3, 6, 20, 40]),  # seconds later
        st.sampled_from([0, 1, 2, 3, 60, 61, 2_000, 140_000]),  # price above, 1e-5
        st.sampled_from([1, 1, 1, 2, -1]),  # width
        st.sampled_from([0, 0, 0, 0, 2, 31, -2]),  # seconds old
    ),
    max_size=120,
)
DOWN = st.lists(st.sampled_from([(), (), (0,), (1,), (0, 1), (2,)]), min_size=1, max_size=6)


@settings(max_examples=150)
@given(QUOTES, DOWN)
def test_what_is_passed_on_can_be_traded_on(
    said: list[tuple[int, float, int, int, int]], down: list[tuple[int, ...]]
) -> None:
    """Whatever sources say and whenever they are cut; cut into batches and restarted as well."""
    clock, quotes = BASE, []
    for source, later, up, width, old in said:
        clock += int(later * NS)
        bid = PRICE + up * 10_000
        quotes.append((source, bid, bid + width * 10_000, clock - old * NS, clock))
    rows = raw_rows([("EURUSD", time, bid, ask, at) for _, bid, ask, time, at in quotes])
    rows["tick"]["source"] = [one[0] for one in quotes]
    names = ["a", "b", "c"]
    part = max(1, len(rows) // len(down))
    whole, cut = BackedChecker(names, (0, 1, 2)), BackedChecker(names, (0, 1, 2))
    out, turns = [], []
    for number, start in enumerate(range(0, len(rows), part)):
        batch, gone = rows[start : start + part], down[number % len(down)]
        whole.arbiter.connected(gone)
        codes = whole.check(batch).codes
        turns += whole.turns()
        halves = []
        for half in (batch[: part // 2], batch[part // 2 :]):
            cut.arbiter.connected(gone)
            halves += list(cut.check(half).codes)
            again = BackedChecker(names, (0, 1, 2))
            again.arbiter.connected(gone)
            again.restore(json.loads(json.dumps(cut.state())))
            cut = again
        assert halves == list(codes)
        out += [quotes[start + at] for at in range(len(batch)) if codes[at] == Reason.GOOD]
    counted = whole.counters()
    assert counted["read"] == len(rows)
    assert counted["read"] == counted["accepted"] + counted["standby"] + sum(
        counted["refused"].values()
    )
    assert_tradable(out, turns)


def assert_tradable(out: Sequence[tuple[int, int, int, int, int]], turns: Sequence[Turn]) -> None:
    for _, bid, ask, time, clock in out:
        assert 0 < bid <= ask
        assert -30 * NS <= clock - time <= 30 * NS
        assert not withheld(turns, clock)
    switched = {one.clock for one in turns if one.kind == "switch"}
    for one, two in pairwise(out):
        assert one[3] <= two[3]
        if one[0] != two[0]:
            assert any(one[4] <= clock <= two[4] for clock in switched)
        if two[4] - one[4] <= 30 * NS and one[0] != two[0]:
            assert abs(two[1] + two[2] - one[1] - one[2]) <= 0.01 * (one[1] + one[2])


def withheld(turns: Sequence[Turn], clock: int) -> bool:
    """Strictly between a divergence and the agreement that ended it."""
    since = 0
    for one in turns:
        if one.kind == "diverge":
            since = one.clock
        elif one.kind == "agree":
            if since < clock < one.clock:
                return True
            since = 0
    return bool(since) and clock > since
