"""What must be done before the desk's processes start. Runs in a child of the supervisor."""

import time

import psycopg
import redis
from django.core.management import CommandError, call_command
from psycopg import sql

from workers.grants import RolesError, database_prepare
from workers.supervisor.prepared import PREPARED, WARNING

_OWN_START_S = 40.0  # crash recovery of a large database included
_ANSWER_S = 10.0  # what is given from outside should be there
_POLL_S = 0.05
_WAIT = ("starting up", "shutting down", "not yet accepting connections", "in recovery mode")
"""What a server says that will answer soon (SQLSTATE 57P03, which a failed connection lacks)."""


def prepare_data(
    database_url: str, redis_url: str, *, owner_url: str, create_database: bool, production: bool
) -> None:
    """Wait for the services, bring the database up to date, make the desk's records.

    The last line of the log says as whom the desk works, or warns. Ends the process with one line
    when a service cannot be reached, or the roles are not as a production needs them.
    """
    _wait_for_database(owner_url or database_url, create=create_database)
    _wait_for_redis(redis_url)
    try:
        said = database_prepare(url=database_url, owner_url=owner_url, make_role=create_database)
        if said and (production or owner_url):
            raise SystemExit(said)
        call_command("desk_prepare")
    except (RolesError, CommandError) as problem:
        raise SystemExit(str(problem)) from problem
    except psycopg.OperationalError as problem:
        raise SystemExit(f"{str(problem).strip()}: check DATABASE_URL") from problem
    print(f"{WARNING}{said}" if said else PREPARED, flush=True)


def _wait_for_database(url: str, *, create: bool) -> None:
    base = url.rpartition("/")[0] + "/postgres" if create else url
    deadline = time.monotonic() + (_OWN_START_S if create else _ANSWER_S)
    while True:
        try:
            with psycopg.connect(base, connect_timeout=2, autocommit=True) as connection:
                if create:
                    _create_database(connection, url.rpartition("/")[2])
            return
        except psycopg.OperationalError as problem:
            if time.monotonic() > deadline or _is_refusal(problem):
                raise SystemExit(
                    f"PostgreSQL cannot be reached: {str(problem).strip().splitlines()[-1]}:"
                    " check DATABASE_URL, or unset it for a database of the desk's own"
                ) from problem
            time.sleep(_POLL_S)


def _is_refusal(problem: psycopg.OperationalError) -> bool:
    """Whether the server answered and said no, so that waiting does not help."""
    text = str(problem)
    return "FATAL" in text and not any(words in text for words in _WAIT)


def _create_database(connection: psycopg.Connection, name: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _wait_for_redis(url: str) -> None:
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            client.ping()
            return
        except redis.AuthenticationError as problem:
            raise SystemExit(f"Redis refuses us ({problem}): check REDIS_URL") from problem
        except redis.RedisError as problem:
            if time.monotonic() > deadline:
                raise SystemExit(
                    f"Redis cannot be reached ({problem}): check REDIS_URL, or unset it"
                    " for a Redis of the desk's own"
                ) from problem
            time.sleep(_POLL_S)
        finally:
            client.close()
