"""Pages of the record come out of indexes: of three hundred thousand entries few are touched."""

import datetime as dt
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from audit.choosing import choice_of
from audit.families import DENIALS, OF_PEOPLE
from audit.reading import Place, entries_read
from audit.search import Search
from audit.story import followed_read, story_read
from tests.audit.many import FILLED

MANY = 300_000

MOST = 5_000
"""Rows that a page of 50 may touch; a walk through all of them touches sixty times as many."""
LAST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=MANY)
INDEXED: dict[str, Search] = {
    "nothing": Search(),
    "a time": Search(since=LAST - dt.timedelta(hours=30), until=LAST - dt.timedelta(hours=29)),
    "a person": Search(actors=frozenset({"person-7"})),
    "a role": Search(actors=frozenset(f"person-{n}" for n in range(20))),
    "nobody there is": Search(actors=frozenset({"no.body"})),
    "people": Search(actor_kind="person"),
    "triggers, of which there are none": Search(actor_kind="trigger"),
    "an action": Search(action="limit.raise"),
    "an action there is none of": Search(action="export.begin"),
    "a group": Search(groups=frozenset({"holds"})),
    "groups": Search(groups=frozenset({"holds", "approvals", "orders", DENIALS})),
    "a strategy": Search(on_behalf_of="strategy-5"),
    "an object": Search(object_kind="order", object_id="object-77"),
    "a correlation": Search(correlation="correlation-4000"),
    "a request": Search(request="request-5000"),
    "denials": Search(outcome="denied"),
    "failures, of which there are none": Search(outcome="failed"),
    "words": Search(text="number 5000"),
    "words of which there are none": Search(text="nonesuch"),
    "an id": Search(text="correlation-4000"),
    "an administrator's": Search(families=OF_PEOPLE),
    "a person and a group": Search(actors=frozenset({"person-7"}), groups=frozenset({"holds"})),
}


@pytest.mark.django_db
def test_a_page_is_read_off_indexes() -> None:
    """By what the database touched: few rows, however many there are."""
    with connection.cursor() as cursor:
        cursor.execute(FILLED, [MANY])
        cursor.execute("ANALYZE audit_entry")
    later = Place(LAST - dt.timedelta(hours=29, minutes=30), uuid.UUID(int=2**127))
    touched = {
        f"{name}, {where}": _touched(partial(entries_read, search, after=after, limit=50))
        for name, search in INDEXED.items()
        for where, after in (("first page", None), ("later page", later))
    }
    touched["a story"] = _touched(partial(story_read, "correlation-4000"))
    began = LAST - dt.timedelta(hours=50)
    touched["what followed"] = _touched(partial(followed_read, ["strategy-5"], began))
    for name in ("a person", "a correlation", "denials", "words", "a person and a group"):
        touched[f"an export of {name}"] = _touched(partial(choice_of, INDEXED[name]))
    assert {name: rows for name, rows in touched.items() if rows > MOST} == {}
    assert max(touched.values()) > 50  # it looks at what plans say


def _touched(work: Callable[[], Any]) -> int:
    """Rows that the plans of ``work`` read in tables, found or thrown away."""
    total = 0

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal total
        if "audit_entry" in sql and sql.lstrip("( \n").startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
                total += _rows_of(cursor.fetchone()[0][0]["Plan"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        work()
    return total


def _rows_of(plan: dict[str, Any]) -> int:
    here = 0
    if "Scan" in plan["Node Type"] and plan.get("Relation Name") == "audit_entry":
        each = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        here = int(each * plan["Actual Loops"])
    return here + sum(_rows_of(one) for one in plan.get("Plans", []))
