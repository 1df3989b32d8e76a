"""What a guard knows of its leases: which it holds, and which it leaves to others for a moment."""

from dataclasses import dataclass, field

PATIENCE_S = 0.3
"""A worker waits this long per lease of a role that it has already, so others take their share."""
RETURN_S = 0.75
"""How long a lease that ran out is left to a holder that may live: after an outage of the database
every lease has run out, and who holds it renews it."""
STEADY_MS = 10_000
"""A child that ran this long is restarted at once again."""
_PAUSES_S = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)


@dataclass
class Hosted:
    """One lease that is ours, and its child. Times are monotonic seconds."""

    lease: str
    role: str
    token: int
    running: bool = False
    losing: bool = False
    failures: int = 0
    restart_at: float = 0.0

    def ended(self, ran_ms: int, now: float) -> None:
        """Its child has ended without being asked: when it starts again."""
        if ran_ms >= STEADY_MS:
            self.failures = 0
        self.running = False
        self.restart_at = now + _PAUSES_S[min(self.failures, len(_PAUSES_S) - 1)]
        self.failures += 1


@dataclass
class Free:
    """Leases seen free without a break: name -> since when."""

    since: dict[str, float] = field(default_factory=dict)

    def seen(self, names: set[str], now: float) -> None:
        self.since = {name: self.since.get(name, now) for name in names}

    def forget(self) -> None:
        self.since.clear()
