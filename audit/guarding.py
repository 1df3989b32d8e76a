"""What the role that this process connects as could do to the record beyond adding to it.

The desk's processes are to connect as a role that owns nothing and may only read and insert here
(workers.grants). Triggers refuse the rest as well; but an owner can turn triggers off.
"""

from typing import Any

import psycopg

TABLES = (
    "audit_entry", "audit_place", "audit_tile", "audit_incarnation", "audit_signedcheckpoint",
    "audit_anchoring", "audit_verification",
)  # fmt: skip
"""The record's own; a test holds this against the models."""

POWERS_SQL = """
SELECT CASE WHEN rolsuper THEN 'is a superuser' ELSE 'may make roles' END
FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)
UNION ALL
SELECT CASE WHEN pg_has_role(current_user, relowner, 'MEMBER') THEN 'owns ' ELSE 'may change ' END
       || relname
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  AND (pg_has_role(current_user, relowner, 'MEMBER')
       OR has_table_privilege(current_user, oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
       OR has_any_column_privilege(current_user, oid, 'UPDATE'))
"""


def powers(connection: psycopg.Connection[Any]) -> list[str]:
    """What the connection's role could do, in words; empty when it may only read and insert.

    Raises psycopg.Error.
    """
    return sorted(str(one) for (one,) in connection.execute(POWERS_SQL, [list(TABLES)]).fetchall())


def in_words(role: str, found: list[str]) -> str:
    """One sentence on ``powers``."""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"the desk's database role {role} could rewrite the record: it {found[0]}{more}; give the"
        " owner in DATABASE_OWNER_URL, and in DATABASE_URL a role that owns nothing"
    )
