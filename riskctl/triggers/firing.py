"""From a confirmed breach to a hold, without making the evaluation wait.

Each breach has a thread of its own for its hold. The hold's id is the same for everyone who sees
the same breach (riskctl.triggers.ids), so two that place make one. A hold that could not be placed
is told to the evaluator, which then fires again; one that is refused by rule stays refused, and is
recorded as failed.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from django.db import connection

from riskctl.actors import NotAllowedError, system_actor
from riskctl.clock import boot_ns
from riskctl.holds import ScopeError
from riskctl.triggers.evaluate import BREACH, Evaluator, Firing, Key
from riskctl.triggers.ids import FIRST, hold_id
from riskctl.triggers.keeper import TRIGGER, BrakesKeeper, Known
from riskctl.triggers.records import Fired
from riskctl.triggers.specs import SPECS

log = structlog.get_logger(__name__)

CHAIN_S = 0.15
"""How long a firing waits to hear which of its holds were lifted."""

CHAIN_NS = 3_000_000_000
"""An older word will do when none comes in time, up to this age: should the hold have been lifted
since, ``settle`` sees that with the next word and the trigger fires again."""

Place = Callable[..., Any]
"""riskctl.placing.hold_place, or what a test puts in its place."""


class Firer:
    """Places and records what one evaluator fires. ``settle`` belongs to the evaluator's thread."""

    def __init__(self, evaluator: Evaluator, keeper: BrakesKeeper, place: Place) -> None:
        self._evaluator = evaluator
        self._keeper = keeper
        self._place = place
        self._failed: deque[Key] = deque()
        self._known: Known | None = None

    def settle(self) -> None:
        """Take what the keeper has read and what failed; call it before each evaluation."""
        known = self._keeper.known
        if known is not None and known is not self._known:
            # What fired before anything was read may have taken the id of one that was lifted.
            before = self._known.lifted if self._known else {}
            for key, hold in known.lifted.items():
                if before.get(key) != hold:
                    self._evaluator.rearm(*key)
            self._known = known
            self._evaluator.set_in_force(known.in_force)
        while self._failed:
            self._evaluator.rearm(*self._failed.popleft())

    def fire(self, firing: Firing) -> None:
        """Returns at once."""
        level = log.error if firing.level == BREACH else log.warning
        level(
            f"trigger.{firing.level}", trigger=firing.trigger, scope=firing.scope,
            reason=firing.reason, shadow=firing.shadow, source=firing.source,
        )  # fmt: skip
        if not firing.holds:
            self._keeper.record(Fired(firing))
            return
        name = f"hold:{firing.trigger}:{firing.scope}"
        threading.Thread(target=self._hold, args=(firing,), name=name, daemon=True).start()

    def _hold(self, firing: Firing) -> None:
        placed = False
        try:
            placed = self._placed(firing)
        finally:
            if not placed:  # whatever went wrong is on its way up
                self._failed.append((firing.trigger, firing.scope))
            connection.close()

    def _placed(self, firing: Firing) -> bool:
        """True once it is placed, or refused: trying again would not help."""
        ident = self._ident(firing)
        failed = outcome = ""
        try:
            placing = self._place(
                scope=firing.scope,
                kind=SPECS[firing.trigger].kind,
                actor=system_actor(firing.trigger, kind=TRIGGER),
                reason=firing.reason,
                hold_id=ident,
            )
        except (NotAllowedError, ScopeError) as error:
            failed = str(error)
            log.error("trigger.hold_refused", trigger=firing.trigger, error=failed)
        else:
            took_ms = (boot_ns() - firing.at.boot_ns) // 1_000_000
            ident = uuid.UUID(placing.hold.id)  # another than asked for when that was lifted
            how = "effective" if placing.effective else "latched"
            outcome = f"hold {how} after {took_ms} ms"
        self._keeper.record(Fired(firing, None if failed else ident, failed, outcome))
        return True

    def _ident(self, firing: Firing) -> uuid.UUID:
        fresh = self._keeper.fresh(CHAIN_S)
        known = self._keeper.known
        recent = known is not None and boot_ns() - known.read_boot_ns < CHAIN_NS
        lifted = known.lifted if known else {}
        after = lifted.get((firing.trigger, firing.scope), FIRST)
        return hold_id(firing.trigger, firing.scope, after, unread=not (fresh or recent))
