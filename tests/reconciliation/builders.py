"""A desk whose venue says everything: positions, open orders and cash, worked out apart."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from tests.portfolio.builders import Desk as PortfolioDesk
from trading.models import Fill, Order, VenueReading
from trading.reconciliation.service import SCHEDULE, ReconciliationReport, reconcile_run
from trading.universe import UNIVERSE

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MIDS = {"EURUSD": Decimal("1.15"), "XAUUSD": Decimal(4000), "GCZ3": Decimal(1300)}


def at(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


class Desk(PortfolioDesk):
    """Fills are booked as a gateway books them; ``says`` is its venue at a moment."""

    def stray(self, symbol: str, side: str, quantity: str, price: str) -> Fill:
        """A fill on paper-1 that nobody ordered."""
        sequence = self.sequences["paper-1"] = self.sequences.get("paper-1", 0) + 1
        return Fill.objects.create(
            account_id="paper-1", venue_fill_id=f"f{sequence}", sequence=sequence, symbol=symbol,
            side=side, quantity=Decimal(quantity), price=Decimal(price), fee=Decimal("0.05"),
            fee_currency="USD", venue_time=NOON, feed_time=NOON,
        )  # fmt: skip

    def resting(self, ident: str, quantity: str = "2000", **changes: Any) -> Order:
        given = {"created_at": at(-3600), "order_type": "limit", "time_in_force": "gtc"}
        return self.order(ident, "mom-eurusd", "EURUSD", quantity, **{**given, **changes})

    def says(
        self,
        seconds: float,
        account: str = "paper-1",
        *,
        orders: tuple[str, ...] = (),
        positions: dict[str, str] | None = None,
        cash: str = "0",
        **changes: Any,
    ) -> VenueReading:
        """A reading that agrees with the fills so far, but for ``positions`` and ``cash`` more."""
        quantities: defaultdict[str, Decimal] = defaultdict(Decimal)
        balances = {"USD": Decimal(10_000_000), "USDT": Decimal(10_000_000)}
        for fill in Fill.objects.filter(account=account):
            instrument = UNIVERSE.by_symbol(fill.symbol)
            change = fill.quantity if fill.side == "buy" else -fill.quantity
            quantities[fill.symbol] += change
            balances[instrument.currency] -= change * fill.price * instrument.multiplier
            balances[fill.fee_currency] -= fill.fee
        for symbol, by in (positions or {}).items():
            quantities[symbol] += Decimal(by)
        balances["USD"] += Decimal(cash)
        said = {
            "account_id": account,
            "taken_at": at(seconds),
            "fill_sequence": self.sequences.get(account, 0),
            "positions": [
                {"symbol": one, "quantity": f"{quantity:f}", "cash_flow": "0", "fees": "0"}
                for one, quantity in quantities.items()
            ],
            "open_orders": [_order(one) for one in Order.objects.filter(pk__in=orders)],
            "balances": {one: f"{amount:f}" for one, amount in balances.items()},
        }
        return VenueReading.objects.create(**{**said, **changes})


def _order(order: Order) -> dict[str, str]:
    return {
        "client_order_id": order.pk, "symbol": order.symbol, "side": order.side,
        "quantity": f"{order.quantity:f}", "filled": f"{order.filled:f}",
    }  # fmt: skip


def run(
    seconds: float, account: str | None = "paper-1", asked_by: str = SCHEDULE, **more: Any
) -> ReconciliationReport:
    """The report of the first account, at a moment and with prices that are known."""
    given = {"mids": lambda: MIDS, "clock": lambda: at(seconds), **more}
    return reconcile_run(account=account, asked_by=asked_by, **given)[0]


def names(report: ReconciliationReport) -> set[str]:
    return {f"{one.what}:{one.key}" for one in report.breaks}
