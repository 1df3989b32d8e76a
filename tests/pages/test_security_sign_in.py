"""Signing in with a browser: where it leads, which cookies it gives, which hosts are answered."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import Page

from console.models import Authenticator
from tests.console.conftest import PASSWORD, code_of, with_password_alone
from tests.pages.web import Chromium, Visit, Visitor, Web, visiting

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]


# Where sign-in leads ------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example/", "https:evil.example", "https:///evil.example", "http://evil.example/",
    "\\\\evil.example", "/\\evil.example", "/\t/evil.example", "\t//evil.example",
    "javascript:alert(1)", "data:text/html,x", "https://127.0.0.1@evil.example/",
    "//evil.example:80", "https://evil.example\\@127.0.0.1",
]  # fmt: skip
READ_OTHERWISE = ["/\\evil.example", "\t//evil.example", "https://evil.example\\@127.0.0.1"]
"""Those that a browser takes for another address than a reader of the standard would."""


@pytest.fixture
def signing(ada: User) -> User:
    """Ada, with a password and an authenticator whose code is good again and again."""
    ada.password = make_password(PASSWORD)
    ada.save()
    return ada


def sign_in(page: Visitor, user: User) -> str:
    """Through both steps of the page that is open; where it leads."""
    Authenticator.objects.filter(user=user).update(last_t=-1)
    code = code_of(user)

    def steps(one: Page) -> str:
        one.locator('input[name="username"]').fill(user.username)
        one.locator('input[name="password"]').fill(PASSWORD)
        one.locator('input[name="password"]').press("Enter")
        one.wait_for_url("**/sign-in/factor**")
        one.locator('input[name="code"]').fill(code)
        one.locator('input[name="code"]').press("Enter")
        one.wait_for_url(lambda url: "/sign-in" not in url)
        return one.url

    return page.do(steps)


@pytest.mark.parametrize("how", ["asked", "sent"])
def test_no_address_given_leads_elsewhere(ada: User, how: str) -> None:
    for there in ELSEWHERE:
        client = with_password_alone(Client(), ada)
        Authenticator.objects.filter(user=ada).update(last_t=-1)
        query = f"?next={quote(there, safe='')}" if how == "asked" else ""
        said = {"code": code_of(ada), **({"next": there} if how == "sent" else {})}
        answer = client.post(f"/sign-in/factor{query}", said)
        assert (answer.status_code, answer["Location"]) == (302, "/"), there


@pytest.mark.parametrize("there", READ_OTHERWISE)
def test_sign_in_leads_nowhere_else(
    web: Web, chromium: Chromium, signing: User, there: str
) -> None:
    with visiting(chromium, web.url, "") as visit:
        page = visit(f"/sign-in?next={quote(there, safe='')}", signed_in=False)
        source = page.do(lambda one: one.content())
        assert "evil.example" not in source
        assert "javascript:" not in source
        assert sign_in(page, signing) == f"{web.url}/"


def test_sign_in_leads_back_to_where_one_was(web: Web, chromium: Chromium, signing: User) -> None:
    with visiting(chromium, web.url, "") as visit:
        page = visit("/holds?a=b", signed_in=False)
        assert sign_in(page, signing) == f"{web.url}/holds?a=b"


def test_no_other_form_leads_elsewhere(visit_as: As, web: Web, ada: User) -> None:
    page = visit_as(ada)("/risk")
    send = """there => {
      const form = document.querySelector('form[action="/deadman/confirm"]');
      form.querySelector('input[name="next"]').value = there; form.submit(); }"""
    for there in ("//evil.example/", "https:evil.example", "/\\evil.example"):
        page.do(lambda one, there=there: _sent(one, send, there))  # type: ignore[misc]
        assert page.do(lambda one: one.url) == f"{web.url}/risk"


def _sent(page: Page, script: str, argument: str) -> None:
    with page.expect_navigation():
        page.evaluate(script, argument)


# Cookies and hosts, under TLS ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate for this test alone, as files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    files = {"HALTLINE_TLS_CERT": folder / "cert.pem", "HALTLINE_TLS_KEY": folder / "key.pem"}
    files["HALTLINE_TLS_CERT"].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files["HALTLINE_TLS_KEY"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    files["HALTLINE_TLS_KEY"].chmod(0o600)
    return {variable: str(path) for variable, path in files.items()}


@pytest.fixture(scope="module")
def running_tls(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory, certificate: dict[str, str]
) -> Iterator[Web]:
    home = tmp_path_factory.mktemp("tls-web") / "home"
    web = Web(home, HALTLINE_TLS="on", HALTLINE_HOSTS="127.0.0.1", **certificate)
    web.start()
    yield web
    web.kill()


@pytest.fixture
def tls(running_tls: Web, transactional_db: None) -> Web:
    return running_tls


def cookies_of(page: Visitor) -> dict[str, Any]:
    return {one["name"]: one for one in page.do(lambda it: it.context.cookies())}


def test_under_tls_cookies_are_this_hosts_alone_and_no_script_reads_them(
    tls: Web, chromium: Chromium, signing: User
) -> None:
    with visiting(chromium, tls.url, "") as visit:
        page = visit("/sign-in", signed_in=False)
        sign_in(page, signing)
        found = cookies_of(page)
        assert set(found) == {"__Host-sessionid", "__Host-csrftoken", "__Host-stop"}
        for name, one in found.items():
            assert (one["secure"], one["httpOnly"], one["path"]) == (True, True, "/"), name
            assert not one["domain"].startswith("."), name
        assert {name: one["sameSite"] for name, one in found.items()} == {
            "__Host-sessionid": "Lax", "__Host-csrftoken": "Lax", "__Host-stop": "Strict",
        }  # fmt: skip
        assert page.evaluate("document.cookie") == ""


def test_without_tls_no_script_reads_them_either(
    web: Web, chromium: Chromium, signing: User
) -> None:
    with visiting(chromium, web.url, "") as visit:
        page = visit("/sign-in", signed_in=False)
        sign_in(page, signing)
        found = cookies_of(page)
        assert set(found) == {"sessionid", "csrftoken", "stop"}
        assert all(one["httpOnly"] and one["sameSite"] != "None" for one in found.values())
        assert page.evaluate("document.cookie") == ""


def test_the_session_is_another_after_each_step(
    web: Web, chromium: Chromium, signing: User
) -> None:
    """One planted before, or seen between the steps, is worth nothing after."""
    with visiting(chromium, web.url, "planted" * 4) as visit:
        page = visit("/sign-in")
        sign_in(page, signing)
        assert cookies_of(page)["sessionid"]["value"] != "planted" * 4
        assert not Session.objects.filter(session_key="planted" * 4).exists()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:443", "127.0.0.1@evil.example", ""],
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/positions", "/no-such-page"])
def test_a_host_that_is_not_ours_is_refused(tls: Web, host: str, path: str) -> None:
    link = tls.link()
    link.request("GET", path, headers={"Host": host, "X-Forwarded-Host": "127.0.0.1"})
    answer = link.getresponse()
    body = answer.read().decode()
    assert answer.status == 400
    assert "evil.example" not in body
    assert answer.getheader("Location") is None


def test_our_own_host_is_answered_and_no_other_is_ever_named(tls: Web) -> None:
    for path in ("/", "/sign-in", "/holds"):
        link = tls.link()
        headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        body = answer.read().decode()
        assert answer.status in (200, 302)
        there = answer.getheader("Location") or "/"
        assert there.startswith("/")
        assert not there.startswith("//")
        assert "evil.example" not in body + there
        assert "max-age=31536000" in (answer.getheader("Strict-Transport-Security") or "")
