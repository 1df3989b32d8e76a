"""What the venue charges: basis points of the value traded, by asset class, maker and taker."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.papervenue.money import to_nano
from trading.universe import AssetClass, Instrument

_BASIS_POINT = Decimal("0.0001")
_UNITS_OF_1E8 = 10**28  # 1e-36 (price, quantity, multiplier, rate of 1e-9 each) to 1e-8


@dataclass(frozen=True, slots=True)
class Rate:
    """Basis points of price times quantity times multiplier."""

    maker: Decimal
    taker: Decimal


FEES: Mapping[AssetClass, Rate] = {
    AssetClass.FX: Rate(Decimal("0.1"), Decimal("0.2")),
    AssetClass.EQUITY: Rate(Decimal("0.2"), Decimal("0.5")),
    AssetClass.FUTURE: Rate(Decimal("0.1"), Decimal("0.2")),
    AssetClass.CRYPTO: Rate(Decimal(2), Decimal(5)),
}


def fee(
    instrument: Instrument,
    price: int,
    quantity: int,
    *,
    maker: bool,
    fees: Mapping[AssetClass, Rate],
) -> int:
    """Fee in 1e-9 of the instrument's currency, rounded half up to 1e-8. Inputs in 1e-9."""
    rate = fees[instrument.asset_class]
    points = (rate.maker if maker else rate.taker) * _BASIS_POINT
    exact = price * quantity * to_nano(instrument.multiplier) * to_nano(points)
    return (exact + _UNITS_OF_1E8 // 2) // _UNITS_OF_1E8 * 10
