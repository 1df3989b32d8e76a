"""What a process needs to place stops: the brakes' home, the key, who signs, the database."""

import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg.conninfo import make_conninfo

from audit.signing import Signer, signer_at, signer_of
from riskctl.brakes_home import BrakesHome
from riskctl.links import Links

CONNECT_S = 1
_OPTIONS = (
    "-c synchronous_commit=on -c statement_timeout=3s -c lock_timeout=1s"
    " -c application_name=hold-placer"
)


def database_dsn() -> str:
    """A libpq connection string of Django's default database."""
    database = settings.DATABASES["default"]
    named = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return make_conninfo(**{key: str(value) for key, value in named.items() if value})


@dataclass
class BrakesDesk:
    """``connections``, ``links``: idle ones of this process, for the next stop to find warm."""

    home: BrakesHome
    key: bytes
    signer: Signer
    dsn: str
    connections: list[psycopg.Connection[Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        self.links = Links(self.key)

    def connection(self) -> psycopg.Connection[Any]:
        """An idle connection, or a new one. Raises psycopg.Error."""
        with self.lock:
            while self.connections:
                found = self.connections.pop()
                if not found.closed:
                    return found
        return psycopg.connect(
            self.dsn, autocommit=True, connect_timeout=CONNECT_S, options=_OPTIONS
        )

    def give_back(self, connection: psycopg.Connection[Any]) -> None:
        with self.lock:
            if not connection.closed and len(self.connections) < 4:
                self.connections.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle."""
        self.links.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close the idle connections to the database."""
        with self.lock:
            idle, self.connections[:] = list(self.connections), []
        for connection in idle:
            connection.close()


@cache
def brakes_desk() -> BrakesDesk:
    """This process's own, from the settings."""
    home = BrakesHome(Path(settings.BRAKES_HOME))
    signer = (
        signer_of(settings.SIGNING_KEY)
        if settings.SIGNING_KEY
        else signer_at(Path(settings.SIGNING_KEY_FILE))
    )
    return BrakesDesk(home, home.control_key(settings.CONTROL_KEY), signer, database_dsn())
