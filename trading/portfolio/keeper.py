"""The thread that reads the books, so that a database that hangs cannot stop the frames."""

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import structlog
from django.db import DatabaseError, InterfaceError, connection

from trading.portfolio.books import Books
from trading.portfolio.latencies import Rows, latencies_keep
from trading.portfolio.marks import StrategyWorth
from trading.portfolio.reader import BooksReader

REREAD_S = 1.0
DEBOUNCE_S = 0.1

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Points:
    """Points of the lines waiting to be written: worth by strategy, mid by symbol."""

    at: dt.datetime
    feed_time: dt.datetime
    worth: Mapping[str, StrategyWorth]
    mids: Mapping[str, Decimal] = field(default_factory=dict)


class BooksKeeper:
    """Reads the books when hinted, at most every ``DEBOUNCE_S``, and every ``REREAD_S`` anyway.

    ``books`` is always the last that could be read; ``news`` is set when fills or holds are others
    than before. Points that cannot be written are dropped: the line has a hole and nothing rests
    on it.
    """

    def __init__(self) -> None:
        self.books = Books()
        self.news = threading.Event()
        self._reader = BooksReader()
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._points: Points | None = None
        self._latencies: Rows = []
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="books", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ask the thread to end and wait at most ``timeout_s``; it may hang in the database."""
        self._ended.set()
        self._wanted.set()
        self._thread.join(timeout_s)

    def hint(self) -> None:
        """Something changed: read again soon."""
        self._wanted.set()

    def save(self, points: Points) -> None:
        """Write ``points`` with the next reading; replaces any that still wait."""
        self._points = points

    def keep_latencies(self, rows: Rows) -> None:
        """Write ``rows`` with the next reading; what could not be written is in the next ones."""
        self._latencies = rows

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wanted.clear()
            try:
                self._once()
            except (DatabaseError, InterfaceError) as error:
                self._note(str(error).strip().partition("\n")[0])
                connection.close()
                self._ended.wait(REREAD_S)
            else:
                self._note("")
                self._ended.wait(DEBOUNCE_S)
            self._wanted.wait(REREAD_S - DEBOUNCE_S)
        connection.close()

    def _once(self) -> None:
        points, self._points = self._points, None
        if points is not None:
            self._reader.save_points(points.at, points.feed_time, points.worth, points.mids)
        rows, self._latencies = self._latencies, []
        latencies_keep(rows)
        before, self.books = self.books.mark, self._reader.read()
        if self.books.mark != before:
            self.news.set()

    def _note(self, error: str) -> None:
        """One log line when the database goes and one when it is back."""
        if bool(error) != self._failing:
            self._failing = bool(error)
            if error:
                log.warning("portfolio.database_lost", error=error)
            else:
                log.info("portfolio.database_back")
