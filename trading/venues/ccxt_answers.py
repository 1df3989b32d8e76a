"""Answers to creates and cancels, turned into events. What an answer does not tell is not told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from trading.venues.base import (
    CancelRefused,
    Ended,
    Modified,
    ModifyRefused,
    NewOrder,
    Rejected,
    VenueDisconnectedError,
    VenueError,
    VenueEvent,
)
from trading.venues.ccxt_client import venue_errors
from trading.venues.ccxt_dialect import Cancelled, Dialect, Placed, Refused
from trading.venues.ccxt_errors import Outcome, outcome_of
from trading.venues.ccxt_watch import Watch

log = logging.getLogger(__name__)

_NONSENSE = (KeyError, ValueError, TypeError, ArithmeticError, AttributeError)


class Answers:
    """``wake`` asks for a reading of the account soon; ``limited`` hears of a spent budget."""

    def __init__(
        self, dialect: Dialect, watch: Watch, deliver: Callable[[VenueEvent], None],
        wake: Callable[[], None], limited: Callable[[], None],
    ) -> None:  # fmt: skip
        self._dialect = dialect
        self._watch = watch
        self._deliver = deliver
        self._wake = wake
        self._limited = limited
        self._on_the_way: dict[str, asyncio.Event] = {}

    def sent(self, client_order_id: str) -> None:
        self._on_the_way[client_order_id] = asyncio.Event()

    def on_the_way(self, client_order_id: str) -> asyncio.Event | None:
        """Set once that order's create is answered or given up; None when none is waited for."""
        return self._on_the_way.get(client_order_id)

    async def created(self, order: NewOrder, answer: Awaitable[Any]) -> None:
        ident = order.client_order_id
        try:
            self._told(ident, await self._outcome(ident, answer))
        finally:
            done = self._on_the_way.pop(ident, None)
            if done is not None:
                done.set()
            self._wake()

    async def _outcome(self, ident: str, answer: Awaitable[Any]) -> Placed | Refused | None:
        try:
            return self._dialect.created(await answer)
        except venue_errors() as error:
            outcome, code = outcome_of(error)
            if code == "RATE_LIMIT":
                self._limited()
            if outcome is Outcome.UNKNOWN:
                log.warning("create.unknown: %s: %s", ident, error)
                return None
            return Refused(code, str(error))
        except (TimeoutError, VenueDisconnectedError, *_NONSENSE) as error:
            log.warning("create.unanswered: %s: %r", ident, error)
            return None

    def _told(self, ident: str, said: Placed | Refused | None) -> None:
        if isinstance(said, Placed):
            self._watch.accepted(ident, said.venue_order_id)
            return
        if said is None or said.code == "DUPLICATE_ID":
            return  # no id leaves twice here: it may be this very order's echo. The gateway asks
        self._watch.dropped(ident)
        if said.ended:
            self._deliver(Ended(ident, said.code.lower(), Decimal(0), said.reason))
        else:
            self._deliver(Rejected(ident, said.code, said.reason))

    async def modified(self, wanted: Modified, answer: Awaitable[Any]) -> None:
        """An answer that tells nothing for certain is told as nothing: the order is read again."""
        ident = wanted.client_order_id
        try:
            refused = self._dialect.modified(await answer)
        except venue_errors() as error:
            outcome, code = outcome_of(error)
            log.warning("modify.%s: %s: %s", outcome.value, ident, error)
            if outcome is not Outcome.UNKNOWN:
                self._deliver(ModifyRefused(ident, code, str(error)))
        except (TimeoutError, VenueDisconnectedError, *_NONSENSE) as error:
            log.warning("modify.unanswered: %s: %r", ident, error)
        else:
            if refused is None:
                self._watch.modified(ident, wanted.quantity)
                self._deliver(wanted)
            else:
                known = ident in self._watch.seen
                code = "UNKNOWN_ORDER" if refused.code == "NOT_OPEN" and not known else refused.code
                self._deliver(ModifyRefused(ident, code, refused.reason))
        self._wake()

    async def cancelled(self, idents: Sequence[str], answer: Awaitable[Any]) -> None:
        """Of one cancel, or of several in one request."""
        known = {ident for ident in idents if ident in self._watch.seen}
        told = await self._cancel_outcomes(idents, answer)
        refused = [
            (ident, said)
            for ident, said in zip(idents, told, strict=True)
            if isinstance(said, Refused)
        ]
        if not refused:
            self._wake()  # the reading tells their end, after their last fill
            return
        try:
            await self._watch.turn()
        except (VenueError, TimeoutError, OSError) as error:
            log.warning("cancel.not-read: %s: %s", idents, error)
        for ident, said in refused:
            code = "NOT_OPEN" if ident in known and said.code == "UNKNOWN_ORDER" else said.code
            self._deliver(CancelRefused(ident, code, said.reason))

    async def _cancel_outcomes(
        self, idents: Sequence[str], answer: Awaitable[Any]
    ) -> list[Cancelled | Refused | None]:
        try:
            said = await answer
            if len(idents) == 1:
                return [self._dialect.cancelled(said)]
            return self._dialect.cancelled_many(said, idents)
        except venue_errors() as error:
            outcome, code = outcome_of(error)
            if code == "RATE_LIMIT":
                self._limited()
            log.warning("cancel.%s: %s: %s", outcome.value, idents, error)
            refusal = None if outcome is Outcome.UNKNOWN else Refused(code, str(error))
            return [refusal for _ in idents]
        except (TimeoutError, VenueDisconnectedError, *_NONSENSE) as error:
            log.warning("cancel.unanswered: %s: %r", idents, error)
            return [None for _ in idents]
