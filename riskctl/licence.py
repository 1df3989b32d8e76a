"""The licence to raise risk: a complete reading of the truth, no older than a quarter second.

The age of a reading counts from its start, on the reader's own boot clock, so a slow answer
grants nothing and a frozen process wakes up without a licence. Pure: time and readings are
passed in.
"""

from dataclasses import dataclass
from decimal import Decimal

from riskctl.holds import HoldFact
from riskctl.rules import Denial

LICENCE_NS = 250_000_000
"""A reading licenses for this long from its start."""

READ_EVERY_S = 0.08
WATCHDOG_MAX_AGE_MS = 3_000.0
NOT_AFTER_MS = 200
"""Every order carries a time, at most this far ahead, after which the venue must refuse it."""

SUCCESSOR_WAIT_S = (LICENCE_NS / 1e9) + NOT_AFTER_MS / 1e3 + 0.05
"""A new gateway waits this long before its first look at the books: by then its predecessor's
licence and last not-after are over, whether that process is dead, frozen or cut off."""


@dataclass(frozen=True, slots=True)
class StageFact:
    """A strategy's rung of the restart ladder, and the share of its size it may have there."""

    rung: str
    size_factor: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """One complete reading, in one statement, of all a licence rests on."""

    started_boot_ns: int
    lease_token: int | None
    """Token of our lease row if we hold it and it has not run out, else None."""
    watchdog_age_ms: float | None
    beat: int
    """The watchdog's count; it never falls but in an older copy of the database."""
    shard_tokens: dict[str, int]
    limits: dict[tuple[str, str], Decimal]
    holds: tuple[HoldFact, ...]
    """Every open hold of the firm."""
    lifted: frozenset[str]
    """Of the holds that were asked about, those that have a lift."""
    stages: dict[str, StageFact]


class Licence:
    """Whether orders that raise risk may leave now. Closed until a reading says otherwise."""

    def __init__(self, token: int) -> None:
        self._token = token
        self._reading: Reading | None = None
        self.written = True
        """Whether what leaves can be written down: set by who writes."""

    @property
    def reading(self) -> Reading | None:
        return self._reading

    def renew(self, reading: Reading) -> None:
        """Take a newer reading. One that started before the last one is ignored."""
        if self._reading is None or reading.started_boot_ns >= self._reading.started_boot_ns:
            self._reading = reading

    def remaining_ms(self, now_boot_ns: int) -> float:
        """Milliseconds left; 0 when there is no licence."""
        if self.denial(now_boot_ns) is not None or self._reading is None:
            return 0.0
        return (self._reading.started_boot_ns + LICENCE_NS - now_boot_ns) / 1e6

    def denial(self, now_boot_ns: int) -> Denial | None:
        """Why nothing may leave now, or None while the licence lasts."""
        reading = self._reading
        if reading is None:
            return Denial("NO_LICENCE", "the database has not been read yet")
        if now_boot_ns - reading.started_boot_ns >= LICENCE_NS:
            return Denial("NO_LICENCE", "the last reading of the database is over 250 ms old")
        if not self.written:
            return Denial("NO_LICENCE", "what leaves cannot be written down")
        if reading.lease_token != self._token:
            return Denial("NO_LICENCE", "this gateway does not hold its account's lease")
        age = reading.watchdog_age_ms
        if age is None or age > WATCHDOG_MAX_AGE_MS:
            return Denial("NO_LICENCE", "the watchdog's heartbeat is over 3 s old")
        return None

    def leased(self, now_boot_ns: int) -> bool:
        """Whether a reading young enough to license showed that the lease is ours."""
        reading = self._reading
        return (
            reading is not None
            and now_boot_ns - reading.started_boot_ns < LICENCE_NS
            and reading.lease_token == self._token
        )

    def stage_denial(self, strategy: str, *, rehearsal: bool) -> Denial | None:
        """Refuse what the strategy's rung does not let onto this account; no rung, no order."""
        stage = self._reading.stages.get(strategy) if self._reading else None
        if stage is None:
            return Denial("STAGE", f"{strategy} stands on no rung of the ladder: set its stage")
        allowed = ("paper",) if rehearsal else ("ramp", "live")
        if stage.rung not in allowed:
            where = "a rehearsal account" if rehearsal else "this account"
            return Denial("STAGE", f"{strategy} is on rung {stage.rung}: no orders on {where}")
        return None

    def size_factor(self, strategy: str) -> Decimal:
        """Share of the strategy's own limits that its rung allows; 0 when nothing is known."""
        stage = self._reading.stages.get(strategy) if self._reading else None
        return stage.size_factor if stage is not None else Decimal(0)

    def shard_denial(self, shard: str, token: int) -> Denial | None:
        """Refuse what a shard sent under a fencing token that is not the newest."""
        current = self._reading.shard_tokens.get(shard) if self._reading else None
        if current is None:
            return Denial("UNKNOWN_SHARD", f"{shard} has no lease")
        if token != current:
            return Denial("FENCED_SHARD", f"{shard} sent token {token}, the lease has {current}")
        return None
