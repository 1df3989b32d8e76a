"""The record benchmark's measuring process, set up as the console is: ROUNDS MANY."""

import datetime as dt
import json
import sys
import time
import uuid

from django.db import connection

from audit.reading import Place, entries_read
from tests.audit.test_search_indexes import INDEXED

LIMIT = 50
_PAGE = "SELECT * FROM audit_entry WHERE id >= %s ORDER BY id LIMIT 50"


def main() -> None:
    """Milliseconds of each search's first page, and of one from the middle of the record."""
    rounds, many = map(int, sys.argv[1:])
    middle = dt.datetime(2026, 11, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=many // 2)
    places = {"first": None, "middle": Place(middle, uuid.UUID(int=2**127))}
    found: dict[str, list[float]] = {"by key": []}
    for _ in range(rounds + 1):
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(_PAGE, [uuid.uuid4()])
            cursor.fetchall()
        found["by key"].append((time.perf_counter() - began) * 1e3)
        for name, search in INDEXED.items():
            for where, after in places.items():
                began = time.perf_counter()
                entries_read(search, after=after, limit=LIMIT)
                took = (time.perf_counter() - began) * 1e3
                found.setdefault(f"{name}, {where}", []).append(took)
    print(json.dumps({name: times[1:] for name, times in found.items()}))  # the first round warms
