"""The journal of holds, its process killed or its machine stopped at any byte of any write.

What was acknowledged is there when it is opened again; a slot of which only a part was written is
reported, never taken for empty and never for another record.
"""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from riskctl import journal
from riskctl.journal import SLOT, Damage, JournalFullError, Record, open_journal

SLOTS = 10
ROOM = SLOTS - 2


class TornError(Exception):
    """The machine stopped in the middle of a write."""


class Disk:
    """``os`` as the journal sees it: the write that comes ``after`` others stops at ``byte``."""

    def __init__(self) -> None:
        self.after = -1
        self.byte = 0

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        if self.after == 0:
            os.pwrite(fd, data[: self.byte], offset)
            raise TornError
        self.after -= 1
        return os.pwrite(fd, data, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    names: dict[str, Any] = {name: getattr(os, name) for name in dir(os)}
    monkeypatch.setattr(journal, "SLOTS", SLOTS)
    monkeypatch.setattr(journal, "os", SimpleNamespace(**{**names, "pwrite": made.pwrite}))
    return made


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 12), st.integers(1, 1_500)),
        st.tuples(st.just("drop"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("anchor"), st.integers(1, 9), st.just(0)),
    ),
    max_size=25,
)
quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Told:
    """What the journal acknowledged, and the one step it did not."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.anchor = 0
        self.torn: tuple[str, str] | None = None

    def step(self, made: journal.Journal, what: str, number: int, size: int) -> None:
        ident, body = f"h{number}", b'"' + b"x" * size + b'"'
        self.torn = (what, ident)
        if what == "put":
            if ident not in self.records and len(self.records) == ROOM:
                with pytest.raises(JournalFullError):
                    made.put("hold", ident, body)
            else:
                made.put("hold", ident, body)
                self.records.setdefault(ident, body)
        elif what == "drop":
            made.drop("hold", ident)
            self.records.pop(ident, None)
        else:
            made.note_anchor(self.anchor + number)
            self.anchor += number
        self.torn = None


@given(work=steps, after=st.integers(0, 25), byte=st.integers(0, SLOT))
@example(work=[("anchor", 1, 0)], after=0, byte=4)
@example(work=[("put", 0, 1)], after=0, byte=4)
@example(work=[("put", 0, 1), ("drop", 0, 0)], after=1, byte=47)
@example(work=[("put", 0, 1), ("drop", 0, 0)], after=1, byte=48)
@quick
def test_whatever_was_acknowledged_is_there_after_a_crash(
    disk: Disk, work: list[tuple[str, int, int]], after: int, byte: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.holds"
        disk.after = -1
        made = open_journal(path)
        ident = made.ident
        told = Told()
        disk.after, disk.byte = after, byte
        try:
            for what, number, size in work:
                told.step(made, what, number, size)
        except TornError:
            assert told.torn is not None
        disk.after = -1
        made.close()
        again = open_journal(path)
        _judge(again, told, ident, byte)
        _goes_on(again, told)
        again.close()


def _judge(again: journal.Journal, told: Told, ident: Any, byte: int) -> None:
    assert again.ident == ident
    found = {one.id: bytes(one.body) for one in again.records.values()}
    what, torn = told.torn or ("", "")
    surely = {one: body for one, body in told.records.items() if (what, one) != ("drop", torn)}
    assert surely.items() <= found.items()
    assert set(found) - set(told.records) <= ({torn} if what == "put" else set())
    assert again.anchor >= told.anchor
    if told.torn is None:
        assert again.damage == []
        assert found == told.records
        assert again.anchor == told.anchor
    elif what == "drop" and torn in told.records and torn not in found and byte < _length(told):
        assert len(again.damage) == 1, "half of a stop is on the disk and nobody says so"


def _length(told: Told) -> int:
    """Bytes of the record that was being dropped: who blanked so many has dropped it whole."""
    assert told.torn is not None
    record = Record("hold", told.torn[1], msgspec.Raw(told.records[told.torn[1]]))
    return journal._HEAD.size + len(msgspec.json.encode(record))


def _goes_on(again: journal.Journal, told: Told) -> None:
    """Healed, it takes as many records as a new one."""
    again.heal()
    for _, ident in list(again.records):
        again.drop("hold", ident)
    for number in range(ROOM):
        again.put("hold", f"n{number}", b"1")
    assert len(again.records) == ROOM


@given(slot=st.integers(2, SLOTS - 1), at=st.integers(0, SLOT - 1), bit=st.integers(0, 7))
@quick
def test_a_flipped_bit_is_damage_or_nothing(disk: Disk, slot: int, at: int, bit: int) -> None:
    """Never another record, and never silence where a record was."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.holds"
        made = open_journal(path)
        for number in range(ROOM):
            made.put("hold", f"h{number}", b'"body"')
        before = dict(made.records)
        made.close()
        raw = bytearray(path.read_bytes())
        raw[slot * SLOT + at] ^= 1 << bit
        path.write_bytes(raw)
        again = open_journal(path)
        missing = before.keys() - again.records.keys()
        assert again.records.items() <= before.items()
        assert again.damage == ([Damage(slot)] if missing else [])
        again.close()


def test_both_headers_lost_is_damage(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "a.holds"
    made = open_journal(path)
    made.put("hold", "h1", b"1")
    made.close()
    with path.open("r+b") as file:
        file.write(b"\xff" * 2 * SLOT)
    again = open_journal(path)
    assert again.damage, "a journal that cannot say who it is starts closed"
    assert ("hold", "h1") in again.records
    again.close()


def test_only_one_process_has_it(disk: Disk, tmp_path: Path) -> None:
    made = open_journal(tmp_path / "a.holds")
    with pytest.raises(BlockingIOError):
        open_journal(tmp_path / "a.holds")
    made.close()
    open_journal(tmp_path / "a.holds").close()


def test_a_full_disk_fails_no_record(disk: Disk, tmp_path: Path) -> None:
    """Every block is there before it is needed: nothing is ever written past the end."""
    path = tmp_path / "a.holds"
    made = open_journal(path)
    size = path.stat().st_size
    blocks = path.stat().st_blocks
    for number in range(ROOM):
        made.put("hold", f"h{number}", b'"' + b"x" * 3_000 + b'"')
        made.note_anchor(number)
    assert path.stat().st_size == size == SLOT * SLOTS
    assert path.stat().st_blocks == blocks
    made.close()


def test_what_does_not_fit_a_slot_is_refused_and_changes_nothing(
    disk: Disk, tmp_path: Path
) -> None:
    made = open_journal(tmp_path / "a.holds")
    with pytest.raises(ValueError, match="more than a slot holds"):
        made.put("hold", "h1", b'"' + b"x" * SLOT + b'"')
    made.put("hold", "h1", b"1")
    assert len(made.records) == 1
    made.close()
