"""The half of a real exchange's adapter that asks: connections, budget, clock, one way out."""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from trading.clock import boot_ns, wall_ns
from trading.universe import Universe
from trading.venues.addresses import is_here
from trading.venues.base import (
    Capabilities,
    NewOrder,
    VenueDisconnectedError,
    VenueError,
)
from trading.venues.ccxt_client import CcxtMissingError, begin, client_of
from trading.venues.ccxt_dialect import Call, Dialect
from trading.venues.ccxt_errors import outcome_of
from trading.venues.ccxt_http import Answer, HttpPool
from trading.venues.ccxt_markets import Markets, MarketSetupError, parse_symbols
from trading.venues.ccxt_rate import Budget, Use
from trading.venues.registry import VenueSetupError

log = logging.getLogger(__name__)

CONNECTIONS = 16
SPARE = 2
"""Of these stay idle for cancels and for what reduces, whatever else is asked."""
BUSY_S = 0.01
HISTORY_S = 10.0
"""An answer of a history may take so long: nobody waits for it (ccxt_past.py)."""
LOOK_S = 0.05
"""What waits for the budget looks so often whether it has come to matter more."""
UNFENCED_MS = 30_000
"""Added to an order's not-after at a venue that keeps none: so long it may still arrive."""
_MS = 1_000_000
NONSENSE = (KeyError, ValueError, TypeError, ArithmeticError, AttributeError)
T = TypeVar("T")


