"""Work in a thread of its own that nothing waits for at the end: a silent server may keep it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begin(work: Callable[[], T], *raises: type[Exception]) -> "Future[T]":
    """``work`` begins at once; what it gives, or raises of ``raises``, is the future's.

    Any other exception is a defect: the future has a RuntimeError, and the thread ends by it.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            found = work()
        except raises as error:
            future.set_exception(error)
        else:
            future.set_result(found)
        finally:
            if not future.done():
                future.set_exception(RuntimeError("it ended without an answer: see the log"))

    threading.Thread(target=run, daemon=True, name="begun").start()
    return future
