"""Searching the record, newest first. Every page is the beginning of an index, or of a few of them.

A search for several actions or several people is one for each, merged: only within one of them do
rows lie in the order of time. Nothing is counted.
"""

import contextlib
import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from audit.families import DENIALS, families_of, family_of, within
from audit.models import SEAMS, SEARCHED, Entry, Outcome, words
from audit.search import Search

LONGEST_S = 5
"""A search that takes longer is ended: it holds a connection that others wait for."""
WORDS_MOST = 8
OVERLAP = 5
"""In how many branches of one search the same entry may be, at most."""
_ACTIONS_SQL = """
WITH RECURSIVE known AS (
  (SELECT action FROM audit_entry ORDER BY action LIMIT 1)
  UNION ALL
  SELECT (SELECT action FROM audit_entry WHERE action > known.action ORDER BY action LIMIT 1)
  FROM known WHERE known.action IS NOT NULL
)
SELECT action FROM known WHERE action IS NOT NULL
"""


class SearchTooWideError(Exception):
    """It was not found out in ``LONGEST_S``; nothing else is wrong."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended."""

    at: dt.datetime
    id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Page:
    """``following``: where the next page begins after, None at the end."""

    entries: tuple[Entry, ...]
    following: Place | None


def entries_read(search: Search, *, after: Place | None = None, limit: int) -> Page:
    """Raises SearchTooWideError, db.Error."""
    rows = _narrowed(search)
    if after is not None:
        rows = rows.filter(recorded_at__lte=after.at).filter(
            Q(recorded_at__lt=after.at) | Q(id__lt=after.id)
        )
    with bounded():
        branches = [rows.filter(one) for one in _branches(search)]
        found = _merged(branches, limit + 1)
    if len(found) <= limit:
        return Page(tuple(found), None)
    last = found[limit - 1]
    return Page(tuple(found[:limit]), Place(last.recorded_at, last.id))


def found_by(search: Search) -> QuerySet[Entry]:
    """All of it as one query, in no order. Raises db.Error."""
    rows, branches = _narrowed(search), _branches(search)
    return rows.filter(_any_of(branches)) if all(branches) else rows  # an empty one narrows nothing


def entry_get(ident: uuid.UUID, families: frozenset[str] | None = None) -> Entry | None:
    """The entry of this id, where the reader may see its family."""
    found = Entry.objects.filter(id=ident).first()
    return found if found is not None and seen(found, families) else None


def seen(entry: Entry, families: frozenset[str] | None) -> bool:
    return families is None or family_of(entry.action) in families


def actions_known() -> list[str]:
    """Every action that the record holds: one step in an index for each."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS_SQL)
        return [str(row[0]) for row in cursor.fetchall()]


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raises SearchTooWideError for what inside takes longer than ``LONGEST_S``."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{LONGEST_S}s"])
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SearchTooWideError from error
        raise


def _narrowed(search: Search) -> QuerySet[Entry]:
    return Entry.objects.alias(searched=words()).filter(_narrowing(search))


def _narrowing(search: Search) -> Q:
    """What holds of every entry found, whichever way it is found."""
    given: dict[str, object] = {
        "recorded_at__gte": search.since,
        "recorded_at__lt": search.until,
        "actor_kind": search.actor_kind,
        "on_behalf_of": search.on_behalf_of,
        "object_kind": search.object_kind,
        "object_id": search.object_id,
        "correlation_id": search.correlation,
        "request_id": search.request,
        "outcome": search.outcome,
    }
    narrow = Q(**{name: value for name, value in given.items() if value})
    for name in ("on_behalf_of", "correlation_id", "request_id"):
        if given[name]:  # as their indexes say it
            narrow &= ~Q(**{name: ""})
    return narrow


def _branches(search: Search) -> list[Q]:
    """Ways to find an entry, each with rows in the order of time; one may be found by several."""
    actions = _actions(search)
    texts = _texts(search.text) if search.text.strip() else [Q()]
    if _few(search) or search.text.strip():
        narrow = Q() if actions is None else _any_of(actions)
        if search.actors is not None:
            narrow &= Q(actor__in=sorted(search.actors))
        return [text & narrow for text in texts]
    if actions is None:
        names = search.actors
        return [Q()] if names is None else [Q(actor=one) for one in sorted(names)]
    narrow = Q() if search.actors is None else Q(actor__in=sorted(search.actors))
    return [one & narrow for one in actions]


def _few(search: Search) -> bool:
    """Whether an index finds few entries whatever else is asked for."""
    return bool(search.object_id or search.correlation or search.request)


def _actions(search: Search) -> list[Q] | None:
    """Of which actions; None: of all."""
    if not search.action and not search.groups and search.families is None:
        return None
    if search.action and not search.groups and search.families is None:
        return [Q(action=search.action)]
    known = actions_known()
    if search.families is not None:
        known = within(known, search.families)
    if search.action:
        known = [one for one in known if one == search.action]
    if not search.groups:
        return [Q(action=one) for one in known]
    asked = within(known, families_of(search.groups))
    found = [Q(action=one) for one in asked]
    if DENIALS in search.groups:
        denied = Q(outcome=Outcome.DENIED)
        all_of_them = search.families is None and not search.action
        found.append(denied if all_of_them else denied & Q(action__in=known))
    return found


def _any_of(ways: Sequence[Q]) -> Q:
    found = Q(pk__in=[])
    for one in ways:
        found |= one
    return found


def _texts(text: str) -> list[Q]:
    """By words that begin so, all of them; or by an id, whatever it is the id of."""
    ways = []
    plain = text.translate(str.maketrans(SEAMS, " " * len(SEAMS)))
    parts = re.findall(r"\w+", plain)[:WORDS_MOST]
    if parts:
        asked = SearchQuery(
            " & ".join(f"'{one}':*" for one in parts), config="simple", search_type="raw"
        )
        ways.append(SEARCHED & Q(searched=asked))
    one = text.strip()
    if not re.search(r"\s", one):
        ways += [
            Q(correlation_id=one) & ~Q(correlation_id=""),
            Q(request_id=one) & ~Q(request_id=""),
            Q(on_behalf_of=one) & ~Q(on_behalf_of=""),
            Q(actor=one),
        ]
    return ways


def _merged(branches: Sequence[QuerySet[Entry]], most: int) -> list[Entry]:
    """The newest ``most`` of all branches, each entry once."""
    newest = ("-recorded_at", "-id")
    if not branches:
        return []
    ordered = [one.order_by(*newest)[:most] for one in branches]
    if len(ordered) == 1:
        return list(ordered[0])
    rows = ordered[0].union(*ordered[1:], all=True).order_by(*newest)
    found: dict[uuid.UUID, Entry] = {}
    for row in rows[: most * OVERLAP]:
        found.setdefault(row.id, row)
    return list(found.values())[:most]
