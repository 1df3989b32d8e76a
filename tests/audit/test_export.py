"""Exports: what the verifier says of them in another folder, and that each is itself recorded."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from structlog.testing import capture_logs

from audit import choosing
from audit.choosing import Choice, choice_of, choice_of_story
from audit.export import Export, ExportError, Who
from audit.forms import Csv, Form, JsonLines
from audit.models import Entry, Verification
from audit.places import PlaceStore
from audit.reading import entries_read
from audit.record import INSERT_SQL, entry_row, record
from audit.search import Search
from audit.standing import record_standing, record_verify
from audit.verifier import verify_export
from tests.audit.recording import Recording, connect, entry, execute, rows, settle, write
from trading.clock import utc_now
from workers.schedule import SCHEDULE
from workers.tasks import audit_verify

pytestmark = pytest.mark.django_db(transaction=True)
WHO = Who("person", "ada.nwosu", request_id="r-1")


@pytest.fixture
def recording(tmp_path: Path, settings: Settings) -> Iterator[Recording]:
    """Thirty entries, all of them signed."""
    made = Recording(tmp_path)
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    settings.AUDIT_ANCHORS = [str(made.anchor.path)]
    made.now = utc_now  # type: ignore[method-assign]
    running = made.start()
    settle(running)
    with connect() as own:
        write(*range(30), to=own)
    settle(running)
    made.seconds += 31
    settle(running)
    yield made
    made.close()


def export(search: Search, form: Form | None = None) -> list[bytes]:
    return given(choice_of(search), form or JsonLines())


def given(choice: Choice, form: Form) -> list[bytes]:
    with connect() as own:
        return list(Export(PlaceStore(own), WHO, choice, form).lines())


def body(action: str) -> dict[str, Any]:
    return dict(json.loads(bytes(Entry.objects.get(action=action).body)))


def test_the_whole_record(recording: Recording) -> None:
    lines = export(Search())
    found = verify_export(lines, recording.keys.trust(), [])
    assert (found.entries, found.complete) == (31, True)
    assert found.header["exported_by"] == "ada.nwosu"


def test_what_is_chosen_has_proofs(recording: Recording) -> None:
    lines = export(Search(object_kind="limit", object_id="7", actors=frozenset({"ada.nwosu"})))
    found = verify_export(lines, recording.keys.trust(), [])
    assert (found.entries, found.complete) == (1, False)
    assert found.header["filter"] == {"object": "limit:7", "actor": "ada.nwosu"}
    assert json.loads(lines[1])["body"]["object_id"] == "7"
    assert len(json.loads(lines[1])["proof"]) == 5
    assert verify_export(export(Search(action="no.such")), recording.keys.trust(), []).entries == 0


def test_an_export_is_itself_recorded(recording: Recording) -> None:
    lines = export(Search(object_kind="limit", object_id="7"))
    began, ended = body("audit.export"), body("audit.export-end")
    assert began["actor"] == "ada.nwosu"
    assert began["request_id"] == "r-1"
    assert began["after"]["filter"] == {"object": "limit:7"}
    assert ended["outcome"] == "done"
    assert ended["after"]["entries"] == 1
    assert f'"sha256":"{ended["after"]["sha256"]}"'.encode() in lines[-1]


def test_one_that_is_broken_off_is_recorded_as_such(recording: Recording) -> None:
    with connect() as own:
        lines = Export(PlaceStore(own), WHO, Choice(), JsonLines()).lines()
        next(lines)
        next(lines)
        lines.close()  # type: ignore[attr-defined]
    assert body("audit.export-end")["outcome"] == "failed"


def test_csv_for_people(recording: Recording) -> None:
    formula = entry("=HYPERLINK(1)")
    with connect() as own:
        own.execute(INSERT_SQL.encode(), formula)
    running = recording.start()
    settle(running)
    recording.seconds += 31
    settle(running)
    first, *rest = b"".join(export(Search(), Csv())).decode().split("\n")
    assert first.startswith("# audit export by ada.nwosu at ")
    read = list(csv.DictReader(io.StringIO("\n".join(rest))))
    assert len(read) == rows("SELECT max(size) FROM audit_signedcheckpoint")[0][0]
    assert read[1]["actor"] == "ada.nwosu"
    assert [one["object_id"] for one in read if "HYPER" in one["object_id"]] == ["'=HYPERLINK(1)"]


def test_nothing_is_exported_before_anything_is_signed() -> None:
    with pytest.raises(ExportError, match="nothing was signed"):
        export(Search())


def test_an_auditor_in_another_folder(recording: Recording, tmp_path: Path) -> None:
    """With what the command lays out, and a checkpoint kept earlier, and nothing else."""
    folder = tmp_path / "auditor"
    folder.mkdir()
    (folder / "kept.jsonl").write_bytes(recording.anchor.path.read_bytes())
    call_command("audit_export", to=folder / "export.jsonl", verifier=folder)

    def run() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "verifier.py", "export.jsonl", "--key", "audit.pem",
             "--checkpoint", "kept.jsonl"],
            cwd=folder, env={}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    code, said = run()
    assert code == 0, said
    assert said.startswith("whole: 31 entries")
    # The database's superuser, with triggers off, and an export of what they made of it.
    [(ident,)] = rows("SELECT entry_id FROM audit_place WHERE index = 12")
    execute(f"UPDATE audit_entry SET body = body || ' ' WHERE id = '{ident}'")
    call_command("audit_export", to=folder / "export.jsonl", verifier=folder)
    code, said = run()
    assert code == 1
    assert said.startswith("NOT WHOLE: first bad index 12")


def test_a_wrong_option_is_refused_by_its_name() -> None:
    with pytest.raises(CommandError, match=r"--before: .* It may be a time as 2026-11-26T15:04:05"):
        call_command("audit_export", "--before", "yesterday")


# --- One choice -----------------------------------------------------------------------------------

SEARCHES = {
    "text": Search(text="own fills"),
    "a group and denials": Search(groups=frozenset({"holds", "denials"})),
    "people": Search(actors=frozenset({"mercy.okafor", "gateway"})),
    "nobody": Search(actors=frozenset(), role="sre"),
    "kind": Search(actor_kind="process"),
    "strategy": Search(on_behalf_of="mom 100%", outcome="denied"),
    "object": Search(object_kind="hold"),
    "request": Search(request="click-1"),
    "what an administrator reads": Search(families=frozenset({"access"})),
}


@pytest.mark.parametrize("few", [50_000, 0], ids=["by their places", "on the way"])
def test_an_export_is_of_what_the_page_shows(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Every search both ways, in one record; walked to in slices that it does not end with."""
    monkeypatch.setattr(choosing, "FEW", few)
    monkeypatch.setattr(choosing, "SLICE", 7)
    several(recording)
    begun = Entry.objects.get(object_id="9").recorded_at
    asked = {
        **SEARCHES,
        "a time": Search(since=begun, until=Entry.objects.latest("recorded_at").recorded_at),
    }
    for name, search in asked.items():
        lines = export(search)
        page = entries_read(search, limit=1000).entries
        shown = {str(one.id) for one in page if not one.action.startswith("audit.export")}
        ids = [json.loads(one)["body"]["id"] for one in lines[1:-1]]
        assert (len(ids), set(ids)) == (len(shown), shown), name
        assert bool(ids) == (name != "nobody"), name
        found = verify_export(lines, recording.keys.trust(), [])
        assert (found.complete, found.header["filter"]) == (False, search.stated), name


