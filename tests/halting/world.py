"""A gateway, a caller, a database and a venue in one thread with one clock: every moment chosen.

The parts that decide are the real ones (core, stopping, licence, proof); what they stand on is a
few lists. Judged by the same judges as the processes are.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from riskctl.control import HoldTaken, InFlight
from riskctl.holds import HoldFact, Kind, Mode
from riskctl.proof import Evidence
from tests.gateway.builders import ACCOUNT, STRATEGY, SYMBOL, TOKEN, Rig
from tests.halting.judge import Halt
from trading.gateway.admission import Now
from trading.gateway.effects import Effect, SendCreate
from trading.gateway.stopping import Stopping
from trading.venues.base import NewOrder

MS = 1_000_000
NOT_AFTER = 200 * MS


@dataclass
class World:
    """``travel_ms``: how long a written create is on its way. ``told``: the socket works."""

    travel_ms: int = 0
    told: bool = True
    rig: Rig = field(default_factory=Rig)
    rows: dict[str, HoldFact] = field(default_factory=dict)
    lifts: set[str] = field(default_factory=set)
    log: list[dict[str, object]] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    born: dict[str, int] = field(default_factory=dict)
    wire: list[tuple[int, NewOrder]] = field(default_factory=list)
    stepped_ns: int = 0
    dead_ns: int = 0

    def __post_init__(self) -> None:
        self.stopping = Stopping(self.rig.core)
        self.read()

    # Time: the venue's clock and the host's boot clock are right, the wall clock may be stepped.

    @property
    def venue_ns(self) -> int:
        return self.rig.wall_ns

    def now(self) -> Now:
        return Now(self.rig.boot_ns, self.rig.wall_ns + self.stepped_ns, "boot")

    def later(self, ms: int) -> None:
        """Let time pass, a millisecond at a time; what is on its way arrives."""
        for _ in range(ms):
            self.rig.later(1)
            for due, new in [one for one in self.wire if one[0] <= self.venue_ns]:
                self.wire.remove((due, new))
                self.arrive(new)

    def arrive(self, new: NewOrder) -> None:
        kind = "accepted" if self.venue_ns <= new.not_after_ns else "rejected"
        self.log.append(
            {"kind": kind, "at_ns": self.venue_ns, "client_order_id": new.client_order_id}
        )

    # The gateway -----------------------------------------------------------------------------

    def read(self) -> None:
        """A complete reading of the database, at once."""
        found = tuple(one for ident, one in self.rows.items() if ident not in self.lifts)
        known = frozenset(self.lifts & set(self.rig.core.holds.open))
        reading = self.rig.reading(holds=found, lifted=known, started_boot_ns=self.now().boot_ns)
        _, effects = self.stopping.on_reading(reading, self.now())
        self.write(effects)
        self.rig.core.licence.renew(reading)

    def intend(self) -> str:
        """A strategy's intent comes in; the order's id."""
        self.rig.quote("1.10000", "1.10010")
        self.rig.core.prices.heard_boot_ns = self.now().boot_ns
        self.rig.funded(at_boot_ns=self.now().boot_ns)
        number = next(self.rig.numbers)
        intent = self.rig.intent(
            intent_id=f"{STRATEGY}.{SYMBOL}.{number}", created_boot=self.now().boot_ns
        )
        self.born[f"{ACCOUNT}.{intent.intent_id}"] = self.venue_ns
        self.rig.core.on_intent(intent, self.now())
        return f"{ACCOUNT}.{intent.intent_id}"

    def check(self, order: str) -> list[Effect]:
        """The last check of an order that is written down; what it lets out is not written yet."""
        return self.rig.core.release(
            order, self.now(), connected=True, not_after_ns=self.venue_ns + NOT_AFTER
        )

    def write(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendCreate):
                self.wire.append((self.venue_ns + self.travel_ms * MS, effect.new_order))
                if not self.travel_ms:
                    self.later(1)

    def order(self) -> str:
        """Intent, check and write in one go."""
        ident = self.intend()
        self.write(self.check(ident))
        return ident

    # The caller ------------------------------------------------------------------------------

    def halt(self, *, recorded: bool = True) -> Halt:
        """As hold_place: record, tell, wait for proof, at most a second."""
        number = len(self.halts) + 1
        hold = HoldFact(
            id=f"h{number}", scope=f"strategy:{STRATEGY}", kind=Kind.PAUSE, mode=Mode.HALTED,
            cancels=False, protective_too=False, reason="drill", placed_by="ada",
            actor_kind="person", placed_wall_ns=self.venue_ns,
        )  # fmt: skip
        decided, committed = self.venue_ns, self.rig.boot_ns if recorded else 0
        if recorded:
            self.rows[hold.id] = hold
        evidence = Evidence(ACCOUNT, same_place=True, dead_boot_ns=self.dead_ns)
        if self.told and not self.dead_ns:
            self.write(self.stopping.apply(hold, self.now()))
            evidence.taken = self.answer(hold)
        proof = None
        for _ in range(1_000):
            proof = evidence.proof(self.rig.boot_ns, committed, kept=True)
            if proof is not None:
                break
            self.later(1)
        listed = frozenset(one.client_order_id for one in proof.in_flight) if proof else frozenset()
        halt = Halt(hold.id, hold.scope, decided, self.venue_ns, proof is not None, listed)
        self.halts.append(halt)
        return halt

    def answer(self, hold: HoldFact) -> HoldTaken:
        flying = [
            InFlight(one.client_order_id, one.symbol, str(one.side), "1", "pending", 0)
            for one in self.stopping.in_flight(hold, self.venue_ns)
        ]
        return HoldTaken(ACCOUNT, TOKEN, True, True, flying, self.venue_ns, 0, 1)

    def lift(self, halt: Halt) -> None:
        halt.lifted_ns = self.venue_ns
        self.lifts.add(halt.hold)


Scene = Callable[[World], None]
