"""Entry point of the paper venue's process. Needs no Django; may run in a forked child."""

import asyncio
import fcntl
import logging
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trading.papervenue.exchange import Exchange
from trading.papervenue.faults import MS
from trading.papervenue.matching import MatchingEngine
from trading.papervenue.quotes import QuoteReader
from trading.papervenue.server import VenueServer
from trading.papervenue.session import Session
from trading.papervenue.storage import Storage

log = logging.getLogger("papervenue")


@dataclass(frozen=True)
class PaperVenueConfig:
    """``storage``: SQLite file, made when missing. ``credentials``: JSON, account -> key, secret.

    ``latency_ms`` passes between a request's arrival and the book.
    """

    host: str
    port: int
    storage: Path
    credentials: Path
    redis_url: str
    ticks_stream: str
    acks_stream: str
    latency_ms: float = 0.0


def run(config: PaperVenueConfig) -> None:
    """Serve until SIGTERM or SIGINT. Raises SystemExit, saying why, when it cannot."""
    config.storage.parent.mkdir(parents=True, exist_ok=True)
    with _alone(config.storage):
        try:
            storage = Storage(config.storage)
            failed = asyncio.run(_serve(config, storage))
        except sqlite3.Error as error:
            raise SystemExit(f"paper venue: storage {config.storage}: {error}") from error
        if failed:
            raise SystemExit(f"paper venue: storage {config.storage} failed; see its log")
        storage.close()


@contextmanager
def _alone(storage: Path) -> Iterator[None]:
    """One venue a storage: two would number the same fills."""
    handle = os.open(storage.with_name(storage.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"paper venue: another one runs on {storage}; stop it first") from None
    try:
        yield
    finally:
        os.close(handle)


async def _serve(config: PaperVenueConfig, storage: Storage) -> bool:
    """Whether it ended because the storage failed."""
    stop, failure = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def fail() -> None:
        failure.set()
        stop.set()

    latency = int(config.latency_ms * MS)
    venue = VenueServer(
        lambda emit: Exchange(storage, MatchingEngine(), emit, latency_ns=latency),
        config.credentials,
        fail,
    )
    venue.start()
    reader = QuoteReader(
        config.redis_url, config.ticks_stream, config.acks_stream, venue.exchange, venue.flush
    )
    try:
        server = await loop.create_server(lambda: Session(venue), config.host, config.port)
    except OSError as error:
        raise SystemExit(
            f"paper venue: cannot listen on {config.host}:{config.port}: {error.strerror}"
        ) from None
    log.info("paper venue listens on %s:%s", config.host, config.port)
    quotes = asyncio.create_task(reader.run())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({quotes, stopped}, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    if not stopped.done():
        stopped.cancel()
        venue.abort_all()
        quotes.result()  # a reader that ended by itself is a mistake of ours: say which
    while not quotes.done():  # redis-py can take a cancellation for a time-out of its own
        quotes.cancel()
        await asyncio.wait({quotes}, timeout=0.2)
    if not failure.is_set():
        venue.flush()
    venue.close_all()
    return failure.is_set()