def several(recording: Recording) -> None:
    facts: list[dict[str, Any]] = [
        {"action": "hold.place", "object_kind": "hold", "object_id": "h", "request_id": "click-1",
         "reason": "Quoting through own fills"},
        {"action": "order.deny", "actor": "gateway", "actor_kind": "process", "outcome": "denied",
         "object_kind": "order", "object_id": "o", "on_behalf_of": "mom 100%"},
        {"action": "access.deny", "actor": "mercy.okafor", "outcome": "denied",
         "object_kind": "path", "object_id": "/risk"},
    ]  # fmt: skip
    with connect() as own:
        for one in facts:
            said: dict[str, Any] = {
                "actor": "ada.nwosu",
                "actor_kind": "person",
                "happened_at": utc_now(),
                **one,
            }
            own.execute(INSERT_SQL.encode(), entry_row(**said))
    sign(recording)


def sign(recording: Recording) -> None:
    running = recording.start()
    settle(running)
    recording.seconds += 31
    settle(running)


def test_a_story_is_exported_as_it_is(recording: Recording) -> None:
    told = Entry.objects.filter(object_id__in=["3", "4"])
    lines = given(choice_of_story("c-1", [one.id for one in told]), JsonLines())
    found = verify_export(lines, recording.keys.trust(), [])
    assert (found.entries, found.header["filter"]) == (2, {"story": "c-1"})


