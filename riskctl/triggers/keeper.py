"""What triggers need of the database, read in a thread of its own so that nobody waits for it.

One keeper per process. It reads settings, limits, holds and the dead man's switch every second
and at once when asked, and writes down what fired: queued in memory while the database is away,
with the times at which things happened. What could be read last stays known, with its age.
"""

import datetime as dt
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import structlog
from django.db import DatabaseError, InterfaceError, connection

from riskctl.clock import boot_ns
from riskctl.models import DeadMan, Hold, HoldLift, Limit, Stage
from riskctl.triggers.config import Environment, read_environment
from riskctl.triggers.evaluate import Key
from riskctl.triggers.inforce import InForce, in_force
from riskctl.triggers.records import Fired, fired_save
from riskctl.triggers.settings import database_now, triggers_in_force

log = structlog.get_logger(__name__)

REREAD_S = 1.0
QUEUED_MOST = 10_000
TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class DeadManFact:
    """``minutes``: since the last confirmation, by the database's clock."""

    minutes: Decimal
    confirmed_by: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Known:
    """One reading. ``lifted``: the latest lifted hold of each trigger and scope.

    ``held``: scopes with an open hold of anybody; ``rungs``: of strategies on the ladder.
    """

    read_boot_ns: int
    in_force: InForce
    limits: Mapping[tuple[str, str], Decimal]
    lifted: Mapping[Key, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    rungs: Mapping[str, str] = field(default_factory=dict)
    dead_man: DeadManFact | None = None


class BrakesKeeper:
    """``known`` is None until the first reading.

    ``also`` is called after each reading in the same thread, for what else is to be read.
    Raises riskctl.triggers.config.EnvironmentRefusedError.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        also: Callable[[], None] | None = None,
    ) -> None:
        self.environment: Environment = read_environment(environ)
        self.known: Known | None = None
        self._also = also
        self._queue: deque[Fired] = deque()
        self._condition = threading.Condition()
        self._asked = self._answered = 0
        self._ended = False
        self._failing = False
        self._warned: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="brakes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Write what is queued, and wait at most ``timeout_s`` for it."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        self._thread.join(timeout_s)

    @property
    def in_force(self) -> InForce:
        """As last read; before that, defaults and the environment: never looser than those."""
        if self.known is not None:
            return self.known.in_force
        return in_force((), self.environment, shadow_approved=False)

    @property
    def queued(self) -> int:
        """What fired and is not written down yet."""
        return len(self._queue)

    def fresh(self, within_s: float) -> bool:
        """Whether ``known`` was read after this call began; waits at most ``within_s``."""
        with self._condition:
            self._asked += 1
            mine = self._asked
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._answered >= mine, within_s)

    def record(self, fired: Fired) -> None:
        """Write it down when the database is there."""
        with self._condition:
            if len(self._queue) >= QUEUED_MOST:
                lost = self._queue.popleft()
                log.error("trigger.unrecorded", firing=str(lost.firing.id), reason="queue full")
            self._queue.append(fired)
            self._condition.notify_all()

    def _run(self) -> None:
        while not self._ended:
            with self._condition:
                asked = self._asked
            if self._tried(self._once):
                with self._condition:
                    self._answered = asked
                    self._condition.notify_all()
            self._rest()
        if self._queue and not self._tried(self._write):
            log.error("trigger.unrecorded", count=len(self._queue), reason="the process ends")
        connection.close()

    def _tried(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except (DatabaseError, InterfaceError) as error:
            self._note(str(error).strip().partition("\n")[0])
            connection.close()
            return False
        self._note("")
        return True

    def _rest(self) -> None:
        """Until the next reading is due or something is wanted; after a failure, its time."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._ended or (not self._failing and self._wanted), REREAD_S
            )

    @property
    def _wanted(self) -> bool:
        return self._asked > self._answered or bool(self._queue)

    def _once(self) -> None:
        self.known = known_read(self.environment)
        self._warn(self.known.in_force)
        if self._also is not None:
            self._also()
        self._write()  # last: a record that takes no entry keeps nobody from reading

    def _write(self) -> None:
        waiting = list(self._queue)
        if waiting:
            fired_save(fired=waiting)
            with self._condition:
                for one in waiting:
                    self._queue.remove(one)

    def _warn(self, found: InForce) -> None:
        """Each warning once, when it begins to be true."""
        for text in found.warnings:
            if text not in self._warned:
                log.warning("triggers.environment", text=text)
        self._warned = found.warnings

    def _note(self, error: str) -> None:
        if bool(error) != self._failing:
            self._failing = bool(error)
            if error:
                log.warning("triggers.database_lost", error=error)
            else:
                log.info("triggers.database_back")


def known_read(environment: Environment) -> Known:
    """Raises db.Error."""
    started = boot_ns()
    now = database_now()
    return Known(
        read_boot_ns=started,
        in_force=triggers_in_force(environment),
        limits={(one.scope, one.kind): one.value for one in Limit.objects.all()},
        lifted=lifted_read(),
        held=frozenset(Hold.objects.filter(lift=None).values_list("scope", flat=True)),
        rungs=dict(Stage.objects.values_list("strategy", "rung")),
        dead_man=_dead_man(now),
    )


def lifted_read() -> dict[Key, str]:
    """Of each trigger and scope, the id of its latest lifted hold. Raises db.Error."""
    rows = (
        HoldLift.objects.filter(hold__actor_kind=TRIGGER)
        .order_by("hold__placed_by", "hold__scope", "-lifted_at", "hold_id")
        .distinct("hold__placed_by", "hold__scope")
        .values_list("hold__placed_by", "hold__scope", "hold_id")
    )
    return {(trigger, scope): str(hold) for trigger, scope, hold in rows}


def _dead_man(now: dt.datetime) -> DeadManFact | None:
    row = DeadMan.objects.filter(id=1).first()
    if row is None:
        return None
    seconds = Decimal((now - row.confirmed_at) // dt.timedelta(seconds=1))
    return DeadManFact(max(Decimal(0), seconds) / 60, row.confirmed_by, row.enabled)
