"""Latencies of a period: counted by each process, kept by one, told to two in a hundred."""

import datetime as dt
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading import histograms
from trading.clock import NS, utc_from_ns
from trading.health import HISTOGRAMS, StageMeter, StageReading
from trading.histograms import SPAN_NS, HistogramMeter, bucket_of, edge_us, percentiles
from trading.models import LatencyHistogram
from trading.portfolio.latencies import latencies_keep, latency_rows
from trading.selectors.latencies import stage_latencies

NOW = 1_800_000_000 * NS
LATENCIES = st.lists(st.integers(0, 3_600 * NS), min_size=1, max_size=60)


@given(LATENCIES)
def test_a_percentile_is_never_too_low_and_at_most_two_in_a_hundred_too_high(
    latencies: list[int],
) -> None:
    meter = HistogramMeter(NOW)
    for one in latencies:
        meter.observe(one)
    (made,) = meter.taken(NOW + 1)
    found = percentiles(made.counts)
    assert found is not None
    for percent, said in ((50, found.p50_us), (95, found.p95_us), (99, found.p99_us)):
        exact = sorted(latencies)[-(-len(latencies) * percent // 100) - 1] / 1000
        assert exact <= said * (1 + 1e-9)
        assert said <= exact * 1.02 + 1.000001


@given(LATENCIES, LATENCIES)
def test_one_by_one_or_together_they_count_the_same_and_add_up(
    first: list[int], second: list[int]
) -> None:
    together, alone = HistogramMeter(NOW), HistogramMeter(NOW)
    together.observe_many(np.array(first + second, dtype=np.int64))
    for one in first + second:
        alone.observe(one)
    assert together.taken(NOW) == alone.taken(NOW)
    parts = []
    for part in (first, second):
        meter = HistogramMeter(NOW)
        meter.observe_many(np.array(part, dtype=np.int64))
        parts += [one.counts for one in meter.taken(NOW)]
    assert histograms.added(parts) == alone.taken(NOW)[0].counts


def test_ten_minutes_end_one_and_the_last_three_stay() -> None:
    meter = HistogramMeter(NOW)
    assert meter.taken(NOW) == []
    for number in range(5):
        meter.observe(5_000)
        meter.taken(NOW + number * SPAN_NS)
    kept = meter.taken(NOW + 4 * SPAN_NS + 1)
    assert [one.ended_ns - NOW for one in kept] == [2 * SPAN_NS, 3 * SPAN_NS, 4 * SPAN_NS]
    assert kept[0].began_ns == NOW + SPAN_NS
    meter.observe(5_000)
    assert len(meter.taken(NOW + 4 * SPAN_NS + 2)) == 4
    assert histograms.read(histograms.written(kept)) == kept


def test_a_clock_stepped_back_ends_one_and_none_ends_before_it_began() -> None:
    meter = HistogramMeter(NOW)
    meter.observe(5_000)
    (made,) = meter.taken(NOW - NS)
    assert made.ended_ns == made.began_ns == NOW
    meter.observe(5_000)
    assert [one.began_ns for one in meter.taken(NOW)] == [NOW, NOW - NS]


def test_a_bucket_is_what_lies_up_to_its_edge() -> None:
    for ns in (0, 1_000, 1_001, 999_999, 10**9, 10**13):
        assert edge_us(bucket_of(ns)) >= ns / 1000 * (1 - 1e-9)
    assert bucket_of(0) == bucket_of(1_000) == 0


def test_a_meter_publishes_them_now_and_then() -> None:
    meter = StageMeter("risk-manager", "paper-1")
    meter.observe(5_000)
    assert histograms.read(meter.fields()[HISTOGRAMS])[0].counts == {bucket_of(5_000): 1}
    assert HISTOGRAMS not in meter.fields()


def reading(stage: str, instance: str, published: str) -> StageReading:
    return StageReading(
        stage, instance, "fresh", 0, 0.0, None, None, None, 0, 0, "", 0, {HISTOGRAMS: published}
    )


def kept(*made: tuple[int, int, dict[int, int]], instance: str = "paper-1") -> None:
    said = histograms.written(histograms.Histogram(*one) for one in made)
    latencies_keep(latency_rows({"risk-manager": [reading("risk-manager", instance, said)]}))


@pytest.mark.django_db
def test_what_grows_is_kept_as_it_grew_and_no_row_shrinks() -> None:
    kept((NOW, NOW + NS, {10: 3}))
    kept((NOW, NOW + 2 * NS, {10: 3, 20: 1}), (NOW - SPAN_NS, NOW, {5: 2}))
    kept((NOW, NOW + NS, {10: 3}))
    rows = LatencyHistogram.objects.order_by("began_at").values_list("counts", "total", "ended_at")
    assert list(rows) == [
        ({"5": 2}, 2, utc_from_ns(NOW)), ({"10": 3, "20": 1}, 4, utc_from_ns(NOW + 2 * NS)),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_period_has_what_ended_in_it_and_each_instance_its_own() -> None:
    kept((NOW - 2 * SPAN_NS, NOW - SPAN_NS, {10: 100}), (NOW - SPAN_NS, NOW, {20: 1}))
    kept((NOW - SPAN_NS, NOW, {30: 1}), instance="paper-2")
    kept((NOW - SPAN_NS, NOW, {40: 1}), instance="paper-3")

    def found(since_ns: int) -> dict[str, Any]:
        rows = stage_latencies(
            stage="risk-manager", instances={"paper-1", "paper-2"}, since=utc_from_ns(since_ns)
        )
        return {name: (one.p50_us, one.p99_us) for name, one in rows.items()}

    late, early = ceil(edge_us(20)), ceil(edge_us(10))
    assert found(NOW - SPAN_NS)["paper-1"] == (late, late)
    assert found(NOW - SPAN_NS)["paper-2"] == (ceil(edge_us(30)), ceil(edge_us(30)))
    assert found(NOW - 3 * SPAN_NS)["paper-1"] == (early, early)
    assert found(NOW) == {}


def test_what_cannot_be_read_is_left_and_the_others_are_kept() -> None:
    stages = {"risk-manager": [reading("risk-manager", "a", "{"), reading("risk-manager", "b",
              histograms.written([histograms.Histogram(NOW, NOW, {1: 1})]))],
              "workers": [reading("workers", "x", "[]")]}  # fmt: skip
    assert [one[:2] for one in latency_rows(stages)] == [("risk-manager", "b")]
    assert latency_rows(stages)[0][2] == dt.datetime.fromtimestamp(NOW // NS, dt.UTC)
