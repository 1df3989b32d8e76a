"""Executions that are not counted yet: from the venue's list of them, which goes back by time, and
where too many share a moment, from its history."""

import logging

from trading.again import Again
from trading.clock import boot_ns
from trading.venues.base import VenueError
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import Dialect, RawFill
from trading.venues.ccxt_fills import FillBook
from trading.venues.ccxt_past import Past

log = logging.getLogger(__name__)

FILL_PAGES = 100
FILL_STEP_NS = 1_000_000
"""As finely as the list goes back by time."""
AGAIN_S, AGAIN_MOST_S = 0.5, 5.0
_FILLS = "fills"


class NotListedError(Exception):
    """So many executions share a moment that the list of them does not name all."""


class Listing:
    """Of one account, against what ``book`` has counted."""

    def __init__(self, asking: Asking, dialect: Dialect, book: FillBook, past: Past) -> None:
        self._asking = asking
        self._dialect = dialect
        self._book = book
        self._past = past
        self._again = Again(AGAIN_S, AGAIN_MOST_S)

    async def fresh(self) -> list[RawFill]:
        """Pages go back until an execution that is known or too old.

        None as long as a crowded moment cannot be listed: what is counted is without a gap, so that
        the newest one known ends the list. Raises VenueError, VenueDisconnectedError, TimeoutError.
        """
        if not self._again.due(_FILLS, boot_ns()):
            return []
        try:
            found = await self._listed()
        except NotListedError as error:
            log.error("fills.not-listed: %s", error)
            self._again.asked(_FILLS, boot_ns())
            return []
        self._again.keep(())
        return self._book.fresh(found)

    async def _listed(self) -> list[RawFill]:
        dialect, asking = self._dialect, self._asking
        found: list[RawFill] = []
        before = 0
        for _ in range(FILL_PAGES):
            page = await asking.ask(
                "fills/before" if before else "fills",
                dialect.fills(asking.client, before),
                lambda said: dialect.fills_said(said, asking.markets),
            )
            found = [*page, *found]  # within a moment, in the venue's order
            if not page or self._goes_back_far_enough(page):
                return found
            oldest_ns = page[0].time_ns
            if oldest_ns + FILL_STEP_NS != before:  # others of that moment may be on the next page
                before = oldest_ns + FILL_STEP_NS
            elif len(page) < dialect.fills_page:
                return found
            else:
                found = [*await self._crowd(page), *found]
                before = oldest_ns
        raise VenueError("TOO_MANY_FILLS", "the list of executions has no end")

    def _goes_back_far_enough(self, page: list[RawFill]) -> bool:
        oldest_ns = page[0].time_ns
        return oldest_ns < self._book.horizon_ns or all(
            self._book.knows(one.venue_fill_id) for one in page if one.time_ns == oldest_ns
        )

    async def _crowd(self, page: list[RawFill]) -> list[RawFill]:
        """Of a moment that fills a page, all executions, oldest first. Raises NotListedError."""
        try:
            found = await self._past.executions(page[0].time_ns)
        except VenueError as error:
            raise NotListedError(str(error)) from error
        lacking = {one.venue_fill_id for one in page} - {one.venue_fill_id for one in found}
        if lacking:  # it lags, or has other names for them, and they would be counted twice
            raise NotListedError(f"the history lacks {len(lacking)} of {len(page)} executions")
        return found
