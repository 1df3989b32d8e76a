"""The half of a real exchange's adapter that sends: creates, modifications, cancels.

Each is built, signed and written in the step that asks for it, or not at all; the cancels of one
turn of the loop are one request.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

from trading.clock import boot_ns
from trading.venues.base import (
    Capabilities,
    Modified,
    ModifyRefused,
    NewOrder,
    Rejected,
    VenueDisconnectedError,
    VenueEvent,
)
from trading.venues.ccxt_answers import Answers
from trading.venues.ccxt_asking import BUSY_S, Asking
from trading.venues.ccxt_client import begin
from trading.venues.ccxt_dialect import Call, Dialect
from trading.venues.ccxt_http import BusyError
from trading.venues.ccxt_rate import Use
from trading.venues.ccxt_watch import Watch

log = logging.getLogger(__name__)

CANCELS = 50
"""Most in one request."""


class Sending(ABC):
    """Who inherits has the connection (``_asking``), the account's readings and the answers."""

    dialect: Dialect
    _asking: Asking
    _watch: Watch
    _answers: Answers

    def __init__(self) -> None:
        self._cancels: list[str] = []

    @property
    @abstractmethod
    def connected(self) -> bool: ...

    @property
    def capabilities(self) -> Capabilities:
        return self._asking.capabilities

    @abstractmethod
    def _deliver(self, event: VenueEvent) -> None: ...

    @abstractmethod
    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def send_create(self, order: NewOrder) -> None:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        refusal = self._refusal(order)
        if refusal is not None:
            gone = Rejected(order.client_order_id, *refusal)
            asyncio.get_running_loop().call_soon(self._deliver, gone)
            return
        asking, market = self._asking, self._asking.markets.of(order.symbol)
        assert market is not None
        asking.leaving = order
        try:
            answer = begin(self.dialect.create(asking.client, order, market.unified))
        except asking.client.errors as error:
            raise VenueDisconnectedError(f"nothing was written: {error}") from error
        finally:
            not_written, asking.leaving = asking.leaving is not None, None
        if not_written:
            answer.close()
            raise VenueDisconnectedError("nothing was written: the request was not ready at once")
        self._answers.sent(order.client_order_id)
        self._spawn(self._answers.created(order, answer))

    def _refusal(self, order: NewOrder) -> tuple[str, str] | None:
        """No id is used twice, whatever the venue would say to it."""
        ident = order.client_order_id
        if not self._watch.sent(ident, order.symbol, order.quantity):
            return "DUPLICATE_ID", "client_order_id was used"
        refusal = self._asking.markets.refusal(order) or self.capabilities.refusal(order)
        use = Use.REDUCE if order.reduce_only else Use.CREATE
        if refusal is None and not self._asking.budget.take("sendorder", use, boot_ns() / 1e9):
            refusal = ("RATE_LIMIT", "the venue's budget of requests is spent: not sent")
        if refusal is not None:
            self._watch.dropped(ident)
        return refusal

    def send_modify(
        self, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> None:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        asking = self._asking
        refusal = self._watch.modify_refusal(client_order_id, quantity, limit_price)
        if refusal is None and not asking.budget.take("editorder", Use.CREATE, boot_ns() / 1e9):
            refusal = ("RATE_LIMIT", "the venue's budget of requests is spent: not sent")
        if refusal is not None:
            gone = ModifyRefused(client_order_id, *refusal)
            asyncio.get_running_loop().call_soon(self._deliver, gone)
            return
        try:
            answer = begin(
                self.dialect.modify(asking.client, client_order_id, quantity, limit_price)
            )
        except asking.client.errors as error:
            raise VenueDisconnectedError(f"nothing was written: {error}") from error
        wanted = Modified(client_order_id, quantity, limit_price)
        self._spawn(self._answers.modified(wanted, answer))

    def send_cancel(self, client_order_id: str) -> None:
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        first = self._answers.on_the_way(client_order_id)
        if first is not None:  # on another connection it could overtake its order
            self._spawn(self._cancel_behind(client_order_id, first))
            return
        if not self._cancels:
            asyncio.get_running_loop().call_soon(self._write_cancels)
        self._cancels.append(client_order_id)

    def _write_cancels(self) -> None:
        """All of one turn of the loop: one by one, a stop of many would spend the whole budget."""
        while self._cancels:
            idents = self._cancels[:CANCELS]
            try:
                with self._asking.urgent():
                    answer = begin(self._cancel_call(idents))
            except BusyError:  # an answer or its time-out makes one idle
                asyncio.get_running_loop().call_later(BUSY_S, self._write_cancels)
                return
            except (VenueDisconnectedError, *self._asking.client.errors) as error:
                log.warning("cancel.unsent: %s: %s", idents, error)  # a sweep asks again
            else:
                self._paid(len(idents))
                self._spawn(self._answers.cancelled(idents, answer))
            del self._cancels[: len(idents)]

    def _cancel_call(self, idents: list[str]) -> Call:
        if len(idents) == 1:
            return self.dialect.cancel(self._asking.client, idents[0])
        return self.dialect.cancel_many(self._asking.client, idents)

    def _paid(self, cancels: int) -> None:
        if cancels == 1:
            self._asking.budget.force("cancelorder", boot_ns() / 1e9)
        else:
            self._asking.budget.force("batchorder", boot_ns() / 1e9, more=cancels)

    async def _cancel_behind(self, client_order_id: str, first: asyncio.Event) -> None:
        await first.wait()
        if self.connected:
            self.send_cancel(client_order_id)
        else:  # on the next connection the venue is asked what the order is
            log.warning("cancel.unsent: %s", client_order_id)
