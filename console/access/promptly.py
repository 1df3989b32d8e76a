"""Work on the database that a stop may wait for, but only so long."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import DatabaseError, InterfaceError, connections
from rest_framework.exceptions import APIException

from riskctl.threads import begin

T = TypeVar("T")

MOST = 64
"""Threads that may wait for a database at once; past that it counts as silent."""

_free = threading.BoundedSemaphore(MOST)


class Asked(Generic[T]):
    """``work`` begins at once in a thread of its own, which a silent database may keep.

    It may raise what the API answers with, ValueError and db.Error.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._future: Future[T] = Future()
        if not _free.acquire(blocking=False):
            self._future.set_exception(TimeoutError(f"{MOST} others wait for the database"))
            return
        context = contextvars.copy_context()
        self._future = begin(
            lambda: context.run(_closed_after, work),
            APIException, ValueError, DatabaseError, InterfaceError,
        )  # fmt: skip

    def result(self, seconds: float) -> T:
        """What the work gave or raised; TimeoutError after ``seconds``, and it goes on."""
        return self._future.result(seconds)


def _closed_after(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()
        _free.release()
