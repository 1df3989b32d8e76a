"""What a venue said of one account at one fill, read exactly. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from trading.universe import Universe

_DIGITS = 120
_NONSENSE = (KeyError, TypeError, ValueError, AttributeError, InvalidOperation)


class ReadingError(ValueError):
    """The reading is no reading; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """One order that is open at the venue. ``quantity`` is None where its form was not understood:
    then only its id is certain."""

    ident: str
    symbol: str
    side: str
    quantity: Decimal | None
    filled: Decimal


@dataclass(frozen=True, slots=True)
class Word:
    """``taken_at``: when the venue was asked; ``fill_sequence``: the last fill that is in it.

    ``positions`` are signed quantities by symbol, ``balances`` cash by currency. ``unpaid``: where
    cash moves by profit alone, the signed value at which each position was entered; None where
    the venue does not say.
    """

    taken_at: dt.datetime
    fill_sequence: int
    positions: Mapping[str, Decimal]
    orders: Mapping[str, VenueOrder]
    balances: Mapping[str, Decimal]
    unpaid: Mapping[str, Decimal | None] = field(default_factory=dict)

    def cash(self, universe: Universe) -> dict[str, Decimal] | None:
        """By currency as if every fill had moved its whole value; None when that is not known."""
        found = dict(self.balances)
        with localcontext(prec=_DIGITS):
            for symbol, value in self.unpaid.items():
                if value == 0:
                    continue
                if value is None or symbol not in universe:
                    return None
                currency = universe.by_symbol(symbol).currency
                found[currency] = found.get(currency, Decimal(0)) - value
        return found


def word_of(
    *,
    taken_at: dt.datetime,
    fill_sequence: int,
    positions: Iterable[Mapping[str, Any]],
    open_orders: Iterable[Mapping[str, Any]],
    balances: Mapping[str, Any],
) -> Word:
    """As trading.gateway.session writes it down. Raises ReadingError."""
    try:
        held = list(positions)
        quantities = [(str(one["symbol"]), _decimal(one["quantity"])) for one in held]
        unpaid = {str(one["symbol"]): _unpaid(one) for one in held}
        orders = [_order(one) for one in open_orders]
        cash = {str(currency): _decimal(amount) for currency, amount in dict(balances).items()}
    except _NONSENSE as error:
        raise ReadingError(f"{type(error).__name__}: {error}") from error
    word = Word(
        taken_at, fill_sequence, dict(quantities), {one.ident: one for one in orders}, cash, unpaid
    )
    if len(word.positions) != len(quantities) or len(word.orders) != len(orders):
        raise ReadingError("a symbol or an order stands in it twice")
    return word


def _order(said: Mapping[str, Any]) -> VenueOrder:
    return VenueOrder(
        ident=str(said["client_order_id"]),
        symbol=str(said["symbol"]),
        side=str(said["side"]),
        quantity=None if said["quantity"] is None else _decimal(said["quantity"]),
        filled=_decimal(said["filled"]),
    )


def _unpaid(said: Mapping[str, Any]) -> Decimal | None:
    value = said.get("unpaid", "0")  # readings of before tell none
    return None if value is None else _decimal(value)


def _decimal(said: object) -> Decimal:
    if not isinstance(said, str):
        raise TypeError(f"a figure must be text, not {said!r}")
    figure = Decimal(said)
    if not figure.is_finite():
        raise ValueError(f"{said} is no figure")
    return figure
