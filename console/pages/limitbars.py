"""Limits as bars and as a heat of cells: what is used of what is in force."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from console.pages import formats, words
from console.pages.limitread import LimitLine
from riskctl.rules import OPEN_ORDERS, ORDER_NOTIONAL, ORDER_RATE, PRICE_COLLAR

UNITS = {OPEN_ORDERS: "orders", ORDER_RATE: "per s", PRICE_COLLAR: "bp"}
EACH = (ORDER_NOTIONAL, ORDER_RATE, PRICE_COLLAR)
"""Judged order by order: nothing of them is taken in between."""
NEAR, AT = Decimal("0.8"), Decimal("0.95")
WIDTH = 96
SHORT = {
    "order-notional": "Order value",
    "position-notional": "Position",
    "gross-notional": "Gross notional",
    "open-orders": "Open orders",
    "order-rate": "Order rate",
    "price-collar": "Price collar",
}
KINDS = tuple(SHORT)
_FIRST = {"firm": 0, "account": 1, "strategy": 2}


@dataclass(frozen=True)
class LimitBar:
    """``near``: ok, warning from 80 %, breach from 95 %; ``share`` empty where nothing is used of
    it, or it is not known."""

    on: str
    what: str
    used: str
    of: str
    unit: str
    share: str
    near: str
    width: int
    each: bool


def bar_of(one: LimitLine) -> LimitBar:
    share = one.share
    unit = UNITS.get(one.kind, "USD")
    return LimitBar(
        on=words.scope_words(one.scope),
        what=SHORT.get(one.kind, one.kind),
        used=formats.UNKNOWN if one.used is None else figure(one.used, unit),
        of=figure(one.in_force, unit),
        unit=unit,
        share="" if share is None else f"{formats.number(share * 100, 0)} %",
        near=near_of(share),
        width=0 if share is None else round(min(share, Decimal(1)) * WIDTH),
        each=one.kind in EACH,
    )


def near_of(share: Decimal | None) -> str:
    if share is None or share < NEAR:
        return "ok"
    return "warning" if share < AT else "breach"


def figure(value: Decimal, unit: str) -> str:
    """``27``, ``1.34 M``: short enough to be read beside a bar."""
    if unit == "USD":
        for size, letter in ((Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k")):
            if abs(value) >= 10 * size or (abs(value) >= size and letter == "M"):
                places = 2 if letter == "M" else 1
                return f"{formats.number(value / size, places)} {letter}"
        return formats.number(value, 0)
    return formats.exact(value)


@dataclass(frozen=True)
class HeatCell:
    """``level``: 0 to 4, how full in quarters; ``text`` empty where there is no such limit."""

    text: str = ""
    level: int = 0
    near: str = "ok"
    title: str = ""


@dataclass(frozen=True)
class HeatRow:
    on: str
    cells: list[HeatCell]


def heat_of(lines: Iterable[LimitLine]) -> tuple[list[str], list[HeatRow]]:
    """Heads and rows, a column for each kind that something is used of; the fullest row first
    within firm, accounts and strategies."""
    found: dict[str, dict[str, LimitLine]] = {}
    for one in lines:
        if one.kind not in EACH:
            found.setdefault(one.scope, {})[one.kind] = one
    kinds = [kind for kind in KINDS if any(kind in row for row in found.values())]

    def place(scope: str) -> tuple[int, Decimal, str]:
        shares = [one.share or Decimal(0) for one in found[scope].values()]
        return (_FIRST.get(scope.partition(":")[0], 3), -max(shares), scope)

    rows = [
        HeatRow(words.scope_words(scope), [_cell(found[scope].get(kind)) for kind in kinds])
        for scope in sorted(found, key=place)
    ]
    return [SHORT[kind] for kind in kinds], rows


def _cell(one: LimitLine | None) -> HeatCell:
    if one is None:
        return HeatCell()
    bar, share = bar_of(one), one.share
    title = f"{bar.used} of {bar.of} {bar.unit}"
    if share is None:
        return HeatCell(formats.UNKNOWN, 0, "ok", title)
    return HeatCell(bar.share, min(4, int(share * 4)), bar.near, title)
