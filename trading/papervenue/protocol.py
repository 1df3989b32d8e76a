"""The venue's wire protocol: newline-delimited JSON over TCP, one object a line, 16 KiB at most.

The venue greets with ``{"event": "hello", "nonce", "venue_time_ns"}``. A request names its ``op``
and carries an ``id`` (number) that its answer repeats. Answer: ``{"id", "op", "ok": true, ...}`` or
``{"id", "op", "ok": false, "error": {"code", "field", "message"}}``. ``submit`` and ``cancel`` are
answered by events, ``{"event": kind, ...}``, and by an error answer only when they are malformed.
Everything the venue says carries ``venue_time_ns``. Numbers of money, price and quantity are
decimal strings. The full list is in trading/papervenue/README.md.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import msgspec

from trading.papervenue.money import text, to_nano
from trading.papervenue.orders import GTC, GTD, IOC, LIMIT, STOP, Fill, Order

MAX_LINE = 16_384
PAGE = 1_000
"""Most fills or log entries in one answer."""

ClientOrderId = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}$")]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Count = Annotated[int, msgspec.Meta(ge=-1, le=1_000_000)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]


class Request(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", kw_only=True
):
    id: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Login(Request, frozen=True, tag="login"):
    """``signature``: hex HMAC-SHA256 of ``nonce:account:key`` with the account's secret."""

    account: Name
    key: Annotated[str, msgspec.Meta(max_length=256)]
    signature: Annotated[str, msgspec.Meta(max_length=128)]


class Submit(Request, frozen=True, tag="submit"):
    client_order_id: ClientOrderId
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    side: Literal["buy", "sell"]
    order_type: Literal["market", "limit", "stop"]
    time_in_force: Literal["gtc", "ioc", "gtd"]
    quantity: Number
    not_after_ns: Sequence
    limit_price: Number | None = None
    stop_price: Number | None = None
    reduce_only: bool = False
    post_only: bool = False
    expires_ns: Sequence = 0


class Modify(Request, frozen=True, tag="modify"):
    """Quantity in all, what is filled included, and the limit price, of a working order."""

    client_order_id: ClientOrderId
    quantity: Number
    limit_price: Number | None = None


class Cancel(Request, frozen=True, tag="cancel"):
    client_order_id: ClientOrderId


class CancelAll(Request, frozen=True, tag="cancel_all"):
    symbol: Name | None = None


class CancelAllAfter(Request, frozen=True, tag="cancel_all_after"):
    """0 disarms."""

    timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class OrderStatus(Request, frozen=True, tag="order_status"):
    client_order_id: ClientOrderId
    account: Name | None = None


class OpenOrders(Request, frozen=True, tag="open_orders"):
    account: Name | None = None


class FillsSince(Request, frozen=True, tag="fills_since"):
    sequence: Sequence
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = PAGE
    account: Name | None = None


class Positions(Request, frozen=True, tag="positions"):
    account: Name | None = None


class Balances(Request, frozen=True, tag="balances"):
    account: Name | None = None


class Ping(Request, frozen=True, tag="ping"):
    pass


class Clock(Request, frozen=True, tag="clock"):
    pass


class Fault(Request, frozen=True, tag="fault"):
    """Faults of one account from now on; what is not given stays as it is. -1 means all."""

    account: Name
    reject: Count | None = None
    reject_code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z_]{1,40}$")] | None = None
    delay_ms: Milliseconds | None = None
    answer_delay_ms: Milliseconds | None = None
    drop_answers: Count | None = None
    disconnect_after: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stall_s: Annotated[float, msgspec.Meta(ge=0, le=600)] | None = None
    fill_fraction: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class ClearFaults(Request, frozen=True, tag="clear_faults"):
    account: Name | None = None


class Faults(Request, frozen=True, tag="faults"):
    pass


class Log(Request, frozen=True, tag="log"):
    after: Sequence = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = PAGE
    account: Name | None = None


class MoveClock(Request, frozen=True, tag="move_clock"):
    """The venue's own clock is so much ahead of the machine's; 0 puts it right."""

    offset_ms: Annotated[int, msgspec.Meta(ge=-86_400_000, le=86_400_000)]


class InjectFill(Request, frozen=True, tag="inject_fill"):
    account: Name
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    side: Literal["buy", "sell"]
    quantity: Number
    price: Number


class InjectOrder(Request, frozen=True, tag="inject_order"):
    account: Name
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    side: Literal["buy", "sell"]
    quantity: Number
    limit_price: Number


Query = OrderStatus | OpenOrders | FillsSince | Positions | Balances
Trade = Submit | Modify | Cancel | CancelAll | CancelAllAfter
AdminRequest = Fault | ClearFaults | Faults | Log | MoveClock | InjectFill | InjectOrder
AnyRequest = Login | Ping | Clock | Trade | Query | AdminRequest

