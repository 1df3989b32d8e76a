"""A shard in a process of its own, a Redis of its own, and the hands to feed them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from redis import Redis

from tests.support.processes import start_python
from tests.support.services import end, local_redis, wait_for_redis
from trading import clock, streams
from trading.messages import BookSnapshot, Intent, encode, intent_decoder
from trading.ticks import Ticks, pack
from workers.services.redis import LocalRedis

PROJECT = Path(__file__).resolve().parents[2]


def wait_for(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value of ``what``. Raises AssertionError when none comes."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)


def database_url() -> str:
    """The test database, for another process."""
    to = connection.settings_dict
    secret = f":{to['PASSWORD']}" if to["PASSWORD"] else ""
    port = f":{to['PORT']}" if to["PORT"] else ""
    return f"postgres://{to['USER']}{secret}@{to['HOST']}{port}/{to['NAME']}"


@dataclass
class RedisRig:
    """A Redis that can be killed and come back empty."""

    folder: Path
    server: LocalRedis = field(init=False)
    pid: int = 0

    def __post_init__(self) -> None:
        self.server = local_redis(self.folder)
        self.start()
        self.client = Redis.from_url(self.server.url)

    def start(self) -> None:
        log = self.folder / "redis.log"
        self.pid = self.server.start(log)
        wait_for_redis(self.server, self.pid, log)

    def stop(self) -> None:
        if self.pid:
            end(self.pid)
            self.pid = 0

    def close(self) -> None:
        self.client.close()
        self.stop()


@dataclass
class ShardRig:
    """A running shard and its streams."""

    redis: RedisRig
    token: int = 1
    session: str = "s1"

    def start(self) -> "ShardRig":
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.redis.server.url,
        }
        with (self.redis.folder / "shard.log").open("ab") as log:
            self.process = start_python(
                "-m", "tests.strategies.start_shard", "shard:0", str(self.token),
                env=environment, stdin=True, stderr=log,
            )  # fmt: skip
        # Its first word on the acknowledgement stream: it knows from where it reads.
        wait_for(self.acks, 20)
        return self

    def acks(self) -> list[bytes]:
        found: Any = self.redis.client.xrange(streams.ACKS)
        return [fields[b"id"] for _, fields in found if fields[b"who"] == b"shard:0"]

    def stop(self) -> int:
        """The stop a host asks for; its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(5)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def publish(self, ticks: Ticks, *, lock: bool = False, age_ns: int = 0) -> bytes:
        """One entry of ``ticks``, published ``age_ns`` ago."""
        fields: dict[str, bytes | str | int] = {
            "d": pack(ticks),
            "clk": int(ticks["time"][-1]),
            "boot": clock.boot_ns() - age_ns,
            "wall": clock.wall_ns() - age_ns,
            "bid": clock.boot_id(),
            "s": self.session,
        }
        if lock:
            fields["lock"] = 1
        entry_id: Any = self.redis.client.xadd(streams.TICKS, fields)  # type: ignore[arg-type]
        return bytes(entry_id)

    def book(self, account: str = "paper-1") -> None:
        message = BookSnapshot(account, clock.wall_ns(), [], [])
        self.redis.client.xadd(streams.ORDERS, {"m": encode(message)})

    def intents(self, account: str = "paper-1") -> list[Intent]:
        found: Any = self.redis.client.xrange(streams.intents(account))
        return [intent_decoder.decode(fields[b"m"]) for _, fields in found]
