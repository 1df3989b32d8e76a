"""What FEED says of a live source, checked without loading ccxt."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from trading.universe import UNIVERSE
from trading.venues.ccxt_markets import MarketSetupError, parse_symbols

CCXT = "ccxt"
HOSTS = {"krakenfutures": "futures.kraken.com:443"}
"""The exchanges whose words we know, and where they are."""
FORM = "ccxt:EXCHANGE:SYMBOL=MARKET[,SYMBOL=MARKET…]"


class LiveSpecError(ValueError):
    """The source cannot be followed; the message says what to do."""


@dataclass(frozen=True)
class LiveSpec:
    """``symbols``: the desk's names -> the exchange's markets."""

    exchange: str
    address: str
    symbols: Mapping[str, str]

    @property
    def name(self) -> str:
        own = self.address == HOSTS[self.exchange]
        return self.exchange if own else f"{self.exchange}@{self.address}"


def parse_live(text: str) -> LiveSpec:
    """``ccxt:EXCHANGE[@HOST:PORT]:SYMBOL=MARKET,…``. Raises LiveSpecError."""
    where, _, symbols = text.removeprefix(f"{CCXT}:").rpartition(":")
    exchange, _, address = where.partition("@")
    if exchange not in HOSTS:
        raise LiveSpecError(
            f"{text!r} names no exchange that is known here: say {FORM}; known: {', '.join(HOSTS)}"
        )
    if address and not address.rpartition(":")[2].isdigit():
        raise LiveSpecError(f"{address!r} is no HOST:PORT")
    try:
        wanted = parse_symbols(symbols)
    except MarketSetupError as error:
        raise LiveSpecError(str(error)) from None
    unknown = [one for one in wanted if one not in UNIVERSE]
    if unknown:
        known = ", ".join(one.symbol for one in UNIVERSE.instruments)
        raise LiveSpecError(f"symbol {unknown[0]!r} is not known; known symbols: {known}")
    if importlib.util.find_spec(CCXT) is None:
        raise LiveSpecError(
            "ccxt is not installed here: on hosts that run the feed set HALTLINE_VENUES=ccxt, which"
            " installs requirements/venues.txt"
        )
    return LiveSpec(exchange, address or HOSTS[exchange], wanted)
