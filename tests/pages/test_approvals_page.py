"""The inbox, a request in full, limits and break-glass, as each person sees them."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access.sessions import FACTOR_AT
from riskctl.approvals import approval_approve, approval_request
from riskctl.holds import RULES, Kind
from riskctl.models import Approval, BreakGlass, BreakGlassUse, Hold, HoldLift, Limit
from tests.approvals.people import person
from tests.pages.conftest import open_session
from tests.pages.frames import Publisher
from tests.pages.web import Visit, Visitor
from tests.support.desks import on_no_desk
from trading.models import Strategy

pytestmark = [pytest.mark.django_db(transaction=True)]

KEY = "mom-eurusd"
OWN = f"strategy:{KEY}"
As = Callable[[User], Visit]
MERCY = person("mercy.okafor", "trader", owns=(KEY,))
LENA = person("lena.fischer", "risk")


@pytest.fixture(autouse=True)
def _limit(books: list[Strategy], redis: Redis) -> None:
    Limit.objects.create(scope=OWN, kind="gross-notional", value=1000)
    Limit.objects.create(scope="firm", kind="gross-notional", value=9000)


@pytest.fixture
def look(settings: Settings) -> Callable[[User], Client]:
    def client(user: User) -> Client:
        found = Client()
        found.cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
        return found

    return client


Look = Callable[[User], Client]


def ask(who: Any = MERCY, value: str = "2500") -> Approval:
    return approval_request(
        kind="limit-raise", subject=f"limit:{OWN}/gross-notional", request={"value": value},
        actor=who, reason="room for the open",
    )  # fmt: skip


def kill(scope: str = OWN) -> Hold:
    rule = RULES[Kind.KILL]
    return Hold.objects.create(
        id=uuid.uuid4(), scope=scope, kind=Kind.KILL, mode=rule.mode, cancels=rule.cancels,
        reason="quotes crossing", placed_by="mercy.okafor", actor_kind="person",
        placed_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60),
    )  # fmt: skip


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return str(answer.content.decode())


def waiting(client: Client) -> int:
    return int(client.get("/approvals/waiting").json()["waiting"])


def test_only_what_one_may_decide_counts(look: Look, mercy: User, ada: User, tomas: User) -> None:
    mine, theirs, others = look(mercy), look(ada), look(tomas)
    assert [waiting(one) for one in (mine, theirs, others)] == [0, 0, 0]
    row = ask()
    assert [waiting(one) for one in (mine, theirs, others)] == [0, 1, 0]
    assert "data-waiting hidden>0<" in html(mine, "/approvals")
    assert "data-waiting>1<" in html(theirs, "/approvals")
    Approval.objects.filter(id=row.id).update(
        state="rejected", decided_by=ada.username, decided_at=dt.datetime.now(dt.UTC)
    )
    assert waiting(theirs) == 0


def test_the_inbox_says_whose_turn_it_is(look: Look, mercy: User, ada: User, tomas: User) -> None:
    ask()
    page = html(look(ada), "/approvals")
    yours = page[page.index("For you to decide") : page.index('id="decided"')]
    assert "Raise gross notional limit of strategy:mom-eurusd" in yours
    assert "Waiting for others" not in yours
    page = html(look(mercy), "/approvals")
    assert "Nothing waits for you" in page
    assert "another person; withdraw it on its page" in page
    assert "one of the two must be risk" in html(look(tomas), "/approvals")


def test_what_has_nothing_to_do_with_ones_desk_is_not_shown(look: Look, tomas: User) -> None:
    row = ask()
    on_no_desk("tomas.brandt")
    client = look(tomas)
    assert "room for the open" not in html(client, "/approvals")
    for path in ("", "/standing"):
        html(client, f"/approvals/{row.id}{path}", 403)
    assert client.post(f"/approvals/{row.id}/reject", {"reason": "no"}).status_code == 403
    row.refresh_from_db()
    assert row.state == "pending"


def test_the_diff_says_which_way_and_who_may(look: Look, mercy: User, ada: User) -> None:
    row = ask()
    page = html(look(ada), f"/approvals/{row.id}")
    assert "<del>1,000</del>" in page
    assert 'aria-label="raises risk"' in page
    assert "2,500</ins>" in page
    assert "different person, right role, may approve" in page
    assert "Approve and carry out" in page
    mine = html(look(mercy), f"/approvals/{row.id}")
    assert "Withdraw your request" in mine
    assert "Approve and carry out" not in mine
    assert "one of the two risk" in mine


def test_a_rejection_needs_a_reason_and_no_fresh_factor(look: Look, ada: User) -> None:
    row = ask()
    client = look(ada)
    session = client.session
    session[FACTOR_AT] -= 4000
    session.save()
    approve = client.post(f"/approvals/{row.id}/approve", {"digest": row.digest})
    assert approve.status_code == 403
    assert client.post(f"/approvals/{row.id}/reject", {"reason": " "}).status_code == 400
    assert client.post(f"/approvals/{row.id}/reject", {"reason": "too much"}).status_code == 303
    assert "too much" in html(client, f"/approvals/{row.id}")


def test_a_request_says_what_became_of_it_meanwhile(look: Look, ada: User) -> None:
    row, client = ask(), look(ada)
    path = f"/approvals/{row.id}/standing"
    assert client.get(path).json() == {"state": "pending", "changed": 0}
    Limit.objects.filter(scope=OWN).update(value=700)
    assert client.get(path).json() == {"state": "pending", "changed": 1}
    assert "1 changed since it was asked" in html(client, f"/approvals/{row.id}")


def test_a_lift_is_shown_from_halted_to_what_stays(look: Look, mercy: User, ada: User) -> None:
    hold = kill()
    kill("firm")
    said = {"root_cause": "own fills", "rollback": "v17", "reason": "netted"}
    asked = look(mercy).post(f"/holds/{hold.id}/lift", said)["Location"]
    page = html(look(ada), asked)
    assert "stays: kill on firm" in page
    assert "Lift kill on mom-eurusd" in page


def test_limits_are_lowered_at_once_and_raised_by_request(
    look: Look, mercy: User, ada: User
) -> None:
    client = look(mercy)
    page = html(client, "/risk/limits")
    assert "Strategy mom-eurusd" in page
    assert page.count('action="/risk/limits/change"') == 1, "the firm's is not a trader's"
    form = {"scope": OWN, "kind": "gross-notional", "version": "1", "reason": "thin"}
    assert client.post("/risk/limits/change", {**form, "value": "1,500"}).status_code == 303
    asked = Approval.objects.get()
    assert (asked.kind, asked.request) == ("limit-raise", {"value": "1500"})
    assert client.post("/risk/limits/change", {**form, "value": "800"}).status_code == 303
    assert Limit.objects.get(scope=OWN).value == 800
    again = client.post("/risk/limits/change", {**form, "value": "700"})
    assert again.status_code == 412
    assert "at version 2, not 1" in again.content.decode()
    bad = client.post("/risk/limits/change", {**form, "version": "2", "value": "much"})
    assert bad.status_code == 400
    other = client.post("/risk/limits/change", {**form, "scope": "firm", "value": "1"})
    assert other.status_code == 403


def test_leave_is_asked_for_given_used_and_reviewed(
    look: Look, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.resume.preconditions.kill_conditions", lambda *_: [])
    lena = User.objects.create(username="lena.fischer")
    lena.groups.set(ada.groups.all())
    client, hold = look(ada), kill()
    assert "Off" in html(client, f"/holds/{hold.id}/alone")
    form = {"people": ["ada.nwosu"], "strategies": [KEY], "hours": "8", "reason": "night"}
    assert client.post("/break-glass/ask", {**form, "hours": "20"}).status_code == 400
    assert client.post("/break-glass/ask", form)["Location"].startswith("/approvals/")
    asked = Approval.objects.get()
    _given(asked)
    page = html(client, f"/holds/{hold.id}/alone")
    assert f'href="/holds/{hold.id}/alone"' in html(client, f"/holds/{hold.id}")
    digest = page.partition('name="digest" value="')[2][:64]
    said = {"root_cause": "own fills", "rollback": "v17", "reason": "alone", "digest": digest}
    assert client.post(f"/holds/{hold.id}/break-glass", said).status_code == 303
    assert HoldLift.objects.get().lifted_by == "ada.nwosu"
    used = BreakGlassUse.objects.get()
    assert "another person reviews it" in html(client, "/break-glass")
    own = client.post(f"/break-glass/uses/{used.id}/keep", {"reason": "fine"})
    assert own.status_code == 403
    leave = BreakGlass.objects.get()
    assert client.post(f"/break-glass/{leave.id}/end").status_code == 303
    assert "No leave stands" in html(client, "/break-glass")


def _given(asked: Approval) -> None:
    """By Lena: her own session has no part in this."""
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=LENA)


# In a browser -------------------------------------------------------------------------------------


def approved(asking: Visitor) -> None:
    asking.wait("document.querySelector('.said')?.textContent.includes('Executed')")


@pytest.mark.browser
def test_the_count_and_the_inbox_follow_what_is_asked(
    visit_as: As, ada: User, mercy: User, publisher: Publisher
) -> None:
    page = visit_as(ada)("/approvals")
    page.wait_for_state("live")
    page.wait("document.querySelector('[data-band=waiting]').textContent === '0'")
    ask()
    publisher.desk = {"waiting": 1, "waiting_mark": "abc"}
    page.wait("document.querySelector('[data-band=waiting]').textContent === '1'")
    page.wait("document.querySelector('[data-inbox]').textContent.includes('mom-eurusd')")
    page.do(lambda at: at.locator("[data-inbox] a").first.click())
    page.wait_for_address("**/approvals/*", 8)
    page.wait("/^\\d+:\\d\\d$/.test(document.getElementById('left').textContent)")
    assert page.violations() == []
    page.press_button("Approve and carry out")
    approved(page)
    assert Limit.objects.get(scope=OWN).value == 2500
    assert page.complaints == []


@pytest.mark.browser
def test_an_open_request_says_that_it_was_decided(visit_as: As, ada: User) -> None:
    row = ask()
    page = visit_as(ada)(f"/approvals/{row.id}")
    page.wait_for_state("live")
    Approval.objects.filter(id=row.id).update(
        state="withdrawn", decided_by="mercy.okafor", decided_at=dt.datetime.now(dt.UTC)
    )
    page.wait("!document.getElementById('moved').hidden", 12)
    assert "It is withdrawn meanwhile" in page.text("#moved")


@pytest.mark.browser
def test_glass_that_one_person_broke_is_on_every_page(
    visit_as: As, mercy: User, publisher: Publisher
) -> None:
    page = visit_as(mercy)("/")
    page.wait_for_state("live")
    assert not page.visible("#glass")
    now = dt.datetime.now(dt.UTC)
    publisher.desk = {
        "glass": [{"id": str(uuid.uuid4()), "scope": OWN, "by": "ada.nwosu",
                   "used_at": now.isoformat(),
                   "until": (now + dt.timedelta(hours=4)).isoformat()}],
    }  # fmt: skip
    page.wait("!document.getElementById('glass').hidden")
    assert "lifted the kill on mom-eurusd alone" in page.text("#glass")
    assert page.violations() == []
