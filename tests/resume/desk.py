"""A desk that could trade: accounts, strategies, limits, gateways, reconciliations, prices."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from riskctl.ladder import stages_prepare
from riskctl.models import GatewayRegister, Heartbeat, Lease, Limit, Stage
from riskctl.rules import REQUIRED, account_scope, strategy_scope
from trading.models import (
    Fill,
    Order,
    Position,
    Reconciliation,
    Signal,
    Strategy,
    VenueAccount,
    VenueReading,
)
from trading.resume.vitals import Vitals

SYMBOL = "EURUSD"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def ago(seconds: float) -> dt.datetime:
    return now() - dt.timedelta(seconds=seconds)


def healthy(**changes: Any) -> Vitals:
    given: dict[str, Any] = {
        "phase": "running",
        "ages": {SYMBOL: "fresh", "XAUUSD": "late"},
        "mids": {SYMBOL: Decimal("1.1")},
        "errors": {0: 0},
        **changes,
    }
    return Vitals(**given)


@dataclass
class RestartDesk:
    """Everything that lifting a kill looks at, healthy until a test breaks a part of it."""

    monkeypatch: pytest.MonkeyPatch
    numbers: int = field(default=0)
    said: Vitals = field(default_factory=healthy)

    def __post_init__(self) -> None:
        self.vitals(healthy())
        self.account("paper-1")
        self.strategy("mom-one")
        self.strategy("rev-two", owner="tomas.lind")
        for kind in REQUIRED["firm"]:
            Limit.objects.create(scope="firm", kind=kind, value=1_000_000)
        # Beats for as long as a test may take on a busy machine.
        Heartbeat.objects.create(name="watchdog", at=ago(-3_600))

    def vitals(self, said: Vitals) -> None:
        self.said = said
        for module in ("preconditions", "reentry", "promotion"):
            self.monkeypatch.setattr(f"trading.resume.{module}.vitals_read", lambda: said)

    def account(self, name: str, **more: Any) -> VenueAccount:
        account = VenueAccount.objects.create(
            name=name, venue=f"Venue {name}", adapter="x", address="x:1", **more
        )
        for kind in REQUIRED["account"]:
            Limit.objects.create(scope=account_scope(name), kind=kind, value=500_000)
        Lease.objects.create(
            name=f"gateway:{name}", role="gateway", holder="box:1:1", token=3,
            expires_at=now() + dt.timedelta(hours=1), renewed_at=now(),
        )  # fmt: skip
        GatewayRegister.objects.create(
            account=name, address="127.0.0.1:1", place="here", pid=1, start_ticks=1, token=3,
            journal=uuid.uuid4(), registered_at=now(),
        )  # fmt: skip
        self.reading(name, {})
        self.reconcile(name)
        return account

    def rehearse(self, account: str = "paper-1", on: str = "paper-r") -> VenueAccount:
        other = self.account(on)
        VenueAccount.objects.filter(name=account).update(rehearsal=other)
        return other

    def reading(self, account: str, positions: dict[str, str]) -> None:
        VenueReading.objects.create(
            account_id=account, taken_at=now(), fill_sequence=0, open_orders=[], balances=[],
            positions=[{"symbol": one, "quantity": held} for one, held in positions.items()],
        )  # fmt: skip

    def reconcile(self, account: str, *, at: dt.datetime | None = None) -> None:
        Reconciliation.objects.create(
            account_id=account, at=at or now(), agrees=True, compared={}, asked_by="schedule"
        )

    def strategy(self, key: str, *, owner: str = "mercy.okafor", rung: str = "live") -> Strategy:
        made = Strategy.objects.create(
            key=key, kind="momentum", owner=owner, account_id="paper-1", symbols=[SYMBOL],
            parameters={"fast_s": 2.0}, size_notional=100_000,
        )  # fmt: skip
        for kind in REQUIRED["strategy"]:
            Limit.objects.create(scope=strategy_scope(key), kind=kind, value=100_000)
        stages_prepare(strategies=[key], rung=rung, entered_by="test")
        Stage.objects.filter(strategy=key).update(since=ago(86_400))
        return made

    def on(self, key: str, rung: str, *, since_s: float) -> None:
        Stage.objects.filter(strategy=key).update(rung=rung, since=ago(since_s))

    def hold_position(self, key: str, quantity: str) -> None:
        Position.objects.update_or_create(
            strategy_id=key, account_id="paper-1", symbol=SYMBOL, defaults={"quantity": quantity}
        )

    def signal(self, key: str, *, at: dt.datetime) -> None:
        self.numbers += 1
        Signal.objects.create(
            id=f"s{self.numbers}", strategy_id=key, symbol=SYMBOL, direction=1, score=1,
            confidence=0.5, horizon_s=1, price=1, feed_time=at, created_at=at, latency_us=1,
        )  # fmt: skip

    def order(self, key: str, account: str, **more: Any) -> Order:
        self.numbers += 1
        given: dict[str, Any] = {
            "client_order_id": f"o{self.numbers}", "intent_id": f"i{self.numbers}",
            "correlation_id": "c", "account_id": account, "strategy_id": key, "symbol": SYMBOL,
            "side": "buy", "order_type": "limit", "time_in_force": "ioc", "quantity": 1000,
            "reference_price": Decimal("1.1"), "state": "filled", "shard": "shard:0",
            "shard_token": 1, "tick_time": now(), "created_at": now(), **more,
        }  # fmt: skip
        return Order.objects.create(**given)

    def fill(self, key: str, account: str, price: str = "1.1", **more: Any) -> None:
        order = self.order(key, account, **more)
        Fill.objects.create(
            account_id=account, venue_fill_id=f"f{self.numbers}", sequence=self.numbers,
            order=order, strategy_id=key, symbol=SYMBOL, side=order.side, quantity=order.quantity,
            price=Decimal(price), fee=0, fee_currency="USD", venue_time=now(), feed_time=now(),
        )  # fmt: skip


Make = Callable[[], RestartDesk]
