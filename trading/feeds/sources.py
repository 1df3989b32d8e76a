"""When which quotes are due: the simulator by the wall clock, a replay at its speed or at once.

A source is asked by the loop and never waits itself; times are passed in.
"""

from typing import Any, Protocol

from trading.clock import NS
from trading.feeds.raw import RawBatch
from trading.feeds.replay import Replay
from trading.feeds.simulator import STEP_NS, Simulator

PACE_NS = 50_000_000
"""A source that follows a clock gives a batch this often."""
PACED_ROWS = 4_096
LOCKED_ROWS = 64
LOCKED_SPAN_NS = 2 * NS
LAG_NS = 1 * NS
"""A simulator further behind than this skips: what it would quote is old already."""
JUMP_NS = 300 * NS
"""Longer gaps of a recording are jumped over."""


class Source(Protocol):
    """Where batches come from. ``locked``: no clock but the readers' acknowledgements paces it."""

    locked: bool
    clock_jumps: int
    jumped_ns: int
    lost: bool
    """Nobody is heard any more, so the feed gives no sign of life."""

    @property
    def ended(self) -> bool: ...

    @property
    def clock_ns(self) -> int:
        """Feed clock as far as it is known."""
        ...

    def pull(self, boot_ns: int, wall_ns: int) -> RawBatch | None:
        """What is due now; None when nothing is."""
        ...

    def wait_ns(self, boot_ns: int, wall_ns: int) -> int:
        """How long until ``pull`` may give more."""
        ...

    def resume(self, boot_ns: int) -> None:
        """Time has passed in which nothing could be published: the feed's clock stood still."""
        ...

    def state(self) -> dict[str, Any]: ...

    def close(self) -> None: ...


class SimulatedSource:
    """Feed time is wall time."""

    locked = False
    ended = False
    lost = False
    clock_jumps = 0
    jumped_ns = 0

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    @property
    def clock_ns(self) -> int:
        return self._simulator.time_ns

    def pull(self, boot_ns: int, wall_ns: int) -> RawBatch | None:
        if wall_ns - self._simulator.time_ns > LAG_NS:
            self._simulator.skip_to(wall_ns - STEP_NS)
        if self._simulator.time_ns + STEP_NS > wall_ns:
            return None
        return self._simulator.step()

    def injected(self, instrument: int, bid: int, ask: int) -> RawBatch:
        """A quote of now that somebody put in; what the simulator goes on to quote is its own."""
        return self._simulator.injected(instrument, bid, ask)

    def wait_ns(self, boot_ns: int, wall_ns: int) -> int:
        # Should the wall clock be set back, the market waits for it, but the loop looks again.
        return min(STEP_NS, max(0, self._simulator.time_ns + STEP_NS - wall_ns))

    def resume(self, boot_ns: int) -> None:
        """Quotes of an outage are lost: ``pull`` skips them."""

    def state(self) -> dict[str, Any]:
        return self._simulator.state()

    def close(self) -> None:
        """Nothing is open."""


class PacedReplay:
    """A recording at ``speed`` times its own pace."""

    locked = False
    lost = False

    def __init__(self, replay: Replay, speed: float, *, jumps: int = 0, jumped_ns: int = 0) -> None:
        self._replay = replay
        self._speed = speed
        self._clock = replay.clock_ns
        self._boot: int | None = None  # when the feed clock stood at _clock; None: not started
        self._next_pull = 0
        self.clock_jumps = jumps
        self.jumped_ns = jumped_ns

    @property
    def ended(self) -> bool:
        return self._replay.ended

    @property
    def clock_ns(self) -> int:
        return self._clock

    def pull(self, boot_ns: int, wall_ns: int) -> RawBatch | None:
        upcoming = self._replay.next_time()
        if upcoming is None or boot_ns < self._next_pull:
            return None
        self._run_on(boot_ns, upcoming)
        if upcoming > self._clock:
            self._next_pull = boot_ns + PACE_NS
            return None
        batch = self._replay.take(rows=PACED_ROWS, until=self._clock)
        if len(batch.rows) < PACED_ROWS:
            self._next_pull = boot_ns + PACE_NS
        return batch

    def _run_on(self, boot_ns: int, upcoming: int) -> None:
        """Move the feed clock to now; over a long gap of the recording at once."""
        if self._boot is not None:
            self._clock += int((boot_ns - self._boot) * self._speed)
        self._boot = boot_ns
        if not self._clock:
            self._clock = upcoming
        elif upcoming > self._clock and upcoming - self._replay.clock_ns > JUMP_NS:
            self.clock_jumps += 1
            self.jumped_ns += upcoming - self._clock
            self._clock = upcoming

    def wait_ns(self, boot_ns: int, wall_ns: int) -> int:
        return max(0, self._next_pull - boot_ns)

    def resume(self, boot_ns: int) -> None:
        if self._boot is not None:
            self._boot = boot_ns

    def state(self) -> dict[str, Any]:
        return self._replay.state()

    def close(self) -> None:
        self._replay.close()


class LockedReplay:
    """A recording as fast as its readers follow."""

    locked = True
    lost = False
    clock_jumps = 0
    jumped_ns = 0

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    @property
    def ended(self) -> bool:
        return self._replay.ended

    @property
    def clock_ns(self) -> int:
        return self._replay.clock_ns

    def pull(self, boot_ns: int, wall_ns: int) -> RawBatch | None:
        if self._replay.ended:
            return None
        return self._replay.take(rows=LOCKED_ROWS, span_ns=LOCKED_SPAN_NS)

    def wait_ns(self, boot_ns: int, wall_ns: int) -> int:
        return 0

    def resume(self, boot_ns: int) -> None:
        """No clock."""

    def state(self) -> dict[str, Any]:
        return self._replay.state()

    def close(self) -> None:
        self._replay.close()
