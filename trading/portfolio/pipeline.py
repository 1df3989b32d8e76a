"""The pipeline's live frame: stages, feeds, gateways, leases and services. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trading.health import STAGES, StageReading
from trading.portfolio.frames import PIPELINE, Frame, View, feed_head, head
from trading.portfolio.standing import Gateway, books_status
from trading.portfolio.text import CENT, age_ms, price

_WORSE = {"fresh": 0, "late": 1, "dead": 2}

DATABASE_FRESH_MS = 3_000
WATCHDOG_LATE_MS = 3_000
WATCHDOG_DEAD_MS = 10_000


def pipeline_frame(view: View, seq: int) -> Frame:
    """The frame of topic ``pipeline``."""
    return {
        **head(PIPELINE, seq, view),
        "stages": [stage_body(name, view.stages.get(name, ())) for name in STAGES],
        "feeds": _feeds(view),
        "feed": _feed(view),
        "leases": [
            {
                "name": one.name,
                "role": one.role,
                "holder": one.holder,
                "token": one.token,
                "expires_ms": round((one.expires_at - view.now).total_seconds() * 1000),
            }
            for one in view.books.leases
        ],
        "gateways": [_gateway(one, view) for one in view.gateways().values()],
        "workers": _workers(view.stages),
        "services": _services(view),
    }


def stage_body(name: str, readings: Sequence[StageReading]) -> Frame:
    """All instances as one: the worst heartbeat and latency, the sum of what flows."""
    alive = [one for one in readings if one.status != "dead"] or list(readings)
    if not readings:
        nothing = dict.fromkeys(
            ("rate", "p50_us", "p95_us", "p99_us", "heartbeat_ms", "queue", "errors")
        )
        return {"stage": name, "instances": 0, "status": "dead", **nothing}
    return {
        "stage": name,
        "instances": len(readings),
        "status": max((one.status for one in readings), key=_WORSE.__getitem__),
        "rate": f"{sum(one.rate for one in alive):.1f}",
        "p50_us": _most([one.p50_us for one in alive]),
        "p95_us": _most([one.p95_us for one in alive]),
        "p99_us": _most([one.p99_us for one in alive]),
        "heartbeat_ms": max(one.heartbeat_ms for one in readings),
        "queue": sum(one.queue for one in alive),
        "errors": sum(one.errors_5m for one in readings),
    }


def _workers(stages: Mapping[str, Sequence[StageReading]]) -> list[Frame]:
    """Every instance that was heard of, in the order of the path; then those beside it."""
    order = [*STAGES, *sorted(set(stages) - set(STAGES))]
    return [
        {
            "stage": one.stage,
            "instance": one.instance,
            "status": one.status,
            "heartbeat_ms": one.heartbeat_ms,
            "rate": f"{one.rate:.1f}",
            "p99_us": _most([one.p99_us]),
            "queue": one.queue,
            "errors": one.errors_5m,
            "last_error": one.last_error if one.errors_5m else "",
            "problem": one.extra.get("problem", ""),
        }
        for name in order
        for one in stages.get(name, ())
    ]


def _most(figures: Sequence[float | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return round(max(known)) if known else None


def _feeds(view: View) -> list[Frame]:
    counts, choices = symbol_counts(view.feed_state), view.feed_state.get("choices") or {}
    rows = []
    for symbol, age in view.ages().items():
        quote = view.market.quote(symbol)
        grain = view.universe.by_symbol(symbol).tick_size if symbol in view.universe else CENT
        quotes, rejected = counts.get(symbol, (None, {}))
        rows.append(
            {
                "symbol": symbol,
                "age_ms": age.age_ms,
                "status": age.status,
                "quotes": quotes,
                "rejected": rejected,
                **source_of(choices.get(symbol)),
                "bid": None if quote is None else price(quote.bid, grain),
                "ask": None if quote is None else price(quote.ask, grain),
            }
        )
    return rows


def _feed(view: View) -> Frame:
    session = view.feed_state.get("session") or view.market.session
    return {
        **feed_head(view),
        "session": session,
        **feed_counts(view.feed_state),
        "skew_ms": skew_ms(view.feed_state),
        "problems": live_problems(view.feed_state),
    }


def live_problems(state: Mapping[str, Any]) -> dict[str, str]:
    """Live source -> what is wrong with its stream, of those with which something is."""
    live = (state.get("source") or {}).get("live") or ()
    return {one["name"]: one["problem"] for one in live if one["problem"]}


def skew_ms(state: Mapping[str, Any]) -> dict[str, int]:
    """Source of a live feed -> its clock against ours; below zero it is ahead."""
    return {name: round(ns / 1e6) for name, ns in (state.get("skew") or {}).items()}


def feed_counts(state: Mapping[str, Any]) -> Frame:
    """The session's counters as under ``hl:feed:state``: quotes = published + all rejected."""
    return {
        "quotes": state.get("read"),
        "published": state.get("accepted"),
        "rejected": dict(state.get("refused") or {}),
        "gaps": state.get("gaps"),
        "entries": state.get("seq"),
        "waiting_for": list(state.get("waiting_for") or []),
        "files": list(state.get("files") or []),
    }


