"""Tells everyone what a gateway has made durable, and that it lives. Nothing decides on it."""

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trading import health, streams
from trading.clock import boot_ns
from trading.feeds.flow import ack
from trading.gateway.alarms import OrderWatch
from trading.gateway.core import GatewayCore
from trading.messages import GatewayMessage, OrderUpdate, encode
from trading.orders.states import OrderState

log = structlog.get_logger(__name__)

RETRY_S = 0.2
OUTBOX_MAX = 20_000
"""Messages kept while Redis is away; readers heal by the next snapshot anyway."""

_ANSWERED = frozenset(OrderState) - {
    OrderState.DENIED, OrderState.UNKNOWN, OrderState.CANCEL_PENDING,
}  # fmt: skip


class Teller:
    """Publishes messages, acknowledgements and heartbeats of one account's gateway."""

    def __init__(self, redis: Redis, account: str, core: GatewayCore) -> None:
        self._redis = redis
        self._account = account
        self._core = core
        self._outbox: list[GatewayMessage] = []
        self._wake = asyncio.Event()
        self._ack_due: bytes | None = None
        self.risk = health.StageMeter("risk-manager", account)
        self.execution = health.StageMeter("execution-engine", account)
        self.broker = health.StageMeter("broker", account)
        self._watch = OrderWatch()
        self._alarms: dict[str, str] = {}

    def tell(self, message: GatewayMessage) -> None:
        """Queue a message whose facts are committed."""
        if isinstance(message, OrderUpdate):
            self._measure(message)
        self._outbox.append(message)
        del self._outbox[:-OUTBOX_MAX]
        self._wake.set()

    def acknowledge(self, entry_id: bytes) -> None:
        """A tick entry was taken in; it is acknowledged once no order is on its way."""
        self._ack_due = entry_id

    def wake(self) -> None:
        self._wake.set()

    def _measure(self, message: OrderUpdate) -> None:
        order = self._core.book.order(message.client_order_id)
        if order is None or order.version != message.version:
            return
        if order.version == 2 and order.state in _ANSWERED:
            self._watch.answered(boot_ns(), rejected=order.state is OrderState.REJECTED)
        if order.state is OrderState.WORKING and order.send_to_answer_us is not None:
            self.broker.observe(order.send_to_answer_us * 1000)
            self.execution.observe((order.tick_to_send_us or 0) * 1000)
        elif order.state in (OrderState.DENIED, OrderState.REJECTED, OrderState.UNKNOWN):
            self.execution.error(order.reason_code or str(order.state))

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            messages, self._outbox = self._outbox, []
            done = None if self._core.pending() else self._ack_due
            if not messages and done is None:
                continue
            try:
                await self._publish(messages, done)
            except (RedisError, OSError) as error:
                log.warning("redis.untold", messages=len(messages), error=str(error))
                self._ack_due = self._ack_due or done
                await asyncio.sleep(RETRY_S)

    async def _publish(self, messages: list[GatewayMessage], done: bytes | None) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for message in messages:
                pipe.xadd(streams.ORDERS, {"m": encode(message)}, maxlen=streams.ORDERS_MAXLEN)
            if done is not None:
                ack(pipe, f"gateway:{self._account}", done)
                self._ack_due = None
            await pipe.execute()

    def alarms(self) -> str:
        """What is wrong with the account's orders now, in words; logged when it begins and ends."""
        now = {one.code: one.text for one in self._watch.alarms(self._core.book, boot_ns())}
        for code in now.keys() - self._alarms.keys():
            log.warning("orders.alarm", account=self._account, code=code, text=now[code])
        for code in self._alarms.keys() - now.keys():
            log.info("orders.alarm-over", account=self._account, code=code)
        self._alarms = now
        return "; ".join(now.values())

    async def beat(self, standing: dict[str, str]) -> None:
        """Heartbeats of the three stages that live here; ``standing`` goes with the broker's."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for meter in (self.risk, self.execution, self.broker):
                    key = health.key(meter.stage, meter.instance)
                    more = standing if meter is self.broker else {}
                    pipe.hset(key, mapping={**meter.fields(), **more})
                    pipe.expire(key, health.EXPIRE_S)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("redis.heartbeat", error=str(error))
