"""What is proven of one entry: its place, its bytes, the way to a checkpoint; and what is not."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from audit.models import Entry
from audit.proving import Proof, entry_prove, places_stand
from audit.verifier import check_inclusion
from tests.audit.recording import Recording, execute, rows, settle, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(tmp_path: Path, settings: Settings) -> Iterator[Recording]:
    """Ten entries under a checkpoint, and ten more under the next."""
    made = Recording(tmp_path)
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    running = made.start()
    for first in (0, 10):
        write(*range(first, first + 10))
        settle(running)
        made.seconds += 31
        settle(running)
    yield made
    made.close()


def of(number: int) -> uuid.UUID:
    return Entry.objects.get(object_kind="limit", object_id=str(number)).pk


def proof(number: int) -> Proof:
    found = entry_prove(of(number))
    assert found is not None
    return found


def test_each_lies_in_the_first_checkpoint_over_it(recording: Recording) -> None:
    found = [proof(number) for number in range(20)]
    assert [one.index for one in found] == sorted({one.index for one in found})
    sizes = sorted({one.checkpoint.size for one in found if one.checkpoint})
    assert len(sizes) == 2
    for one in found:
        signed = one.checkpoint
        assert signed is not None
        assert signed.size == next(size for size in sizes if size > one.index)
        assert (one.holds, one.why) == (True, "")
        check_inclusion(
            index=one.index, size=signed.size, leaf=one.leaf, proof=one.path, root=signed.root
        )
        assert [(kept.anchor, kept.size) for kept in one.kept] == [
            ("file:anchor.jsonl", signed.size)
        ]


def test_one_without_a_place_or_a_checkpoint_is_said_to_be(recording: Recording) -> None:
    write(20)
    assert entry_prove(of(20)) is None
    assert places_stand(Entry.objects.filter(object_id="20")) == {}
    settle(recording.started[0])
    found = proof(20)
    assert (found.checkpoint, found.holds, found.why, found.kept) == (None, False, "", ())


_LEAF = """
UPDATE audit_place SET leaf = sha256('\\x00'::bytea || convert_to(
    to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8')
  || '\\x0a'::bytea || body)
FROM audit_entry WHERE entry_id = id AND id = '{id}'
"""
"""As whoever knows the form would make it."""
TAMPERED = {
    "its body": ("UPDATE audit_entry SET body = body || ' ' WHERE id = '{id}'", "its bytes"),
    "when it was recorded": (
        "UPDATE audit_entry SET recorded_at = recorded_at + interval '1 us' WHERE id = '{id}'",
        "or when it was recorded",
    ),
    "a column": ("UPDATE audit_entry SET actor = 'eve' WHERE id = '{id}'", "the column actor"),
    "its link": (
        "UPDATE audit_place SET chain = sha256('x') WHERE entry_id = '{id}'",
        "the chain does not lead",
    ),
    "the entry before": (
        "DELETE FROM audit_place WHERE index = {index} - 1", "has no place any more",
    ),
    "body and leaf": (
        f"UPDATE audit_entry SET body = '{{{{}}}}' WHERE id = '{{id}}';{_LEAF}",
        "something else than its bytes|it is no entry",
    ),
    "another's leaf": (
        "UPDATE audit_place SET leaf = sha256('x') WHERE index = {index} + 1", "another root",
    ),
    "the checkpoint": (
        "UPDATE audit_signedcheckpoint SET note = replace(note, 'time 2026', 'time 2025')",
        "signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", list(TAMPERED))
def test_what_was_done_to_it_is_named(recording: Recording, what: str) -> None:
    """By the superuser, with triggers off."""
    before = proof(13)
    assert before.holds
    sql, why = TAMPERED[what]
    execute(*sql.format(id=of(13), index=before.index).split(";"))
    found = entry_prove(Entry.objects.get(object_kind="limit", object_id="13").pk)
    assert found is not None
    assert not found.holds
    assert any(one in found.why for one in why.split("|")), found.why


def test_a_list_says_which_are_not_as_they_were_placed(recording: Recording) -> None:
    execute(f"UPDATE audit_entry SET body = body || ' ' WHERE id = '{of(13)}'")
    stands = places_stand(Entry.objects.filter(action="limit.change"))
    found = rows("SELECT entry_id, index FROM audit_place")
    assert {ident: one.index for ident, one in stands.items()} == {
        ident: index for ident, index in found if ident in stands
    }
    assert [ident for ident, one in stands.items() if one.altered] == [of(13)]


def test_without_a_key_it_is_not_proven(recording: Recording, settings: Settings) -> None:
    settings.AUDIT_KEYS_FOLDER = recording.home / "none"
    assert "no public key" in proof(3).why
    settings.AUDIT_KEYS_FOLDER = recording.home / "others"
    Recording(recording.home / "others").keys.make()
    settings.AUDIT_KEYS_FOLDER = recording.home / "others" / "keys"
    assert "signed by no key of ours" in proof(3).why


def test_after_a_restore_it_is_the_checkpoint_of_the_log_that_placed_it(
    recording: Recording,
) -> None:
    """A database that lost its end: what the old log signed over the lost says nothing of these."""
    old = proof(3).checkpoint
    last = rows("SELECT max(index) FROM audit_place")[0][0]
    execute(
        "DELETE FROM audit_anchoring", f"DELETE FROM audit_signedcheckpoint WHERE size > {last}",
        f"DELETE FROM audit_place WHERE index > {last} - 5",
        "DELETE FROM audit_entry WHERE NOT EXISTS"
        " (SELECT FROM audit_place WHERE entry_id = audit_entry.id)",
    )  # fmt: skip
    running = recording.start()
    write(*range(30, 40))
    settle(running)
    recording.seconds += 31
    settle(running)
    found = proof(35)
    assert found.holds, found.why
    assert old is not None
    assert found.checkpoint is not None
    assert found.checkpoint.origin != old.origin
    assert proof(3).checkpoint == old
