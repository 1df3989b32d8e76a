"""The watchdog's heartbeat: without a fresh one no licence is given and nothing raises risk."""

from collections.abc import Callable
from typing import Any

from django.db import Error, connection

NAME = "watchdog"
EVERY_S = 0.5

_BEAT_SQL = """
INSERT INTO riskctl_heartbeat (name, at, token, beat)
SELECT %(name)s, clock_timestamp(), lease.token, 1 FROM riskctl_lease AS lease
WHERE lease.name = %(lease)s AND lease.holder = %(holder)s AND lease.token = %(token)s
ON CONFLICT (name) DO UPDATE SET
  at = EXCLUDED.at, token = EXCLUDED.token, beat = riskctl_heartbeat.beat + 1
WHERE riskctl_heartbeat.token <= EXCLUDED.token
RETURNING token
"""


class LeaseLostError(Exception):
    """Somebody else is the watchdog now: this one must end."""


def heartbeat_write(*, lease: str, holder: str, token: int) -> bool:
    """One heartbeat by the database's clock; false when the lease has another holder or token.

    Raises django.db.Error.
    """
    values: dict[str, Any] = {"name": NAME, "lease": lease, "holder": holder, "token": token}
    with connection.cursor() as cursor:
        cursor.execute(_BEAT_SQL, values)
        return cursor.fetchone() is not None


def watchdog_run(
    *,
    lease: str,
    holder: str,
    token: int,
    stopping: Callable[[float], bool],
    beaten: Callable[[bool], None],
) -> None:
    """Write a heartbeat every ``EVERY_S`` until ``stopping(seconds)``, which also waits, is true.

    ``beaten`` is told after each try whether it was written. A database that is away is tried
    again: licences run out meanwhile, as they should. Raises LeaseLostError.
    """
    while True:
        try:
            if not heartbeat_write(lease=lease, holder=holder, token=token):
                raise LeaseLostError(f"{lease} is no longer held under token {token}")
            written = True
        except Error:
            connection.close()
            written = False
        beaten(written)
        if stopping(EVERY_S):
            return
