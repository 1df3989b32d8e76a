"""Where this gateway is reached: on this host's disk for callers without a database, and in it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from riskctl.brakes_home import BrakesHome, write_json
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
_JOURNAL_SQL = "SELECT journal FROM riskctl_gatewayregister WHERE account = %s"


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


async def last_journal(connection: psycopg.AsyncConnection[Any], owner: Owner) -> UUID | None:
    """The journal of the account's last registered gateway, None when there was none."""
    cursor = await connection.execute(_JOURNAL_SQL, (owner.account,))
    row = await cursor.fetchone()
    return row[0] if row else None
