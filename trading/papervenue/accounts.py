"""Positions, cash and fees of each account, derived from the venue's own fills and nothing else."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from trading.papervenue.margin import Held
from trading.papervenue.money import CASH_SCALE, NANO, parse, text
from trading.papervenue.orders import BUY, Fill
from trading.papervenue.protocol import Body

OPENING_CASH = (("USD", "10000000"), ("USDT", "10000000"))
_NANO_TO_CASH: int = 10**CASH_SCALE // NANO


@dataclass(slots=True)
class _Holding:
    """Quantity and fees in 1e-9, cash flow in 1e-27 of ``currency``."""

    currency: str
    quantity: int = 0
    cash_flow: int = 0
    fees: int = 0


class Accounts:
    """What every account holds after the fills so far."""

    def __init__(self, fills: Iterable[Fill]) -> None:
        self._sequences: dict[str, int] = defaultdict(int)
        self._holdings: dict[str, dict[str, _Holding]] = defaultdict(dict)
        for fill in fills:
            self.apply(fill)

    def last_sequence(self, account: str) -> int:
        return self._sequences[account]

    def apply(self, fill: Fill) -> None:
        """Raises ValueError when the fill is not the account's next: the storage is not ours."""
        if fill.sequence != self._sequences[fill.account] + 1:
            last = self._sequences[fill.account]
            raise ValueError(f"{fill.account}: fill {fill.sequence} follows {last}")
        self._sequences[fill.account] = fill.sequence
        held = self._holdings[fill.account].setdefault(fill.symbol, _Holding(fill.currency))
        held.quantity += fill.quantity if fill.side == BUY else -fill.quantity
        held.cash_flow += fill.cash_flow
        held.fees += fill.fee

    def quantities(self) -> list[tuple[str, str, int]]:
        """Account, symbol and signed quantity of everything ever traded."""
        return [
            (account, symbol, held.quantity)
            for account, holdings in self._holdings.items()
            for symbol, held in holdings.items()
        ]

    def held(self, account: str) -> dict[str, Held]:
        """What margin is reckoned of, by symbol."""
        return {
            symbol: Held(one.quantity, one.cash_flow - one.fees * _NANO_TO_CASH)
            for symbol, one in self._holdings[account].items()
        }

    @staticmethod
    def deposited(deposits: Iterable[tuple[str, str]]) -> int:
        """All currencies one for one, in 1e-27."""
        return sum(parse(amount) for _, amount in deposits) * _NANO_TO_CASH

    def positions(self, account: str) -> list[Body]:
        """Every symbol the account ever traded, by symbol; flat ones keep their cash flow."""
        return [
            {
                "symbol": symbol,
                "quantity": text(held.quantity),
                "cash_flow": text(held.cash_flow, CASH_SCALE),
                "fees": text(held.fees),
                "currency": held.currency,
            }
            for symbol, held in sorted(self._holdings[account].items())
        ]

    def balances(self, account: str, deposits: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Cash by currency: deposits and cash flows less fees."""
        cash: dict[str, int] = defaultdict(int)
        for currency, amount in deposits:
            cash[currency] += parse(amount) * _NANO_TO_CASH
        for held in self._holdings[account].values():
            cash[held.currency] += held.cash_flow - held.fees * _NANO_TO_CASH
        return {currency: text(amount, CASH_SCALE) for currency, amount in sorted(cash.items())}
