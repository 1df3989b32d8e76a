"""What Kraken Futures says of its markets on its public feeds, read as its documents write it.

Quotes are the top of ``book``, which is told as it changes (``ticker`` once a second); ``ticker``
says whether a market is suspended or takes resting orders only, and ``trade`` what was traded.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trading.clock import NS
from trading.feeds.live.heard import Heard, Quote, Trade, nano

MS = 1_000_000
REPEAT_NS = 1 * NS
"""A book whose top stays is told again this often: it is known to stand."""
SIDES = {"buy": 1, "sell": -1}


class GapError(Exception):
    """The book lacks a message."""


class KrakenFuturesWords:
    """One source's markets: ``symbols`` by their instrument. Holds the order of messages."""

    exchange = "krakenfutures"

    def __init__(self, instruments: Mapping[str, int]) -> None:
        """``instruments``: market as the exchange names it -> the desk's number of it."""
        self._instruments = {name.upper(): ident for name, ident in instruments.items()}
        self._seq: dict[str, int] = {}
        self._halted: dict[str, bool] = {}
        self._told: dict[str, Quote] = {}

    @staticmethod
    def watches(client: Any, symbols: list[str]) -> list[Callable[[], Any]]:
        """What is to be awaited again and again to be told."""
        return [
            lambda: client.watch_order_book_for_symbols(symbols),
            lambda: client.watch_tickers(symbols),
            lambda: client.watch_trades_for_symbols(symbols),
        ]

    def read(self, message: Mapping[str, Any], client: Any, now_ns: int) -> Iterable[Heard]:
        """A message that ``client`` (ccxt) has read. Raises GapError, KeyError, ValueError."""
        feed, name = message.get("feed"), str(message.get("product_id", "")).upper()
        if name not in self._instruments:
            return
        if feed in ("book", "book_snapshot"):
            self._follows(name, int(message["seq"]), snapshot=feed == "book_snapshot")
            book = client.orderbooks[client.safe_market(message["product_id"])["symbol"]]
            if book["bids"] and book["asks"]:
                (bid, bid_size, *_), (ask, ask_size, *_) = book["bids"][0], book["asks"][0]
                time = int(message["timestamp"]) * MS
                yield from self._changed(name, (bid, ask, bid_size, ask_size), time, now_ns)
        elif feed == "ticker":
            halted = bool(message["suspended"]) or bool(message["post_only"])
            yield from self._halts(name, halted, now_ns)
        elif feed == "trade":
            yield Trade(
                self._instruments[name], SIDES.get(str(message["side"]), 0),
                int(message["time"]) * MS, nano(message["price"]), nano(message["qty"]),
            )  # fmt: skip

    def tickers(self, said: Mapping[str, Any], server: str, now_ns: int) -> Iterable[Heard]:
        """What REST says, at the server's time. ``said``: ccxt's tickers."""
        at = dt.datetime.fromisoformat(server)
        since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        time = (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1_000
        for one in said.values():
            info = one["info"]
            name = str(info["symbol"]).upper()
            if name in self._instruments and info.get("bid") and info.get("ask"):
                self._halted[name] = _true(info["suspended"]) or _true(info["postOnly"])
                sides = (info["bid"], info["ask"], info["bidSize"], info["askSize"])
                yield self._quote(name, sides, time, now_ns)

    def restart(self) -> None:
        """The connection is new: its messages follow nothing."""
        self._seq.clear()
        self._told.clear()

    def _follows(self, name: str, seq: int, *, snapshot: bool) -> None:
        before = self._seq.get(name)
        if not snapshot and (before is None or seq != before + 1):
            raise GapError(f"{name}: message {seq} of its book came after {before}")
        self._seq[name] = seq

    def _changed(
        self, name: str, sides: tuple[Any, ...], time: int, now_ns: int
    ) -> Iterable[Quote]:
        quote = self._quote(name, sides, time, now_ns)
        told = self._told.get(name)
        if told is None or told[3:] != quote[3:] or time - told.time >= REPEAT_NS:
            self._told[name] = quote
            yield quote

    def _halts(self, name: str, halted: bool, now_ns: int) -> Iterable[Quote]:
        changed = self._halted.get(name, False) != halted
        self._halted[name] = halted
        told = self._told.get(name)
        if changed and told is not None:
            yield told._replace(received=now_ns, halted=halted)

    def _quote(self, name: str, sides: tuple[Any, ...], time: int, now_ns: int) -> Quote:
        bid, ask, bid_size, ask_size = map(nano, sides)
        halted = self._halted.get(name, False)
        return Quote(now_ns, self._instruments[name], time, bid, ask, bid_size, ask_size, halted)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
