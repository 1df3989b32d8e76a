"""What a document's stops look back on outlives feed sessions, processes and versions."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.triggers.specs import DOCUMENT_DRAWDOWN, DOCUMENT_LOSS
from tests.engines.documents import BASE
from tests.portfolio.builders import Desk
from tests.triggers.test_documents import KEY, book
from tests.triggers.test_money import STRATEGY, Book
from trading.clock import NS, utc_from_ns, utc_now
from trading.engines.bounds import Stops
from trading.engines.reading import Bound
from trading.models import EngineVersion, FeedSession, PnlPoint
from trading.triggers.carried import SessionFact
from trading.triggers.money import REHEARSED
from trading.triggers.path import StoredReader
from trading.triggers.played import Lately, Session, Stretch, lately
from trading.triggers.stops import Documents
from trading.triggers.stored import Past, lately_read
from trading.triggers.windows import Extreme

D = Decimal
CAPITAL = D(500_000)
DAY = D(86_400)
LOSING = Stops(3, Bound(True, D("0.005"), DAY))


def losing(**more: object) -> Book:
    """A stop-loss of half a percent within a day."""
    made = Book(**more)  # type: ignore[arg-type]
    made.rig.documents = Documents(1, {KEY: LOSING})
    return made


def resume(made: Book, session: str, *, differs: bool = False, feed_ns: int | None = None) -> None:
    """The next feed session; ``feed_ns``: what its clock begins at."""
    made.session = session
    made.rig.session = SessionFact(session, differs)
    made.rig.clock_ns = made.rig.clock_ns if feed_ns is None else feed_ns


@pytest.mark.parametrize("feed_ns", [None, 1_400_000_000 * NS, 1_900_000_000 * NS])
def test_a_stop_loss_looks_back_over_feed_sessions(feed_ns: int | None) -> None:
    made = losing()
    made.price("1.1", times=10)
    made.price("1.08", times=3)  # 0.4 % of capital
    resume(made, "s2", feed_ns=feed_ns)
    made.price("1.0751", times=3)
    assert made.rig.breaches() == []
    resume(made, "s3")
    assert made.price("1.06", times=3) == [(DOCUMENT_LOSS, STRATEGY)]
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 160


def test_it_forgets_after_its_time_as_the_feed_was_played() -> None:
    made = losing()
    made.price("1.1", times=10)
    made.price("1.08", times=3)
    resume(made, "s2", feed_ns=1_400_000_000 * NS)
    for _ in range(4):
        made.price("1.08", times=3, after_s=11_000)
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 0
    assert made.price("1.06", times=3) == []


def test_what_another_feed_makes_of_a_position_is_no_loss_and_hides_none() -> None:
    made = losing()
    made.price("1.2", times=5)
    made.price("1.18", times=5)  # 0.4 % of capital, after a gain
    resume(made, "s2", differs=True)
    made.price("0.5", times=5)
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 80
    resume(made, "s3")  # the same market as s2: its own prices are nothing anew
    made.price("0.5", times=5)
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 80
    assert made.rig.breaches().count((DOCUMENT_LOSS, STRATEGY)) == 0
    assert (DOCUMENT_LOSS, STRATEGY) in made.price("0.494", times=3)


def test_a_process_that_begins_looks_back_on_what_is_stored() -> None:
    made = losing()
    points = ((int(60 * NS), D(2_000)), (0, D(0)))
    made.rig.past = Past({}, {STRATEGY: Lately("s1", made.rig.clock_ns, points)})
    made.price("1.1", times=4)
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 80
    assert made.price("1.09", times=3) == [(DOCUMENT_LOSS, STRATEGY)]


@pytest.mark.parametrize("before", [None, 60])
def test_a_look_back_that_is_told_of_later_looks_back_as_well(before: int | None) -> None:
    """On what the line of PnL has, and on what was seen here."""
    made = book(drawdown="0.005")
    bound = None if before is None else Bound(True, D("0.005"), D(before))
    made.rig.documents = Documents(1, {KEY: Stops(3, None, bound)})
    made.price("1.15", times=4)  # a gain of 5,000 on 500,000
    peaks = [(made.rig.wall_ns, D(5_000))]
    made.price("1.14", times=4, after_s=100)
    made.price("1.13", times=4, after_s=100)
    made.price("1.12", times=20, after_s=60)
    assert made.rig.breaches() == []
    longer = Bound(True, D("0.005"), DAY)
    made.rig.documents = Documents(2, {KEY: Stops(4, longer, longer)})
    last = (made.rig.clock_ns - 1_200 * NS, ((0, D(5_000)),))
    made.rig.past = Past({STRATEGY: peaks}, {STRATEGY: Lately("s1", *last)})
    stops = {(DOCUMENT_LOSS, STRATEGY), (DOCUMENT_DRAWDOWN, STRATEGY)}
    assert set(made.price("1.12", times=3)) == stops


def test_what_is_stored_hides_no_higher_peak_that_was_seen() -> None:
    made = losing()
    made.price("1.1", times=10)
    made.price("1.08", times=3)
    made.rig.past = Past({}, {STRATEGY: Lately("s1", made.rig.clock_ns, ((0, D(-2_000)),))})
    made.price("1.08", times=3)
    assert made.value(DOCUMENT_LOSS, STRATEGY) == 80


# Any sequence ------------------------------------------------------------------------------------

WINDOW_S = 60
GRAIN_NS = 5 * NS


@dataclass
class Recomputed:
    """PnL as it was played and as it is stored, without anything of what is tested."""

    played_ns: int = 0
    session: int = 1
    fresh: bool = True
    seen: list[tuple[int, Decimal]] = field(default_factory=list)
    stored: list[tuple[int, int, int, Decimal]] = field(default_factory=list)

    def saw(self, pnl: Decimal, feed_ns: int, after_s: float) -> None:
        """A point is stored every five seconds at most."""
        self.played_ns += 0 if self.fresh else int(after_s * NS)
        self.fresh = False
        self.seen.append((self.played_ns, pnl))
        if not self.stored or self.played_ns - self.stored[-1][0] >= GRAIN_NS:
            self.stored.append((self.played_ns, self.session, feed_ns, pnl))

    def lost(self, since: int) -> Decimal:
        """In percent of the threshold, of what the window and a process since ``since`` can see."""
        from_ns = self.played_ns - WINDOW_S * NS
        live = [pnl for at_ns, pnl in self.seen[since:] if at_ns > from_ns]
        kept = [pnl for at_ns, _, _, pnl in self.stored if at_ns > from_ns]
        return (max(live + kept) - self.seen[-1][1]) / CAPITAL / D("0.005") * 100

    def past(self) -> Past:
        found = [
            Stretch(Session(f"s{session}", "sim"), True, feed_ns, pnl, pnl, pnl)
            for _, session, feed_ns, pnl in self.stored
        ]
        one = lately(found)
        return Past({}, {} if one is None else {STRATEGY: one})


steps = st.one_of(
    st.tuples(st.just("price"), st.integers(0, 25), st.integers(-90, 90)),
    st.tuples(st.just("session"), st.integers(-1_000_000, 1_000_000), st.just(0)),
    st.tuples(st.sampled_from(["process", "recall"]), st.just(0), st.just(0)),
)


@given(st.lists(steps, min_size=2, max_size=40))
def test_no_session_and_no_process_forgets_what_the_window_has(
    taken: list[tuple[str, int, int]],
) -> None:
    documents = Documents(1, {KEY: Stops(3, Bound(True, D("0.005"), D(WINDOW_S)))})

    def begun(at: Book | None, past: Past) -> Book:
        made = Book()
        made.rig.documents, made.rig.past = documents, past
        if at is not None:
            made.rig.clock_ns, made.session = at.rig.clock_ns, at.session
            made.rig.session = at.rig.session
        return made

    model, since = Recomputed(), 0
    made = begun(None, Past())
    for what, first, second in taken:
        if what == "process":
            made, since = begun(made, model.past()), len(model.seen)
        elif what == "recall":
            made.rig.past = model.past()
        elif what == "session":
            model.session, model.fresh = model.session + 1, True
            resume(made, f"s{model.session}", feed_ns=made.rig.clock_ns + first * NS)
        else:
            mid = D("1.1") + D(second) / 10_000
            for pause_s in (first, 0, 0):
                made.price(str(mid), after_s=pause_s + 0.1)
                model.saw((mid - D("1.1")) * 100_000, made.rig.clock_ns, pause_s + 0.1)
            found = made.value(DOCUMENT_LOSS, STRATEGY)
            assert found is not None
            assert found >= model.lost(since) - D("0.01")


samples = st.lists(st.tuples(st.integers(1, 40), st.integers(-50, 50)), min_size=1, max_size=30)


@given(samples, samples, st.lists(st.integers(1, 40), max_size=10), st.sampled_from([1, -1]))
def test_merged_an_extreme_forgets_nothing(
    steps: list[tuple[int, int]], others: list[tuple[int, int]], later: list[int], sign: int
) -> None:
    one, merged, at, window = Extreme(sign), Extreme(sign), 0, 100
    for pause, value in steps:
        at += pause
        for extreme in (one, merged):
            extreme.add(at, D(value), window)
    points = [(at - ago, D(value)) for ago, value in others]
    merged.merge(points, window)
    merged.merge(points, window)
    for pause in later:
        at += pause
        known = [one.add(at, D(-50 * sign), window)]
        known += [value for when, value in points if when > at - window]
        assert sign * merged.add(at, D(-50 * sign), window) >= max(sign * each for each in known)


# As it is stored ---------------------------------------------------------------------------------


def session(spec: str, started: dt.datetime) -> str:
    ident = uuid.uuid4()
    FeedSession.objects.create(id=ident, spec=spec, started_at=started)
    return str(ident)


def point(at: dt.datetime, feed_s: float, pnl: int) -> None:
    PnlPoint.objects.create(
        strategy_id=KEY, at=at, feed_time=utc_from_ns(int(feed_s * NS)), realised=D(pnl + 7),
        unrealised=D(-4), fees=D(3), gross=D(0), net=D(0),
    )  # fmt: skip


@pytest.mark.django_db
def test_stored_pnl_is_read_by_the_feeds_clock_over_its_sessions() -> None:
    Desk()
    now = utc_now()

    def ago(seconds: float) -> dt.datetime:
        return now - dt.timedelta(seconds=seconds)

    assert lately_read({KEY: DAY}) == {}
    session("replay of 2014", ago(1_000))
    point(ago(500), 1_400_000_000, 900)
    point(ago(495), 1_400_000_005, 950)
    session("sim", ago(300))  # another world: it makes 40 of 950
    point(ago(299), 1_700_000_001, 40)
    point(ago(200), 1_700_000_100, 30)
    point(ago(195), 1_700_000_105, 90)
    newest = session("sim", ago(100))  # the same market, and its clock begins anew
    point(ago(99), 1_700_000_106, 85)  # as the session before said it last
    point(ago(80), 1_699_999_000, 20)
    point(ago(75), 1_699_999_005, 10)
    found = lately_read({KEY: D(1_000)})[STRATEGY]
    assert (found.session, found.feed_ns) == (newest, 1_699_999_005 * NS)
    assert [(ago_ns // NS, int(pnl)) for ago_ns, pnl in found.points] == [
        (15, -10), (10, 40), (10, 40), (10, 30), (5, 90), (5, 85), (5, 20), (0, 10),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_point_in_a_thousandth_of_the_time_is_enough_and_the_highest_counts() -> None:
    Desk()
    now = utc_now()
    ident = session("sim", now - dt.timedelta(seconds=1_000))
    for step in range(100):
        point(now - dt.timedelta(seconds=500 - step), 1_700_000_000 + step, -abs(step - 50))
    found = lately_read({KEY: D(20_000)})[STRATEGY]
    assert found.session == ident
    assert len(found.points) in (5, 6)
    assert max(pnl for _, pnl in found.points) == 0


@pytest.mark.django_db
def test_what_was_before_is_read_again_when_a_look_back_is_another() -> None:
    Desk()
    point(utc_now() - dt.timedelta(minutes=20), 1_700_000_000, 900)
    reader = StoredReader()
    reader.read()
    first = reader.past
    assert first is not None
    assert first == Past({"firm": []}, {})
    reader.read()
    assert reader.past is first
    EngineVersion.objects.create(
        name=KEY, number=1, text="", document=BASE, digest="1", made_by="m"
    )
    reader.read()
    found = reader.past
    assert found is not None
    assert [pnl for _, pnl in found.peaks[STRATEGY]] == [900]
    assert [pnl for _, pnl in found.lately[STRATEGY].points] == [900]
    reader.read()
    assert reader.past is found


@pytest.mark.django_db
def test_what_was_stored_of_paper_is_of_the_past_with_paper_alone() -> None:
    Desk()
    point(utc_now() - dt.timedelta(minutes=2), 1_700_000_000, 900)
    PnlPoint.objects.update(paper=D(500), rehearsing=True)
    found = {scope: one.points[-1][1] for scope, one in lately_read({KEY: DAY}).items()}
    assert found == {STRATEGY: 400, f"{STRATEGY}{REHEARSED}": 900}
