"""How Kraken Futures' history tells executions: one page after the other, times in milliseconds."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.krakenfutures.words import cli_ord_id, market_ident
from trading.papervenue.money import text
from trading.papervenue.orders import Fill

MS = 1_000_000


def executions(
    query: Mapping[str, str], fills: Sequence[Fill], order_id: Callable[[Fill], str]
) -> dict[str, Any]:
    """``fills`` oldest first; the newest are told first."""
    since, before = int(query["since"]), int(query["before"])
    found = [one for one in reversed(fills) if since < one.venue_time_ns // MS < before]
    first, count = int(query.get("continuation_token", 0)), int(query["count"])
    told = [_element(one, order_id(one)) for one in found[first : first + count]]
    body: dict[str, Any] = {"accountUid": "a", "len": len(told), "elements": told}
    if first + count < len(found):
        body["continuationToken"] = str(first + count)
    return body


def _element(one: Fill, order_id: str) -> dict[str, Any]:
    at = one.venue_time_ns // MS
    order = {
        "uid": order_id,
        "accountUid": "a",
        "tradeable": market_ident(one.symbol),
        "direction": one.side.title(),
        "quantity": text(one.quantity),
        "filled": text(one.quantity),
        "timestamp": at,
        "limitPrice": text(one.price),
        "orderType": "Limit",
        "clientId": cli_ord_id(one.client_order_id) or "",
        "reduceOnly": False,
        "lastUpdateTimestamp": at,
    }
    execution = {
        "uid": one.fill_id,
        "order": order,
        "timestamp": at,
        "quantity": text(one.quantity),
        "price": text(one.price),
        "markPrice": text(one.price),
        "limitFilled": False,
        "executionType": "maker" if one.maker else "taker",
        "usdValue": str(Decimal(text(one.quantity)) * Decimal(text(one.price))),
        "orderData": {"fee": text(one.fee), "positionSize": "0"},
    }
    event = {"execution": {"execution": execution, "takerReducedQuantity": ""}}
    return {"uid": f"e-{one.fill_id}", "timestamp": at, "event": event}
