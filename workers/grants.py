"""The database's two roles: an owner, who migrates, and the application's, which only works here.

Everything that runs connects as the application's role. It reads and writes rows, owns nothing,
makes nothing and switches no trigger off; what is append-only it may only read and add to. Which
tables those are the database itself says, by their triggers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import environ
import psycopg
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from audit.guarding import TABLES, in_words, powers

_ROW_LOCKED = ("riskctl_hold",)
"""Append-only, and locked row by row while a lift is decided: PostgreSQL asks for the right to
UPDATE a column for that. The trigger refuses the UPDATE itself."""
_LOCK = 4_208_513_077  # one preparation at a time
_FOUND = """
SELECT relname, EXISTS (
  SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname LIKE 'pgtrigger_append_only%%')
FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
"""
_MAY = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT -1"

Owner = psycopg.Connection[Any]


class RolesError(Exception):
    """The database's roles are not as they must be; the message says what to do."""


def role_lay(owner: Owner, role: str, password: str) -> None:
    """A login role of that name and password that can do nothing yet. Raises psycopg.Error."""
    there = owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    # Hashed here: no log of the server ever has the password.
    hashed = owner.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    statement = sql.SQL("{} ROLE {} " + _MAY + " PASSWORD {}").format(
        sql.SQL("ALTER" if there else "CREATE"), sql.Identifier(role), sql.Literal(hashed.decode())
    )
    owner.execute(statement)


def rights_grant(owner: Owner, role: str) -> None:
    """Exactly what ``role`` needs of the tables that are there. Raises psycopg.Error."""
    name = sql.Identifier(role)

    def run(text: str, *names: sql.Composable) -> None:
        owner.execute(sql.SQL(text).format(*names))

    with owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        database, schema = _names(owner)
        # Temporary tables too: they come before real ones where a function looks for a name.
        run("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC, {}", database, name)
        run("REVOKE CREATE ON SCHEMA {} FROM PUBLIC, {}", schema, name)
        run("GRANT CONNECT ON DATABASE {} TO {}", database, name)
        run("GRANT USAGE ON SCHEMA {} TO {}", schema, name)
        run("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM PUBLIC, {}", schema, name)
        run("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}", schema, name)
        for table, append_only in owner.execute(_FOUND).fetchall():
            run(f"GRANT {_rights(table, append_only)} ON {{}} TO {{}}", sql.Identifier(table), name)
        for table in _ROW_LOCKED:
            run("GRANT UPDATE (id) ON {} TO {}", sql.Identifier(table), name)


def _names(owner: Owner) -> tuple[sql.Identifier, sql.Identifier]:
    found = owner.execute("SELECT current_database(), current_schema()").fetchone()
    assert found is not None
    return sql.Identifier(found[0]), sql.Identifier(found[1])


def _rights(table: str, append_only: bool) -> str:
    if table == "django_migrations":
        return "SELECT"
    insert_only = append_only or table in TABLES
    return "SELECT, INSERT" if insert_only else "SELECT, INSERT, UPDATE, DELETE"


def database_prepare(*, url: str, owner_url: str = "", make_role: bool = False) -> str:
    """Migrate as the owner, grant to the role of ``url``, and look at what that role can do.

    Without ``owner_url`` the database must be up to date, or ``url`` its owner's. Returns what
    the role of ``url`` could do to the record beyond adding to it, in words; empty is as it must
    be. Raises RolesError, psycopg.Error, django.db.Error.
    """
    role = str(_parts(url)["USER"])
    if owner_url:
        _check_two(role, owner_url)
        with connected_as(owner_url):
            call_command("migrate", interactive=False, verbosity=0)
        with psycopg.connect(owner_url) as owner:
            if make_role:
                role_lay(owner, role, str(_parts(url)["PASSWORD"]))
            rights_grant(owner, role)
    else:
        with connected_as(url):
            _migrate_where_it_may(role)
    with psycopg.connect(url) as own:
        if own.execute("SELECT to_regclass('audit_entry')").fetchone() == (None,):
            raise RolesError(
                "DATABASE_URL and DATABASE_OWNER_URL lead to different databases: name one"
            )
        found = powers(own)
    return in_words(role, found) if found else ""


def _parts(url: str) -> dict[str, Any]:
    """As Django's settings have them."""
    return dict(environ.Env.db_url_config(url))  # type: ignore[no-untyped-call]


def _check_two(role: str, owner_url: str) -> None:
    if role == _parts(owner_url)["USER"]:
        raise RolesError(
            f"DATABASE_URL and DATABASE_OWNER_URL name the same role {role}: make one that owns"
            " nothing (CREATE ROLE haltline_app LOGIN PASSWORD '…') and name it in DATABASE_URL"
        )


def _migrate_where_it_may(role: str) -> None:
    """Nothing to do where it is up to date: a role that owns nothing could not do it."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege(current_schema(), 'CREATE') AND NOT EXISTS (SELECT FROM"
            " pg_class WHERE oid = to_regclass('django_migrations')"
            " AND NOT pg_has_role(current_user, relowner, 'MEMBER'))"
        )
        if cursor.fetchone() != (True,):
            raise RolesError(
                f"the database is not up to date and {role} does not own it: start once with its"
                " owner in DATABASE_OWNER_URL (docs/operations.md)"
            )
    call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def connected_as(url: str) -> Iterator[None]:
    """Django's connection of this thread leads to ``url``; its options stay."""
    known: dict[str, Any] = connection.settings_dict
    before, given = dict(known), _parts(url)
    given["OPTIONS"] = {**given.get("OPTIONS", {}), **before["OPTIONS"]}
    connection.close()
    known.update(given)
    try:
        yield
    finally:
        connection.close()
        known.update(before)
