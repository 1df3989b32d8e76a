"""What a venue that does not count its executions is told of ours when a gateway starts."""

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


async def known_fills(connection: psycopg.AsyncConnection[Any], account: str) -> KnownFills:
    """Its last number, and the numbers of the last hour of executions."""
    cursor = await connection.execute(_LAST, (account,))
    (last,) = await cursor.fetchone() or (0,)
    cursor = await connection.execute(_KNOWN_FILLS, (account, account))
    rows = await cursor.fetchall()
    newest = max((int(at.timestamp()) * NS + at.microsecond * 1000 for _, _, at in rows), default=0)
    return KnownFills(int(last), {ident: number for ident, number, _ in rows}, newest)
