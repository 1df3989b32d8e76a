"""What the gateway's core asks its host to do. The core itself touches no network and no clock."""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from trading.gateway.book import LiveOrder
from trading.gateway.stoploss import StopLoss
from trading.messages import GatewayMessage
from trading.portfolio.ledger import Holding
from trading.venues.base import Filled, NewOrder


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order to be written as it now stands; later versions win, whatever the order of writes."""

    order: LiveOrder
    event: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FillRow:
    """A fill to be written once, with the holding as it is after it."""

    fill: Filled
    order: LiveOrder | None
    holding: Holding | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a hold's receipt: ``part`` tells several of one name apart."""

    hold_id: str
    name: str
    part: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StopLossRow:
    """A stop-loss to be written as it now stands; later versions win."""

    stop: StopLoss
    event: str


Row = OrderRow | FillRow | StepRow | StopLossRow
Rows = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Persist:
    """Write these rows in one transaction, then tell everyone, then release the order if given."""

    rows: Rows
    messages: tuple[GatewayMessage, ...]
    release: str = ""


@dataclass(frozen=True, slots=True)
class SendCreate:
    new_order: NewOrder


@dataclass(frozen=True, slots=True)
class SendCancel:
    client_order_id: str


@dataclass(frozen=True, slots=True)
class CatchUpFills:
    """Fills are missing: ask the venue for all since the last booked one."""


@dataclass(frozen=True, slots=True)
class LookUpOrder:
    """A fill names an order that is not in memory: look in the database, then book it."""

    fill: Filled


Effect = Persist | SendCreate | SendCancel | CatchUpFills | LookUpOrder


_values = attrgetter(*(one.name for one in fields(LiveOrder)))


def frozen(order: LiveOrder) -> LiveOrder:
    """A copy that later moves of the order do not touch; dataclasses.replace takes ten times as
    long, at every step of every order."""
    return LiveOrder(*_values(order))


def proof_of(order: LiveOrder) -> tuple[StepRow, ...]:
    """The step of the receipt that the end of this order is, once."""
    if not (order.cancel_hold and order.final):
        return ()
    hold, order.cancel_hold = order.cancel_hold, ""
    facts = {
        "order": order.client_order_id,
        "state": str(order.state),
        "filled": order.filled,
        "quantity": order.quantity,
    }
    return (StepRow(hold, "cancel-confirmed", order.client_order_id, facts),)
