"""Enrolment, sign-in and step-up in a real browser: a virtual authenticator, and the keyboard."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django_otp.oath import TOTP

from console.access.enrolment import Invitation, person_invite
from console.access.factors import factors_of
from console.access.sessions import FACTOR_AT
from console.models import Authenticator, Passkey
from riskctl.actors import Actor
from tests.pages.conftest import open_session
from tests.pages.frames import Publisher
from tests.pages.web import Chromium, Visit, Visitor, Web, visiting
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OWN = "a-password-of-my-own-7"
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
As = Callable[[User | None], Visit]


@pytest.fixture
def noor(web: Web) -> User:
    user = User.objects.create_user("noor.haddad", first_name="Noor", last_name="Haddad")
    user.groups.add(Group.objects.get_or_create(name="trader")[0])
    return user


@pytest.fixture
def invited(noor: User) -> Invitation:
    boss = Actor("person", "priya.raman", roles=frozenset({"administrator"}), factor_age_s=1)
    return person_invite(user=noor, actor=boss)


@pytest.fixture
def at_localhost(
    web: Web, chromium: Chromium, books: list[Strategy], publisher: Publisher
) -> Iterator[As]:
    """Browsers at a host name, as passkeys need one: of nobody, or after both steps."""
    with contextlib.ExitStack() as stack:

        def browse(who: User | None) -> Visit:
            key = open_session(who) if who else ""
            address = web.url.replace("127.0.0.1", "localhost")
            return stack.enter_context(visiting(chromium, address, key))

        yield browse


def with_authenticator(page: Visitor, **changes: Any) -> None:
    """Plug a virtual authenticator in."""

    def plug(at: Any) -> None:
        link = at.context.new_cdp_session(at)
        link.send("WebAuthn.enable")
        options = {**AUTHENTICATOR, **changes}
        link.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    page.do(plug)


def fill(page: Visitor, **fields: str) -> None:
    for name, text in fields.items():
        _fill(page, f"#{name}", text)


def _fill(page: Visitor, selector: str, text: str) -> None:
    page.do(lambda at: at.locator(selector).fill(text))


def typed(page: Visitor, text: str) -> None:
    page.do(lambda at: at.keyboard.type(text))


def follow(page: Visitor, name: str) -> None:
    page.do(lambda at: at.get_by_role("link", name=name).click())


def there(page: Visitor, selector: str) -> None:
    """Wait for it, over navigations."""
    page.do(lambda at: at.locator(selector).wait_for(timeout=15_000))


def focused(page: Visitor, element: str) -> None:
    page.wait(f"document.activeElement.id === '{element}'")


def sound(page: Visitor) -> None:
    assert page.violations() == []
    assert page.sideways() == 0


def code_from(key: str) -> str:
    totp = TOTP(base64.b32decode(key.replace(" ", "")))
    totp.time = time.time()
    return f"{totp.token():06d}"


def test_a_new_person_comes_in_with_a_passkey_and_signs_in_with_it_again(
    at_localhost: As, noor: User, invited: Invitation
) -> None:
    page = at_localhost(None)("/sign-in", signed_in=False)
    with_authenticator(page)
    fill(page, username=noor.username, password=invited.password)
    page.press_button("Go on")
    page.wait_for_address("**/enrol/password")
    sound(page)
    fill(page, password=OWN, again=OWN)
    page.press_button("Keep this password")
    page.wait_for_address("**/enrol")
    sound(page)
    _fill(page, "#passkey-name", "Laptop")
    page.press_button("Make a passkey…")
    there(page, "#codes li >> nth=9")
    sound(page)
    follow(page, "I have kept them: go to the desk")
    there(page, "#band[data-conn=live]")
    assert [one.name for one in factors_of(noor)] == ["Laptop"]

    page.press_button("Sign out")
    page.wait_for_address("**/sign-in")
    fill(page, username=noor.username, password=OWN)
    page.press_button("Go on")
    page.wait_for_address("**/sign-in/factor")
    sound(page)
    page.press_button("Use your passkey")
    there(page, "#band")
    assert Passkey.objects.get(user=noor).sign_count >= 1
    assert page.complaints == []


def test_a_new_person_comes_in_with_an_app_by_keyboard_alone(
    at_localhost: As, noor: User, invited: Invitation
) -> None:
    page = at_localhost(None)("/sign-in", signed_in=False)
    focused(page, "username")
    typed(page, noor.username)
    page.press_key("Tab")
    typed(page, invited.password)
    page.press_key("Enter")
    page.wait_for_address("**/enrol/password")
    focused(page, "password")
    typed(page, OWN)
    page.press_key("Tab")
    typed(page, OWN)
    page.press_key("Enter")
    page.wait_for_address("**/enrol")
    page.wait("document.activeElement.textContent === 'Set up an app…'")
    page.press_key("Enter")
    page.wait_for_address("**/enrol/authenticator")
    sound(page)
    assert page.evaluate("document.querySelector('.access-qr').naturalWidth") > 100
    focused(page, "code")
    typed(page, code_from(page.text("#key")))
    page.press_key("Enter")
    there(page, "#codes li >> nth=9")
    assert Authenticator.objects.get(user=noor).confirmed
    for _ in range(8):
        page.press_key("Tab")
        if page.evaluate("document.activeElement.matches('a.primary')"):
            break
    page.press_key("Enter")
    there(page, "#band")
    assert page.complaints == []


def test_at_a_number_the_page_says_that_passkeys_cannot_be_used_and_where(
    web: Web, chromium: Chromium, noor: User, invited: Invitation
) -> None:
    with visiting(chromium, web.url, "") as visit:
        page = visit("/sign-in", signed_in=False)
        fill(page, username=noor.username, password=invited.password)
        page.press_button("Go on")
        page.wait_for_address("**/enrol/password")
        fill(page, password=OWN, again=OWN)
        page.press_button("Keep this password")
        page.wait_for_address("**/enrol")
        assert "this address is a number" in page.text("main")
        assert page.attribute(".access-note a", "href") == web.url.replace("127.0.0.1", "localhost")
        assert page.visible("text=Set up an app…")
        assert page.count("[data-passkey]") == 0
        sound(page)


def aged(key: str) -> None:
    session = SessionStore(key)
    session[FACTOR_AT] -= 600
    session.save()


def test_step_up_where_it_is_needed_by_passkey_and_by_code(
    web: Web, chromium: Chromium, mercy: User, books: list[Strategy], publisher: Publisher
) -> None:
    address, key = web.url.replace("127.0.0.1", "localhost"), open_session(mercy)
    with visiting(chromium, address, key) as visit:
        page = visit("/security")
        with_authenticator(page)
        page.press_button("Make a passkey…")
        there(page, "#codes li >> nth=9")
        follow(page, "I have kept them: back to security")
        page.wait_for_address("**/security")
        assert page.count(".confirm") == 0
        aged(key)
        page.reload()
        sound(page)
        page.press_button("Use passkey")
        there(page, "main:not(:has(.confirm))")
        assert page.title.endswith("Security · Haltline")

        cookies = page.do(lambda at: at.context.cookies())
        aged(next(one["value"] for one in cookies if one["name"] == "sessionid"))
        page.reload()
        shown = Authenticator.objects.get(user=mercy)
        _fill(page, "#confirm-code", code_from(base64.b32encode(shown.bin_key).decode()))
        page.press_button("Confirm")
        there(page, "main:not(:has(.confirm))")
        assert page.complaints == []


def test_an_authenticator_that_does_not_know_its_user_is_refused_in_words(
    at_localhost: As, mercy: User
) -> None:
    page = at_localhost(mercy)("/security")
    with_authenticator(page, isUserVerified=False)
    page.press_button("Make a passkey…")
    there(page, "[data-passkey-said]:not([hidden])")
    assert page.text("[data-passkey-said]").startswith("Not given")
    assert not Passkey.objects.exists()
    assert page.visible("text=Set up an app…")


def test_the_same_authenticator_is_not_added_twice(at_localhost: As, mercy: User) -> None:
    page = at_localhost(mercy)("/security")
    with_authenticator(page)
    page.press_button("Make a passkey…")
    there(page, "#codes li >> nth=9")
    follow(page, "I have kept them: back to security")
    page.wait_for_address("**/security")
    page.press_button("Make a passkey…")
    there(page, "[data-passkey-said]:not([hidden])")
    assert page.text("[data-passkey-said]").endswith("already.")
    assert Passkey.objects.count() == 1


@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390), ("light", 820)])
def test_the_security_pages_are_sound_on_every_screen(
    at_localhost: As, mercy: User, theme: str, width: int
) -> None:
    visit = at_localhost(mercy)  # its session is opened while one authenticator tells which
    Authenticator.objects.create(user=mercy, name="Tablet at home, the second one", confirmed=True)
    mercy.groups.add(Group.objects.get_or_create(name="administrator")[0])
    for path in ("/security", "/security/reset", "/security/password", "/sign-in/factor"):
        page = visit(path, theme=theme, width=width)
        sound(page)
        assert page.complaints == []
