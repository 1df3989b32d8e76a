"""The proof of one hold, gateway by gateway, as its evidence comes in; and waiting for it."""

import threading

from riskctl.clock import MS, boot_ns, wall_ns
from riskctl.holds import HoldFact
from riskctl.pending import Step
from riskctl.proof import Evidence, Proof

KEEP_AFTER_NS = 40 * MS
"""A commit not known after so long counts as slow: the hold is kept on this host's disk as well."""


class Proving:
    """What is known of a hold on its way; ``_changed`` guards all of it. Evidence, and keeping the
    hold (``_keep_soon``), are a subclass's."""

    def __init__(self, hold: HoldFact, *, committed: bool) -> None:
        self.hold = hold
        self.begun_boot_ns = boot_ns()
        self.committed_boot_ns = self.begun_boot_ns if committed else 0
        self.latched_wall_ns = 0
        self.effective_wall_ns = 0
        self.proofs: dict[str, Proof] = {}
        self.evidence: dict[str, Evidence] = {}
        self.lifted = False
        self._accounts_known = False
        self._elsewhere_known = True
        self._kept = False
        self._keeping = False
        self._recorded = committed
        self._record_failed = ""
        self._changed = threading.Condition()

    def _keep_soon(self) -> None:
        raise NotImplementedError

    def _latch(self) -> None:
        """Somebody who will not forget knows the hold: from now on it cannot be lost."""
        journalled = any(one.taken and one.taken.journalled for one in self.evidence.values())
        if not self.latched_wall_ns and (self._recorded or self._kept or journalled):
            self.latched_wall_ns = wall_ns()

    def wait(self, patience_s: float) -> bool:
        """Wait until every gateway is proven, at most ``patience_s``; whether they are."""
        until = self.begun_boot_ns + int(patience_s * 1e9)
        with self._changed:
            while True:
                now = boot_ns()
                self._keep_if_slow(now)
                if self.lifted:
                    return False
                if self._prove(now):
                    return True
                if now >= until:
                    return False
                self._changed.wait(self._next_s(now, until))

    def _keep_if_slow(self, now: int) -> None:
        slow = self._record_failed or now - self.begun_boot_ns > KEEP_AFTER_NS
        if slow and not self._recorded and not self._keeping:
            self._keeping = True
            self._keep_soon()

    def _prove(self, now: int) -> bool:
        kept = self._recorded or self._kept
        for account, evidence in self.evidence.items():
            if account not in self.proofs:
                proof = evidence.proof(now, self.committed_boot_ns, kept=kept)
                if proof is not None:
                    self.proofs[account] = proof
        # Without the database the register on disk is all that is known of who there is.
        on_disk = self._kept and self._elsewhere_known and bool(self.evidence)
        known = self._accounts_known or on_disk
        if not known or not kept or len(self.proofs) < len(self.evidence):
            return False
        self.effective_wall_ns = self.effective_wall_ns or wall_ns()
        return True

    def _next_s(self, now: int, until: int) -> float:
        dues = [until]
        if not self._keeping and not self._recorded:
            dues.append(self.begun_boot_ns + KEEP_AFTER_NS + MS)
        for account, evidence in self.evidence.items():
            due = evidence.due_boot_ns(self.committed_boot_ns)
            if account not in self.proofs and due:
                dues.append(due + MS)
        return max(min(dues) - now, MS // 2) / 1e9

    @property
    def effective(self) -> bool:
        return bool(self.effective_wall_ns)

    @property
    def not_recorded(self) -> str:
        """Why the database does not have it yet; empty when it has."""
        return "" if self._recorded else self._record_failed or "the database has not answered yet"

    def unproven(self) -> list[tuple[str, str, int]]:
        """(account, what is known, milliseconds until it is proven at the latest or -1)."""
        now = boot_ns()
        found = []
        for account, evidence in sorted(self.evidence.items()):
            if account not in self.proofs:
                due = evidence.due_boot_ns(self.committed_boot_ns)
                left = max(due - now, 0) // MS if due else -1
                why = evidence.problems[-1] if evidence.problems else "has not answered yet"
                found.append((account, why, left))
        return found

    def steps(self, actor: str) -> list[Step]:
        """What is proven so far, for the receipt."""
        found = [
            Step(
                proof.how, "", account, self.effective_wall_ns or wall_ns(),
                {**proof.facts, "in_flight": [one.client_order_id for one in proof.in_flight]},
                actor,
            )
            for account, proof in sorted(self.proofs.items())
        ]  # fmt: skip
        if self.effective_wall_ns:
            facts = {
                "latched_us": (self.latched_wall_ns - self.hold.placed_wall_ns) // 1000,
                "effective_us": (self.effective_wall_ns - self.hold.placed_wall_ns) // 1000,
                "in_flight": [
                    one.client_order_id for proof in self.proofs.values() for one in proof.in_flight
                ],
            }
            found.append(Step("effective", "", "", self.effective_wall_ns, facts, actor))
        return found
