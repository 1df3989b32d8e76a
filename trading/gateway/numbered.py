"""What a venue that does not count its executions is told of ours when a gateway starts."""

import datetime as dt
from typing import Any

import psycopg

from trading.clock import NS
from trading.venues.base import KnownFills

_LAST = "SELECT coalesce(max(sequence), 0) FROM trading_fill WHERE account_id = %s"
_KNOWN_FILLS = """
SELECT venue_fill_id, sequence, venue_time FROM trading_fill
WHERE account_id = %s AND venue_time >= (
  SELECT max(venue_time) - interval '1 hour' FROM trading_fill WHERE account_id = %s
) ORDER BY sequence
"""
_LOGGED = """
SELECT coalesce((SELECT max(log_id) FROM trading_cashmovement WHERE account_id = %s), 0),
  (SELECT min(at) FROM trading_reconciliation WHERE account_id = %s)
"""


async def known_fills(connection: psycopg.AsyncConnection[Any], account: str) -> KnownFills:
    """Its last number, the numbers of the last hour of executions, and how far its log was read."""
    cursor = await connection.execute(_LAST, (account,))
    (last,) = await cursor.fetchone() or (0,)
    cursor = await connection.execute(_KNOWN_FILLS, (account, account))
    rows = await cursor.fetchall()
    newest = max((_ns(at) for _, _, at in rows), default=0)
    cursor = await connection.execute(_LOGGED, (account, account))
    log_id, since = await cursor.fetchone() or (0, None)
    numbers = {ident: number for ident, number, _ in rows}
    return KnownFills(int(last), numbers, newest, int(log_id), _ns(since) if since else 0)


def _ns(at: dt.datetime) -> int:
    return int(at.timestamp()) * NS + at.microsecond * 1000
