"""An exchange's markets under the desk's names, with its exact rules for price and quantity."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.messages import OrderType
from trading.universe import Universe, UnknownInstrumentError
from trading.venues.base import NewOrder


class MarketSetupError(ValueError):
    """A symbol of the desk cannot be traded as that market; the message says why."""


@dataclass(frozen=True, slots=True)
class Market:
    """``ident`` is the exchange's name, ``unified`` ccxt's. Prices and quantities are in steps."""

    symbol: str
    ident: str
    unified: str
    currency: str
    tick: Decimal
    lot: Decimal
    taker: Decimal
    maker: Decimal
    multiplier: Decimal
    bounds: Mapping[str, tuple[Decimal | None, Decimal | None]]
    """Least and most of ``amount``, ``price`` and ``cost``, where the exchange says them."""

    def step_refusal(
        self, quantity: Decimal, limit_price: Decimal | None, stop_price: Decimal | None = None
    ) -> tuple[str, str] | None:
        """Code and reason, when something is not a positive multiple of its step."""
        if not _on_grid(quantity, self.lot):
            code = "LOT_SIZE" if quantity.is_finite() else "BAD_REQUEST"
            return code, f"quantity must be a positive multiple of {self.lot:f}"
        for field, price in (("limit_price", limit_price), ("stop_price", stop_price)):
            if price is not None and not _on_grid(price, self.tick):
                return "TICK_SIZE", f"{field} must be a positive multiple of {self.tick:f}"
        cost = None if limit_price is None else quantity * limit_price * self.multiplier
        return (
            self._beyond("amount", quantity, "QUANTITY_LIMIT", "quantity")
            or self._beyond("price", limit_price, "PRICE_LIMIT", "limit_price")
            or self._beyond("cost", cost, "NOTIONAL_LIMIT", "quantity times limit_price")
        )

    def _beyond(
        self, bound: str, value: Decimal | None, code: str, name: str
    ) -> tuple[str, str] | None:
        least, most = self.bounds.get(bound, (None, None))
        if value is not None and least is not None and value < least:
            return code, f"{name} must be at least {least:f}"
        if value is not None and most is not None and value > most:
            return code, f"{name} must be at most {most:f}"
        return None


def parse_symbols(text: str) -> dict[str, str]:
    """``SYMBOL=MARKET,…`` as a mapping. Raises MarketSetupError."""
    found: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        ours, sign, theirs = pair.partition("=")
        if not (ours and sign and theirs) or ours in found or theirs in found.values():
            raise MarketSetupError(
                f"symbols: {pair!r} must be SYMBOL=MARKET, each of them once, for example"
                " BTCUSDT-PERP=PF_XBTUSD"
            )
        found[ours] = theirs
    if not found:
        raise MarketSetupError("symbols: name at least one, as SYMBOL=MARKET")
    return found


class Markets:
    """Those of ``wanted`` (symbol -> exchange's market) as ccxt's ``loaded`` describes them."""

    def __init__(
        self, loaded: Mapping[str, Any], wanted: Mapping[str, str], universe: Universe
    ) -> None:  # fmt: skip
        """Raises MarketSetupError."""
        by_ident = {str(one["id"]).upper(): one for one in loaded.values()}
        self._by_symbol: dict[str, Market] = {}
        for symbol, ident in wanted.items():
            market = by_ident.get(ident.upper())
            if market is None:
                raise MarketSetupError(f"symbol {symbol}: the exchange has no market {ident}")
            self._by_symbol[symbol] = _market(symbol, market, universe)
        self._by_ident = {one.ident.upper(): one for one in self._by_symbol.values()}

    def of(self, symbol: str) -> Market | None:
        return self._by_symbol.get(symbol)

    def symbol(self, ident: str) -> str:
        """The desk's name of a market, or the exchange's where the desk has none."""
        market = self._by_ident.get(ident.upper())
        return market.symbol if market else ident.upper()

    def coarser(self, universe: Universe) -> list[str]:
        """Of which markets some prices or quantities of the desk's grid are refused."""
        found = []
        for one in self._by_symbol.values():
            ours = universe.by_symbol(one.symbol)
            for name, step, theirs in (
                ("tick", ours.tick_size, one.tick), ("lot", ours.lot_size, one.lot),
            ):  # fmt: skip
                if step % theirs:
                    found.append(f"{one.symbol}: {name} {theirs:f} of {one.ident}, ours {step:f}")
        return found

    def refusal(self, order: NewOrder) -> tuple[str, str] | None:
        """Code and reason, when the exchange could not take the order exactly as it is."""
        market = self._by_symbol.get(order.symbol)
        if market is None:
            return "UNKNOWN_SYMBOL", f"symbol {order.symbol} is not traded on this account"
        wrong = _wrong_price(order)
        if wrong:
            return "BAD_REQUEST", f"a {order.order_type} order with that {wrong} makes no sense"
        return market.step_refusal(order.quantity, order.limit_price, order.stop_price)


def _on_grid(value: Decimal, step: Decimal) -> bool:
    return value.is_finite() and value > 0 and value % step == 0


def _wrong_price(order: NewOrder) -> str:
    """The price that the order's type needs and lacks, or has and must not."""
    if (order.order_type is OrderType.LIMIT) != (order.limit_price is not None):
        return "limit_price"
    return (
        "stop_price"
        if (order.order_type is OrderType.STOP) != (order.stop_price is not None)
        else ""
    )


def _bounds(said: Mapping[str, Any]) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    def bound(name: str, end: str) -> Decimal | None:
        value = (said.get(name) or {}).get(end)
        return None if value is None else Decimal(str(value))

    return {name: (bound(name, "min"), bound(name, "max")) for name in ("amount", "price", "cost")}


def _market(symbol: str, said: Mapping[str, Any], universe: Universe) -> Market:
    try:
        ours = universe.by_symbol(symbol)
    except UnknownInstrumentError:
        raise MarketSetupError(f"symbol {symbol}: the desk knows no such instrument") from None
    tick, lot = (Decimal(str(said["precision"][name])) for name in ("price", "amount"))
    market = Market(
        symbol, str(said["id"]), str(said["symbol"]), str(said["quote"]), tick, lot,
        Decimal(str(said["taker"])), Decimal(str(said["maker"])),
        Decimal(str(said["contractSize"] or 1)), _bounds(said.get("limits") or {}),
    )  # fmt: skip
    if not said["active"]:
        raise MarketSetupError(f"symbol {symbol}: market {market.ident} is not open for trading")
    if said.get("inverse"):
        raise MarketSetupError(
            f"symbol {symbol}: market {market.ident} is inverse: its PnL is not price times"
            " quantity"
        )
    if market.multiplier != ours.multiplier:
        raise MarketSetupError(
            f"symbol {symbol}: a contract of {market.ident} is {market.multiplier:f}, the desk"
            f" counts {ours.multiplier:f}"
        )
    return market
