"""Triggers in the watchdog: another process, its own readings, the same table and evaluator.

Positions, orders and leases come from PostgreSQL in threads of their own, prices from the tick
stream, queues from Redis with short time-outs; ``step`` waits for none of them longer than that.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
import structlog
from redis import Redis, RedisError

from riskctl.holds import FIRM
from riskctl.placing import hold_place
from riskctl.triggers.evaluate import Moment, Reading
from riskctl.triggers.firing import Place
from riskctl.triggers.keeper import BrakesKeeper
from riskctl.triggers.specs import DEAD_MAN
from trading import health, streams
from trading.clock import NS, boot_ns, wall_ns
from trading.portfolio.books import Books, LeaseRow
from trading.portfolio.keeper import BooksKeeper
from trading.portfolio.market import Entry, Market
from trading.portfolio.prices import load_market, read_feed_state
from trading.portfolio.text import ns_of
from trading.triggers.desk import DeskTriggers, Sight
from trading.triggers.path import StoredReader
from trading.triggers.publishing import KEPT_S, PATH_KEY, WATCHDOG_KEY, published
from trading.triggers.stages import Heard, Signs, queue_reading
from trading.triggers.stored import orders_read
from trading.triggers.tally import AccountOrders
from trading.universe import UNIVERSE, Universe

log = structlog.get_logger(__name__)

SOURCE = "watchdog"
STAGE, INSTANCE = "watchdog", "triggers"
BATCH, BATCHES = 2_000, 10
CELERY_QUEUES = ("hl:celery:control", "hl:celery:default")
LEASE_TTL_NS = 2 * NS
ROLES = frozenset({"feed", "shard", "portfolio"})
ORDERS_EVERY_NS = 2 * NS


class _Published(msgspec.Struct):
    """A body under ``hl:triggers``; what else is in it does not matter here."""

    as_of_ns: int


_as_of_decoder = msgspec.json.Decoder(_Published)


class _Orders(StoredReader):
    """The path's stored facts, and the orders of the window, which the path hears as messages."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: Mapping[str, AccountOrders] = {}
        self._orders_at = 0

    def read(self) -> None:
        super().read()
        now = boot_ns()
        if self.windows is not None and now - self._orders_at >= ORDERS_EVERY_NS:
            windows = self.windows()
            names = ("order-latency", "error-burst", "rejection-burst", "all-denied")
            self.orders = orders_read(max(windows[name] for name in names), now)
            self._orders_at = now


