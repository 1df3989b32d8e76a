"""The current sign-in code of a demo person, from demo.json. Standard library only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from workers.supervisor.errors import Exit, StartError

STEP_S = 30


def totp(secret: str, at: float) -> str:
    """Six digits by RFC 6238 (SHA-1, 30 s) from a base32 ``secret`` at ``at`` epoch seconds."""
    key = base64.b32decode(secret)
    mac = hmac.digest(key, int(at // STEP_S).to_bytes(8, "big"), hashlib.sha1)
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def current_code(home: Path, username: str, at: float | None = None) -> str:
    """The code and how long it lasts. Raises StartError when there is no such demo person."""
    path = home / "demo.json"
    try:
        people = {one["username"]: one for one in json.loads(path.read_text())["users"]}
    except FileNotFoundError:
        raise StartError(f"{path} is missing: run make up first", Exit.SETTING) from None
    if username not in people:
        raise StartError(
            f"no demo person is called {username!r}: say make code USER=NAME, NAME one of"
            f" {', '.join(people)}",
            Exit.SETTING,
        )
    now = time.time() if at is None else at
    left = STEP_S - int(now % STEP_S)
    return f"{totp(people[username]['totp_secret'], now)}  (for {left} s, once)"
