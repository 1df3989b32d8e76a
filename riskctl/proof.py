"""When a hold is proven for one gateway. Pure: times are passed in, by one host's boot clock.

Three ways, and no other:
* it acknowledged: on disk and in force, what was on its way is on the list, and any successor
  will know the hold as well;
* it is dead, and what it had written can no longer be accepted (its not-after has passed), and the
  hold is in the database, where any successor reads it before its first send;
* the hold was committed in the database so long ago that no reading from before the commit can
  license anything any more, and what was written under one can no longer be accepted.
An expired licence alone is no proof, nor is death alone, nor a hold that was merely sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from riskctl.clock import MS
from riskctl.control import HoldTaken, InFlight
from riskctl.licence import LICENCE_NS, NOT_AFTER_MS

MARGIN_NS = 30 * MS
"""For what clocks of two hosts, and of the venue, may drift apart in half a second."""

NOT_AFTER_NS = NOT_AFTER_MS * MS
EXPIRED_NS = LICENCE_NS + NOT_AFTER_NS + MARGIN_NS
DEAD_NS = NOT_AFTER_NS + MARGIN_NS


@dataclass(frozen=True, slots=True)
class Proof:
    """``how``: acknowledged, dead or expired; ``facts`` go onto the receipt."""

    account: str
    how: str
    facts: Mapping[str, int]
    in_flight: tuple[InFlight, ...] = ()


@dataclass(slots=True)
class Evidence:
    """What is known of one account's gateway since the hold was decided."""

    account: str
    token: int = 0
    taken: HoldTaken | None = None
    same_place: bool = False
    dead_boot_ns: int = 0
    """When the newest registered gateway was seen to have ended, 0 if it was not."""
    problems: list[str] = field(default_factory=list)

    def proof(self, now_boot_ns: int, committed_boot_ns: int, *, kept: bool) -> Proof | None:
        """The first proof that holds now, or None.

        ``committed_boot_ns``: when the commit was known, 0 while it is not. ``kept``: the hold is
        in the database or on this host's disk, so that a successor will know it.
        """
        recorded = bool(committed_boot_ns)
        if self._acknowledged(recorded=recorded, kept=kept) and self.taken is not None:
            facts = {
                "token": self.taken.token,
                "open_orders": self.taken.open_orders,
                "lag_us": self.taken.lag_us,
            }
            return Proof(self.account, "acknowledged", facts, tuple(self.taken.in_flight))
        if committed_boot_ns and now_boot_ns - committed_boot_ns > EXPIRED_NS:
            facts = {"ms_since_commit": (now_boot_ns - committed_boot_ns) // MS}
            return Proof(self.account, "expired", facts)
        if self.dead_boot_ns and committed_boot_ns and now_boot_ns - self.dead_boot_ns > DEAD_NS:
            facts = {"ms_since_death": (now_boot_ns - self.dead_boot_ns) // MS}
            return Proof(self.account, "dead", facts)
        return None

    def supersede(self, token: int) -> bool:
        """A gateway of ``token`` is known; whether what an older one acknowledged is void now."""
        self.token = max(self.token, token)
        void = self.taken is not None and self.taken.token < self.token
        if void:
            self.taken = None
        return void

    def _acknowledged(self, *, recorded: bool, kept: bool) -> bool:
        """By the account's newest gateway, which just proved its lease while the database has the
        hold for any successor, or lives where any successor would find the hold on disk."""
        taken = self.taken
        if taken is None or not taken.journalled or taken.token < self.token:
            return False
        return (taken.leased and recorded) or (self.same_place and kept)

    def due_boot_ns(self, committed_boot_ns: int) -> int:
        """When it will be proven at the latest if nothing more is heard; 0: that is not known."""
        dues = []
        if committed_boot_ns:
            dues.append(committed_boot_ns + EXPIRED_NS)
        if self.dead_boot_ns and committed_boot_ns:
            dues.append(self.dead_boot_ns + DEAD_NS)
        return min(dues, default=0)
