"""A stand-in that speaks Kraken Futures' REST over TCP, as far as a desk uses it.

Behind the face is the paper venue's matching: its market is what a test says it is, and what it
did is read from its own log. ``python -m tests.krakenfutures`` runs it as a process.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.krakenfutures import words
from tests.krakenfutures.cash import CashBook
from tests.krakenfutures.executions import executions
from tests.krakenfutures.face import Asked, Body, Face, KrakenError
from trading.clock import NS, wall_ns
from trading.papervenue import protocol as wire
from trading.papervenue.exchange import Exchange
from trading.papervenue.matching import MatchingEngine
from trading.papervenue.money import text
from trading.papervenue.orders import GTC, IOC, Fill, Order
from trading.papervenue.recording import Event
from trading.papervenue.storage import Storage
from trading.ticks import Ticks
from trading.universe import UNIVERSE, Universe

FAR_NS = 2**62
RECENT_NS = 5 * NS


class KrakenFutures(Face):
    """``keys``: API key -> account and secret (base64). ``recent_ns``: how long orders/status
    knows what ended. ``older``: so many elements of its history are older than all that it keeps.
    ``ticks``: of markets whose prices are on another grid than the desk's.
    """

    def __init__(
        self, storage: Path | str, keys: Mapping[str, tuple[str, str]],
        universe: Universe = UNIVERSE,
    ) -> None:  # fmt: skip
        super().__init__(keys)
        self._universe = universe
        self._storage = Storage(storage)
        self._events: list[Event] = []
        self.exchange = Exchange(self._storage, MatchingEngine(universe), self._events.append)
        self._symbols = {
            words.market_ident(one.symbol): one.symbol for one in words.listed(universe)
        }
        for account, _ in keys.values():
            self.exchange.open_account(account, wall_ns())
        self.exchange.commit()
        self.cash = CashBook(universe)
        self.recent_ns = RECENT_NS
        self.older = 0
        self.ticks: dict[str, Decimal] = {}
        self.hidden: tuple[str, ...] = ()
        """What openorders leaves out of orders that were made by hand."""
        self._ended: dict[tuple[str, str], int] = {}
        self._number = 0
        self._due: asyncio.TimerHandle | None = None
        self.handlers = {
            "instruments": self._instruments, "tickers": self._tickers,
            "sendorder": self._sendorder,
            "editorder": self._editorder, "cancelorder": self._cancelorder,
            "cancelallorders": self._cancelallorders, "batchorder": self._batchorder,
            "cancelallordersafter": self._cancelallordersafter, "openorders": self._openorders,
            "openpositions": self._openpositions, "accounts": self._accounts,
            "fills": self._fills, "orders/status": self._status, "orders": self._history,
            "triggers": self._triggers, "account-log": self._log, "executions": self._executions,
        }  # fmt: skip

    # Life ------------------------------------------------------------------------------------

    async def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
        await super().stop()
        self._storage.close()

    # The market ------------------------------------------------------------------------------

    def quote(self, ticks: Ticks, clock: int) -> None:
        now = wall_ns()
        self.exchange.on_ticks(ticks, clock, now, now)
        self.settle()

    def settle(self) -> None:
        """Commit what happened and remember when orders ended."""
        self.exchange.run_due(wall_ns())
        self.exchange.commit()
        for event in self._events:
            ident = event.body.get("client_order_id")
            if event.kind in ("ended", "fill", "rejected") and ident:
                self._ended[event.account, str(ident)] = wall_ns()
            self.feed.push(event)
        self._events.clear()
        self._tell_quotes()
        self._schedule()

    def _tell_quotes(self) -> None:
        quotes = self.exchange.engine.export_quotes()
        for one in words.listed(self._universe):
            quote = quotes[one.id]
            if quote is not None:
                bid = Decimal(text(quote.bid)), Decimal(text(quote.bid_left))
                ask = Decimal(text(quote.ask)), Decimal(text(quote.ask_left))
                self.streams.quote(words.market_ident(one.symbol), bid, ask)

    def _schedule(self) -> None:
        """A dead man's switch runs out by itself."""
        if self._due is not None:
            self._due.cancel()
        due = self.exchange.next_due()
        if due is not None:
            wait_s = max(due - wall_ns(), 0) / NS
            self._due = asyncio.get_running_loop().call_later(wait_s, self.settle)

    # Public ----------------------------------------------------------------------------------

    def _instruments(self, asked: Asked) -> Body:
        return {
            "instruments": [
                words.instrument(one, self.ticks.get(one.symbol))
                for one in words.listed(self._universe)
            ]
        }

    def _tickers(self, asked: Asked) -> Body:
        quotes = self.exchange.engine.export_quotes()
        return {
            "tickers": [
                {
                    "symbol": words.market_ident(one.symbol),
                    "bid": Decimal(text(quote.bid)),
                    "ask": Decimal(text(quote.ask)),
                    "bidSize": Decimal(text(quote.bid_left)),
                    "askSize": Decimal(text(quote.ask_left)),
                    "suspended": words.market_ident(one.symbol) in self.streams.suspended,
                    "postOnly": words.market_ident(one.symbol) in self.streams.post_only,
                }
                for one in words.listed(self._universe)
                if (quote := quotes[one.id]) is not None
            ]
        }

    # Trading ---------------------------------------------------------------------------------

    def _receive(self, account: str, request: wire.Trade) -> tuple[Body, list[Event]]:
        """What the exchange replied and told about it."""
        self.settle()
        before = self.exchange.faults.of(account).drop_answers
        replied: Body = {}
        self.exchange.receive(account, request, wall_ns(), replied.update)
        self.dropped = self.exchange.faults.of(account).drop_answers != before
        return replied, [one for one in self._events if one.account == account]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _symbol(self, asked: Asked) -> str:
        try:
            return self._symbols[asked.query["symbol"].upper()]
        except KeyError:
            raise KrakenError("invalidArgument: symbol") from None

    def _sendorder(self, asked: Asked) -> Body:
        query, kind = asked.query, asked.query["orderType"]
        if kind not in ("lmt", "post", "mkt", "ioc", "stp"):
            raise KrakenError("invalidArgument: orderType")
        extra: dict[str, Any] = {"post_only": True} if kind == "post" else {}
        limit = query.get("limitPrice") if kind in ("lmt", "post", "ioc") else None
        tick = self.ticks.get(self._symbol(asked))
        if tick and any(Decimal(one) % tick for one in (limit, query.get("stopPrice")) if one):
            return {"sendStatus": {"status": "invalidPrice", "orderEvents": []}}
        ident = query.get("cliOrdId") or f"hand-{self._next()}-{wall_ns()}"
        submit = wire.Submit(
            id=self._next(), client_order_id=ident, symbol=self._symbol(asked),
            side=query["side"],  # type: ignore[arg-type]
            order_type={"mkt": "market", "stp": "stop"}.get(kind, "limit"),  # type: ignore[arg-type]
            time_in_force=GTC if kind in ("lmt", "post") else IOC,  # type: ignore[arg-type]
            quantity=query["size"], not_after_ns=_process_before(query), limit_price=limit,
            stop_price=query.get("stopPrice"), reduce_only=query.get("reduceOnly", "") == "true",
            **extra,
        )  # fmt: skip
        try:
            _, events = self._receive(asked.account, submit)
        except wire.ProtocolError as error:
            raise KrakenError(f"invalidArgument: {error.field}") from error
        return {"sendStatus": self._sent(asked.account, ident, events)}

    def _sent(self, account: str, ident: str, events: list[Event]) -> Body:
        mine = [one for one in events if one.body.get("client_order_id") == ident]
        order = self._storage.order(account, ident)
        received = words.moment(self.exchange.own(wall_ns()))
        if any(one.kind == "rejected" for one in mine):
            code = next(str(one.body["code"]) for one in mine if one.kind == "rejected")
            status = words.STATUS_OF_CODE.get(code, code)
            return {"status": status, "receivedTime": received, "orderEvents": []}
        if order is None:  # told to nobody: the answer is lost with it
            return {"status": "unknownError", "orderEvents": []}
        prior = words.event_order(order, 0)
        executions: list[Body] = [
            {
                "type": "EXECUTION", "executionId": one.body["venue_fill_id"],
                "price": Decimal(str(one.body["price"])),
                "amount": Decimal(str(one.body["quantity"])), "orderPriorExecution": prior,
                "orderPriorEdit": None, "takerReducedQuantity": None,
            }
            for one in mine
            if one.kind == "fill"
        ]  # fmt: skip
        status = "placed"
        if order.time_in_force == IOC and order.state == "expired" and not order.filled:
            status = "iocWouldNotExecute"
        placed: Body = {"type": "PLACE", "order": prior, "reducedQuantity": None}
        return {
            "status": status, "order_id": order.venue_order_id, "cliOrdId": ident,
            "receivedTime": received, "orderEvents": executions or [placed],
        }  # fmt: skip

    def _by_query(self, asked: Asked, *names: str) -> str:
        """The client order id of the order that is meant, or nothing that is known."""
        if "cliOrdId" in asked.query:
            return asked.query["cliOrdId"]
        wanted = next((asked.query[name] for name in names if name in asked.query), "")
        found = [one for one in self._orders(asked.account) if one.venue_order_id == wanted]
        return found[0].client_order_id if found else "?"

    def _editorder(self, asked: Asked) -> Body:
        ident = self._by_query(asked, "orderId", "order_id")
        modify = wire.Modify(
            id=self._next(), client_order_id=ident, quantity=asked.query["size"],
            limit_price=asked.query.get("limitPrice"),
        )  # fmt: skip
        try:
            _, events = self._receive(asked.account, modify)
        except wire.ProtocolError as error:
            raise KrakenError(f"invalidArgument: {error.field}") from error
        status = "edited"
        for one in events:
            if one.kind == "modify_refused":
                code = str(one.body["code"])
                status = words.STATUS_OF_CODE.get(code, "orderForEditNotFound")
        return {"editStatus": {"status": status, "orderId": ident, "orderEvents": []}}

    def _cancelorder(self, asked: Asked) -> Body:
        ident = self._by_query(asked, "order_id")
        _, events = self._receive(
            asked.account, wire.Cancel(id=self._next(), client_order_id=ident)
        )
        order = self._storage.order(asked.account, ident)
        status = "cancelled" if any(one.kind == "ended" for one in events) else "notFound"
        if status == "notFound" and order is not None and order.state == "filled":
            status = "filled"
        names = {key: asked.query[key] for key in ("order_id", "cliOrdId") if key in asked.query}
        return {"cancelStatus": {"status": status, **names, "orderEvents": []}}

    def _batchorder(self, asked: Asked) -> Body:
        """Cancels only: more than that no desk here sends. Nobody promises the answers' order."""
        told = []
        for one in json.loads(asked.query["json"])["batchOrder"]:
            if one["order"] != "cancel":
                raise KrakenError("invalidArgument: order")
            told.append(self._cancelorder(Asked(asked.account, one))["cancelStatus"])
        return {"batchStatus": told[::-1]}

    def _cancelallorders(self, asked: Asked) -> Body:
        symbol = self._symbol(asked) if "symbol" in asked.query else None
        gone = [
            {"order_id": one.venue_order_id}
            for one in self.exchange.engine.working(asked.account)
            if symbol in (None, one.symbol)
        ]
        self._receive(asked.account, wire.CancelAll(id=self._next(), symbol=symbol))
        status = "cancelled" if gone else "noOrdersToCancel"
        return {"cancelStatus": {"status": status, "cancelledOrders": gone, "orderEvents": []}}

    def _cancelallordersafter(self, asked: Asked) -> Body:
        seconds = int(asked.query["timeout"])
        request = wire.CancelAllAfter(id=self._next(), timeout_ms=seconds * 1000)
        replied, _ = self._receive(asked.account, request)
        at = replied["trigger_time_ns"]
        now = words.moment(self.exchange.own(wall_ns()))
        return {
            "status": {"currentTime": now, "triggerTime": "0" if at is None else words.moment(at)}
        }

    # Questions -------------------------------------------------------------------------------

    def _orders(self, account: str) -> list[Order]:
        """Every order of the account, newest first."""
        log = self._storage.log(account, 0, 100_000)
        idents = dict.fromkeys(
            str(one["client_order_id"])
            for one in reversed(log)
            if one["kind"] in ("accepted", "rejected")
        )
        found = (self._storage.order(account, ident) for ident in idents)
        return [one for one in found if one is not None]

    def _openorders(self, asked: Asked) -> Body:
        self.settle()
        orders = self.exchange.engine.working(asked.account)
        return {"openOrders": [self._open_order(one) for one in orders]}

    def _open_order(self, order: Order) -> Body:
        said = words.open_order(order, order.number * 10**6)
        hidden = self.hidden if said["cliOrdId"] is None else ()
        return {key: value for key, value in said.items() if key not in hidden}

    def _openpositions(self, asked: Asked) -> Body:
        held = self.cash.held(self._all_fills(asked.account))
        return {
            "openPositions": [
                {
                    "symbol": words.market_ident(symbol),
                    "side": "short" if one.quantity < 0 else "long",
                    "size": abs(one.quantity),
                    "price": self.cash.price(symbol, one),
                }
                for symbol, one in sorted(held.items())
                if one.quantity
            ]
        }

    def _accounts(self, asked: Asked) -> Body:
        fills = self._all_fills(asked.account)
        held = self.cash.balances(asked.account, fills, self._storage.cash(asked.account))
        currencies = {name: {"quantity": amount} for name, amount in held.items()}
        return {"accounts": {"flex": {"type": "multiCollateralMarginAccount",
                                      "currencies": currencies}}}  # fmt: skip

    def _all_fills(self, account: str) -> list[Any]:
        return self._storage.fills(account, 0, 100_000)

    def _fills(self, asked: Asked) -> Body:
        before = asked.query.get("lastFillTime")
        limit_ns = FAR_NS if before is None else _ns(before)
        fills = [one for one in self._all_fills(asked.account) if one.venue_time_ns < limit_ns]
        newest = reversed(fills[-100:])
        return {"fills": [words.fill(one, self._order_id(asked.account, one)) for one in newest]}

    def _order_id(self, account: str, one: Fill) -> str:
        order = self._storage.order(account, one.client_order_id)
        return f"outside-{one.sequence}" if order is None else order.venue_order_id

    def _executions(self, asked: Asked) -> Body:
        fills = self._all_fills(asked.account)
        return executions(asked.query, fills, lambda one: self._order_id(asked.account, one))

    def _status(self, asked: Asked) -> Body:
        ident = asked.query.get("cliOrdIds") or self._by_query(asked, "orderIds")
        order = self._storage.order(asked.account, ident)
        if order is None:
            return {"orders": []}
        ended = self._ended.get((asked.account, ident), 0)
        if order.state != "working" and wall_ns() - ended > self.recent_ns:
            return {"orders": []}
        return {"orders": [words.status(order)]}

    def _history(self, asked: Asked) -> Body:
        return self._page(asked, words.past, lambda one: not one.waits)

    def _triggers(self, asked: Asked) -> Body:
        return self._page(asked, words.past_trigger, lambda one: one.stop is not None)

    def _page(
        self, asked: Asked, told: Callable[[Order, int], list[Body]], among: Callable[[Order], bool]
    ) -> Body:
        first, count = int(asked.query.get("continuation_token", 0)), int(asked.query["count"])
        moved = self._moved(asked.account)
        since_ns = int(asked.query.get("since", 0)) * 10**6
        orders = [(one, moved[one.client_order_id]) for one in self._orders(asked.account)]
        found = [
            element
            for one, at_ns in orders
            if among(one) and at_ns >= since_ns
            for element in told(one, at_ns)
        ]
        if not since_ns:
            found += [words.bygone(number) for number in range(self.older)]
        body: Body = {"accountUid": words.ACCOUNT, "elements": found[first : first + count]}
        body["len"] = len(body["elements"])
        if first + count < len(found):
            body["continuationToken"] = str(first + count)
        return body

    def _moved(self, account: str) -> dict[str, int]:
        """When each order last did, by the exchange's own clock."""
        log = self._storage.log(account, 0, 100_000)
        return {str(one["client_order_id"]): int(str(one["at_ns"])) for one in log}

    def _log(self, asked: Asked) -> Body:
        query, since = asked.query, int(asked.query.get("since", 0)) * 10**6
        now_ns = self.exchange.own(wall_ns())
        lines = self.cash.lines(asked.account, self._all_fills(asked.account), now_ns)
        found = [
            one
            for one in lines
            if one["id"] >= int(query.get("from", 0))
            and _ns(one["date"]) >= since
            and query.get("info", one["info"]) == one["info"]
        ]
        if query.get("sort") != "asc":
            found.reverse()
        return {"logs": found[: int(query.get("count", 500))]}


def _process_before(query: Mapping[str, str]) -> int:
    said = query.get("processBefore")
    return FAR_NS if said is None else _ns(said)


def _ns(said: str) -> int:
    since = dt.datetime.fromisoformat(said) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1000
