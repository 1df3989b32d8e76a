"""Average-cost books of one strategy in one symbol. Pure: decimals in, decimals out.

Two identities hold exactly after every fill, whatever came before:

* ``realised - cost == cash flow``, the sum of minus sign times quantity times price times
  multiplier of the fills;
* a closed position has ``cost == 0``, so all its cash flow is realised.

They hold because cost is *moved*, never recomputed: a reduction takes its share of the signed
cost, rounded once to the grain of the books, and what it takes out of cost it puts into realised.
The grain is that of the database column (1e-12), so what is stored is what was computed. Fees are
kept apart and are in neither identity.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from trading.messages import Side

GRAIN = Decimal("1e-12")
ZERO = Decimal(0)

#: Ample for the product of three stored numbers (36 digits each) before it is rounded to GRAIN.
_EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)


class FillAlreadyAppliedError(ValueError):
    """The fill's sequence is not after the last one applied: applying it could count it twice."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One strategy in one symbol, in the instrument's currency.

    ``quantity`` is signed. ``cost`` is the signed cost of what is open: quantity times average
    price times multiplier. ``realised`` is before fees; a negative fee is a rebate. ``turnover``
    is the sum of absolute traded value.
    """

    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal
    turnover: Decimal
    fills: int
    last_sequence: int

    def average_price(self, multiplier: Decimal) -> Decimal | None:
        """Average price of what is open, to 1e-12; None when flat."""
        if self.quantity == 0:
            return None
        return _grain(_EXACT.divide(self.cost, _EXACT.multiply(self.quantity, multiplier)))


EMPTY = Holding(ZERO, ZERO, ZERO, ZERO, ZERO, 0, 0)


def apply_fill(
    holding: Holding,
    *,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
    multiplier: Decimal,
    sequence: int,
) -> Holding:
    """The holding after one fill.

    ``quantity`` is positive; ``sequence`` numbers the account's fills and must be after the last
    one applied here. A fill through zero closes what is open and opens the rest at its price.
    Raises TypeError for anything but Decimal, ValueError for a quantity or multiplier that is not
    positive or a number that is not finite, FillAlreadyAppliedError for an old sequence.
    """
    _check(quantity=quantity, price=price, fee=fee, multiplier=multiplier)
    if sequence <= holding.last_sequence:
        raise FillAlreadyAppliedError(
            f"fill {sequence} is not after fill {holding.last_sequence}: already applied"
        )
    value = _value(quantity, price, multiplier)
    signed_quantity = _signed(quantity, side)
    closed = _closed_quantity(holding.quantity, signed_quantity)
    closed_value = value if closed == quantity else _value(closed, price, multiplier)
    released = _released_cost(holding, closed)
    opened_value = _EXACT.subtract(value, closed_value)
    return Holding(
        quantity=_EXACT.add(holding.quantity, signed_quantity),
        cost=_EXACT.add(_EXACT.subtract(holding.cost, released), _signed(opened_value, side)),
        realised=_EXACT.subtract(
            _EXACT.subtract(holding.realised, _signed(closed_value, side)), released
        ),
        fees=_EXACT.add(holding.fees, _grain(fee)),
        turnover=_EXACT.add(holding.turnover, value.copy_abs()),
        fills=holding.fills + 1,
        last_sequence=sequence,
    )


def _check(**numbers: Decimal) -> None:
    for name, number in numbers.items():
        if not isinstance(number, Decimal):
            raise TypeError(f"{name} is {type(number).__name__}: the books take Decimal only")
        if not number.is_finite():
            raise ValueError(f"{name} is {number}: not a finite number")
    for name in ("quantity", "multiplier"):
        if numbers[name] <= 0:
            raise ValueError(f"{name} is {numbers[name]}: must be positive")
    if _grain(numbers["quantity"]) != numbers["quantity"]:
        raise ValueError(f"quantity is {numbers['quantity']}: finer than {GRAIN:f}")


def _signed(amount: Decimal, side: Side) -> Decimal:
    # Not ``-amount``: arithmetic operators round to the thread's context, copying never does.
    return amount if side is Side.BUY else amount.copy_negate()


def _closed_quantity(open_quantity: Decimal, signed: Decimal) -> Decimal:
    """How much of the open quantity a fill of ``signed`` closes; never negative."""
    if open_quantity == 0 or (open_quantity > 0) == (signed > 0):
        return ZERO
    return min(open_quantity.copy_abs(), signed.copy_abs())


def _released_cost(holding: Holding, closed: Decimal) -> Decimal:
    """The share of the signed cost that leaves with ``closed``; all of it at a full close."""
    size = holding.quantity.copy_abs()
    if closed == size:
        return holding.cost
    return _grain(_EXACT.divide(_EXACT.multiply(holding.cost, closed), size))


def _value(quantity: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    return _grain(_EXACT.multiply(_EXACT.multiply(quantity, price), multiplier))


def _grain(number: Decimal) -> Decimal:
    return number.quantize(GRAIN, context=_EXACT)
