"""The brakes' memory: on disk before it is said, back after a restart, closed where in doubt."""

import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from riskctl.control import Warrant
from riskctl.holds import HoldFact, Kind, Mode
from riskctl.journal import SLOT, SLOTS, Journal, JournalFullError, open_journal
from tests.gateway.builders import Rig
from tests.gateway.test_holds import hold
from tests.gateway.test_writer import OWNER
from trading.gateway.brakes import Brakes
from trading.gateway.register import Predecessor
from trading.gateway.stopping import Stopping
from trading.gateway.store import Statement

Make = Callable[[], "Bench"]


class Bench:
    """Brakes on a rig, as after a start of the process."""

    def __init__(self, path: Path, rig: Rig) -> None:
        self.rig = rig
        self.journal: Journal = open_journal(path)
        self.written: list[Statement] = []
        self.brakes = Brakes(
            owner=OWNER, stopping=Stopping(rig.core), journal=self.journal,
            perform=lambda effects: None, write=self.written.extend, wake=lambda: None,
        )  # fmt: skip
        self.brakes.begin([], rig.now())

    @property
    def known(self) -> list[HoldFact]:
        return list(self.rig.core.holds.open.values())


@pytest.fixture
def start(tmp_path: Path) -> Make:
    """Starts the process anew over the same journal; the one before is gone."""
    path = tmp_path / "paper-1.holds"
    before: list[Bench] = []

    def make() -> Bench:
        for one in before:
            one.journal.close()
        before[:] = [Bench(path, Rig())]
        return before[0]

    return make


def test_a_hold_that_was_told_is_known_after_a_restart(start: Make) -> None:
    told = hold(reason="unusual text: ü € \N{SNOWMAN}")
    first = start()
    assert first.brakes.take(told, first.rig.now()) is True
    assert start().known == [told]


def test_a_hold_that_was_read_is_on_disk_too(start: Make) -> None:
    first = start()
    first.brakes.on_reading(first.rig.reading(holds=(hold(),)), first.rig.now())
    assert start().known == [hold()]


def test_a_lift_that_was_read_is_the_end(start: Make) -> None:
    first = start()
    first.brakes.take(hold(1), first.rig.now())
    first.brakes.take(hold(2), first.rig.now())
    first.brakes.on_reading(
        first.rig.reading(holds=(hold(2),), lifted=frozenset({hold(1).id})), first.rig.now()
    )
    assert start().known == [hold(2)]


def test_what_the_database_does_not_know_is_written_up_until_it_does(start: Make) -> None:
    one = start()
    one.brakes.take(hold(), one.rig.now())
    one.brakes.on_reading(one.rig.reading(), one.rig.now())
    assert one.written == [], "who placed it may be writing it now"
    one.rig.later(300)
    one.brakes.on_reading(one.rig.reading(), one.rig.now())
    assert [values[0] for _, values in one.written][:1] == [hold().id]
    one.brakes.on_reading(one.rig.reading(), one.rig.now())
    count = len(one.written)
    one.rig.later(1_100)
    one.brakes.on_reading(one.rig.reading(), one.rig.now())
    assert len(one.written) == 2 * count
    one.rig.later(1_100)
    one.brakes.on_reading(one.rig.reading(holds=(hold(),)), one.rig.now())
    assert len(one.written) == 2 * count


def test_a_database_that_went_back_closes_the_account(start: Make) -> None:
    one = start()
    one.brakes.on_reading(one.rig.reading(beat=40), one.rig.now())
    assert one.known == []
    one.brakes.on_reading(one.rig.reading(beat=12), one.rig.now())
    (found,) = one.known
    assert (found.kind, found.mode, found.scope) == (Kind.RECOVERY, Mode.HALTED, "venue:paper-1")
    assert "40" in found.reason


def test_also_when_it_went_back_while_no_gateway_ran(start: Make) -> None:
    first = start()
    first.brakes.on_reading(first.rig.reading(beat=40), first.rig.now())
    later = start()
    later.brakes.on_reading(later.rig.reading(beat=39), later.rig.now())
    assert [one.kind for one in later.known] == [Kind.RECOVERY]


def test_another_journal_than_the_last_gateways_closes_the_account(start: Make) -> None:
    one = start()
    one.brakes.check_predecessor(None, one.rig.now())
    one.brakes.check_predecessor(Predecessor(one.journal.ident, 3), one.rig.now())
    assert one.known == []
    other = uuid.uuid4()
    for token in (3, 3, 5):  # to and fro between two hosts: what was lifted then is not now
        one.brakes.check_predecessor(Predecessor(other, token), one.rig.now())
    assert [found.kind for found in one.known] == [Kind.RECOVERY] * 2


def test_a_damaged_journal_closes_the_account_once(start: Make, tmp_path: Path) -> None:
    first = start()
    first.brakes.take(hold(), first.rig.now())
    slot = first.journal._slots["hold", hold().id]
    with (tmp_path / "paper-1.holds").open("r+b") as file:
        file.seek(slot * SLOT + 60)
        file.write(b"XX")
    later = start()
    assert [one.kind for one in later.known] == [Kind.RECOVERY]
    again = start()
    assert [one.id for one in again.known] == [one.id for one in later.known]


def test_a_full_journal_still_holds_in_memory_and_says_that_it_is_not_on_disk(start: Make) -> None:
    one = start()
    room = SLOTS - 2  # two are headers
    for number in range(room):
        one.journal.put("order", str(number), b"{}")
    with pytest.raises(JournalFullError):
        one.journal.put("order", "more", b"{}")
    assert one.brakes.take(hold(), one.rig.now()) is False
    assert one.rig.core.holds.mode() is Mode.HALTED
    one.journal.drop("order", "7")
    one.brakes.on_reading(one.rig.reading(holds=(hold(),)), one.rig.now())
    assert ("hold", hold().id) in one.journal.records, "as soon as there is room"


def test_warrants_live_as_long_as_their_hold(start: Make) -> None:
    one = start()
    one.brakes.take(hold(), one.rig.now())
    warrant = Warrant(
        id=str(uuid.uuid4()), hold_id=hold().id, scope="firm", placed_by="ada", reason="test",
        issued_wall_ns=1, expires_wall_ns=2,
    )  # fmt: skip
    one.brakes.take_warrant(warrant)
    again = start()
    assert again.brakes.warrants == {warrant.id: warrant}
    again.brakes.on_reading(again.rig.reading(lifted=frozenset({hold().id})), again.rig.now())
    assert again.brakes.warrants == {}
    assert start().brakes.warrants == {}


def test_a_journal_belongs_to_one_process_at_a_time(start: Make, tmp_path: Path) -> None:
    start()
    with pytest.raises(BlockingIOError):
        open_journal(tmp_path / "paper-1.holds")


def test_a_record_too_long_for_its_slot_is_refused_whole(start: Make) -> None:
    journal = start().journal
    with pytest.raises(ValueError, match="more than a slot holds"):
        journal.put("hold", "x", msgspec.json.encode("y" * SLOT))
    assert journal.records == {}
