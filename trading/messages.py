"""What the stages say to each other over Redis. Frozen, typed, exact: money is never a float.

Encoded as JSON by msgspec; decimals travel as strings. ``*_boot`` are nanoseconds of
trading.clock.boot_ns on the host that ``boot_id`` names; ``*_time`` are feed nanoseconds.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class TimeInForce(StrEnum):
    GTC = "gtc"
    IOC = "ioc"
    GTD = "gtd"


class OrderIntent(msgspec.Struct, frozen=True, tag="order", tag_field="kind"):
    """A strategy wants an order. Denied when older than its life; never parked.

    ``expected_position`` is the signed position plus signed open quantity that sizing assumed for
    this strategy and symbol; the gateway denies the intent when its own differs, so a shard with
    an old view cannot order twice.
    """

    intent_id: str
    correlation_id: str
    strategy: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    reference_price: Decimal
    expected_position: Decimal
    shard: str
    shard_token: int
    tick_time: int
    tick_boot: int
    created_boot: int
    created_wall: int
    boot_id: str
    stop_price: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    """Denied where it would trade at once, here and by the venue."""
    expires_wall: int = 0
    """Of a GTD order, and of no other: wall nanoseconds at which what is left expires."""
    life_ms: int = 0
    """A quote: the gateway takes back what is left of it after this long. 0: it rests on."""


class CancelIntent(msgspec.Struct, frozen=True, tag="cancel", tag_field="kind"):
    """A strategy wants one of its open orders gone. Cancels are never refused for age."""

    intent_id: str
    strategy: str
    account: str
    client_order_id: str
    shard: str
    shard_token: int
    reason: str


Intent = OrderIntent | CancelIntent


class FillInfo(msgspec.Struct, frozen=True):
    venue_fill_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str


class OrderUpdate(msgspec.Struct, frozen=True, tag="order", tag_field="kind"):
    """An order moved. Latest value: ``position`` and ``in_flight`` are those after the move."""

    account: str
    strategy: str
    symbol: str
    client_order_id: str
    intent_id: str
    correlation_id: str
    side: Side
    quantity: Decimal
    filled: Decimal
    state: str
    final: bool
    reason_code: str
    reason: str
    version: int
    position: Decimal
    in_flight: Decimal
    at_wall: int
    fill: FillInfo | None = None
    apart: bool = False
    """Not the strategy's to work with: it closes by a person's order, or protects."""


class Holding(msgspec.Struct, frozen=True):
    strategy: str
    symbol: str
    position: Decimal
    in_flight: Decimal


class OpenOrder(msgspec.Struct, frozen=True):
    strategy: str
    symbol: str
    client_order_id: str
    side: Side
    quantity: Decimal
    filled: Decimal
    limit_price: Decimal | None


class BookSnapshot(msgspec.Struct, frozen=True, tag="book", tag_field="kind"):
    """What a gateway holds, whole; sent when it starts and every few seconds."""

    account: str
    at_wall: int
    holdings: list[Holding]
    open_orders: list[OpenOrder]


GatewayMessage = OrderUpdate | BookSnapshot

IntentStreamField = Literal["m"]

intent_decoder = msgspec.json.Decoder(Intent)
gateway_decoder = msgspec.json.Decoder(GatewayMessage)
encode = msgspec.json.Encoder().encode
