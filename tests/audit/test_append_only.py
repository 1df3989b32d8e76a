"""The database itself refuses to change or remove what was recorded."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from audit.guarding import TABLES
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


@pytest.mark.parametrize("table", TABLES)
def test_triggers_refuse_the_owner_of_every_table_of_the_record(table: str) -> None:
    """TRUNCATE asks no row; UPDATE and DELETE are refused row by row, by one trigger each table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'O'"
            " AND tgname LIKE 'pgtrigger_append_only%%'"
            " AND tgtype::int & 1 = 1 AND tgtype::int & 2 = 2"  # each row, before
            " AND tgtype::int & 8 = 8 AND tgtype::int & 16 = 16",  # DELETE, UPDATE
            [table],
        )
        assert cursor.fetchone() == (1,)
        with pytest.raises(DatabaseError, match="never removed"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")


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
