"""The record's page in a browser: readable in both themes and on a phone; its newest end lives."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from audit.models import Entry
from audit.record import INSERT_MANY_SQL, entries_values, record
from audit.verifier import verify_export
from console.access.roles import roles_reconcile
from riskctl.actors import system_actor
from tests.audit.entries import new_entry
from tests.audit.recording import Recording, connect, entry, settle
from tests.pages.conftest import _person
from tests.pages.web import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOLD = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"
FIRST = ".entry .entry-head"


@pytest.fixture
def ruth(db: None, mercy: User) -> User:
    """Compliance; and a record with all that a page shows."""
    roles_reconcile(actor=system_actor("desk start"))
    made = _person("ruth.adeyemi", "Ruth", "Adeyemi", "compliance")
    new_entry("hold.place", 2, object_kind="hold", object_id=HOLD, correlation_id=HOLD,
              reason="a reason of a length that no column holds " * 6, request_id="click-1",
              after={"scope": "strategy:mom-eurusd", "kind": "kill"})  # fmt: skip
    new_entry("hold.lift", 3, object_kind="hold", object_id=HOLD, correlation_id=HOLD,
              before={"mode": "HALTED", "scope": "strategy:mom-eurusd"},
              after={"mode": "ACTIVE", "scope": "strategy:mom-eurusd", "rungs": {}})  # fmt: skip
    new_entry("access.deny", 4, outcome="denied", object_kind="path", object_id="/risk/" + "x" * 90)
    new_entry("trigger.breach", 5, actor_kind="trigger", actor="loss", outcome="failed",
              object_kind="scope", object_id="firm")  # fmt: skip
    return made


def lift(page: Visitor) -> str:
    """The address of the page with the lift open beside what is shown."""
    href = page.attribute(".entry:has(b:text-is('Hold lifted')) a", "href")
    assert href
    return href


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_readable(visit_as: Callable[[User], Visit], ruth: User, theme: str) -> None:
    visit = visit_as(ruth)
    page = visit("/audit", theme=theme)
    page.wait_for_state("live")
    assert page.violations() == []
    opened = visit(lift(page), theme=theme)
    opened.wait_for_state("live")
    assert opened.count(".audit-diff .was") == 1
    assert opened.violations() == []
    story = visit(f"/audit?story={HOLD}", theme=theme)
    assert story.violations() == []
    wrong = visit("/audit?what=none", theme=theme)
    assert wrong.violations() == []
    assert page.complaints == opened.complaints == story.complaints == []


def test_it_fits_a_phone(visit_as: Callable[[User], Visit], ruth: User) -> None:
    visit = visit_as(ruth)
    page = visit("/audit", width=390, height=844)
    page.wait_for_state("live")
    assert page.sideways() == 0
    assert page.violations() == []
    for path in (lift(page), f"/audit?story={HOLD}"):
        other = visit(path, width=390, height=844)
        assert other.sideways() == 0
        assert other.violations() == []


def new(reason: str) -> None:
    record(action="limit.raise", actor_kind="person", actor="ada.nwosu", object_kind="limit",
           object_id=reason, happened_at=dt.datetime.now(dt.UTC))  # fmt: skip


def shows(text: str) -> str:
    return f"document.getElementById('list').innerText.includes('{text}')"


def test_new_entries_appear_until_it_is_paused(
    visit_as: Callable[[User], Visit], ruth: User
) -> None:
    page = visit_as(ruth)("/audit")
    page.wait("!document.getElementById('tail').hidden")
    new("entry-one")
    page.wait(shows("entry-one"))
    assert "entry-one" in page.text(FIRST)
    assert page.text("#tail-word") == "Live"
    page.press_button("Pause")
    assert page.text("#tail-word") == "Paused"
    new("entry-two")
    page.pause(4.5)  # two looks
    assert not page.evaluate(shows("entry-two"))
    page.press_button("Go on")
    page.wait(shows("entry-two"))
    assert page.complaints == []


def test_nothing_is_pulled_from_under_who_reads(
    visit_as: Callable[[User], Visit], ruth: User
) -> None:
    page = visit_as(ruth)("/audit")
    page.wait("!document.getElementById('tail').hidden")
    page.press_key("j")
    page.wait("document.activeElement.closest('.entry') !== null")
    new("entry-three")
    page.wait("document.getElementById('tail-word').textContent.startsWith('Newer wait')")
    assert not page.evaluate(shows("entry-three"))
    page.press_key("/")
    page.wait("document.activeElement.id === 'q'")
    page.wait(shows("entry-three"))


def test_the_list_stays_where_it_was_when_an_entry_opens(
    visit_as: Callable[[User], Visit], ruth: User
) -> None:
    for number in range(45):
        new_entry("limit.raise", 10 + number)
    page = visit_as(ruth)("/audit?actor=ada.nwosu")
    page.wait_for_state("live")
    page.evaluate("scrollTo(0, 700)")
    page.do(lambda one: one.locator(".entry a").nth(25).click())
    page.wait_for_address("**entry=**")
    page.wait("scrollY > 600")
    assert page.evaluate("document.getElementById('entry-head').getBoundingClientRect().y") < 300
    assert page.violations() == []


def test_a_search_is_not_live(visit_as: Callable[[User], Visit], ruth: User) -> None:
    page = visit_as(ruth)("/audit?outcome=denied")
    page.wait_for_state("live")
    assert page.count("#tail") == 0
    assert page.count(".entry") == 1


@pytest.mark.parametrize("script", [True, False])
def test_it_is_searched_read_and_kept_with_and_without_script(
    visit_as: Callable[[User], Visit], ruth: User, script: bool
) -> None:
    page = visit_as(ruth)("/audit", script=script)
    page.do(lambda one: one.get_by_label("Holds and lifts").check())
    page.do(lambda one: one.get_by_label("Name", exact=True).fill("ada.nwosu"))
    page.press_button("Search")
    page.wait_for_address("**what=holds**")
    assert page.count(".entry") == 2
    assert page.do(lambda one: one.get_by_label("Holds and lifts").is_checked())
    page.do(lambda one: one.locator(".entry a").first.click())
    page.wait_for_address("**entry=**")
    assert "Hold lifted" in page.text(".audit-entry h2")
    assert page.text(".audit-diff del") == "HALTED"
    assert page.text(".audit-diff ins") == "ACTIVE"
    page.do(lambda one: one.get_by_label("Keep this one as").fill("Ada’s holds"))
    page.press_button("Keep view")
    page.wait_for_address("**/audit?what=holds&actor=ada.nwosu")
    assert page.text(".audit-views li a") == "Ada’s holds"
    page.press_button("Delete the view Ada’s holds")
    page.wait_for_address("**/audit")
    assert page.count(".audit-views li a") == 0
    page.do(lambda one: one.locator(".entry a").first.click())
    page.wait_for_address("**entry=**")
    page.do(lambda one: one.get_by_role("link", name="Close").click())
    page.wait_for_address("**/audit")


# Exports -----------------------------------------------------------------------------------------

MANY = 12_000


def signed(recording: Recording, count: int) -> None:
    """``count`` entries of Ada's, placed and signed with all that is there."""
    values = entries_values([entry(number, "limit.raise") for number in range(count)])
    with connect() as own:
        own.execute(INSERT_MANY_SQL.encode(), values)
        own.execute("ANALYZE audit_entry")  # plans go by what earlier tests left, else
    running = recording.start()
    settle(running)
    recording.seconds += 31
    settle(running)


