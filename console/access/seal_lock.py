"""Keeps a key from being retired between a seal under it and the commit of what was sealed."""

from django.db import connection

_LOCK = 0x484C_5345_414C  # any number that nothing else in this database locks by


def sealing() -> None:
    """Held, together with all others who seal, until the transaction ends."""
    _take("pg_advisory_xact_lock_shared")


def retiring() -> None:
    """Waits for everybody who is sealing; whoever seals after it sees the newest key."""
    _take("pg_advisory_xact_lock")


def _take(function: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("sealing needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [_LOCK])
