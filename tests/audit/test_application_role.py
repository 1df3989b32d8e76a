"""The role that the desk's processes connect as may read the record and add to it, and no more.

Refused by privileges, before any trigger is asked; that the triggers refuse the owner as well is
said by test_append_only. The same rights are enough for all else that the suite's real processes
do: they connect as this role (tests.support.roles).
"""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from psycopg import errors

from audit.guarding import TABLES, powers
from audit.record import INSERT_SQL
from riskctl.models import Hold
from tests.audit.recording import NOON, entry
from tests.support.roles import ROLE, application_url, owner

APPEND_ONLY = (
    "trading_fill", "riskctl_hold", "riskctl_holdlift", "riskctl_receiptstep",
    "riskctl_triggerfiring",
)  # fmt: skip
"""What else is never rewritten: facts that the record's entries speak of."""
OFTEN = ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE")
OWNERS = (
    "ALTER TABLE {0} DISABLE TRIGGER ALL", "ALTER TABLE {0} DISABLE TRIGGER USER",
    "ALTER TABLE {0} ADD COLUMN more int", "ALTER TABLE {0} OWNER TO CURRENT_USER",
    "DROP TABLE {0}", "DROP TABLE {0} CASCADE", "CREATE INDEX ON {0} ({1})",
    "CREATE RULE quiet AS ON INSERT TO {0} DO INSTEAD NOTHING",
    "COMMENT ON TABLE {0} IS 'mine'", "DO $$ BEGIN LOCK TABLE {0} IN ACCESS EXCLUSIVE MODE; END $$",
)  # fmt: skip
OF_THE_SERVER = (
    "SET session_replication_role = replica", "CREATE TABLE more (one int)",
    "CREATE TEMPORARY TABLE audit_entry (one int)", "CREATE SCHEMA more",
    "CREATE ROLE more SUPERUSER", "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_read_file('PG_VERSION')",
    "UPDATE django_migrations SET name = name", "COPY audit_tile TO PROGRAM 'cat'",
)  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(application_url(), autocommit=True) as made:
        yield made


def refused(own: psycopg.Connection[Any], statement: str) -> str:
    """Empty when it was refused for want of privileges; else what became of it."""
    try:
        own.execute(statement.encode())
    except errors.InsufficientPrivilege:
        return ""
    except psycopg.Error as error:
        return f"{statement}: {error}"
    return f"{statement}: allowed"


def first_column(table: str) -> str:
    with connection.cursor() as cursor:
        return str(connection.introspection.get_primary_key_column(cursor, table))


def test_every_table_of_the_record_is_named() -> None:
    models = apps.get_app_config("audit").get_models()
    assert set(TABLES) == {model._meta.db_table for model in models}


def test_nothing_but_reading_and_adding_is_allowed(own: psycopg.Connection[Any]) -> None:
    own.execute(INSERT_SQL.encode(), entry(1))
    assert own.execute("SELECT count(*) FROM audit_entry").fetchone() == (1,)
    tried = [
        statement.format(table, first_column(table))
        for table in TABLES for statement in (*OFTEN, *OWNERS)
    ]  # fmt: skip
    tried += [
        statement.format(table, "recorded_at" if table == "riskctl_hold" else first_column(table))
        for table in APPEND_ONLY for statement in (*OFTEN, *OWNERS)
    ]  # fmt: skip
    found = [refused(own, statement) for statement in (*tried, *OF_THE_SERVER)]
    assert [one for one in found if one] == []
    assert own.execute("SELECT count(*) FROM audit_entry").fetchone() == (1,)


def test_nobody_is_given_more_by_it(own: psycopg.Connection[Any]) -> None:
    """PostgreSQL warns and does nothing."""
    for table in (*TABLES, *APPEND_ONLY):
        own.execute(f"GRANT ALL ON {table} TO {ROLE}, PUBLIC".encode())
    assert powers(own) == []
    assert refused(own, "DELETE FROM trading_fill") == ""


def test_a_hold_can_be_locked_and_not_changed(own: psycopg.Connection[Any]) -> None:
    """The right to lock rows is the right to UPDATE a column: there the trigger refuses."""
    own.execute("SELECT id FROM riskctl_hold FOR UPDATE")
    Hold.objects.create(
        id=uuid.uuid4(), scope="firm", kind="kill", mode="halted", cancels=True, reason="r",
        placed_by="ada.nwosu", actor_kind="person", placed_at=NOON,
    )  # fmt: skip
    with pytest.raises(errors.RaiseException, match="Cannot update or delete"):
        own.execute("UPDATE riskctl_hold SET id = gen_random_uuid()")


def test_it_is_nobody_elses_member_and_cannot_become_anybody(own: psycopg.Connection[Any]) -> None:
    assert own.execute("SELECT current_user, session_user").fetchone() == (ROLE, ROLE)
    name = connection.settings_dict["USER"]
    assert refused(own, f'SET ROLE "{name}"') == ""
    assert refused(own, f'SET SESSION AUTHORIZATION "{name}"') == ""
    assert not own.execute(
        "SELECT FROM pg_auth_members WHERE member = CURRENT_USER::regrole"
    ).fetchall()


def test_what_a_role_could_do_is_known(own: psycopg.Connection[Any]) -> None:
    """What pages, REST, the start and the sequencer say of the role that they work as."""
    assert powers(own) == []
    with owner() as other:
        assert powers(other) == ["is a superuser"]
        try:
            other.execute(f"GRANT UPDATE (body) ON audit_entry TO {ROLE}")
            other.execute(f"GRANT TRUNCATE ON audit_tile TO {ROLE}")
            assert powers(own) == ["may change audit_entry", "may change audit_tile"]
            other.execute(f"ALTER ROLE {ROLE} CREATEROLE")
            assert "may make roles" in powers(own)
        finally:
            other.execute(f"ALTER ROLE {ROLE} NOCREATEROLE")
            other.execute(f"REVOKE ALL ON audit_entry, audit_tile FROM {ROLE}")
            other.execute(f"GRANT SELECT, INSERT ON audit_entry, audit_tile TO {ROLE}")
    assert powers(own) == []
