"""A gateway's brakes: its journal of holds, what it learns, what it writes up, and its doubts.

A hold that is told is in force in memory at once and on disk before it is acknowledged. One that
the database does not know is written up until a reading shows it. What the gateway cannot rule
out having lost, it answers with a ``recovery`` hold of its own.
"""

from collections.abc import Callable, Iterable
from uuid import NAMESPACE_OID, uuid4, uuid5

import msgspec
import structlog

from riskctl.clock import NS
from riskctl.control import Warrant
from riskctl.holdrows import hold_statements
from riskctl.holds import HoldFact, Kind, Mode
from riskctl.journal import Journal, JournalFullError
from riskctl.licence import Reading
from trading.gateway.admission import Now
from trading.gateway.effects import Effect
from trading.gateway.register import Predecessor
from trading.gateway.stopping import Stopping
from trading.gateway.store import Owner, Statement

log = structlog.get_logger(__name__)

WRITE_UP_EVERY_NS = NS
ANCHOR_EVERY_NS = 5 * NS

HOLD, WARRANT = "hold", "warrant"

_encode = msgspec.json.Encoder().encode


class Brakes:
    """``perform`` carries out effects, ``write`` queues statements, ``wake`` tells of changes."""

    def __init__(
        self,
        *,
        owner: Owner,
        stopping: Stopping,
        journal: Journal,
        perform: Callable[[list[Effect]], None],
        write: Callable[[list[Statement]], None],
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._stopping = stopping
        self._journal = journal
        self._perform = perform
        self._write = write
        self._wake = wake
        self._beat = journal.anchor
        self._anchor_due = 0
        self._written_up: dict[str, int] = {}
        self._unjournalled: dict[str, HoldFact] = {}
        self.warrants: dict[str, Warrant] = {}

    # At the start ----------------------------------------------------------------------------

    def begin(self, pending: Iterable[HoldFact], now: Now) -> None:
        """Know again what the journal knows, and what callers on this host left behind."""
        for kind, _ in list(self._journal.records):
            if kind not in (HOLD, WARRANT):
                log.error("journal.unknown-record", kind=kind)
        for record in list(self._journal.records.values()):
            if record.kind == HOLD:
                self._stopping.apply(msgspec.json.decode(record.body, type=HoldFact), now)
            elif record.kind == WARRANT:
                warrant = msgspec.json.decode(record.body, type=Warrant)
                self.warrants[warrant.id] = warrant
        for hold in pending:
            self.take(hold, now)
        if self._journal.damage:
            self.recover(str(uuid4()), "the journal of holds is damaged", now)
            self._journal.heal()

    def check_predecessor(self, last: Predecessor | None, now: Now) -> None:
        """``last``: the account's last gateway, None when there was none.

        Another journal than ours may hold stops that nobody else knows. Its token tells one
        take-over from an earlier one between the same journals, whose hold may be lifted.
        """
        if last is not None and last.journal != self._journal.ident:
            why = "the journal of the account's last gateway is not at hand"
            self.recover(f"{last.journal}#{last.token}>{self._journal.ident}", why, now)

    # Learning --------------------------------------------------------------------------------

    def take(self, hold: HoldFact, now: Now) -> bool:
        """Apply ``hold`` and put it on disk; whether it is on disk when this returns."""
        effects = self._stopping.apply(hold, now)
        journalled = self._put(hold)
        self._perform(effects)
        self._wake()
        return journalled

    def take_warrant(self, warrant: Warrant) -> None:
        """Raises JournalFullError, OSError: then nothing was begun."""
        self._journal.put(WARRANT, warrant.id, _encode(warrant))
        self.warrants[warrant.id] = warrant
        self._wake()

    def end_warrant(self, warrant_id: str) -> None:
        self.warrants.pop(warrant_id, None)
        self._journal.drop(WARRANT, warrant_id)

    def on_reading(self, reading: Reading, now: Now) -> None:
        """Holds of a reading: new ones on disk, lifted ones forgotten, unknown ones written up."""
        learnt, effects = self._stopping.on_reading(reading, now)
        self._perform(effects)
        for hold in list(self._unjournalled.values()):
            self._put(hold)
        for hold in learnt.new:
            self._put(hold)
        for hold in learnt.lifted:
            log.info("hold.lifted", hold=hold.id, scope=hold.scope, kind=str(hold.kind))
            self._forget(hold)
        for hold in learnt.unwritten:
            self._write_up(hold, now)
        if learnt.new or learnt.lifted:
            self._wake()
        self._check_beat(reading, now)

    def _put(self, hold: HoldFact) -> bool:
        try:
            self._journal.put(HOLD, hold.id, _encode(hold))
        except (JournalFullError, OSError, ValueError) as error:
            if hold.id not in self._unjournalled:
                log.critical("hold.not-journalled", hold=hold.id, error=str(error))
            self._unjournalled[hold.id] = hold
            return False
        self._unjournalled.pop(hold.id, None)
        return True

    def _forget(self, hold: HoldFact) -> None:
        self._unjournalled.pop(hold.id, None)
        self._written_up.pop(hold.id, None)
        self._journal.drop(HOLD, hold.id)
        for warrant in [one for one in self.warrants.values() if one.hold_id == hold.id]:
            self.end_warrant(warrant.id)

    def _write_up(self, hold: HoldFact, now: Now) -> None:
        """A caller writes its own hold within milliseconds; after that it is for us to do."""
        due = self._written_up.setdefault(hold.id, now.boot_ns + WRITE_UP_EVERY_NS // 4)
        if now.boot_ns >= due:
            self._written_up[hold.id] = now.boot_ns + WRITE_UP_EVERY_NS
            self._write(list(hold_statements(hold)))

    # Doubts ----------------------------------------------------------------------------------

    def _check_beat(self, reading: Reading, now: Now) -> None:
        if reading.beat < self._beat:
            why = f"the database has gone back: heartbeat {reading.beat} after {self._beat}"
            self.recover(f"beat {self._beat}>{reading.beat} {now.wall_ns}", why, now)
            self._anchor_due = 0
        self._beat = reading.beat
        if now.boot_ns >= self._anchor_due and self._beat != self._journal.anchor:
            self._anchor_due = now.boot_ns + ANCHOR_EVERY_NS
            self._journal.note_anchor(self._beat)

    def recover(self, key: str, why: str, now: Now) -> HoldFact:
        """Trading starts closed: a hold of our own, lifted by risk after reconciliation."""
        return self.place_own(f"recovery {key}", Kind.RECOVERY, why, now)

    def place_own(self, key: str, kind: Kind, why: str, now: Now) -> HoldFact:
        """A hold on this account by the gateway itself; the same ``key`` makes the same hold."""
        log.critical("hold.own", account=self._owner.account, kind=str(kind), reason=why)
        hold = HoldFact(
            id=str(uuid5(NAMESPACE_OID, f"{self._owner.account} {key}")),
            scope=f"venue:{self._owner.account}",
            kind=kind,
            mode=Mode.HALTED,
            cancels=kind is not Kind.RECOVERY,
            protective_too=False,
            reason=why,
            placed_by=f"{self._owner.lease}#{self._owner.token}",
            actor_kind="process",
            placed_wall_ns=now.wall_ns,
        )
        self._written_up[hold.id] = 0
        self.take(hold, now)
        return hold
