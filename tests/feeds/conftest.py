"""A Redis of their own for the tests of the feeds: they stop it, and empty it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from tests.feeds.rig import FeedProcess
from tests.support.services import end, local_redis, wait_for_redis
from workers.services.redis import LocalRedis


@dataclass
class OwnRedis:
    """A Redis server that a test may stop and start; it keeps nothing."""

    server: LocalRedis
    log: Path
    pid: int = 0

    @property
    def url(self) -> str:
        return self.server.url

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def start(self) -> None:
        self.pid = self.server.start(self.log)
        wait_for_redis(self.server, self.pid, self.log)

    def stop(self) -> None:
        if self.pid:
            end(self.pid)
        self.pid = 0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    own = OwnRedis(local_redis(tmp_path), tmp_path / "redis.log")
    own.start()
    try:
        yield own
    finally:
        own.stop()


Start = Callable[..., FeedProcess]


@pytest.fixture
def start_feed(own_redis: OwnRedis, tmp_path: Path) -> Iterator[Start]:
    """Starts feed processes on ``own_redis``; none outlives the test."""
    started: list[FeedProcess] = []

    def start(feed: str, **more: str | int) -> FeedProcess:
        process = FeedProcess(own_redis.url, tmp_path / "home", feed=feed, **more)  # type: ignore[arg-type]
        started.append(process)
        return process

    yield start
    for one in started:
        one.end()