def exported(page: Visitor, words: str) -> bytes:
    def taken(at: Page) -> bytes:
        with at.expect_download(timeout=30_000) as download:
            at.get_by_role("link", name=words).click()
        return Path(download.value.path()).read_bytes()

    return page.do(taken)


def says(text: str) -> str:
    return f"document.getElementById('export-said').textContent.includes('{text}')"


def test_what_is_searched_is_exported_with_progress_and_can_be_broken_off(
    visit_as: Callable[[User], Visit], ruth: User, tmp_path: Path
) -> None:
    recording = Recording(tmp_path)
    signed(recording, MANY)
    visit = visit_as(ruth)
    page = visit("/audit?what=holds&actor=ada.nwosu")
    page.press_key("x")
    page.wait("document.activeElement.textContent === 'With proofs'")
    found = verify_export(
        exported(page, "With proofs").splitlines(keepends=True), recording.keys.trust(), []
    )
    assert found.entries == 2
    assert found.header["filter"] == {"actor": "ada.nwosu", "what": "holds"}
    page.wait(says("Exported: 2 entries, "))
    assert exported(page, "PDF").startswith(b"%PDF")
    page.wait(says("Exported: "))
    many = visit("/audit?action=limit.raise")
    many.do(over_a_slow_line)
    many.do(lambda at: at.get_by_role("link", name="With proofs").click())
    # How many they are is told where it is counted in time.
    said = "document.getElementById('export-said').textContent"
    many.wait(f"/ of {MANY:,} entries|% looked through/.test({said})", 60)
    many.press_button("Cancel")
    many.wait(says("Cancelled after "))
    assert many.count("#export-cancel:not([hidden])") == 0
    end = time.monotonic() + 30
    while ended() != ["done", "done", "failed"]:
        assert time.monotonic() < end, ended()
        many.pause(0.04)
    many.do(lambda at: at.get_by_role("link", name="PDF").click())
    many.wait(f"{said}.startsWith('Not exported. ')", 60)
    assert "entries, and a pdf has 2,000 at most." in many.evaluate(said)
    recording.close()


def over_a_slow_line(page: Page) -> None:
    """So that what goes on can be seen, however quick the machine is: a megabyte a second."""
    line = {"offline": False, "latency": 0, "downloadThroughput": 1e6, "uploadThroughput": 1e6}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)


def ended() -> list[str]:
    rows_ = Entry.objects.filter(action="audit.export-end").order_by("recorded_at")
    return list(rows_.values_list("outcome", flat=True))
