"""The stand-alone verifier: what it says of a whole record, and of every way to tamper with one."""

import io
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import verifier
from audit.canonical import canonical_bytes
from audit.checkpoints import key_of
from audit.exporting import Sealing
from audit.signing import Signer
from audit.verifier import BadError, Trust, read_checkpoints
from tests.audit.made import SIGNER, TRUST, Made, body_of, made, new_signer, resealed, verify

COUNT = 24
RECORD = made(COUNT)
LINES = RECORD.lines()
EARLY = [RECORD.sign(size) for size in (8, 16)]
PART = RECORD.lines(chosen=lambda index: index % 3 == 0)


def bad(lines: list[bytes], earlier: object = EARLY, trust: Trust = TRUST) -> BadError:
    with pytest.raises(BadError) as found:
        verify(lines, earlier, trust)  # type: ignore[arg-type]
    return found.value


def at(index: int, change: Callable[[bytes], bytes]) -> list[bytes]:
    lines = list(LINES)
    lines[index + 1] = change(lines[index + 1])
    return resealed(lines)


def test_a_whole_record() -> None:
    found = verify(LINES, EARLY)
    assert (found.entries, found.complete, found.walk.fitting) == (COUNT, True, 3)
    assert found.header["exported_by"] == "ada.nwosu"


def test_chosen_entries() -> None:
    found = verify(PART)
    assert (found.entries, found.complete) == (8, False)


def test_an_empty_record_and_an_empty_choice() -> None:
    assert verify(Made().lines()).entries == 0
    assert verify(RECORD.lines(chosen=lambda _: False)).entries == 0


# --- Classes of tampering -------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 7, COUNT - 1])
def test_a_flipped_byte(index: int) -> None:
    found = bad(at(index, lambda line: line.replace(b"limit", b"lamit")))
    assert (found.first, found.last) == (index, index)


@pytest.mark.parametrize("index", [0, 7, COUNT - 1])
def test_a_changed_timestamp(index: int) -> None:
    found = bad(at(index, lambda line: line.replace(b"2026-11-21", b"2026-11-20")))
    assert (found.first, found.last) == (index, index)


def test_swapped_entries() -> None:
    lines = list(LINES)
    lines[5], lines[9] = lines[9], lines[5]
    assert bad(resealed(lines)).first == 4


def test_swapped_entries_under_each_others_index() -> None:
    other = made(COUNT)
    other.bodies[4], other.bodies[8] = other.bodies[8], other.bodies[4]
    assert bad(other.lines(RECORD.sign())).first == 4


def test_a_dropped_entry() -> None:
    assert bad(resealed([*LINES[:5], *LINES[6:]])).first == 4


def test_an_inserted_entry() -> None:
    assert bad(resealed([*LINES[:5], LINES[4], *LINES[5:]])).first == 4


def test_an_entry_too_many() -> None:
    longer = made(COUNT + 1)
    lines = longer.lines(longer.sign())
    assert bad(resealed([LINES[0], *lines[1:]])).first == COUNT


def test_a_chain_linked_anew() -> None:
    """A body changed and the chain made to fit: what was signed does not."""
    other = made(COUNT)
    other.bodies[10] = body_of(99)
    other.relink(10)
    found = bad(other.lines(RECORD.sign()))
    assert (found.first, found.last) == (8, 15)  # between two signed sizes
    assert "other entries were signed" in str(found)


def test_a_record_written_anew_from_an_index_on_and_signed_again() -> None:
    """Whoever has the key and the database is shown by any checkpoint kept elsewhere."""
    other = made(COUNT)
    other.bodies[17] = body_of(99)
    other.relink(17)
    assert verify(other.lines()).complete  # it fits itself
    assert verify(other.lines(), EARLY).complete  # and what was signed before the change
    kept = RECORD.sign(20)
    found = bad(other.lines(), [*EARLY, kept])
    assert (found.first, found.last) == (16, 19)


def test_a_chain_other_than_the_one_signed() -> None:
    other = made(COUNT)
    other.chain[3] = bytes(32)
    other.relink(4)
    assert bad(other.lines(RECORD.sign())).first == 3