class WatchdogTriggers:
    """``step`` is one evaluation, for a side task of the watchdog; all in one thread."""

    def __init__(
        self, redis: Redis, universe: Universe = UNIVERSE, place: Place = hold_place
    ) -> None:
        """``redis``: a client with short time-outs that never tries twice."""
        self._redis = redis
        self._universe = universe
        self._stored = _Orders()
        self._brakes = BrakesKeeper(also=self._stored.read)
        self._books = BooksKeeper()
        self._started = boot_ns()
        self.desk = DeskTriggers(SOURCE, universe, self._brakes, place, Moment(self._started, 0))
        self._stored.windows = self.desk.windows
        self._meter = health.StageMeter(STAGE, INSTANCE)
        self._market = Market(universe)
        self._after = ""
        self._feed_state: dict[str, Any] = {}
        self._queues: dict[str, int] = {}
        self._path_as_of: int | None = None
        self._signs = Signs()
        self._redis_at: int | None = None
        self._redis_error = ""

    def start(self) -> None:
        self._brakes.start()
        self._books.start()

    def stop(self) -> None:
        self._brakes.stop(0.5)
        self._books.stop(0.5)

    def step(self) -> None:
        """Read what is new, evaluate, publish. Redis away: evaluate what is known, unknown else."""
        self._books.hint()
        begun = boot_ns()
        self._listen()
        now = Moment(boot_ns(), wall_ns())
        self.desk.look(self._sight(now), now)
        self._meter.observe(boot_ns() - begun)
        self._tell(now)

    def _listen(self) -> None:
        try:
            self._follow()
            self._feed_state = read_feed_state(self._redis)
            self._queues = self._lengths()
            self._redis_at = boot_ns()
            self._note("")
        except RedisError as error:
            self._after = ""
            self._note(str(error))

    def _follow(self) -> None:
        if not self._after:
            self._after = load_market(self._redis, self._market)
        for _ in range(BATCHES):
            answer = cast(
                "list[tuple[bytes, list[Entry]]]",
                self._redis.xread({streams.TICKS: self._after}, count=BATCH),
            )
            if not answer:
                return
            entries = answer[0][1]
            self._after = entries[-1][0].decode()
            self._market.on_entries(entries)
            self.desk.on_entries(entries)
            if len(entries) < BATCH:
                return

    def _lengths(self) -> dict[str, int]:
        pipe = self._redis.pipeline(transaction=False)
        for name in CELERY_QUEUES:
            pipe.llen(name)
        pipe.get(PATH_KEY)
        *lengths, path = pipe.execute()
        self._path_as_of = _as_of(path)
        return dict(zip(CELERY_QUEUES, lengths, strict=True))

    def _sight(self, now: Moment) -> Sight:
        books = self._books.books
        said = str(self._feed_state.get("status", ""))
        return Sight(
            books=books,
            market=self._market,
            phase=self._market.phase(said, now.wall_ns),
            feed_state=self._feed_state,
            past=self._stored.past,
            activity=self._stored.activity,
            session=self._stored.session,
            documents=self._stored.documents,
            components=self._components(books, now),
            gateways={
                one.name.partition(":")[2]: _lease_heard(one, now)
                for one in books.leases
                if one.role == "gateway"
            },
            others=self._others(books, now),
        )

    def _components(self, books: Books, now: Moment) -> list[Heard]:
        read_at = None if books.as_of is None else ns_of(books.as_of)
        redis_at = self._redis_at
        return [
            Heard("database", None if read_at is None else now.wall_ns - read_at),
            Heard("redis", None if redis_at is None else now.boot_ns - redis_at),
            *(_lease_heard(one, now) for one in books.leases if one.role in ROLES),
            *self._path_heard(books, now),
        ]

    def _path_heard(self, books: Books, now: Moment) -> list[Heard]:
        """The evaluation in the path, by what it publishes; where nobody hosts it, none is due."""
        if not any(one.role == "portfolio" for one in books.leases):
            return []
        at = self._path_as_of
        heard = Heard("triggers in the path", None if at is None else now.wall_ns - at)
        return [self._signs.latest(heard, now.boot_ns)]

    def _others(self, books: Books, now: Moment) -> list[Reading]:
        others = [queue_reading({}, self._queues, now.boot_ns), *self._dead_man(now)]
        if books.as_of is not None:
            ms = round(Decimal(books.read_ms), 3)
            others.append(Reading("database-slow", FIRM, ms, ns_of(books.as_of)))
        windows = self.desk.order_windows()
        for account in books.accounts:
            one = self._stored.orders.get(account.name, AccountOrders())
            others += one.readings(f"venue:{account.name}", windows, now.boot_ns)
        return others

    def _dead_man(self, now: Moment) -> Sequence[Reading]:
        known = self._brakes.known
        fact = known.dead_man if known else None
        if known is None or fact is None:
            detail = "nobody has ever confirmed" if known else "the database has not been read"
            return [Reading(DEAD_MAN, FIRM, None, now.boot_ns, detail)]
        if not fact.enabled:
            return []
        since = Decimal(now.boot_ns - known.read_boot_ns) / NS / 60  # the database may be away
        detail = f"last confirmed by {fact.confirmed_by}"
        return [Reading(DEAD_MAN, FIRM, fact.minutes + since, now.boot_ns, detail)]

    def _tell(self, now: Moment) -> None:
        """Publish, if Redis takes it: nothing rests on that."""
        in_force, standings = self.desk.evaluator.in_force, self.desk.standings(now)
        body = published(SOURCE, standings, in_force, now, queued=self._brakes.queued)
        fields: Mapping[Any, Any] = self._meter.fields()
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(WATCHDOG_KEY, body, ex=KEPT_S)
            pipe.hset(health.key(STAGE, INSTANCE), mapping=dict(fields))
            pipe.expire(health.key(STAGE, INSTANCE), health.EXPIRE_S)
            pipe.execute()
        except RedisError as error:
            self._note(str(error))

    def _note(self, error: str) -> None:
        if bool(error) != bool(self._redis_error):
            (log.warning if error else log.info)("watchdog.redis", down=bool(error), error=error)
        self._redis_error = error


def _lease_heard(lease: LeaseRow, now: Moment) -> Heard:
    """A worker renews the leases of what it hosts; they run out two seconds later."""
    renewed = ns_of(lease.expires_at) - LEASE_TTL_NS
    return Heard(lease.name, max(0, now.wall_ns - renewed))


def _as_of(raw: bytes | None) -> int | None:
    return None if raw is None else _as_of_decoder.decode(raw).as_of_ns
