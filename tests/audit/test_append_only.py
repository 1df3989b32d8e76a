"""The database itself refuses to change or remove what was recorded."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import Entry
from audit.record import record
from trading.models import Fill, VenueAccount

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def rows() -> None:
    record(
        action="sign-in.password", actor_kind="person", actor="ada.nwosu", object_kind="session",
        object_id="s",
    )  # fmt: skip
    account = VenueAccount.objects.create(name="paper-1", venue="v", adapter="a", address="h:1")
    Fill.objects.create(
        account=account, venue_fill_id="f1", sequence=1, symbol="EURUSD", side="buy",
        quantity=Decimal(1), price=Decimal(1), fee=Decimal(0), fee_currency="USD",
        venue_time=NOW, feed_time=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody'",
        "UPDATE audit_entry SET actor = actor",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "INSERT INTO audit_entry TABLE audit_entry ON CONFLICT (id) DO UPDATE SET actor = 'x'",
        "UPDATE trading_fill SET price = 2",
        "DELETE FROM trading_fill",
        "TRUNCATE trading_fill CASCADE",
    ],
)
def test_refused(rows: None, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Entry.objects.get().actor == "ada.nwosu"
    assert Fill.objects.get().price == 1


def test_django_is_refused_as_well(rows: None) -> None:
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Entry.objects.all().delete()
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Fill.objects.get().delete()


def test_a_fill_is_there_once(rows: None) -> None:
    again = Fill.objects.get()
    again.pk = None
    for changes in ({"sequence": 2}, {"venue_fill_id": "f2"}):
        for name, value in changes.items():
            setattr(again, name, value)
        with pytest.raises(DatabaseError, match="duplicate key"), transaction.atomic():
            again.save(force_insert=True)
        again.sequence, again.venue_fill_id = 1, "f1"
