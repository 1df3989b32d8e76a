"""The book of holds under any order of tellings, readings and lifts: strictest, never forgotten.

The model is the database's two tables and a set of what was told; it knows no HoldBook.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import Rig
from trading.gateway.holdbook import HoldBook

SCOPES = (
    "firm", "venue:paper-1", "venue:paper-one", "venue:paper-2", "strategy:a", "strategy:b",
    "instrument:SPY",
)  # fmt: skip
ORDERS = (("a", "SPY"), ("a", "AAPL"), ("b", "SPY"), ("", "AAPL"))
STRICTNESS = [Mode.ACTIVE, Mode.REDUCE_ONLY, Mode.HALTED, Mode.FROZEN]


def applies(scope: str, strategy: str, symbol: str) -> bool:
    """Said once more, in other words than the code's."""
    kind, _, key = scope.partition(":")
    own = {"firm": True, "strategy": key == strategy, "instrument": key == symbol}
    return bool(own.get(kind, key in ("paper-1", "paper-one")))


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.book = HoldBook("paper-1", "Paper One")
        self.rows: dict[str, HoldFact] = {}
        self.lifts: set[str] = set()
        self.known: dict[str, HoldFact] = {}
        self.made: list[HoldFact] = []

    @initialize()
    def begin(self) -> None:
        self.rig.later(1)

    @rule(
        scope=st.sampled_from(SCOPES), mode=st.sampled_from(STRICTNESS[1:]),
        told=st.booleans(), recorded=st.booleans(),
    )  # fmt: skip
    def place(self, scope: str, mode: Mode, told: bool, recorded: bool) -> None:
        hold = HoldFact(
            id=f"h{len(self.made)}", scope=scope, kind=Kind.PAUSE, mode=mode, cancels=False,
            protective_too=False, reason="", placed_by="one", actor_kind="person",
            placed_wall_ns=len(self.made),
        )  # fmt: skip
        self.made.append(hold)
        if told:
            assert self.book.learn(hold, self.rig.boot_ns)
            self.known[hold.id] = hold
        if recorded:
            self.rows[hold.id] = hold

    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        """Callers repeat themselves: also after the lift, until the next reading."""
        if self.made:
            hold = data.draw(st.sampled_from(self.made))
            assert self.book.learn(hold, self.rig.boot_ns) is (hold.id not in self.known)
            self.known[hold.id] = hold

    @rule(data=st.data())
    def record_late(self, data: st.DataObject) -> None:
        if self.made:
            hold = data.draw(st.sampled_from(self.made))
            self.rows[hold.id] = hold

    @rule(data=st.data())
    def lift(self, data: st.DataObject) -> None:
        open_rows = sorted(set(self.rows) - self.lifts)
        if open_rows:
            self.lifts.add(data.draw(st.sampled_from(open_rows)))

    @rule()
    def read(self) -> None:
        self.rig.later(1)
        reading = self.rig.reading(
            holds=tuple(one for one in self.rows.values() if one.id not in self.lifts),
            lifted=frozenset(self.lifts & set(self.book.open)),
        )
        learnt = self.book.on_reading(reading, self.rig.boot_ns)
        gone = {one for one in self.known if one in self.lifts}
        assert {one.id for one in learnt.lifted} == gone
        fresh = {one.id for one in reading.holds} - set(self.known)
        assert {one.id for one in learnt.new} == fresh
        for one in gone:
            del self.known[one]
        self.known |= {one.id: one for one in reading.holds}
        assert {one.id for one in learnt.unwritten} == set(self.known) - set(self.rows)

    @rule(data=st.data())
    def the_database_is_set_back(self, data: st.DataObject) -> None:
        """Rows and lifts vanish: what is known here stays known."""
        for table in (self.rows, self.lifts):
            for one in data.draw(st.lists(st.sampled_from(sorted(table)))) if table else []:
                table.pop(one, None) if isinstance(table, dict) else table.discard(one)

    @invariant()
    def only_a_lift_that_was_read_makes_a_hold_go(self) -> None:
        assert self.book.open == self.known

    @invariant()
    def the_strictest_hold_wins(self) -> None:
        for strategy, symbol in ORDERS:
            found = [
                one.mode for one in self.known.values() if applies(one.scope, strategy, symbol)
            ]
            wanted = max(found, key=STRICTNESS.index, default=Mode.ACTIVE)
            assert self.book.mode(strategy, symbol) is wanted


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestHoldBook = Machine.TestCase
