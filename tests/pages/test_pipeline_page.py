"""The pipeline as the server draws it."""

import re
from collections.abc import Callable

from redis import Redis

from console.pages.pipeline import scale_x
from tests.pages.frames import desk_frame, keep, pipeline_frame
from trading.models import Strategy

Read = Callable[[str], str]


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_all_seven_stages_stand_even_when_nobody_reports(page: Read, redis: Redis) -> None:
    text = text_of(page("/pipeline"))
    names = ("Feeds", "Ingestor", "Indicators", "Signals", "Risk check", "Gateway", "Venues")
    for name in names:
        assert f"{name} unknown –" in text
    assert "has published nothing yet" in text


def test_a_frame_is_drawn_whole(page: Read, books: list[Strategy], redis: Redis) -> None:
    keep(redis, desk_frame())
    keep(redis, pipeline_frame())
    html = page("/pipeline")
    text = text_of(html)
    assert "PAPER · ACTIVE · Pipeline · Haltline" in html
    assert "Indicators fresh 2 shards 482 ticks/s" in text
    assert "p50 40 µs p95 6.8 ms p99 61.0 ms" in text
    assert "EURUSD 1.15424 1.15425 0.1 s 48,210 2 99.99 crossed 2" in text
    assert "paper-1 Paper One sim licensed 4.1 ms 61.0 ms 0.1 s 4 192 ms" in text
    assert "gateway:paper-1 box:123:456 4 1.8 s" in text
    assert "Database 450 µs answers" in text


def test_a_dead_stage_has_dashes(page: Read, books: list[Strategy], redis: Redis) -> None:
    dead = {"stage": "broker", "instances": 0, "status": "dead", "rate": None, "p50_us": None,
            "p95_us": None, "p99_us": None, "heartbeat_ms": None, "queue": None,
            "errors": None}  # fmt: skip
    frame = pipeline_frame()
    frame["stages"][-1] = dead
    keep(redis, frame)
    assert "Venues dead nobody reports – acks/s" in text_of(page("/pipeline"))


def test_what_is_wrong_with_a_source_is_said_where_quotes_are_counted(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    frame = pipeline_frame()
    frame["feed"]["skew_ms"] = {"kraken": 12}
    frame["feeds"][0]["note"] = "backup fxcm: silent for 5.1 s"
    keep(redis, frame)
    text = text_of(page("/pipeline"))
    assert "99.99 backup fxcm: silent for 5.1 s; crossed 2" in text
    assert "refused 2 crossed 2 kraken +12 ms" in text


def test_unread_leases_are_no_empty_leases(page: Read, redis: Redis) -> None:
    keep(redis, pipeline_frame(leases=None, gateways=[]))
    text = text_of(page("/pipeline"))
    assert "Runs out in –" in text
    assert "no venue account is in the books" in text


def test_the_scale_runs_from_ten_microseconds_to_a_second() -> None:
    assert [scale_x(us) for us in (None, 1, 10, 1000, 1_000_000, 9_000_000)] == [
        "", "0.0", "0.0", "64.0", "160.0", "160.0",
    ]  # fmt: skip
