"""One hold on its way: told to every gateway, written to the database, kept on disk, proven.

All three begin at once, each in a thread of its own, and none waits for another: a database that
hangs holds up no gateway, a gateway that hangs holds up neither the other nor the caller.
"""

import os
from collections.abc import Sequence
from functools import partial

import psycopg
import structlog

from riskctl.clock import MS, boot_ns
from riskctl.control import ControlError, ControlLink, HoldTaken, TellHold
from riskctl.desk import BrakesDesk
from riskctl.holdrows import Statement, hold_statements
from riskctl.holds import HoldFact
from riskctl.pending import Step, pending_drop, pending_keep
from riskctl.places import is_dead, this_place
from riskctl.proof import Evidence
from riskctl.proving import Proving
from riskctl.registered import (
    ACCOUNTS_SQL,
    Registered,
    accounts_keep,
    accounts_kept,
    from_row,
    newest,
    on_disk,
    one_on_disk,
)
from riskctl.threads import run
from riskctl.writing import commit, steps_write

log = structlog.get_logger(__name__)

TELL_FOR_NS = 10_000 * MS
TELL_AGAIN_S = 0.02
ANSWER_S = 0.7
LIFTED_SQL = "SELECT 1 FROM riskctl_holdlift WHERE hold_id = %s"


