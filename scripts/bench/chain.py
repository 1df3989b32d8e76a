"""The floor of tick to order: the same hops between processes, and nothing in them.

A adds an entry to a Redis stream; B reads it and adds one entry an order to another; C reads
these, inserts one row an order in PostgreSQL, commits and writes a line an order to a TCP socket;
D stamps the line as it comes in, as the venue does, and commits a row in SQLite before it reads
on. Several orders in one entry share C's and D's commits.
"""

import contextlib
import multiprocessing as mp
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from trading import clock
from trading.clock import NS

TICKS, INTENTS = "bench:floor:ticks", "bench:floor:intents"
ENTRY = bytes(56 * 14)  # ticks of one entry of the desk
INTENT = bytes(400)
PATIENCE_S = 20.0
_MAKE = (
    "CREATE SCHEMA bench_floor",
    "CREATE TABLE bench_floor.sent (id bigint PRIMARY KEY, boot bigint NOT NULL, body text)",
)


@dataclass(frozen=True)
class Pace:
    """``orders`` in each of ``entries``, ``every_s`` apart."""

    orders: int
    every_s: float
    entries: int


def pace_for(rate: float, every_s: float, seconds: float) -> Pace:
    """Entries ``every_s`` apart as the desk's, or rarer where they would hold less than one."""
    orders = max(1, round(rate * every_s))
    return Pace(orders, orders / rate, round(seconds * rate / orders))


def run_chain(database_url: str, redis_url: str, folder: Path, pace: Pace) -> list[int]:
    """Latencies, ns, from A's XADD to D's stamp. Leaves nothing in the stores."""
    spawn = mp.get_context("spawn")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_room(database_url, redis_url))
        venue = _child(stack, spawn, _venue, str(folder / "floor.sqlite3"))
        port = _heard(venue)
        gateway = _child(stack, spawn, _gateway, redis_url, database_url, port)
        shard = _child(stack, spawn, _shard, redis_url)
        _heard(gateway)
        _heard(shard)
        _feed(redis_url, pace)
        latencies: list[int] = _heard(venue)
    return latencies


@contextlib.contextmanager
def _room(database_url: str, redis_url: str) -> Iterator[None]:
    redis = Redis.from_url(redis_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in ("DROP SCHEMA IF EXISTS bench_floor CASCADE", *_MAKE):
            connection.execute(statement.encode())
        redis.delete(TICKS, INTENTS)
        try:
            yield
        finally:
            connection.execute("DROP SCHEMA bench_floor CASCADE")
            redis.delete(TICKS, INTENTS)
            redis.close()


def _child(
    stack: contextlib.ExitStack, spawn: Any, target: Callable[..., None], *args: object
) -> Connection:
    ours: Connection
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=target, args=(*args, theirs), daemon=True)
    process.start()
    stack.callback(_gone, process)
    return ours


def _gone(process: Any) -> None:
    process.join(5)
    if process.is_alive():
        process.kill()


def _heard(pipe: Connection) -> Any:
    if not pipe.poll(PATIENCE_S):
        raise RuntimeError("a process of the bare chain does not answer")
    return pipe.recv()


def _feed(url: str, pace: Pace) -> None:
    redis = Redis.from_url(url)
    start = clock.boot_ns()
    for number in range(pace.entries):
        wait = start + int(number * pace.every_s * NS) - clock.boot_ns()
        if wait > 0:
            time.sleep(wait / NS)
        redis.xadd(TICKS, {"d": ENTRY, "boot": clock.boot_ns(), "n": pace.orders}, maxlen=1_000)
    redis.xadd(TICKS, {"boot": 0, "n": 0})


def _entries(redis: Redis, stream: str) -> Iterator[list[tuple[bytes, dict[bytes, bytes]]]]:
    """What each XREAD gives, for ever."""
    after = b"0-0"
    while True:
        found: Any = redis.xread({stream: after}, count=200, block=500)
        for _, entries in found or ():
            after = entries[-1][0]
            yield entries


def _shard(url: str, pipe: Connection) -> None:
    redis = Redis.from_url(url)
    pipe.send("ready")
    for entries in _entries(redis, TICKS):
        batch = redis.pipeline(transaction=False)
        for _, fields in entries:
            for _ in range(int(fields[b"n"]) or 1):
                batch.xadd(INTENTS, {"boot": fields[b"boot"], "m": INTENT}, maxlen=1_000)
        batch.execute()
        if entries[-1][1][b"n"] == b"0":
            return


def _gateway(redis_url: str, database_url: str, port: int, pipe: Connection) -> None:
    redis = Redis.from_url(redis_url)
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    number = 0
    with psycopg.connect(database_url) as connection, link:
        pipe.send("ready")
        for entries in _entries(redis, INTENTS):
            boots = [int(fields[b"boot"]) for _, fields in entries]
            orders = [boot for boot in boots if boot]
            rows = [(number + at, boot, "x" * 200) for at, boot in enumerate(orders)]
            number += len(rows)
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO bench_floor.sent VALUES (%s, %s, %s)", rows)
            connection.commit()
            link.sendall(b"".join(f"{boot}\n".encode() for boot in orders))
            if len(orders) < len(boots):
                return


def _venue(path: str, pipe: Connection) -> None:
    """Its latencies once the other side has closed."""
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = NORMAL")  # as the venue has it
    store.execute("CREATE TABLE got (boot INTEGER, at INTEGER)")
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe.send(server.getsockname()[1])
        link, _ = server.accept()
    latencies: list[int] = []
    with link, link.makefile("rb", buffering=0) as raw:
        carry = b""
        while data := raw.read(65_536):
            at = clock.boot_ns()
            *lines, carry = (carry + data).split(b"\n")
            rows = [(int(line), at) for line in lines]
            store.executemany("INSERT INTO got VALUES (?, ?)", rows)
            store.commit()
            latencies += [at - boot for boot, _ in rows]
    store.close()
    pipe.send(latencies)
