"""/api/audit: who reads which entries, every filter, and pages by cursor."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit import reading
from audit.models import Entry
from console.access.roles import roles_reconcile
from riskctl.actors import system_actor
from tests.audit.entries import new_entry, new_id
from tests.console.api.conftest import PEOPLE, with_both_factors
from tests.console.conftest import entries, person

pytestmark = pytest.mark.django_db

HOLD = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"


@pytest.fixture(autouse=True)
def _record(mercy: User) -> None:
    """Noon of a day gone by: what signing in writes comes after it."""
    roles_reconcile(actor=system_actor("desk start"))
    new_entry("role.grant", 1, actor="priya.raman", object_kind="user", object_id="mercy.okafor",
              before={"roles": []}, after={"roles": ["trader"]})  # fmt: skip
    new_entry("hold.place", 2, actor="ada.nwosu", object_kind="hold", object_id=HOLD,
              reason="Quoting through own fills", correlation_id=HOLD, request_id="click-1",
              source="10.0.0.7", after={"scope": "strategy:mom", "kind": "kill"})  # fmt: skip
    new_entry("order.deny", 3, actor="gateway:paper-1#3", actor_kind="process", outcome="denied",
              object_kind="order", object_id="paper-1.7", on_behalf_of="mom")  # fmt: skip


def client(name: str) -> Client:
    username, role = PEOPLE[name]
    user = User.objects.filter(username=username).first() or person(username, role)
    return with_both_factors(Client(raise_request_exception=False), user)


BY_NOON = "to=2026-03-05T13:00:00Z"


def actions(caller: Client, query: str = "") -> list[str]:
    answer = caller.get(f"/api/audit?{BY_NOON}&{query}".rstrip("&"))
    assert answer.status_code == 200, answer.content
    return [one["action"] for one in answer.json()]


ALL = ["order.deny", "hold.place", "role.grant"]


@pytest.mark.parametrize(
    ("name", "sees"),
    [("ada", ALL), ("jonas", ALL), ("ruth", ALL), ("priya", ["role.grant"])],
)
def test_who_reads_what(name: str, sees: list[str]) -> None:
    caller = client(name)
    assert actions(caller) == sees
    for row in Entry.objects.filter(action__in=ALL):
        status = caller.get(f"/api/audit/{row.id}").status_code
        assert status == (200 if row.action in sees else 404)
    assert actions(caller, "what=orders") == (["order.deny"] if "order.deny" in sees else [])
    assert actions(caller, f"correlation={HOLD}") == (["hold.place"] if sees == ALL else [])


@pytest.mark.parametrize("path", ["/api/audit", "/api/audit/{}"])
def test_a_trader_reads_nothing_and_is_told_who_does(path: str, mercy: User) -> None:
    ident = Entry.objects.get(action="role.grant").id
    answer = client("mercy").get(path.format(ident))
    assert (answer.status_code, answer.json()["code"]) == (403, "record-not-yours")
    assert "Risk, SRE and compliance read the record" in answer.json()["detail"]
    assert HOLD not in answer.content.decode()
    assert [one["after"]["code"] for one in entries("access.deny")] == ["record-not-yours"]


@pytest.mark.parametrize("scope", ["read", "export"])
def test_a_token_sees_what_its_owner_sees(scope: str, new_token: Callable[..., str]) -> None:
    def seen(name: str) -> Any:
        username, role = PEOPLE[name]
        owner = User.objects.filter(username=username).first() or person(username, role)
        text = new_token(scope, owner=owner)
        caller = Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)
        return caller.get(f"/api/audit?{BY_NOON}")

    assert [one["action"] for one in seen("ruth").json()] == ALL
    assert [one["action"] for one in seen("priya").json()] == ["role.grant"]
    assert seen("mercy").json()["code"] == "record-not-yours"


@pytest.mark.parametrize("scope", ["stop", "flatten", "trade-test"])
def test_other_scopes_read_nothing(scope: str, new_token: Callable[..., str]) -> None:
    ruth = person("ruth.adeyemi", "compliance")
    caller = Client(headers={"Authorization": f"Bearer {new_token(scope, owner=ruth)}"})
    assert caller.get("/api/audit").json()["code"] == "scope-missing"


def test_an_entry_says_all_of_it() -> None:
    ada = client("ada")
    (row,) = ada.get(f"/api/audit?object=hold:{HOLD}").json()
    assert row == {
        "id": row["id"], "recorded_at": "2026-03-05T12:00:02.000000Z",
        "happened_at": "2026-03-05T12:00:02.000000Z", "action": "hold.place", "outcome": "done",
        "actor_kind": "person", "actor": "ada.nwosu", "on_behalf_of": "", "object": f"hold:{HOLD}",
        "reason": "Quoting through own fills", "source": "10.0.0.7", "request_id": "click-1",
        "correlation_id": HOLD, "before": None,
        "after": {"scope": "strategy:mom", "kind": "kill"},
    }  # fmt: skip
    whole = ada.get(f"/api/audit/{row['id']}").json()
    assert whole["body"].encode() == bytes(Entry.objects.get(id=row["id"]).body)
    assert json.loads(whole["body"])["after"] == row["after"]
    assert {name: whole[name] for name in row} == row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=quoting", ["hold.place"]),
        ("what=holds,orders", ["order.deny", "hold.place"]),
        ("what=denials", ["order.deny"]),
        ("action=role.grant", ["role.grant"]),
        ("actor=ada.nwosu", ["hold.place"]),
        ("actor_kind=process", ["order.deny"]),
        ("role=risk", ["hold.place"]),
        ("role=sre", []),
        ("role=risk&actor=priya.raman", []),
        ("on_behalf_of=mom", ["order.deny"]),
        ("object=user", ["role.grant"]),
        ("object=user:mercy.okafor", ["role.grant"]),
        ("object=user:nobody", []),
        (f"correlation={HOLD}", ["hold.place"]),
        ("request=click-1", ["hold.place"]),
        ("outcome=denied", ["order.deny"]),
        ("from=2026-03-05T12:00:02Z", ["order.deny", "hold.place"]),
        ("from=2026-03-05T13:00:03%2B01:00", ["order.deny"]),
        ("from=2026-03-05T12:00:03", ["order.deny"]),
        ("limit=1", ["order.deny"]),
    ],
)
def test_each_filter_narrows(query: str, found: list[str]) -> None:
    assert actions(client("ada"), query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("what=holds,none", "what"), ("what=", "what"), ("action=Hold", "action"),
        ("actor=", "actor"), ("actor_kind=robot", "actor_kind"), ("role=king", "role"),
        ("object=:x", "object"), ("object=Hold:x", "object"),
        ("object=hold:%00", "object"), ("correlation=a b", "correlation"),
        ("outcome=maybe", "outcome"), ("from=yesterday", "from"), ("to=2026-13-01", "to"),
        ("from=0001-01-01T00:00:00Z", "from"), ("q=%00", "q"), (f"q={'x' * 201}", "q"),
        ("limit=0", "limit"), ("cursor=x", "cursor"), ("page=2", "page"),
        ("actor=a&actor=b", "actor"),
    ],
)  # fmt: skip
def test_a_wrong_query_names_the_field(query: str, field: str) -> None:
    answer = client("ada").get(f"/api/audit?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "query-invalid")
    assert answer.json()["field"] == field
    assert answer.json()["allowed"]


def test_a_cursor_of_another_list_is_refused() -> None:
    ada = client("ada")
    for number in range(3):
        new_entry("hold.place", number, correlation_id="c")
    link = ada.get("/api/audit?limit=1")["Link"]
    cursor = parse_qs(urlsplit(link.split(">")[0].lstrip("<")).query)["cursor"][0]
    assert ada.get(f"/api/audit?cursor={cursor}").status_code == 200
    foreign = "WyIyMDI2LTExLTI2VDEyOjAwOjAwKzAwOjAwIiwiNyJd"  # its key is no id of an entry
    answer = ada.get(f"/api/audit?cursor={foreign}")
    assert (answer.status_code, answer.json()["field"]) == (400, "cursor")


def test_pages_lead_on_with_the_same_filters() -> None:
    for number in range(7):
        new_entry("limit.raise", 10, object_id=str(number), correlation_id="c")
    ada, path, seen = client("ada"), "/api/audit?correlation=c&limit=3", []
    while path:
        answer = ada.get(path)
        seen += [one["object"] for one in answer.json()]
        link = re.match(r"<http://[^/]+([^>]+)>; rel=\"next\"", answer.get("Link", ""))
        path = link.group(1) if link else ""
    assert sorted(seen) == [f"limit:{number}" for number in range(7)]


def test_a_search_that_takes_too_long_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        raise reading.SearchTooWideError

    monkeypatch.setattr("console.api.audit.entries_read", slow)
    answer = client("ada").get("/api/audit?q=x")
    assert (answer.status_code, answer.json()["code"]) == (400, "search-too-wide")
    assert "Narrow it" in answer.json()["detail"]


def test_what_is_not_there_is_said() -> None:
    answer = client("ada").get(f"/api/audit/{new_id()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "/api/audit" in answer.json()["detail"]