def test_how_many_come_is_said_before_where_it_is_known(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(search: Search) -> int | None:
        with connect() as own:
            made = Export(PlaceStore(own), WHO, choice_of(search), JsonLines())
            made.begin()
            return made.count

    assert count(Search()) == 31
    assert count(Search(action="limit.change")) == 30
    monkeypatch.setattr(choosing, "FEW", 10)
    assert count(Search(action="limit.change")) is None


# --- The check inside -----------------------------------------------------------------------------


def test_the_command(recording: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit_verify")
    assert "whole: 31 entries" in capsys.readouterr().out
    assert Verification.objects.get().whole
    assert Entry.objects.filter(action="audit.verify", outcome="done").count() == 1
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 5")
    with pytest.raises(SystemExit) as ended:
        call_command("audit_verify", output="json")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["first_bad"] == 5


def test_the_nightly_check_alarms(recording: Recording) -> None:
    assert SCHEDULE["audit-verify"]["task"] == audit_verify.name
    audit_verify()
    assert Verification.objects.get().asked_by == "nightly check"
    [(ident,)] = rows("SELECT entry_id FROM audit_place WHERE index = 12")
    execute(f"UPDATE audit_entry SET actor = 'eve' WHERE id = '{ident}'")
    with capture_logs() as logs:
        audit_verify()
    assert [one["first_bad"] for one in logs if one["log_level"] == "critical"] == [12]
    alarm = Entry.objects.get(action="audit.alarm")
    assert alarm.outcome == "failed"
    assert "column actor" in alarm.reason


def test_the_standing(recording: Recording) -> None:
    now = utc_now()
    found = record_standing(now)
    assert (found.status, found.why, found.waiting) == ("whole", "", 0)
    assert found.checkpoint is not None
    assert found.checkpoint.size == 31
    assert [(one.anchor, one.size) for one in found.kept] == [("file:anchor.jsonl", 31)]
    assert found.public_pem == recording.keys.current().public_pem
    write("waits")
    assert record_standing(now).waiting == 1
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 5")
    found = record_standing(now)
    assert found.status == "not-whole"
    assert "not that of the newest" in found.why


def test_the_standing_when_nothing_was_signed_or_not_for_long(recording: Recording) -> None:
    later = utc_now().replace(year=2099)
    assert record_standing(later).status == "unknown"
    execute("DELETE FROM audit_anchoring", "DELETE FROM audit_signedcheckpoint")
    found = record_standing(later)
    assert (found.status, found.checkpoint) == ("unknown", None)
    assert "nothing was signed" in found.why


def test_the_standing_where_no_key_is(recording: Recording, settings: Settings) -> None:
    settings.AUDIT_KEYS_FOLDER = recording.home / "none"
    found = record_standing(utc_now())
    assert (found.status, found.key_id) == ("unknown", "")
    assert "no public key" in found.why


def test_what_a_check_found_stays_in_the_standing(recording: Recording) -> None:
    execute("UPDATE audit_entry SET actor = 'eve' WHERE object_id = '3'")
    record_verify(actor="a test", actor_kind="process")
    found = record_standing(utc_now())
    assert found.status == "not-whole"
    assert "column actor" in found.why


def test_an_alarm_stands_until_the_next_check_finds_all_whole(recording: Recording) -> None:
    assert record_standing(utc_now()).alarm is None
    record(action="audit.alarm", actor_kind="process", actor="sequencer", object_kind="record",
           object_id="r", reason="a checkpoint is not kept", outcome="failed")  # fmt: skip
    found = record_standing(utc_now()).alarm
    assert found is not None
    assert found.reason == "a checkpoint is not kept"
    sign(recording)
    record_verify(actor="a test", actor_kind="process")
    assert record_standing(utc_now()).alarm is None


def test_keys_are_shown_and_made(recording: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    before = recording.keys.current()
    call_command("audit_key", new=True)
    said = capsys.readouterr().out
    assert said.index(before.key_id) < said.index(recording.keys.current().key_id)
    assert said.count("BEGIN PUBLIC KEY") == 2
    assert "PRIVATE" not in said