def test_a_cut_off_end() -> None:
    short = made(20)
    assert verify(short.lines()).complete
    found = bad(short.lines(), [RECORD.sign()])
    assert found.first == 20
    assert "cut off" in str(found)


def test_a_cut_off_file() -> None:
    for count in (0, 1, 5, COUNT, COUNT + 1):
        found = bad(LINES[:count])
        assert found.first == (count - 1 if 0 < count <= COUNT else None)
    assert bad(resealed(LINES[:9] + LINES[-1:])).first == 8


def test_swapped_checkpoints() -> None:
    notes = [RECORD.sign(size).note for size in (4, 8, 12)]
    data = b"".join(canonical_bytes({"checkpoint": one}) + b"\n" for one in notes)
    assert [one.size for one in read_checkpoints(data, "anchor")] == [4, 8, 12]
    lines = data.splitlines(keepends=True)
    with pytest.raises(BadError, match=r"anchor, line 3: .* after a later one") as found:
        read_checkpoints(lines[0] + lines[2] + lines[1], "anchor")
    assert found.value.first == 8


def test_two_checkpoints_of_one_size() -> None:
    other = made(8)
    other.bodies[5] = body_of(99)
    other.relink(5)
    assert bad(LINES, [RECORD.sign(8), RECORD.sign(4), other.sign()]).first == 4


def test_signed_with_an_old_key() -> None:
    old = new_signer()
    lines = RECORD.lines(RECORD.sign(None, old))
    found = bad(lines, trust=Trust(TRUST.keys, (key_of(old),)))
    assert "by an old key" in str(found)
    assert "by none of the keys" in str(bad(lines))


def changed_key(old: Signer, new: Signer) -> Made:
    change = canonical_bytes({
        "action": "audit.key-change", "before": {"key_id": old.key_id},
        "after": {"key_id": new.key_id},
    })  # fmt: skip
    return Made().add(*map(body_of, range(5)), change, *map(body_of, range(6, 10)))


def test_old_keys_keep_verifying_what_they_signed() -> None:
    new = new_signer()
    record = changed_key(SIGNER, new)
    trust = Trust((key_of(new),), (key_of(SIGNER),))
    earlier = [record.sign(5, SIGNER), record.sign(6, SIGNER, new), record.sign(8, new)]
    assert verify(record.lines(record.sign(None, new)), earlier, trust).walk.fitting == 4


def test_an_old_key_signs_nothing_after_its_change() -> None:
    new = new_signer()
    record = changed_key(SIGNER, new)
    trust = Trust((key_of(new), key_of(SIGNER)))
    found = bad(record.lines(record.sign(None, new)), [record.sign(8, SIGNER)], trust)
    assert found.first == 7
    assert "another key" in str(found)
    assert bad(record.lines(record.sign(None, SIGNER)), [], trust).first == 9


def test_an_older_database_played_back() -> None:
    """It holds as such; the anchor knows more than it has."""
    older = made(12)
    assert verify(older.lines(), EARLY[:1]).complete
    assert bad(older.lines(), EARLY).first == 12


def test_a_database_that_says_it_was_restored() -> None:
    older = made(12)
    anchored = RECORD.sign()
    older.origin = "haltline.test/audit/2"
    begun = older.sign(restored_from=anchored)
    older.add(*map(body_of, range(50, 60)))
    found = verify(older.lines(incarnations=[begun]), [*EARLY[:1], anchored])
    assert found.walk.lost == ["entries 12 to 23 of haltline.test/audit/1"]
    longer = made(COUNT + 3).sign()
    assert bad(older.lines(incarnations=[begun]), [longer]).first == 12  # more than it states
    assert "another log" in str(bad(older.lines(), [anchored]))  # it does not state it


def test_a_database_that_was_restored_twice() -> None:
    """The second time to a copy from before the first: what both had in common is shorter still."""
    first = RECORD.sign()
    second = made(18)
    second.origin = "haltline.test/audit/2"
    began_second = second.sign(restored_from=first)
    second.add(*map(body_of, range(50, 54)))
    third = made(10)
    third.origin = "haltline.test/audit/3"
    began_third = third.sign(restored_from=second.sign())
    third.add(*map(body_of, range(60, 75)))
    kept = [RECORD.sign(9), RECORD.sign(14), began_second, second.sign()]
    found = verify(third.lines(incarnations=[began_third]), kept)
    assert found.walk.lost == [
        "entries 10 to 13 of haltline.test/audit/1", "entries 10 to 21 of haltline.test/audit/2",
    ]  # fmt: skip


