"""Searching the record: every filter, paging by key, and that pages come out of indexes."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from audit import reading
from audit.families import DENIALS, GROUPS, OF_PEOPLE, families_of, family_of
from audit.models import Entry
from audit.reading import (
    Place,
    SearchTooWideError,
    actions_known,
    bounded,
    entries_read,
    entry_get,
)
from audit.search import Search
from tests.audit.entries import at, new_entry

pytestmark = pytest.mark.django_db


def found(search: Search, limit: int = 50) -> list[Entry]:
    return list(entries_read(search, limit=limit).entries)


def names(search: Search) -> list[str]:
    """Objects found, newest first."""
    return [one.object_id for one in found(search)]


# Filters -----------------------------------------------------------------------------------------


@pytest.fixture
def several() -> None:
    hold = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"
    new_entry("sign-in.password", 1, actor="mercy.okafor", object_kind="user", object_id="a")
    new_entry("hold.place", 2, object_kind="hold", object_id=hold, correlation_id=hold,
              reason="Quoting through own fills", request_id="click-1")  # fmt: skip
    new_entry("limit.raise", 3, actor="lena.fischer", object_id="b", outcome="failed")
    new_entry("order.deny", 4, actor="gateway:paper-1#3", actor_kind="process", object_kind="order",
              object_id="c", on_behalf_of="mom-eurusd", outcome="denied", correlation_id="sig-1",
              reason="limit: above the notional")  # fmt: skip
    new_entry("order.accept", 5, actor="gateway:paper-1#3", actor_kind="process",
              object_kind="order", object_id="paper-1.9", on_behalf_of="mom-eurusd",
              correlation_id="sig-2")  # fmt: skip
    new_entry("trigger.breach", 6, actor="loss", actor_kind="trigger", object_kind="scope",
              object_id="firm")  # fmt: skip
    new_entry("access.deny", 7, actor_kind="token", actor="script of ada.nwosu",
              object_kind="path", object_id="/risk", outcome="denied")  # fmt: skip


HOLD = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"


@pytest.mark.parametrize(
    ("search", "objects"),
    [
        (Search(), ["/risk", "firm", "paper-1.9", "c", "b", HOLD, "a"]),
        (Search(since=at(6)), ["/risk", "firm"]),
        (Search(until=at(3)), [HOLD, "a"]),
        (Search(since=at(2), until=at(4)), ["b", HOLD]),
        (Search(actors=frozenset({"ada.nwosu"})), [HOLD]),
        (Search(actors=frozenset({"ada.nwosu", "lena.fischer", "nobody"})), ["b", HOLD]),
        (Search(actors=frozenset()), []),
        (Search(actor_kind="person"), ["b", HOLD, "a"]),
        (Search(actor_kind="process"), ["paper-1.9", "c"]),
        (Search(action="limit.raise"), ["b"]),
        (Search(action="limit.none"), []),
        (Search(groups=frozenset({"holds"})), [HOLD]),
        (Search(groups=frozenset({"holds", "limits", "sign-ins"})), ["firm", "b", HOLD, "a"]),
        (Search(groups=frozenset({"orders"})), ["paper-1.9", "c"]),
        (Search(groups=frozenset({DENIALS})), ["/risk", "c"]),
        (Search(groups=frozenset({DENIALS, "orders"})), ["/risk", "paper-1.9", "c"]),
        (Search(groups=frozenset({"limits"}), action="hold.place"), []),
        (Search(groups=frozenset({"exports"})), []),
        (Search(object_kind="order"), ["paper-1.9", "c"]),
        (Search(object_kind="order", object_id="c"), ["c"]),
        (Search(on_behalf_of="mom-eurusd"), ["paper-1.9", "c"]),
        (Search(on_behalf_of="mom-eurusd", action="order.deny"), ["c"]),
        (Search(correlation="sig-1"), ["c"]),
        (Search(request="click-1"), [HOLD]),
        (Search(outcome="denied"), ["/risk", "c"]),
        (Search(outcome="failed"), ["b"]),
        (Search(outcome="done", actor_kind="person"), [HOLD, "a"]),
        (Search(groups=frozenset({"orders"}), actors=frozenset({"gateway:paper-1#3"})),
         ["paper-1.9", "c"]),
        (Search(families=OF_PEOPLE), ["/risk", "a"]),
        (Search(families=OF_PEOPLE, groups=frozenset({"orders", "sign-ins"})), ["a"]),
        (Search(families=OF_PEOPLE, groups=frozenset({DENIALS})), ["/risk"]),
        (Search(families=OF_PEOPLE, action="order.deny"), []),
        (Search(families=OF_PEOPLE, correlation="sig-1"), []),
        (Search(families=OF_PEOPLE, text="notional"), []),
        (Search(families=frozenset()), []),
    ],
)  # fmt: skip
def test_each_filter_narrows(several: None, search: Search, objects: list[str]) -> None:
    assert names(search) == objects


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("quoting", [HOLD]),
        ("FILLS own", [HOLD]),
        ("quot", [HOLD]),
        ("quoting notional", []),
        ("uoting", []),
        ("hold.place", [HOLD]),
        ("breach", ["firm"]),
        ("0d9c6f2e", [HOLD]),
        (HOLD, [HOLD]),
        ("notional", ["c"]),  # an order that was denied has a reason; one that was not has none
        ("accept", []),
        ("sig-2", ["paper-1.9"]),
        ("click-1", [HOLD]),
        ("mom-eurusd", ["paper-1.9", "c"]),
        ("mercy.okafor", ["a"]),
        ("risk", ["/risk"]),
        ("' | !:*\\ &", []),
        ("…", []),
    ],
)
def test_words_are_found_where_they_begin_and_ids_whatever_they_are_of(
    several: None, text: str, objects: list[str]
) -> None:
    assert names(Search(text=text)) == objects


def test_a_search_by_words_narrows_as_any_other(several: None) -> None:
    assert names(Search(text="limit", actors=frozenset({"lena.fischer"}))) == ["b"]
    assert names(Search(text="limit", groups=frozenset({"orders"}))) == ["c"]
    assert names(Search(text="limit", until=at(4))) == ["b"]


def test_one_that_is_found_in_two_ways_is_found_once() -> None:
    new_entry("order.deny", 1, object_id="x", outcome="denied", actor="same", correlation_id="same",
              request_id="same", on_behalf_of="same", reason="same")  # fmt: skip
    assert names(Search(text="same")) == ["x"]
    assert names(Search(groups=frozenset({DENIALS, "orders"}))) == ["x"]


def test_a_reason_of_any_length_and_kind_can_be_written() -> None:
    """An expression of an index that fails would lose the fact."""
    for number, reason in enumerate(("x" * 3_000_000, "é " * 1_000_000, "<a> & 'b' :* \\", "€")):
        new_entry("limit.raise", number, reason=reason, object_id=str(number))
    assert len(found(Search())) == 4


# Groups ------------------------------------------------------------------------------------------


def test_a_family_is_in_one_group_at_most() -> None:
    families = [one for group in GROUPS.values() for one in group]
    assert len(families) == len(set(families))
    assert family_of("hold.place") == "hold"
    assert family_of("sign-out") == "sign-out"
    with pytest.raises(KeyError):
        families_of(["holds", "nothing"])


def test_every_action_that_the_record_holds_is_known() -> None:
    assert actions_known() == []
    for number, action in enumerate(("b.b", "a.a", "c.c", "b.b", "a.a")):
        new_entry(action, number)
    assert actions_known() == ["a.a", "b.b", "c.c"]


# Paging ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "search",
    [
        Search(),
        Search(groups=frozenset({"limits", "holds"})),
        Search(groups=frozenset({DENIALS, "limits", "holds"})),
        Search(actors=frozenset({"ada.nwosu", "lena.fischer"})),
        Search(text="reason"),
        Search(text="same"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_by_key_miss_and_repeat_nothing_over_equal_times(search: Search, limit: int) -> None:
    """Entries of one transaction have one time."""
    for number in range(17):
        new_entry(
            ("limit.raise", "hold.place", "limit.tighten")[number % 3], number // 6,
            actor=("ada.nwosu", "lena.fischer")[number % 2], object_id=str(number),
            outcome=("done", "denied")[number % 2], reason="a reason", correlation_id="same",
            request_id="same",
        )  # fmt: skip
    paged: list[Entry] = []
    after: Place | None = None
    while True:
        page = entries_read(search, after=after, limit=limit)
        paged += page.entries
        assert len(page.entries) == limit or page.following is None
        new_entry("limit.raise", 99, reason="a reason", correlation_id="same")  # moves nothing
        if page.following is None:
            break
        after = page.following
    expected = sorted(
        Entry.objects.filter(recorded_at__lt=at(50)), key=lambda one: (one.recorded_at, one.id)
    )
    assert [one.id for one in paged] == [one.id for one in reversed(expected)]


def test_an_entry_is_had_by_its_id_where_its_family_is_seen() -> None:
    one = new_entry("limit.raise")
    assert entry_get(one.id) == one
    assert entry_get(one.id, frozenset({"limit"})) == one
    assert entry_get(one.id, OF_PEOPLE) is None
    assert entry_get(uuid.uuid4()) is None


# Time --------------------------------------------------------------------------------------------


def test_a_search_that_takes_too_long_is_ended_and_nothing_else_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "LONGEST_S", 0.05)
    before = _timeout()
    with pytest.raises(SearchTooWideError), bounded(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
    assert _timeout() == before
    with bounded(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert _timeout() != before
    assert _timeout() == before


def _timeout() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()


def test_a_cursor_of_another_search_is_a_place_in_time(several: None) -> None:
    page = entries_read(Search(), limit=3)
    rest = entries_read(
        replace(Search(), groups=frozenset({"limits"})), after=page.following, limit=9
    )
    assert [one.object_id for one in rest.entries] == ["b"]
