"""What became of one order: among those of now, else in the exchange's histories."""

from trading.venues.base import OrderStatus, VenueError
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import Dialect

HISTORY_PAGES = 20
BEFORE_NS = 300 * 1_000_000_000
"""So much earlier than an order was made its history is read: our clock may have been stepped."""


class Lookup:
    """Asks about one order of an account at a time."""

    def __init__(self, asking: Asking, dialect: Dialect) -> None:
        self._asking = asking
        self._dialect = dialect

    async def status(self, ident: str, since_ns: int) -> OrderStatus | None:
        """The order as the venue has it, or had it; None when it is found nowhere, back to when it
        was made (by our wall clock; 0: not known).

        A history tells how it ended: that it was placed once does not say that it still is open.
        Raises VenueError when what it is, is not told; VenueDisconnectedError, TimeoutError.
        """
        untold: VenueError | None = None
        try:
            found = await self._now(ident)
        except VenueError as error:
            if error.code == "RATE_LIMIT":
                raise
            untold, found = error, None  # the histories may tell it all the same
        if found is not None:
            return found
        found = await self._before(ident, since_ns)
        if found is not None and found.state == "working":
            raise untold or VenueError("NOT_TOLD", f"{ident} was placed; of now nothing is said")
        if found is None and untold is not None:
            raise untold  # it is not *never received*: that needs all of them to know nothing of it
        return found

    async def _now(self, ident: str) -> OrderStatus | None:
        """None when the venue does not know it any more, or yet."""
        dialect, asking = self._dialect, self._asking
        return await asking.ask(
            "orders/status",
            dialect.order(asking.client, ident),
            lambda said: dialect.order_said(said, ident, asking.markets),
        )

    async def _before(self, ident: str, since_ns: int) -> OrderStatus | None:
        since_ns = max(self._asking.on_its_clock(since_ns) - BEFORE_NS, 0)
        for kind in self._dialect.histories:
            found = await self._past(kind, ident, since_ns)
            if found is not None:
                return found
        return None

    async def _past(self, kind: str, ident: str, since_ns: int) -> OrderStatus | None:
        dialect, asking = self._dialect, self._asking
        page = ""
        for _ in range(HISTORY_PAGES):
            found, page = await asking.ask(
                "history",
                dialect.history(asking.client, kind, page, since_ns),
                lambda said: dialect.history_said(said, ident, asking.markets),
            )
            if found is not None or not page:
                return found
        raise VenueError("HISTORY_TOO_LONG", f"{ident} is not among the newest {kind}")
