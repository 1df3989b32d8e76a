"""Running ``haltline`` as a person at a shell does: elsewhere, knowing only the desk's home."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.install import LAUNCHER

HANGS_S = 30


@dataclass(frozen=True)
class Said:
    """What one command said, and how long it took."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


def haltline(
    home: Path, *arguments: str, cwd: str = "/", hangs_s: float = HANGS_S, **environ: str
) -> Said:
    """``.venv/bin/haltline`` in ``home``, with nothing else in the environment."""
    begun = time.monotonic()
    done = subprocess.run(
        [LAUNCHER, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HALTLINE_HOME": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=hangs_s,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)
