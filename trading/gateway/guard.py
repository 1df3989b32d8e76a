"""The task that keeps a gateway's stop-losses, and what it answers who sets them."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from riskctl.control import SetStops, StopLine
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect
from trading.gateway.protecting import Protection
from trading.gateway.session import now
from trading.gateway.stoploss import StopState

EVERY_S = 0.1
ANSWER_S = 1.5
"""How long the venue's word on what was sent is waited for."""


class Guard:
    """``settled``: the books are the venue's; before that nothing is followed."""

    def __init__(
        self, core: GatewayCore, protection: Protection,
        perform: Callable[[list[Effect]], None], settled: asyncio.Event,
    ) -> None:  # fmt: skip
        self._core = core
        self._protection = protection
        self._perform = perform
        self._settled = settled
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()

    def wake(self) -> None:
        """Something moved."""
        self._wake.set()

    def open_in(self, scope: str) -> bool:
        return self._protection.open_in(scope)

    async def run(self) -> None:
        """Follow positions and prices for ever."""
        await self._settled.wait()
        while True:
            self._turn()
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    def _turn(self) -> None:
        effects = self._protection.upkeep(now())
        if effects:
            self._perform(effects)
        self._turned.set()

    async def set(self, ask: SetStops) -> list[StopLine]:
        """Each position in the scope and what became of it, once the venue has said or after a
        while."""
        lines = self._protection.set(ask, now())
        if ask.dry_run:
            return lines
        self._turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                while self._pending(ask):
                    self._turned.clear()
                    await self._turned.wait()
        return became(lines, self._protection.lines(ask))

    def _pending(self, ask: SetStops) -> bool:
        return any(one.state == StopState.PENDING for one in self._protection.lines(ask))


def became(asked: list[StopLine], stand: list[StopLine]) -> list[StopLine]:
    """What was answered at once, as it stands by now, with why it is not what was asked."""
    stood = {(one.strategy, one.symbol): one for one in stand}
    return [_by_now(one, stood.get((one.strategy, one.symbol), one)) for one in asked]


def _by_now(asked: StopLine, stands: StopLine) -> StopLine:
    if asked.state == "refused":
        return asked
    if asked.not_as_asked:
        return msgspec.structs.replace(stands, why=asked.why, not_as_asked=True)
    return stands
