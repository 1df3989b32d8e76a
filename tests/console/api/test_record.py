"""The record by REST: how it stands, and exports that the verifier takes."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import Entry
from audit.record import INSERT_SQL, entry_row, record
from audit.verifier import (
    check_inclusion,
    decode64,
    encode64,
    entry_leaf,
    parse_checkpoint,
    verify_export,
)
from console.access.roles import roles_reconcile
from riskctl.actors import system_actor
from tests.audit.recording import Recording, connect, execute, settle, write
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import person
from trading.clock import utc_now

pytestmark = pytest.mark.django_db(transaction=True)
Browsers = Callable[[str], Client]


@pytest.fixture
def recording(tmp_path: Path, settings: Settings) -> Iterator[Recording]:
    """Thirty entries and whatever else, all of it signed by ``sign``."""
    made = Recording(tmp_path)
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    settings.AUDIT_ANCHORS = [str(made.anchor.path)]
    made.now = utc_now  # type: ignore[method-assign]
    sign(made)
    with connect() as own:
        write(*range(30), to=own)
    sign(made)
    yield made
    made.close()


def sign(recording: Recording) -> None:
    running = recording.start()
    settle(running)
    recording.seconds += 31
    settle(running)


@pytest.fixture
def browser(db: None) -> Browsers:
    roles_reconcile(actor=system_actor("desk start"))

    def of(role: str) -> Client:
        return with_both_factors(
            Client(raise_request_exception=False), person(f"{role}.person", role)
        )

    return of


def streamed(answer: Any) -> list[bytes]:
    assert answer.status_code == 200, answer.content
    return b"".join(answer).splitlines(keepends=True)


def test_it_says_whether_the_record_is_whole(recording: Recording, browser: Browsers) -> None:
    said = browser("compliance").get("/api/audit/verify").json()
    assert said["status"] == "whole"
    assert said["size"] >= 31
    assert said["checkpoint"].splitlines()[1] == str(said["size"])
    assert said["anchors"][0]["anchor"] == "file:anchor.jsonl"
    assert said["verification"] is None
    assert (said["checked_since"], said["checked_to"]) == (0, said["size"])
    assert said["compared_at"]
    assert "BEGIN PUBLIC KEY" in said["public_key"]
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 5")
    said = browser("risk").get("/api/audit/verify").json()
    assert said["status"] == "not-whole"
    assert "stored tree" in said["why"]


def test_nothing_was_signed(browser: Browsers, tmp_path: Path, settings: Settings) -> None:
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    ruth = browser("compliance")
    said = ruth.get("/api/audit/verify").json()
    assert (said["status"], said["checkpoint"], said["size"]) == ("unknown", None, None)
    answer = ruth.get("/api/audit/export")
    assert answer.status_code == 409
    assert answer.json()["code"] == "record-unsigned"


def test_an_export_is_verified(recording: Recording, browser: Browsers) -> None:
    answer = browser("compliance").get("/api/audit/export")
    assert answer["Content-Type"] == "application/jsonl"
    assert "audit.jsonl" in answer["Content-Disposition"]
    found = verify_export(streamed(answer), recording.keys.trust(), [])
    assert found.complete
    assert found.header["exported_by"] == "compliance.person"
    began = json.loads(bytes(Entry.objects.get(action="audit.export").body))
    assert began["actor"] == "compliance.person"
    assert began["request_id"]
    assert Entry.objects.get(action="audit.export-end").outcome == "done"


def test_a_choice_has_proofs_and_says_how_many_come(
    recording: Recording, browser: Browsers
) -> None:
    answer = browser("risk").get("/api/audit/export?action=limit.change&object=limit:7")
    assert answer["Haltline-Entries"] == "1"
    assert int(answer["Haltline-Tree-Size"]) >= 31
    found = verify_export(streamed(answer), recording.keys.trust(), [])
    assert (found.entries, found.complete) == (1, False)
    assert found.header["filter"] == {"action": "limit.change", "object": "limit:7"}


def test_a_story_is_exported(recording: Recording, browser: Browsers) -> None:
    with connect() as own:
        own.execute(INSERT_SQL.encode(), entry_row(
            action="hold.place", actor_kind="person", actor="ada.nwosu", object_kind="hold",
            object_id="h-1", happened_at=utc_now(), correlation_id="h-1",
        ))  # fmt: skip
    sign(recording)
    risk = browser("risk")
    found = verify_export(
        streamed(risk.get("/api/audit/export?story=h-1")), recording.keys.trust(), []
    )
    assert (found.entries, found.header["filter"]) == (1, {"story": "h-1"})
    answer = risk.get("/api/audit/export?story=h-1&outcome=done")
    assert (answer.status_code, answer.json()["field"]) == (400, "story")


def test_for_people(
    recording: Recording, browser: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth = browser("compliance")
    lines = streamed(ruth.get("/api/audit/export?form=csv&object=limit:7"))
    assert lines[0].startswith(b"# audit export by compliance.person")
    assert len(lines) == 3
    answer = ruth.get("/api/audit/export?form=pdf&object=limit:7")
    assert answer["Content-Type"] == "application/pdf"
    document = b"".join(streamed(answer))
    ended = [json.loads(bytes(one.body))["after"]
             for one in Entry.objects.filter(action="audit.export-end")]  # fmt: skip
    assert {"form": "pdf", "entries": 1, "sha256": sha256(document).hexdigest()}.items() <= (
        ended[-1].items()
    )
    assert document.startswith(b"%PDF")
    monkeypatch.setattr("console.api.audit_export.PDF_MOST", 29)
    answer = ruth.get("/api/audit/export?form=pdf&action=limit.change")
    assert (answer.status_code, answer.json()["code"]) == (409, "export-too-long")
    assert "30 entries, and a pdf has 29 at most. Narrow it" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/audit/export", "/api/audit/verify"])
def test_a_trader_is_refused_and_recorded(browser: Browsers, path: str) -> None:
    answer = browser("trader").get(path)
    assert answer.status_code == 403
    assert answer.json()["code"] == "record-not-yours"
    assert Entry.objects.filter(action="access.deny", reason="record-not-yours").exists()


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=yesterday", "from"), ("form=xml", "form"), ("outcome=x", "outcome"),
     ("actor=%00", "actor"), ("who=x", "who")],
)  # fmt: skip
def test_a_wrong_query_names_its_field(browser: Browsers, query: str, field: str) -> None:
    answer = browser("compliance").get(f"/api/audit/export?{query}")
    assert answer.status_code == 400
    assert answer.json()["field"] == field


# One entry, and one story -------------------------------------------------------------------------


def test_an_entry_is_proven_by_what_is_answered(recording: Recording, browser: Browsers) -> None:
    """With what the answer has, the public key, and the verifier's functions alone."""
    row = Entry.objects.get(object_kind="limit", object_id="7")
    sre = browser("sre")
    whole = sre.get(f"/api/audit/{row.pk}").json()
    said = sre.get(f"/api/audit/{row.pk}/proof").json()
    assert (said["holds"], said["why"]) == (True, "")
    signed = parse_checkpoint(said["checkpoint"])
    assert signed.signers(recording.keys.known())
    leaf = entry_leaf(said["recorded_at"].encode(), whole["body"].encode())
    assert encode64(leaf) == said["leaf"]
    check_inclusion(
        index=said["index"], size=signed.size, leaf=leaf, root=signed.root,
        proof=[decode64(one) for one in said["proof"]],
    )  # fmt: skip
    assert [one["anchor"] for one in said["anchors"]] == ["file:anchor.jsonl"]
    execute(f"UPDATE audit_entry SET body = body || ' ' WHERE id = '{row.pk}'")
    said = sre.get(f"/api/audit/{row.pk}/proof").json()
    assert (said["holds"], "its bytes" in said["why"]) == (False, True)
    admin = browser("administrator").get(f"/api/audit/{row.pk}/proof")
    assert (admin.status_code, admin.json()["code"]) == (404, "not-found")


