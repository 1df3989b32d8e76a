"""The books worked out again from the fills, by another way than the one that wrote them. Pure.

The ledger moves signed cost and rounds to its grain; this keeps an average *price* and multiplies
what is closed by how far its price is from that average. Numbers are fractions, exact but for the
average, which is kept to 1e-24 so that it cannot grow without end. Shares no code with
trading.portfolio.ledger, on purpose.
"""

from dataclasses import dataclass
from fractions import Fraction

_FINE = 10**24


@dataclass(slots=True)
class Book:
    """One strategy in one symbol."""

    multiplier: Fraction
    quantity: Fraction = Fraction(0)
    average: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    turnover: Fraction = Fraction(0)
    fills: int = 0
    last_sequence: int = 0

    @property
    def cost(self) -> Fraction:
        return self.quantity * self.average * self.multiplier

    def add(self, change: Fraction, price: Fraction, fee: Fraction, sequence: int) -> None:
        """Take one fill; ``change`` is its signed quantity."""
        self.fills += 1
        self.last_sequence = sequence
        self.fees += fee
        self.turnover += abs(change * price * self.multiplier)
        before = self.quantity
        self.quantity += change
        if before * change >= 0:
            value = before * self.average + change * price
            self.average = Fraction(round(value / self.quantity * _FINE), _FINE)
            return
        closed = min(abs(change), abs(before))
        direction = 1 if before > 0 else -1
        self.realised += direction * closed * (price - self.average) * self.multiplier
        if self.quantity * before < 0:
            self.average = price


@dataclass(slots=True)
class Flow:
    """What an account did in one symbol, all strategies together, as a venue would tell it."""

    quantity: Fraction = Fraction(0)
    cash_flow: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    def add(self, change: Fraction, value: Fraction, fee: Fraction) -> None:
        """Take one fill; ``value`` is change times price times multiplier."""
        self.quantity += change
        self.cash_flow -= value
        self.fees += fee


@dataclass(slots=True)
class Filled:
    """What the fills of one order add up to."""

    quantity: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    def add(self, quantity: Fraction, price: Fraction, fee: Fraction) -> None:
        self.quantity += quantity
        self.value += quantity * price
        self.fees += fee


def to_the_cent(figure: Fraction) -> str:
    """Decimal text with two digits."""
    return fixed(figure, 2)


def fixed(figure: Fraction, digits: int) -> str:
    """Decimal text with ``digits`` digits, half to even."""
    whole = round(abs(figure) * 10**digits)
    sign = "-" if figure < 0 and whole else ""
    text = f"{whole:0{digits + 1}d}"
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def same_to_the_cent(ours: Fraction, again: Fraction) -> bool:
    """Less than half a cent apart: rounding both and comparing would split equals at a half."""
    return abs(ours - again) < Fraction(1, 200)
