"""Connections to gateways, kept open between stops: over a warm one a stop is told at once.

Each is taken by one caller at a time. One that does not answer in a moment may be as dead as its
gateway, or as its network: the request goes again over a fresh one, which is what counts. So only
requests that may be carried out twice are asked here.
"""

import threading
from collections.abc import Iterable
from typing import TypeVar

import structlog

from riskctl.control import ControlError, ControlLink, Request
from riskctl.registered import Registered

log = structlog.get_logger(__name__)

CONNECT_S = 0.3
WARM_S = 0.1
"""How long an answer over a kept connection is waited for; one takes 2 ms."""

T = TypeVar("T")


class Links:
    """Of one process."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._idle: dict[Registered, ControlLink] = {}

    def send(self, request: Request) -> dict[Registered, ControlLink]:
        """Send ``request`` over every idle connection, and take them; answers are to be received.

        It waits for nothing: a request is far smaller than what a socket buffers.
        """
        with self._lock:
            taken, self._idle = self._idle, {}
        sent = {}
        for one, link in taken.items():
            try:
                link.send(request)
            except ControlError as error:
                log.debug("link.dead", account=one.account, error=str(error))
                link.close()
            else:
                sent[one] = link
        return sent

    def ask(
        self, one: Registered, request: Request, answer: type[T], *, answer_s: float,
        sent: ControlLink | None = None,
    ) -> T:  # fmt: skip
        """The answer of the gateway at ``one``; ``sent``: the request is on its way over it.

        Raises ControlError.
        """
        if sent is not None:
            try:
                return self._received(one, sent, answer, min(WARM_S, answer_s))
            except ControlError as error:
                log.debug("link.dead", account=one.account, error=str(error))
        fresh = ControlLink(one.address, self._key, timeout_s=CONNECT_S)
        fresh.send(request)
        return self._received(one, fresh, answer, answer_s)

    def _received(self, one: Registered, link: ControlLink, answer: type[T], wait_s: float) -> T:
        try:
            link.wait_at_most(wait_s)
            said = link.receive(answer)
        except ControlError:
            link.close()
            raise
        self._keep(one, link)
        return said

    def _keep(self, one: Registered, link: ControlLink) -> None:
        """In place of what is kept of the same account: of a gateway that is no more, often."""
        with self._lock:
            ended = [self._idle.pop(at) for at in list(self._idle) if at.account == one.account]
            self._idle[one] = link
        _close(ended)

    def close(self) -> None:
        with self._lock:
            ended, self._idle = list(self._idle.values()), {}
        _close(ended)


def _close(links: Iterable[ControlLink]) -> None:
    for link in links:
        link.close()
