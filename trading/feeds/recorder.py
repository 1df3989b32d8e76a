"""The recorder: what was passed on, written down as files a replay reads. A reader of the stream.

It never slows the path: it has a process of its own, acknowledges nothing, and when the disk takes
no more it says so, drops what it holds and tries again. A replay is not recorded: only entries
whose clock is the wall's.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from django.db import Error, connection
from redis import Redis, RedisError

from audit import record
from trading import streams
from trading.clock import MS, NS, boot_ns, utc_from_ns, wall_ns
from trading.feeds.flow import NONE, order_of
from trading.feeds.reading import TickEntry, read_entries
from trading.feeds.recordings import (
    PART,
    DayFile,
    day_close,
    day_of,
    file_name,
    gap_keep,
    later,
    recordings,
)
from trading.feeds.traded import QUOTES, TRADES
from trading.health import EXPIRE_S, StageMeter, key
from trading.hosting import HostContext
from trading.universe import UNIVERSE

STAGE = "recorder"
POLL_S = 1.0
FLUSH_NS = 2 * NS
READ = 500
OVER_NS = 60 * NS
"""So long after midnight of the feed's clock its last quotes may still come."""
LIVE_NS = 300 * NS
DAY_NS = 86_400 * NS
SIDES = {1: "buy", -1: "sell", 0: ""}

log = structlog.get_logger("trading.feeds")

FileKey = tuple[str, str, str]
"""Day, symbol and kind."""


