"""One private Redis (or Valkey): on loopback, with a random password, nothing kept on disk."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.services.spawn import Identity, fork_program


@dataclass(frozen=True)
class LocalRedis:
    program: Path
    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, log: Path) -> int:
        """Start it; return its pid at once."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return fork_program(self._prepare, log=log, identity=Identity.OURS, folder=self.folder)

    def _prepare(self) -> Sequence[str]:
        # A file, not arguments: arguments are readable by every user of the machine.
        config = self.folder / "redis.conf"
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            "daemonize no",
        ]
        fd = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as out:
            out.write("\n".join(lines) + "\n")
        return [str(self.program), str(config)]
