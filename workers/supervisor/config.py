"""What the environment asks for, checked before anything starts. Standard library only."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.supervisor.errors import Exit, StartError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class DeskConfig:
    """``database_url`` and ``redis_url`` are empty when the desk brings its own."""

    home: Path
    host: str
    port: int
    production: bool
    database_url: str
    database_owner_url: str
    redis_url: str

    @property
    def shown_host(self) -> str:
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104

    @property
    def browser_host(self) -> str:
        """As people are told it: a passkey is for a name, never for a number."""
        return "localhost" if self.shown_host == "127.0.0.1" else self.shown_host


def read_config(environ: Mapping[str, str] = os.environ) -> DeskConfig:
    """Raises StartError naming the variable that is wrong."""
    text = environ.get("PORT") or "8080"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StartError(f"PORT is {text!r}: give a number from 1 to 65535", Exit.SETTING)
    if environ.get("DATABASE_OWNER_URL") and not environ.get("DATABASE_URL"):
        raise StartError(
            "DATABASE_OWNER_URL is given without DATABASE_URL: name there the role that the"
            " desk's processes connect as",
            Exit.SETTING,
        )
    return DeskConfig(
        home=Path(environ.get("HALTLINE_HOME") or PROJECT / "var").resolve(),
        host=environ.get("HALTLINE_HOST") or "127.0.0.1",
        port=int(text),
        production=environ.get("HALTLINE_ENV", "demo") == "production",
        database_url=environ.get("DATABASE_URL", ""),
        database_owner_url=environ.get("DATABASE_OWNER_URL", ""),
        redis_url=environ.get("REDIS_URL", ""),
    )


def listen(config: DeskConfig) -> socket.socket:
    """The web's listening socket: opened once, kept across its restarts. Raises StartError."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((config.host, config.port))
        sock.listen(1024)
    except PermissionError:
        sock.close()
        raise StartError(
            f"port {config.port} may not be used by this user: set PORT to 1024 or more",
            Exit.PORT_TAKEN,
        ) from None
    except OSError as problem:
        sock.close()
        raise StartError(
            f"port {config.port} on {config.host} is taken ({problem.strerror}):"
            f" stop what uses it, or set PORT, e.g. PORT={min(config.port + 1, 65535)} make up",
            Exit.PORT_TAKEN,
        ) from None
    return sock
