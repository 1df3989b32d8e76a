"""Feed processes, readers of their stream, and a way to the database that can be shut."""

import contextlib
import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from django.db import connection
from redis import Redis

from tests.support.processes import start_python
from tests.support.roles import application_url
from trading import streams
from trading.feeds.flow import ack, newest
from trading.feeds.reading import TickEntry, read_entries


def until(condition: Callable[[], Any], *, seconds: float = 20) -> Any:
    """The first true value of ``condition``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("did not come true in time")


def database_url(port: int | None = None) -> str:
    """Of the database that the tests use now; through ``port`` where given."""
    return application_url(port)


def database_address() -> tuple[str, int]:
    known = connection.settings_dict
    return str(known["HOST"] or "127.0.0.1"), int(known["PORT"] or 5432)


class FeedProcess:
    """A hosted feed, or another ``role`` on its stream, as a worker's nursery would start it."""

    def __init__(
        self, redis_url: str, home: Path, *, feed: str, speed: str = "1", desk: str = "desk-1",
        token: int = 1, database: str = "", role: str = "feed",
    ) -> None:  # fmt: skip
        environment = {
            **os.environ,
            "DATABASE_URL": database or database_url(),
            "REDIS_URL": redis_url,
            "HALTLINE_HOME": str(home),
            "HALTLINE_DESK_START": desk,
            "FEED": feed,
            "REPLAY_SPEED": speed,
            "HALTLINE_SHARDS": "1",
        }
        self.process = start_python(
            "-m", "tests.feeds.child", str(token), role, env=environment, stdin=True
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> float:
        """Stop it in order; the seconds it took."""
        begun = time.monotonic()
        assert self.process.stdin
        self.process.stdin.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        return time.monotonic() - begun

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()


def published(redis: Redis) -> int:
    """Entries on the stream."""
    return cast("int", redis.xlen(streams.TICKS))


def feed_state(redis: Redis) -> dict[str, Any]:
    found: Any = redis.get(streams.FEED_STATE)
    return json.loads(found) if found else {}


def entries(redis: Redis) -> list[TickEntry]:
    """All that is on the stream."""
    return read_entries([(b"", redis.xrange(streams.TICKS))])


class Reader(threading.Thread):
    """Reads and acknowledges as ``who`` by START_RULE until ``leave``."""

    def __init__(self, redis: Redis, who: str) -> None:
        super().__init__(daemon=True)
        self._redis = redis
        self._who = who
        self._leave = threading.Event()
        self.read = 0

    def run(self) -> None:
        after = newest(self._redis)
        ack(self._redis, self._who, after)
        while not self._leave.is_set():
            reply = self._redis.xread({streams.TICKS: after}, count=10, block=50)
            for entry in read_entries(reply):
                after = entry.id
                if entry.lock:
                    ack(self._redis, self._who, entry.id)
                self.read += 1

    def leave(self) -> None:
        self._leave.set()
        self.join()


class Gate:
    """A way to the database that can be shut: a port that passes bytes on while it is open."""

    def __init__(self) -> None:
        self._server: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def open(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(database_address())
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    @staticmethod
    def _pass(near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65_536)
                    if not data:
                        return
                    other[one].sendall(data)


@contextlib.contextmanager
def reading(redis: Redis, *names: str) -> Iterator[list[Reader]]:
    readers = [Reader(redis, name) for name in names]
    for one in readers:
        one.start()
    try:
        yield readers
    finally:
        for one in readers:
            one.leave()
