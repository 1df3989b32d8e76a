"""Work in threads that nothing waits for at the end: a silent server may keep one.

Threads that have done their work wait for more: to begin one anew costs a stop more than its
message to a gateway.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
Work = Callable[[], None]

IDLE = 16
"""Threads that wait for more work; those beyond end with theirs."""

_lock = threading.Lock()
_idle: "list[SimpleQueue[Work]]" = []


def run(work: Work) -> None:
    """``work`` begins at once in a thread of its own; what it raises is for threading.excepthook.

    Nothing of one work is left for the next but the thread.
    """
    with _lock:
        inbox = _idle.pop() if _idle else None
    if inbox is not None:
        inbox.put(work)
        return
    threading.Thread(target=_live, args=[SimpleQueue(), work], daemon=True, name="work").start()


def _live(inbox: "SimpleQueue[Work]", work: Work) -> None:
    while True:
        work()
        with _lock:
            if len(_idle) >= IDLE:
                return
            _idle.append(inbox)
        work = inbox.get()


def begin(work: Callable[[], T], *raises: type[Exception]) -> "Future[T]":
    """``work`` begins at once; what it gives, or raises of ``raises``, is the future's.

    Any other exception is a defect: the future has a RuntimeError, and the thread ends by it.
    """
    future: Future[T] = Future()

    def carried() -> None:
        try:
            found = work()
        except raises as error:
            future.set_exception(error)
        else:
            future.set_result(found)
        finally:
            if not future.done():
                future.set_exception(RuntimeError("it ended without an answer: see the log"))

    run(carried)
    return future


class Alarm:
    """Calls what is due, in one thread for all. ``set`` costs next to nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Work]] = []
        self._numbers = itertools.count()
        self._off: set[int] = set()
        self._running = False

    def set(self, seconds: float, work: Work) -> int:
        """``work`` is called in ``seconds``, unless it is taken back; its number."""
        with self._changed:
            number = next(self._numbers)
            heapq.heappush(self._due, (time.monotonic() + seconds, number, work))
            if not self._running:
                self._running = True
                run(self._keep)
            elif self._due[0][1] == number:
                self._changed.notify()
            return number

    def off(self, number: int) -> None:
        """Take it back; nothing happens when it was called already."""
        with self._changed:
            if any(one[1] == number for one in self._due):
                self._off.add(number)

    def _keep(self) -> None:
        while True:
            for work in self._next():
                work()

    def _next(self) -> list[Work]:
        """Waits for what is due next; what is to be called."""
        with self._changed:
            while not self._due:
                self._changed.wait()
            at, number, work = self._due[0]
            if number not in self._off:
                left = at - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    return []
            heapq.heappop(self._due)
            wanted = number not in self._off
            self._off.discard(number)
            return [work] if wanted else []


alarm = Alarm()
"""This process's."""
