"""Builders of rows and messages, with what a test does not care about filled in."""

import datetime as dt
from decimal import Decimal
from typing import Any

from riskctl.holds import RULES, HoldFact, Kind
from riskctl.models import Stage
from trading import ticks as tick_format
from trading.clock import NS
from trading.health import StageReading, Status
from trading.messages import Side
from trading.models import Fill, Order, Position, Strategy, VenueAccount, VenueReading
from trading.portfolio.books import AccountRow, Books, HoldRow, PositionRow, RungRow, StrategyRow
from trading.portfolio.ledger import EMPTY, Holding, apply_fill
from trading.portfolio.market import Entry
from trading.universe import UNIVERSE, to_nano

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
NOON_NS = int(NOON.timestamp()) * NS
FEED_NOON_NS = int(dt.datetime(2014, 5, 2, 12, 0, tzinfo=dt.UTC).timestamp()) * NS

#: Symbol, bid, ask and feed time.
Tick = tuple[str, str, str, int]


def decimals(*values: object) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(one)) for one in values)


def packed(ticks: list[Tick]) -> bytes:
    batch = tick_format.empty(len(ticks))
    for row, (symbol, bid, ask, time) in zip(batch, ticks, strict=True):
        row["instrument"] = UNIVERSE.by_symbol(symbol).id
        row["bid"], row["ask"] = to_nano(Decimal(bid)), to_nano(Decimal(ask))
        row["time"] = time
    return tick_format.pack(batch)


def entry_fields(
    ticks: list[Tick], *, clock: int = 0, wall: int = NOON_NS, session: str = "s1", **more: str
) -> dict[str, Any]:
    newest = max((time for *_, time in ticks), default=FEED_NOON_NS)
    return {
        "d": packed(ticks),
        "clk": str(clock or newest),
        "boot": "1",
        "wall": str(wall),
        "bid": "boot",
        "s": session,
        **more,
    }


def entry(ticks: list[Tick], **more: Any) -> Entry:
    """As redis-py reads it."""
    fields = entry_fields(ticks, **more)
    return b"1-1", {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in fields.items()
    }


def reading(stage: str, instance: str, status: Status = "fresh", **changes: Any) -> StageReading:
    beat = {"fresh": 100, "late": 3_000, "dead": 9_000}[status]
    values: dict[str, Any] = {
        "heartbeat_ms": beat, "rate": 10.0, "p50_us": 1.0, "p95_us": 2.0, "p99_us": 3.0,
        "queue": 0, "errors_5m": 0, "last_error": "", "total": 5, "extra": {},
    }  # fmt: skip
    return StageReading(stage=stage, instance=instance, status=status, **{**values, **changes})


def alive(account: str = "paper-1", shard: int = 0, **extra: str) -> dict[str, list[StageReading]]:
    """Heartbeats of a gateway that may trade and of a shard."""
    said = {"connected": "1", "licence_ms": "180", **extra}
    return {
        "broker": [reading("broker", account, extra=said)],
        "signal-generator": [reading("signal-generator", f"shard:{shard}")],
    }


def strategy_row(key: str = "mom-eurusd", *symbols: str, **changes: Any) -> StrategyRow:
    values: dict[str, Any] = {
        "kind": "momentum", "owner": "mercy.okafor", "account": "paper-1", "venue": "Paper One",
        "live": False, "shard": 0, "symbols": symbols or ("EURUSD",),
    }  # fmt: skip
    return StrategyRow(key=key, **{**values, **changes})


def position_row(
    strategy: str = "mom-eurusd", symbol: str = "EURUSD", quantity: str = "1000", **changes: Any
) -> PositionRow:
    values: dict[str, Any] = {
        "account": "paper-1", "cost": Decimal(0), "realised": Decimal(0), "fees": Decimal(0),
        "fills": 1,
    }  # fmt: skip
    return PositionRow(
        strategy=strategy, symbol=symbol, quantity=Decimal(quantity), **{**values, **changes}
    )


def books(**changes: Any) -> Books:
    values: dict[str, Any] = {
        "as_of": NOON,
        "read_ms": 0.5,
        "day": NOON.replace(hour=0),
        "accounts": (AccountRow("paper-1", "Paper One", live=False),),
        "strategies": (strategy_row(),),
    }
    values |= changes
    rungs = {one.key: RungRow("live", Decimal(1), NOON) for one in values["strategies"]}
    return Books(**{"rungs": rungs, **values})


def hold_row(
    scope: str = "strategy:mom-eurusd", kind: Kind = Kind.PAUSE, *, age_s: int = 60, **changes: Any
) -> HoldRow:
    """An open hold of a risk manager's, proven effective 2 ms after it was placed."""
    placed_at = NOON - dt.timedelta(seconds=age_s)
    values: dict[str, Any] = {
        "id": f"hold-{scope}-{kind}", "mode": RULES[kind].mode, "cancels": RULES[kind].cancels,
        "protective_too": False, "reason": "quotes crossing", "placed_by": "ada.nwosu",
        "actor_kind": "person", "placed_wall_ns": NOON_NS - age_s * NS,
    }  # fmt: skip
    fact = HoldFact(scope=scope, kind=kind, **{**values, **changes})
    return HoldRow(fact, placed_at, placed_at + dt.timedelta(milliseconds=2))


