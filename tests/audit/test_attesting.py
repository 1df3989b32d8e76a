"""What is signed, when, and what never is: older databases, edits of their owner, new keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from audit.anchors import FileAnchor
from audit.checkpoints import checkpoint_sign, key_of
from audit.models import Anchoring, Entry, Incarnation, SignedCheckpoint
from audit.places import PlaceStore
from audit.record import INSERT_SQL
from audit.verifier import Checkpoint, parse_checkpoint
from tests.audit.made import new_signer
from tests.audit.recording import Recording, connect, entry, execute, rows, settle, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording(tmp_path)
    yield made
    made.close()


def kept(recording: Recording) -> Checkpoint:
    found = recording.anchor.last()
    assert found is not None
    return found


def alarms() -> list[str]:
    return list(Entry.objects.filter(action="audit.alarm").values_list("reason", flat=True))


def test_every_half_minute(recording: Recording) -> None:
    made = recording.start()
    settle(made)
    before = SignedCheckpoint.objects.count()
    write("a")
    recording.seconds += 29
    settle(made)
    assert SignedCheckpoint.objects.count() == before
    recording.seconds += 1
    settle(made)
    assert SignedCheckpoint.objects.count() == before + 1
    row = SignedCheckpoint.objects.latest("id")
    assert parse_checkpoint(row.note) == kept(recording)
    assert kept(recording).size == 2
    assert kept(recording).said("time").startswith("2026-11-21T12:00:30")
    assert kept(recording).signers([key_of(recording.keys.current())])
    assert Anchoring.objects.get(checkpoint=row).anchor == "file:anchor.jsonl"


def test_on_every_hold_at_once(recording: Recording) -> None:
    made = recording.start()
    settle(made)
    with connect() as own:
        own.execute(INSERT_SQL.encode(), entry("firm", action="hold.place"))
    settle(made)
    assert kept(recording).size == 2


def test_a_successor_goes_on_with_the_same_log(recording: Recording) -> None:
    settle(recording.start())
    write("a")
    recording.seconds += 31
    settle(recording.start())
    assert Incarnation.objects.count() == 1
    assert kept(recording).size == 2
    assert recording.check().fitting >= 3
    assert not alarms()


def test_an_edit_by_the_owner_is_never_signed(recording: Recording) -> None:
    made = recording.start()
    with connect() as own:
        write(*range(20), to=own)
    settle(made)
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 5")
    size = kept(recording).size
    recording.seconds += 31
    write("after")
    with capture_logs() as logs:
        settle(made)
        recording.seconds += 31
        settle(made)
    assert [one["log_level"] for one in logs if one["event"] == "audit.alarm"] == ["critical"]
    assert kept(recording).size == size
    assert len(alarms()) == 1
    assert "is not the one placed" in alarms()[0]
    # Placing goes on: who writes the record waits for nobody's key.
    assert rows("SELECT count(*) FROM audit_place") == [(Entry.objects.count(),)]


def test_an_edit_while_nobody_looked_is_not_signed_by_the_next(recording: Recording) -> None:
    made = recording.start()
    with connect() as own:
        write(*range(20), to=own)
    settle(made)
    recording.seconds += 31
    settle(made)
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 5")
    again = recording.start()
    settle(again)
    assert "other entries than the checkpoint" in again.attestor.refused
    assert len(alarms()) == 1


def test_rows_cut_off_by_the_owner_are_an_older_database(recording: Recording) -> None:
    """It cannot be told from a restored one, and is named like one: with what was lost."""
    made = recording.start()
    with connect() as own:
        write(*range(10), to=own)
    settle(made)
    recording.seconds += 31
    settle(made)
    was = kept(recording)
    assert was.size == 11
    lost = (
        "WITH gone AS (DELETE FROM audit_place WHERE index >= 6 RETURNING entry_id)"
        " DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM gone)"
    )
    execute(
        lost, "DELETE FROM audit_anchoring", "DELETE FROM audit_signedcheckpoint WHERE size > 6"
    )
    recording.seconds += 31
    with capture_logs() as logs:
        again = recording.start()
        settle(again)
    assert any(
        one["event"] == "audit.incarnation" and one["log_level"] == "critical" for one in logs
    )
    second = Incarnation.objects.get(number=2)
    note = parse_checkpoint(second.note)
    assert note.restored_from == (was.origin, 11)
    assert (note.size, second.size) == (6, 6)
    assert second.origin != was.origin
    assert kept(recording).origin == second.origin
    finding = recording.check()
    assert finding.whole, finding
    assert list(finding.lost) == [f"entries 6 to 10 of {was.origin}"]
    begun = Entry.objects.get(action="audit.incarnation", object_id=second.origin)
    said = json.loads(bytes(begun.body))
    assert said["before"] == {"origin": was.origin, "size": 11}


def test_an_empty_database_beside_an_old_anchor(recording: Recording) -> None:
    settle(recording.start())
    was = kept(recording)
    execute(
        "DELETE FROM audit_anchoring", "DELETE FROM audit_signedcheckpoint",
        "DELETE FROM audit_incarnation", "DELETE FROM audit_place", "DELETE FROM audit_entry",
    )  # fmt: skip
    recording.seconds += 31
    settle(recording.start())
    assert parse_checkpoint(Incarnation.objects.get().note).restored_from == (was.origin, was.size)


def test_a_new_key_is_signed_in_by_the_old_one(recording: Recording) -> None:
    made = recording.start()
    settle(made)
    old = recording.keys.current()
    new = recording.keys.make()
    recording.seconds += 31
    settle(made)
    recording.seconds += 1
    settle(made)
    both = kept(recording)
    assert {one.id for one in both.signers(recording.keys.known())} == {old.key_id, new.key_id}
    change = Entry.objects.get(action="audit.key-change")
    assert json.loads(bytes(change.body))["after"]["public_pem"] == new.public_pem
    recording.seconds += 31
    settle(made)
    [only] = kept(recording).signers(recording.keys.known())
    assert only.id == new.key_id
    assert recording.check().whole
    assert Entry.objects.filter(action="audit.key-change").count() == 1


def test_an_anchor_by_a_strange_key_is_not_gone_on_from(recording: Recording) -> None:
    settle(recording.start())
    other = checkpoint_sign(
        origin=kept(recording).origin, size=99, root=bytes(32), chain=bytes(32),
        now=recording.now(), signers=[new_signer()],
    )  # fmt: skip
    recording.anchor.keep(other, lambda _: ())
    again = recording.start()
    settle(again)
    assert "no key of ours" in again.attestor.refused


def test_an_anchor_that_cannot_be_written_alarms_once(recording: Recording) -> None:
    made = recording.start()
    settle(made)
    blocked = recording.home / "folder"
    blocked.mkdir()
    made.attestor.files = [FileAnchor(blocked)]
    for _ in range(3):
        recording.seconds += 31
        settle(made)
    assert len(alarms()) == 1
    assert "is not kept" in alarms()[0]
    assert SignedCheckpoint.objects.count() >= 4


def test_without_a_key_nothing_is_signed_and_everything_is_placed(recording: Recording) -> None:
    (recording.home / "keys").mkdir()
    (recording.home / "keys" / "s000001.pem").write_text("no key")
    made = recording.start()
    write("a")
    settle(made)
    assert "no key to sign with" in alarms()[0]
    assert not SignedCheckpoint.objects.exists()
    assert rows("SELECT count(*) FROM audit_place") == [(2,)]


# --- What the nightly check finds -----------------------------------------------------------------


@pytest.fixture
def record(recording: Recording) -> Recording:
    """Twenty entries, signed at 11 and at 21."""
    made = recording.start()
    for half in (range(10), range(10, 20)):
        with connect() as own:
            write(*half, to=own)
        settle(made)
        recording.seconds += 31
        settle(made)
    assert recording.check().whole
    return recording


@pytest.mark.parametrize(
    ("statements", "first", "why"),
    [
        (["UPDATE audit_entry SET body = body || ' ' WHERE id = {7}"], 7, "the chain"),
        (["UPDATE audit_entry SET actor = 'eve' WHERE id = {7}"], 7, "column actor"),
        (["UPDATE audit_entry SET outcome = 'denied' WHERE id = {7}"], 7, "column outcome"),
        (["UPDATE audit_entry SET happened_at = now() WHERE id = {7}"], 7, "column happened_at"),
        (["UPDATE audit_entry SET recorded_at = now() WHERE id = {7}"], 7, "the chain"),
        (["UPDATE audit_place SET leaf = sha256('x') WHERE index = 7"], 7, "leaf"),
        (["UPDATE audit_place SET chain = sha256('x') WHERE index = 7"], 7, "the chain"),
        (["DELETE FROM audit_entry WHERE id = {7}"], 7, "was removed"),
        (["DELETE FROM audit_place WHERE index = 7"], 7, "no place"),
        (["DELETE FROM audit_place WHERE index >= 7"], 7, "no place"),
        (["UPDATE audit_place SET index = 100 WHERE index = 7",
          "UPDATE audit_place SET index = 7 WHERE index = 8",
          "UPDATE audit_place SET index = 8 WHERE index = 100"], 7, "the chain"),
        (["UPDATE audit_signedcheckpoint SET size = 3 WHERE size = 11"], None, "another size"),
        (["UPDATE audit_signedcheckpoint SET note = replace(note, 'T12', 'T13')"], None,
         "is wrong"),
        (["DELETE FROM audit_signedcheckpoint WHERE size > 11"], 11, "cut off"),
        (["DELETE FROM audit_signedcheckpoint"], None, "nothing was signed"),
    ],
)  # fmt: skip
def test_the_owners_edits_are_found(
    record: Recording, statements: list[str], first: int | None, why: str
) -> None:
    [(ident,)] = rows("SELECT entry_id FROM audit_place WHERE index = 7")
    execute(*(one.replace("{7}", f"'{ident}'") for one in statements))
    finding = record.check()
    assert not finding.whole
    assert finding.first_bad == first
    assert why in finding.why


def test_a_record_written_anew_with_a_new_chain_is_found(record: Recording) -> None:
    """Everything in the database agrees; what was signed does not."""
    [(ident,)] = rows("SELECT entry_id FROM audit_place WHERE index = 14")
    execute(
        f"UPDATE audit_entry SET reason = 'another', body = replace(convert_from(body, 'UTF8'),"
        f" 'as a test wants it', 'another')::bytea WHERE id = '{ident}'",
        "DELETE FROM audit_place WHERE index >= 14",
    )
    with connect() as own:
        store = PlaceStore(own)
        store.place(store.state(), store.unplaced(0, 100))
    finding = record.check()
    assert (finding.first_bad, finding.last_bad) == (11, 20)
    assert "other entries were signed" in finding.why


def test_an_entry_put_past_the_sequencer_is_found(record: Recording) -> None:
    write("hidden")
    execute(
        "UPDATE audit_entry SET xid = 0, recorded_at = now() - interval '1 hour'"
        " WHERE object_id = 'hidden'"
    )
    assert "wait for their place" in record.check().why


def test_a_cut_anchor_file_is_no_harm_and_a_changed_one_is_found(record: Recording) -> None:
    data = record.anchor.path.read_bytes()
    record.anchor.path.write_bytes(data[: data.index(b"\n") + 1])
    assert record.check().whole
    record.anchor.path.write_bytes(data.replace(b"\\n21\\n", b"\\n20\\n"))
    assert not record.check().whole
    record.anchor.path.unlink()
    assert "is not there" in record.check().why


def test_progress_is_told(record: Recording) -> None:
    told: list[tuple[int, int]] = []
    record.check(lambda done, total: told.append((done, total)))
    assert told[-1] == (21, 21)
