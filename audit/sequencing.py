"""The sequencer's life: place, sign when it is time, hand on, and start over after an outage."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import structlog

from audit.anchors import BehindError
from audit.attesting import EVERY_S, Attestor, anchored
from audit.merkle import MissingHashError
from audit.places import Found
from audit.sequencer import EVERY_S as LOOK_S
from audit.sequencer import RETRY_S, Sequencer
from audit.witnessing import Messenger

log = structlog.get_logger(__name__)

AT_ONCE = frozenset({"hold.place", "hold.lift"})
"""What is signed as soon as it has its place."""


@dataclass
class Sequencing:
    """``run`` until ``stopping(seconds)``, which also waits. Raises audit.places.NotHeldError."""

    sequencer: Sequencer
    attestor: Attestor
    messengers: tuple[Messenger, ...] = ()
    clock: Callable[[], float] = time.monotonic
    _begun: bool = False
    _due: float = 0.0
    _down: str = ""

    def placed(self, found: list[Found]) -> None:
        if any(one.action in AT_ONCE for one in found):
            self._due = 0.0

    def run(self, stopping: Callable[[float], bool]) -> None:
        pause = 0.0
        while not stopping(pause):
            try:
                pause = 0.0 if self.turn() else LOOK_S
                self._said("")
            except (psycopg.Error, MissingHashError) as error:
                self.forget()
                self._said(f"{type(error).__name__}: {error}".partition("\n")[0])
                pause = RETRY_S

    def forget(self) -> None:
        """Read everything anew: what comes back may be an older database."""
        self.sequencer.forget()
        self._begun = False

    def turn(self) -> bool:
        """One look: place, and sign if it is due; true when more may be waiting."""
        if not self._begun:
            self.attestor.begin(self.sequencer.store)
            self.sequencer.go_on_from(self.attestor.horizon)
            self._begun = True
        more = self.sequencer.turn()
        if self.clock() >= self._due:
            self._sign()
        self._take_answers()
        return more

    def _sign(self) -> None:
        store, state = self.sequencer.store, self.sequencer.state
        made = self.attestor.sign(store, state, self.sequencer.since)
        if made is not None or self.attestor.refused:
            self._due = self.clock() + EVERY_S

    def _take_answers(self) -> None:
        store = self.sequencer.store
        for messenger in self.messengers:
            for found in messenger.taken():
                if isinstance(found, BehindError):
                    self.attestor.refuse(store, str(found))
                elif isinstance(found, Exception):
                    self.attestor.alarm(store, f"a checkpoint is not kept: {found}")
                else:
                    anchored(store, found[0], messenger.anchor.name, found[1])

    def _said(self, down: str) -> None:
        """One line when it begins to fail and one when it is well again."""
        if down and not self._down:
            log.warning("audit.sequencer-waits", error=down)
        elif self._down and not down:
            log.info("audit.sequencer-goes-on")
        self._down = down
