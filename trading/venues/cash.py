"""What a venue may tell of its cash besides balances."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Cash that moved without an execution: funding, a transfer, interest. ``amount`` is signed,
    ``log_id`` the venue's growing number of it, ``kind`` its own word."""

    log_id: int
    at: dt.datetime
    kind: str
    currency: str
    amount: Decimal
    symbol: str = ""


@runtime_checkable
class TellsCash(Protocol):
    """A venue with a log of what moves its cash besides executions."""

    async def cash_moved(self) -> list[CashMoved]:
        """What was not told yet and is not behind ``KnownFills.log_id``, oldest first.

        Raises VenueDisconnectedError, VenueError, TimeoutError.
        """
