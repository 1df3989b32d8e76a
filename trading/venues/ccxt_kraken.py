"""Kraken Futures, ``/derivatives/api/v3``, in our words.

Its ``processBefore`` is our not-after. It has no GTD, its market orders and triggered stops never
rest, and its dead man's switch takes protective stops too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from trading.messages import OrderType, TimeInForce
from trading.venues.base import Capabilities, NewOrder, OrderStatus, VenuePosition
from trading.venues.ccxt_dialect import (
    FEW_FEES,
    Call,
    Cancelled,
    Heard,
    LogLine,
    Placed,
    RawFill,
    Refused,
    Said,
    Word,
)
from trading.venues.ccxt_kraken_cash import entered, fees_of, log_lines
from trading.venues.ccxt_kraken_executions import KrakenExecutions
from trading.venues.ccxt_kraken_orders import (
    cancel_said,
    cancels_said,
    in_history,
    open_orders,
    order_status,
)
from trading.venues.ccxt_kraken_words import (
    DUPLICATE,
    HISTORY_PAGE,
    MS,
    NO_EXECUTION,
    NOTHING_SHOWN,
    PLACED,
    REFUSAL_WORDS,
    REFUSALS,
    ident_of,
    iso,
    named,
    ns_of,
    order_type,
    raw_fill,
)
from trading.venues.ccxt_markets import Markets


class KrakenFutures(KrakenExecutions):
    exchange = "krakenfutures"
    capabilities = Capabilities(
        cancel_all=True, dead_man=True, not_after=True, reduce_only=True, stop=True,
        post_only=True, modify=True, good_till_date=False, cash_by_value=False,
    )  # fmt: skip
    costs: Mapping[str, float] = {
        "sendorder": 10, "batchorder": 9, "editorder": 10, "cancelorder": 10, "cancelallorders": 25,
        "cancelallordersafter": 25, "openorders": 2, "openpositions": 2, "accounts": 2,
        "fills": 2, "fills/before": 25, "orders/status": 1,
    }  # fmt: skip
    budget = (500.0, 10.0, 100.0)
    history_costs: Mapping[str, float] = {"history": 1, "account-log": 1, "account-log/long": 3}
    history_budget = (100.0, 600.0, 20.0)
    histories = ("orders", "triggers")
    settle_ns = 5_000 * MS

    stream_path = "/ws/v1"
    stream_feeds = frozenset({"fills", "open_orders"})
    """Not ``balances``: it moves with every price, and says nothing of an order."""

    def venue_time_ns(self, said: Said) -> int | None:
        text = said.get("serverTime")
        return None if text is None else ns_of(str(text))

    def ping(self, client: Any) -> Call:
        return client.private_get_openpositions()  # type: ignore[no-any-return]

    # Orders ----------------------------------------------------------------------------------

    def create(self, client: Any, order: NewOrder, market_symbol: str) -> Call:
        kind = "market" if order.order_type is not OrderType.LIMIT else "limit"
        params: dict[str, Any] = {
            "clientOrderId": order.client_order_id,
            "cliOrdId": order.client_order_id,
            "processBefore": iso(order.not_after_ns),
        }
        if order.reduce_only:
            params["reduceOnly"] = True
        if order.post_only:
            params["postOnly"] = True
        if kind == "limit" and order.time_in_force is TimeInForce.IOC:
            params["timeInForce"] = "ioc"
        if order.stop_price is not None:
            params |= {"triggerPrice": f"{order.stop_price:f}", "triggerSignal": "mark"}
        price = None if order.limit_price is None else f"{order.limit_price:f}"
        request = client.create_order_request(
            market_symbol, kind, order.side.value, f"{order.quantity:f}", price, params
        )
        return client.private_post_sendorder(request)  # type: ignore[no-any-return]

    def carries(self, query: Mapping[str, str], order: NewOrder, market_id: str) -> str:
        numbers = {
            "size": order.quantity, "limitPrice": order.limit_price, "stopPrice": order.stop_price,
        }  # fmt: skip
        for name, value in numbers.items():
            said = query.get(name)
            if (said is None) != (value is None) or (said is not None and Decimal(said) != value):
                return name
        texts = {
            "symbol": market_id, "side": order.side.value, "cliOrdId": order.client_order_id,
            "processBefore": iso(order.not_after_ns), "orderType": order_type(order),
            "reduceOnly": "true" if order.reduce_only else "false",
        }  # fmt: skip
        said_so = {"reduceOnly": "false", **query}
        said_so["reduceOnly"] = said_so["reduceOnly"].lower()
        wrong = [name for name, value in texts.items() if said_so.get(name) != value]
        return wrong[0] if wrong else ""

    def created(self, said: Said) -> Placed | Refused | None:
        sent = said["sendStatus"]
        status = str(sent["status"])
        if status in PLACED:
            return Placed(str(sent["order_id"]))
        if status == NO_EXECUTION:
            return Refused("EXPIRED", NOTHING_SHOWN, ended=True)
        if status == DUPLICATE:
            return Refused("DUPLICATE_ID", "the venue has seen this client order id")
        if status not in REFUSALS:
            return None
        return Refused(REFUSALS[status], REFUSAL_WORDS.get(status, status))

    def cancel(self, client: Any, client_order_id: str) -> Call:
        return client.private_post_cancelorder(named(client_order_id))  # type: ignore[no-any-return]

    def cancelled(self, said: Said) -> Cancelled | Refused | None:
        return cancel_said(said["cancelStatus"])

    def cancel_many(self, client: Any, client_order_ids: Sequence[str]) -> Call:
        cancels = [{"order": "cancel", **named(one)} for one in client_order_ids]
        return client.private_post_batchorder({"batchOrder": cancels})  # type: ignore[no-any-return]

    def cancelled_many(
        self, said: Said, client_order_ids: Sequence[str]
    ) -> list[Cancelled | Refused | None]:
        return cancels_said(said["batchStatus"], client_order_ids)

    def modify(
        self, client: Any, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> Call:
        request = {**named(client_order_id, edit=True), "size": f"{quantity:f}"}
        request["qtyMode"] = "ABSOLUTE"
        if limit_price is not None:
            request["limitPrice"] = f"{limit_price:f}"
        return client.private_post_editorder(request)  # type: ignore[no-any-return]

    def modified(self, said: Said) -> Refused | None:
        status = str(said["editStatus"]["status"])
        if status == "edited":
            return None
        if status in ("orderForEditNotFound", "notFound", "filled", "cancelled"):
            return Refused("NOT_OPEN", "the order is not open")
        if status in REFUSALS:
            return Refused(REFUSALS[status], REFUSAL_WORDS.get(status, status))
        raise ValueError(f"editStatus {status!r}")

    def cancel_all_after(self, client: Any, timeout_ms: int) -> Call:
        seconds = -(-timeout_ms // 1000)  # whole ones, never fewer than asked: 0 would disarm
        return client.private_post_cancelallordersafter(  # type: ignore[no-any-return]
            {"timeout": str(seconds)}
        )

    def armed(self, said: Said) -> bool:
        return str(said["status"]["triggerTime"]) != "0"

    # Questions -------------------------------------------------------------------------------

    def open_orders(self, client: Any) -> Call:
        return client.private_get_openorders()  # type: ignore[no-any-return]

    def open_orders_said(self, said: Said, markets: Markets) -> list[OrderStatus]:
        return open_orders(said["openOrders"], markets)

    def order(self, client: Any, client_order_id: str) -> Call:
        wanted = {k + "s": v for k, v in named(client_order_id, edit=True).items()}
        # ccxt has it as a GET, which Kraken's documents do not know.
        return client.request("orders/status", "private", "POST", wanted)  # type: ignore[no-any-return]

    def order_said(self, said: Said, ident: str, markets: Markets) -> OrderStatus | None:
        for one in said["orders"]:
            order = one["order"]
            if ident_of(order.get("cliOrdId"), order["orderId"]) == ident:
                return order_status(one, ident, markets)
        return None

    def history(self, client: Any, kind: str, page: str, since_ns: int) -> Call:
        params = {"count": str(HISTORY_PAGE), "sort": "desc"}
        if since_ns:
            params["since"] = str(since_ns // MS)
        if page:
            params["continuation_token"] = page
        call = client.history_get_orders if kind == "orders" else client.history_get_triggers
        return call(params)  # type: ignore[no-any-return]

    def history_said(
        self, said: Said, ident: str, markets: Markets
    ) -> tuple[OrderStatus | None, str]:
        found = in_history(said["elements"], ident, markets)
        if found is not None:
            return found, ""
        return None, str(said.get("continuationToken") or "")

    def fills(self, client: Any, before: int) -> Call:
        params = {"lastFillTime": iso(before)} if before else {}
        return client.private_get_fills(params)  # type: ignore[no-any-return]

    def fills_said(self, said: Said, markets: Markets) -> list[RawFill]:
        return [raw_fill(one, markets) for one in reversed(said["fills"])]

    def fees(self, client: Any, since_ns: int, count: int) -> Call:
        lines = "25" if count <= FEW_FEES else "500"  # what it costs goes by the lines asked for
        params = {"since": str(since_ns // MS), "info": "futures trade", "count": lines}
        return client.history_get_account_log(params)  # type: ignore[no-any-return]

    def fees_said(self, said: Said) -> dict[str, Decimal]:
        return fees_of(said["logs"])

    def cash_log(self, client: Any, after: int, since_ns: int) -> Call:
        start = {"from": str(after + 1)} if after else {"since": str(since_ns // MS)}
        params = {**start, "sort": "asc", "count": "500"}
        return client.history_get_account_log(params)  # type: ignore[no-any-return]

    def cash_log_said(self, said: Said, markets: Markets) -> list[LogLine]:
        return log_lines(said["logs"], markets)

    def positions(self, client: Any) -> Call:
        return client.private_get_openpositions()  # type: ignore[no-any-return]

    def positions_said(self, said: Said, markets: Markets) -> list[VenuePosition]:
        signs = {"long": 1, "short": -1}
        return [
            VenuePosition(
                markets.symbol(str(one["symbol"])),
                Decimal(one["size"]) * signs[str(one["side"])],
                cash_flow=None,
                fees=None,
                unpaid=entered(one, markets, signs[str(one["side"])]),
            )
            for one in said["openPositions"]
        ]

    def balances(self, client: Any) -> Call:
        return client.private_get_accounts()  # type: ignore[no-any-return]

    def balances_said(self, said: Said) -> dict[str, Decimal]:
        held = said["accounts"]["flex"]["currencies"]
        return {str(name).upper(): Decimal(one["quantity"]) for name, one in held.items()}

    # Its private stream ----------------------------------------------------------------------

    def stream_hello(self, client: Any) -> str:
        return json.dumps({"event": "challenge", "api_key": client.apiKey})

    def stream_subscribe(self, client: Any, challenge: str) -> list[str]:
        """As ccxt.pro does it; a test compares."""
        hashed = client.hash(client.encode(challenge), "sha256", "binary")
        secret = client.base64_to_binary(client.secret)
        proof = {
            "api_key": client.apiKey,
            "original_challenge": challenge,
            "signed_challenge": client.hmac(hashed, secret, hashlib.sha512, "base64"),
        }
        private = [{"event": "subscribe", "feed": one, **proof} for one in self.stream_feeds]
        return [json.dumps(one) for one in ({"event": "subscribe", "feed": "heartbeat"}, *private)]

    def stream_heard(self, said: Any) -> Heard:
        event, feed = said.get("event"), str(said.get("feed", ""))
        if event in ("alert", "error", "subscribed_failed"):
            return Heard(Word.REFUSED, str(said.get("message", said))[:200])
        if event == "challenge":
            return Heard(Word.CHALLENGE, str(said["message"]))
        if event == "subscribed":
            return Heard(Word.SUBSCRIBED, feed)
        moved = event is None and feed.removesuffix("_snapshot") in self.stream_feeds
        return Heard(Word.MOVED if moved else Word.ALIVE)
