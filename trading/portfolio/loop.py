"""The portfolio's loop: follow prices, value the books, publish live frames.

Everything here can be lost: positions are the gateways', in the database; a restarted loop reads
them again and goes on. Prices come from the tick stream (read, never acknowledged), ``hl:orders``
only hints that positions changed. Without the database the last known positions go on being
marked, and the frame says how old they are; without Redis there is nobody to tell, and the loop
tries again.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from trading import health, streams
from trading.clock import boot_ns, utc_from_ns, utc_now, wall_ns
from trading.hosting import HostContext
from trading.portfolio import past
from trading.portfolio.books import Books
from trading.portfolio.frames import (
    DESK,
    PIPELINE,
    View,
    desk_frame,
    traded_mids,
)
from trading.portfolio.holdings import strategy_pnl
from trading.portfolio.keeper import BooksKeeper, Points
from trading.portfolio.latencies import latency_rows
from trading.portfolio.market import Entry, Market
from trading.portfolio.pipeline import pipeline_frame
from trading.portfolio.prices import load_market, read_feed_state
from trading.portfolio.standing import Stages
from trading.triggers.path import PathTriggers
from trading.triggers.publishing import KEPT_S, PATH_KEY
from trading.universe import UNIVERSE, Universe

STEP_S = 0.1
FRAME_S = 0.2
STAGES_S = 0.5
POINT_S = 5.0
LATENCIES_S = 30.0
BATCH = 2_000
BATCHES_A_STEP = 5
FRAME_KEPT_S = 3_600
STOP_S = 1.0

log = structlog.get_logger(__name__)

_encode = msgspec.json.Encoder().encode


def connect(url: str, options: Mapping[str, Any]) -> Redis:
    """A client that fails at once: the loop is the retry, and must hear when to stop."""
    return Redis.from_url(url, **{**options, "retry": Retry(NoBackoff(), 0)})


def portfolio_run(ctx: HostContext, redis: Redis, universe: Universe = UNIVERSE) -> None:
    """Run until the host says stop."""
    keeper, triggers = BooksKeeper(), PathTriggers(universe)
    keeper.start()
    triggers.start()
    loop = PortfolioLoop(redis, keeper, universe, triggers)
    while not ctx.stopping():
        loop.step()
        keeper.news.wait(loop.rest_s())  # which ends it early: fills and holds are told at once
        keeper.news.clear()
    triggers.stop(STOP_S / 2)
    keeper.stop(STOP_S)


class PortfolioLoop:
    """One step reads what came on the streams, evaluates the triggers and, when due, publishes.

    Triggers are evaluated whether Redis answers or not: a silence is a reading too.
    """

    def __init__(
        self, redis: Redis, keeper: BooksKeeper, universe: Universe, triggers: PathTriggers
    ) -> None:
        self._redis = redis
        self._keeper = keeper
        self._triggers = triggers
        self._universe = universe
        self._market = Market(universe)
        self._positions: dict[str, str] = {}
        self._stages: Stages = {}
        self._stages_read_ns = 0
        self._feed_state: dict[str, Any] = {}
        self._redis_ms: float | None = None
        self._past = past.PipelinePast()
        self._seq = wall_ns() // 1_000_000
        self._due = dict.fromkeys(("step", "frame", "stages", "point", "past", "latencies"), 0.0)
        self._last_points: Points | None = None
        self._failing = False
        self._told = Books().mark
        self._said: dict[str, Any] | None = None

    def rest_s(self) -> float:
        """Seconds until the next step is due."""
        return max(0.0, self._due["step"] - time.monotonic())

    def step(self) -> None:
        self._is_due("step", STEP_S)
        try:
            self._follow()
            self._triggers.look(self._view(), self._stages_read_ns)
            if self._is_due("frame", FRAME_S):
                self._publish()
            elif self._news():
                self._due["frame"] = time.monotonic() + FRAME_S
                self._publish()
        except RedisError as error:
            self._note(str(error))
            self._redis_ms = None
            self._due["step"] = time.monotonic() + FRAME_S
            self._triggers.look(self._view(), self._stages_read_ns)
        else:
            self._note("")

    def _news(self) -> bool:
        """Whether fills or holds have come since the last frame: they do not wait for the next."""
        return self._told != self._keeper.books.mark

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        # Keep the beat, but do not run after beats that were missed.
        following = self._due[what] + every_s
        self._due[what] = following if following > now else now + every_s
        return True

    def _follow(self) -> None:
        """Read what is new on both streams, a bounded amount."""
        if not self._positions:
            self._start_streams()
        for _ in range(BATCHES_A_STEP):
            answer = cast(
                "list[tuple[bytes, list[Entry]]]",
                self._redis.xread(cast("Any", self._positions), count=BATCH),
            )
            for name, entries in answer:
                self._positions[name.decode()] = entries[-1][0].decode()
                if name.decode() == streams.TICKS:
                    self._market.on_entries(entries)
                    self._triggers.on_ticks(entries)
                else:
                    self._triggers.on_orders(entries)
                    self._keeper.hint()
            if not any(len(entries) == BATCH for _, entries in answer):
                return

    def _start_streams(self) -> None:
        """Begin at the end of the ticks, with the last price of every symbol."""
        after = load_market(self._redis, self._market)
        newest = cast("list[Entry]", self._redis.xrevrange(streams.ORDERS, count=1))
        self._positions = {
            streams.TICKS: after,
            streams.ORDERS: newest[0][0].decode() if newest else "0",
        }

    def _publish(self) -> None:
        self._read_state()
        view = self._view()
        self._seq += 1
        self._told = view.books.mark
        pipe = self._redis.pipeline(transaction=False)
        for topic, build in ((DESK, desk_frame), (PIPELINE, pipeline_frame)):
            frame = _encode(build(view, self._seq))
            pipe.set(streams.frame_key(topic), frame, ex=FRAME_KEPT_S)
            pipe.publish(streams.FRAMES, frame)
        if self._is_due("past", past.EVERY_S):
            pipe.set(past.KEY, _encode(self._past.take(view.stages, view.now)), ex=FRAME_KEPT_S)
        triggers = self._triggers.due(view)
        if triggers is not None:
            pipe.set(PATH_KEY, triggers, ex=KEPT_S)
            self._said = msgspec.json.decode(triggers)
        pipe.execute()
        known = view.books.as_of is not None and self._market.clock_ns is not None
        if known and self._is_due("point", POINT_S):
            self._save_points(view)

    def _view(self) -> View:
        return View(
            now=utc_now(),
            books=self._keeper.books,
            market=self._market,
            universe=self._universe,
            stages=self._stages,
            feed_state=self._feed_state,
            redis_ms=self._redis_ms,
            triggers=self._said,
        )

    def _read_state(self) -> None:
        started = time.perf_counter()
        self._feed_state = read_feed_state(self._redis)
        self._redis_ms = (time.perf_counter() - started) * 1000
        if self._is_due("stages", STAGES_S):
            self._stages = health.read_stages(self._redis)
            self._stages_read_ns = boot_ns()
            if self._is_due("latencies", LATENCIES_S):
                self._keeper.keep_latencies(latency_rows(self._stages))

    def _save_points(self, view: View) -> None:
        """Hand the line's next points over, unless nothing moved since the last."""
        if self._market.clock_ns is None:
            return
        worth = strategy_pnl(view.books, self._market, self._universe)
        feed_time = utc_from_ns(self._market.clock_ns)
        last = self._last_points
        if last is not None and last.worth == worth and last.feed_time == feed_time:
            return
        self._last_points = Points(view.now, feed_time, worth, traded_mids(view))
        self._keeper.save(self._last_points)

    def _note(self, error: str) -> None:
        """One log line when Redis goes and one when it is back."""
        if bool(error) != self._failing:
            self._failing = bool(error)
            if error:
                log.warning("portfolio.redis_lost", error=error)
            else:
                log.info("portfolio.redis_back")