def test_a_checkpoint_of_another_log() -> None:
    other = Made(origin="elsewhere.test/audit").add(b"{}")
    assert "another log" in str(bad(LINES, [other.sign()]))


def test_tampering_with_chosen_entries() -> None:
    for line, index in ((1, 0), (4, 9), (8, 21)):
        lines = list(PART)
        lines[line] = lines[line].replace(b"limit", b"lamit")
        assert bad(resealed(lines), ()).first == index
    assert bad([*PART[:3], *PART[4:]], ()).first is None  # left out: the end line counts
    swapped = [*PART[:3], PART[4], PART[3], *PART[5:]]
    assert bad(resealed(swapped), ()).first == 6
    without = RECORD.lines()
    assert bad([PART[0], *without[1:]], ()).first == 0  # no proofs at all


def test_chosen_neighbours_are_linked() -> None:
    other = made(COUNT)
    other.chain[5] = bytes(32)
    assert bad(other.lines(chosen=lambda index: index in (4, 5, 6)), ()).first == 5


@pytest.mark.parametrize("tail", [LINES[3], b"x", LINES[-1]])
def test_something_after_the_end(tail: bytes) -> None:
    assert bad([*LINES, tail]).first is None


def test_the_header_is_part_of_it() -> None:
    assert "another file" in str(bad([LINES[0].replace(b"ada.", b"eve."), *LINES[1:]]))


def test_a_header_of_another_form() -> None:
    other = LINES[0].replace(b":1,", b":2,")
    for line in (b"", b"{}\n", b"[1]\n", b'"x"\n', b"[" * 100_000, other):
        assert bad([line, *LINES[1:]]).first is None


# --- Ten thousand mutations -----------------------------------------------------------------------

Mutation = Callable[[list[bytes], random.Random], int]
"""Alters entry lines in place; the first index at which they are not what they were."""


def _flip(lines: list[bytes], choice: random.Random) -> int:
    index = choice.randrange(COUNT)
    line = bytearray(lines[index])
    line[choice.randrange(len(line))] ^= 1 << choice.randrange(8)
    lines[index] = bytes(line)
    return index


def _cut(lines: list[bytes], choice: random.Random) -> int:
    index = choice.randrange(COUNT)
    start = choice.randrange(len(lines[index]))
    lines[index] = lines[index][:start] + lines[index][start + choice.randrange(1, 9) :]
    return index


def _put(lines: list[bytes], choice: random.Random) -> int:
    index = choice.randrange(COUNT)
    start = choice.randrange(len(lines[index]))
    more = choice.randbytes(choice.randrange(1, 9))
    lines[index] = lines[index][:start] + more + lines[index][start:]
    return index


def _drop(lines: list[bytes], choice: random.Random) -> int:
    index = choice.randrange(COUNT)
    del lines[index : index + choice.randrange(1, 4)]
    return index


def _double(lines: list[bytes], choice: random.Random) -> int:
    index, source = choice.randrange(COUNT + 1), choice.randrange(COUNT)
    lines.insert(index, lines[source])
    return index + 1 if source == index else index


def _swap(lines: list[bytes], choice: random.Random) -> int:
    one, two = sorted(choice.sample(range(COUNT), 2))
    lines[one], lines[two] = lines[two], lines[one]
    return one


def _graft(lines: list[bytes], choice: random.Random) -> int:
    """The body of another entry under this one's index, time and chain."""
    one, two = choice.sample(range(COUNT), 2)
    body = lines[two].partition(b'"body":')[2]
    lines[one] = b"".join(lines[one].partition(b'"body":')[:2]) + body
    return one


