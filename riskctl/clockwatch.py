"""Whether this host's wall clock was stepped: every time in the record is by some wall clock.

The boot clock is never stepped and counts sleep, so between two looks both went equally far, but
for the little that NTP slews. What differs by more is a step, and is entered.
"""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction

from audit.record import entry_id, record
from riskctl.clock import MS, boot_ns, wall_ns
from riskctl.holdrows import utc_of

log = structlog.get_logger(__name__)

LEAST_NS = 250 * MS
"""A slew of NTP moves the clock by half a millisecond a second at most."""
ACTION = "clock.step"


@dataclass(frozen=True, slots=True)
class Step:
    """``was``: what the clock would have said at ``now`` without it. Wall nanoseconds."""

    was: int
    now: int

    @property
    def by_ns(self) -> int:
        return self.now - self.was


class ClockWatch:
    """``look`` again and again, in one thread. A step is kept until the record has it."""

    def __init__(
        self, boot: Callable[[], int] = boot_ns, wall: Callable[[], int] = wall_ns
    ) -> None:
        self._boot, self._wall = boot, wall
        self._before = self._read()
        self._steps: deque[Step] = deque()
        self._host = os.uname().nodename

    def look(self) -> int:
        """Enter what was stepped since the last look; how many. Raises db.Error: they wait."""
        before, self._before = self._before, self._read()
        boot, wall = self._before
        was = before[1] + boot - before[0]
        if abs(wall - was) >= LEAST_NS:
            log.critical("clock.step", by_ms=(wall - was) // MS, host=self._host)
            self._steps.append(Step(was, wall))
        count = len(self._steps)
        while self._steps:
            self._enter(self._steps[0])
            self._steps.popleft()
        return count

    def _read(self) -> tuple[int, int]:
        """Both at one moment: whoever is frozen between the two reads them again."""
        while True:
            boot, wall = self._boot(), self._wall()
            if self._boot() - boot < LEAST_NS // 10:
                return boot, wall

    def _enter(self, step: Step) -> None:
        forward = "forward" if step.by_ns > 0 else "back"
        facts: dict[str, Any] = {
            "before": {"clock": utc_of(step.was)},
            "after": {"clock": utc_of(step.now), "by_ms": step.by_ns // MS},
        }
        with transaction.atomic():
            record(
                id=entry_id(ACTION, self._host, step.was, step.now), action=ACTION,
                actor_kind="process", actor=f"watchdog {self._host}:{os.getpid()}",
                object_kind="host", object_id=self._host, happened_at=utc_of(step.now),
                reason=f"the wall clock was set {forward} by {abs(step.by_ns) / 1e9:.3f} s",
                **facts,
            )  # fmt: skip
