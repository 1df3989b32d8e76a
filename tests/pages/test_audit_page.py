"""The record's page as the server draws it: who may, the list, a story, an entry, views."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from audit.models import Entry, Verification
from audit.reading import SearchTooWideError
from console.access.roles import roles_reconcile
from console.models import SavedView
from console.pages.auditwords import action_words
from riskctl.actors import system_actor
from riskctl.holds import Kind
from riskctl.models import Approval
from tests.approvals.people import hold as new_hold
from tests.audit.entries import at, new_entry, new_id
from tests.pages.conftest import _person, open_session
from tests.pages.test_review_page import words
from trading.models import Strategy

HOLD = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"
ROLES = {
    "ada.nwosu": "risk", "jonas.lindqvist": "sre", "ruth.adeyemi": "compliance",
    "priya.raman": "administrator", "mercy.okafor": "trader",
}  # fmt: skip
Reader = Callable[..., Any]


@pytest.fixture(autouse=True)
def _record(mercy: User, redis: Redis, books: list[Strategy]) -> None:
    roles_reconcile(actor=system_actor("desk start"))
    new_entry("role.grant", 1, actor="priya.raman", object_kind="user", object_id="mercy.okafor",
              before={"roles": "none", "name": "Mercy"},
              after={"roles": "trader", "name": "Mercy"})  # fmt: skip
    new_entry("hold.place", 2, actor="ada.nwosu", object_kind="hold", object_id=HOLD,
              reason="Quoting <through> own fills", correlation_id=HOLD, request_id="click-1",
              source="10.0.0.7", after={"scope": "strategy:mom-eurusd", "kind": "kill"},
              happened_at=at(1.5))  # fmt: skip
    new_entry("order.deny", 3, actor="gateway:paper-1#3", actor_kind="process", outcome="denied",
              object_kind="order", object_id="paper-1.7", on_behalf_of="mom-eurusd")  # fmt: skip


@pytest.fixture
def reader(settings: Settings) -> Reader:
    """Asks as one of ``ROLES``."""
    clients: dict[str, Client] = {}

    def ask(name: str, path: str, said: dict[str, str] | None = None) -> Any:
        if name not in clients:
            first, last = (part.title() for part in name.split("."))
            known = User.objects.filter(username=name).first()
            user = known or _person(name, first, last, ROLES[name])
            clients[name] = Client()
            clients[name].cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
        if said is not None:
            return clients[name].post(path, said)
        return clients[name].get(path)

    return ask


def main(answer: Any) -> str:
    """What is to be read beside the filters."""
    html = answer.content.decode()
    return words(type("Part", (), {"content": html[html.index('class="audit-main"') :].encode()}))


# Who ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ada.nwosu", "jonas.lindqvist", "ruth.adeyemi"])
def test_risk_sre_and_compliance_read_all_of_it(name: str, reader: Reader) -> None:
    said = main(reader(name, "/audit"))
    assert "Hold placed kill, Strategy mom-eurusd Quoting &lt;through&gt; own fills" in said
    assert "Order denied" in said
    assert "Role granted M. Okafor" in said
    assert 'href="/audit"' in reader(name, "/").content.decode()


def test_administrators_read_what_is_about_people(reader: Reader) -> None:
    answer = reader("priya.raman", "/audit")
    said = main(answer)
    assert "Role granted M. Okafor" in said
    assert "of people, sign-ins, tokens and denials" in said
    for absent in ("Hold placed", "Order denied", HOLD, "through"):
        assert absent not in answer.content.decode()
    shown = words(answer)
    assert "People, factors, tokens" in shown
    assert "Fills" not in shown
    kept = Entry.objects.get(action="hold.place").id
    told = main(reader("priya.raman", f"/audit?entry={kept}"))
    assert "No such entry" in told
    assert "No story" in main(reader("priya.raman", f"/audit?story={HOLD}"))
    assert "Hold placed" not in reader("priya.raman", "/audit/tail").content.decode()


@pytest.mark.parametrize("path", ["/audit", "/audit/tail", f"/audit?story={HOLD}"])
def test_a_trader_is_told_who_reads_it(path: str, reader: Reader) -> None:
    answer = reader("mercy.okafor", path)
    assert answer.status_code == 403
    assert "Risk, SRE and compliance read the record" in answer.content.decode()
    assert "Quoting" not in answer.content.decode()
    assert 'href="/audit"' not in reader("mercy.okafor", "/").content.decode()
    denied = Entry.objects.filter(action="access.deny", actor="mercy.okafor")
    assert [one.reason for one in denied] == ["record-not-yours"]


# The list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "there", "absent"),
    [
        ({"q": "quoting"}, "Hold placed", "Role granted"),
        ({"what": ["holds", "people"]}, "Role granted", "Order denied"),
        ({"what": "denials"}, "Order denied", "Hold placed"),
        ({"actor": "ada.nwosu"}, "Hold placed", "Role granted"),
        ({"actor_kind": "process"}, "Order denied", "Hold placed"),
        ({"role": "risk"}, "Hold placed", "Role granted"),
        ({"object": f"hold:{HOLD}"}, "Hold placed", "Role granted"),
        ({"correlation": HOLD}, "Hold placed", "Role granted"),
        ({"outcome": "denied"}, "Order denied", "Hold placed"),
        ({"on_behalf_of": "mom-eurusd"}, "Order denied", "Hold placed"),
        ({"from": "2026-03-05T12:00:03", "to": "2026-03-05T12:01"}, "Order denied", "Hold placed"),
        ({"to": "2026-03-05T12:00:02"}, "Role granted", "Hold placed"),
    ],
)
def test_the_filter_is_in_the_address(
    reader: Reader, query: dict[str, Any], there: str, absent: str
) -> None:
    """A form sends every field, empty ones as well."""
    whole = {"q": "", "actor": "", "role": "", "from": "", "to": "", "object": "", **query}
    answer = reader("ada.nwosu", f"/audit?{urlencode(whole, doseq=True)}")
    assert answer.status_code == 200
    said = main(answer)
    assert there in said
    assert absent not in said
    html = answer.content.decode()
    for name, value in query.items():
        for one in [value] if isinstance(value, str) else value:
            chosen = re.search(rf'name="{name}"[^>]*value="{re.escape(one)}"', html)
            picked = re.search(rf'value="{re.escape(one)}"[^>]* (?:selected|checked)', html)
            assert chosen or picked, (name, one)
    assert 'id="tail"' not in html


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("what=none", "what"), ("story=%00", "story"), ("object=hold:%00", "object"),
        ("from=yesterday", "from"), ("nonsense=1", "nonsense"), ("object=:", "object"),
        ("cursor=x", "cursor"), ("role=king", "role"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(reader: Reader, query: str, field: str) -> None:
    answer = reader("ada.nwosu", f"/audit?{query}")
    assert answer.status_code == 400
    said = main(answer)
    assert "Not searched." in said
    assert "It may be" in said
    assert "Hold placed" not in said
    assert f"Not searched. {field} :" in said


def test_nothing_found_says_so(reader: Reader) -> None:
    assert "No entry is all of that" in main(reader("ada.nwosu", "/audit?q=nonesuch"))


def test_a_search_that_takes_too_long_says_what_to_do(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        raise SearchTooWideError

    monkeypatch.setattr("console.pages.audit.entries_read", slow)
    answer = reader("ada.nwosu", "/audit?q=x")
    assert answer.status_code == 400
    assert "Narrow it" in main(answer)


def test_older_entries_are_a_page_further_and_the_newest_a_page_back(reader: Reader) -> None:
    for number in range(60):
        new_entry("limit.raise", 10, object_id=f"n{number:02d}", correlation_id="many")
    answer = reader("ada.nwosu", "/audit?correlation=many").content.decode()
    older = re.search(r'href="(/audit\?[^"]+)" rel="next"', answer)
    assert older
    path = older.group(1).replace("&amp;", "&")
    second = reader("ada.nwosu", path).content.decode()
    seen = [re.findall(r"</b> (n\d\d)<", one) for one in (answer, second)]
    assert [len(one) for one in seen] == [50, 10]
    assert len({*seen[0], *seen[1]}) == 60
    assert 'rel="next"' not in second
    assert 'href="/audit?correlation=many">Newest' in second


def test_the_tail_is_the_newest_and_no_page(reader: Reader) -> None:
    page = reader("ada.nwosu", "/audit").content.decode()
    assert 'data-from="/audit/tail"' in page
    new_entry("limit.raise", 90, object_id="fresh")
    part = reader("ada.nwosu", "/audit/tail").content.decode()
    assert "<html" not in part
    assert part.index("fresh") < part.index("Order denied")


# One entry ---------------------------------------------------------------------------------------


def test_an_entry_says_who_when_what_from_where_and_why(reader: Reader) -> None:
    ident = Entry.objects.get(action="hold.place").id
    said = main(reader("ada.nwosu", f"/audit?q=quoting&entry={ident}"))
    for there in (
        "Happened Thu 5 Mar 2026 12:00:01.500000 UTC", "Recorded Thu 5 Mar 2026 12:00:02.000000",
        "Who A. Nwosu, ada.nwosu · person", "What hold.place", f"On hold:{HOLD}",
        "Why Quoting &lt;through&gt; own fills", "From 10.0.0.7", "Request click-1",
        f"Correlation {HOLD}", f"Entry {ident}", "What it says What the entry says kind kill",
    ):  # fmt: skip
        assert there in said.replace("  ", " "), there
    html = reader("ada.nwosu", f"/audit?q=quoting&entry={ident}").content.decode()
    for href in (
        f"/holds/{HOLD}", f"/audit?object=hold%3A{HOLD}", f"/audit?story={HOLD}",
        "/audit?request=click-1", "/audit?actor=ada.nwosu", "/audit?q=quoting",
    ):  # fmt: skip
        assert f'href="{href}"' in html, href
    assert f'href="/audit?q=quoting&amp;entry={ident}" aria-current="true"' in html


def test_a_change_is_shown_beside_what_was(reader: Reader) -> None:
    ident = Entry.objects.get(action="role.grant").id
    html = reader("ada.nwosu", f"/audit?entry={ident}").content.decode()
    part = words(type("Part", (), {"content": html[html.index("audit-diff") :].encode()}))
    assert "− roles before: none + roles after: trader" in part
    assert "name Mercy unchanged" in part
    assert 'href="/people/mercy.okafor"' in html


def test_sre_sees_no_way_to_people(reader: Reader) -> None:
    ident = Entry.objects.get(action="role.grant").id
    html = reader("jonas.lindqvist", f"/audit?entry={ident}").content.decode()
    assert "/people/" not in html


@pytest.mark.parametrize("ident", ["nonsense", "0b5b9f0e-4c0e-4b6e-9b8e-6a1f7c2d3e4f"])
def test_an_entry_that_is_not_there_is_said(reader: Reader, ident: str) -> None:
    answer = reader("ada.nwosu", f"/audit?entry={ident}")
    assert answer.status_code == 200
    assert "No such entry" in main(answer)


# Stories -----------------------------------------------------------------------------------------


def test_a_story_leads_from_the_stop_to_the_fills(reader: Reader) -> None:
    asked = new_id()
    thing = {"object_kind": "hold", "object_id": HOLD}
    new_entry("approval.request", 10, object_kind="approval", object_id=asked, correlation_id=asked,
              after={"subject": f"hold:{HOLD}", "kind": "hold-lift"})  # fmt: skip
    new_entry("hold.lift", 20, correlation_id=asked, reason="mended", **thing,
              before={"scope": "strategy:mom-eurusd", "kind": "kill"},
              after={"approval": asked, "rungs": {"mom-eurusd": "ramp"}})  # fmt: skip
    new_entry("fill.book", 30, actor_kind="process", actor="gateway:paper-1#3", object_kind="fill",
              object_id="paper-1/9", on_behalf_of="mom-eurusd", correlation_id="sig-1",
              after={"side": "buy", "quantity": "10", "symbol": "EURUSD"})  # fmt: skip
    answer = reader("ada.nwosu", f"/audit?story={HOLD}")
    said = main(answer)
    order = ["Story", "3 entries, 18 s, 1 person", "Hold placed", "Approval asked for",
             "Hold lifted kill, Strategy mom-eurusd, back on ramp mended", "Then",
             "Fill booked buy 10 EURUSD", "End of story."]  # fmt: skip
    places = [said.index(one) for one in order]
    assert places == sorted(places)
    html = answer.content.decode()
    assert f'href="/holds/{HOLD}"' in html
    assert f'href="/approvals/{asked}"' in html
    assert (
        "on_behalf_of=mom-eurusd&amp;what=orders%2Cfills&amp;from=2026-03-05T12%3A00%3A20" in html
    )


@pytest.mark.django_db
def test_a_request_that_came_to_nothing_is_found_by_its_own_table(reader: Reader) -> None:
    reader("ada.nwosu", "/audit")
    placed, now = new_hold(Kind.KILL, "strategy:mom-eurusd"), dt.datetime.now(dt.UTC)
    ident = str(placed.id)
    asked = Approval.objects.create(
        id=new_id(), kind="hold-lift", subject=f"hold:{ident}", request={}, asked_in={},
        digest="d" * 64, reason="r", requested_by="ada.nwosu", requester_roles=["risk"],
        requested_at=now, expires_at=now + dt.timedelta(minutes=30),
    )  # fmt: skip
    new_entry("hold.place", 1, object_kind="hold", object_id=ident, correlation_id=ident)
    new_entry("approval.expire", 61, object_kind="approval", object_id=str(asked.id),
              correlation_id=str(asked.id))  # fmt: skip
    said = main(reader("ada.nwosu", f"/audit?story={ident}"))
    assert "Request expired" in said


@pytest.mark.django_db
def test_steps_of_a_hold_are_named_by_where_it_lies(reader: Reader) -> None:
    ident = str(new_hold(Kind.PAUSE, "venue:paper-1").id)
    new_entry("hold.none-open", 30, actor_kind="process", actor="gateway:paper-1#3",
              object_kind="hold", object_id=ident, after={"account": "paper-1"})  # fmt: skip
    said = main(reader("ada.nwosu", "/audit?what=holds"))
    assert "No order open pause, Venue paper-1 paper-1" in said


def test_entries_of_one_transaction_stand_as_they_happened(reader: Reader) -> None:
    for happened in (3, 1, 4, 2, 0):
        new_entry("limit.raise", 40, object_id=f"no-{happened}", happened_at=at(happened))
    said = reader("ada.nwosu", "/audit?action=limit.raise").content.decode()
    assert re.findall(r"</b> no-(\d)<", said) == ["4", "3", "2", "1", "0"]


def test_a_correlation_is_a_list_or_a_story(reader: Reader) -> None:
    as_list = reader("ada.nwosu", f"/audit?correlation={HOLD}").content.decode()
    assert f'href="/audit?story={HOLD}">Story</a>' in as_list
    as_story = reader("ada.nwosu", f"/audit?story={HOLD}").content.decode()
    assert f'href="/audit?correlation={HOLD}">List</a>' in as_story


def test_whom_something_was_done_for_stands_beside_who_did_it(reader: Reader) -> None:
    said = main(reader("ada.nwosu", "/audit?what=orders"))
    assert "gateway:paper-1#3 for mom-eurusd" in said


# Ways there --------------------------------------------------------------------------------------


def test_objects_lead_to_their_history(reader: Reader) -> None:
    held = new_hold(Kind.KILL, "strategy:mom-eurusd")
    reader("ada.nwosu", "/audit")
    for path, href in (
        (f"/holds/{held.id}", f"/audit?object=hold:{held.id}"),
        ("/strategies/mom-eurusd", "/audit?object=strategy:mom-eurusd"),
        ("/people/mercy.okafor", "/audit?object=user:mercy.okafor"),
    ):
        assert f'href="{href}"' in reader("ada.nwosu", path).content.decode(), path
        assert reader("ada.nwosu", href).status_code == 200
    for path in (f"/holds/{held.id}", "/strategies/mom-eurusd"):
        assert "/audit" not in reader("mercy.okafor", path).content.decode()


# Views -------------------------------------------------------------------------------------------


def test_a_view_is_kept_opened_and_deleted(reader: Reader) -> None:
    query = f"what=holds,denials&actor=&entry={new_id()}"
    page = reader("ada.nwosu", f"/audit?{query}").content.decode()
    assert 'name="query" value="what=holds%2Cdenials"' in page
    done = reader("ada.nwosu", "/audit/views", {"name": "Stops", "query": query})
    assert (done.status_code, done["Location"]) == (303, "/audit?what=holds%2Cdenials")
    row = SavedView.objects.get()
    shown = reader("ada.nwosu", "/audit").content.decode()
    assert '<a href="/audit?what=holds%2Cdenials">Stops</a>' in shown
    assert ">Stops</a>" not in reader("ruth.adeyemi", "/audit").content.decode()
    assert reader("ruth.adeyemi", f"/audit/views/{row.pk}/delete", {}).status_code == 303
    assert SavedView.objects.exists()
    assert reader("ada.nwosu", f"/audit/views/{row.pk}/delete", {}).status_code == 303
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(("name", "query"), [("", "q=x"), ("x", "what=none"), ("x" * 61, "q=x")])
def test_what_cannot_be_kept_is_said(reader: Reader, name: str, query: str) -> None:
    answer = reader("ada.nwosu", "/audit/views", {"name": name, "query": query})
    assert answer.status_code == 400
    assert "Not " in main(answer)
    assert not SavedView.objects.exists()


def test_a_trader_keeps_none(reader: Reader) -> None:
    answer = reader("mercy.okafor", "/audit/views", {"name": "x", "query": "q=x"})
    assert answer.status_code == 403
    assert not SavedView.objects.exists()


# Secrets -----------------------------------------------------------------------------------------


def test_no_secret_is_ever_shown(reader: Reader, client: Client) -> None:
    """A password in the field of names is what people type by mistake."""
    client.post("/sign-in", {"username": "hunter2-secret", "password": "hunter3-secret"})
    denied = Entry.objects.get(action="sign-in.password")
    html = reader("ada.nwosu", f"/audit?entry={denied.id}").content.decode()
    assert action_words(denied.action, denied.outcome) in html
    assert "hunter" not in html


# How it stands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "exports"), [("ruth.adeyemi", True), ("jonas.lindqvist", False)])
def test_it_says_that_nothing_is_signed_and_who_may_export(
    name: str, exports: bool, reader: Reader
) -> None:
    """Exports are of what the page shows: all, a search, or a story."""
    html = reader(name, "/audit").content.decode()
    assert 'data-status="unknown"' in html
    assert "Not signed now" in html
    assert "kept nowhere outside the database" in html
    shown = {
        "": "Export all",
        "?outcome=denied&from=2026-03-05T12:00&cursor=": "Export this search",
        f"?story={HOLD}": "Export this story",
    }
    for query, words_ in shown.items():
        html = reader(name, f"/audit{query}").content.decode()
        hrefs = re.findall(r'href="(/api/audit/export[^"]+)"', html)
        assert (words_ in html) == exports
        said = query.strip("?").removesuffix("&cursor=").replace(":", "%3A")
        wanted = [f"form={form}{'&' if said else ''}{said}" for form in ("jsonl", "csv", "pdf")]
        assert {
            tuple(sorted(parse_qsl(one.partition("?")[2].replace("&amp;", "&")))) for one in hrefs
        } == ({tuple(sorted(parse_qsl(one))) for one in wanted} if exports else set())


def test_it_says_from_where_on_it_is_not_whole(reader: Reader) -> None:
    Verification.objects.create(
        begun_at=at(1), ended_at=at(2), asked_by="nightly check", whole=False, entries=7, signed=7,
        first_bad=3, why="entry 3 was changed",
    )  # fmt: skip
    html = reader("ruth.adeyemi", "/audit").content.decode()
    assert 'data-status="not-whole"' in html
    assert "entry 3 was changed" in html
    assert "not whole from entry 3" in html
