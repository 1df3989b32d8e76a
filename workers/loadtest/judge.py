"""What a load came to: the venue's own log against our books, and how long answers took."""

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from workers.loadtest.plan import ACCOUNT
from workers.loadtest.world import World

REACHED = 0.98
"""Of the rate that was asked for."""
_SPANS = [0.5, 0.95, 0.99]
_ORDERS = """
SELECT intent_id, client_order_id, state, reason_code, sent_at IS NOT NULL, answered_at IS NOT NULL
FROM trading_order WHERE account_id = %s
"""
_TIMES = """
SELECT count(*),
    percentile_cont(%s::float8[]) WITHIN GROUP (
        ORDER BY (tick_to_send_us + send_to_answer_us) / 1000.0),
    percentile_cont(%s::float8[]) WITHIN GROUP (ORDER BY tick_to_send_us / 1000.0)
FROM trading_order
WHERE send_to_answer_us IS NOT NULL AND answered_at BETWEEN %s AND %s AND account_id = %s
"""
_HELD = "SELECT count(*) FROM trading_position WHERE account_id = %s AND quantity <> 0"
_FINAL = frozenset({"filled", "cancelled", "expired", "rejected", "denied"})


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from when an order was due, at p50, p95, p99, over ``answered`` ones.

    ``sent``: to its bytes at the venue's socket, its row on disk between; ``whole``: to the answer.
    """

    answered: int
    whole: tuple[float, ...]
    sent: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Of all orders made. ``lost``: of which our books or the venue's log know nothing, or that
    have not ended; ``duplicated``: taken by the venue twice; ``strange``: nobody made them."""

    made: int
    sent: int
    answered: int
    lost: int
    duplicated: int
    strange: int
    refused: dict[str, int]
    held: int

    @property
    def whole(self) -> bool:
        return not (self.lost or self.duplicated or self.strange or self.held)


def account(world: World, made: Collection[str]) -> Account:
    """Of the intents ``made``. Raises psycopg.Error, OSError."""
    with psycopg.connect(world.database_url) as connection:
        rows = connection.execute(_ORDERS, [ACCOUNT]).fetchall()
        held = connection.execute(_HELD, [ACCOUNT]).fetchone()
    with world.venue() as venue:
        log = venue.log(ACCOUNT)
    taken = Counter(
        one["client_order_id"] for one in log if one["kind"] in ("accepted", "rejected")
    )
    booked = {intent for intent, *_ in rows}
    sent = {ident for _, ident, _, _, was_sent, _ in rows if was_sent}
    lost = {f"{ACCOUNT}.{one}" for one in made if one not in booked}
    lost |= sent - taken.keys()
    lost |= {ident for _, ident, state, *_ in rows if state not in _FINAL}
    return Account(
        made=len(made),
        sent=len(sent),
        answered=sum(was_answered for *_, was_answered in rows),
        lost=len(lost),
        duplicated=sum(count > 1 for count in taken.values()),
        strange=len(taken.keys() - {ident for _, ident, *_ in rows}),
        refused=dict(Counter(code for _, _, state, code, *_ in rows if state == "denied")),
        held=held[0] if held else 0,
    )


def times(world: World, since: dt.datetime, until: dt.datetime) -> Times | None:
    """Of what was answered between the two; None when nothing was. Raises psycopg.Error."""
    with psycopg.connect(world.database_url) as connection:
        row = connection.execute(_TIMES, [_SPANS, _SPANS, since, until, ACCOUNT]).fetchone()
    if row is None or not row[0]:
        return None
    return Times(row[0], tuple(row[1]), tuple(row[2]))
