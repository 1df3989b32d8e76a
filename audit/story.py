"""One story of the record: everything that hangs together with one id, in the order it happened.

It is followed in bounded steps (audit.linking): a few rounds, a bounded number of keys in each,
and of what is many (orders, fills) the first ones of each key.
"""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, Value

from audit.linking import CORRELATION, REQUEST, Facts, Key, keys_of, keys_of_id
from audit.models import Entry
from audit.reading import bounded, seen

ROUNDS = 5
KEYS_MOST = 40
ENTRIES_MOST = 300
"""Of one key, without orders and fills."""
MANY_MOST = 40
"""Orders and fills of one key."""
REQUEST_MOST = 20
"""An id that more entries share is no single request: callers may choose it themselves."""
FOLLOWED_MOST = 12
MANY = ["order", "fill"]

Elsewhere = Callable[[Collection[Key]], Iterable[Key]]
"""What the caller knows of that leads on from objects, beside the record itself."""


@dataclass(frozen=True, slots=True)
class Story:
    """``entries`` in the order they happened. ``whole``: nothing was left out."""

    entries: tuple[Entry, ...]
    whole: bool


def body_of(entry: Entry) -> dict[str, Any]:
    """What the canonical bytes say."""
    said = json.loads(bytes(entry.body))
    if not isinstance(said, dict):
        raise TypeError(f"the body of entry {entry.id} is no object")
    return said


def story_read(
    ident: str,
    *,
    families: frozenset[str] | None = None,
    elsewhere: Elsewhere = lambda _keys: (),
) -> Story:
    """The story that ``ident`` is part of, of entries that the reader may see.

    ``ident``: a correlation or request id, or the id of a hold, an approval, an order. Raises
    audit.reading.SearchTooWideError, db.Error.
    """
    found: dict[uuid.UUID, Entry] = {}
    known: set[Key] = set()
    waiting: list[Key] = keys_of_id(ident)
    whole = True
    with bounded():
        for _ in range(ROUNDS):
            asked, left = waiting[:KEYS_MOST], waiting[KEYS_MOST:]
            known.update(asked)
            rows, complete = _rows(asked)
            whole = whole and complete
            fresh = [one for one in rows if one.id not in found and seen(one, families)]
            found.update((one.id, one) for one in fresh)
            led = [*elsewhere(asked), *(key for one in fresh for key in keys_of(facts_of(one)))]
            waiting = [one for one in dict.fromkeys([*left, *led]) if one not in known]
            waiting.sort(key=lambda one: one.kind in MANY)  # of which there may be hundreds: last
            if not waiting:
                break
    entries = sorted(found.values(), key=lambda one: (one.happened_at, one.recorded_at, one.id))
    return Story(tuple(entries), whole and not waiting)


def facts_of(entry: Entry) -> Facts:
    return Facts(
        entry.object_kind, entry.object_id, entry.correlation_id, entry.request_id, body_of(entry)
    )


def followed_read(
    strategies: Collection[str], since: dt.datetime, *, families: frozenset[str] | None = None
) -> list[Entry]:
    """The first orders and fills of ``strategies`` recorded after ``since``, in that order."""
    if not strategies:
        return []
    rows = Entry.objects.filter(recorded_at__gt=since, object_kind__in=MANY)
    branches = [
        rows.filter(Q(on_behalf_of=one) & ~Q(on_behalf_of="")) for one in sorted(strategies)
    ]
    with bounded():
        gathered = _gathered([_Ask(one, FOLLOWED_MOST) for one in branches])
    found = [one for rows in gathered for one in rows]
    found.sort(key=lambda one: (one.recorded_at, one.happened_at, one.id))
    return [one for one in found if seen(one, families)][:FOLLOWED_MOST]


def strategies_resumed(story: Story) -> dict[str, dt.datetime]:
    """Strategies that the story brought back, and when that was recorded last."""
    found: dict[str, dt.datetime] = {}
    for one in story.entries:
        if one.outcome != "done":
            continue
        for key in _resumed(one):
            found[key] = max(one.recorded_at, found.get(key, one.recorded_at))
    return found


def _resumed(entry: Entry) -> list[str]:
    if entry.action == "stage.enter":
        return [entry.object_id]
    if entry.action != "hold.lift":
        return []
    said = body_of(entry)
    rungs = (said.get("after") or {}).get("rungs") or {}
    kind, _, key = str((said.get("before") or {}).get("scope", "")).partition(":")
    return [*rungs, *([key] if kind == "strategy" else [])]


@dataclass(frozen=True, slots=True)
class _Ask:
    """The oldest ``most`` of ``rows``; ``all_or_none``: nothing where there are more."""

    rows: QuerySet[Entry]
    most: int
    all_or_none: bool = False


def _rows(keys: Sequence[Key]) -> tuple[list[Entry], bool]:
    """What stands under ``keys``, and whether that is all of it."""
    asks = [one for key in keys for one in _asks(key)]
    kept: dict[uuid.UUID, Entry] = {}
    complete = True
    for ask, rows in zip(asks, _gathered(asks), strict=True):
        more = len(rows) > ask.most
        if more and ask.all_or_none:
            continue
        complete = complete and not more
        kept.update((one.id, one) for one in rows[: ask.most])
    return list(kept.values()), complete


def _asks(key: Key) -> list[_Ask]:
    if key.kind == REQUEST:
        rows = Entry.objects.filter(Q(request_id=key.id) & ~Q(request_id=""))
        return [_Ask(rows, REQUEST_MOST, all_or_none=True)]
    if key.kind == CORRELATION:
        rows = Entry.objects.filter(Q(correlation_id=key.id) & ~Q(correlation_id=""))
        many = rows.filter(object_kind__in=MANY)
        return [_Ask(rows.exclude(object_kind__in=MANY), ENTRIES_MOST), _Ask(many, MANY_MOST)]
    return [_Ask(Entry.objects.filter(object_kind=key.kind, object_id=key.id), ENTRIES_MOST)]


def _gathered(asks: Sequence[_Ask]) -> list[list[Entry]]:
    """For each the oldest ``most`` and one more, in one statement."""
    found: list[list[Entry]] = [[] for _ in asks]
    queries = [
        ask.rows.annotate(ask=Value(number)).order_by("recorded_at", "id")[: ask.most + 1]
        for number, ask in enumerate(asks)
    ]
    if not queries:
        return found
    rows = queries[0] if len(queries) == 1 else queries[0].union(*queries[1:], all=True)
    for row in rows:
        found[row.ask].append(row)
    return found
