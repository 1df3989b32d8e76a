"""What an exchange's own log of cash tells: what executions cost, and what else moved cash.

An execution may be in the list of fills before its fee is in the log. It waits for that a moment,
then counts with the fee by the market's rates; what the log later says otherwise is told as a
movement of cash of its own, so that the books never differ from the account for good.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from trading.clock import NS, wall_ns
from trading.venues.base import VenueError
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import FEW_FEES, Dialect, LogLine, RawFill
from trading.venues.optional import CashMoved

log = logging.getLogger(__name__)

FEE_WAIT_NS = NS
"""So long after an execution its fee may be missing from the log; then the rates tell it."""
PAGES = 4
"""So much of the log is read at a time; the next reading goes on from there."""
ESTIMATES = 1_000
FEE = "fee"
T = TypeVar("T")


class CashLog:
    """``since_ns``: what is older, by our wall clock, is not asked for."""

    def __init__(self, asking: Asking, dialect: Dialect, since_ns: int) -> None:
        self._asking = asking
        self._dialect = dialect
        self._since_ns = since_ns or wall_ns()
        self._after = 0
        self._estimated: dict[str, RawFill] = {}
        self._waiting: set[str] = set()
        self._passed: dict[str, Decimal] = {}
        """Fees of executions that were read of before they were listed: they are not read again."""

    def resume(self, after: int, since_ns: int) -> None:
        """Go on behind what is written down: line ``after``, or, where that is 0, that moment."""
        self._after, self._since_ns = after, since_ns or self._since_ns

    # Fees ------------------------------------------------------------------------------------

    async def fees(self, raw: list[RawFill]) -> dict[str, Decimal]:
        """Of those of ``raw`` (oldest first) that can be counted now; the others wait."""
        due = [one for one in raw if one.fee is None]
        if due and due[0].venue_fill_id in self._waiting and self._young(due[0]):
            return {}  # asked once already: its budget is small
        said = await self._said(due) if due else {}
        self._waiting.clear()
        known, fees = {**self._passed, **(said or {})}, dict[str, Decimal]()
        for one in raw:
            fee = one.fee if one.fee is not None else known.get(one.venue_fill_id)
            if fee is None and said is not None and self._young(one):
                self._waiting.add(one.venue_fill_id)
                break
            fees[one.venue_fill_id] = self._estimate(one) if fee is None else fee
        return fees

    async def _said(self, due: list[RawFill]) -> dict[str, Decimal] | None:
        """What the log tells; None when it cannot be had: what was traded is told without it."""
        dialect, asking = self._dialect, self._asking
        try:
            return await asking.ask(
                "account-log" if len(due) <= FEW_FEES else "account-log/long",
                dialect.fees(asking.client, due[0].time_ns, len(due)),
                dialect.fees_said,
            )
        except (VenueError, TimeoutError) as error:
            log.warning("fees.not-told: %s", error)
            return None

    def _young(self, fill: RawFill) -> bool:
        return self._asking.on_its_clock(wall_ns()) - fill.time_ns < FEE_WAIT_NS

    def _estimate(self, fill: RawFill) -> Decimal:
        """By the market's rates, which the log may correct."""
        market = self._asking.markets.of(fill.symbol)
        if market is None:
            fee = Decimal(0)
        else:
            rate = market.maker if fill.maker else market.taker
            fee = fill.quantity * fill.price * market.multiplier * rate
        _keep(self._estimated, fill.venue_fill_id, replace(fill, fee=fee))
        return fee

    # What else moves cash --------------------------------------------------------------------

    async def moved(self) -> list[CashMoved]:
        """What was not told yet, oldest first. Raises VenueError, VenueDisconnectedError,
        TimeoutError."""
        dialect, asking = self._dialect, self._asking
        found: list[CashMoved] = []
        for _ in range(PAGES):
            since_ns = asking.on_its_clock(self._since_ns)
            lines = await asking.ask(
                "account-log/long",
                dialect.cash_log(asking.client, self._after, since_ns),
                lambda said: dialect.cash_log_said(said, asking.markets),
            )
            found += self._read(lines)
            if not lines:
                break
            self._after = max(one.log_id for one in lines)
        return found

    def _read(self, lines: Iterable[LogLine]) -> list[CashMoved]:
        found = []
        for line in lines:
            if line.amount:
                found.append(_moved(line, line.kind, line.amount))
            if line.fee is None:
                continue
            if line.execution not in self._estimated:
                _keep(self._passed, line.execution, line.fee)
                continue
            counted = self._estimated.pop(line.execution)
            assert counted.fee is not None
            if counted.fee != line.fee:
                found.append(_moved(line, FEE, counted.fee - line.fee))
        return found


def _keep(kept: dict[str, T], name: str, value: T) -> None:
    kept[name] = value
    if len(kept) > ESTIMATES:
        del kept[next(iter(kept))]


def _moved(line: LogLine, kind: str, amount: Decimal) -> CashMoved:
    return CashMoved(line.log_id, line.at, kind, line.currency, amount, line.symbol)
