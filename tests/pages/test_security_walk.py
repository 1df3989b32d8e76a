"""Everybody walks every page that the permission table lets them read, and nothing complains."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from playwright.sync_api import Page

from console.access.matrix import TABLE
from console.access.matrix.addresses import addresses
from console.access.matrix.rows import Caller, Door, Face
from console.access.review import review_prepare
from console.models import ApiToken, Authenticator, SessionRecord
from riskctl.actors import Actor
from riskctl.approvals import approval_request
from riskctl.holds import Kind
from riskctl.models import Approval, Limit
from tests.console.api.brakes import new_hold
from tests.console.conftest import PASSWORD
from tests.engines.documents import document
from tests.pages.conftest import _person
from tests.pages.web import Visit, Web
from trading.engines.reading import read_engine
from trading.engines.versions import version_store
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]


# Everybody walks every page -----------------------------------------------------------------------

WALKERS = {
    Caller.OWN: ("mercy.okafor", "Mercy", "Okafor", "trader"),
    Caller.RISK: ("ada.nwosu", "Ada", "Nwosu", "risk"),
    Caller.SRE: ("jonas.lindqvist", "Jonas", "Lindqvist", "sre"),
    Caller.COMPLIANCE: ("ruth.adeyemi", "Ruth", "Adeyemi", "compliance"),
    Caller.ADMIN: ("priya.raman", "Priya", "Raman", "administrator"),
}


@pytest.fixture
def asked(books: list[Strategy]) -> Approval:
    Limit.objects.create(scope="strategy:mom-eurusd", kind="order-notional", value=1000)
    return approval_request(
        kind="limit-raise", subject="limit:strategy:mom-eurusd/order-notional",
        request={"value": "2000"}, reason="tests",
        actor=Actor("person", "lena.fischer", frozenset({"risk"}), factor_age_s=1.0),
    )  # fmt: skip


def pages_of(caller: Caller, asked: Approval, user: User, share: bool) -> list[str]:
    """What the permission table lets this person read in a browser; or their share of it.

    Each page is in the share of one of those who may read it, by turns.
    """
    actor = Actor("person", "lena.fischer", frozenset({"compliance"}), factor_age_s=1.0)
    text = document("mom-eurusd", instruments=["EURUSD"])
    with transaction.atomic():
        version_store(config=read_engine(text), text=text, actor=actor, reason="tests")
    known = {
        "review_id": str(review_prepare(actor=actor, reason="tests").id),
        "key": "mom-eurusd", "hold_id": str(new_hold(Kind.KILL).id), "approval_id": str(asked.id),
        "username": user.username, "stage": "feed", "engine": "mom-eurusd",
    }  # fmt: skip
    names = {one.path: one for one in addresses()}
    found = []
    shown = [row for row in TABLE if row.face in (Face.PAGE, Face.STOP) and row.method == "GET"]
    for turn, row in enumerate(shown):
        readers = [one for one in WALKERS if one in row.who or row.door is Door.OPEN]
        if caller in readers and (not share or readers[turn % len(readers)] is caller):
            arguments = {**known, "object_id": _object_id(row.path, user)}
            missing = [one for one in names[row.path].parameters if one not in arguments]
            assert not missing, f"{row.path}: give an example of {missing}"
            found.append(names[row.path].example(arguments))
    return sorted(set(found) - {"/favicon.ico"})


def _object_id(path: str, user: User) -> str:
    """Of a record that there is, in the tables of which there is one."""
    if "sessionrecord" in path:
        return str(SessionRecord.objects.filter(person=user).values_list("id", flat=True)[0])
    return str(user.pk) if "auth/user" in path else "1"


def secrets_of(user: User) -> list[str]:
    device = Authenticator.objects.get(user=user)
    keys = [device.key, device.bin_key.hex(), settings.SECRET_KEY, user.password]
    keys += list(Session.objects.values_list("session_key", flat=True))
    keys += [bytes(one.digest).hex() for one in ApiToken.objects.all() if one.digest]
    return [one for one in keys if one]


@pytest.mark.parametrize("share", [True, pytest.param(False, marks=pytest.mark.long)])
@pytest.mark.parametrize("caller", WALKERS)
def test_no_page_complains_or_shows_a_secret(
    visit_as: As, web: Web, asked: Approval, caller: Caller, share: bool
) -> None:
    """No CSP violation, no error of a script, nothing from elsewhere, no secret in text or URL."""
    user = _person(*WALKERS[caller])
    user.password = make_password(PASSWORD)
    user.save()
    page = visit_as(user)("/holds")
    hidden = secrets_of(user)
    walked = pages_of(caller, asked, user, share)
    assert len(walked) >= (3 if share else 15)
    urls: list[str] = []
    page.do(lambda one: one.on("request", lambda request: urls.append(request.url)))
    wrong: list[str] = []
    for path in walked:
        before = len(page.complaints)
        status, source = page.do(lambda one, path=path: _read(one, web.url + path))  # type: ignore[misc]
        if status >= 500:
            wrong.append(f"{path}: {status}")
        wrong += [f"{path}: shows a secret" for one in hidden if one in source]
        wrong += [
            f"{path}: {one}" for one in page.complaints[before:]
            if "status of 4" not in one and "503" not in one
        ]  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert {url.split("/")[2] for url in urls if not url.startswith("data:")} == {
        f"127.0.0.1:{web.port}"
    }
    assert not [url for url in urls for one in hidden if one in url]
    assert not [url for url in urls if re.search(r"[?&](token|session|password|code)=", url)]


def _read(page: Page, url: str) -> tuple[int, str]:
    answer = page.goto(url)
    assert answer is not None
    return answer.status, page.content()
