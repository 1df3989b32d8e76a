"""Frames as the portfolio publishes them, small and adjustable, and a publisher of them."""

import datetime as dt
import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from trading import streams

_numbers = itertools.count(int(time.time() * 1000))


def account_part(account: str = "paper-1", **changes: Any) -> dict[str, Any]:
    return {
        "account": account, "venue": "", "rehearsal": False, "pnl": "0.00", "gross": "0.00",
        "net": "0.00", "orders_open": 0, **changes,
    }  # fmt: skip


def strategy_line(key: str = "mom-eurusd", **changes: Any) -> dict[str, Any]:
    """All is of its own account, where ``changes`` do not say otherwise."""
    line = _line(key, **changes)
    home = {"account": line["account"], "rehearsal": False}
    line["position"] = line["position"] and [{**home, **held} for held in line["position"]]
    if "accounts" not in line:
        names = ("account", "venue", "pnl", "gross", "net", "orders_open")
        line["accounts"] = [account_part(**{name: line[name] for name in names})]
    return line


def _line(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "key": key, "kind": "momentum", "owner": "mercy.okafor", "account": "paper-1",
        "venue": "Paper One", "live": False, "state": "ACTIVE", "why": "",
        "mode": "ACTIVE", "own": False, "holds": [], "alerts": [],
        "stage": {"rung": "live", "factor": "1", "since": "2026-11-20T09:00:00Z"},
        "pnl": "120.55", "realised": "130.20", "unrealised": "-2.10", "fees": "7.55",
        "gross": "92340.00", "net": "-92340.00", "real": None,
        "position": [{
            "symbol": "EURUSD", "quantity": "-80000", "average_price": "1.15422",
            "mark": "1.154245", "unrealised": "-2.10", "mark_age_ms": 140,
        }],
        "orders_open": 1, "fills": 45,
        "last_signal": {
            "symbol": "EURUSD", "direction": -1, "confidence": 0.62, "age_ms": 2123,
            "at": "2026-11-21T09:39:58Z", "feed_time": "2014-05-02T08:15:28Z",
        },
        "limit": {"kind": "gross-notional", "share": "0.92"}, "drawdown": "1.25", "hit": "61.8",
        "trips": 34, "slippage_bp": "0.32", "filled": "97.1",
        "data_age_ms": 140, "data": "fresh", "line": ["0.00", "12.40", "120.55"],
        **changes,
    }  # fmt: skip


def hold_line(kind: str = "kill", **changes: Any) -> dict[str, Any]:
    return {
        "id": "0b8f2c1e-5a77-4a51-9c0e-3f2a1d4c5b6a", "scope": "strategy:mom-eurusd", "kind": kind,
        "mode": "REDUCE-ONLY" if kind == "reduce-only" else "HALTED", "own": True,
        "reason": "quotes crossing", "by": "mercy.okafor", "by_person": True,
        "since": "2026-11-21T15:22:10Z", "effective_at": "2026-11-21T15:22:10.002000Z", **changes,
    }  # fmt: skip


def alert_line(name: str = "Low Fill Rate", **changes: Any) -> dict[str, Any]:
    return {"name": name, "severity": "critical", "since": "2026-11-21T15:22:10Z", **changes}


def dead_man(left_s: float = 5000, **changes: Any) -> dict[str, Any]:
    """A switch that runs out in ``left_s`` and warns from 30 minutes before."""
    return {
        "state": "armed", "enabled": True, "confirmed_by": "ada.nwosu",
        "confirmed_at": _now(7200 - left_s), "warns_at": _now(1800 - left_s),
        "expires_at": _now(-left_s), "remaining_s": int(left_s), **changes,
    }  # fmt: skip


def _now(age_s: float = 0.0) -> str:
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def desk_frame(*lines: dict[str, Any], age_s: float = 0.0, **changes: Any) -> dict[str, Any]:
    strategies = list(lines) or [strategy_line()]
    return {
        "topic": "desk", "seq": next(_numbers), "as_of": _now(age_s),
        "firm": {"state": "ACTIVE", "why": "", "mode": "ACTIVE", "holds": 0, "on": 0,
                 "hold": None},
        "dead_man": dead_man(), "waiting": 0, "alerting": "fresh",
        "triggers": {"ok": 20, "warning": 0, "breach": 0, "unknown": 0, "shadow": False},
        "books": {"as_of": _now(age_s), "age_ms": 90, "status": "fresh"},
        "feed": {
            "clock": "2014-05-02T08:15:30.250000Z", "speed": "60", "state": "running",
            "age_ms": 84, "spec": "replay:eurusd.csv.gz",
        },
        "totals": {
            "pnl_today": "1240.55", "realised": "1310.20", "unrealised": "-42.10",
            "fees": "27.55", "gross": "812340.00", "net": "-12040.00", "fills": 431,
            "orders_open": 2, "strategies": len(strategies), "active": 1, "unmarked": [],
        },
        "strategies": strategies,
        **changes,
    }  # fmt: skip


