"""The clock of a source against ours."""

from typing import Any

import numpy as np
import pytest

from tests.feeds.builders import BASE, NS, raw_rows
from trading.feeds.checks import QuoteChecker
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch, Reason
from trading.feeds.skew import BOUND_NS, SkewWatch
from trading.triggers.quality import skew_readings

MS = NS // 1_000


def seen(watch: SkewWatch, second: float, *lags_ms: int, source: int = 0) -> dict[str, int]:
    """Quotes that arrive at ``second``, so late; the skews then, in ms."""
    clocks = np.full(len(lags_ms), BASE + int(second * NS))
    times = clocks - np.array(lags_ms) * MS
    watch.take(np.full(len(lags_ms), source), times, clocks)
    return {name: ns // MS for name, ns in watch.skews(int(clocks[-1])).items()}


def test_the_quickest_quote_of_a_minute_tells_the_skew() -> None:
    watch = SkewWatch(["one", "two"])
    assert seen(watch, 0, 40, 12, 900) == {"one": 12}
    assert seen(watch, 30, 55) == {"one": 12}
    assert seen(watch, 40, -2_500, source=1) == {"one": 12, "two": -2_500}
    assert seen(watch, 61, 70) == {"one": 55, "two": -2_500}
    assert seen(watch, 130, 80) == {"one": 80}
    assert watch.skews(BASE + 400 * NS) == {}


@pytest.mark.parametrize(("ahead_ns", "live", "reason"), [
    (BOUND_NS, True, Reason.GOOD), (BOUND_NS + 1, True, Reason.AHEAD),
    (BOUND_NS + 1, False, Reason.GOOD),
], ids=["within", "beyond", "recorded"])  # fmt: skip
def test_a_live_quote_from_the_future_is_refused(ahead_ns: int, live: bool, reason: Reason) -> None:
    rows = raw_rows([("EURUSD", BASE + ahead_ns, 10**9, 10**9 + 1, BASE)])
    assert QuoteChecker(live=live).check(rows).codes == [reason]


def test_a_live_feed_says_its_skew_and_a_trigger_reads_it() -> None:
    ingestor = Ingestor(live=("kraken",))
    rows = raw_rows([("EURUSD", BASE - 1_400 * MS, 10**9, 10**9 + 1, BASE)])
    ingestor.process(RawBatch(rows, BASE))
    state: dict[str, Any] = {"clock": BASE, **ingestor.standing(BASE)}
    assert state["skew"] == {"kraken": 1_400 * MS}
    [reading] = skew_readings(state)
    assert (str(reading.value), reading.detail) == ("1.4", "kraken is behind or slow by 1.400 s")
    [reading] = skew_readings({"clock": BASE, "skew": {"a": 3 * MS, "b": -2 * NS}})
    assert (str(reading.value), reading.detail) == ("2", "b is ahead by 2.000 s")
    assert list(skew_readings({"clock": BASE})) == []
    assert Ingestor().standing(BASE) == {}
