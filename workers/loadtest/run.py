"""One load test, from nothing to its verdict."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from trading.clock import utc_now
from workers.loadtest.judge import REACHED, Account, Times, account, times
from workers.loadtest.load import Load, Seen
from workers.loadtest.plan import Plan
from workers.loadtest.world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """``rate``: answered a second once the ramp was over. ``cut``: it was ended before its time."""

    plan: Plan
    limit_ms: float
    account: Account
    times: Times | None
    rate: float
    cut: bool

    @property
    def reached(self) -> bool:
        """Nothing lost or doubled, the rate borne, the latency under its limit."""
        quick = self.times is not None and self.times.whole[-1] <= self.limit_ms
        return (
            not self.cut and self.account.whole and quick and self.rate >= REACHED * self.plan.rate
        )

    def body(self) -> dict[str, Any]:
        """Decimals as text, as the record takes them."""
        found = self.account
        spans = ("p50_ms", "p95_ms", "p99_ms")
        whole = self.times.whole if self.times else (None, None, None)
        sent = self.times.sent if self.times else (None, None, None)
        return {
            "target_tps": f"{self.plan.rate:g}",
            "seconds": f"{self.plan.duration_s:g}",
            "ramp_up_s": f"{self.plan.ramp_s:g}",
            "tps": f"{self.rate:.1f}",
            "made": found.made,
            "sent": found.sent,
            "answered": found.answered,
            "lost": found.lost,
            "duplicated": found.duplicated,
            "strange": found.strange,
            "refused": found.refused,
            "still_held": found.held,
            "end_to_end": dict(zip(spans, map(_ms, whole), strict=True)),
            "made_to_sent": dict(zip(spans, map(_ms, sent), strict=True)),
            "limit_ms": f"{self.limit_ms:g}",
            "cut": self.cut,
            "reached": self.reached,
        }


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"


def load_run(world: World, plan: Plan, *, limit_ms: float, tell: Callable[[Seen], None]) -> Outcome:
    """Ctrl-C ends the load and not the judging. Raises redis.RedisError, psycopg.Error, OSError."""
    with Redis.from_url(world.redis_url, socket_timeout=10) as redis:
        load, begun, cut = Load(redis), utc_now(), False
        try:
            load.run(plan, tell)
        except KeyboardInterrupt:
            cut = True
        plateau = begun + dt.timedelta(seconds=plan.ramp_s)
        ended = min(utc_now(), begun + dt.timedelta(seconds=plan.duration_s))
        load.flatten()
    found = times(world, plateau, ended)
    seconds = (ended - plateau).total_seconds()
    rate = found.answered / seconds if found and seconds > 0 else 0.0
    return Outcome(plan, limit_ms, account(world, load.made), found, rate, cut)
