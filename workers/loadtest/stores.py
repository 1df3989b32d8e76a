"""A database and a Redis number that are a load test's alone, on the desk's own servers.

What a run that was killed left there goes at the next start.
"""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

SUFFIX = "_load"
MARK = "hl:load"
NUMBERS = range(15, 0, -1)


class StoresError(Exception):
    """There is no room of our own; the text says what to do."""


class BusyError(StoresError):
    """Another load test is running."""


def at(url: str, name: str) -> str:
    """``url`` with another database behind the slash."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def load_database(owner_url: str) -> Iterator[str]:
    """The name of a fresh, empty database beside that of ``owner_url``; dropped at the end.

    Raises StoresError.
    """
    name = urlsplit(owner_url).path.strip("/") + SUFFIX
    try:
        with psycopg.connect(owner_url, autocommit=True, connect_timeout=3) as owner:
            _drop(owner, name)
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoresError(
            "this role may make no database: name the owner's in DATABASE_OWNER_URL, and let it"
            " (ALTER ROLE … CREATEDB)"
        ) from error
    except psycopg.Error as error:
        raise StoresError(f"the database does not answer: {str(error).strip()}") from error
    try:
        yield name
    finally:
        with psycopg.connect(owner_url, autocommit=True, connect_timeout=3) as owner:
            _drop(owner, name)


def _drop(owner: psycopg.Connection, name: str) -> None:
    # FORCE: what a killed run left connected goes with it.
    owner.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def load_redis(url: str) -> Iterator[str]:
    """The URL of a number of ``url``'s Redis that nobody uses; emptied at the end.

    Raises StoresError.
    """
    if urlsplit(url).scheme not in ("redis", "rediss"):
        raise StoresError("REDIS_URL: only redis:// and rediss:// have numbers to choose from")
    found = next((one for number in NUMBERS if _taken(one := at(url, str(number)))), None)
    if found is None:
        raise StoresError("no number of this Redis from 1 to 15 is empty: make room in one")
    try:
        yield found
    finally:
        with redis.Redis.from_url(found) as client:
            client.flushdb()


def _taken(url: str) -> bool:
    """Whether it was empty, or left by a load test, and is ours now."""
    with redis.Redis.from_url(url, socket_timeout=3) as client:
        try:
            if client.dbsize() and not client.exists(MARK):
                return False
            client.flushdb()
            client.set(MARK, "1")
        except redis.ResponseError:  # it has no such number
            return False
        except redis.RedisError as error:
            raise StoresError(f"Redis does not answer: {error}") from error
    return True
