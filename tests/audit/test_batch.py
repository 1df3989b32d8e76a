"""Rows that go together come out of the database as each alone would."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from audit.batch import batch_sql, batch_value

pytestmark = pytest.mark.django_db

COLUMNS = ("id", "words", "amount", "count", "sure", "at", "body")
TYPES = {
    "id": "uuid", "amount": "numeric", "count": "bigint", "sure": "boolean",
    "at": "timestamptz", "body": "bytea",
}  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
FIRST, LAST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
TIMES = st.integers(0, (LAST - FIRST) // dt.timedelta(microseconds=1)).map(
    lambda us: FIRST + dt.timedelta(microseconds=us)
)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=12)
ROWS = st.lists(
    st.tuples(
        st.uuids(), TEXTS, st.none() | AMOUNTS,
        st.integers(-(2**63), 2**63 - 1), st.booleans() | st.none(), TIMES | st.none(),
        st.binary(max_size=40),
    ),
    max_size=6,
)  # fmt: skip


def rows_of(sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM made_rows")
        found = [(*one[:-1], bytes(one[-1])) for one in cursor.fetchall()]
        cursor.execute("DELETE FROM made_rows")
    return found


@pytest.fixture
def _table(db: None) -> None:
    kinds = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE made_rows ({kinds}) ON COMMIT DROP")


@pytest.mark.usefixtures("_table")
@given(ROWS)
def test_many_rows_are_what_one_by_one_they_are(rows: list[tuple[Any, ...]]) -> None:
    alone = f"INSERT INTO made_rows VALUES ({', '.join(['%s'] * len(COLUMNS))})"
    wanted = [found for row in rows for found in rows_of(alone, row)]
    many = batch_sql("made_rows", COLUMNS, TYPES, "")
    found = rows_of(many, (batch_value(COLUMNS, rows),))
    assert found == wanted == rows
    assert [str(one[2]) for one in found] == [str(one[2]) for one in wanted]


@pytest.mark.usefixtures("_table")
def test_a_large_power_of_ten_is_a_number() -> None:
    row = (uuid.UUID(int=1), "", Decimal("1E+30"), 0, None, None, b"")
    many = batch_sql("made_rows", COLUMNS, TYPES, "")
    (found,) = rows_of(many, (batch_value(COLUMNS, [row]),))
    assert found[2] == Decimal("1E+30")


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        batch_value(COLUMNS, [(1,)])
    with pytest.raises(TypeError):
        batch_value(("id",), [(object(),)])


@pytest.mark.usefixtures("_table")
def test_an_odd_character_is_refused_by_the_server_and_by_name() -> None:
    row = (uuid.UUID(int=1), "a\0b", None, 0, None, None, b"")
    many = batch_sql("made_rows", COLUMNS, TYPES, "")
    with pytest.raises(psycopg.errors.UntranslatableCharacter), connection.cursor() as cursor:
        cursor.cursor.execute(many, (batch_value(COLUMNS, [row]),))
