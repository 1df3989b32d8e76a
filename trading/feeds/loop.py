"""The hosted feed: pulls quotes, checks them, publishes the good ones. One thread, one loop.

Without Redis it waits and connects again: a replay goes on where it stopped, a simulator's quotes
of the outage are lost. Without PostgreSQL it runs on and is saved later. After the end of a replay
it stays, idle, and says so.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import structlog
from redis import Redis, RedisError

from trading import streams
from trading.clock import NS, boot_id, boot_ns, wall_ns
from trading.feeds.backed import BackedChecker
from trading.feeds.choices import Turn
from trading.feeds.flow import NONE, NUDGE_S, AckReader, Window, newest, order_of
from trading.feeds.ingestor import Ingestor, IngestResult, Reject, rfc3339
from trading.feeds.publish import Publisher
from trading.feeds.raw import REFUSALS, Reason
from trading.feeds.saver import Saver
from trading.feeds.session import Opening, State
from trading.feeds.sources import SimulatedSource, Source
from trading.feeds.spec import FeedKind, FeedSpec
from trading.health import EXPIRE_S, StageMeter, key
from trading.hosting import HostContext
from trading.testcalls.wire import FEED, InjectPrice, PriceJudged, answer, take
from trading.ticks import pack

SHOW_EVERY_NS = 100_000_000
SIGN_EVERY_NS = 1 * NS
WAITING_AFTER_NS = NS // 2
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0)
TOO_OLD_NS = 1 * NS
BLOCK_MS = 100
CLOSE_S = 1.0

log = structlog.get_logger("trading.feeds")


class FeedLoop:
    """One run of a feed. ``run`` returns when the host says stop; raises FencedError."""

    def __init__(
        self,
        ctx: HostContext,
        spec: FeedSpec,
        *,
        redis: Redis,
        opening: Opening,
        source: Source,
        publisher: Publisher,
        saver: Saver,
        desk_start: str,
    ) -> None:
        self._ctx = ctx
        self._redis = redis
        self._opening = opening
        self._source = source
        self._publisher = publisher
        self._saver = saver
        self._window = Window(opening.readers)
        self._acks = AckReader(redis, self._window)
        live = tuple(one.name for one in spec.live)
        backed = (
            BackedChecker(spec.sources, spec.of, live=bool(live), recorded=spec.recorded)
            if spec.sources
            else None
        )
        self._ingestor = Ingestor(backed=backed, live=live, recorded=any(spec.recorded))
        self._seq = 0
        self._ended = False  # the end has been published
        if opening.state:
            self._ingestor.checker.restore(opening.state)
            self._seq = opening.state["seq"]
            self._ended = opening.state["status"] == "ended"
        self._pending: tuple[IngestResult, int] | None = None  # and when it was pulled
        self._last_id = NONE
        self._published_at = self._moved_at = boot_ns()
        self._shown_at = self._signed_at = 0
        self._feed_meter = StageMeter("feed", "main")
        self._ingestor_meter = StageMeter("data-ingestor", "main")
        self._named = {
            "session": str(opening.session),
            "spec": spec.text,
            "kind": str(spec.kind),
            "speed": spec.speed_text,
            "desk_start": desk_start,
            "started_at": opening.started_at.isoformat(),
            "files": [path.name for path in spec.paths],
            "readers": opening.readers,
        }
        self._boot_id = boot_id()
        self._saved = self._state(self._seq)  # the state that Redis has

    def run(self) -> None:
        fresh = self._opening.state is None
        self._saver.begin(self._saved, started="new session" if fresh else "continued")
        self._retrying(lambda: self._publisher.open(fresh=fresh))
        while not self._ctx.stopping(self._wait_s()):
            self._retrying(self._turn)
        if not self._ended:  # else its last word is said
            self._saver.post(self._saved, ended="stopped")
        if not self._saver.close(CLOSE_S):
            log.warning("feed session not saved at the end: the database did not answer in time")
        self._source.close()

    def _wait_s(self) -> float:
        if self._ended:
            return SHOW_EVERY_NS / NS
        if self._source.locked:
            return 0.0  # where there is nothing to do, it waits for an acknowledgement
        return self._source.wait_ns(boot_ns(), wall_ns()) / NS

    def _retrying(self, act: Callable[[], None]) -> None:
        """``act`` until it succeeds with Redis, or the host says stop."""
        attempt = 0
        while True:
            try:
                if attempt:
                    self._reconnected()
                act()
            except RedisError as error:
                if not attempt:
                    log.warning("feed waits for Redis", error=str(error))
                self._ingestor_meter.error("redis")
                pause = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
                attempt += 1
                if self._ctx.stopping(pause):
                    return
            else:
                if attempt:
                    log.info("feed goes on", attempts=attempt)
                return

    def _reconnected(self) -> None:
        self._acks.rewind()
        if order_of(newest(self._redis)) < order_of(self._last_id):
            self._window.forget()  # Redis came back empty
        if self._pending and self._named["kind"] != FeedKind.REPLAY:
            result, pulled = self._pending
            if boot_ns() - pulled > TOO_OLD_NS:
                if self._publisher.published(self._seq + 1):
                    self._seq += 1
                else:
                    self._ingestor.discard(result)
                self._pending = None
        self._source.resume(boot_ns())

    def _turn(self) -> None:
        if not self._window.open and not self._ended:
            self._acks.read(BLOCK_MS)
        if self._pending is None and not self._ended and self._window.open:
            self._pull()
        if self._pending:
            self._publish(*self._pending)
        self._signs()

    def _pull(self) -> None:
        begun = boot_ns()
        raw = self._source.pull(begun, wall_ns())
        if raw is None:
            return
        pulled = boot_ns()
        self._feed_meter.observe(pulled - begun, len(raw.rows))
        result = self._ingestor.process(raw)
        for code in np.intersect1d(result.codes, REFUSALS):
            self._ingestor_meter.error(Reason(int(code)).code)
        for turn in result.turns:
            log.warning(f"feed {turn.kind}", symbol=turn.symbol, what=turn.words)
        self._pending = (result, pulled)

    def _publish(self, result: IngestResult, pulled: int) -> None:
        """One batch to the stream; when this raises, it may be called again with the same."""
        if len(result.ticks) or len(result.trades) or self._source.ended:
            self._append(pack(result.ticks), result)
        else:
            self._put_state(result.rejects, result.turns)
        self._moved_at = boot_ns()
        self._ingestor_meter.observe(self._moved_at - pulled, len(result.raw.rows))
        self._pending = None
        if self._source.ended:
            self._ended = True
            self._saver.post(self._saved, ended="end of the recording")

    def _append(self, data: bytes, result: IngestResult | None = None) -> None:
        """One entry, of ticks or as a sign of life, together with the state after it."""
        now = boot_ns()
        fields: dict[str, Any] = {
            "d": data,
            "clk": self._source.clock_ns,
            "boot": now,
            "wall": wall_ns(),
            "bid": self._boot_id,
            "s": self._named["session"],
        }
        if self._source.locked:
            fields["lock"] = 1
        if self._source.ended:
            fields["end"] = 1
        if result and len(result.trades):
            fields["t"] = pack(result.trades)
        seq = self._seq + 1
        state = self._state(seq)
        self._last_id = self._publisher.publish(
            seq, fields, msgspec.json.encode(state), result.rejects if result else (),
            result.turns if result else (),
        )  # fmt: skip
        self._seq, self._saved = seq, state
        if self._source.locked:
            self._window.sent(self._last_id)
        self._published_at = self._signed_at = now

    def _put_state(self, rejects: Sequence[Reject] = (), turns: Sequence[Turn] = ()) -> None:
        state = self._state(self._seq)
        self._publisher.put_state(msgspec.json.encode(state), rejects, turns)
        self._saved = state
        self._signed_at = boot_ns()

    def _signs(self) -> None:
        """Signs of life: quotes and measures ten times a second, the state every second."""
        now = boot_ns()
        silence = NUDGE_S * NS if self._source.locked else SIGN_EVERY_NS
        quiet = self._ended or self._source.lost
        if not quiet and now - self._published_at > silence:
            self._append(b"")
        if now - self._signed_at > SIGN_EVERY_NS:
            self._put_state()
        if now - self._shown_at > SHOW_EVERY_NS:
            self._show()
            self._shown_at = now
            if not self._ended:
                self._saver.post(self._saved)

    def _show(self) -> None:
        self._ingestor_meter.queue(self._window.outstanding)
        self._answer_tests()
        pipe = self._redis.pipeline(transaction=False)
        quotes: Any = self._ingestor.quotes(str(self._named["session"]), self._seq)
        if quotes:
            pipe.hset(streams.QUOTES, mapping=quotes)
        for meter in (self._feed_meter, self._ingestor_meter):
            if meter.due():
                name = key(meter.stage, meter.instance)
                measures: Any = meter.fields()
                pipe.hset(name, mapping=measures)
                pipe.expire(name, EXPIRE_S)
        pipe.execute()
        self._ingestor.quotes_shown()

    def _answer_tests(self) -> None:
        """A quote that somebody puts in, judged and published as one of the simulator's own."""
        asked = take(self._redis, FEED)
        if asked is None or not isinstance(asked.request, InjectPrice):
            return
        if not isinstance(self._source, SimulatedSource):
            answer(self._redis, asked, PriceJudged("", refused=True))
            return
        quote = asked.request
        result = self._ingestor.process(
            self._source.injected(quote.instrument, quote.bid, quote.ask)
        )
        self._pending = (result, boot_ns())
        self._publish(*self._pending)
        reason = Reason(int(result.codes[0]))
        good = reason is Reason.GOOD
        answer(
            self._redis, asked,
            PriceJudged(
                reason="" if good else reason.code,
                detail=result.rejects[0].detail if result.rejects else "",
                entry=self._last_id.decode() if good else "",
                feed_time=int(result.raw.rows["tick"]["time"][0]),
            ),
        )  # fmt: skip

    def _state(self, seq: int) -> State:
        """As trading.feeds.session describes it, after ``seq`` entries."""
        clock = self._source.clock_ns
        waiting = not self._window.open and boot_ns() - self._moved_at > WAITING_AFTER_NS
        status = "ended" if self._source.ended else "waiting" if waiting else "running"
        return {
            **self._named,
            "status": status,
            "waiting_for": self._window.waiting_for() if status == "waiting" else [],
            "seq": seq,
            "lost": self._source.lost,
            "clock": clock,
            "clock_at": rfc3339(clock),
            "at_wall": wall_ns(),
            **self._ingestor.counters(),
            **self._ingestor.checker.state(),
            **self._ingestor.standing(clock),
            "source": self._source.state(),
            "clock_jumps": self._source.clock_jumps,
            "jumped_ns": self._source.jumped_ns,
        }
