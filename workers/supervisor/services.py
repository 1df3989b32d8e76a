"""The desk's own PostgreSQL and Redis, where the environment gives none."""

import secrets
from dataclasses import dataclass
from typing import Any

from workers.services.binaries import find_postgres, find_redis
from workers.services.ports import free_port
from workers.services.postgres import LocalPostgres, clear_stale, data_major
from workers.services.redis import LocalRedis
from workers.supervisor.config import DeskConfig
from workers.supervisor.errors import Exit, StartError
from workers.supervisor.home import Home


@dataclass(frozen=True)
class Services:
    """Where the desk's services are; the local ones are None when they are given from outside."""

    postgres: LocalPostgres | None
    redis: LocalRedis | None
    database_url: str
    database_owner_url: str
    redis_url: str
    paper_port: int


def plan_services(config: DeskConfig, home: Home) -> Services:
    """Choose programs, ports and passwords; those of the last run while they are free.

    Raises StartError when a needed program is nowhere, and clears what a dead desk left.
    """
    known = home.services()
    postgres = None if config.database_url else _postgres(home, known)
    redis = None if config.redis_url else _redis(home, known)
    taken = frozenset(one.port for one in (postgres, redis) if one is not None)
    paper_port = _port(known, "papervenue", taken)
    known["papervenue"] = {"port": paper_port}
    home.save_services(known)
    return Services(
        postgres=postgres,
        redis=redis,
        database_url=postgres.application_url() if postgres else config.database_url,
        database_owner_url=postgres.url() if postgres else config.database_owner_url,
        redis_url=redis.url if redis else config.redis_url,
        paper_port=paper_port,
    )


def _postgres(home: Home, known: dict[str, dict[str, Any]]) -> LocalPostgres:
    folder = home.root / "postgres"
    major = data_major(folder)
    program = find_postgres(major)
    if program is None:
        version = f"PostgreSQL {major} (the version of {folder})" if major else "PostgreSQL"
        raise StartError(
            f"{version} is not on this machine: run make up, which installs it,"
            " or set DATABASE_URL",
            Exit.SERVICE,
        )
    if major and "postgres" not in known:
        raise StartError(
            f"{home.root}/services.json is lost and with it the password of {folder}:"
            " put it back, or set HALTLINE_HOME to an empty folder",
            Exit.SERVICE,
        )
    clear_stale(folder)
    port = _port(known, "postgres", frozenset())
    password = _password(known, "postgres")
    application = _password(known, "postgres", "application_password")
    known["postgres"] = {
        "port": port, "password": password, "application_password": application,
    }  # fmt: skip
    return LocalPostgres(program, folder, port, password, application_password=application)


def _redis(home: Home, known: dict[str, dict[str, Any]]) -> LocalRedis:
    program = find_redis()
    if program is None:
        raise StartError(
            "Redis is not on this machine: run make up, which installs it, or set REDIS_URL",
            Exit.SERVICE,
        )
    taken = frozenset({int(known["postgres"]["port"])} if "postgres" in known else ())
    port, password = _port(known, "redis", taken), _password(known, "redis")
    known["redis"] = {"port": port, "password": password}
    return LocalRedis(program, home.root / "redis", port, password)


def _port(known: dict[str, dict[str, Any]], name: str, avoid: frozenset[int]) -> int:
    preferred = known.get(name, {}).get("port")
    return free_port(int(preferred) if preferred else None, avoid=avoid)


def _password(known: dict[str, dict[str, Any]], name: str, key: str = "password") -> str:
    return str(known.get(name, {}).get(key) or secrets.token_hex(24))
