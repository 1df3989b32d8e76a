"""What a venue said of one account at one fill, read exactly. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

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

    ``positions`` are signed quantities by symbol, ``balances`` cash by currency.
    """

    taken_at: dt.datetime
    fill_sequence: int
    positions: Mapping[str, Decimal]
    orders: Mapping[str, VenueOrder]
    balances: Mapping[str, Decimal]


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
        quantities = [(str(one["symbol"]), _decimal(one["quantity"])) for one in positions]
        orders = [_order(one) for one in open_orders]
        cash = {str(currency): _decimal(amount) for currency, amount in dict(balances).items()}
    except _NONSENSE as error:
        raise ReadingError(f"{type(error).__name__}: {error}") from error
    word = Word(taken_at, fill_sequence, dict(quantities), {one.ident: one for one in orders}, cash)
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


def _decimal(said: object) -> Decimal:
    if not isinstance(said, str):
        raise TypeError(f"a figure must be text, not {said!r}")
    figure = Decimal(said)
    if not figure.is_finite():
        raise ValueError(f"{said} is no figure")
    return figure