class Recorder:
    """Holds what was read until ``flush`` writes it. Until then no file is looked at."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder = folder
        self._position = folder / "position"
        self._files: dict[FileKey, DayFile] = {}
        self._lines: dict[FileKey, list[tuple[bytes, str]]] = defaultdict(list)
        self._closed = {one.folder.name for one in recordings(folder) if one.closed}
        self.after = self._position.read_bytes() if self._position.exists() else NONE
        self._today = ""
        self._gaps: list[tuple[int, int]] = []
        self.dropped = 0
        """Lines that could not be written, or came after their day was closed."""

    @property
    def held(self) -> int:
        return sum(map(len, self._lines.values()))

    def lost(self, oldest: bytes) -> tuple[int, int] | None:
        """Whether the stream, whose ``oldest`` entry this is, has lost what came after the last one
        taken, and between which moments (wall ns)."""
        if self.after == NONE or not later(oldest, self.after):
            return None
        gap = _moment_of(self.after), _moment_of(oldest)
        self._gaps.append(gap)
        return gap

    def take(self, entry: TickEntry) -> None:
        self.after = entry.id
        if abs(entry.published_wall - entry.clock_ns) > LIVE_NS:
            return
        for kind, rows in ((QUOTES, _quotes(entry.ticks)), (TRADES, _trades(entry.trades))):
            for ident, time, line in rows:
                symbol = UNIVERSE.by_id(ident).symbol
                name = (day_of(time), symbol, kind)
                if name[0] in self._closed:
                    self.dropped += 1
                else:
                    self._lines[name].append((entry.id, f"{_moment(time)},{symbol},{line}\n"))

    def _file(self, name: FileKey) -> DayFile:
        if name not in self._files:
            day, symbol, kind = name
            self._files[name] = DayFile(self._folder / day / file_name(symbol, day, kind), kind)
        return self._files[name]

    def flush(self) -> int:
        """Write what is held and in no file yet; how many lines. Raises OSError: what is held then
        is dropped."""
        written = 0
        lines, self._lines = self._lines, defaultdict(list)
        try:
            for name in list(lines):
                new = self._not_in_file(name, lines[name])
                if new:
                    self._file(name).append("".join(new).encode(), self.after)
                del lines[name]
                written += len(new)
            self._keep_gaps()
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._position.with_name(self._position.name + PART)
            part.write_bytes(self.after)
            part.replace(self._position)
        except OSError:
            self.dropped += sum(self._lost_of(name, held) for name, held in lines.items())
            raise
        return written

    def _not_in_file(self, name: FileKey, held: list[tuple[bytes, str]]) -> list[str]:
        """A predecessor that died between its files and its position wrote some of them."""
        position = self._file(name).position
        return [line for at, line in held if later(at, position)]

    def _lost_of(self, name: FileKey, held: list[tuple[bytes, str]]) -> int:
        try:
            return len(self._not_in_file(name, held))
        except OSError:  # as far as is known, all
            return len(held)

    def _keep_gaps(self) -> None:
        """On the first and the last of their days; those between, if there are any, lack all."""
        while self._gaps:
            since, until = self._gaps[0]
            for day in {day_of(since), day_of(until)} - self._closed:
                folder = self._folder / day
                if day == day_of(until) or folder.is_dir():  # else all of it was removed
                    gap_keep(folder, _moment(since), _moment(until))
            del self._gaps[0]

    def close_days(self, clock_ns: int) -> Iterator[tuple[str, str]]:
        """Close every day that is over, after a flush, as it is asked for; each with the digest of
        its digests. Raises OSError at the first that cannot be closed."""
        today = day_of(clock_ns - OVER_NS)
        if today == self._today:
            return
        for one in recordings(self._folder):
            day = one.folder.name
            if day < today and not one.closed:
                self._files = {name: file for name, file in self._files.items() if name[0] != day}
                digest = day_close(one.folder)
                self._closed.add(day)
                yield day, digest
        self._today = today


def _quotes(ticks: Any) -> Iterator[tuple[int, int, str]]:
    for row in ticks.tolist():
        ident, _, time, bid, ask, bid_size, ask_size, _ = row
        sizes = ",".join(_decimal(one) if one else "" for one in (bid_size, ask_size))
        yield ident, time, f"{_decimal(bid)},{_decimal(ask)},{sizes}"


def _trades(trades: Any) -> Iterator[tuple[int, int, str]]:
    for ident, _, side, time, price, size in trades.tolist():
        yield ident, time, f"{_decimal(price)},{_decimal(size)},{SIDES[side]}"


def _decimal(nano: int) -> str:
    return f"{nano // NS}.{nano % NS:09d}".rstrip("0").removesuffix(".")


def _moment(ns: int) -> str:
    rest = f"{ns % NS:09d}".removesuffix("000")
    return f"{utc_from_ns(ns):%Y-%m-%dT%H:%M:%S}.{rest}Z"


def _moment_of(entry_id: bytes) -> int:
    """When the stream took it, wall ns."""
    return order_of(entry_id)[0] * MS


class RecorderLoop:
    """Follows the stream until told to stop."""

    def __init__(self, ctx: HostContext, redis: Redis, folder: Path) -> None:
        self._ctx = ctx
        self._redis = redis
        self._folder = folder
        self._recorder: Recorder | None = None
        self._meter = StageMeter(STAGE, "main")
        self._flushed_at = boot_ns()
        self._clock = 0
        self._problem = ""
        self._facts: list[dict[str, Any]] = []

    def run(self) -> None:
        while not self._ctx.stopping(POLL_S):
            self._turn()
        self._turn(last=True)
        connection.close()

    def _turn(self, *, last: bool = False) -> None:
        recorder = self._opened()
        try:
            if recorder:
                self._read(recorder)
            self._show()
        except RedisError as error:
            self._meter.error("redis")
            log.warning("recorder waits for Redis", error=str(error))
        if last or boot_ns() - self._flushed_at > FLUSH_NS:
            self._flush(recorder)

    def _opened(self) -> Recorder | None:
        """None while the folder cannot be read, which is as if it took no more."""
        if self._recorder is None:
            try:
                self._recorder = Recorder(self._folder)
            except OSError as error:
                self._failed(error.strerror or str(error))
        return self._recorder

    def _read(self, recorder: Recorder) -> None:
        while True:
            asked: Any = {streams.TICKS: recorder.after}
            pipe = self._redis.pipeline()  # in one step: between the two nothing goes
            pipe.xrange(streams.TICKS, count=1)
            pipe.xread(asked, count=READ)
            oldest, reply = pipe.execute()
            gap = recorder.lost(oldest[0][0]) if oldest else None
            if gap:
                self._lacks(*gap)
            entries = read_entries(reply)
            for entry in entries:
                recorder.take(entry)
                self._clock = max(self._clock, entry.clock_ns)
            if len(entries) < READ or self._ctx.stopping():
                return

    def _flush(self, recorder: Recorder | None) -> None:
        begun = self._flushed_at = boot_ns()
        if recorder:
            try:
                count = recorder.flush()
                for day, digest in recorder.close_days(self._clock):
                    self._note("recording.close", day, "its day is over", {"sha256": digest})
            except OSError as error:
                self._failed(error.strerror or str(error))
            else:
                self._meter.observe(boot_ns() - begun, count)
                self._worked(recorder.dropped)
        self._write_down()

    def _lacks(self, since: int, until: int) -> None:
        lost = {"from": _moment(since), "to": _moment(until)}
        log.error("recording has a hole", **lost)
        self._note("recording.gap", day_of(since), "the stream had it no more", lost)

    def _failed(self, problem: str) -> None:
        self._meter.error(problem)
        if not self._problem:
            log.error("recording stopped", error=problem)
            self._note("recording.fail", self._day, problem, {})
        self._problem = problem

    def _worked(self, dropped: int) -> None:
        if self._problem:
            log.warning("recording goes on", dropped=dropped)
            self._note("recording.resume", self._day, self._problem, {"dropped": dropped})
        self._problem = ""

    @property
    def _day(self) -> str:
        return day_of(self._clock or wall_ns())

    def _note(self, action: str, day: str, reason: str, after: dict[str, Any]) -> None:
        at = wall_ns()
        self._facts.append(
            {
                "id": record.entry_id(action, day, at),
                "happened_at": utc_from_ns(at),
                "action": action,
                "actor_kind": "process",
                "actor": self._ctx.lease,
                "object_kind": "recording",
                "object_id": f"{day[:4]}-{day[4:6]}-{day[6:]}",
                "reason": reason,
                "after": after,
            }
        )

    def _write_down(self) -> None:
        """What happened, into the record: later when the database is away."""
        try:
            while self._facts:
                record.record(**self._facts[0])
                del self._facts[0]
        except Error as error:
            log.warning("recorder waits for the database", error=str(error).strip())
            connection.close()

    def _show(self) -> None:
        if self._meter.due():
            name = key(STAGE, "main")
            measures: Any = {**self._meter.fields(), "problem": self._problem}
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(name, mapping=measures)
            pipe.expire(name, EXPIRE_S)
            pipe.execute()
