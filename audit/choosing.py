"""What an export is of: the whole record, what a search finds, or a story; and reading it in order.

What is few is known before the first line is given out, and so is how much there is to come. What
is many is found on the way, a slice of the record at a time: a download may take longer than any
statement may.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from django.db import connection

from audit.exporting import Placed
from audit.models import Place
from audit.places import RECORDED_AT, PlaceStore
from audit.reading import SearchTooWideError, bounded, found_by
from audit.search import Search

FEW = 50_000
"""What is held by its places; more is walked to."""
SLICE = 5_000
_AT_ONCE = 1_000
_CLOCK = dt.timedelta(hours=1)
"""How far clocks of the database may have been set back between recording and placing."""
_ROWS = (
    f"SELECT place.index, {RECORDED_AT}, place.chain, entry.body"  # noqa: S608 - constants
    " FROM audit_place AS place JOIN audit_entry AS entry ON entry.id = place.entry_id"
)
_PLACED_AT = "SELECT placed_at FROM audit_place WHERE index >= %s ORDER BY index LIMIT 1"


@dataclass(frozen=True, slots=True)
class Choice:
    """``stated``: in words, empty: the whole record. ``places``: indexes in order, None: many.

    ``condition``: in SQL, of ``entry``, where ``places`` is None; ``since``: none is older.
    """

    stated: Mapping[str, str] = field(default_factory=dict)
    places: Sequence[int] | None = None
    condition: str = ""
    since: dt.datetime | None = None

    @property
    def whole(self) -> bool:
        return not self.stated

    def count(self, size: int) -> int | None:
        """How many entries it is of, up to a tree of ``size``; None: not known before."""
        if self.whole:
            return size
        return None if self.places is None else sum(one < size for one in self.places)


def choice_of(search: Search) -> Choice:
    """What ``search`` finds. Raises db.Error."""
    if search.whole:
        return Choice()
    rows = found_by(search)
    try:
        with bounded():
            places = list(
                rows.filter(place__isnull=False).values_list("place__index", flat=True)[: FEW + 1]
            )
    except SearchTooWideError:
        places = None
    if places is not None and len(places) <= FEW:
        return Choice(search.stated, tuple(sorted(places)))
    sql, values = rows.order_by().values("id").query.sql_with_params()
    connection.ensure_connection()
    said = psycopg.ClientCursor(connection.connection).mogrify(sql, values)
    return Choice(search.stated, None, f" AND entry.id IN ({said})", search.since)


def choice_of_story(ident: str, entries: Collection[uuid.UUID]) -> Choice:
    """The ``entries`` of a story, as far as they have their place. Raises db.Error."""
    rows = Place.objects.filter(entry_id__in=entries).order_by("index")
    return Choice({"story": ident}, tuple(rows.values_list("index", flat=True)))


def chosen(store: PlaceStore, choice: Choice, size: int) -> Iterator[Placed]:
    """Entries of the first ``size`` places that are chosen, in order. Raises psycopg.Error."""
    if choice.places is None:
        yield from _walked(store, choice, size)
        return
    places = [one for one in choice.places if one < size]
    for start in range(0, len(places), _AT_ONCE):
        few = places[start : start + _AT_ONCE]
        yield from _read(store, f"{_ROWS} WHERE place.index = ANY(%s)", (few,))


def _walked(store: PlaceStore, choice: Choice, size: int) -> Iterator[Placed]:
    sql = f"{_ROWS} WHERE place.index >= %s AND place.index < %s"
    if choice.condition:  # it is text already, in which no value is to be put
        sql += choice.condition.replace("%", "%%")
    start = 0 if choice.since is None else _first_since(store, choice.since - _CLOCK, size)
    for first in range(start, size, SLICE):
        yield from _read(store, sql, (first, min(first + SLICE, size)))


def _read(store: PlaceStore, sql: str, values: tuple[object, ...]) -> Iterator[Placed]:
    for index, at, chain, body in store.rows(f"{sql} ORDER BY place.index", values):
        yield Placed(index, at, bytes(chain), bytes(body))


def _first_since(store: PlaceStore, since: dt.datetime, size: int) -> int:
    """The first place given at or after ``since``: no entry was recorded after it was placed."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        rows = store.rows(_PLACED_AT, (middle,))
        if rows and rows[0][0] < since:
            low = middle + 1
        else:
            high = middle
    return low
