"""One day of two real sources, one of which has 12,061 crossed quotes; and each of them cut."""

import datetime as dt
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tests.feeds.builders import NS, SHARED
from trading.feeds.arbiter import WELL_NS
from trading.feeds.backed import BackedChecker
from trading.feeds.checks import Codes
from trading.feeds.choices import MISSED, SILENT_NS, Turn
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch, RawRows, Reason
from trading.feeds.replay import Replay
from trading.triggers.quality import QualityWatch

FXCM, OANDA = (SHARED / f"eurusd-{name}-20140502.quotes.csv.gz" for name in ("fxcm", "oanda"))
CROSSED = 12_061
DAY = dt.datetime(2014, 5, 2, tzinfo=dt.UTC)


class Run(NamedTuple):
    ingestor: Ingestor
    rows: RawRows
    codes: Codes
    turns: list[Turn]
    worst: float
    """The least share of good quotes that the desk's trigger saw."""


def at(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    return int((DAY + dt.timedelta(hours=hour, minutes=minute)).timestamp()) * NS


@cache
def day() -> RawRows:
    """Both sources in one order: 0 is fxcm, 1 oanda."""
    feed = Replay([FXCM, OANDA])
    return np.concatenate([one.rows for one in feed.batches(rows=65_536)])


def run(rows: RawRows, order: tuple[int, int] = (0, 1)) -> Run:
    names = [("fxcm", "oanda")[order.index(number)] for number in (0, 1)]
    backed = BackedChecker(names, order)
    ingestor, watch = Ingestor(backed=backed), QualityWatch()
    codes, turns, worst = [], [], 1.0
    for start in range(0, len(rows), 1_000):
        batch = rows[start : start + 1_000]
        result = ingestor.process(RawBatch(batch, int(batch["clock"][-1])))
        codes.append(result.codes)
        turns += result.turns
        reading = watch.take({"session": "s", **ingestor.counters(), **backed.state()})
        worst = min(worst, 1.0 if reading is None else float(reading.value or 0))
    return Run(ingestor, rows, np.concatenate(codes), turns, worst)


def passed_on(one: Run) -> RawRows:
    out: RawRows = one.rows[one.codes == Reason.GOOD]
    return out


def test_the_dirty_source_has_exactly_its_crossed_quotes_refused() -> None:
    for order in ((0, 1), (1, 0)):
        one = run(day(), order)
        counted = one.ingestor.counters()
        assert counted["refused"] == {"crossed": CROSSED}
        assert counted["read"] == len(day()) == 145_747
        assert counted["accepted"] + counted["standby"] == 145_747 - CROSSED
        crossed = day()["tick"]["bid"] > day()["tick"]["ask"]
        assert (crossed == (one.codes == Reason.CROSSED)).all()
        out = passed_on(one)["tick"]
        assert (np.diff(out["time"]) >= 0).all()
        # Two honest sources are never withheld, and sources change at switches alone.
        assert {turn.kind for turn in one.turns} == {"switch"}
        changes = int((np.diff(out["source"]) != 0).sum())
        assert changes == len(one.turns) - (out["source"][0] != order[0])
    # The clean one in use, its dirty backup trips no trigger.
    assert one.worst > 0.9


def cut(rows: RawRows, *gone: tuple[int, str, str]) -> RawRows:
    """Without what a source says between two times."""
    keep = np.ones(len(rows), dtype=bool)
    for source, start, end in gone:
        clock = rows["clock"]
        keep &= (rows["tick"]["source"] != source) | (clock < at(start)) | (clock >= at(end))
    return rows[keep]


def due(rows: RawRows, backup: int, start: int) -> int:
    """Clock of the backup's first good quote 5 s after ``start``'s source and 20 moves on."""
    tick = rows["tick"]
    good = (tick["source"] == backup) & (tick["bid"] <= tick["ask"])
    primary = (tick["source"] != backup) & (rows["clock"] < start) & (tick["bid"] <= tick["ask"])
    heard = np.flatnonzero(primary)[-1]
    seen = rows[good]
    moved = 0
    for before, now in pairwise(seen):
        after = now["clock"] > rows["clock"][heard] or now["tick"]["time"] > tick["time"][heard]
        if not after:
            continue
        same = (before["tick"]["bid"], before["tick"]["ask"]) == (
            now["tick"]["bid"], now["tick"]["ask"],
        )  # fmt: skip
        moved += not same
        if moved >= MISSED and not same and now["clock"] - rows["clock"][heard] > SILENT_NS:
            return int(now["clock"])
    raise AssertionError("the backup never moved enough")


def test_a_cut_source_is_left_and_returned_to_at_exactly_the_right_quotes() -> None:
    """On the busiest hours of the day: the employment report came at 12:30."""
    hours = day()[(day()["clock"] >= at("12:20")) & (day()["clock"] < at("14:00"))]
    gone = cut(hours, (0, "12:31", "12:45"), (1, "13:10", "13:20"), (0, "13:30", "13:32"))
    one = run(gone)
    left = [due(gone, 1, at(start)) for start in ("12:31", "13:30")]
    switches = [turn for turn in one.turns if "oanda" in turn.words]
    away = [turn.clock for turn in switches if turn.words.startswith("fxcm to oanda: silent")]
    assert next(clock for clock in away if clock >= at("12:31")) == left[0]
    assert next(clock for clock in away if clock >= at("13:30")) == left[1]
    # Back at fxcm's first good quote half a minute after its first one.
    tick = gone["tick"]
    good = gone["clock"][(tick["source"] == 0) & (tick["bid"] <= tick["ask"])]
    for end in ("12:45", "13:32"):
        first = good[good >= at(end)][0]
        back = good[good >= first + WELL_NS][0]
        assert back in {turn.clock for turn in switches if turn.words.endswith("well again")}
    out = passed_on(one)
    assert (np.diff(out["tick"]["time"]) >= 0).all()
    assert (out["tick"]["bid"] <= out["tick"]["ask"]).all()
    # In the cuts of fxcm only oanda is passed on, in that of oanda nothing changes.
    during = (out["clock"] >= left[0]) & (out["clock"] < at("12:45"))
    assert set(out["tick"]["source"][during]) == {1}
    assert {turn.kind for turn in one.turns} == {"switch"}
    counted = one.ingestor.counters()
    assert counted["refused"] == {"crossed": int((tick["bid"] > tick["ask"]).sum())}


def test_a_source_that_drifts_away_is_not_believed_by_itself() -> None:
    hours = day()[(day()["clock"] >= at("13:00")) & (day()["clock"] < at("13:30"))].copy()
    tick = hours["tick"]
    wrong = (tick["source"] == 1) & (hours["clock"] >= at("13:10")) & (hours["clock"] < at("13:20"))
    for side in ("bid", "ask"):
        tick[side][wrong] += 700_000  # 7 pips, 5 bp
    one = run(hours)
    diverged = [turn for turn in one.turns if turn.kind == "diverge"]
    agreed = [turn for turn in one.turns if turn.kind == "agree"]
    assert len(diverged) == len(agreed) >= 1
    assert at("13:10") < diverged[0].clock < at("13:11")
    assert at("13:20") < agreed[-1].clock < at("13:21")
    out = passed_on(one)["clock"]
    for start, end in zip(diverged, agreed, strict=True):
        assert not ((out > start.clock) & (out < end.clock)).any()
    assert diverged[0].words.startswith("fxcm 1.38")
    assert ", oanda 1.38" in diverged[0].words
