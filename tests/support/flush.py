"""Emptying the test database between tests that commit, append-only tables as well.

Django empties tables by one TRUNCATE of all of them, which our tables rightly refuse. Only that
statement of Django's own clean-up, recognised by naming every table at once, runs with triggers
off; a TRUNCATE that a test tries itself is refused like anybody's.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

_ALL = ('"django_session"', '"audit_entry"')
_BRAKES = ('"riskctl_lease"', '"riskctl_hold"', '"riskctl_deadman"')
"""Tables that only Django's own clean-up names together: of everything, or of one app."""


def let_django_flush() -> None:
    """Install the exception for this process's connection. Harmless when called twice."""
    if _flush_with_triggers_off not in connection.execute_wrappers:
        connection.execute_wrappers.append(_flush_with_triggers_off)


def _flush_with_triggers_off(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    whole = all(name in sql for name in _ALL) or all(name in sql for name in _BRAKES)
    if not (sql.startswith("TRUNCATE") and whole):
        return execute(sql, params, many, context)
    execute("SET session_replication_role = replica", None, False, context)
    try:
        return execute(sql, params, many, context)
    finally:
        execute("SET session_replication_role = DEFAULT", None, False, context)
