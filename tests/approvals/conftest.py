"""The watched kind, for every test here, and its people."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from riskctl.approvals.kinds import KINDS
from tests.approvals import people
from tests.support.people import enrolled_where_used


@pytest.fixture(autouse=True)
def _enrolled(request: pytest.FixtureRequest) -> None:
    enrolled_where_used(request, *people.EVERYBODY)


@pytest.fixture(scope="session", autouse=True)
def _watched_rule(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The database's rule of the watched kind: kept, as those of real kinds are."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO console_approval_rule (kind, roles, needs) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [people.WATCHED, sorted(people.KIND.roles), sorted(people.KIND.needs)],
        )


@pytest.fixture(autouse=True)
def _watched_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(KINDS, people.WATCHED, people.KIND)
    monkeypatch.setitem(people.STATE, "quantities", {"paper-1": {"EURUSD": "100"}})
    monkeypatch.setitem(people.STATE, "breaks", [])
    yield
    people.DONE.clear()
    people.MISSING.clear()
    people.REFUSAL.clear()