def pipeline_frame(*, age_s: float = 0.0, **changes: Any) -> dict[str, Any]:
    names = ("feed", "data-ingestor", "indicator-engine", "signal-generator", "risk-manager",
             "execution-engine", "broker")  # fmt: skip
    stages = [
        {"stage": name, "instances": 2, "status": "fresh", "rate": "482.0", "p50_us": 40,
         "p95_us": 6800, "p99_us": 61000, "heartbeat_ms": 200, "queue": 3, "errors": 0}
        for name in names
    ]  # fmt: skip
    return {
        "topic": "pipeline", "seq": next(_numbers), "as_of": _now(age_s), "stages": stages,
        "feeds": [{"symbol": "EURUSD", "age_ms": 140, "status": "fresh", "quotes": 48210,
                   "rejected": {"crossed": 2}, "bid": "1.15424", "ask": "1.15425"}],
        "feed": {"session": "s", "spec": "simulated", "speed": "1", "state": "running",
                 "clock": _now(), "age_ms": 84, "quotes": 48212, "published": 48210,
                 "rejected": {"crossed": 2}},
        "leases": [{"name": "gateway:paper-1", "role": "gateway", "holder": "box:123:456",
                    "token": 4, "expires_ms": 1800}],
        "gateways": [{"account": "paper-1", "venue": "Paper One", "live": False,
                      "connected": True, "licence_ms": 192, "state": "licensed",
                      "heartbeat_ms": 120, "p50_us": 4100, "p99_us": 61000,
                      "fencing_token": 4}],
        "services": [{"name": "database", "status": "fresh", "ms": 0.45},
                     {"name": "redis", "status": "fresh", "ms": 0.08},
                     {"name": "watchdog", "status": "fresh", "ms": 400}],
        **changes,
    }  # fmt: skip


def keep(redis: Redis, frame: dict[str, Any]) -> None:
    """Leave ``frame`` as the latest of its topic, without telling anybody."""
    redis.set(streams.frame_key(frame["topic"]), json.dumps(frame), ex=60)


def publish(redis: Redis, frame: dict[str, Any]) -> int:
    """Publish as the portfolio does; how many listened."""
    keep(redis, frame)
    return int(redis.publish(streams.FRAMES, json.dumps(frame)))  # type: ignore[arg-type]


def rehearsing(key: str = "mom-eurusd", **changes: Any) -> dict[str, Any]:
    """1,000 EURUSD really held, as much sold on paper: real 10.00, paper -4.00."""
    real = {"symbol": "EURUSD", "account": "paper-1", "rehearsal": False, "quantity": "1000",
            "average_price": "1.15", "mark": "1.160000", "unrealised": "10.00"}  # fmt: skip
    paper = {**real, "account": "rehearsal", "rehearsal": True, "quantity": "-1000",
             "unrealised": "-4.00"}  # fmt: skip
    own = {"pnl": "10.00", "gross": "1160.00", "net": "1160.00"}
    other = {"pnl": "-4.00", "gross": "1160.00", "net": "-1160.00", "venue": "Rehearsal"}
    return strategy_line(
        key, pnl="6.00", gross="2320.00", net="0.00", real=own, position=[real, paper],
        accounts=[account_part(**own, venue="Paper One"),
                  account_part("rehearsal", rehearsal=True, orders_open=3, **other)],
        **changes,
    )  # fmt: skip


Moves = Callable[[int], list[dict[str, Any]]]


def _one_that_moves(step: int) -> list[dict[str, Any]]:
    return [strategy_line(pnl=f"{120 + step / 4:.2f}")]


class Publisher:
    """Both topics every ``every_s`` until stopped; what it says can be changed meanwhile.

    ``moves`` makes the strategies of each step, unless they are given.
    """

    def __init__(self, redis: Redis, *, every_s: float = 0.2, moves: Moves | None = None) -> None:
        self._redis = redis
        self.every_s = every_s
        self._moves: Moves = moves or _one_that_moves
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.silent = False
        self.lines: list[dict[str, Any]] = []
        self.pipeline: dict[str, Any] = {}
        self.desk: dict[str, Any] = {}
        self.moving = True
        self._step = 0
        self._told = 0

    def told(self) -> int:
        """Number of the newest desk frame."""
        return self._told

    def __enter__(self) -> "Publisher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.wait(self.every_s):
            if self.silent:
                continue
            self._step += self.moving
            lines = self.lines or self._moves(self._step)
            frame = desk_frame(*lines, **self.desk)
            try:
                publish(self._redis, frame)
                publish(self._redis, pipeline_frame(**self.pipeline))
            except RedisError:
                continue  # a test stopped it: the portfolio's loop tries again as well
            self._told = frame["seq"]
