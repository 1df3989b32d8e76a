"""The admin: for administrators, to look at; nothing to write, nothing secret."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from console.admin.records import site
from console.models import ApiToken, Desk, Passkey, RecoveryCode, RecoverySet, SessionRecord
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, person, with_password_alone

pytestmark = pytest.mark.django_db

TABLES = [f"/admin/{model._meta.app_label}/{model._meta.model_name}" for model in site._registry]


@pytest.fixture
def priya(db: None) -> User:
    """An administrator."""
    return person("priya.raman", "administrator")


@pytest.fixture
def admin(browser: Client, priya: User) -> Client:
    return with_both_factors(browser, priya)


@pytest.fixture
def filled(admin: Client, priya: User, new_token: Callable[..., str]) -> dict[str, Any]:
    """A record of each table, by its table; with secrets that are easy to find."""
    new_token("read", owner=priya)
    Passkey.objects.create(
        user=priya, name="blue key", credential_id=b"CREDENTIALCREDENTIAL",
        public_key=b"PUBLICKEYPUBLICKEY", rp_id="desk.example", confirmed=True,
    )  # fmt: skip
    codes = RecoverySet.objects.create(user=priya, name="codes", confirmed=True)
    RecoveryCode.objects.create(of=codes, digest=b"CODEDIGESTCODEDIGESTCODEDIGEST!!")
    Desk.objects.get_or_create(key="floor", defaults={"title": "Floor", "rights": ["view"]})
    found = {}
    for model in site._registry:
        record = model._default_manager.order_by("pk").first()
        assert record is not None, model
        found[f"/admin/{model._meta.app_label}/{model._meta.model_name}"] = record
    return found


def every_page(filled: dict[str, Any]) -> list[str]:
    details = [f"{table}/{quote(record.pk)}" for table, record in filled.items()]
    return ["/admin", *TABLES, *details]


# Who ----------------------------------------------------------------------------------------------


def test_an_administrator_reads_every_list_and_record(
    admin: Client, filled: dict[str, Any]
) -> None:
    for path in every_page(filled):
        answer = admin.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        assert 'id="stop-open"' in text, "Stop is on every page"
        assert "<script>" not in text
        assert "style=" not in text
        assert "no-store" in answer["Cache-Control"]
    index = admin.get("/admin").content.decode()
    assert all(f'href="{table}"' in index for table in TABLES)


@pytest.mark.parametrize("role", ["trader", "risk", "sre", "compliance"])
def test_nobody_else_does_and_it_is_recorded(browser: Client, role: str) -> None:
    with_both_factors(browser, person("ada.nwosu", role))
    for path in ("/admin", *TABLES, f"{TABLES[0]}/1"):
        assert browser.get(path).status_code == 403, path
    denied = entries("access.deny")
    assert [(one["reason"], one["actor"]) for one in denied] == [("forbidden", "ada.nwosu")] * (
        len(TABLES) + 2
    )


def test_a_superuser_is_nobody_here(browser: Client) -> None:
    ada = person("ada.nwosu", "risk")
    ada.is_superuser = ada.is_staff = True
    ada.save()
    with_both_factors(browser, ada)
    assert browser.get("/admin").status_code == 403
    assert browser.get(TABLES[0]).status_code == 403


def test_without_the_second_factor_it_leads_to_sign_in(browser: Client, priya: User) -> None:
    for path in ("/admin", "/admin/", "/admin/login/", *TABLES):
        assert browser.get(path)["Location"].startswith("/sign-in?next=")
    with_password_alone(browser, priya)
    for path in ("/admin", *TABLES):
        assert browser.get(path)["Location"].startswith("/sign-in/factor?next=")


def test_it_has_no_sign_in_and_no_forms_of_its_own(admin: Client) -> None:
    for path in (
        "/admin/login/", "/admin/logout/", "/admin/password_change/", "/admin/jsi18n/",
        "/admin/autocomplete/", "/admin/r/1/1/", f"{TABLES[0]}/add/", f"{TABLES[0]}/1/delete/",
        f"{TABLES[0]}/1/history/", f"{TABLES[0]}/1/password/",
    ):  # fmt: skip
        assert admin.get(path).status_code == 404, path
    for name in ("login", "logout", "password_change", "auth_user_add", "auth_user_delete"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:{name}")
    answer = site.login(RequestFactory().get("/admin/login/"))
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in")


# Nothing is written -------------------------------------------------------------------------------


def test_nothing_is_written_by_any_method(admin: Client, filled: dict[str, Any]) -> None:
    before = list(User.objects.order_by("pk").values())
    for path in every_page(filled):
        for method in ("post", "put", "patch", "delete"):
            said = {"username": "x", "_save": "1", "action": "delete_selected", "is_active": ""}
            assert getattr(admin, method)(path, said).status_code == 405, (method, path)
    assert list(User.objects.order_by("pk").values()) == before
    assert not LogEntry.objects.exists()


def test_every_table_is_read_only(admin: Client, priya: User) -> None:
    request = RequestFactory().get("/admin")
    request.session = admin.session
    for model, one in site._registry.items():
        assert one.get_model_perms(request) == {
            "add": False, "change": False, "delete": False, "view": True,
        }  # fmt: skip
        assert one.actions is None
        assert not one.inlines
        assert not one.list_editable
        assert set(one.get_readonly_fields(request)) == set(one.get_fields(request)), model


def test_pages_have_no_form_that_writes(admin: Client, filled: dict[str, Any]) -> None:
    """But those of the frame: stop, sign out, and the dead man's switch."""
    for path in every_page(filled):
        text = admin.get(path).content.decode()
        posts = re.findall(r'<form[^>]*method="post"[^>]*>', text)
        actions = {found for one in posts for found in re.findall(r'action="([^"]*)"', one)}
        assert actions <= {"/stop", "/sign-out", "/deadman/confirm"}, path


