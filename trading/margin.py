"""What a position takes of an account's equity, as a share of its value. Pure."""

from decimal import Decimal

from trading.universe import AssetClass

MARGIN_RATE = {
    AssetClass.FX: Decimal(1) / 30,  # 30:1, ESMA's bound for major pairs
    AssetClass.EQUITY: Decimal("0.5"),  # Regulation T
    AssetClass.FUTURE: Decimal("0.1"),
    AssetClass.CRYPTO: Decimal("0.5"),
}
