"""The record by REST: how it stands, and exports that the verifier takes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import Entry
from audit.verifier import verify_export
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


def test_a_choice_has_proofs(recording: Recording, browser: Browsers) -> None:
    answer = browser("risk").get("/api/audit/export?action=limit.change&object_id=7")
    found = verify_export(streamed(answer), recording.keys.trust(), [])
    assert (found.entries, found.complete) == (1, False)


def test_csv(recording: Recording, browser: Browsers) -> None:
    lines = streamed(browser("compliance").get("/api/audit/export?form=csv&object_id=7"))
    assert lines[0].startswith(b"# audit export by compliance.person")
    assert len(lines) == 3


@pytest.mark.parametrize("path", ["/api/audit/export", "/api/audit/verify"])
def test_a_trader_is_refused_and_recorded(browser: Browsers, path: str) -> None:
    answer = browser("trader").get(path)
    assert answer.status_code == 403
    assert answer.json()["code"] == "record-not-your-role"
    assert Entry.objects.filter(action="access.deny", reason="record-not-your-role").exists()


@pytest.mark.parametrize(
    ("query", "field"),
    [("since=yesterday", "since"), ("form=pdf", "form"), ("outcome=x", "outcome"),
     ("actor=%00", "actor"), ("who=x", "who")],
)  # fmt: skip
def test_a_wrong_query_names_its_field(browser: Browsers, query: str, field: str) -> None:
    answer = browser("compliance").get(f"/api/audit/export?{query}")
    assert answer.status_code == 400
    assert answer.json()["field"] == field
