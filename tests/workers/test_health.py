"""Stage meters and what is read back of them."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from django.conf import settings
from redis import Redis

from trading import health


@pytest.fixture
def client() -> Iterator[Redis]:
    made = Redis.from_url(settings.REDIS_URL)
    yield made
    made.delete(health.key("feed", "test"), health.key("workers", "test"))
    made.close()


def test_percentiles_are_of_the_last_2048_latencies() -> None:
    meter = health.StageMeter("feed", "test")
    for _ in range(3_000):
        meter.observe(9_000_000)
    meter.observe_many(np.arange(1, 2_049, dtype=np.int64) * 1_000)
    fields = meter.fields()
    assert float(fields["p50_us"]) == pytest.approx(1_024.5)
    assert float(fields["p99_us"]) == pytest.approx(2_027.5, abs=1)
    assert fields["total"] == str(3_000 + 2_048)


@pytest.mark.parametrize("sizes", [(5, 2_047, 1), (3_000,), (2_040, 20), (0, 7)])
def test_a_batch_wraps_round_the_ring_as_single_ones_do(sizes: tuple[int, ...]) -> None:
    batch, single = (health.StageMeter("feed", "test") for _ in range(2))
    given = 0
    for size in sizes:
        values = np.arange(given, given + size, dtype=np.int64) * 1_000
        batch.observe_many(values)
        for value in values:
            single.observe(int(value))
        given += size
    names = ("p50_us", "p95_us", "p99_us", "total")
    one, other = batch.fields(), single.fields()
    assert [one[name] for name in names] == [other[name] for name in names]


def test_an_idle_stage_has_no_percentiles_and_is_due_at_once_then_later() -> None:
    meter = health.StageMeter("feed", "test", every_s=60)
    assert meter.due()
    assert meter.fields()["p50_us"] == ""
    assert not meter.due()


def test_what_is_published_is_read_back(client: Redis) -> None:
    meter = health.StageMeter("feed", "test")
    meter.observe(2_000_000, count=10)
    meter.error("gap")
    meter.error("gap")
    meter.queue(7)
    client.hset(meter_key := health.key("feed", "test"), mapping=meter.fields() | {"session": "s"})
    client.expire(meter_key, health.EXPIRE_S)
    stages = health.read_stages(client)
    assert set(health.STAGES) <= set(stages)
    [reading] = [one for one in stages["feed"] if one.instance == "test"]
    assert (reading.status, reading.queue, reading.errors_5m) == ("fresh", 7, 2)
    assert (reading.total, reading.last_error, reading.p50_us) == (10, "gap", 2_000.0)
    assert reading.rate == pytest.approx(20.0)
    assert reading.extra["session"] == "s"


@pytest.mark.parametrize(
    ("age_s", "every_ms", "status"),
    [(1, 500, "fresh"), (3, 500, "late"), (6, 500, "dead"), (12, 10_000, "fresh")],
)
def test_status_goes_by_age(client: Redis, age_s: int, every_ms: int, status: str) -> None:
    fields = health.StageMeter("workers", "test").fields()
    fields["ts_wall"] = str(time.time_ns() - age_s * 1_000_000_000)
    fields["every_ms"] = str(every_ms)
    client.hset(health.key("workers", "test"), mapping=fields)
    [reading] = [o for o in health.read_stages(client)["workers"] if o.instance == "test"]
    assert reading.status == status


def test_observing_costs_little() -> None:
    """A bound with room: some 0.2 µs one by one, measured; never microseconds."""
    meter = health.StageMeter("feed", "test")
    started = time.perf_counter()
    for _ in range(50_000):
        meter.observe(1_000)
    assert (time.perf_counter() - started) / 50_000 < 5e-6
