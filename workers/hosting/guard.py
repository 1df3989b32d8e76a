"""The guard: a thread of a worker's main process that keeps its leases and its children.

It lives on no timer of Celery's, which sleeps while Celery reconnects to a lost broker. Every
``BEAT_S`` it renews what it holds, claims what is free, and tells the nursery that it lives; a
child's death reaches it at once, and each new child has a new token, so that whatever the old
one left in flight is refused. A guard that fails, or loses its nursery, ends the whole worker:
the supervisor starts another, which is simpler than mending one (with threads about, the worker
itself can no longer fork a nursery).
"""

import asyncio
import contextlib
import os
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from workers.hosting import wire
from workers.hosting.holders import is_gone, own_holder
from workers.hosting.hosted import PATIENCE_S, RETURN_S, Free, Hosted
from workers.hosting.journal import Journal
from workers.hosting.nursery import Nursery
from workers.hosting.store import LeaseStore, Standing, StoreDownError

log = structlog.get_logger(__name__)

BEAT_S = 0.25
GRACE_S = 3.0
RESTART_S = 0.4
"""A child is restarted under its old token when a new one cannot be had in this time."""
UNANSWERED_BEATS = 20
"""The nursery is taken for frozen after so many (5 s); counted, so our own freezing is no proof."""
EXIT_GUARD = 70
"""Exit status of a worker whose guard or nursery has failed (EX_SOFTWARE)."""
_WATCHFUL_S = 0.1


@dataclass(frozen=True)
class Hosting:
    """What one worker hosts: role -> ``module.function`` of its loop."""

    name: str
    targets: Mapping[str, str]
    nursery: Nursery


