"""The stand-in's cash: it moves by profit, fees and funding alone, and a log tells each movement.

Average cost over the account, by the exchange's own fills; it shares no code with the desk's books.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from tests.krakenfutures.words import market_ident, moment
from trading.papervenue.money import CASH_SCALE, text
from trading.papervenue.orders import BUY, Fill
from trading.universe import Universe

ZERO = Decimal(0)


@dataclass(slots=True)
class Held:
    """``value``: signed, at which what is open was entered."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO


@dataclass(slots=True)
class CashBook:
    """``funding``: paid or received between fills, by account: when, symbol, amount."""

    universe: Universe
    funding: dict[str, list[tuple[int, str, Decimal]]] = field(default_factory=dict)
    log_lag_ns: int = 0
    """So long after a fill its lines are not in the log yet."""
    _ids: dict[str, int] = field(default_factory=dict)

    def held(self, fills: Iterable[Fill]) -> dict[str, Held]:
        return self._played(fills)[0]

    def price(self, symbol: str, held: Held) -> Decimal:
        """Average entry price."""
        with localcontext(prec=40):
            return held.value / held.quantity / self.universe.by_symbol(symbol).multiplier

    def balances(
        self, account: str, fills: Iterable[Fill], deposits: Iterable[tuple[str, str]]
    ) -> dict[str, Decimal]:
        cash: defaultdict[str, Decimal] = defaultdict(Decimal)
        with localcontext(prec=40):
            for currency, paid_in in deposits:
                cash[currency] += Decimal(paid_in)
            for currency, amount in self._played(fills)[1]:
                cash[currency] += amount
            for _, symbol, amount in self.funding.get(account, ()):
                cash[self.universe.by_symbol(symbol).currency] += amount
        return dict(cash)

    def _played(self, fills: Iterable[Fill]) -> tuple[dict[str, Held], list[tuple[str, Decimal]]]:
        """What is open, and by how much each fill moved cash."""
        held: defaultdict[str, Held] = defaultdict(Held)
        moved = []
        with localcontext(prec=40):
            for fill in fills:
                realised = _take(held[fill.symbol], fill)
                moved.append((fill.currency, realised - Decimal(text(fill.fee))))
        return dict(held), moved

    def lines(self, account: str, fills: list[Fill], now_ns: int) -> list[dict[str, Any]]:
        """Oldest first, numbered as they appeared; two lines a fill, the position's with no fee."""
        found: dict[str, dict[str, Any]] = {}
        for fill, (_, cash) in zip(fills, self._played(fills)[1], strict=True):
            if not self.log_lag_ns or fill.venue_time_ns <= now_ns - self.log_lag_ns:
                for line in _trade_lines(fill, cash):
                    found[f"{fill.fill_id} {line['asset']}"] = line
        for number, (at_ns, symbol, amount) in enumerate(self.funding.get(account, ())):
            currency = self.universe.by_symbol(symbol).currency
            found[f"{account} {number}"] = {
                "date": moment(at_ns), "asset": currency.lower(), "info": "funding rate change",
                "execution": "", "contract": market_ident(symbol).lower(), "old_balance": 0,
                "new_balance": amount, "realized_funding": amount, "fee": 0,
            }  # fmt: skip
        numbered = [
            {"id": self._ids.setdefault(key, len(self._ids) + 1), **line}
            for key, line in found.items()
        ]
        return sorted(numbered, key=lambda one: int(one["id"]))


def _trade_lines(fill: Fill, cash: Decimal) -> list[dict[str, Any]]:
    contract = market_ident(fill.symbol).lower()
    both = {
        "date": moment(fill.venue_time_ns), "info": "futures trade", "contract": contract,
        "execution": fill.fill_id, "trade_price": Decimal(text(fill.price)),
    }  # fmt: skip
    return [
        {**both, "asset": fill.currency.lower(), "old_balance": 0, "new_balance": cash,
         "fee": Decimal(text(fill.fee))},
        {**both, "asset": contract, "old_balance": 0, "new_balance": 0, "fee": 0},
    ]  # fmt: skip


def _take(held: Held, fill: Fill) -> Decimal:
    """Book it and return what it realised."""
    change = Decimal(text(fill.quantity)) * (1 if fill.side == BUY else -1)
    paid = -Decimal(text(fill.cash_flow, CASH_SCALE))
    closed = min(abs(held.quantity), abs(change)) if held.quantity * change < 0 else ZERO
    released = held.value * closed / abs(held.quantity) if closed else ZERO
    of_closing = paid * closed / abs(change)
    held.quantity += change
    held.value += paid - of_closing - released
    return -of_closing - released
