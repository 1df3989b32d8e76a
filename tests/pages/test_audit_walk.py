"""As a compliance officer, as an auditor elsewhere, and as whoever owns the database.

Who resumed a strategy and why; followed to its fills; the day exported and verified in a folder
with nothing but the verifier; then altered with triggers off, and caught by page, nightly check
and verifier.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis

from audit import verifier
from audit.models import Entry
from audit.record import record
from console.access.roles import roles_reconcile
from riskctl.actors import system_actor
from tests.audit.entries import new_id
from tests.audit.recording import Recording, execute, settle
from tests.pages.conftest import _person, open_session
from trading.clock import utc_now
from workers.tasks import audit_verify

pytestmark = pytest.mark.django_db(transaction=True)

STRATEGY, WHY = "mom-eurusd", "Feed mended, replayed the morning"


@pytest.fixture
def recording(tmp_path: Path, settings: Settings) -> Iterator[Recording]:
    made = Recording(tmp_path)
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    settings.AUDIT_ANCHORS = [str(made.anchor.path)]
    made.now = utc_now  # type: ignore[method-assign]
    yield made
    made.close()


@pytest.fixture
def ruth(recording: Recording, settings: Settings, redis: Redis, books: object) -> Client:
    """The compliance officer, on a desk on which a strategy was killed and came back."""
    roles_reconcile(actor=system_actor("desk start"))
    client = Client()
    user = _person("ruth.adeyemi", "Ruth", "Adeyemi", "compliance")
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
    a_day()
    sign(recording)
    return client


def a_day() -> None:
    hold, asked = new_id(), new_id()
    scope = {"scope": f"strategy:{STRATEGY}", "kind": "kill"}
    new("hold.place", "hold", hold, actor="ada.nwosu", correlation_id=hold, after=scope)
    new("approval.request", "approval", asked, actor="ada.nwosu", correlation_id=asked,
        after={"subject": f"hold:{hold}", "kind": "hold-lift"})  # fmt: skip
    new("hold.lift", "hold", hold, actor="lena.fischer", correlation_id=asked, reason=WHY,
        before=scope, after={"approval": asked, "rungs": {STRATEGY: "ramp"}})  # fmt: skip
    for number in range(3):
        gateway = {"actor": "gateway:paper-1#3", "actor_kind": "process",
                   "on_behalf_of": STRATEGY, "correlation_id": f"sig-{number}"}  # fmt: skip
        new("order.accept", "order", f"paper-1.{number}", **gateway)
        new("fill.book", "fill", f"paper-1/{number}", **gateway,
            after={"side": "buy", "quantity": "10", "symbol": "EURUSD"})  # fmt: skip


def new(action: str, kind: str, ident: str, **facts: Any) -> None:
    record(action=action, object_kind=kind, object_id=ident, **{"actor_kind": "person", **facts})


def sign(recording: Recording) -> None:
    running = recording.started[0] if recording.started else recording.start()
    settle(running)
    recording.seconds += 31
    settle(running)


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def link(html: str, pattern: str) -> str:
    found = re.search(rf'href="([^"]*{pattern}[^"]*)"', html)
    assert found, pattern
    return unescape(found[1])


def words(html: str) -> str:
    main = html[html.index('class="audit-main"') :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def saved(client: Client, path: str, to: Path) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    to.write_bytes(b"".join(answer))


def verified(folder: Path, *more: str) -> tuple[int, str]:
    """Another folder, another Python: the verifier's file, the export, the key."""
    done = subprocess.run(
        [sys.executable, "-I", "verifier.py", "export.jsonl", "--key", "audit.pem", *more],
        cwd=folder, env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_who_resumed_it_and_why_is_found_proven_and_cannot_be_altered(
    ruth: Client, recording: Recording, tmp_path: Path
) -> None:
    # Who resumed it, and why.
    found = read(ruth, "/audit?action=hold.lift")
    assert f"Strategy {STRATEGY}, back on ramp {WHY} lena.fischer" in words(found)
    assert "Verified to entry " in found
    opened = read(ruth, link(found, "entry="))
    for proven in ("Leaf equals the entry", "Follows in the chain", "Included in checkpoint",
                   "Anchored outside"):  # fmt: skip
        assert proven in opened, proven
    assert opened.count('data-state="yes"') == 4

    # Followed to its fills.
    told = words(read(ruth, link(opened, "story=")))
    for there in ("Hold placed", "Approval asked for", "Hold lifted", "Then", "Fill booked"):
        assert there in told, there

    # The day, elsewhere.
    today = read(ruth, link(read(ruth, "/audit"), "from="))
    folder = tmp_path / "auditor"
    folder.mkdir()
    shutil.copy(str(verifier.__file__), folder)
    (folder / "audit.pem").write_text(ruth.get("/api/audit/verify").json()["public_key"])
    (folder / "kept.jsonl").write_bytes(recording.anchor.path.read_bytes())
    saved(ruth, link(today, "export.form=jsonl"), folder / "export.jsonl")
    code, said = verified(folder)
    assert (code, said.partition(":")[0]) == (0, "proven"), said
    saved(ruth, "/api/audit/export", folder / "export.jsonl")
    code, said = verified(folder, "--checkpoint", "kept.jsonl")
    assert (code, said.partition(":")[0]) == (0, "whole"), said

    # Altered, by who owns the database.
    row = Entry.objects.get(action="hold.lift")
    index = row.place.index
    forged = bytes(row.body).replace(WHY.encode(), b"Feed mended, replayed the evenin!")
    execute(
        f"UPDATE audit_entry SET body = '\\x{forged.hex()}', reason = 'forged'"
        f" WHERE id = '{row.pk}'"
    )

    # Caught: by the list, by the entry, by the night, by the page from then on, by the verifier.
    found = read(ruth, "/audit?action=hold.lift")
    assert "NOT AS IT WAS PLACED" in found
    opened = read(ruth, link(found, "entry="))
    assert "Not the entry that was placed" in opened
    assert "The chain is broken here" in opened
    saved(ruth, link(today, "export.form=jsonl"), folder / "export.jsonl")
    code, said = verified(folder)
    assert (code, said.partition(": the")[0]) == (
        1, f"NOT WHOLE: first bad index {index}: not shown to lie in the record"
    )  # fmt: skip
    saved(ruth, "/api/audit/export", folder / "export.jsonl")
    code, said = verified(folder)
    assert (code, said.partition(": the")[0]) == (1, f"NOT WHOLE: first bad index {index}"), said
    audit_verify()
    alarm = Entry.objects.get(action="audit.alarm")
    assert f'"first_bad":{index},' in bytes(alarm.body).decode()
    page = read(ruth, "/audit")
    assert 'data-status="not-whole"' in page
    assert f"not whole from entry {index}" in page


def test_an_entry_says_how_far_it_is_proven(ruth: Client, recording: Recording) -> None:
    new("limit.raise", "limit", "fresh", actor="ada.nwosu")
    fresh = Entry.objects.get(object_id="fresh").pk
    assert "No place yet" in read(ruth, f"/audit?entry={fresh}")
    settle(recording.started[0])
    page = read(ruth, f"/audit?entry={fresh}")
    for there in ("Leaf equals the entry", "Under no checkpoint yet", "Not anchored yet"):
        assert there in page, there
    assert f'href="/api/audit/{fresh}/proof"' in page
    recording.seconds += 31
    settle(recording.started[0])
    assert "Included in checkpoint" in read(ruth, f"/audit?entry={fresh}")
    shown = read(ruth, "/audit?object=limit:fresh")
    place = Entry.objects.get(pk=fresh).place.index
    assert f'title="Its place in the record">{place:,}</span>' in shown
