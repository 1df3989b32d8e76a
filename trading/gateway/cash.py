"""What moves an account's cash besides its fills: asked of the venue when cash does not add up."""

from collections.abc import Mapping
from decimal import Decimal, localcontext

import structlog

from audit.record import INSERT_SQL as AUDIT_SQL
from audit.record import entry_id, entry_row
from trading.again import Again
from trading.clock import NS, boot_ns
from trading.gateway.book import Book
from trading.gateway.store import Owner, Statement
from trading.universe import Universe
from trading.venues.base import VenueError, VenuePosition
from trading.venues.optional import CashMoved, TellsCash

log = structlog.get_logger(__name__)

ASK_S, ASK_MOST_S = 5.0, 600.0
"""What the log does not explain is asked for again, later each time: its budget is small."""
CENT = Decimal("0.01")
_DIGITS = 120
_ASKED = "log"

CASH_SQL = """
INSERT INTO trading_cashmovement (account_id, log_id, at, kind, currency, amount, symbol)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


class CashNews:
    """Compares each reading's cash with what fills moved, and reads the log where it differs."""

    def __init__(self, owner: Owner, book: Book, universe: Universe) -> None:
        self._owner = owner
        self._book = book
        self._universe = universe
        self._again = Again(ASK_S, ASK_MOST_S)
        self._explained: dict[str, Decimal] | None = None
        self._asked_ns = 0

    async def told(
        self, venue: object, listed: tuple[VenuePosition, ...], balances: Mapping[str, Decimal]
    ) -> list[Statement]:
        """What is to be written down of movements that were not known.

        Raises VenueDisconnectedError. A log that cannot be had is asked again at a later reading.
        """
        if not isinstance(venue, TellsCash):
            return []
        rest = self._rest(listed, balances)
        if rest is None or not self._due(rest):
            return []
        self._asked_ns = boot_ns()
        try:
            moved = await venue.cash_moved()
        except (VenueError, TimeoutError) as error:
            log.warning("cash.not-told", account=self._owner.account, error=str(error))
            self._again.asked(_ASKED, boot_ns())
            return []
        self._explain(rest, moved)
        return [statement for one in moved for statement in _statements(one, self._owner)]

    def _due(self, rest: Mapping[str, Decimal]) -> bool:
        """Now and then all the same: the log may be later than the cash."""
        if self._adds_up(rest):
            return boot_ns() - self._asked_ns > ASK_MOST_S * NS
        return self._again.due(_ASKED, boot_ns())

    def _rest(
        self, listed: tuple[VenuePosition, ...], balances: Mapping[str, Decimal]
    ) -> dict[str, Decimal] | None:
        """Cash by currency that no fill of ours moved; None when the venue does not say enough."""
        rest = dict(balances)
        with localcontext(prec=_DIGITS):
            for position in listed:
                if position.unpaid is None or position.symbol not in self._universe:
                    return None
                currency = self._universe.by_symbol(position.symbol).currency
                rest[currency] = rest.get(currency, Decimal(0)) - position.unpaid
            for (_, symbol), held in self._book.holdings.items():
                currency = self._universe.by_symbol(symbol).currency
                moved = held.realised - held.cost - held.fees
                rest[currency] = rest.get(currency, Decimal(0)) - moved
        return rest

    def _adds_up(self, rest: Mapping[str, Decimal]) -> bool:
        known = self._explained
        return known is not None and all(
            abs(amount - known.get(currency, Decimal(0))) < CENT
            for currency, amount in rest.items()
        )

    def _explain(self, rest: dict[str, Decimal], moved: list[CashMoved]) -> None:
        """Movements explain what differs; the first reading is what all begins with."""
        if self._explained is None:
            self._explained = rest
            return
        for one in moved:
            before = self._explained.get(one.currency, Decimal(0))
            self._explained[one.currency] = before + one.amount
        if self._adds_up(rest):
            self._again.keep(())
        else:
            self._again.asked(_ASKED, boot_ns())


def _statements(one: CashMoved, owner: Owner) -> list[Statement]:
    row = (
        owner.account, one.log_id, one.at, one.kind, one.currency, one.amount, one.symbol,
    )  # fmt: skip
    entry = entry_row(
        id=entry_id("cash", owner.account, one.log_id, one.kind),
        action="cash.move",
        actor_kind="process",
        actor=f"{owner.lease}#{owner.token}",
        object_kind="account",
        object_id=owner.account,
        happened_at=one.at,
        after={
            "log_id": one.log_id, "kind": one.kind, "currency": one.currency,
            "amount": one.amount, "symbol": one.symbol,
        },
    )  # fmt: skip
    return [(CASH_SQL, row), (AUDIT_SQL, entry)]
