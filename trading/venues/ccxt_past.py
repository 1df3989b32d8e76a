"""A venue's histories, read beside everything else: another service than trading, and a slower one.

A look goes on when nobody waits for it any more, and who asks again is told what it found. So a
history that takes long is read once, and neither fills nor readings nor other orders wait for it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from trading.clock import NS, boot_ns
from trading.venues.base import OrderStatus, VenueError
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import Dialect, RawFill

HISTORY_PAGES = 20
LOOKS = 2
"""At once: each has a connection, perhaps for long."""
PATIENCE_S = 1.0
"""So long is waited for a look, once; then for none until one was quicker."""
KEPT_NS = 60 * NS
"""What nobody asked for again is forgotten so long after it was found."""
T = TypeVar("T")


@dataclass(slots=True)
class _Look:
    """``heard_ns``: the venue's time as it began; ``ended_ns``: ours, 0 while it goes on."""

    heard_ns: int
    task: asyncio.Task[Any]
    ended_ns: int = 0

    def ended(self, task: asyncio.Task[Any]) -> None:
        self.ended_ns = boot_ns()
        if not task.cancelled():
            task.exception()  # it may have no reader any more, and that is no mistake


class Past:
    """Of one account. All raise VenueError, ``HISTORY_SLOW`` while the look goes on."""

    def __init__(self, asking: Asking, dialect: Dialect) -> None:
        self._asking = asking
        self._dialect = dialect
        self._looks: dict[str, _Look] = {}
        self._few = asyncio.Semaphore(LOOKS)
        self._slow = False

    def as_of_ns(self, ident: str) -> int:
        """The venue's time when looking for that order began; now, if that is still to begin."""
        look = self._looks.get(ident)
        return look.heard_ns if look else self._asking.heard_ns

    async def order(self, ident: str, since_ns: int) -> OrderStatus | None:
        """What became of it; None when it is in none of the histories, back to ``since_ns`` by the
        venue's clock."""
        return await self._told(ident, lambda: self._order(ident, since_ns))

    async def executions(self, time_ns: int) -> list[RawFill]:
        """All of that moment, as finely as the venue's list of executions goes back by time; oldest
        first."""
        return await self._told(f"executions {time_ns}", lambda: self._executions(time_ns))

    async def close(self) -> None:
        """Give up what goes on: it was asked on connections that are gone."""
        tasks = [one.task for one in self._looks.values()]
        self._looks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _told(self, name: str, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        one = self._looks.get(name)
        if one is None:
            self._forget_old()
            task = asyncio.create_task(self._timed(look))
            one = self._looks[name] = _Look(self._asking.heard_ns, task)
            task.add_done_callback(one.ended)
        done, _ = await asyncio.wait({one.task}, timeout=0 if self._slow else PATIENCE_S)
        if not done:
            self._slow = True
            raise VenueError("HISTORY_SLOW", f"{name} is still being looked for")
        self._looks.pop(name, None)
        found: T = one.task.result()
        return found

    async def _timed(self, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._few:
            begun = boot_ns()
            try:
                return await look()
            finally:
                self._slow = boot_ns() - begun > PATIENCE_S * NS

    def _forget_old(self) -> None:
        since = boot_ns() - KEPT_NS
        self._looks = {
            name: one for name, one in self._looks.items() if not 0 < one.ended_ns < since
        }

    async def _order(self, ident: str, since_ns: int) -> OrderStatus | None:
        for kind in self._dialect.histories:
            found = await self._order_of(kind, ident, since_ns)
            if found is not None:
                return found
        return None

    async def _order_of(self, kind: str, ident: str, since_ns: int) -> OrderStatus | None:
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

    async def _executions(self, time_ns: int) -> list[RawFill]:
        dialect, asking = self._dialect, self._asking
        found: list[RawFill] = []
        page = ""
        for _ in range(HISTORY_PAGES):
            more, page = await asking.ask(
                "history",
                dialect.executions(asking.client, time_ns, page),
                lambda said: dialect.executions_said(said, asking.markets),
            )
            found += more
            if not page:
                return found[::-1]
        raise VenueError("HISTORY_TOO_LONG", f"the executions of {time_ns} have no end")
