"""Emptying the test database between tests that commit, append-only tables as well.

Django empties tables by one TRUNCATE of all of them, then makes every content type and permission
anew: most of what a short test costs. Here those stay, and rows are deleted where there are any,
with triggers off in this one transaction. What a test tries itself is refused like anybody's.
"""

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase

_MADE_BY_MIGRATE = ("django_content_type", "auth_permission")


def empty_between_tests() -> None:
    """Take the place of Django's own clean-up, for this process, after it migrated."""
    if set(_MADE_BY_MIGRATE) <= set(connection.introspection.table_names()):
        _as_migrated()  # else no test of this run needs the database
    TransactionTestCase._fixture_teardown = lambda _: emptied()  # type: ignore[attr-defined]


def emptied() -> None:
    """Delete every row but what migrating makes of models.

    Raises AssertionError when a test took some of that away: the next would miss it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_with_rows())
        for (table,) in cursor.fetchall():
            cursor.execute(f'DELETE FROM "{table}"')
        for table, (count, last) in _as_migrated().items():
            cursor.execute(f'DELETE FROM "{table}" WHERE id > %s', [last])
            assert _facts(cursor, table) == (count, last), f"a test deleted from {table}"


@cache
def _as_migrated() -> dict[str, tuple[int, int]]:
    with connection.cursor() as cursor:
        return {table: _facts(cursor, table) for table in _MADE_BY_MIGRATE}


def _facts(cursor: Any, table: str) -> tuple[int, int]:
    cursor.execute(f'SELECT count(*), max(id) FROM "{table}"')
    count, last = cursor.fetchone()
    return int(count), int(last)


@cache
def _with_rows() -> str:
    """A query for the names of the tables that have rows."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")"
        for name in names
        if name not in _MADE_BY_MIGRATE
    )
