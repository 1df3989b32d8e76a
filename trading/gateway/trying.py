"""What the gateway would say to an order, without the order: the gates of every order, asked once.

Nothing is kept of it: no id is spent, nothing reserved, written down or sent. Pure.
"""

from decimal import Decimal

from riskctl.control import Gate, OrderTried, RuleTried, TryOrder
from riskctl.rules import Denial
from trading.gateway.admission import Now
from trading.gateway.book import order_of
from trading.gateway.core import GatewayCore
from trading.gateway.intake import read_intent
from trading.messages import OrderIntent, OrderType, Side, TimeInForce, encode

NAME = "dry-run"
PLACES = 6
"""Of what is measured, as it is shown."""


def order_try(core: GatewayCore, asked: TryOrder, now: Now, *, connected: bool) -> OrderTried:
    """Raises ValueError or UnknownInstrumentError for what is no order of this desk."""
    intent = _intent(core, asked, now)
    order = order_of(intent, core.account, now.wall_ns)
    order.born_boot_ns = now.boot_ns
    said = [*core.gate.gates(intent, order, now), ("connection", _unconnected(connected=connected))]
    denial = next((one for _, one in said if one), None) or core.gate.release_denial(order, now)
    return OrderTried(
        account=core.account,
        code=denial.code if denial else "",
        text=denial.text if denial else "",
        gates=[Gate(name, one.code, one.text) if one else Gate(name) for name, one in said],
        rules=[
            RuleTried(
                one.code,
                one.what,
                one.scope,
                round(one.measured, PLACES),
                one.limit,
                one.denial is None,
            )
            for one in core.gate.rules(order, now)
        ],
    )


def _unconnected(*, connected: bool) -> Denial | None:
    if connected:
        return None
    return Denial("VENUE_DISCONNECTED", "there is no connection to the venue")


def _intent(core: GatewayCore, asked: TryOrder, now: Now) -> OrderIntent:
    """As the strategy's shard would send it, read as if it had come off the stream."""
    quote = core.prices.quote(asked.symbol)
    reading = core.licence.reading
    tokens = reading.shard_tokens if reading else {}
    held = core.book.holding(asked.strategy, asked.symbol).quantity
    intent = OrderIntent(
        intent_id=NAME,
        correlation_id=NAME,
        strategy=asked.strategy,
        account=core.account,
        symbol=asked.symbol,
        side=Side(asked.side),
        quantity=asked.quantity,
        order_type=OrderType.MARKET if asked.limit_price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        limit_price=asked.limit_price,
        reference_price=quote.mid if quote else Decimal(1),
        expected_position=held + core.book.in_flight(asked.strategy, asked.symbol),
        shard=asked.shard,
        shard_token=tokens.get(asked.shard, 0),
        tick_time=quote.time_ns if quote else 0,
        tick_boot=now.boot_ns,
        created_boot=now.boot_ns,
        created_wall=now.wall_ns,
        boot_id=now.boot_id,
    )
    read = read_intent(encode(intent))
    assert isinstance(read, OrderIntent)
    return read
