"""Places: every committed entry once, without gaps, whatever commits when and whoever places."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import Entry
from audit.places import Fence, NotHeldError, PlaceStore
from audit.sequencer import BATCH
from audit.sequencing import Sequencing
from tests.audit.recording import Recording, connect, execute, placed, rows, settle, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording(tmp_path)
    yield made
    made.close()


@pytest.fixture
def made(recording: Recording) -> Sequencing:
    return recording.start()


def nothing_left_out(recording: Recording) -> None:
    assert rows("SELECT count(*) FROM audit_entry") == rows("SELECT count(*) FROM audit_place")
    assert rows("SELECT count(*), max(index) + 1 FROM audit_place") == [
        (len(rows("SELECT 1 FROM audit_place")),) * 2
    ]
    finding = recording.check()
    assert finding.whole, finding


def test_committed_entries_are_placed_in_order(made: Sequencing, recording: Recording) -> None:
    write("a", "b", "c")
    settle(made)
    write("d")
    settle(made)
    assert [number for _, number in placed()] == ["a", "b", "c", "d"]
    nothing_left_out(recording)


def test_what_commits_late_is_found(made: Sequencing, recording: Recording) -> None:
    """Its transaction began first, and committed after a hundred others had their places."""
    with connect() as late, connect() as never:
        late.autocommit = never.autocommit = False
        write("late", to=late)
        write("never", to=never)
        for number in range(5):
            write(number)
            settle(made)
        late.commit()
        settle(made)
        assert [one for _, one in placed()] == ["0", "1", "2", "3", "4", "late"]
        never.rollback()
    settle(made)
    nothing_left_out(recording)


def test_savepoints_have_numbers_of_their_own_and_are_found(made: Sequencing) -> None:
    with connect() as late:
        late.autocommit = False
        late.execute("SELECT 1")  # so that the next are savepoints of this one
        with late.transaction():
            write("outer", to=late)
            with late.transaction():
                write("inner", to=late)
        settle(made)
        write("other")
        settle(made)
        late.commit()
    settle(made)
    assert {one for _, one in placed()} == {"outer", "inner", "other"}


def test_writers_wait_for_nobody(made: Sequencing) -> None:
    """A sequencer in the middle of a statement, and one frozen before it, hold no writer up."""
    write("before")
    settle(made)
    with connect() as frozen:
        frozen.autocommit = False
        frozen.execute("LOCK TABLE audit_place IN ACCESS EXCLUSIVE MODE")  # as bad as it can be
        with connect() as writer:
            writer.execute("SET statement_timeout = '2s'")
            write("meanwhile", to=writer)
        frozen.rollback()
    settle(made)
    assert [one for _, one in placed()] == ["before", "meanwhile"]


def test_more_than_a_batch(made: Sequencing, recording: Recording) -> None:
    with connect() as own, own.transaction():
        write(*range(BATCH + 5), to=own)
    settle(made)
    nothing_left_out(recording)
    assert rows("SELECT count(*) FROM audit_tile") == [((BATCH + 6) // 256,)]


def test_two_of_them_never_both_write(recording: Recording) -> None:
    """Without any lease between them: the tables alone decide."""
    one, two = recording.start(), recording.start()
    settle(one)
    settle(two)
    write("a")
    settle(one)
    write("b")
    with pytest.raises(psycopg.errors.UniqueViolation):
        settle(two)
    two.sequencer.forget()
    settle(two)
    one.sequencer.forget()
    settle(one)
    nothing_left_out(recording)


def test_without_the_lease_nothing_is_written(recording: Recording) -> None:
    recording.fence = Fence("%(mine)s", {"mine": True})
    made = recording.start()
    settle(made)
    before = placed()
    write("a")
    made.sequencer.fence = Fence("%(mine)s", {"mine": False})
    with pytest.raises(NotHeldError):
        settle(made)
    assert placed() == before


def test_an_unknown_commit_is_read_and_not_repeated(made: Sequencing, recording: Recording) -> None:
    settle(made)
    write("a")
    store = made.sequencer.store
    found = store.unplaced(0, BATCH)
    store.place(made.sequencer.state, found)  # and the answer is lost
    made.sequencer.forget()
    settle(made)
    nothing_left_out(recording)


def test_entries_of_another_server_are_found(made: Sequencing, recording: Recording) -> None:
    """As pg_restore leaves them: with numbers that this server has not come to yet."""
    settle(made)
    write("a", "b")
    execute("UPDATE audit_entry SET xid = xid + 1000000 WHERE action = 'limit.change'")
    again = recording.start()
    settle(again)
    assert {one for _, one in placed()} == {"a", "b"}
    nothing_left_out(recording)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_place SET chain = chain",
        "DELETE FROM audit_place",
        "TRUNCATE audit_place CASCADE",
        "DELETE FROM audit_tile",
        "DELETE FROM audit_incarnation",
        "UPDATE audit_signedcheckpoint SET size = 0",
        "DELETE FROM audit_anchoring",
    ],
)
def test_what_was_placed_and_signed_is_refused_to_change(made: Sequencing, statement: str) -> None:
    with connect() as own:
        write(*range(300), to=own)
    settle(made)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_place_comes_within_its_time(recording: Recording) -> None:
    """Placed by a running loop, not by turns that a test takes."""
    made = recording.start()
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop.wait,))
    thread.start()
    try:
        for number in range(20):
            write(number)
        deadline = time.monotonic() + 20
        while len(placed()) < 20 and time.monotonic() < deadline:
            stop.wait(0.02)
    finally:
        stop.set()
        thread.join(20)
    assert [one for _, one in placed()] == [str(number) for number in range(20)]


class Machine:
    """Writers that begin, write, save, roll back and commit in any order; two sequencers."""

    def __init__(self, recording: Recording, seed: int) -> None:
        self.choice = random.Random(seed)
        self.recording = recording
        self.sequencers = [recording.start(), recording.start()]
        self.open: list[psycopg.Connection[tuple[object, ...]]] = []
        self.written: dict[int, list[str]] = {}
        self.committed: set[str] = set()
        self.count = 0

    def begin(self) -> None:
        made = connect()
        made.autocommit = False
        self.open.append(made)
        self.written[id(made)] = []

    def write(self) -> None:
        if self.open:
            made = self.choice.choice(self.open)
            for _ in range(self.choice.randrange(1, 4)):
                write(str(self.count), to=made)
                self.written[id(made)].append(str(self.count))
                self.count += 1

    def end(self) -> None:
        if self.open:
            made = self.open.pop(self.choice.randrange(len(self.open)))
            if self.choice.random() < 0.7:
                made.commit()
                self.committed |= set(self.written[id(made)])
            made.close()

    def place(self) -> None:
        made = self.choice.choice(self.sequencers)
        try:
            made.turn()
        except (psycopg.errors.UniqueViolation, NotHeldError):
            made.forget()

    def restart(self) -> None:
        number = self.choice.randrange(2)
        self.sequencers[number].sequencer.forget()
        self.sequencers[number] = self.recording.start()

    def later(self) -> None:
        self.recording.seconds += 31

    def run(self, steps: int) -> None:
        moves = (self.begin, self.write, self.write, self.end, self.place, self.place,
                 self.place, self.restart, self.later)  # fmt: skip
        for _ in range(steps):
            self.choice.choice(moves)()
        while self.open:
            self.end()


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_commits_turns_and_restarts(recording: Recording, seed: int) -> None:
    machine = Machine(recording, seed)
    machine.run(120)
    last = recording.start()
    settle(last)
    numbers = [one for _, one in placed()]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == machine.committed
    nothing_left_out(recording)


def test_old_entries_get_places_at_the_first_start(recording: Recording) -> None:
    write(*range(10))
    assert Entry.objects.count() == 10
    settle(recording.start())
    assert len(placed()) == 10
    nothing_left_out(recording)


def test_a_backlog_is_placed_by_indexes_whatever_the_tables_are_believed_to_be(
    recording: Recording,
) -> None:
    """Plans are made while they are empty, and kept: row by row, they would never end."""
    execute("ANALYZE audit_entry, audit_place")
    with connect() as own:
        write(*range(5_000), to=own)
    before = scanned()
    made = recording.start()
    settle(made)
    made.sequencer.forget()  # its process's counts are told when it goes
    deadline = time.monotonic() + 20
    while scanned()[1] < before[1] + 5_000:
        assert time.monotonic() < deadline, "the counts were not told"
        time.sleep(0.02)
    assert scanned()[0] == before[0]
    assert len(placed()) == 5_000


def scanned() -> tuple[int, int]:
    """How often the record and its places were read from end to end, and how often by an index."""
    ((whole, index),) = rows(
        "SELECT sum(seq_scan)::bigint, sum(idx_scan)::bigint FROM pg_stat_user_tables"
        " WHERE relname IN ('audit_entry', 'audit_place')"
    )
    return int(whole), int(index)


def test_removed_hashes_stop_placing_and_nothing_else(recording: Recording) -> None:
    made = recording.start()
    with connect() as own:
        write(*range(300), to=own)
    settle(made)
    execute("DELETE FROM audit_tile")
    again = recording.start()
    write("after")
    stop = threading.Event()
    thread = threading.Thread(target=again.run, args=(stop.wait,))
    thread.start()
    deadline = time.monotonic() + 20
    while not rows("SELECT 1 FROM audit_entry WHERE action = 'audit.alarm'"):
        assert time.monotonic() < deadline
        stop.wait(0.02)
    stop.set()
    thread.join(20)
    assert len(rows("SELECT 1 FROM audit_entry WHERE action = 'audit.alarm'")) == 1
    with connect() as own:
        assert PlaceStore(own).size() == 301
