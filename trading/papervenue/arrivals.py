"""Requests on their way to the book: what latency and delays hold back, in each account's order."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from trading.papervenue.protocol import Body, Trade


@dataclass(order=True, slots=True)
class Arrival:
    """A request that reaches the book at ``due_ns`` by the machine's clock."""

    due_ns: int
    number: int
    account: str = field(compare=False)
    request: Trade = field(compare=False)
    received_ns: int = field(compare=False)
    reply: Callable[[Body], None] = field(compare=False)


class Arrivals:
    """``latency_ns`` passes for every request, beside the delay of its account."""

    def __init__(self, latency_ns: int) -> None:
        self._latency_ns = latency_ns
        self._heap: list[Arrival] = []
        self._last_due: dict[str, int] = {}
        self._number = 0

    def due(self, account: str, delay_ns: int, now_ns: int) -> int:
        """When a request of now reaches the book: never before an earlier one of the account."""
        return max(now_ns + self._latency_ns + delay_ns, self._last_due.get(account, 0))

    def add(
        self, account: str, request: Trade, due_ns: int, now_ns: int,
        reply: Callable[[Body], None],
    ) -> None:  # fmt: skip
        self._last_due[account] = due_ns
        self._number += 1
        heapq.heappush(self._heap, Arrival(due_ns, self._number, account, request, now_ns, reply))

    def next_due(self) -> int | None:
        return self._heap[0].due_ns if self._heap else None

    def pop(self) -> Arrival:
        """The next request."""
        one = heapq.heappop(self._heap)
        if self._last_due.get(one.account) == one.due_ns:
            del self._last_due[one.account]
        return one
