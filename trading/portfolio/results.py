"""How the day's trades of a strategy came out, and how much of its limits it uses. Pure.

*Hit ratio*: round trips (flat to flat in one symbol of one account) that began and ended today and
made money after fees, of all that did. *Slippage*: what fills cost beyond the mid the strategy saw,
in basis points of the value; negative is better than the mid. *Fill rate*: how much of each order
that ended was filled, on average. Stops are left out of both: they rest on purpose. *Drawdown* is
that of the trigger, from the peak of its window, in percent. None is unknown, or nothing to judge
yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from riskctl.rules import GROSS_NOTIONAL, OPEN_ORDERS, POSITION_NOTIONAL
from trading.portfolio.text import exact

ZERO = Decimal(0)
_SHARE = Decimal("0.001")
_HUNDREDTH = Decimal("0.01")

Book = tuple[str, str]
"""Strategy (or what else trips are of), and account and symbol: each account is a book of its own.
"""


@dataclass(frozen=True, slots=True)
class OrdersRow:
    """Of the day's orders of one strategy, without stops."""

    slippage_bp: Decimal | None = None
    filled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TripsRow:
    """Round trips of one strategy today."""

    won: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One fill: ``quantity`` is signed, ``value`` is it times price times multiplier."""

    book: Book
    quantity: Decimal
    value: Decimal
    fee: Decimal


@dataclass(slots=True)
class _Trip:
    """What is open in one book. ``known``: it was entered today, so that it can be judged."""

    quantity: Decimal = ZERO
    cash: Decimal = ZERO
    known: bool = True


@dataclass(slots=True)
class Trips:
    """Follows fills in their order. ``opening``: quantities held when the day began."""

    opening: Mapping[Book, Decimal] = field(default_factory=dict)
    _open: dict[Book, _Trip] = field(default_factory=dict)
    _found: dict[str, TripsRow] = field(default_factory=dict)

    def take(self, fill: Change) -> None:
        trip = self._open.get(fill.book)
        if trip is None:
            held = self.opening.get(fill.book, ZERO)
            trip = self._open[fill.book] = _Trip(held, known=held == 0)
        before, after = trip.quantity, trip.quantity + fill.quantity
        if before * after < 0:  # through zero: what closes belongs to the old trip, the rest not
            part, size = abs(before), abs(fill.quantity)  # multiplied first: a part that is whole
            value, fee = fill.value * part / size, fill.fee * part / size  # stays so
            self._add(trip, -before, value, fee)
            self._end(fill.book[0], trip)
            self._add(trip, after, fill.value - value, fill.fee - fee)
        else:
            self._add(trip, fill.quantity, fill.value, fill.fee)
            if trip.quantity == 0:
                self._end(fill.book[0], trip)

    def rows(self) -> dict[str, TripsRow]:
        return dict(self._found)

    @staticmethod
    def _add(trip: _Trip, quantity: Decimal, value: Decimal, fee: Decimal) -> None:
        trip.quantity += quantity
        trip.cash -= value + fee

    def _end(self, strategy: str, trip: _Trip) -> None:
        if trip.known:
            row = self._found.get(strategy, TripsRow())
            self._found[strategy] = TripsRow(row.won + (trip.cash > 0), row.ended + 1)
        trip.quantity, trip.cash, trip.known = ZERO, ZERO, True


def results_body(
    orders: OrdersRow | None, trips: TripsRow | None, drawdown: Decimal | None
) -> dict[str, Any]:
    """As the desk's frame says it: percent and basis points as texts."""
    hit = None
    if trips is not None and trips.ended:
        hit = Decimal(100 * trips.won) / trips.ended
    filled = orders.filled if orders else None
    return {
        "drawdown": _rounded(drawdown, _HUNDREDTH),
        "hit": _rounded(hit, _HUNDREDTH),
        "trips": trips.ended if trips else 0,
        "slippage_bp": _rounded(orders.slippage_bp if orders else None, _HUNDREDTH),
        "filled": _rounded(None if filled is None else filled * 100, _HUNDREDTH),
    }


def drawdowns(said: Mapping[str, Any] | None) -> dict[str, Decimal]:
    """By strategy, in percent, from what the path's triggers last said."""
    found: dict[str, Decimal] = {}
    for one in (said or {}).get("triggers", ()):
        if one.get("name") == "strategy-drawdown" and one.get("value") is not None:
            found[str(one["scope"]).partition(":")[2]] = Decimal(one["value"])
    return found


def gauges_body(
    said: Mapping[str, Any] | None, gross_most: Decimal | None
) -> dict[str, dict[str, str | None]]:
    """The firm's figures that stand against a most: drawdown and margin as the triggers see them,
    in percent (of margin the account nearest to its own), and what gross exposure may be, USD."""
    rows = [one for one in (said or {}).get("triggers", ()) if one.get("value") is not None]
    drops = [one for one in rows if one.get("name") == "drawdown"]
    margins = [one for one in rows if one.get("name") == "margin"]
    nearest: Mapping[str, Any] = max(
        margins, key=lambda one: Decimal(one.get("share") or 0), default={}
    )
    return {
        "drawdown": _against(drops[0] if drops else {}),
        "margin": _against(nearest),
        "gross": {"value": None, "most": exact(gross_most)},
    }


def _against(one: Mapping[str, Any]) -> dict[str, str | None]:
    value = one.get("value")
    rounded = None if value is None else _rounded(Decimal(value), _HUNDREDTH)
    return {"value": rounded, "most": one.get("threshold")}


def limit_body(
    limits: Mapping[str, Decimal],
    *,
    gross: Decimal | None,
    values: Iterable[Decimal | None],
    orders_open: int,
) -> dict[str, Any] | None:
    """The limit of which most is used, and how much of 1; None: none is known of, or one is not.

    ``limits`` in force by kind; ``values``: worth of each position, USD.
    """
    largest = list(values)
    position = None if None in largest else max((one for one in largest if one), default=ZERO)
    used = {GROSS_NOTIONAL: gross, POSITION_NOTIONAL: position, OPEN_ORDERS: Decimal(orders_open)}
    shares: dict[str, Decimal] = {}
    for kind, worth in used.items():
        if kind not in limits:
            continue
        if worth is None:
            return None
        most = limits[kind]
        shares[kind] = worth / most if most else Decimal(bool(worth))
    if not shares:
        return None
    kind = max(shares, key=lambda one: shares[one])
    return {"kind": kind, "share": _rounded(shares[kind], _SHARE)}


def _rounded(figure: Decimal | None, grain: Decimal) -> str | None:
    return None if figure is None else exact(figure.quantize(grain))