def symbol_counts(state: Mapping[str, Any]) -> dict[str, tuple[int | None, dict[str, int]]]:
    """Quotes passed on and refusals by reason of each symbol, from ``hl:feed:state``."""
    symbols = state.get("symbols") or {}
    return {
        symbol: (one.get("accepted"), dict(one.get("refused") or {}))
        for symbol, one in symbols.items()
    }


def source_of(choice: Mapping[str, Any] | None) -> Frame:
    """{source, backup, withheld, note} of a symbol; ``note`` says what is not as it should be."""
    if choice is None:
        return {"source": "", "backup": False, "withheld": False, "note": ""}
    note = ""
    if choice["withheld"]:
        note = f"withheld, sources disagree: {choice['values']}"
    elif choice["backup"]:
        note = f"backup {choice['source']}: {choice['why']}"
    return {
        "source": choice["source"],
        "backup": choice["backup"],
        "withheld": bool(choice["withheld"]),
        "note": note,
    }


def _gateway(gateway: Gateway, view: View) -> Frame:
    tokens = {one.name: one.token for one in view.books.leases}
    return {
        "account": gateway.account,
        "venue": gateway.venue,
        "live": gateway.live,
        "connected": gateway.connected,
        "licence_ms": gateway.licence_ms,
        "state": gateway.state,
        "heartbeat_ms": gateway.heartbeat_ms,
        "p50_us": None if gateway.p50_us is None else round(gateway.p50_us),
        "p99_us": None if gateway.p99_us is None else round(gateway.p99_us),
        "alarms": gateway.alarms,
        "fencing_token": tokens.get(f"gateway:{gateway.account}"),
    }


def _services(view: View) -> list[Frame]:
    database = books_status(view.books_age_ms)
    at = view.books.watchdog_at
    # Seen from a database that does not answer, the watchdog's age is not known.
    watchdog_ms = None if at is None or database == "dead" else age_ms(at, view.now)
    return [
        {
            "name": "database",
            "status": database,
            "ms": None if database == "dead" else round(view.books.read_ms, 2),
        },
        {
            "name": "redis",
            "status": "dead" if view.redis_ms is None else "fresh",
            "ms": None if view.redis_ms is None else round(view.redis_ms, 2),
        },
        {"name": "watchdog", "status": _watchdog_status(watchdog_ms), "ms": watchdog_ms},
    ]


def _watchdog_status(ms: int | None) -> str:
    if ms is None or ms >= WATCHDOG_DEAD_MS:
        return "dead"
    return "fresh" if ms < WATCHDOG_LATE_MS else "late"
