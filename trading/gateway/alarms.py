"""What is wrong with an account's orders as a whole: stuck ones, and rejections on the rise. Pure.

Source: incident-response-runbook, "Order Execution Failures" (orders stuck in pending state,
execution latency over five seconds, execution rejections increasing).
"""

from collections import deque
from dataclasses import dataclass

from trading.clock import NS
from trading.gateway.book import Book
from trading.orders.states import OrderState

STUCK_NS = 5 * NS
WINDOW_NS = 60 * NS
LEAST_REJECTED = 5
LEAST_SHARE = 0.2
"""Fewer or rarer rejections than these in the last minute are not an alarm."""

_AWAITED = (OrderState.PENDING, OrderState.CANCEL_PENDING, OrderState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Alarm:
    code: str
    text: str


class OrderWatch:
    """Answers of one venue account over the last two minutes, and what they amount to."""

    def __init__(self) -> None:
        self._answers: deque[tuple[int, bool]] = deque()

    def answered(self, now_boot_ns: int, *, rejected: bool) -> None:
        """The venue answered a create."""
        self._answers.append((now_boot_ns, rejected))

    def alarms(self, book: Book, now_boot_ns: int) -> list[Alarm]:
        """What is wrong now; empty when nothing is."""
        found = [self._stuck(book, now_boot_ns), self._rising(now_boot_ns)]
        return [one for one in found if one is not None]

    @staticmethod
    def _stuck(book: Book, now_boot_ns: int) -> Alarm | None:
        waits = [
            now_boot_ns - order.asked_boot_ns
            for order in book.open_orders()
            if order.state in _AWAITED and order.asked_boot_ns
        ]
        stuck = [wait for wait in waits if wait > STUCK_NS]
        if not stuck:
            return None
        text = f"{len(stuck)} without an answer for up to {max(stuck) / NS:.0f} s"
        return Alarm("ORDERS_STUCK", text)

    def _rising(self, now_boot_ns: int) -> Alarm | None:
        while self._answers and now_boot_ns - self._answers[0][0] > 2 * WINDOW_NS:
            self._answers.popleft()
        last = [bad for at, bad in self._answers if now_boot_ns - at <= WINDOW_NS]
        before = [bad for at, bad in self._answers if now_boot_ns - at > WINDOW_NS]
        rejected = sum(last)
        share = rejected / len(last) if last else 0.0
        share_before = sum(before) / len(before) if before else 0.0
        if rejected < LEAST_REJECTED or share < LEAST_SHARE or share <= share_before:
            return None
        text = f"{rejected} of {len(last)} orders rejected in the last minute"
        return Alarm("REJECTIONS_RISING", text)