class Asking:
    """One account's client at its exchange. ``on_lost`` when the last connection is gone.

    Raises VenueSetupError.
    """

    def __init__(
        self, account: str, address: str, credentials: Mapping[str, str], *, dialect: Dialect,
        timeout_s: float, universe: Universe, on_lost: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._universe = universe
        self._dialect = dialect
        self.pool = HttpPool(
            address, tls=tls_for(address), size=CONNECTIONS, timeout_s=timeout_s, on_lost=on_lost
        )
        try:
            self._symbols = parse_symbols(credentials.get("symbols", ""))
            self.client: Any = client_of(
                dialect.exchange, self.pool.base, credentials["key"], credentials["secret"],
                self._send,
            )  # fmt: skip
        except (MarketSetupError, CcxtMissingError) as error:
            raise VenueSetupError(f"{account}: {error}") from error
        self.capabilities = offered(dialect.capabilities, self.client.has)
        self.markets = Markets({}, {}, universe)
        self._clocks: deque[tuple[int, int]] = deque(maxlen=8)
        self.heard_ns = 0
        """The venue's own time in its last answer."""
        self.use = Use.READ
        """Readings count as this; signing in waits for no reserve."""
        self._hurries = 0
        self.leaving: NewOrder | None = None
        """The order whose request ccxt is about to hand over; None once it was written."""
        self._spare = SPARE
        self._timeout_s: float | None = None
        self.budget = _budget(dialect.budget, dialect.costs)
        self.histories = _budget(dialect.history_budget, dialect.history_costs)
        """The exchange counts these apart: nothing of them is taken from orders."""

    async def sign_in(self) -> None:
        """Connections, markets and the venue's clock. Raises VenueError, OSError."""
        await self.pool.open()
        self.client.markets = None
        loaded = await self.ask("instruments", self.client.load_markets(), dict)
        try:
            self.markets = Markets(loaded, self._symbols, self._universe)
        except MarketSetupError as error:
            raise VenueError("SETUP", str(error)) from error
        for text in self.markets.coarser(self._universe):
            log.warning("market.coarser: %s", text)
        self._clocks.clear()
        for _ in range(2):
            await self.ping()

    async def ask(
        self, path: str, call: Call, read: Callable[[Any], T], use: Use | None = None
    ) -> T:  # fmt: skip
        """What ``read`` makes of the answer to ``call``, within the budget: as a reading unless
        ``use`` says what it is for.

        Raises VenueError, VenueDisconnectedError, TimeoutError; of a history that does not answer
        while the venue does, VenueError alone.
        """
        of_history = path in self._dialect.history_costs
        budget = self.histories if of_history else self.budget
        try:
            if of_history:
                self._may_look_back(path)
            # Several may wait: who wakes up first takes it.
            while wait_s := self._wait_s(path, use):  # noqa: ASYNC110
                await asyncio.sleep(min(wait_s, LOOK_S))
        except (asyncio.CancelledError, VenueError):
            call.close()
            raise
        budget.force(path, boot_ns() / 1e9)
        try:
            said = await self._begun(path, call, use)
        except self.client.errors as error:
            outcome, code = outcome_of(error)
            if code == "RATE_LIMIT":
                budget.emptied(boot_ns() / 1e9)
            raise VenueError(code, f"{outcome.value}: {error}") from error
        except OSError as error:  # a TimeoutError and VenueDisconnectedError are of these
            if not (of_history and self.pool.connected):
                raise
            raise VenueError("HISTORY_AWAY", f"no answer to {path}: {error!r}") from error
        try:
            self.heard_ns = self._dialect.venue_time_ns(said) or self.heard_ns
            return read(said)
        except NONSENSE as error:
            text = f"the answer to {path} makes no sense: {error!r}"
            raise VenueError("BAD_ANSWER", text) from error

    def _wait_s(self, path: str, use: Use | None) -> float:
        """Until there may be a connection, and budget."""
        if use is Use.NOW:
            return 0.0
        if self.pool.connected and not self.pool.has_idle(SPARE):
            return BUSY_S
        if path in self._dialect.history_costs:
            return 0.0
        if use is None:
            use = min(self.use, Use.PROVE) if self._hurries else self.use
        return self.budget.wait_s(path, use, boot_ns() / 1e9)

    def _begun(self, path: str, call: Call, use: Use | None) -> Call:
        """Written in this step, under its own terms."""
        self._timeout_s = HISTORY_S if path == "history" else None
        self._spare = 0 if use is Use.NOW else SPARE
        try:
            return begin(call)
        finally:
            self._timeout_s, self._spare = None, SPARE

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """In here readings, those that wait already too, leave no budget to creates."""
        self._hurries += 1
        try:
            yield
        finally:
            self._hurries -= 1

    def _may_look_back(self, path: str) -> None:
        """Nobody waits for that budget, which takes minutes to refill. Fees, which the market's
        rates tell as well, leave a part of it to what became of orders. Raises VenueError."""
        use = Use.REDUCE if path == "history" else Use.READ
        wait_s = self.histories.wait_s(path, use, boot_ns() / 1e9)
        if wait_s:
            raise VenueError("RATE_LIMIT", f"the budget of {path} is spent for {wait_s:.0f} s")

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """What is written in here may take the last idle connection."""
        self._spare = 0
        try:
            yield
        finally:
            self._spare = SPARE

    def limited(self) -> None:
        """The venue says that the budget is spent, whatever we counted."""
        self.budget.emptied(boot_ns() / 1e9)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:  # fmt: skip
        """Everything that ccxt sends comes through here, and a create leaves once."""
        leaving, self.leaving = self.leaving, None
        if leaving is not None:
            self._check(leaving, url)
        spare = 0 if leaving is not None and leaving.reduce_only else self._spare
        timeout_s = self._timeout_s
        return await self.pool.send(method, url, headers, body, spare, timeout_s=timeout_s)

    def _check(self, order: NewOrder, url: str) -> None:
        market = self.markets.of(order.symbol)
        query = dict(parse_qsl(urlsplit(url).query))
        wrong = "symbol" if market is None else self._dialect.carries(query, order, market.ident)
        if wrong:
            raise VenueDisconnectedError(f"nothing was written: the request has another {wrong}")

    def not_after(self, life_ms: int) -> int:
        """Never later than ``life_ms`` from now by the venue's clock: offset of the quickest of the
        last eight pings, taken at its end. Raises VenueDisconnectedError before the first."""
        unfenced = 0 if self.capabilities.not_after else UNFENCED_MS
        return self._now_ns() + (life_ms + unfenced) * _MS

    def on_its_clock(self, wall_ns_: int) -> int:
        """What the venue's clock showed when our wall clock showed that; 0 is not known, and stays
        it. Raises VenueDisconnectedError before the first ping."""
        return self._now_ns() - (wall_ns() - wall_ns_) if wall_ns_ else 0

    def _now_ns(self) -> int:
        if not self._clocks:
            raise VenueDisconnectedError("the venue's clock is not known yet")
        return boot_ns() + min(self._clocks)[1]

    async def ping(self) -> float:
        started = boot_ns()
        venue_ns = await self.ask(
            "openpositions", self._dialect.ping(self.client), self._dialect.venue_time_ns
        )
        ended = boot_ns()
        if venue_ns is None:
            raise VenueError("BAD_ANSWER", "the venue does not say what time it is")
        self._clocks.append((ended - started, venue_ns - ended))
        return (ended - started) / 1e9


def _budget(terms: tuple[float, float, float], costs: Mapping[str, float]) -> Budget:
    size, window_s, reserve = terms
    return Budget(size=size, window_s=window_s, reserve=reserve, costs=costs)


def offered(declared: Capabilities, has: Mapping[str, Any]) -> Capabilities:
    """What is declared of the exchange and what this ccxt can do there."""
    cancels = all(has.get(one) for one in ("fetchOpenOrders", "cancelOrder", "cancelAllOrders"))
    return replace(
        declared,
        cancel_all=declared.cancel_all and cancels,
        dead_man=declared.dead_man and bool(has.get("cancelAllOrdersAfter")),
        stop=declared.stop and bool(has.get("createStopOrder")),
        post_only=declared.post_only and bool(has.get("createPostOnlyOrder")),
        reduce_only=declared.reduce_only and bool(has.get("createReduceOnlyOrder")),
        modify=declared.modify and bool(has.get("editOrder")),
    )


def tls_for(address: str) -> ssl.SSLContext | None:
    """In the clear to this machine only."""
    return None if is_here(address) else ssl.create_default_context()
