"""The application's role on the test database: what real processes of tests connect as.

The tests' own connection is the owner's: it makes the database and empties it.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
from django.db import connection
from psycopg import sql

from workers.grants import rights_grant, role_lay

ROLE = "haltline_tests_app"
PASSWORD = secrets.token_hex(16)


def owner() -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of its own, as the owner, in autocommit mode."""
    found = connection.settings_dict
    return psycopg.connect(
        dbname=found["NAME"], user=found["USER"], password=found["PASSWORD"] or None,
        host=found["HOST"] or None, port=found["PORT"] or None, autocommit=True,
    )  # fmt: skip


@contextmanager
def role_laid() -> Iterator[None]:
    """The role is there, with its rights on the test database as it was migrated."""
    if not str(connection.settings_dict["NAME"]).startswith("test_"):
        yield  # no test of this run needs the database, and this one is somebody's
        return
    with owner() as own:
        role_lay(own, ROLE, PASSWORD)
        rights_grant(own, ROLE)
    try:
        yield
    finally:
        with owner() as own:
            own.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [ROLE]
            )
            own.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(ROLE)))
            own.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def application_url(port: int | None = None) -> str:
    """The test database as processes of a desk are given it; through ``port`` of this host."""
    found = connection.settings_dict
    host = "127.0.0.1" if port else found["HOST"] or "127.0.0.1"
    return (
        f"postgres://{ROLE}:{PASSWORD}@{quote(host, safe='')}:{port or found['PORT'] or 5432}"
        f"/{found['NAME']}"
    )
