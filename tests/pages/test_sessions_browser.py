"""Sessions and tokens through the pages, in a real browser."""

import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from redis import Redis

from console.models import ApiToken, SessionRecord
from console.pages.sessions import agent_words
from riskctl.models import Approval
from tests.pages.conftest import _person, open_session
from tests.pages.web import Visit, Visitor, Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]
SIGN_IN = "**/sign-in**"


@pytest.fixture
def priya(db: None) -> User:
    """An administrator."""
    return _person("priya.raman", "Priya", "Raman", "administrator")


def fill(page: Visitor, **fields: str) -> None:
    for name, text in fields.items():
        _fill(page, name, text)


def _fill(page: Visitor, name: str, text: str) -> None:
    page.do(lambda at: at.locator(f"main [name={name}]").last.fill(text))


def check(page: Visitor, scope: str) -> None:
    page.do(lambda at: at.locator(f"main [name=scopes][value={scope}]").check())


def status(web: Web, text: str) -> int:
    headers = {"Authorization": f"Bearer {text}"}
    request = urllib.request.Request(f"{web.url}/api/orders", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def secret_on(page: Visitor) -> str:
    return page.text("#secret code")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_both_pages_are_sound(visit_as: As, mercy: User, redis: Redis, theme: str) -> None:
    open_session(mercy)
    for path in ("/sessions", "/tokens"):
        page = visit_as(mercy)(path, theme=theme)
        page.wait_for_state("live")
        assert page.violations() == []
        assert page.complaints == []
        phone = visit_as(mercy)(path, theme=theme, width=390, height=844)
        assert phone.sideways() == 0
        assert phone.violations() == []


def test_ending_another_session_closes_its_page(visit_as: As, mercy: User, redis: Redis) -> None:
    there = visit_as(mercy)("/")
    there.wait_for_state("live")
    here = visit_as(mercy)("/sessions")
    assert here.count("main tbody tr") == 2
    assert here.count("main .tag") == 1
    here.press_button("End 1 other session")
    here.wait("document.querySelector('.said')?.textContent.includes('1 session ended')")
    there.wait_for_address(SIGN_IN, 8)
    ended = SessionRecord.objects.exclude(ended_at=None).get()
    assert (ended.ended_by, ended.address) == ("mercy.okafor", "127.0.0.1")
    assert "by M. Okafor" in here.text("main")
    here.reload()
    assert here.count("main .tag") == 1


def test_one_signs_out_where_one_is(visit_as: As, mercy: User, redis: Redis) -> None:
    page = visit_as(mercy)("/sessions")
    page.press_button("Sign out here")
    page.wait_for_address(SIGN_IN, 8)
    assert SessionRecord.objects.get().ended_by == "mercy.okafor"


def test_an_administrator_ends_somebodys_session(
    visit_as: As, mercy: User, priya: User, redis: Redis
) -> None:
    theirs = visit_as(mercy)("/")
    theirs.wait_for_state("live")
    page = visit_as(priya)("/sessions?person=mercy.okafor")
    assert "Sessions of M. Okafor" in page.text("h1")
    assert page.violations() == []
    fill(page, reason="laptop lost")
    page.press_button("End 1 session of M. Okafor")
    page.wait("document.querySelector('.said')?.textContent.includes('1 session ended')")
    theirs.wait_for_address(SIGN_IN, 8)
    assert "laptop lost" in page.text("main")
    assert page.complaints == []


def test_a_trader_does_not_see_other_peoples(
    visit_as: As, mercy: User, tomas: User, redis: Redis
) -> None:
    open_session(tomas)
    page = visit_as(mercy)("/sessions?person=tomas.brandt")
    assert "Only an administrator" in page.text(".form-error")
    assert page.count("main tbody tr") == 1
    assert page.count("#person") == 0


def test_a_token_is_made_shown_once_rotated_and_revoked(
    visit_as: As, web: Web, mercy: User, redis: Redis
) -> None:
    page = visit_as(mercy)("/tokens")
    fill(page, name="nightly report", days="30", networks="127.0.0.0/8 2001:db8::/32")
    page.press_button("Make, or ask a second person")
    page.wait("document.querySelector('#secret')")
    first = secret_on(page)
    assert page.violations() == []
    assert status(web, first) == 200
    page.do(lambda at: at.get_by_role("link", name="I have kept it").click())
    page.wait_for_address("**/tokens", 8)
    assert first not in page.do(lambda at: at.content())
    assert "127.0.0.1" in page.text("main table")

    page.press_button("Rotate nightly report")
    page.wait("document.querySelector('#secret')")
    second = secret_on(page)
    assert second != first
    assert (status(web, first), status(web, second)) == (200, 200)
    page.do(lambda at: at.get_by_role("link", name="I have kept it").click())
    page.press_button("Revoke nightly report")
    page.wait("document.querySelector('.said')?.textContent.includes('Revoked')")
    assert (status(web, first), status(web, second)) == (401, 401)
    assert page.complaints == []


def test_a_token_that_stops_takes_two_people_and_its_owner_collects_it(
    visit_as: As, web: Web, mercy: User, ada: User, redis: Redis
) -> None:
    page = visit_as(mercy)("/tokens")
    fill(page, name="close stopper", days="30", reason="stops at the close")
    check(page, "stop")
    page.press_button("Make, or ask a second person")
    page.wait_for_address("**/approvals/**", 8)
    asked = Approval.objects.get()
    deciding = visit_as(ada)(f"/approvals/{asked.id}")
    assert "mercy.okafor/close stopper" in deciding.text("main") + deciding.text("h1")
    fill(deciding, reason="agreed")
    deciding.press_button("Approve and carry out")
    deciding.wait("document.querySelector('.said')?.textContent.includes('Executed')")
    assert "hl_" not in deciding.do(lambda at: at.content())

    page = visit_as(mercy)("/tokens")
    page.press_button("Collect the secret of close stopper")
    page.wait("document.querySelector('#secret')")
    assert status(web, secret_on(page)) == 200
    assert ApiToken.objects.get().scopes == ["read", "stop"]
    visit_as(ada)("/tokens")


def test_what_cannot_be_made_is_said_and_what_was_typed_stays(
    visit_as: As, mercy: User, redis: Redis
) -> None:
    page = visit_as(mercy)("/tokens")
    fill(page, name="typed", days="9999", networks="10.0.0.1/8")
    page.press_button("Make, or ask a second person")
    page.wait("document.querySelector('.form-error')")
    assert "days" in page.text(".form-error").lower()
    assert page.evaluate("document.querySelector('#name').value") == "typed"
    assert page.violations() == []
    assert not ApiToken.objects.exists()


def test_an_administrator_sees_and_revokes_others_tokens(
    visit_as: As, mercy: User, priya: User, redis: Redis
) -> None:
    now = dt.datetime.now(dt.UTC)
    ApiToken.objects.create(
        name="forgotten", owner=mercy, digest=b"x" * 32, scopes=["read"],
        expires_at=now + dt.timedelta(days=3),
    )  # fmt: skip
    page = visit_as(priya)("/tokens")
    assert page.violations() == []
    page.do(lambda at: at.get_by_label("Why forgotten is revoked").fill("no longer used"))
    page.press_button("Revoke forgotten of M. Okafor")
    page.wait("document.querySelector('.said')?.textContent.includes('Revoked: forgotten')")
    row = ApiToken.objects.get()
    assert (row.revoked_by, row.revoke_reason) == ("priya.raman", "no longer used")


@pytest.mark.parametrize(
    ("text", "said"),
    [("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
      "Firefox 145 on Linux"),
     ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
      "Edge 131 on Windows"),
     ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
      "Safari 18 on iPhone"),
     ("curl/8.5.0", "curl 8"), ("Wget 1", "Wget"), ("", "not said")],
)  # fmt: skip
def test_browsers_are_named(text: str, said: str) -> None:
    assert agent_words(text) == said


def test_no_secret_is_in_a_message_or_a_session(
    visit_as: As, web: Web, mercy: User, redis: Redis
) -> None:
    page = visit_as(mercy)("/tokens")
    fill(page, name="n")
    page.press_button("Make, or ask a second person")
    page.wait("document.querySelector('#secret')")
    text = secret_on(page)
    cookies = page.do(lambda at: at.context.cookies())
    assert text not in json.dumps(cookies)
    assert text not in page.do(lambda at: at.url)
