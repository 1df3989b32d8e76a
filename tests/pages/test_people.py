"""People and sizes as pages: what is said, who may, and what is not shown."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access.desks import permissions_follow
from console.access.rights import roles_of
from console.access.sessions import FACTOR_AT
from riskctl.models import Approval, Limit
from tests.approvals.people import hold
from tests.console.access.world import limits
from tests.console.conftest import entries
from tests.pages.conftest import _person, open_session
from tests.pages.frames import desk_frame, keep, strategy_line
from trading.models import Strategy

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of(settings: Settings) -> Callable[..., Client]:
    def make(user: User, *, factor_age_s: int = 0) -> Client:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
        if factor_age_s:
            session = client.session
            session[FACTOR_AT] -= factor_age_s
            session.save()
        return client

    return make


@pytest.fixture
def priya(client_of: Callable[..., Client], mercy: User) -> Client:
    return client_of(_person("priya.raman", "Priya", "Raman", "administrator"))


def read(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return str(answer.content.decode())


# People ------------------------------------------------------------------------------------------


def test_the_list_the_roles_and_the_desks(priya: Client) -> None:
    _person("both.roles", "Both", "Roles", "trader").groups.add(
        User.objects.get(username="priya.raman").groups.get()
    )
    page = read(priya, "/people")
    wanted = (
        "Mercy Okafor", "mercy.okafor", "Risk manager", "another administrator or risk",
        "Invite somebody", "Floor", "should not be together", "authenticator",
    )  # fmt: skip
    assert [word for word in wanted if word not in page] == []
    assert 'aria-current="page">People' in page


@pytest.mark.parametrize("role", ["trader", "sre"])
def test_people_are_not_shown_to_who_has_nothing_to_do_with_them(
    mercy: User, client_of: Callable[..., Client], role: str
) -> None:
    client = client_of(_person("some.one", "Some", "One", role))
    for path in ("/people", "/people/mercy.okafor", "/people/nobody"):
        page = read(client, path, 403)
        assert "People are shown to administrators, risk and compliance" in page
    assert 'href="/people"' not in read(client, "/security")
    denied = [one for one in entries("access.deny") if one["actor"] == "some.one"]
    assert {one["after"]["code"] for one in denied} == {"people-not-your-role"}
    assert len(denied) == 3


@pytest.mark.parametrize("role", ["risk", "compliance"])
def test_who_reads_them_without_changing_them(
    mercy: User, client_of: Callable[..., Client], role: str
) -> None:
    client = client_of(_person("some.one", "Some", "One", role))
    assert "Invite somebody" not in read(client, "/people")
    page = read(client, "/people/mercy.okafor")
    assert "Not yours to change" in page
    assert "Take away" not in page.replace("Take away</span>", "")
    assert client.post("/people/mercy.okafor/disable").status_code == 403
    assert User.objects.get(username="mercy.okafor").is_active


def test_somebody_is_invited_and_their_password_shown_once(priya: Client) -> None:
    said = {"username": "nina.new", "first_name": "Nina", "last_name": "New"}
    answer = priya.post("/people", said)
    assert answer.status_code == 201, answer.content
    page = answer.content.decode()
    assert "nina.new is invited" in page
    password = page.split('invited-password">')[1].split("<")[0]
    assert User.objects.get(username="nina.new").check_password(password)
    assert password not in read(priya, "/people")
    wrong = priya.post("/people", said | {"username": "Nina New"})
    assert wrong.status_code == 400
    assert "Username: 1 to 60 small letters" in wrong.content.decode()
    assert 'value="Nina New"' in wrong.content.decode()
    again = priya.post("/people/nina.new/invite")
    assert "nina.new is invited" in again.content.decode()
    assert not User.objects.get(username="nina.new").check_password(password)


def test_inviting_with_an_old_factor_asks_for_it_again(
    mercy: User, client_of: Callable[..., Client]
) -> None:
    client = client_of(_person("priya.raman", "P", "R", "administrator"), factor_age_s=900)
    assert "Confirm it is you" in read(client, "/people")
    answer = client.post("/people", {"username": "n.n", "first_name": "N", "last_name": "N"})
    assert answer.status_code == 403
    assert not User.objects.filter(username="n.n").exists()


def test_a_role_is_asked_for_and_taken_away(priya: Client, client_of: Any) -> None:
    said = {"role": "sre", "reason": "on call"}
    answer = priya.post("/people/mercy.okafor/grant", said)
    row = Approval.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/approvals/{row.id}")
    assert "A request about them waits" in read(priya, "/people/mercy.okafor")
    ada = client_of(_person("ada.nwosu", "Ada", "Nwosu", "risk"))
    page = read(ada, f"/approvals/{row.id}")
    assert "Roles of M. Okafor" in page
    assert "sre, trader" in page
    done = ada.post(f"/approvals/{row.id}/approve", {"digest": row.digest})
    assert done.status_code == 303, done.content
    assert roles_of("mercy.okafor") == {"trader", "sre"}
    gone = priya.post("/people/mercy.okafor/revoke", {"role": "sre"}, follow=True)
    assert "mercy.okafor is no longer sre." in gone.content.decode()
    assert roles_of("mercy.okafor") == {"trader"}


def test_disabled_at_once_and_asked_back(priya: Client) -> None:
    page = priya.post("/people/mercy.okafor/disable", {"reason": "left"}, follow=True)
    assert "nothing opens to them any more" in page.content.decode()
    assert not User.objects.get(username="mercy.okafor").is_active
    shown = read(priya, "/people/mercy.okafor")
    assert "The other person: another administrator or risk manager." in shown
    assert "Grant a role" not in shown
    assert priya.post("/people/mercy.okafor/enable", {"reason": "is back"}).status_code == 303
    assert Approval.objects.get().request == {"grant": "enable"}


def test_desks_are_left_and_joined(priya: Client) -> None:
    page = priya.post("/people/mercy.okafor/leave", {"desk": "floor"}, follow=True)
    assert "has left floor" in page.content.decode()
    answer = priya.post("/people/mercy.okafor/join", {"desk": "floor", "reason": "back"})
    assert answer.status_code == 303
    assert Approval.objects.get().request == {"grant": "desk", "desk": "floor"}


def test_nobody_changes_themselves(priya: Client) -> None:
    page = read(priya, "/people/priya.raman")
    assert "This is you" in page
    for verb, said in (("disable", {}), ("revoke", {"role": "administrator"}),
                       ("grant", {"role": "risk", "reason": "x"})):  # fmt: skip
        assert priya.post(f"/people/priya.raman/{verb}", said).status_code == 403
    assert roles_of("priya.raman") == {"administrator"}


def test_people_who_are_not_there(priya: Client) -> None:
    assert "there is no person" in read(priya, "/people/nobody", 403)
    assert priya.post("/people/nobody/disable").status_code == 403
    assert priya.post("/people/nobody/invite").status_code == 404


# Sizes -------------------------------------------------------------------------------------------


@pytest.fixture
def sized(books: list[Strategy]) -> None:
    limits("mom-eurusd", order="2400", position="1500", gross="3000")


def size() -> Decimal:
    return Decimal(Strategy.objects.get(key="mom-eurusd").size_notional)


def test_a_size_is_set_from_its_page(
    sized: None, mercy: User, redis: Redis, client_of: Callable[..., Client]
) -> None:
    client = client_of(mercy)
    page = read(client, "/strategies/mom-eurusd")
    assert "1,000.00 USD per symbol" in page
    assert "one person sets up to 1,200.00" in page
    answer = client.post("/strategies/mom-eurusd/size", {"size": "1,150.50", "version": "1"})
    assert (answer.status_code, size()) == (303, Decimal("1150.50"))
    stale = client.post("/strategies/mom-eurusd/size", {"size": "900", "version": "1"})
    assert stale.status_code == 412
    assert "version 2 by now" in stale.content.decode()
    wrong = client.post("/strategies/mom-eurusd/size", {"size": "much"})
    assert wrong.status_code == 400
    assert 'value="much"' in wrong.content.decode()


def test_beyond_the_limits_it_becomes_a_request(
    sized: None, mercy: User, redis: Redis, client_of: Callable[..., Client]
) -> None:
    client = client_of(mercy)
    answer = client.post(
        "/strategies/mom-eurusd/size", {"size": "2000", "reason": "larger book", "version": "1"}
    )
    row = Approval.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/approvals/{row.id}")
    assert size() == 1000
    assert "A request waits" in read(client, "/strategies/mom-eurusd")
    ada = client_of(_person("ada.nwosu", "Ada", "Nwosu", "risk"))
    assert "mom-eurusd" in read(ada, f"/approvals/{row.id}")
    assert ada.post(f"/approvals/{row.id}/approve", {"digest": row.digest}).status_code == 303
    assert size() == 2000
    assert Limit.objects.get(scope="strategy:mom-eurusd", kind="order-notional").value == 4800


def test_the_other_traders_size_is_not_theirs_to_set(
    sized: None, tomas: User, redis: Redis, client_of: Callable[..., Client]
) -> None:
    client = client_of(tomas)
    assert "Set by its trader or by risk." in read(client, "/strategies/mom-eurusd")
    assert client.post("/strategies/mom-eurusd/size", {"size": "1"}).status_code == 403
    assert size() == 1000


# What is not shown --------------------------------------------------------------------------------


@pytest.fixture
def other(
    books: list[Strategy], mercy: User, tomas: User, redis: Redis,
    client_of: Callable[..., Client],
) -> Client:  # fmt: skip
    """Tomas, on no desk: his own strategy alone. The frame has both."""
    tomas.desks.clear()
    mercy.desks.clear()
    lines = [
        strategy_line("mom-eurusd", pnl="77.77"),
        strategy_line("mr-btcusdt", pnl="5.00", owner="tomas.brandt", account="paper-2"),
    ]
    keep(redis, desk_frame(*lines))
    for row in books:
        limits(row.key, "1", "1", "1")
    permissions_follow()
    return client_of(tomas)


# The stop's door asks by a thread of its own: what it is to find must be committed.
@pytest.mark.django_db(transaction=True)
def test_no_page_names_another_desks_strategy(other: Client) -> None:
    hold(scope="strategy:mom-eurusd")
    hold(scope="venue:paper-1")
    for path in ("/", "/holds", "/risk", "/stop", "/approvals", "/strategies/mr-btcusdt",
                 "/desk/tape", "/stop/preview?scope=firm"):  # fmt: skip
        page = read(other, path)
        for word in ("mom-eurusd", "77.77", "paper-1"):
            assert word not in page, (path, word)
    assert "mr-btcusdt" in read(other, "/")
    assert "+5" in read(other, "/")


def test_another_desks_page_says_who_may_and_not_whether_it_is_there(other: Client) -> None:
    row = hold(scope="strategy:mom-eurusd")
    for path in ("/strategies/mom-eurusd", "/strategies/not-there", f"/holds/{row.id}",
                 f"/holds/{row.id}/receipt"):  # fmt: skip
        page = read(other, path, 403)
        assert "risk, SRE and compliance see it" in page, path
    for path in ("/strategies/mom-eurusd/stage", "/strategies/mom-eurusd/size",
                 f"/holds/{row.id}/lift"):  # fmt: skip
        assert other.post(path, {"to": "stopped", "size": "1"}).status_code == 403
    denied = [one["after"]["code"] for one in entries("access.deny")]
    assert denied == ["strategy-not-yours"] * 2 + ["scope-not-yours"] * 2 + [
        "strategy-not-yours", "strategy-not-yours", "scope-not-yours",
    ]  # fmt: skip


def test_the_preview_of_anothers_is_not_shown_and_its_stop_refused_by_its_own_rule(
    other: Client,
) -> None:
    page = read(other, "/stop/preview?scope=strategy:mom-eurusd", 403)
    assert "has to do with no strategy of your desks" in page
    assert "Orders to cancel" not in page


def test_administrators_see_the_firms_state_and_no_strategy(
    books: list[Strategy], redis: Redis, priya: Client
) -> None:
    keep(redis, desk_frame(strategy_line("mom-eurusd", pnl="77.77")))
    page = read(priya, "/")
    assert "mom-eurusd" not in page
    assert "You are on no desk" in page
    assert "ACTIVE" in page
    read(priya, "/strategies/mom-eurusd", 403)
