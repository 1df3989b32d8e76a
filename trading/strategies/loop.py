"""The live shard: reads ticks and the gateways' word from Redis, sends intents back.

Without Redis it waits and connects again; then it forgets what it sent and orders nothing until
each gateway has said anew what it holds. Without PostgreSQL it trades on and signals wait.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog
from redis import Redis, RedisError

from trading import streams
from trading.clock import NS, boot_ns, wall_ns
from trading.feeds.flow import NONE, ack, newest, order_of
from trading.feeds.reading import TickEntry, read_entry
from trading.health import EXPIRE_S, StageMeter, key
from trading.messages import Intent, encode, gateway_decoder
from trading.strategies.engine import ShardEngine
from trading.strategies.specs import OutcomeMade, SignalMade, StrategySpec
from trading.strategies.terms import Terms
from trading.testcalls.wire import AskSignals, SignalsNow, answer, take

log = structlog.get_logger("haltline.shard")

BLOCK_MS = 200
READ_COUNT = 200
BACKFILL = 2_000
LATE_NS = 1 * NS
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0)


class SignalSink(Protocol):
    """Where signals go; never blocks. The live one is trading.strategies.writer.SignalWriter."""

    @property
    def dropped(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def depth(self) -> int: ...
    def put(self, made: Sequence[SignalMade | OutcomeMade]) -> None: ...


class Told(Protocol):
    """All terms; ``specs``: all strategies, where they are not those of before."""

    @property
    def terms(self) -> Mapping[str, Terms]: ...
    @property
    def specs(self) -> Sequence[StrategySpec] | None: ...


class Rungs(Protocol):
    """Where changes of strategies and rungs come from (trading.strategies.rungs.RungWatch)."""

    def take(self) -> Told | None: ...


class ShardLoop:
    """One run of a shard under one fencing token. ``run`` returns when the host says stop."""

    def __init__(
        self,
        shard: str,
        engine: ShardEngine,
        *,
        redis: Redis,
        writer: SignalSink,
        stopping: Callable[[float], bool],
        boot_id: str,
        rungs: Rungs | None = None,
        live: bool = False,
    ) -> None:
        """``stopping`` waits at most so many seconds and says whether to stop (HostContext);
        ``live``: quotes have their exchange's time, and it is now."""
        self._shard = shard
        self._engine = engine
        self._redis = redis
        self._writer = writer
        self._stopping = stopping
        self._boot_id = boot_id
        self._live = live
        self._rungs = rungs
        self._session = ""
        self._ticks_after: bytes | None = None
        self._orders_after = NONE
        self._catching_up = False
        self._indicators = StageMeter("indicator-engine", shard)
        self._signals = StageMeter("signal-generator", shard)
        self._writer_errors = 0
        # One MULTI: a gateway wakes once for all intents of a batch, not at the first of them.
        self._pipe = redis.pipeline(transaction=True)

    def run(self) -> None:
        attempt = 0
        while not self._stopping(0.0):
            try:
                self._open()
                if attempt:
                    log.info("shard goes on", shard=self._shard, attempts=attempt)
                attempt = 0
                while not self._stopping(0.0):
                    self.turn()
            except RedisError as error:
                if not attempt:
                    log.warning("shard waits for Redis", shard=self._shard, error=str(error))
                self._indicators.error("redis")
                self._engine.forget_views()
                self._pipe.reset()
                pause = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
                attempt += 1
                if self._stopping(pause):
                    return

    def _open(self) -> None:
        """Choose where to read on from, after trading.feeds.flow's START_RULE."""
        last = newest(self._redis)
        if self._ticks_after is None:
            self._ticks_after = last
            self._backfill()
        elif order_of(last) < order_of(self._ticks_after):  # Redis came back empty
            self._ticks_after = last
            self._orders_after = NONE
        ack(self._redis, self._shard, self._ticks_after)

    def _backfill(self) -> None:
        """The gateways' latest books are among their last messages."""
        found: Any = self._redis.xrevrange(streams.ORDERS, count=BACKFILL)
        for entry_id, fields in reversed(found):
            self._on_message(entry_id, fields)

    def turn(self) -> None:
        """One read of both streams and all that follows from it. Raises RedisError."""
        self._take_rungs()
        found: Any = self._redis.xread(
            {streams.TICKS: self._ticks_after or NONE, streams.ORDERS: self._orders_after},
            count=READ_COUNT,
            block=BLOCK_MS,
        )
        by_stream = {bytes(name): entries for name, entries in found or ()}
        for entry_id, fields in by_stream.get(streams.ORDERS.encode(), ()):
            self._on_message(entry_id, fields)
        entries = by_stream.get(streams.TICKS.encode(), ())
        self._indicators.queue(len(entries))
        for entry_id, fields in entries:
            self._on_entry(entry_id, fields)
        self._report()
        self._flush()

    def _on_message(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        self._orders_after = entry_id
        try:
            self._engine.on_gateway(gateway_decoder.decode(fields[b"m"]))
        except (KeyError, msgspec.DecodeError) as error:
            self._signals.error("bad-message")
            log.error("gateway message unreadable", id=entry_id.decode(), error=str(error))

    def _on_entry(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        self._ticks_after = entry_id
        try:
            entry = read_entry(entry_id, fields)
        except (KeyError, ValueError) as error:
            self._indicators.error("bad-entry")
            log.error("tick entry unreadable", id=entry_id.decode(), error=str(error))
            return
        if entry.session != self._session:
            if self._session:
                self._engine.restart_series()
            self._session = entry.session
        self._process(entry)
        if entry.lock:
            ack(self._pipe, self._shard, entry.id)
            self._flush()

    def _process(self, entry: TickEntry) -> None:
        same_boot = entry.boot_id == self._boot_id
        published = entry.published_boot if same_boot else boot_ns()
        before = self._engine.indicators_done_boot
        intents = self._engine.on_ticks(
            entry.ticks, entry.clock_ns, published, trade=self._fresh(entry, same_boot=same_boot)
        )
        self._send(intents)
        made = self._engine.take_signals()
        outcomes = self._engine.take_outcomes()
        if made or outcomes:
            self._writer.put([*made, *outcomes])
        if len(entry.ticks):
            taken = self._engine.indicators_done_boot != before
            self._measure(entry, len(made), taken=taken, same_boot=same_boot)

    def _measure(self, entry: TickEntry, signals: int, *, taken: bool, same_boot: bool) -> None:
        """From publication, where it was on this boot; for periods from the exchange's own time of
        each quote, where that is known. ``taken``: of an instrument that is traded here."""
        done, whole = self._engine.indicators_done_boot, None
        if self._live:
            times = entry.ticks["time"] if taken else entry.ticks["time"][:0]
            whole = wall_ns() - (boot_ns() - done) - times
        if same_boot:
            since = entry.published_boot
            self._indicators.observe(done - since, len(entry.ticks), of_period=whole)
            self._signals.observe(boot_ns() - since, signals)
        elif whole is not None:
            self._indicators.observe_of_period(whole)

    def _take_rungs(self) -> None:
        if self._engine.waits:
            self._send(self._engine.leave())
        told = self._rungs.take() if self._rungs else None
        if told is None:
            return
        if told.specs is not None:
            self._send(self._engine.reform(told.specs))
            log.info(
                "shard takes strategies as they are now", shard=self._shard,
                strategies=len(told.specs), waits=self._engine.waits,
            )  # fmt: skip
        self._send(self._engine.apply(told.terms))
        log.info("shard takes new rungs or sizes", shard=self._shard, muted=self._engine.muted)

    def _send(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            self._pipe.xadd(
                streams.intents(intent.account),
                {"m": encode(intent)},
                maxlen=streams.INTENTS_MAXLEN,
                approximate=True,
            )
        if intents:
            self._flush()

    def _fresh(self, entry: TickEntry, *, same_boot: bool) -> bool:
        """Whether this entry is of now. One of a feed in lock-step is, however long it took."""
        age = boot_ns() - entry.published_boot if same_boot else wall_ns() - entry.published_wall
        late = age > LATE_NS and not entry.lock
        if late != self._catching_up:
            self._catching_up = late
            if late:
                self._indicators.error("late")
            log.info("shard catches up" if late else "shard caught up", shard=self._shard)
        return not late

    def _report(self) -> None:
        if not self._indicators.due():
            return
        self._answer_tests()
        failed = self._writer.failures + self._writer.dropped
        for _ in range(min(failed - self._writer_errors, 100)):
            self._signals.error("signals-not-written")
        self._writer_errors = failed
        self._signals.queue(self._writer.depth)
        muted = "; ".join(f"{key}: {why}" for key, why in self._engine.muted.items())
        more = {
            "session": self._session,
            "dropped": str(self._writer.dropped),
            "muted": muted,
        }
        for meter in (self._indicators, self._signals):
            name = key(meter.stage, meter.instance)
            self._pipe.hset(name, mapping={**meter.fields(), **more})
            self._pipe.expire(name, EXPIRE_S)

    def _answer_tests(self) -> None:
        asked = take(self._redis, self._shard)
        if asked is not None and isinstance(asked.request, AskSignals):
            answer(self._redis, asked, SignalsNow(self._engine.signals_now(asked.request.symbol)))

    def _flush(self) -> None:
        if len(self._pipe):
            self._pipe.execute()
