"""What some venues offer besides, each asked for where it is used: isinstance tells who has it."""

import datetime as dt
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from trading.venues.base import KnownFills, Venue


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
class Streams(Protocol):
    """A venue with a private stream that tells when to read."""

    @property
    def stream_state(self) -> str:
        """live, or what it is instead; empty: the venue offers none."""


@runtime_checkable
class NumbersFills(Protocol):
    """A venue that names its executions without counting them: our books do, and tell it first."""

    def fills_known(self, known: KnownFills) -> None:
        """Before a ``connect`` that is to hear fills: until then none is told, orders are."""


@runtime_checkable
class Hurries(Protocol):
    """A venue that counts requests, so that readings wait where the desk wants to create."""

    def hurried(self) -> AbstractContextManager[None]:
        """In here they leave no budget to creates: a stop is to be proven by them."""


@runtime_checkable
class TellsCash(Protocol):
    """A venue with a log of what moves its cash besides executions."""

    async def cash_moved(self) -> list[CashMoved]:
        """What was not told yet and is not behind ``KnownFills.log_id``, oldest first.

        Raises VenueDisconnectedError, VenueError, TimeoutError.
        """


def hurried(venue: Venue) -> AbstractContextManager[None]:
    """In here nothing that is read at ``venue`` waits for what a stop forbids."""
    return venue.hurried() if isinstance(venue, Hurries) else nullcontext()
