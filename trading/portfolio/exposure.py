"""What open positions add up to: by strategy, venue account, instrument and currency. Pure.

USD at the latest mid. One position without a price makes what it is part of unknown: None, never 0.
A currency pair is long the one and short the other; anything else is held in its own currency.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.universe import REPORTING_RATE, UNIVERSE, AssetClass, Universe

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """One open position. ``mark``: the latest mid, None where there is none.

    ``rehearsal``: paper money, in the sums of its strategy and account alone.
    """

    strategy: str
    account: str
    symbol: str
    quantity: Decimal
    mark: Decimal | None
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class ExposureLine:
    """One of its kind. ``share``: of the firm's gross exposure, of 1; currencies have none, nor
    has a line with paper money in it."""

    name: str
    long: Decimal | None
    short: Decimal | None
    share: Decimal | None = None

    @property
    def gross(self) -> Decimal | None:
        return None if self.long is None or self.short is None else self.long + self.short

    @property
    def net(self) -> Decimal | None:
        return None if self.long is None or self.short is None else self.long - self.short


@dataclass(frozen=True, slots=True)
class Concentration:
    """Shares of gross exposure, of 1, by instrument; ``effective``: how many equal ones would be as
    concentrated (1 / sum of squared shares)."""

    largest: str
    share: Decimal | None
    three: Decimal | None
    effective: Decimal | None


@dataclass(frozen=True, slots=True)
class Exposures:
    total: ExposureLine
    strategies: list[ExposureLine]
    accounts: list[ExposureLine]
    instruments: list[ExposureLine]
    currencies: list[ExposureLine]
    concentration: Concentration


def value_of(one: Holding, universe: Universe = UNIVERSE) -> Decimal | None:
    """Signed worth in USD; None without a price or the currency's rate."""
    if one.mark is None or one.symbol not in universe:
        return None
    instrument = universe.by_symbol(one.symbol)
    rate = REPORTING_RATE.get(instrument.currency)
    return None if rate is None else one.quantity * one.mark * instrument.multiplier * rate


def exposures(
    holdings: Iterable[Holding],
    *,
    strategies: Iterable[str] = (),
    accounts: Iterable[str] = (),
    universe: Universe = UNIVERSE,
) -> Exposures:
    """Largest first. ``strategies`` and ``accounts`` stand there although they hold nothing."""
    rows = [(one, value_of(one, universe)) for one in holdings]
    real = [(one, value) for one, value in rows if not one.rehearsal]
    total = _line("firm", [value for _, value in real], None)
    instruments = _lines(real, lambda one: one.symbol, (), total.gross)
    return Exposures(
        total=total,
        strategies=_lines(rows, lambda one: one.strategy, strategies, total.gross),
        accounts=_lines(rows, lambda one: one.account, accounts, total.gross),
        instruments=instruments,
        currencies=_currencies(real, universe),
        concentration=_concentration(instruments),
    )


Row = tuple[Holding, Decimal | None]


def _lines(
    rows: Iterable[Row],
    key: Callable[[Holding], str],
    known: Iterable[str],
    whole: Decimal | None,
) -> list[ExposureLine]:
    found: dict[str, list[Decimal | None]] = {name: [] for name in known}
    paper = set()
    for one, value in rows:
        found.setdefault(key(one), []).append(value)
        if one.rehearsal:
            paper.add(key(one))
    return _sorted(
        _line(name, values, None if name in paper else whole) for name, values in found.items()
    )


def _line(name: str, values: list[Decimal | None], whole: Decimal | None) -> ExposureLine:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return ExposureLine(name, None, None)
    long = sum((value for value in known if value > 0), ZERO)
    short = -sum((value for value in known if value < 0), ZERO)
    share = (long + short) / whole if whole else None
    return ExposureLine(name, long, short, share)


def _sorted(lines: Iterable[ExposureLine]) -> list[ExposureLine]:
    """What is not known first, then the largest."""

    def place(one: ExposureLine) -> tuple[bool, Decimal, str]:
        return (one.gross is not None, -(one.gross or ZERO), one.name)

    return sorted(lines, key=place)


def _currencies(rows: Iterable[Row], universe: Universe) -> list[ExposureLine]:
    legs: Mapping[str, list[Decimal | None]] = defaultdict(list)
    for one, value in rows:
        if one.symbol not in universe:
            continue
        instrument = universe.by_symbol(one.symbol)
        if instrument.asset_class is AssetClass.FX:
            legs[one.symbol[:3]].append(value)
            legs[one.symbol[3:6]].append(None if value is None else -value)
        else:
            legs[instrument.currency].append(value)
    return _sorted(_line(name, _netted(values), None) for name, values in legs.items())


def _netted(values: list[Decimal | None]) -> list[Decimal | None]:
    """One currency is one thing: what is long and short of it cancels out."""
    known = [value for value in values if value is not None]
    return [sum(known, ZERO)] if len(known) == len(values) else [None]


def _concentration(instruments: list[ExposureLine]) -> Concentration:
    shares = [one.share for one in instruments]
    known = [share for share in shares if share is not None]
    if not known or len(known) < len(shares):
        return Concentration("", None, None, None)
    squares = sum((share * share for share in known), ZERO)
    return Concentration(
        instruments[0].name, known[0], sum(known[:3], ZERO), 1 / squares if squares else None
    )