def _end(lines: list[bytes], choice: random.Random) -> int:
    index = choice.randrange(COUNT)
    del lines[index:]
    return index


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _put, _drop, _double, _swap, _graft, _end)


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_mutations_each(seed: int) -> None:
    """With an end line that fits: what is noticed is noticed by chain and signature alone."""
    choice = random.Random(seed)
    for number in range(1_000):
        lines = LINES[1:-1]
        expected = choice.choice(MUTATIONS)(lines, choice)
        assert lines != LINES[1:-1], (seed, number)
        data = b"".join(Sealing().lines(LINES[0], lines))
        with pytest.raises(BadError) as found:
            verify(data.splitlines(keepends=True), EARLY)
        assert found.value.first == expected, (seed, number, lines[expected : expected + 1])


@pytest.mark.parametrize("seed", range(5))
def test_no_byte_of_the_file_can_be_altered(seed: int) -> None:
    choice = random.Random(seed)
    data = b"".join(LINES)
    for _ in range(200):
        altered = bytearray(data)
        altered[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
        with pytest.raises(BadError):
            verify(bytes(altered).splitlines(keepends=True), EARLY)


# --- The command, in a folder of its own ----------------------------------------------------------


class Folder:
    """A copy of the verifier beside an export, a key and checkpoints, and nothing of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(str(verifier.__file__), folder / "verifier.py")
        self.write("export.jsonl", b"".join(LINES))
        self.write("audit.pem", SIGNER.public_pem.encode())
        notes = (canonical_bytes({"checkpoint": one.note}) + b"\n" for one in EARLY)
        self.write("anchor.jsonl", b"".join(notes))

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-I", "verifier.py", "export.jsonl", *arguments],
            cwd=self.folder, env={}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_it_runs_by_itself(folder: Folder) -> None:
    code, said, _ = folder.run("--key", "audit.pem", "--checkpoint", "anchor.jsonl")
    assert (code, said.partition(":")[0]) == (0, "whole")
    assert "24 entries" in said
    assert "3 checkpoints fit" in said


def test_a_note_and_an_export_are_checkpoints_too(folder: Folder) -> None:
    folder.write("note.txt", EARLY[0].note.encode())
    folder.write("older.jsonl", b"".join(RECORD.lines(EARLY[1])))
    more = ("--checkpoint", "note.txt", "--checkpoint", "older.jsonl")
    assert folder.run("--key", "audit.pem", *more)[1].count("3 checkpoints fit") == 1


def test_it_names_the_first_bad_index(folder: Folder) -> None:
    folder.write("export.jsonl", b"".join(at(7, lambda line: line.replace(b"limit", b"lamit"))))
    code, said, _ = folder.run("--key", "audit.pem")
    assert code == 1
    assert said.startswith("NOT WHOLE: first bad index 7: the chain does not lead")


def test_it_says_what_was_lost(folder: Folder) -> None:
    older = made(12)
    older.origin = "haltline.test/audit/2"
    begun = older.sign(restored_from=RECORD.sign())
    folder.write("export.jsonl", b"".join(older.lines(incarnations=[begun])))
    folder.write("note.txt", RECORD.sign().note.encode())
    code, said, _ = folder.run("--key", "audit.pem", "--checkpoint", "note.txt")
    assert code == 3
    assert "lost to a restored database: entries 12 to 23" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "none.pem"), "none.pem"),
        (("--key", "export.jsonl"), "export.jsonl: no PEM public key"),
        ((), "--key"),
        (("--key", "audit.pem", "--checkpoint", "none"), "none"),
    ],
)
def test_wrongly_called(folder: Folder, arguments: tuple[str, ...], said: str) -> None:
    code, _, why = folder.run(*arguments)
    assert code == 2
    assert said in why


def test_an_anchor_that_is_none(folder: Folder) -> None:
    folder.write("anchor.jsonl", b'{"checkpoint":"x"}\n')
    code, said, _ = folder.run("--key", "audit.pem", "--checkpoint", "anchor.jsonl")
    assert code == 1
    assert "anchor.jsonl, line 1" in said


def test_the_bar() -> None:
    out = io.StringIO()
    with verifier.Bar(100 * verifier.Bar.EVERY, out) as bar:
        for _ in range(verifier.Bar.EVERY):
            bar(50)
    assert "50% 16,384 entries" in out.getvalue()
