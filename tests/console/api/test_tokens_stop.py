"""A stop token's end counts wherever the database answers, whatever leave the token carries."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from console.access.tokens import token_collect, token_revoke
from console.api import authentication, stops
from console.models import ApiToken
from riskctl.actors import Actor
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.test_problems import problem

pytestmark = pytest.mark.django_db(transaction=True)

KILL = "/emergency/stop-trading"
MERCY = Actor(kind="person", name="mercy.okafor", roles=frozenset({"trader"}), factor_age_s=5.0)


@pytest.fixture
def token(mercy: User) -> tuple[ApiToken, str]:
    """One that two people agreed to, collected: it carries leave to stop."""
    now = dt.datetime.now(dt.UTC)
    row = ApiToken.objects.create(
        name="stopper", owner=mercy, scopes=["read", "stop"], networks=["192.0.2.0/24"],
        expires_at=now + dt.timedelta(days=1), collect_until=now + dt.timedelta(hours=1),
    )  # fmt: skip
    made = token_collect(token_id=row.pk, actor=MERCY)
    return made.token, made.text


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the database fail for what asks it about a stop."""

    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    def go() -> None:
        monkeypatch.setattr(authentication, "_looked_up", away)
        monkeypatch.setattr(stops, "_look_up", away)

    return go


def script(text: str, where: str = "192.0.2.7") -> Client:
    headers = {"Authorization": f"Bearer {text}"}
    return Client(headers=headers, REMOTE_ADDR=where, raise_request_exception=False)


def test_it_stops_until_it_is_revoked(brakes: BrakesDesk, token: tuple[ApiToken, str]) -> None:
    row, text = token
    assert sent(script(text), KILL).status_code in {200, 202}
    told = len(brakes.told())
    token_revoke(token_id=row.pk, actor=MERCY)
    problem(sent(script(text), KILL), 401, "token-revoked")
    assert len(brakes.told()) == told


def test_without_the_database_it_stops_all_the_same(
    brakes: BrakesDesk, token: tuple[ApiToken, str], gone: Callable[[], None]
) -> None:
    """Stopping too much is the smaller harm: console.access.capability says so."""
    row, text = token
    token_revoke(token_id=row.pk, actor=MERCY)
    gone()
    assert sent(script(text), KILL).status_code in {200, 202}
    (hold,) = brakes.gateway.holds.values()
    assert (hold.placed_by, hold.on_behalf_of) == ("stopper of mercy.okafor", "mercy.okafor")


def test_from_elsewhere_it_does_not_stop_with_or_without_the_database(
    brakes: BrakesDesk, token: tuple[ApiToken, str], gone: Callable[[], None]
) -> None:
    _, text = token
    problem(sent(script(text, "198.51.100.1"), KILL), 401, "token-elsewhere")
    gone()
    problem(sent(script(text, "198.51.100.1"), KILL), 401, "token-elsewhere")
    assert not brakes.told()


def test_a_disabled_owners_token_stops_nothing(
    brakes: BrakesDesk, token: tuple[ApiToken, str], mercy: User
) -> None:
    mercy.is_active = False
    mercy.save()
    problem(sent(script(token[1]), KILL), 401, "token-owner-inactive")
    assert not brakes.told()
