"""Kraken Futures' history of executions: where its list of fills cannot tell them apart by time."""

from decimal import Decimal
from typing import Any

from trading.messages import Side
from trading.venues.ccxt_dialect import Call, RawFill, Said
from trading.venues.ccxt_kraken_words import HISTORY_PAGE, MS, past_ident
from trading.venues.ccxt_markets import Markets


class KrakenExecutions:
    fills_page = 100

    def executions(self, client: Any, time_ns: int, page: str) -> Call:
        at = time_ns // MS
        # Whether its bounds are of the range or beyond it is not documented; one too many is known.
        params = {"count": str(HISTORY_PAGE), "sort": "desc", "since": str(at - 1)}
        params["before"] = str(at + 2)
        if page:
            params["continuation_token"] = page
        return client.history_get_executions(params)  # type: ignore[no-any-return]

    def executions_said(self, said: Said, markets: Markets) -> tuple[list[RawFill], str]:
        found = []
        for element in said["elements"]:
            event = element["event"]  # its documents have it in both spellings
            found.append(_execution((event.get("execution") or event["Execution"]), markets))
        return found, str(said.get("continuationToken") or "")


def _execution(event: Said, markets: Markets) -> RawFill:
    one = event["execution"]
    order = one["order"]
    symbol = markets.symbol(str(order["tradeable"]))
    market = markets.of(symbol)
    return RawFill(
        venue_fill_id=str(one["uid"]),
        client_order_id=past_ident(order),
        venue_order_id=str(order["uid"]),
        symbol=symbol,
        side=Side(str(order["direction"]).lower()),
        quantity=Decimal(one["quantity"]),
        price=Decimal(one["price"]),
        fee=None,
        fee_currency=market.currency if market else "USD",
        maker=str(one["executionType"]) == "maker",
        time_ns=int(one["timestamp"]) * MS,
    )