def test_a_story_is_told(recording: Recording, browser: Browsers) -> None:
    def new(action: str, kind: str, ident: str, **facts: Any) -> None:
        record(action=action, actor_kind="person", actor="ada.nwosu", object_kind=kind,
               object_id=ident, **facts)  # fmt: skip

    new("hold.place", "hold", "h-1", correlation_id="h-1", after={"scope": "strategy:mom"})
    new("hold.lift", "hold", "h-1", correlation_id="h-1", reason="mended",
        before={"scope": "strategy:mom"}, after={"rungs": {"mom": "ramp"}})  # fmt: skip
    new("fill.book", "fill", "paper-1/9", on_behalf_of="mom", correlation_id="sig-1")
    risk = browser("risk")
    said = risk.get("/api/audit/story/h-1").json()
    assert (said["id"], said["whole"]) == ("h-1", True)
    assert [one["action"] for one in said["entries"]] == ["hold.place", "hold.lift"]
    assert [one["strategy"] for one in said["resumed"]] == ["mom"]
    assert [one["object"] for one in said["followed"]] == ["fill:paper-1/9"]
    by_fill = risk.get("/api/audit/story/paper-1/9").json()
    assert [one["action"] for one in by_fill["entries"]] == ["fill.book"]
    for ident in ("nothing", "%00"):
        answer = risk.get(f"/api/audit/story/{ident}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), ident
    assert browser("administrator").get("/api/audit/story/h-1").status_code == 404
    assert browser("trader").get("/api/audit/story/h-1").json()["code"] == "record-not-yours"
