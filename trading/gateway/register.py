"""Where this gateway is reached: on this host's disk for callers without a database, and in it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from riskctl.brakes_home import BrakesHome, write_json
from riskctl.registered import ACCOUNTS_SQL
from trading.gateway.store import Owner, Statement

REGISTER_SQL = """
INSERT INTO riskctl_gatewayregister
  (account, address, place, pid, start_ticks, token, journal, registered_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account) DO UPDATE SET
  address = EXCLUDED.address, place = EXCLUDED.place, pid = EXCLUDED.pid,
  start_ticks = EXCLUDED.start_ticks, token = EXCLUDED.token, journal = EXCLUDED.journal,
  registered_at = EXCLUDED.registered_at
WHERE riskctl_gatewayregister.token <= EXCLUDED.token
"""
_LAST_SQL = "SELECT journal, token FROM riskctl_gatewayregister WHERE account = %s"


@dataclass(frozen=True, slots=True)
class Entry:
    """One gateway in the register."""

    account: str
    address: str
    place: str
    pid: int
    start_ticks: int
    token: int
    journal: UUID
    registered_at: datetime

    def on_disk(self, home: BrakesHome) -> None:
        """Raises OSError."""
        body: dict[str, Any] = {
            **asdict(self),
            "journal": str(self.journal),
            "registered_at": self.registered_at.isoformat(),
        }
        write_json(home.gateways / f"{self.account}.json", body)

    def statement(self) -> Statement:
        return REGISTER_SQL, (
            self.account, self.address, self.place, self.pid, self.start_ticks, self.token,
            self.journal, self.registered_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The account's last registered gateway: whose journal it wrote, under which token."""

    journal: UUID
    token: int


async def predecessor(connection: psycopg.AsyncConnection[Any], owner: Owner) -> Predecessor | None:
    """None when there never was one."""
    cursor = await connection.execute(_LAST_SQL, (owner.account,))
    row = await cursor.fetchone()
    return Predecessor(*row) if row else None


async def accounts_read(connection: psycopg.AsyncConnection[Any]) -> list[str]:
    """Every account that may be hosted, here or elsewhere."""
    cursor = await connection.execute(ACCOUNTS_SQL)
    return [row[0] for row in await cursor.fetchall()]
