"""The instruments the desk knows. ``id`` is their number on the tick stream and never reused."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

NANO = Decimal("1e-9")


class AssetClass(StrEnum):
    FX = "fx"
    EQUITY = "equity"
    FUTURE = "future"
    CRYPTO = "crypto"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: prices in ``currency`` a unit, quantities in units of ``lot_size``.

    ``market``: where it trades (trading.sessions).
    ``multiplier`` is the currency value of a price move of 1 on a quantity of 1. ``depth`` is the
    size assumed at the touch where a feed gives none. ``max_jump`` is the largest believable
    change of the mid between two quotes, as a fraction. ``reference_price`` starts the simulator.
    """

    id: int
    symbol: str
    name: str
    asset_class: AssetClass
    market: str
    currency: str
    tick_size: Decimal
    lot_size: Decimal
    multiplier: Decimal
    depth: Decimal
    max_jump: float
    reference_price: Decimal

    @property
    def unit(self) -> Decimal:
        """USD value of a price move of 1 on a quantity of 1."""
        return self.multiplier * REPORTING_RATE[self.currency]


def _row(
    ident: int, symbol: str, name: str, where: tuple[AssetClass, str], tick: str, lot: str, mult: str,
    depth: str, jump: float, price: str, currency: str = "USD",
) -> Instrument:  # fmt: skip
    return Instrument(
        ident, symbol, name, *where, currency, Decimal(tick), Decimal(lot), Decimal(mult),
        Decimal(depth), jump, Decimal(price),
    )  # fmt: skip


_FX, _FU, _CR = (AssetClass.FX, "FOREX"), (AssetClass.FUTURE, "CME"), (AssetClass.CRYPTO, "CRYPTO")
_NY, _NQ = (AssetClass.EQUITY, "NYSE"), (AssetClass.EQUITY, "NASDAQ")

INSTRUMENTS: tuple[Instrument, ...] = (
    _row(0, "EURUSD", "Euro / US dollar", _FX, "0.00001", "1000", "1", "1000000", 0.01, "1.15240"),
    _row(1, "GBPUSD", "Sterling / US dollar", _FX, "0.00001", "1000", "1", "1000000", 0.01, "1.3105"),
    _row(2, "AUDUSD", "Australian / US dollar", _FX, "0.00001", "1000", "1", "1000000", 0.01, "0.6512"),
    _row(3, "XAUUSD", "Gold spot", _FX, "0.001", "1", "1", "500", 0.02, "4065.20"),
    _row(4, "SPY", "S&P 500 fund", _NY, "0.01", "1", "1", "800", 0.05, "668.40"),
    _row(5, "AAPL", "Apple", _NQ, "0.01", "1", "1", "500", 0.05, "271.30"),
    _row(6, "MSFT", "Microsoft", _NQ, "0.01", "1", "1", "400", 0.05, "472.10"),
    _row(7, "ESZ6", "E-mini S&P 500, December 2026", _FU, "0.25", "1", "50", "60", 0.03, "6694.50"),
    _row(8, "CLF7", "Crude oil, January 2027", _FU, "0.01", "1", "1000", "40", 0.05, "58.20"),
    _row(9, "GCZ3", "Gold, December 2013", _FU, "0.1", "1", "100", "10", 0.03, "1286.6"),
    _row(10, "GCG7", "Gold, February 2027", _FU, "0.1", "1", "100", "30", 0.03, "4088.0"),
    _row(11, "BTCUSDT", "Bitcoin / Tether", _CR, "0.01", "0.00001", "1", "3", 0.05, "91204.50", "USDT"),
    _row(12, "ETHUSDT", "Ether / Tether", _CR, "0.01", "0.0001", "1", "40", 0.05, "3012.40", "USDT"),
    _row(13, "SOLUSDT", "Solana / Tether", _CR, "0.01", "0.001", "1", "500", 0.08, "131.25", "USDT"),
    _row(
        14, "BTCUSDT-PERP", "Bitcoin perpetual", _CR, "0.1", "0.001", "1", "8", 0.05, "91210.0", "USDT"
    ),
)  # fmt: skip

#: Reporting currency of one unit of each currency. USDT counts as one dollar by declaration.
REPORTING_RATE: dict[str, Decimal] = {"USD": Decimal(1), "USDT": Decimal(1)}


class UnknownInstrumentError(KeyError):
    """The symbol is not in the universe."""


class Universe:
    """Lookup by number and by symbol. Numbers run from 0 without a gap."""

    def __init__(self, instruments: Iterable[Instrument] = INSTRUMENTS) -> None:
        self.instruments = tuple(instruments)
        if [one.id for one in self.instruments] != list(range(len(self.instruments))):
            raise ValueError("instrument ids must run from 0 without a gap")
        self._by_symbol = {one.symbol: one for one in self.instruments}

    def __len__(self) -> int:
        return len(self.instruments)

    def by_id(self, ident: int) -> Instrument:
        return self.instruments[ident]

    def by_symbol(self, symbol: str) -> Instrument:
        """Raises UnknownInstrumentError."""
        try:
            return self._by_symbol[symbol]
        except KeyError:
            raise UnknownInstrumentError(symbol) from None

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._by_symbol


UNIVERSE = Universe()


def to_nano(value: Decimal) -> int:
    """A price or size as a whole number of 1e-9. Raises ValueError when it is finer than that."""
    scaled = value / NANO
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} is finer than 1e-9")
    return int(scaled)


def from_nano(value: int) -> Decimal:
    """The exact decimal of a whole number of 1e-9."""
    return (Decimal(int(value)) * NANO).normalize()