class Guard:
    """``start`` and ``stop`` from the main thread; everything else happens in its own."""

    def __init__(self, hosting: Hosting) -> None:
        self.holder = own_holder()
        self._hosting = hosting
        self._store = LeaseStore(hosting.name)
        self._journal = Journal(self.holder, hosting.name)
        self._hosted: dict[str, Hosted] = {}
        self._free = Free()
        self._reports: asyncio.Queue[wire.Report | None] = asyncio.Queue()
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._store_down = False
        self._unanswered = 0
        self._next_beat = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask for an orderly end and return at once; may be called in a signal handler."""
        os.write(self._wake_write, b".")

    def stop(self, timeout_s: float) -> bool:
        """Ask for an orderly end and wait for it; false when it has not come in time."""
        self.begin_stop()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        orderly = False
        try:
            asyncio.run(self._main())
            orderly = True
        except EOFError:
            log.critical("nursery.lost", worker=self._hosting.name)
        finally:
            if not orderly:
                log.critical("guard.failed", worker=self._hosting.name, exc_info=True)
                os._exit(EXIT_GUARD)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._hosting.nursery.sock.fileno(), self._read_nursery)
        loop.add_reader(self._wake_read, self._read_wake)
        log.info("guard.start", holder=self.holder, roles=sorted(self._hosting.targets))
        pulse = asyncio.create_task(self._pulse())
        while not self._stopping:
            await self._turn()
        await self._end()
        pulse.cancel()

    async def _pulse(self) -> None:
        """Tell the nursery that we live, however long the database takes to answer."""
        while self._unanswered < UNANSWERED_BEATS:
            try:
                self._tell(wire.Beat())
                self._unanswered += 1
            except EOFError:
                break
            await asyncio.sleep(BEAT_S)
        self._reports.put_nowait(None)

    def _read_nursery(self) -> None:
        try:
            for packet in wire.packets(self._hosting.nursery.sock):
                self._unanswered = 0
                self._reports.put_nowait(wire.report_decoder.decode(packet))
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._hosting.nursery.sock.fileno())
            self._reports.put_nowait(None)

    def _read_wake(self) -> None:
        os.read(self._wake_read, 64)
        self._stopping = True
        self._reports.put_nowait(wire.Beat())

    async def _turn(self) -> None:
        """Wait for a report or the next thing due, and deal with it."""
        await self._take_reports(self._due() - time.monotonic())
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            self._begin_beat()
        for one in [h for h in self._hosted.values() if not h.running and not h.losing]:
            if one.restart_at <= time.monotonic():
                await self._restart(one)

    def _begin_beat(self) -> None:
        """Beside the rest: a database that hangs must not keep a dead child from its successor."""
        if self._beating is not None:
            if not self._beating.done():
                return
            self._beating.result()
        self._beating = asyncio.create_task(self._beat())

    def _due(self) -> float:
        pending = [h.restart_at for h in self._hosted.values() if not h.running and not h.losing]
        return min([self._next_beat, *pending])

    async def _take_reports(self, timeout_s: float) -> None:
        """All reports that are there; wait at most ``timeout_s`` for the first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0.0)):
                self._handle(await self._reports.get())
        while not self._reports.empty():
            self._handle(self._reports.get_nowait())

    def _handle(self, report: wire.Report | None) -> None:
        if report is None:
            raise EOFError("the nursery has ended or fallen silent")
        if isinstance(report, wire.Started):
            self._journal.started(report)
        elif isinstance(report, wire.Ended):
            self._journal.ended(report, orderly=self._stopping)
            self._child_ended(report)

    def _child_ended(self, report: wire.Ended) -> None:
        one = self._hosted.get(report.lease)
        if one is None or one.token != report.token:
            return
        if one.losing:
            self._hosted.pop(one.lease, None)
        else:
            one.ended(report.ran_ms, time.monotonic())

    async def _beat(self) -> None:
        try:
            held = {h.lease: h.token for h in self._hosted.values() if not h.losing}
            if held:
                kept = await self._store.renew(self.holder, held)
                for lease in held.keys() - kept:
                    one = self._hosted.get(lease)
                    if one is not None and one.token == held[lease]:  # not restarted meanwhile
                        self._lose(one)
            await self._claim_free(await self._store.standing(self._hosting.targets))
            await self._journal.write(self._store)
        except StoreDownError as down:
            # Children run on: whether they may trade is for their own licences to say.
            if not self._store_down:
                log.warning("guard.database-down", reason=str(down))
            self._store_down = True
            self._free.forget()
        else:
            if self._store_down:
                log.info("guard.database-back")
            self._store_down = False

    async def _claim_free(self, standing: list[Standing]) -> None:
        now = time.monotonic()
        free = [row for row in standing if self._claimable(row)]
        self._free.seen({row.name for row in free}, now)
        for row in free:
            if now - self._free.since[row.name] >= self._patience_s(row):
                await self._claim(row)
            else:
                self._next_beat = min(self._next_beat, now + _WATCHFUL_S)

    def _claimable(self, row: Standing) -> bool:
        if row.name in self._hosted:
            return False
        # Ours without our knowing: a claim whose answer was lost. A new claim mends it.
        return row.free or row.holder == self.holder or is_gone(row.holder)

    def _patience_s(self, row: Standing) -> float:
        share = PATIENCE_S * sum(one.role == row.role for one in self._hosted.values())
        may_return = row.holder not in ("", self.holder) and not is_gone(row.holder)
        return share + (RETURN_S if may_return else 0.0)

    async def _claim(self, row: Standing) -> None:
        gone = [row.holder] if is_gone(row.holder) else []
        token = await self._store.claim(row.name, self.holder, gone)
        if token is not None:
            log.info("lease.claimed", lease=row.name, token=token, before=row.holder)
            one = self._hosted[row.name] = Hosted(row.name, row.role, token)
            self._start_child(one)

    def _lose(self, one: Hosted) -> None:
        if one.losing:
            return
        log.warning("lease.lost", lease=one.lease, token=one.token)
        one.losing = True
        if one.running:
            self._tell(wire.Kill(one.lease, one.token))
        else:
            self._hosted.pop(one.lease, None)

    async def _restart(self, one: Hosted) -> None:
        try:
            token = await self._store.claim(one.lease, self.holder, (), RESTART_S)
        except StoreDownError:
            # The old token is all there is; a licence decides whether the child may trade.
            token = one.token
        if one.losing or self._hosted.get(one.lease) is not one:
            return  # lost meanwhile, by the beat; what was claimed is still free to be seen as ours
        if token is None:
            self._lose(one)
            return
        one.token = token
        self._start_child(one)

    def _start_child(self, one: Hosted) -> None:
        one.running = True
        target = self._hosting.targets[one.role]
        self._tell(wire.Start(one.lease, one.token, self.holder, target))

    def _tell(self, request: wire.Request) -> None:
        """Raises EOFError when the nursery is gone, or so far behind that it might as well be."""
        try:
            self._hosting.nursery.sock.send(wire.encode(request))
        except (BlockingIOError, BrokenPipeError, ConnectionResetError) as error:
            raise EOFError("the nursery does not take requests") from error

    async def _end(self) -> None:
        """Stop the children, free the leases, write down what was done, dismiss the nursery."""
        log.info("guard.stop", leases=sorted(self._hosted))
        if self._beating is not None:
            await self._beating
        self._tell(wire.Stop(GRACE_S))
        until = time.monotonic() + GRACE_S + 1
        while any(h.running for h in self._hosted.values()) and time.monotonic() < until:
            await self._take_reports(BEAT_S)
        try:
            for one in self._hosted.values():
                if not one.running:
                    await self._store.release(one.lease, self.holder, one.token)
            await self._journal.write(self._store)
        except StoreDownError as down:
            log.warning("guard.leases-not-released", reason=str(down))
        await self._store.close()
        self._dismiss_nursery()
        log.info("guard.end", worker=self._hosting.name)

    def _dismiss_nursery(self) -> None:
        """It ends when our end of its socket closes; what is left of it is reaped here."""
        self._hosting.nursery.sock.close()
        pidfd = os.pidfd_open(self._hosting.nursery.pid)
        select.select([pidfd], [], [], 1.0)
        os.close(pidfd)
        os.waitpid(self._hosting.nursery.pid, os.WNOHANG)
