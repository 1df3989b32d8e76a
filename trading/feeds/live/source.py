"""Live sources as the feed's loop wants them: a thread hears, the loop takes what was heard."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from trading.clock import NS
from trading.feeds.live.client import LiveClient
from trading.feeds.live.heard import Heard, Taken
from trading.feeds.live.spec import LiveSpec
from trading.feeds.raw import RawBatch
from trading.venues.ccxt_client import venue_errors

PACE_NS = 10_000_000
DOWN_NS = 10 * NS
"""A source that was not heard for so long, by stream nor by REST, is disconnected."""
MOST = 50_000
"""Heard and not taken: beyond it the oldest are forgotten, as all of them will be."""
STOP_S = 2.0


class LiveSource:
    """Feed time is wall time; nothing is remembered over a restart."""

    locked = False
    ended = False
    clock_jumps = 0
    jumped_ns = 0

    def __init__(self, specs: Sequence[LiveSpec]) -> None:
        """Raises trading.venues.ccxt_client.CcxtMissingError."""
        self._heard: deque[tuple[int, Heard]] = deque(maxlen=MOST)
        self._clients = [
            LiveClient(spec, lambda one, number=number: self._heard.append((number, one)))  # type: ignore[misc]
            for number, spec in enumerate(specs)
        ]
        self._taken = Taken(len(specs))
        self._down: frozenset[int] = frozenset()
        self._started_boot = 0
        self.clock_ns = 0
        self._loop = asyncio.new_event_loop()
        self._running: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_unheard)
        self._running = self._loop.create_task(self._all())
        try:
            self._loop.run_until_complete(self._running)
        except asyncio.CancelledError:
            pass  # it was told to stop
        finally:
            self._loop.close()

    async def _all(self) -> None:
        await asyncio.gather(*(one.run() for one in self._clients))

    def pull(self, boot_ns: int, wall_ns: int) -> RawBatch | None:
        """Raises RuntimeError when nobody hears any more."""
        if not self._started_boot:
            self._started_boot = boot_ns
            self._thread.start()
        if not self._thread.is_alive():
            raise RuntimeError("the thread of the live feed has ended")
        self.clock_ns = max(self.clock_ns, wall_ns)
        down = frozenset(
            number
            for number, one in enumerate(self._clients)
            if boot_ns - max(one.heard_boot, self._started_boot) > DOWN_NS
        )
        heard = [self._heard.popleft() for _ in range(len(self._heard))]
        changed, self._down = down != self._down, down
        return self._taken.batch(heard, self.clock_ns, down) if heard or changed else None

    @property
    def lost(self) -> bool:
        return len(self._down) == len(self._clients)

    def wait_ns(self, boot_ns: int, wall_ns: int) -> int:
        return PACE_NS

    def resume(self, boot_ns: int) -> None:
        """What was heard in an outage is lost: a quote is judged by when it was heard, so an old
        one would pass. Halts are told again."""
        self._heard.clear()
        if self._thread.is_alive():
            for one in self._clients:
                self._loop.call_soon_threadsafe(one.repeat)

    def state(self) -> dict[str, Any]:
        return {"live": [dict(one.standing) for one in self._clients]}

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(lambda: self._running and self._running.cancel())
            self._thread.join(STOP_S)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """ccxt tells everybody who waits of an error, and we await one of them: the others are none."""
    if not isinstance(context.get("exception"), venue_errors()):
        loop.default_exception_handler(context)
