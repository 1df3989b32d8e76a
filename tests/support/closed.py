"""A record that takes no entry while the rest of the database works."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.roles import owner

CLOSE = """
CREATE FUNCTION record_closed() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the record is closed'; END $$;
CREATE TRIGGER record_closed BEFORE INSERT ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION record_closed()
"""
OPEN = "DROP TRIGGER record_closed ON audit_entry; DROP FUNCTION record_closed()"


@contextmanager
def record_closed() -> Iterator[None]:
    """For every connection to the test database; a test that commits uses it."""
    with owner() as own:
        own.execute(CLOSE)
        try:
            yield
        finally:
            own.execute(OPEN)