# Nothing secret -----------------------------------------------------------------------------------


def secrets_of() -> list[str]:
    """Whatever must not be seen, as text and as bytes are printed."""
    found = [one.password for one in User.objects.all()]
    found += [one.key for one in TOTPDevice.objects.all()]
    found += [one.session_key for one in SessionRecord.objects.all() if one.session_key]
    digests = [bytes(one.digest) for one in ApiToken.objects.all() if one.digest]
    digests += [b"CREDENTIALCREDENTIAL", b"PUBLICKEYPUBLICKEY", b"CODEDIGEST"]
    for one in digests:
        found += [one.hex(), repr(one)[2:-1]]
    return found


def test_no_page_shows_a_secret(admin: Client, filled: dict[str, Any]) -> None:
    hidden = secrets_of()
    assert len(hidden) > 6
    for path in every_page(filled):
        text = admin.get(path).content.decode()
        assert not [one for one in hidden if one in text], path
        assert settings.SECRET_KEY not in text


@pytest.mark.parametrize(
    ("table", "lookup"),
    [
        ("auth/user", "password__startswith"), ("auth/user", "is_superuser__exact"),
        ("console/apitoken", "digest"), ("console/apitoken", "owner__password__startswith"),
        ("console/sessionrecord", "session_key__startswith"),
        ("console/authenticator", "key__startswith"), ("console/passkey", "credential_id"),
        ("console/recoveryset", "codes__digest"),
    ],
)  # fmt: skip
def test_no_question_about_a_secret_is_answered(admin: Client, table: str, lookup: str) -> None:
    """Django's admin filters by any column of the table; that would tell a hash by its letters."""
    assert admin.get(f"/admin/{table}?{lookup}=a").status_code == 400


def test_it_is_ordered_by_its_columns_alone(admin: Client, filled: dict[str, Any]) -> None:
    for table in TABLES:
        for order in ("1", "-1", "99", "password", "1.2"):
            assert admin.get(f"{table}?o={order}").status_code == 200


# To look at ---------------------------------------------------------------------------------------


def test_people_are_found_and_filtered(admin: Client, mercy: User) -> None:
    assert "mercy.okafor" in admin.get("/admin/auth/user?q=okafor").content.decode()
    page = admin.get("/admin/auth/user?is_active__exact=0").content.decode()
    assert "Nothing here is as it was asked for" in page
    role = mercy.groups.get()
    page = admin.get(f"/admin/auth/user?groups__id__exact={role.pk}").content.decode()
    assert "mercy.okafor" in page
    assert 'href="/admin/auth/user/' in page
    assert admin.get("/admin/auth/user?p=0").status_code in (200, 302)


def test_a_record_that_is_not_there_is_not_found(admin: Client) -> None:
    assert admin.get("/admin/auth/user/999999").status_code == 404
    assert admin.get("/admin/console/sessionrecord/nonsense").status_code == 404
    assert admin.get("/admin/auth/nonsense").status_code == 404


def test_a_person_is_shown_with_roles_and_factors(admin: Client, priya: User) -> None:
    page = admin.get(f"/admin/auth/user/{priya.pk}").content.decode()
    for text in ("priya.raman", "administrator", "authenticator", "means nothing here"):
        assert text in page
