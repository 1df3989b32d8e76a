"""What Kraken Futures says of its markets on its public feeds, read as its documents write it.

Quotes are the top of ``book``, which is told as it changes (``ticker`` once a second); ``ticker``
says whether a market is suspended or takes resting orders only, and ``trade`` what was traded.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trading.clock import NS
from trading.feeds.live.heard import Heard, Quote, Trade, moment, nano

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
        self._halts_told: set[str] = set()
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
                time = moment(message["timestamp"], MS)
                yield from self._changed(name, (bid, ask, bid_size, ask_size), time, now_ns)
        elif feed == "ticker":
            halted = bool(message["suspended"]) or bool(message["post_only"])
            yield from self._halts(name, halted, moment(message["time"], MS), now_ns)
        elif feed == "trade":
            yield Trade(
                self._instruments[name], SIDES.get(str(message["side"]), 0),
                moment(message["time"], MS), nano(message["price"]), nano(message["qty"]),
            )  # fmt: skip

    @staticmethod
    def server_time(said: str) -> int:
        """ns, of what the server says of its clock. Raises ValueError."""
        since = dt.datetime.fromisoformat(said) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return moment(since // dt.timedelta(microseconds=1), 1_000)

    def ticker(self, said: Mapping[str, Any], time: int, now_ns: int) -> Iterable[Heard]:
        """What REST says of a market at the server's ``time``. Raises as ``read``."""
        name = str(said["symbol"]).upper()
        if name not in self._instruments:
            return
        halted = _true(said["suspended"]) or _true(said["postOnly"])
        if halted or not (said.get("bid") and said.get("ask")):
            self._halts_told.discard(name)  # as a quote is told whenever REST is asked
            yield from self._halts(name, halted, time, now_ns)
            return
        self._halted[name] = False
        sides = (said["bid"], said["ask"], said["bidSize"], said["askSize"])
        yield self._quote(name, sides, time, now_ns)

    def restart(self) -> None:
        """The connection is new: its messages follow nothing."""
        self._seq.clear()
        self._told.clear()
        self.repeat()

    def repeat(self) -> None:
        """What was told of halts may be lost: it is told again when it is heard next."""
        self._halts_told.clear()

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

    def _halts(self, name: str, halted: bool, time: int, now_ns: int) -> Iterable[Quote]:
        """A halt and its end are told when they are heard: a halted market may have no book."""
        changed = self._halted.get(name, False) != halted
        self._halted[name] = halted
        if not changed and (not halted or name in self._halts_told):
            return
        self._halts_told.add(name)
        if name in self._told:
            yield self._told[name]._replace(received=now_ns, halted=halted)
        elif halted:
            yield Quote(now_ns, self._instruments[name], time, 0, 0, 0, 0, halted=True)

    def _quote(self, name: str, sides: tuple[Any, ...], time: int, now_ns: int) -> Quote:
        bid, ask, bid_size, ask_size = map(nano, sides)
        halted = self._halted.get(name, False)
        return Quote(now_ns, self._instruments[name], time, bid, ask, bid_size, ask_size, halted)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
