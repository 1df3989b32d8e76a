"""Entries land once, whole, in the transaction of what they record."""

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import CharField

from audit.canonical import NotCanonicalError
from audit.models import Entry
from audit.record import COLUMNS, INSERT_SQL, entry_id, entry_row, record

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "action": "limit.change", "actor_kind": "person", "actor": "ada.nwosu",
        "object_kind": "limit", "object_id": "firm gross-notional", "happened_at": NOON, **changes,
    }  # fmt: skip


def body_of(entry: Entry) -> dict[str, Any]:
    read = json.loads(bytes(entry.body))
    assert isinstance(read, dict)
    return read


def test_the_body_says_all_and_the_columns_repeat_it() -> None:
    record(**facts(reason="too wide", before={"value": "2"}, after={"value": "1"}))
    entry = Entry.objects.get()
    body = body_of(entry)
    assert body["before"] == {"value": "2"}
    assert body["after"] == {"value": "1"}
    assert body["happened_at"] == "2026-11-21T12:00:00.000000Z"
    assert body["id"] == str(entry.id)
    for name in COLUMNS:
        if name not in ("id", "happened_at", "body"):
            assert body[name] == getattr(entry, name)
    assert set(body) == set(COLUMNS) - {"body"} | {"before", "after"}
    assert entry.recorded_at is not None


def test_the_entry_goes_with_a_change_that_is_rolled_back() -> None:
    with transaction.atomic():
        record(**facts())
        transaction.set_rollback(True)
    assert not Entry.objects.exists()


def test_the_same_fact_twice_is_one_entry() -> None:
    ident = entry_id("fill", "paper-1", 7)
    assert ident == entry_id("fill", "paper-1", 7)
    assert ident != entry_id("fill", "paper-17", "")
    with connection.cursor() as cursor:
        for actor in ("first", "second"):
            cursor.execute(INSERT_SQL, entry_row(**facts(id=ident, actor=actor)))
    assert Entry.objects.get().actor == "first"


def test_parts_of_an_id_do_not_run_together() -> None:
    assert entry_id("a", "bc") != entry_id("ab", "c")


@pytest.mark.parametrize("name", ["actor", "object_id", "source", "request_id", "reason"])
def test_a_long_or_odd_text_does_not_lose_the_fact(name: str) -> None:
    text = "a\0é" * 400
    record(**facts(**{name: text}))
    entry = Entry.objects.get()
    assert body_of(entry)[name] == text
    kept = getattr(entry, name)
    assert kept == text.replace("\0", "\ufffd")[: len(kept)]
    assert len(kept) >= 64


def test_columns_are_as_wide_as_their_cuts() -> None:
    widths = {
        column.name: column.max_length
        for column in Entry._meta.fields
        if isinstance(column, CharField) and column.name not in ("outcome", "actor_kind")
    }
    record(**facts(**dict.fromkeys(widths, "x" * 1000)))
    entry = Entry.objects.get()
    assert {name: len(getattr(entry, name)) for name in widths} == widths


def test_what_has_no_exact_form_is_not_written() -> None:
    with pytest.raises(NotCanonicalError, match=r"\$\.after\.value"):
        record(**facts(after={"value": 0.1}))
    assert not Entry.objects.exists()