_requests = msgspec.json.Decoder(AnyRequest)
_encode = msgspec.json.Encoder().encode
_PATH = re.compile(r"(?:field `(?P<missing>\w+)`|at `\$\.(?P<wrong>\w+))")


class ProtocolError(Exception):
    """A request that cannot be used: stable ``code``, the ``field`` at fault, what to do."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def decode(line: bytes) -> AnyRequest:
    """Raises ProtocolError naming the field."""
    try:
        request: AnyRequest = _requests.decode(line)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        field = (found["missing"] or found["wrong"]) if found else ""
        raise ProtocolError("BAD_REQUEST", field, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("BAD_JSON", "", f"line is not one JSON object: {error}") from None
    return request


def order_of(account: str, request: Submit, number: int) -> Order:
    """The order asked for. Raises ProtocolError when a number is none or does not belong."""
    quantity = _nano("quantity", request.quantity)
    limit = _price("limit_price", request.limit_price, request.order_type, LIMIT)
    stop = _price("stop_price", request.stop_price, request.order_type, STOP)
    if (request.time_in_force == GTD) != bool(request.expires_ns):
        text_ = "a gtd order, and no other, needs an expires_ns"
        raise ProtocolError("BAD_REQUEST", "expires_ns", text_)
    if request.post_only and (request.order_type != LIMIT or request.time_in_force == IOC):
        text_ = "only a limit order that rests can be post_only"
        raise ProtocolError("BAD_REQUEST", "post_only", text_)
    return Order(
        number, account, request.client_order_id, request.symbol, request.side,
        request.order_type, request.time_in_force, quantity, limit, request.not_after_ns,
        reduce_only=request.reduce_only, stop=stop, post_only=request.post_only,
        expires_ns=request.expires_ns,
    )  # fmt: skip


def modified_values(request: Modify) -> tuple[int, int | None]:
    """Quantity and limit asked for. Raises ProtocolError."""
    limit = None if request.limit_price is None else _nano("limit_price", request.limit_price)
    return _nano("quantity", request.quantity), limit


def manual_order(request: InjectFill | InjectOrder, ident: str, number: int) -> Order:
    """A limit order as injected. Raises ProtocolError."""
    field, price = (
        ("price", request.price)
        if isinstance(request, InjectFill)
        else ("limit_price", request.limit_price)
    )
    return Order(
        number, request.account, ident, request.symbol, request.side, LIMIT, GTC,
        _nano("quantity", request.quantity), _nano(field, price), not_after_ns=0,
    )  # fmt: skip


def _price(field: str, value: str | None, order_type: str, owner: str) -> int | None:
    """A price that orders of type ``owner`` need and no others have."""
    if (order_type == owner) != (value is not None):
        wanted = "needs" if value is None else "must not have"
        raise ProtocolError("BAD_REQUEST", field, f"a {order_type} order {wanted} a {field}")
    return None if value is None else _nano(field, value)


def _nano(field: str, value: str) -> int:
    try:
        return to_nano(Decimal(value))
    except InvalidOperation:
        raise ProtocolError("BAD_REQUEST", field, f"{field} must be a decimal number") from None
    except ValueError as error:
        raise ProtocolError("BAD_REQUEST", field, f"{field} {error}") from None


Body = dict[str, object]


def order_body(order: Order) -> Body:
    return {
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": text(order.quantity),
        "filled": text(order.filled),
        "order_type": order.order_type,
        "limit_price": None if order.limit is None else text(order.limit),
        "stop_price": None if order.stop is None else text(order.stop),
        "triggered": order.triggered,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "time_in_force": order.time_in_force,
        "expires_ns": order.expires_ns,
        "state": order.state,
        "code": order.code,
        "reason": order.reason,
    }


def fill_body(fill: Fill) -> Body:
    return {
        "sequence": fill.sequence,
        "venue_fill_id": fill.fill_id,
        "client_order_id": fill.client_order_id,
        "symbol": fill.symbol,
        "side": fill.side,
        "quantity": text(fill.quantity),
        "price": text(fill.price),
        "fee": text(fill.fee),
        "fee_currency": fill.currency,
        "maker": fill.maker,
        "fill_time_ns": fill.venue_time_ns,
        "feed_time_ns": fill.feed_time_ns,
    }


def line(body: Body) -> bytes:
    return _encode(body) + b"\n"


def error_answer(error: ProtocolError, raw: bytes) -> Body:
    """The error answer to ``raw``, with as much of its id, op and order as can be read."""
    return {
        **_identity(raw),
        "ok": False,
        "error": {"code": error.code, "field": error.field, "message": str(error)},
    }


def _identity(raw: bytes) -> Body:
    try:
        found = msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {"id": None, "op": None}
    ident, op, order = (found.get(name) for name in ("id", "op", "client_order_id"))
    body: Body = {
        "id": ident if isinstance(ident, int) else None,
        "op": op if isinstance(op, str) else None,
    }
    return {**body, "client_order_id": order} if isinstance(order, str) else body
