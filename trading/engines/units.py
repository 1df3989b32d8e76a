"""Values with their units, exact: percent, money, durations, bytes. Pure.

Each raises UnitError whose text says what was wanted, with an example.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

_NUMBER = r"((?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?)"
_WITH_UNIT = re.compile(rf"{_NUMBER} ?([A-Za-zµμ%]*)")
MONEY: Mapping[str, Decimal] = {
    "": Decimal(1), "k": Decimal(10) ** 3, "K": Decimal(10) ** 3, "M": Decimal(10) ** 6,
    "B": Decimal(10) ** 9,
}  # fmt: skip
SECONDS: Mapping[str, Decimal] = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3_600),
    "d": Decimal(86_400),
}  # fmt: skip
BYTES: Mapping[str, Decimal] = {
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGT", 1)},
    **{name: Decimal(1000) ** power for power, name in enumerate("KMGT", 1)},
    **{f"{name}B": Decimal(1000) ** power for power, name in enumerate("KMGT", 1)},
}


class UnitError(ValueError):
    """The text is no such value; the message says what is."""


def percent(text: str) -> Decimal:
    """``2.5%`` as a fraction, 0 to 1."""
    wanted = 'a percentage from 0% to 100% with its sign, e.g. "2.5%"'
    value = _read(text, {"%": Decimal("0.01")}, wanted)
    if value > 1:
        raise UnitError(f"must be {wanted}, not {text[:40]!r}")
    return value


def money(text: str) -> Decimal:
    """``10M`` in USD. Above zero: nothing is held on a size of none; to stop, pause."""
    wanted = 'an amount of USD above 0 such as "250k", "10M" or "1.5B" (k, M, B)'
    value = _read(text, MONEY, wanted)
    if not 0 < value < Decimal(10) ** 15:
        raise UnitError(f"must be {wanted}, not {text[:40]!r}")
    return value


def basis_points(text: str) -> Decimal:
    """``2.5bp``, above zero."""
    wanted = 'basis points above 0 with their unit, e.g. "2.5bp"'
    value = _read(text, {"bp": Decimal(1)}, wanted)
    if not 0 < value <= 10_000:
        raise UnitError(f"must be {wanted}, not {text[:40]!r}")
    return value


def duration(text: str) -> Decimal:
    """``100us`` or ``1d`` in seconds, above zero."""
    wanted = 'a time above 0 with its unit, e.g. "100us", "5ms", "30s", "1m", "4h" or "1d"'
    value = _read(text, SECONDS, wanted)
    if value <= 0:
        raise UnitError(f"must be {wanted}, not {text[:40]!r}")
    return value


def size_of_data(text: str) -> Decimal:
    """``64Gi`` or ``1GB`` in bytes."""
    return _read(text, BYTES, 'a size with its unit, e.g. "64Gi", "2Ti" or "1GB"')


def _read(text: str, units: Mapping[str, Decimal], wanted: str) -> Decimal:
    match = _WITH_UNIT.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise UnitError(f"must be {wanted}, not {text[:40]!r}")
    return Decimal(match[1]) * units[match[2]]


def shown_percent(value: Decimal) -> str:
    """``2.5%``"""
    return f"{(value * 100).normalize():f}%"
