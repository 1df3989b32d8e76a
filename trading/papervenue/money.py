"""Exact numbers of the venue: whole numbers of 1e-9 inside, plain decimal text outside."""

from decimal import Context, Decimal

NANO = 1_000_000_000
CASH_SCALE = 27
"""Cash is kept as whole numbers of 1e-27: price times quantity times multiplier, all of 1e-9."""

LARGEST = Decimal(1_000_000_000_000)
_EXACT = Context(prec=60)


def to_nano(value: Decimal) -> int:
    """A whole number of 1e-9. Raises ValueError when not finite, too large or finer than that."""
    if not value.is_finite():
        raise ValueError("must be a finite number")
    if abs(value) > LARGEST:
        raise ValueError(f"must be between -{LARGEST} and {LARGEST}")
    scaled = _EXACT.multiply(value, Decimal(NANO))
    if scaled != scaled.to_integral_value():
        raise ValueError("must have at most nine decimal places")
    return int(scaled)


def text(number: int, scale: int = 9) -> str:
    """Plain decimal text of ``number`` times 10**-scale, without trailing zeros."""
    whole, rest = divmod(abs(number), 10**scale)
    digits = f"{rest:0{scale}d}".rstrip("0")
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse(value: str) -> int:
    """Whole number of 1e-9 of text written by ``text``."""
    return to_nano(Decimal(value))
