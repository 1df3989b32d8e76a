"""PnL over a period at even steps, from fills and mids alone. Pure.

Of each book (account, strategy, symbol): what is held is worth its mid, what was held when the
period began was worth its mid then, and between lie the fills' cash and fees::

    pnl(k) = cash(k) + held(k) * mid(k) - held(0) * mid(0)

It needs no cost basis, so it is the same however earlier fills were booked; and over a whole
history it is the ledger's realised plus unrealised less fees.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Moved:
    """The fills of one book in one step: ``quantity`` signed, ``cash`` what they brought less fees,
    both in the instrument's own units and currency."""

    step: int
    quantity: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True)
class BookPeriod:
    """``held``: when the period began. ``unit``: USD of a quantity of 1 at a price of 1; ``rate``:
    USD of the currency's 1. ``mids``: by step, from 0, the beginning, on; None: not known."""

    held: Decimal
    unit: Decimal
    rate: Decimal
    mids: Sequence[Decimal | None]
    moved: Sequence[Moved] = field(default_factory=list)


def pnl_line(books: Iterable[BookPeriod], steps: int) -> list[Decimal | None]:
    """USD at the end of each step from 1 to ``steps``; None where something held has no price."""
    line: list[Decimal | None] = [ZERO] * steps
    for book in books:
        for at, value in enumerate(_of(book, steps)):
            before = line[at]
            line[at] = None if before is None or value is None else before + value
    return line


def _of(book: BookPeriod, steps: int) -> Iterable[Decimal | None]:
    opened = _worth(book, book.held, 0)
    held, cash = book.held, ZERO
    by_step: dict[int, list[Moved]] = {}
    for one in book.moved:
        by_step.setdefault(one.step, []).append(one)
    for step in range(1, steps + 1):
        for one in by_step.get(step, ()):
            held += one.quantity
            cash += one.cash
        worth = _worth(book, held, step)
        known = opened is not None and worth is not None
        yield worth - opened + cash * book.rate if known else None  # type: ignore[operator]


def _worth(book: BookPeriod, held: Decimal, step: int) -> Decimal | None:
    if not held:
        return ZERO
    mid = book.mids[step]
    return None if mid is None else held * mid * book.unit


def carried(
    points: Mapping[int, Decimal], opening: Decimal | None, steps: int
) -> list[Decimal | None]:
    """Mids by step: the last known at each; ``points`` of some steps, ``opening`` of before."""
    found, last = [opening], opening
    for step in range(1, steps + 1):
        last = points.get(step, last)
        found.append(last)
    return found


def deepest_fall(line: Iterable[Decimal | None]) -> Decimal:
    """From a peak, USD, not above 0; the start counts as a peak."""
    return min((value - peak for value, peak in _peaks(line)), default=ZERO)


def deepest_share(line: Iterable[Decimal | None], capital: Decimal) -> Decimal | None:
    """The same as a share of the equity at the peak; None where there was none of it."""
    falls = [(value - peak, capital + peak) for value, peak in _peaks(line)]
    if any(equity <= 0 for _, equity in falls):
        return None
    return min((fall / equity for fall, equity in falls), default=ZERO)


def _peaks(line: Iterable[Decimal | None]) -> Iterator[tuple[Decimal, Decimal]]:
    """Each known value with the highest so far."""
    peak = ZERO
    for value in line:
        if value is not None:
            peak = max(peak, value)
            yield value, peak


def changes(line: Sequence[Decimal | None], every: int) -> list[float]:
    """What each ``every`` steps made; not a number where an end of them is not known."""
    ends = [ZERO, *line[every - 1 :: every]]
    return [
        float("nan") if before is None or after is None else float(after - before)
        for before, after in pairwise(ends)
    ]