class Desk:
    """Two accounts with strategies in the database, and fills booked as a gateway books them."""

    def __init__(self) -> None:
        self.sequences: dict[str, int] = {}
        self.holdings: dict[tuple[str, str, str], Holding] = {}
        for name, venue in (("paper-1", "Paper One"), ("paper-2", "Paper Two")):
            VenueAccount.objects.create(
                name=name, venue=venue, adapter="trading.venues.paper.PaperVenue", address="x:1"
            )
        self.strategy("mom-eurusd", "paper-1", "EURUSD")
        self.strategy("mr-gold", "paper-1", "XAUUSD", "GCZ3")
        self.strategy("mom-btc", "paper-2", "BTCUSDT")

    @staticmethod
    def strategy(key: str, account: str, *symbols: str) -> None:
        Strategy.objects.create(
            key=key, kind="momentum", owner="mercy.okafor", account_id=account,
            symbols=list(symbols), size_notional=Decimal(100_000),
        )  # fmt: skip
        Stage.objects.create(strategy=key, rung="live", since=NOON, entered_by="desk")

    @staticmethod
    def order(ident: str, strategy: str, symbol: str, quantity: str, **changes: Any) -> Order:
        now = dt.datetime.now(dt.UTC)
        account = Strategy.objects.get(key=strategy).account_id
        values: dict[str, Any] = {
            "client_order_id": ident, "intent_id": f"i-{ident}", "correlation_id": ident,
            "account_id": account, "strategy_id": strategy, "symbol": symbol, "side": "buy",
            "order_type": "market", "time_in_force": "ioc", "quantity": Decimal(quantity),
            "reference_price": Decimal(1), "state": "working", "shard": "shard:0",
            "shard_token": 1, "tick_time": now, "created_at": now,
        }  # fmt: skip
        return Order.objects.create(**{**values, **changes})

    def fill(
        self, strategy: str, symbol: str, side: str, quantity: str, price: str, *,
        fee: str = "0.10", account: str = "", **changes: Any,
    ) -> Fill:  # fmt: skip
        """One order, filled at once: order, fill and position as the gateway leaves them.

        ``account``: not its own; ``changes``: of the order.
        """
        account = account or Strategy.objects.get(key=strategy).account_id
        sequence = self.sequences[account] = self.sequences.get(account, 0) + 1
        many, paid, charged = Decimal(quantity), Decimal(price), Decimal(fee)
        order = self.order(
            f"o-{account}-{sequence}", strategy, symbol, quantity, side=side, state="filled",
            filled=many, filled_value=many * paid, fees=charged,
            **{"account_id": account, **changes},
        )  # fmt: skip
        now = dt.datetime.now(dt.UTC)
        booked = Fill.objects.create(
            account_id=account, venue_fill_id=f"f{sequence}", sequence=sequence, order=order,
            strategy_id=strategy, symbol=symbol, side=side, quantity=many, price=paid,
            fee=charged, fee_currency="USD", venue_time=now, feed_time=now,
        )  # fmt: skip
        held = apply_fill(
            self.holdings.get((account, strategy, symbol), EMPTY),
            side=Side(side), quantity=many, price=paid, fee=charged, sequence=sequence,
            multiplier=UNIVERSE.by_symbol(symbol).multiplier,
        )  # fmt: skip
        self.holdings[account, strategy, symbol] = held
        Position.objects.update_or_create(
            account_id=account, strategy_id=strategy, symbol=symbol,
            defaults={
                name: getattr(held, name)
                for name in (
                    "quantity", "cost", "realised", "fees", "turnover", "fills", "last_sequence",
                )
            },
        )  # fmt: skip
        return booked

    def reading(self, account: str, **changes: Any) -> VenueReading:
        """What a venue that agrees with the books would say, as of now."""
        totals: dict[str, list[Decimal]] = {}
        for fill in Fill.objects.filter(account=account):
            sign = 1 if fill.side == "buy" else -1
            value = fill.quantity * fill.price * UNIVERSE.by_symbol(fill.symbol).multiplier
            total = totals.setdefault(fill.symbol, [Decimal(0)] * 3)
            total[0] += sign * fill.quantity
            total[1] -= sign * value
            total[2] += fill.fee
        positions = [
            {"symbol": symbol, "quantity": f"{q:f}", "cash_flow": f"{c:f}", "fees": f"{f:f}"}
            for symbol, (q, c, f) in totals.items()
        ]
        values: dict[str, Any] = {
            "account_id": account, "taken_at": dt.datetime.now(dt.UTC), "positions": positions,
            "fill_sequence": self.sequences.get(account, 0), "open_orders": [], "balances": {},
        }  # fmt: skip
        return VenueReading.objects.create(**{**values, **changes})