class Placement(Proving):
    """``committed``: the hold is known to be in the database already (it was read there).

    ``again``: its id is not new. Then it may have been lifted, and stops nothing: ``lifted``.
    """

    def __init__(
        self, desk: BrakesDesk, hold: HoldFact, *, committed: bool = False, again: bool = False
    ) -> None:
        super().__init__(hold, committed=committed)
        self._again = again
        self._desk = desk
        self._registered: dict[str, Registered] = {}
        self._sent: dict[Registered, ControlLink] = {}
        self._accounts: frozenset[str] = frozenset()
        self._steps_kept = False
        self._over = False

    # Beginning -------------------------------------------------------------------------------

    def start(self) -> None:
        """Tell, record: at once, in parallel; returns immediately.

        Gateways that are connected are at work before anything else is begun.
        """
        self._sent = self._desk.links.send(TellHold(self.hold))
        run(self._record)
        self._know(self._on_disk())
        known = set(self._registered.values())
        for one in list(self._sent):
            link = None if one in known else self._sent.pop(one, None)
            if link is not None:  # of a gateway that another has taken the place of
                link.close()

    def _on_disk(self, account: str = "") -> list[Registered]:
        """The register on this host's disk, of all accounts or of one."""
        try:
            if not account:
                return list(on_disk(self._desk.home).values())
            found = one_on_disk(self._desk.home, account)
        except (OSError, ValueError) as error:
            log.error("register.unreadable", error=str(error))
            return []
        return [] if found is None else [found]

    def _elsewhere(self) -> list[Registered]:
        """Accounts whose gateways are on other hosts. Without an address, they are to be proven all
        the same; when it is not known which there are, nothing is without the database."""
        try:
            kept = accounts_kept(self._desk.home)
        except (OSError, ValueError) as error:
            log.error("accounts.unreadable", error=str(error))
            kept = None
        self._elsewhere_known = kept is not None
        return [Registered(one) for one in sorted((kept or frozenset()) - self._registered.keys())]

    def _know(self, entries: Sequence[Registered]) -> None:
        """Learn of gateways; each account is told by one thread, which follows its newest."""
        for one in entries:
            with self._changed:
                untold = one.account not in self.evidence
                before = self._registered.get(one.account)
                known = newest(before, one)
                self._registered[one.account] = known
                evidence = self.evidence.setdefault(one.account, Evidence(one.account))
                if evidence.supersede(known.token) and not self.effective:
                    untold = True
                    self.proofs.pop(one.account, None)
                if before is not None and known.pid != before.pid:
                    evidence.dead_boot_ns = 0  # another has taken its place
                self._changed.notify_all()
            if untold:
                run(partial(self._tell, one.account))

    # Telling ---------------------------------------------------------------------------------

    def _tell(self, account: str) -> None:
        until = boot_ns() + TELL_FOR_NS
        while boot_ns() < until and not self._over:
            one = self._registered[account]
            if one.address and self._told(one):
                return
            with self._changed:
                self._changed.wait(TELL_AGAIN_S)
            self._know(self._on_disk(account))

    def _told(self, one: Registered) -> bool:
        try:
            taken = self._desk.links.ask(
                one, TellHold(self.hold), HoldTaken, answer_s=ANSWER_S,
                sent=self._sent.pop(one, None),
            )  # fmt: skip
        except ControlError as error:
            self._untold(one, str(error))
            return False
        entries = self._on_disk(one.account)
        with self._changed:
            evidence = self.evidence[one.account]
            evidence.supersede(max((entry.token for entry in entries), default=0))
            if taken.account == one.account and taken.token >= evidence.token:
                evidence.taken = taken
                evidence.token = taken.token
                evidence.same_place = one.place == this_place()
            self._latch()
            self._changed.notify_all()
            return evidence.taken is not None

    def _untold(self, one: Registered, problem: str) -> None:
        dead = is_dead(one.place, one.pid, one.start_ticks) if one.pid else False
        with self._changed:
            evidence = self.evidence[one.account]
            if evidence.problems[-1:] != [problem]:
                evidence.problems.append(problem)
            if dead and not evidence.dead_boot_ns and one.token >= evidence.token:
                evidence.dead_boot_ns = boot_ns()
            elif not dead:
                evidence.dead_boot_ns = 0
            self._changed.notify_all()

    # Recording -------------------------------------------------------------------------------

    def _record(self) -> None:
        """Try until it is in the database: a connection kept idle may have died with its server."""
        until = boot_ns() + TELL_FOR_NS
        while not self._recorded_now() and boot_ns() < until and not self._over:
            with self._changed:
                self._changed.wait(TELL_AGAIN_S)

    def _recorded_now(self) -> bool:
        """The hold, its entry in the record, and in the same round trip who must be told."""
        queries: list[Statement] = [(ACCOUNTS_SQL, None)]
        if self._again:
            queries.append((LIFTED_SQL, [self.hold.id]))
        try:
            rows, *lifted = commit(self._desk, hold_statements(self.hold), *queries)
        except psycopg.Error as error:
            self._not_recorded(error)
            return False
        committed = boot_ns()
        self._accounts = frozenset(row[0] for row in rows)
        # Before the commit counts: whoever waits would take those on disk for all there are.
        self._know([from_row(row) for row in rows])
        with self._changed:
            self.lifted = any(lifted)
            self.committed_boot_ns = self.committed_boot_ns or committed
            self._recorded = self._accounts_known = True
            self._latch()
            kept = self._kept
            self._changed.notify_all()
        if kept and not self._steps_kept:  # else who writes up what is kept drops it
            pending_drop(self._desk.home, self.hold.id)
        return True

    def _not_recorded(self, error: psycopg.Error) -> None:
        reason = str(error).strip().partition("\n")[0]
        if not self._record_failed:
            log.warning("hold.not-recorded", hold=self.hold.id, error=reason)
        with self._changed:
            self._record_failed = reason or type(error).__name__
            self._changed.notify_all()

    def _keep_soon(self) -> None:
        run(self._keep)

    def _keep(self) -> None:
        try:
            pending_keep(self._desk.home, self.hold)
        except OSError as error:
            log.critical("hold.not-kept", hold=self.hold.id, error=str(error))
            return
        self._know(self._elsewhere())
        with self._changed:
            self._kept = True
            self._latch()
            recorded = self._recorded
            self._changed.notify_all()
        if recorded:
            pending_drop(self._desk.home, self.hold.id)

    # Afterwards ------------------------------------------------------------------------------

    def note(self) -> None:
        """Write the steps down, in a thread of its own: the caller has its answer."""
        run(self.note_now)

    def note_now(self) -> None:
        """Write the steps to the database, or beside the kept hold while it is away; and who there
        is to be told, for a stop without the database."""
        steps = self.steps(f"{os.uname().nodename}:{os.getpid()}")
        try:
            steps_write(self._desk, self.hold, steps)
        except psycopg.Error as error:
            log.warning("receipt.kept-on-disk", hold=self.hold.id, error=str(error).strip())
            self._keep_steps(steps)
        try:
            accounts_keep(self._desk.home, self._accounts)
        except OSError as error:
            log.error("accounts.not-kept", error=str(error))

    def _keep_steps(self, steps: Sequence[Step]) -> None:
        self._steps_kept = True
        try:
            pending_keep(self._desk.home, self.hold, steps)
        except OSError as error:  # the hold itself is known; its proof is made again later
            log.error("receipt.not-kept", hold=self.hold.id, error=str(error))

    def end(self) -> None:
        """No more telling: somebody else follows."""
        self._over = True
