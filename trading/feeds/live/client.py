"""One live source: ccxt's stream while it speaks, its REST while it does not, and at the start.

ccxt connects, subscribes and keeps the books; what each message says is read here, so that none is
passed over. Nothing of ccxt retries or throttles: when the stream breaks, falls silent, or lacks a
message, it is closed and made anew, after a pause that grows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from trading.clock import NS, boot_ns, wall_ns
from trading.feeds.live.heard import Garbled, Heard
from trading.feeds.live.kraken import GapError, KrakenFuturesWords
from trading.feeds.live.spec import LiveSpec
from trading.gateway.words import worded
from trading.universe import UNIVERSE
from trading.venues.ccxt_asking import tls_for
from trading.venues.ccxt_client import client_of, stream_class, venue_errors
from trading.venues.ccxt_http import Answer, HttpPool
from trading.venues.ccxt_markets import Markets, MarketSetupError

DIALECTS = {KrakenFuturesWords.exchange: KrakenFuturesWords}
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
QUIET_NS = 5 * NS
"""A stream silent for longer is asked by REST meanwhile."""
SILENT_NS = 15 * NS
"""A stream silent for longer is made anew, whatever pings it answers."""
POLL_S = 1.0
LIMITED_S = 10.0
"""After *too many* from the exchange, which counts by ten seconds."""
TIMEOUT_S = 5.0
NONSENSE: tuple[type[Exception], ...] = (
    KeyError, ValueError, TypeError, AttributeError, ArithmeticError, IndexError,
)  # fmt: skip
SHOWN = 200

log = structlog.get_logger("trading.feeds")


class SilentError(Exception):
    """The stream says nothing any more."""


class LiveClient:
    """``deliver`` is called in the loop's thread with whatever is heard."""

    def __init__(self, live: LiveSpec, deliver: Callable[[Heard], None]) -> None:
        """Raises trading.venues.ccxt_client.CcxtMissingError."""
        self._live = live
        self._deliver = deliver
        names = {theirs: UNIVERSE.by_symbol(ours).id for ours, theirs in live.symbols.items()}
        self._words = DIALECTS[live.exchange](names)
        self._pool = HttpPool(
            live.address, tls=tls_for(live.address), size=1, timeout_s=TIMEOUT_S,
            on_lost=lambda _: None,
        )  # fmt: skip
        self.client: Any = client_of(
            live.exchange, self._pool.base, "", "", self._send,
            known=_streaming(live.exchange, self._heard),
        )  # fmt: skip
        self.client.number = float  # its books are sorted by them
        api = self.client.urls["api"]
        api["ws"] = api["ws"].replace("http", "ws", 1)
        self._symbols: list[str] = []
        self._broken: asyncio.Future[None] | None = None
        self._ready = asyncio.Event()
        self.heard_boot = 0
        """When anything was heard last, by whichever way; 0: never."""
        self._stream_boot = self._begun = 0
        self.standing: dict[str, Any] = {
            "name": live.name,
            "stream": False,
            "connects": 0,
            "problem": "",
        }

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await asyncio.gather(self._stream(), self._poll())
        finally:
            await self._pool.close()
            await self.client.close()

    # REST ------------------------------------------------------------------------------------

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if not self._pool.connected:
            await self._pool.open()
        return await self._pool.send(method, url, headers, body)

    async def _poll(self) -> None:
        """At the start, and whenever the stream is quiet."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            pause = POLL_S
            if self._symbols and boot_ns() - self._stream_boot < QUIET_NS:
                continue
            try:
                await self._ask()
            except MarketSetupError as error:
                self._trouble(str(error))
                pause = BACK_OFF_S[-1]
            except _wrong(*NONSENSE) as error:
                self._trouble(f"{type(error).__name__}: {error}")
                limited = type(error).__name__ in ("RateLimitExceeded", "DDoSProtection")
                pause = LIMITED_S if limited else POLL_S

    async def _ask(self) -> None:
        if not self._symbols:
            markets = Markets(await self.client.load_markets(), self._live.symbols, UNIVERSE)
            found = (markets.of(symbol) for symbol in self._live.symbols)
            self._symbols = [one.unified for one in found if one]
            self._ready.set()
        said = await self.client.fetch_tickers(self._symbols)
        time, now = self._words.server_time(self.client.said_at), wall_ns()
        for market in said.values():
            try:
                for one in self._words.ticker(market["info"], time, now):
                    self._hand_on(one)
            except NONSENSE as error:
                self._garbled(now, error)

    # Stream ----------------------------------------------------------------------------------

    async def _stream(self) -> None:
        attempt = 0
        while True:
            await self._ready.wait()
            self._begun = boot_ns()
            try:
                await self._follow()
            except _wrong(SilentError, GapError) as error:
                self._trouble(f"{type(error).__name__}: {error}")
            finally:
                self.standing["stream"] = False
                await self.client.close_ws_clients()
            attempt = 0 if self._stream_boot > self._begun else attempt + 1
            await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])

    async def _follow(self) -> None:
        """Hear the stream until something is wrong with it."""
        self._words.restart()
        self._broken = asyncio.get_running_loop().create_future()
        self.standing["connects"] += 1
        watches = self._words.watches(self.client, self._symbols)
        tasks: list[asyncio.Future[Any]] = [
            self._broken,
            *(asyncio.ensure_future(_again(one)) for one in (*watches, self._listen)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        left = SILENT_NS - (boot_ns() - max(self._stream_boot, self._begun))
        if left <= 0:
            raise SilentError(f"the stream has said nothing for {SILENT_NS / NS:g} s")
        await asyncio.sleep(left / NS)

    def _heard(self, client: Any, message: Any) -> None:
        """A message of the stream that ccxt has read, or failed to."""
        now = wall_ns()
        try:
            if isinstance(message, Exception):
                raise message
            for one in self._words.read(message, client, now):
                self._stream_boot = boot_ns()
                self.standing |= {"stream": True, "problem": ""}
                self._hand_on(one)
        except GapError as error:
            if self._broken and not self._broken.done():
                self._broken.set_exception(error)
        except NONSENSE as error:
            self._garbled(now, error)

    def repeat(self) -> None:
        """What was handed on is lost; to be called in the loop's thread."""
        self._words.repeat()

    def _garbled(self, now_ns: int, error: Exception) -> None:
        self._deliver(Garbled(now_ns, f"{type(error).__name__}: {error}"[:SHOWN]))

    def _hand_on(self, one: Heard) -> None:
        self.heard_boot = boot_ns()
        self._deliver(one)

    def _trouble(self, error: str) -> None:
        problem = worded(error)
        if self.standing["problem"] != problem:
            log.warning("live feed", source=self._live.name, problem=problem)
        self.standing["problem"] = problem


def _wrong(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What ccxt and the network raise (a TimeoutError is an OSError), and ``more``."""
    return (*venue_errors(), OSError, *more)


async def _again(watch: Callable[[], Awaitable[Any]]) -> None:
    while True:
        await watch()


def _streaming(exchange: str, heard: Callable[[Any, Any], None]) -> Any:
    """ccxt's class that has a stream as well; every message it has read is ``heard``.

    Raises trading.venues.ccxt_client.CcxtMissingError.
    """
    known = stream_class(exchange)

    class Streaming(known):  # type: ignore[misc, valid-type]
        said_at = ""
        """The server's time in its last answer."""

        def parse_json(self, text: str) -> Any:
            said = super().parse_json(text)
            if isinstance(said, dict) and "serverTime" in said:
                self.said_at = str(said["serverTime"])
            return said

        def handle_message(self, client: Any, message: Any) -> None:
            try:
                if not isinstance(message, dict):
                    raise ValueError(f"{str(message)[:SHOWN]!r} is no message")
                super().handle_message(client, message)
            except _wrong(*NONSENSE) as error:
                heard(self, ValueError(f"{type(error).__name__}: {error}"))
            else:
                heard(self, message)

    return Streaming
